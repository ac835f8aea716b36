/**
 * What a process without a page shows of itself: `/metrics`, `/healthz`, `/readyz` and `/status`, never the content of a log. Plain node:http, because
 * a web framework would take a quarter of a shipper's memory.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';

export interface HealthParts {
  /** Null: all interfaces. */
  host: string | null;
  port: number;
  metricsText: () => string;
  status: () => unknown;
  /** Why it should be started anew, or null. */
  notAliveBecause: () => string | null;
  /** Why it cannot do its work at the moment, or null. */
  notReadyBecause: () => string | null;
}

/** A client that sends its request slower than this is let go. */
const requestMsMax = 10_000;
const connectionsMax = 64;

export class HealthServer {
  /** As this machine reaches it. */
  readonly url: string;
  private readonly server: Server;

  private constructor(server: Server, host: string | null) {
    this.server = server;
    const { port } = server.address() as AddressInfo;
    const named = host === null || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
    this.url = `http://${named.includes(':') ? `[${named}]` : named}:${port}`;
  }

  /** @throws LeadlineError PORT_IN_USE, LISTEN_FAILED */
  static listen(parts: HealthParts): Promise<HealthServer> {
    const server = createServer({ requestTimeout: requestMsMax, keepAliveTimeout: requestMsMax }, (request, response) => {
      const path = (request.url ?? '/').split('?')[0]!;
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      if (!isRead || !answer(parts, path, response)) sendJson(response, 404, { code: 'NOT_FOUND', message: new LeadlineError('NOT_FOUND', { what: `${request.method ?? ''} ${path}` }).message });
    });
    server.maxConnections = connectionsMax;
    return new Promise((resolve, reject) => {
      server.once('error', error => {
        const systemCode = systemCodeOf(error) ?? error.message;
        reject(new LeadlineError(systemCode === 'EADDRINUSE' ? 'PORT_IN_USE' : 'LISTEN_FAILED', { host: parts.host ?? 'all interfaces', port: parts.port, systemCode }, { cause: error }));
      });
      const listening = (): void => resolve(new HealthServer(server, parts.host));
      if (parts.host === null) server.listen(parts.port, listening);
      else server.listen(parts.port, parts.host, listening);
    });
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }
}

/** @returns whether there is such a path */
function answer(parts: HealthParts, path: string, response: ServerResponse): boolean {
  switch (path) {
    case '/metrics':
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(parts.metricsText());
      return true;
    case '/healthz':
      sendState(response, 'ok', 'not alive', parts.notAliveBecause());
      return true;
    case '/readyz':
      sendState(response, 'ready', 'not ready', parts.notReadyBecause());
      return true;
    case '/status':
      sendJson(response, 200, parts.status());
      return true;
    default:
      return false;
  }
}

function sendState(response: ServerResponse, good: string, bad: string, reason: string | null): void {
  if (reason === null) sendJson(response, 200, { status: good });
  else sendJson(response, 503, { status: bad, reason });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}
