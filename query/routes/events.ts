import { ErrorSchema, EventsAnswerSchema, SearchQuerySchema } from '#schemas/http-api.ts';
import type { SearchParameters } from '../queries.ts';
import { abortWithClient, sendJson, type Server, type ServerParts } from '../server.ts';

const streamPageEvents = 1000;

export function eventRoutes(server: Server, { pool }: ServerParts): void {
  server.get('/api/v1/events', {
    schema: {
      summary: 'Events that match the query, newest first',
      description: 'With "Accept: application/x-ndjson" one event per line, without a limit, until the client closes.',
      querystring: SearchQuerySchema,
      response: { 200: EventsAnswerSchema, 400: ErrorSchema },
    },
    handler: async (request, reply) => {
      const signal = abortWithClient(request, reply);
      if (!(request.headers.accept ?? '').includes('application/x-ndjson')) return sendJson(reply, await pool.json('events', [request.query], signal));
      // The first page is read before the status is sent, so that a mistake in the query still gets its 400.
      const first = await pool.value('events', [{ ...request.query, limit: streamPageEvents }], signal);
      reply.hijack();
      reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' });
      for await (const page of pages(first, request.query, signal)) {
        if (!reply.raw.write(page.map(event => `${JSON.stringify(event)}\n`).join(''))) await drained(reply.raw, signal);
      }
      reply.raw.end();
      return reply;
    },
  });

  type Page = Awaited<ReturnType<typeof pool.value<'events'>>>;
  async function* pages(first: Page, query: SearchParameters, signal: AbortSignal): AsyncGenerator<Page['events']> {
    let page = first;
    for (;;) {
      yield page.events;
      if (page.cursor === null || signal.aborted) return;
      page = await pool.value('events', [{ ...query, limit: streamPageEvents, cursor: page.cursor }], signal);
    }
  }
}

/** Resolves when the client has taken what was written, or is gone. */
export function drained(response: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      response.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    response.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
