/** The HTTP server: API, page, health. It holds no data and does no long work; reader threads and the collector's thread do. */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import Fastify, { type FastifyBaseLogger, type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import fastifySwagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Log } from '#lib/log.ts';
import type { Metrics } from '#lib/metrics.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import type { AlertBody, ErrorBody, StreamsAnswer } from '#schemas/http-api.ts';
import type { Options } from '#schemas/options.ts';
import type { metrics } from '#schemas/telemetry.ts';
import type { ReaderPool } from './store/reader-pool.ts';
import { alertRoutes } from './routes/alerts.ts';
import { eventRoutes } from './routes/events.ts';
import { healthRoutes } from './routes/health.ts';
import { pageRoutes } from './routes/page.ts';
import { requestRoutes } from './routes/requests.ts';
import { streamRoutes } from './routes/streams.ts';
import { tailRoutes } from './routes/tail.ts';
import { timelineRoutes } from './routes/timelines.ts';

export interface ServerParts {
  options: Options;
  log: Log;
  version: string;
  pool: ReaderPool;
  metrics: Metrics<typeof metrics>;
  alerts: { list(): AlertBody[]; get(episodeId: string): AlertBody | null };
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

export type Server = FastifyInstance<HttpServer, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>;

export async function buildServer(parts: ServerParts): Promise<Server> {
  const server = Fastify({
    logger: false,
    bodyLimit: parts.options.intakeBytesMax,
    routerOptions: { maxParamLength: 1000 },
    ajv: { customOptions: { removeAdditional: false, allErrors: true, coerceTypes: true } },
    forceCloseConnections: true,
  }).withTypeProvider<TypeBoxTypeProvider>();
  await server.register(fastifySwagger, {
    openapi: { openapi: '3.1.0', info: { title: 'Leadline', version: parts.version, description: 'Logs in, the story of one request out.' } },
  });
  // Answers are JSON bytes made in a reader thread, or small; compiling a serializer for each would only take memory.
  server.setSerializerCompiler(() => data => JSON.stringify(data));
  server.addHook('onRequest', (request, _reply, done) => {
    try {
      guard(request, parts.options);
      done();
    } catch (error) {
      done(error as Error);
    }
  });
  server.addHook('onSend', (_request, reply, _payload, done) => {
    void reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer').header('content-security-policy', "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'");
    done();
  });
  server.addHook('onResponse', (request, reply, done) => {
    parts.metrics.count('leadline_http_requests_total', 1, { route: request.routeOptions.url ?? 'unknown', status: String(reply.statusCode) });
    done();
  });
  server.setErrorHandler((error, request, reply) => answerError(error, request, reply, parts.log));
  server.setNotFoundHandler((request, reply) => answerError(new LeadlineError('NOT_FOUND', { what: request.url.split('?')[0] ?? '' }), request, reply, parts.log));

  timelineRoutes(server, parts);
  requestRoutes(server, parts);
  eventRoutes(server, parts);
  tailRoutes(server, parts);
  alertRoutes(server, parts);
  streamRoutes(server, parts);
  healthRoutes(server, parts);
  pageRoutes(server);
  parts.addRoutes?.(server);
  return server;
}

/** @returns the address people can open. @throws LeadlineError KEY_NEEDED_TO_LISTEN, PORT_IN_USE, LISTEN_FAILED. */
export async function listen(server: Server, options: Options): Promise<string> {
  const { host, port } = options;
  if (!isLoopback(host) && options.apiKey === null) throw new LeadlineError('KEY_NEEDED_TO_LISTEN', { host });
  try {
    await server.listen({ host, port });
  } catch (error) {
    const systemCode = systemCodeOf(error);
    if (systemCode === 'EADDRINUSE') throw new LeadlineError('PORT_IN_USE', { host, port }, { cause: error });
    throw new LeadlineError('LISTEN_FAILED', { host, port, systemCode: systemCode ?? String(error) }, { cause: error });
  }
  const address = server.server.address();
  const listening = typeof address === 'object' && address !== null ? address.port : port;
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${listening}`;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

const openPaths = new Set(['/healthz', '/readyz']);

/**
 * Without a key only this machine may ask, and only under its own name: a page from elsewhere in the same browser can reach 127.0.0.1, directly or by
 * a name that resolves to it, so Host and Origin are looked at. With a key, the key decides.
 */
function guard(request: FastifyRequest, options: Options): void {
  if (openPaths.has(request.url)) return;
  if (options.apiKey !== null) {
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!sameText(given, options.apiKey)) throw new LeadlineError('KEY_REQUIRED');
    return;
  }
  const hostName = (request.headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  if (!isLoopback(hostName)) throw new LeadlineError('ORIGIN_REFUSED', { header: 'Host', value: request.headers.host ?? '(none)' });
  const { origin } = request.headers;
  if (origin !== undefined && origin !== `http://${request.headers.host ?? ''}`) throw new LeadlineError('ORIGIN_REFUSED', { header: 'Origin', value: origin });
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  if (error instanceof LeadlineError) return reply.code(error.httpStatus).send({ code: error.code, message: error.message, ...(error.code === 'BAD_QUERY' ? { errors: [{ field: 'query', code: 'SYNTAX', message: error.message, ...positionOf(error) }] } : {}) });
  const { validation, statusCode, message } = error as FastifyError;
  if (validation !== undefined) {
    const errors = validation.map(problem => {
      const extra = problem.keyword === 'additionalProperties' ? ` (${nameOf(problem.params['additionalProperty'])})` : '';
      return { field: problem.instancePath.replace(/^\//, '') || nameOf(problem.params['missingProperty']) || nameOf(problem.params['additionalProperty']), code: problem.keyword, message: `${problem.message ?? 'is wrong'}${extra}` };
    });
    return reply.code(400).send({ code: 'BAD_REQUEST', message: errors.map(({ field, message: text }) => `${field} ${text}`.trim()).join('; '), errors } satisfies ErrorBody);
  }
  if (statusCode !== undefined && statusCode < 500) return reply.code(statusCode).send({ code: 'BAD_REQUEST', message } satisfies ErrorBody);
  log.error({ event: 'requestFailed', route: request.routeOptions.url, err: error }, 'a request failed');
  return reply.code(500).send({ code: 'INTERNAL', message: 'Something went wrong inside Leadline; its log says what.' } satisfies ErrorBody);
}

function nameOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function positionOf(error: LeadlineError): { column?: number; length?: number } {
  const { column, length } = error.details;
  return { ...(typeof column === 'number' ? { column } : {}), ...(typeof length === 'number' ? { length } : {}) };
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
