/** What `collect` serves: the HTTP intake, and health and metrics, which hold nothing of a log and need no key. */
import type { FastifyRequest } from 'fastify';
import { httpIntakeRoutes } from '../collector/http-intake.ts';
import { isLoopback, letIn, listenOn, newHttpServer, type Server } from '../query/http-server.ts';
import type { Log } from '#lib/log.ts';
import { Metrics } from '#lib/metrics.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import { collectorMetrics } from '#schemas/telemetry.ts';
import type { Transport } from '#schemas/transport.ts';
import type { CollectorReport } from './collector-work.ts';
import { setCollectorMetrics } from './collector-metrics.ts';

export interface CollectServerParts {
  options: Options;
  /** Null: all interfaces. */
  host: string | null;
  port: number;
  log: Log;
  transport: Transport;
  report: () => Promise<CollectorReport>;
}

const openPaths = new Set(['/healthz', '/readyz', '/metrics', '/status']);
/** The collector's thread may be storing a large batch on a slow disk; one that has not answered for this long hangs. */
const answerMsMax = 60_000;

export class CollectServer {
  readonly url: string;
  /** Without a key only an intake that nobody else can reach is open. */
  readonly hasIntake: boolean;
  private readonly server: Server;

  private constructor(server: Server, url: string, hasIntake: boolean) {
    this.server = server;
    this.url = url;
    this.hasIntake = hasIntake;
  }

  /** @throws LeadlineError PORT_IN_USE, LISTEN_FAILED */
  static async listen(parts: CollectServerParts): Promise<CollectServer> {
    const { options, host, port, log } = parts;
    const hasIntake = options.apiKey !== null || (host !== null && isLoopback(host));
    const metrics = new Metrics(collectorMetrics);
    const guard = (request: FastifyRequest): void => {
      if (openPaths.has(request.url)) return;
      if (!hasIntake) throw new LeadlineError('KEY_REQUIRED');
      letIn(request, options);
    };
    const server = newHttpServer({ options, log, guard, onAnswered: (route, status) => metrics.count('leadline_http_requests_total', 1, { route, status: String(status) }) });
    healthRoutes(server, metrics, parts.report);
    httpIntakeRoutes(server, parts.transport);
    return new CollectServer(server, await listenOnAny(server, host, port), hasIntake);
  }

  close(): Promise<void> {
    return this.server.close();
  }
}

/** Why it should get no traffic, or null. */
export function notReadyBecause({ stalledBecause, kafka }: CollectorReport): string | null {
  return stalledBecause ?? kafka?.troubledBy ?? null;
}

function healthRoutes(server: Server, metrics: Metrics<typeof collectorMetrics>, report: () => Promise<CollectorReport>): void {
  let askedMs: number | null = null;
  server.get('/healthz', (_request, reply) => {
    const nowMs = performance.now();
    if (askedMs !== null && nowMs - askedMs > answerMsMax) return reply.code(503).send({ status: 'not alive', reason: `the collector's thread has not answered for ${Math.round((nowMs - askedMs) / 1000)} s` });
    if (askedMs === null) {
      askedMs = nowMs;
      void report().then(() => {
        askedMs = null;
      });
    }
    return reply.send({ status: 'ok' });
  });
  server.get('/readyz', async (_request, reply) => {
    const reason = notReadyBecause(await report());
    return reason === null ? reply.send({ status: 'ready' }) : reply.code(503).send({ status: 'not ready', reason });
  });
  server.get('/metrics', async (_request, reply) => {
    setCollectorMetrics(metrics, await report());
    return reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8').send(metrics.text());
  });
  server.get('/status', async (_request, reply) => reply.send({ kind: 'collector', ...(await report()) }));
}

async function listenOnAny(server: Server, host: string | null, port: number): Promise<string> {
  if (host !== null) return listenOn(server, { host, port });
  try {
    return await listenOn(server, { host: '::', port });
  } catch (error) {
    // A kernel without IPv6.
    if (!(error instanceof LeadlineError) || !['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(String(error.details['systemCode']))) throw error;
    return listenOn(server, { host: '0.0.0.0', port });
  }
}
