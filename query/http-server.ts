/** What every HTTP server of ours does: lets in who may come in, answers mistakes in one form, and listens. Routes come from whoever uses it. */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import Fastify, { type FastifyBaseLogger, type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Log } from '#lib/log.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import type { ErrorBody } from '#schemas/http-api.ts';
import type { Options } from '#schemas/options.ts';

export type Server = FastifyInstance<HttpServer, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>;

export interface HttpServerParts {
  options: Pick<Options, 'apiKey' | 'intakeBytesMax'>;
  log: Log;
  /** @throws LeadlineError for a request that may not come in */
  guard: (request: FastifyRequest) => void;
  onAnswered: (route: string, status: number) => void;
}

export function newHttpServer({ options, log, guard, onAnswered }: HttpServerParts): Server {
  const server = Fastify({
    logger: false,
    bodyLimit: options.intakeBytesMax,
    routerOptions: { maxParamLength: 1000 },
    ajv: { customOptions: { removeAdditional: false, allErrors: true, coerceTypes: true } },
    forceCloseConnections: true,
  }).withTypeProvider<TypeBoxTypeProvider>();
  server.addHook('onRequest', (request, _reply, done) => {
    try {
      guard(request);
      done();
    } catch (error) {
      done(error as Error);
    }
  });
  server.addHook('onResponse', (request, reply, done) => {
    onAnswered(request.routeOptions.url ?? 'unknown', reply.statusCode);
    done();
  });
  server.setErrorHandler((error, request, reply) => answerError(error, request, reply, log));
  server.setNotFoundHandler((request, reply) => answerError(new LeadlineError('NOT_FOUND', { what: request.url.split('?')[0] ?? '' }), request, reply, log));
  return server;
}

/** @returns the address people can open. @throws LeadlineError PORT_IN_USE, LISTEN_FAILED. */
export async function listenOn(server: Server, { host, port }: { host: string; port: number }): Promise<string> {
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

/**
 * Without a key only this machine may ask, and only under its own name: a page from elsewhere in the same browser can reach 127.0.0.1, directly or by
 * a name that resolves to it, so Host and Origin are looked at. With a key, the key decides.
 */
export function letIn(request: FastifyRequest, options: Pick<Options, 'apiKey'>): void {
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
