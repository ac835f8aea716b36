import { ErrorSchema, TailQuerySchema } from '#schemas/http-api.ts';
import { systemClock } from '#lib/clock.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import { abortWithClient, type Server, type ServerParts } from '../server.ts';
import { drained } from './events.ts';

const pageEvents = 500;
/** Looked at without a word from the writer, as where the store is another process's. */
const pollMs = 500;
/** A comment line that keeps proxies from closing a quiet tail. */
const keepAliveMs = 15_000;

/**
 * Live tail as server-sent events. Each event's id is the store's place behind it, so a client that reconnects with `Last-Event-ID` misses nothing:
 * a slow client falls behind and catches up from the store, and is never skipped.
 */
export function tailRoutes(server: Server, { pool, onCommitted, metrics, log }: ServerParts): void {
  let clients = 0;
  server.get('/api/v1/tail', {
    schema: { summary: 'Events as they are stored, as server-sent events; Last-Event-ID resumes', querystring: TailQuerySchema, response: { 400: ErrorSchema } },
    handler: async (request, reply) => {
      const query = request.query.query ?? '';
      parseQuery(query);
      const signal = abortWithClient(request, reply);
      const lastEventId = request.headers['last-event-id'];
      let { cursor } = await pool.value('tail', [typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : null, query, 1], signal);
      if (typeof lastEventId === 'string' && lastEventId !== '') cursor = lastEventId;
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
      raw.write(`retry: 1000\nid: ${cursor}\n\n`);
      let wake: () => void = () => undefined;
      const stop = onCommitted?.(() => wake());
      metrics.set('leadline_tail_clients', ++clients);
      let lastWriteMs = Date.now();
      try {
        while (!signal.aborted) {
          const woken = new AbortController();
          wake = () => woken.abort();
          const page = await pool.value('tail', [cursor, query, pageEvents], signal);
          cursor = page.cursor;
          if (page.events.length > 0) {
            const text = page.events.map((event, index) => `id: ${page.cursors[index]!}\ndata: ${JSON.stringify(event)}\n\n`).join('');
            lastWriteMs = Date.now();
            if (!raw.write(text)) await drained(raw, signal);
          } else if (Date.now() - lastWriteMs > keepAliveMs) {
            lastWriteMs = Date.now();
            raw.write(`: quiet\nid: ${cursor}\n\n`);
          }
          if (page.atEnd) await systemClock.sleep(pollMs, AbortSignal.any([woken.signal, signal]));
        }
      } catch (error) {
        if (!signal.aborted) log.warn({ event: 'tailFailed', err: error }, 'a live tail ended early');
      } finally {
        stop?.();
        metrics.set('leadline_tail_clients', --clients);
        raw.end();
      }
      return reply;
    },
  });
}
