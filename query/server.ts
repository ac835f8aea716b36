/** The HTTP server: API, page, health. It holds no data and does no long work; reader threads and the collector's thread do. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import fastifySwagger from '@fastify/swagger';
import type { Log } from '#lib/log.ts';
import type { Metrics } from '#lib/metrics.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { AlertBody, DeadLetterBody, DeadLetterContentBody, StreamsAnswer } from '#schemas/http-api.ts';
import type { Options } from '#schemas/options.ts';
import type { metrics } from '#schemas/telemetry.ts';
import { isLoopback, letIn, listenOn, newHttpServer, type Server } from './http-server.ts';
import type { ReaderPool } from './store/reader-pool.ts';
import { alertRoutes } from './routes/alerts.ts';
import { deadLetterRoutes } from './routes/dead-letters.ts';
import { eventRoutes } from './routes/events.ts';
import { exploreRoutes } from './routes/explore.ts';
import { healthRoutes } from './routes/health.ts';
import { pageRoutes } from './routes/page.ts';
import { requestRoutes } from './routes/requests.ts';
import { streamRoutes } from './routes/streams.ts';
import { tailRoutes } from './routes/tail.ts';
import { timelineRoutes } from './routes/timelines.ts';

export interface DeadLetterSource {
  /** In the order in which the records lay. @throws LeadlineError of Kafka */
  list(): Promise<DeadLetterBody[]>;
  /** @throws LeadlineError LETTER_NOT_FOUND and of Kafka */
  get(id: string): Promise<DeadLetterContentBody>;
}

export interface ServerParts {
  options: Options;
  log: Log;
  version: string;
  pool: ReaderPool;
  metrics: Metrics<typeof metrics>;
  alerts: { list(): AlertBody[]; get(episodeId: string): AlertBody | null };
  /** Null without Kafka: then nobody knows. */
  deadLetters: DeadLetterSource | null;
  /** Limits reached since the start, for `/api/v1/streams`. */
  limitsReached: () => Promise<StreamsAnswer['limits']>;
  /** Calls back after every commit; returns how to stop that. Null where the store is only read. */
  onCommitted: ((listener: () => void) => () => void) | null;
  /** Sets the metrics whose values lie elsewhere, right before they are shown. */
  refreshMetrics: () => Promise<void>;
  /** Why the server should get no traffic, or null. */
  notReadyBecause: () => Promise<string | null>;
  /** More routes, as the intake's. */
  addRoutes?: (server: Server) => void;
}

export type { Server };

const openPaths = new Set(['/healthz', '/readyz']);

export async function buildServer(parts: ServerParts): Promise<Server> {
  const server = newHttpServer({
    options: parts.options,
    log: parts.log,
    guard: request => {
      if (!openPaths.has(request.url)) letIn(request, parts.options);
    },
    onAnswered: (route, status) => parts.metrics.count('leadline_http_requests_total', 1, { route, status: String(status) }),
  });
  await server.register(fastifySwagger, {
    openapi: { openapi: '3.1.0', info: { title: 'Leadline', version: parts.version, description: 'Logs in, the story of one request out.' } },
  });
  // Answers are JSON bytes made in a reader thread, or small; compiling a serializer for each would only take memory.
  server.setSerializerCompiler(() => data => JSON.stringify(data));
  server.addHook('onSend', (_request, reply, _payload, done) => {
    void reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer').header('content-security-policy', "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'");
    done();
  });
  timelineRoutes(server, parts);
  requestRoutes(server, parts);
  eventRoutes(server, parts);
  exploreRoutes(server, parts);
  tailRoutes(server, parts);
  alertRoutes(server, parts);
  deadLetterRoutes(server, parts);
  streamRoutes(server, parts);
  healthRoutes(server, parts);
  pageRoutes(server);
  parts.addRoutes?.(server);
  return server;
}

/** @returns the address people can open. @throws LeadlineError KEY_NEEDED_TO_LISTEN, PORT_IN_USE, LISTEN_FAILED. */
export function listen(server: Server, { host, port, apiKey }: Pick<Options, 'host' | 'port' | 'apiKey'>): Promise<string> {
  if (!isLoopback(host) && apiKey === null) throw new LeadlineError('KEY_NEEDED_TO_LISTEN', { host });
  return listenOn(server, { host, port });
}

/** Aborts when the client goes away before the answer is sent. */
export function abortWithClient(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  request.raw.once('close', () => {
    if (!reply.raw.writableEnded) controller.abort(new LeadlineError('CANCELLED'));
  });
  reply.raw.once('close', () => controller.abort(new LeadlineError('CANCELLED')));
  return controller.signal;
}

/** Sends JSON that a reader thread has written already. */
export function sendJson(reply: FastifyReply, json: Buffer): FastifyReply {
  return reply.header('content-type', 'application/json; charset=utf-8').serializer((payload: unknown) => payload as string).send(json);
}
