import { Type } from 'typebox';
import { ContextAnswerSchema, ContextQuerySchema, ErrorSchema, FacetsAnswerSchema, FacetsQuerySchema, HistogramAnswerSchema, HistogramQuerySchema } from '#schemas/http-api.ts';
import { abortWithClient, sendJson, type Server, type ServerParts } from '../server.ts';

export function exploreRoutes(server: Server, { pool }: ServerParts): void {
  server.get('/api/v1/histogram', {
    schema: { summary: 'Events over time, split by level or service where asked', querystring: HistogramQuerySchema, response: { 200: HistogramAnswerSchema, 400: ErrorSchema } },
    handler: async (request, reply) => sendJson(reply, await pool.json('histogram', [request.query], abortWithClient(request, reply))),
  });
  server.get('/api/v1/facets', {
    schema: { summary: 'The values that most events have, per field', querystring: FacetsQuerySchema, response: { 200: FacetsAnswerSchema, 400: ErrorSchema } },
    handler: async (request, reply) => sendJson(reply, await pool.json('facets', [request.query], abortWithClient(request, reply))),
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
