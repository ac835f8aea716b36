import { Type } from 'typebox';
import { ErrorSchema, TimelineQuerySchema, TimelineSchema } from '#schemas/http-api.ts';
import { abortWithClient, sendJson, type Server, type ServerParts } from '../server.ts';

export function timelineRoutes(server: Server, { pool }: ServerParts): void {
  server.get('/api/v1/timelines/:id', {
    schema: {
      summary: "One request's timeline, by any id it is known under, without a time range",
      params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 1000 }) }),
      querystring: TimelineQuerySchema,
      response: { 200: TimelineSchema, 404: ErrorSchema },
    },
    handler: async (request, reply) => sendJson(reply, await pool.json('timeline', [request.params.id, request.query], abortWithClient(request, reply))),
  });
}
