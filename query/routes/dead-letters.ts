import { Type } from 'typebox';
import { LeadlineError } from '#schemas/errors.ts';
import { DeadLetterContentSchema, DeadLettersAnswerSchema, DeadLettersQuerySchema, ErrorSchema } from '#schemas/http-api.ts';
import type { DeadLetterSource, Server, ServerParts } from '../server.ts';

export function deadLetterRoutes(server: Server, { deadLetters }: ServerParts): void {
  const asked = (): DeadLetterSource => {
    if (deadLetters === null) throw new LeadlineError('DEAD_LETTERS_ELSEWHERE');
    return deadLetters;
  };
  server.get('/api/v1/dead-letters', {
    schema: { summary: 'Records that the collector could not take in, with the reason', querystring: DeadLettersQuerySchema, response: { 200: DeadLettersAnswerSchema, 501: ErrorSchema } },
    handler: async ({ query: { all = false, reason, limit = 1000 } }) => {
      const letters = (await asked().list()).filter(letter => (all || letter.state !== 'replayed') && (reason === undefined || letter.reason.toLowerCase().includes(reason.toLowerCase())));
      return { letters: letters.slice(0, limit), truncated: letters.length > limit };
    },
  });
  server.get('/api/v1/dead-letters/:id', {
    schema: { summary: 'One of them, with its headers and its value', params: Type.Object({ id: Type.String() }), response: { 200: DeadLetterContentSchema, 404: ErrorSchema, 501: ErrorSchema } },
    handler: ({ params: { id } }) => asked().get(id),
  });
}
