import { StreamsAnswerSchema } from '#schemas/http-api.ts';
import { abortWithClient, sendJson, type Server, type ServerParts } from '../server.ts';

export function streamRoutes(server: Server, { pool, limitsReached }: ServerParts): void {
  server.get('/api/v1/streams', {
    schema: { summary: 'What is being tailed or was collected, with lag and balance', response: { 200: StreamsAnswerSchema } },
    handler: async (request, reply) => sendJson(reply, await pool.json('streams', [await limitsReached()], abortWithClient(request, reply))),
  });
}
