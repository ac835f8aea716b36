import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { toPlainError } from '#schemas/errors.ts';
import { ContextAnswerSchema, ContextQuerySchema, ErrorSchema, FacetsAnswerSchema, FacetsQuerySchema, HistogramAnswerSchema, HistogramQuerySchema, TemplatesAnswerSchema, TemplatesQuerySchema } from '#schemas/http-api.ts';
import type { ReadProgress } from '#schemas/store.ts';
import { abortWithClient, sendJson, type Server, type ServerParts } from '../server.ts';

export function exploreRoutes(server: Server, { pool }: ServerParts): void {
  server.get('/api/v1/histogram', {
    schema: {
      summary: 'Events over time, split by level or service where asked',
      description: 'With "Accept: application/x-ndjson" lines `{ progress: { count, scanned } }` while it counts, newest events first, and then `{ result }` or `{ error }`.',
      querystring: HistogramQuerySchema,
      response: { 200: HistogramAnswerSchema, 400: ErrorSchema },
    },
    handler: async (request, reply) => {
      const signal = abortWithClient(request, reply);
      if (!(request.headers.accept ?? '').includes('application/x-ndjson')) return sendJson(reply, await pool.json('histogram', [request.query], signal));
      return sendWithProgress(reply, onProgress => pool.json('histogram', [request.query], signal, onProgress));
    },
  });
  server.get('/api/v1/facets', {
    schema: { summary: 'The values that most events have, per field', querystring: FacetsQuerySchema, response: { 200: FacetsAnswerSchema, 400: ErrorSchema } },
    handler: async (request, reply) => sendJson(reply, await pool.json('facets', [request.query], abortWithClient(request, reply))),
  });
  server.get('/api/v1/templates', {
    schema: { summary: 'The templates that most events have, per service, with when each was first and last seen', querystring: TemplatesQuerySchema, response: { 200: TemplatesAnswerSchema, 400: ErrorSchema } },
    handler: async (request, reply) => sendJson(reply, await pool.json('templates', [request.query], abortWithClient(request, reply))),
  });
  server.get('/api/v1/context/:eventId', {
    schema: {
      summary: 'The lines around an event in its own stream',
      params: Type.Object({ eventId: Type.String({ minLength: 1, maxLength: 1000 }) }),
      querystring: ContextQuerySchema,
      response: { 200: ContextAnswerSchema, 404: ErrorSchema },
    },
    handler: async (request, reply) => sendJson(reply, await pool.json('linesAround', [request.params.eventId, request.query], abortWithClient(request, reply))),
  });
}

/** The status is sent with the first line, so that a mistake in the query still gets its 400. */
async function sendWithProgress(reply: FastifyReply, ask: (onProgress: (progress: ReadProgress) => void) => Promise<Buffer>): Promise<FastifyReply> {
  const { raw } = reply;
  const write = (line: string): void => {
    if (!raw.headersSent) {
      reply.hijack();
      raw.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' });
    }
    raw.write(line);
  };
  try {
    const result = await ask(progress => write(`${JSON.stringify({ progress })}\n`));
    write(`{"result":${result.toString()}}\n`);
  } catch (error) {
    if (!raw.headersSent) throw error;
    write(`${JSON.stringify({ error: toPlainError(error) })}\n`);
  }
  raw.end();
  return reply;
}
