import { Type } from 'typebox';
import { LeadlineError } from '#schemas/errors.ts';
import { AlertSchema, AlertsAnswerSchema, ErrorSchema } from '#schemas/http-api.ts';
import type { Server, ServerParts } from '../server.ts';

export function alertRoutes(server: Server, { alerts }: ServerParts): void {
  server.get('/api/v1/alerts', {
    schema: { summary: 'Alert episodes, newest first', response: { 200: AlertsAnswerSchema } },
    handler: () => ({ alerts: alerts.list() }),
  });
  server.get('/api/v1/alerts/:id', {
    schema: { summary: 'One alert episode', params: Type.Object({ id: Type.String() }), response: { 200: AlertSchema, 404: ErrorSchema } },
    handler: request => {
      const alert = alerts.get(request.params.id);
      if (alert === null) throw new LeadlineError('ALERT_NOT_FOUND', { id: request.params.id });
      return alert;
    },
  });
}
