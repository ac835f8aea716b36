import { ErrorSchema, RequestsAnswerSchema, RequestsQuerySchema } from '#schemas/http-api.ts';
import { abortWithClient, sendJson, type Server, type ServerParts } from '../server.ts';

export function requestRoutes(server: Server, { pool }: ServerParts): void {
  server.get('/api/v1/requests', {
    schema: { summary: 'Requests that have a line matching the query, newest first', querystring: RequestsQuerySchema, response: { 200: RequestsAnswerSchema, 400: ErrorSchema } },
    handler: async (request, reply) => sendJson(reply, await pool.json('requests', [request.query], abortWithClient(request, reply))),
  });
}
