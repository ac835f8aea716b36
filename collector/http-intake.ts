/**
 * The intake over HTTP: `POST /v1/chunks` with a chunk's headers as HTTP headers and its bytes as the body, `POST /v1/streams` for stream states and
 * `GET /v1/streams` to read them back. The same chunk encoding as in a Kafka record.
 */
import { v4 as uuid } from 'uuid';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { chunkHeaderTable, chunkOf, type ChunkHeaders, type ChunkHeaderName } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { collectorHeader, type Acknowledgement, type StreamState, type Transport } from '#schemas/transport.ts';

/** How long an answer waits for its chunk's bytes to become durable; an open event may hold them back for longer than that. */
const acknowledgeMsMax = 1000;

// Fastify's server type depends on its type provider, which this does not use.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnyServer = FastifyInstance<any, any, any, any, any>;

export function httpIntakeRoutes(server: AnyServer, transport: Transport): void {
  server.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const marks = new AcknowledgedMarks();
  const collector = uuid();
  transport.onAcknowledged = acknowledgements => marks.add(acknowledgements);

  server.post('/v1/chunks', {
    schema: { summary: 'A chunk: its headers as HTTP headers (names without change), its bytes as the body. Answers with what of its stream is durable.' },
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const expected = request.headers[collectorHeader];
      // What the one before had answered and not stored went with it, and has to come before this.
      if (expected !== undefined && expected !== collector) throw new LeadlineError('COLLECTOR_RESTARTED');
      const headers: ChunkHeaders = {};
      for (const name of Object.keys(chunkHeaderTable) as ChunkHeaderName[]) {
        const value = request.headers[name];
        if (typeof value === 'string') headers[name] = decodeHeader(value);
      }
      const chunk = chunkOf(headers, Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
      const { streamId, end, kind } = chunk;
      if (kind === 'close') marks.reopen(streamId);
      const heard = marks.heard(streamId);
      await transport.publish(chunk);
      // After lines an event may stay open for long, so any news will do; an idle or closing record leaves nothing open.
      return reply.code(202).send({ collector, acknowledgements: [await marks.reached(streamId, end, kind === 'close', kind === 'lines' && end > chunk.offset ? heard : null)] });
    },
  });
  server.post('/v1/streams', {
    schema: { summary: 'Stream states; answered when they are durable' },
    handler: async (request: FastifyRequest) => {
      await transport.publishStates((request.body as { states: StreamState[] }).states);
      return {};
    },
  });
  server.post('/v1/streams/known', {
    schema: { summary: 'The states of all streams of these sources' },
    handler: async (request: FastifyRequest) => ({ states: await transport.loadStates((request.body as { sources: string[] }).sources) }),
  });
}

/** HTTP headers are latin-1: other characters, and the percent sign, come percent-encoded. */
function decodeHeader(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** What was acknowledged per stream, and who waits for more. */
class AcknowledgedMarks {
  private readonly marks = new Map<string, Acknowledgement & { heard: number }>();
  private readonly waiting = new Map<string, Set<() => void>>();

  add(acknowledgements: readonly Acknowledgement[]): void {
    for (const acknowledgement of acknowledgements) {
      const { streamId } = acknowledgement;
      const heard = this.heard(streamId) + 1;
      this.marks.delete(streamId);
      this.marks.set(streamId, { ...acknowledgement, heard });
      for (const wake of this.waiting.get(streamId) ?? []) wake();
    }
    // The oldest marks serve nobody any more: a stream that comes back is acknowledged anew.
    for (const streamId of this.marks.keys()) {
      if (this.marks.size <= 100_000) break;
      this.marks.delete(streamId);
    }
  }

  reopen(streamId: string): void {
    const mark = this.marks.get(streamId);
    if (mark !== undefined) this.marks.set(streamId, { ...mark, closed: false });
  }

  /** How often the stream was acknowledged so far. */
  heard(streamId: string): number {
    return this.marks.get(streamId)?.heard ?? 0;
  }

  /** The stream's mark as soon as it reaches `end` (and is closed, if asked for) or was heard of more than `heard` times, or as it is after a while. */
  async reached(streamId: string, end: number, closed: boolean, heard: number | null): Promise<Acknowledgement> {
    const mark = (): Acknowledgement => this.marks.get(streamId) ?? { streamId, from: 0, to: 0, closed: false };
    const deadlineMs = Date.now() + acknowledgeMsMax;
    while ((mark().to < end || (closed && !mark().closed)) && (heard === null || this.heard(streamId) <= heard) && Date.now() < deadlineMs) {
      await new Promise<void>(resolve => {
        const wakers = this.waiting.get(streamId) ?? new Set();
        this.waiting.set(streamId, wakers);
        const wake = (): void => {
          clearTimeout(timer);
          wakers.delete(wake);
          if (wakers.size === 0) this.waiting.delete(streamId);
          resolve();
        };
        const timer = setTimeout(wake, deadlineMs - Date.now());
        wakers.add(wake);
      });
    }
    const { from, to, closed: isClosed } = mark();
    return { streamId, from, to, closed: isClosed };
  }
}
