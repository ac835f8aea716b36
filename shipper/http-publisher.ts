/** The transport over HTTP: each chunk one POST, one at a time per source, tried again for as long as it takes. */
import { systemClock, type Clock } from '#lib/clock.ts';
import { chunkHeaders, type Chunk } from '#schemas/chunk.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import type { Acknowledgement, StreamState, Transport } from '#schemas/transport.ts';

const retryMsMin = 100;
const retryMsMax = 5000;
const askIntervalMs = 500;
const noBytes = new Uint8Array(0);

export interface HttpPublisherOptions {
  /** The collector's address. */
  url: string;
  apiKey: string | null;
  clock?: Clock;
  /** Said once per outage. */
  onUnreachable?: (error: LeadlineError) => void;
}

export class HttpPublisher implements Transport {
  readonly troubledBy = null;
  onAcknowledged: (acknowledgements: readonly Acknowledgement[]) => void = () => undefined;
  private readonly url: string;
  private readonly apiKey: string | null;
  private readonly clock: Clock;
  private readonly onUnreachable: (error: LeadlineError) => void;
  private readonly sources = new Map<string, Promise<void>>();
  /** Streams whose published end is not acknowledged, with a chunk that says where they stand. */
  private readonly open = new Map<string, { end: number; closing: boolean; chunk: Chunk }>();
  private closed = false;

  constructor({ url, apiKey, clock = systemClock, onUnreachable = () => undefined }: HttpPublisherOptions) {
    this.url = url.replace(/\/$/, '');
    this.apiKey = apiKey;
    this.clock = clock;
    this.onUnreachable = onUnreachable;
  }

  async loadStates(sources: readonly string[]): Promise<StreamState[]> {
    return (await this.post<{ states: StreamState[] }>('/v1/streams/known', {}, JSON.stringify({ sources }), 'application/json')).states;
  }

  partitionOf(): null {
    return null;
  }

  async publishStates(states: readonly StreamState[]): Promise<void> {
    await this.post('/v1/streams', {}, JSON.stringify({ states }), 'application/json');
  }

  publish(chunk: Chunk): Promise<void> {
    const known = this.open.get(chunk.streamId);
    const now = { end: Math.max(chunk.end, known?.end ?? 0), closing: chunk.kind === 'close', chunk: { ...chunk, value: noBytes } };
    this.open.set(chunk.streamId, now);
    const before = this.sources.get(chunk.source) ?? Promise.resolve();
    const sent = before
      .catch(() => undefined)
      .then(() => this.send(chunk))
      .catch((error: unknown) => {
        // A refused chunk is never acknowledged: nobody shall wait for it.
        if (this.open.get(chunk.streamId) === now) {
          if (known === undefined) this.open.delete(chunk.streamId);
          else this.open.set(chunk.streamId, known);
        }
        throw error;
      });
    this.sources.set(chunk.source, sent);
    return sent.finally(() => {
      if (this.sources.get(chunk.source) === sent) this.sources.delete(chunk.source);
    });
  }

  async drain(timeoutMs: number): Promise<boolean> {
    const deadlineMs = this.clock.nowMs() + timeoutMs;
    let askMs = this.clock.nowMs() + askIntervalMs;
    while (this.open.size > 0 && this.clock.nowMs() < deadlineMs) {
      await this.clock.sleep(20);
      if (this.clock.nowMs() < askMs) continue;
      askMs = this.clock.nowMs() + askIntervalMs;
      // Only an answer carries acknowledgements, so what was stored since the last one has to be asked for.
      await Promise.race([Promise.all([...this.open.values()].map(open => this.ask(open))), this.clock.sleep(Math.max(0, deadlineMs - this.clock.nowMs()))]);
    }
    return this.open.size === 0;
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  /** Lines of no bytes change nothing and are answered with the stream's mark; a closing record can be sent again. */
  private async ask({ end, closing, chunk }: { end: number; closing: boolean; chunk: Chunk }): Promise<void> {
    const question: Chunk = closing ? chunk : { ...chunk, kind: 'lines', offset: end, end, codec: 'none', lengths: null, part: null, gap: null };
    const before = this.sources.get(chunk.source) ?? Promise.resolve();
    await before.then(() => this.send(question)).catch(() => undefined);
  }

  private async send(chunk: Chunk): Promise<void> {
    const headers = Object.fromEntries(Object.entries(chunkHeaders(chunk)).map(([name, value]) => [name, encodeHeader(value)]));
    const { acknowledgements } = await this.post<{ acknowledgements: Acknowledgement[] }>('/v1/chunks', headers, chunk.value, 'application/octet-stream');
    for (const { streamId, to, closed } of acknowledgements) {
      const open = this.open.get(streamId);
      if (open !== undefined && to >= open.end && (closed || !open.closing)) this.open.delete(streamId);
    }
    this.onAcknowledged(acknowledgements);
  }

  /** @throws LeadlineError for what no retry can mend: an answer of 4xx other than 408 and 429. */
  private async post<T>(path: string, headers: Record<string, string>, body: string | Uint8Array, contentType: string): Promise<T> {
    let unreachable = false;
    for (let pauseMs = retryMsMin; ; pauseMs = Math.min(retryMsMax, pauseMs * 2)) {
      let problem: LeadlineError;
      try {
        const response = await fetch(this.url + path, {
          method: 'POST',
          headers: { ...headers, 'content-type': contentType, ...(this.apiKey === null ? {} : { authorization: `Bearer ${this.apiKey}` }) },
          body: body as BodyInit,
        });
        const text = await response.text();
        if (response.ok) return JSON.parse(text) as T;
        if (response.status === 400) throwBadChunk(text);
        problem = new LeadlineError('SERVER_REFUSED', { url: this.url + path, status: response.status, message: text });
        if (response.status < 500 && response.status !== 408 && response.status !== 429) throw problem;
      } catch (error) {
        if (error instanceof LeadlineError) throw error;
        problem = new LeadlineError('SERVER_UNREACHABLE', { url: this.url, systemCode: systemCodeOf((error as Error).cause) ?? (error as Error).message }, { cause: error });
      }
      if (this.closed) throw problem;
      if (!unreachable) this.onUnreachable(problem);
      unreachable = true;
      // Jitter, so that many shippers do not come back in step.
      await this.clock.sleep(pauseMs * (0.5 + Math.random()));
    }
  }
}

/** The collector's word on a chunk, under its own code. @throws LeadlineError BAD_CHUNK. */
function throwBadChunk(answer: string): void {
  let body: { code?: unknown; message?: unknown };
  try {
    body = JSON.parse(answer) as typeof body;
  } catch {
    return;
  }
  if (body.code === 'BAD_CHUNK' && typeof body.message === 'string') throw new LeadlineError('BAD_CHUNK', { problem: body.message.replace(/^chunk refused: /, '') });
}

/** HTTP headers are latin-1: other characters, and the percent sign, travel percent-encoded. */
function encodeHeader(value: string): string {
  return value.replace(/[^\x20-\x24\x26-\x7e]/gu, character => encodeURIComponent(character));
}
