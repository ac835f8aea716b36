import { Type } from 'typebox';
import type { Server, ServerParts } from '../server.ts';

const StateSchema = Type.Object({ status: Type.String(), reason: Type.Optional(Type.String()) });

export function healthRoutes(server: Server, { metrics, refreshMetrics, notReadyBecause }: ServerParts): void {
  server.get('/healthz', { schema: { summary: 'The process is alive', response: { 200: StateSchema } }, handler: () => ({ status: 'ok' }) });
  server.get('/readyz', {
    schema: { summary: 'Lines can be stored and read', response: { 200: StateSchema, 503: StateSchema } },
    handler: async (_request, reply) => {
      const reason = await notReadyBecause();
      return reason === null ? reply.send({ status: 'ready' }) : reply.code(503).send({ status: 'not ready', reason });
    },
  });
  server.get('/metrics', {
    schema: { summary: "Prometheus' text format" },
    handler: async (_request, reply) => {
      await refreshMetrics();
      return reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8').send(metrics.text());
    },
  });
  server.get('/openapi.json', { schema: { hide: true }, handler: () => server.swagger() });
}
