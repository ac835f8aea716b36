/**
 * The transport over HTTP: each chunk one POST to a collector's intake, one at a time per source, tried again for as long as it takes. Only answers
 * carry acknowledgements, so a stream whose last bytes were stored after their answer asks again.
 */
import { systemClock, type Clock } from '#lib/clock.ts';
import { quietLog, type Log } from '#lib/log.ts';
import { chunkHeaders, type Chunk } from '#schemas/chunk.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import { collectorHeader, type Acknowledgement, type StreamState, type Transport } from '#schemas/transport.ts';
import { AnsweredChunks } from './answered-chunks.ts';
import { HttpPost } from './http-post.ts';
import { splitChunk } from './split-chunk.ts';

const retryMsMin = 100;
const retryMsMax = 5000;
/** A collector that takes longer for one chunk has stopped, or its disk is full; the chunk is sent again. */
const answerMsMax = 30_000;
/** Requests under way at once, each of another source. */
const requestsMax = 8;
/** Bytes handed over and not yet answered, beyond which `publish` waits. */
const windowBytesMax = 4 * 1024 * 1024;
/** Pauses between two questions of a stream, doubling; while draining the first. */
const askMsMin = 500;
const askMsMax = 5000;
/** Questions of one look: ten thousand streams must not ask at once. */
const asksMax = 32;
const askLookMs = 250;
/** States and sources in one request. */
const statesMax = 500;
const noBytes = new Uint8Array(0);

export interface HttpPublisherOptions {
  /** The collector's address. */
  url: string;
  apiKey: string | null;
  log?: Log;
  clock?: Clock;
  /** False where a refusal (a wrong key, another server) shall end the work instead of being tried again. */
  retriesRefusals?: boolean;
}

interface Job {
  chunk: Chunk;
  isQuestion: boolean;
}

/** A stream whose sent end is not acknowledged. */
interface OpenStream {
  end: number;
  closing: boolean;
  chunk: Chunk;
  askMs: number;
  pauseMs: number;
}

/** The body is larger than the collector takes. */
class TooLarge extends Error {}

/** Another collector answers at the address than the one that has unacknowledged chunks of the source. */
class Restarted extends Error {}

export class HttpPublisher implements Transport {
  troubledBy: string | null = null;
  onAcknowledged: (acknowledgements: readonly Acknowledgement[]) => void = () => undefined;
  readonly counts = { chunks: 0, bytes: 0, retries: 0 };
  private readonly url: string;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly retriesRefusals: boolean;
  private readonly http: HttpPost;
  private readonly queues = new Map<string, Job[]>();
  private readonly busy = new Set<string>();
  private readonly open = new Map<string, OpenStream>();
  private readonly answered = new AnsweredChunks();
  private readonly waiting: (() => void)[] = [];
  private windowBytes = 0;
  /** The smallest body that was too large. */
  private tooLargeBytes = Infinity;
  /** What could not be told when it happened, for the next call. */
  private refused: LeadlineError | null = null;
  private isAsking = false;
  private readonly closing = new AbortController();

  constructor({ url, apiKey, log = quietLog, clock = systemClock, retriesRefusals = true }: HttpPublisherOptions) {
    this.url = url;
    this.headers = apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };
    this.clock = clock;
    this.log = log;
    this.retriesRefusals = retriesRefusals;
    this.http = new HttpPost(new URL(url), requestsMax);
  }

  async loadStates(sources: readonly string[]): Promise<StreamState[]> {
    const states: StreamState[] = [];
    for (let at = 0; at < sources.length; at += statesMax) states.push(...(await this.post<{ states: StreamState[] }>('/v1/streams/known', {}, json({ sources: sources.slice(at, at + statesMax) }), 'application/json')).states);
    return states;
  }

  partitionOf(): null {
    return null;
  }

  async publishStates(states: readonly StreamState[]): Promise<void> {
    for (let at = 0; at < states.length; at += statesMax) await this.post('/v1/streams', {}, json({ states: states.slice(at, at + statesMax) }), 'application/json');
  }

  async publish(chunk: Chunk): Promise<void> {
    this.windowBytes += chunk.value.length;
    this.enqueue({ chunk, isQuestion: false });
    while (this.windowBytes > windowBytesMax && this.refused === null && !this.closing.signal.aborted) await new Promise<void>(resolve => this.waiting.push(resolve));
    this.throwRefused();
  }

  async drain(timeoutMs: number): Promise<boolean> {
    this.throwRefused();
    const deadlineMs = this.clock.nowMs() + timeoutMs;
    for (const stream of this.open.values()) Object.assign(stream, { askMs: this.clock.nowMs() + askMsMin, pauseMs: askMsMin / 2 });
    while ((this.open.size > 0 || this.queues.size > 0) && this.clock.nowMs() < deadlineMs) {
      await this.clock.sleep(20);
      this.throwRefused();
    }
    return this.open.size === 0 && this.queues.size === 0;
  }

  close(): Promise<void> {
    this.closing.abort();
    this.http.close();
    this.wake();
    return Promise.resolve();
  }

  private throwRefused(): void {
    const { refused } = this;
    this.refused = null;
    if (refused !== null) throw refused;
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private enqueue(job: Job): void {
    const { source } = job.chunk;
    const queue = this.queues.get(source);
    if (queue === undefined) this.queues.set(source, [job]);
    else queue.push(job);
    this.startMore();
  }

  private startMore(): void {
    for (const source of this.queues.keys()) {
      if (this.busy.size >= requestsMax) return;
      if (!this.busy.has(source)) void this.work(source);
    }
  }

  /** One request of a source; the source then stands behind the others that wait. */
  private async work(source: string): Promise<void> {
    const queue = this.queues.get(source)!;
    const { chunk, isQuestion } = queue[0]!;
    this.busy.add(source);
    try {
      await this.sendWhole(chunk, isQuestion);
    } catch (error) {
      if (error instanceof Restarted) {
        this.sendAgain(source, queue);
        return;
      }
      // Closed: whatever is left is sent by the next start.
      if (!(error instanceof LeadlineError)) throw error;
      if (!isQuestion && !this.closing.signal.aborted) this.refused = error;
    }
    queue.shift();
    this.windowBytes -= chunk.value.length;
    this.busy.delete(source);
    this.queues.delete(source);
    if (queue.length > 0 && !this.closing.signal.aborted) this.queues.set(source, queue);
    this.wake();
    this.startMore();
  }

  /** First what the collector before had taken and not stored; then what was about to be sent. */
  private sendAgain(source: string, queue: Job[]): void {
    const chunks = this.answered.take(source);
    for (const { value } of chunks) this.windowBytes += value.length;
    queue.unshift(...chunks.map(chunk => ({ chunk, isQuestion: false })));
    this.log.info({ event: 'collectorRestarted', source, chunks: chunks.length }, 'another collector answers: what the one before had not stored is sent again');
    this.busy.delete(source);
    this.startMore();
  }

  /** The chunk, in pieces where it is too large for the collector. */
  private async sendWhole(chunk: Chunk, isQuestion: boolean): Promise<void> {
    const isKnownTooLarge = chunk.value.length >= this.tooLargeBytes;
    const halves = isKnownTooLarge ? splitChunk(chunk) : null;
    if (halves === null) {
      try {
        await this.send(chunk, isQuestion);
        return;
      } catch (error) {
        if (!(error instanceof TooLarge)) throw error;
        this.tooLargeBytes = Math.min(this.tooLargeBytes, chunk.value.length);
      }
    }
    const [first, second] = halves ?? splitChunk(chunk) ?? [];
    if (first === undefined || second === undefined) throw new LeadlineError('BAD_CHUNK', { problem: `the collector takes less than ${chunk.value.length} bytes at once` });
    await this.sendWhole(first, isQuestion);
    await this.sendWhole(second, isQuestion);
  }

  private async send(chunk: Chunk, isQuestion: boolean): Promise<void> {
    const headers = Object.fromEntries(Object.entries(chunkHeaders(chunk)).map(([name, value]) => [name, encodeHeader(value)]));
    const before = this.answered.collectorOf(chunk.source);
    if (before !== null) headers[collectorHeader] = before;
    const { collector, acknowledgements } = await this.post<{ collector: string; acknowledgements: Acknowledgement[] }>('/v1/chunks', headers, chunk.value, 'application/octet-stream');
    if (!isQuestion) {
      this.counts.chunks += 1;
      this.counts.bytes += chunk.value.length;
      this.answered.add(chunk, collector);
      const end = Math.max(chunk.end, this.open.get(chunk.streamId)?.end ?? 0);
      this.open.set(chunk.streamId, { end, closing: chunk.kind === 'close', chunk: { ...chunk, value: noBytes }, askMs: this.clock.nowMs() + askMsMin, pauseMs: askMsMin });
    }
    for (const { streamId, to, closed } of acknowledgements) {
      const open = this.open.get(streamId);
      if (open !== undefined && to >= open.end && (closed || !open.closing)) this.open.delete(streamId);
    }
    this.answered.acknowledged(chunk.source, acknowledgements);
    this.onAcknowledged(acknowledgements);
    if (this.open.size > 0 && !this.isAsking) void this.askOnAndOn();
  }

  /** As long as something sent is not acknowledged. */
  private async askOnAndOn(): Promise<void> {
    this.isAsking = true;
    while (this.open.size > 0 && !this.closing.signal.aborted) {
      await this.clock.sleep(askLookMs, this.closing.signal);
      const nowMs = this.clock.nowMs();
      const due = [...this.open.values()].filter(({ askMs, chunk }) => askMs <= nowMs && !this.queues.has(chunk.source)).sort((a, b) => a.askMs - b.askMs);
      for (const stream of due.slice(0, asksMax)) {
        stream.pauseMs = Math.min(askMsMax, stream.pauseMs * 2);
        stream.askMs = nowMs + stream.pauseMs;
        this.enqueue({ chunk: questionOf(stream), isQuestion: true });
      }
    }
    this.isAsking = false;
  }

  /** @throws LeadlineError BAD_CHUNK; TooLarge; the last problem where it was closed meanwhile; a refusal where those are not tried again. */
  private async post<T>(path: string, headers: Readonly<Record<string, string>>, body: Uint8Array, contentType: string): Promise<T> {
    for (let pauseMs = retryMsMin; ; pauseMs = Math.min(retryMsMax, pauseMs * 2)) {
      let problem: LeadlineError;
      try {
        const { status, text } = await this.http.send(path, { ...headers, 'content-type': contentType, ...this.headers }, body, answerMsMax);
        if (status >= 200 && status < 300) {
          const answer = JSON.parse(text) as T;
          this.untroubled();
          return answer;
        }
        if (status === 400) throwBadChunk(text);
        if (status === 413 && path === '/v1/chunks') throw new TooLarge();
        if (bodyOf(text).code === 'COLLECTOR_RESTARTED') throw new Restarted();
        problem = new LeadlineError('INTAKE_REFUSED', { url: this.url, status, message: messageOf(text) });
        if (!this.retriesRefusals && status < 500 && status !== 408 && status !== 429) throw problem;
      } catch (error) {
        if (error instanceof LeadlineError || error instanceof TooLarge || error instanceof Restarted) throw error;
        problem = new LeadlineError('INTAKE_UNREACHABLE', { url: this.url, systemCode: systemCodeOf(error) ?? (error as Error).message }, { cause: error });
      }
      if (this.closing.signal.aborted) throw problem;
      this.troubled(problem);
      this.counts.retries += 1;
      // Jitter, so that many shippers do not come back in step.
      await this.clock.sleep(pauseMs * (0.5 + Math.random()), this.closing.signal);
    }
  }

  private troubled({ message }: LeadlineError): void {
    // Once per reason, however often it is tried.
    if (this.troubledBy !== message) this.log.warn({ event: 'transportTroubled', url: this.url }, message);
    this.troubledBy = message;
  }

  private untroubled(): void {
    if (this.troubledBy !== null) this.log.info({ event: 'transportRecovered', url: this.url }, `The collector at ${this.url} answers again`);
    this.troubledBy = null;
  }
}

/** Lines of no bytes change nothing and are answered with the stream's mark; a closing record can be sent again. */
function questionOf({ end, closing, chunk }: OpenStream): Chunk {
  return closing ? chunk : { ...chunk, kind: 'lines', offset: end, end, codec: 'none', lengths: null, part: null, gap: null };
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** The collector's word on a chunk, under its own code. @throws LeadlineError BAD_CHUNK. */
function throwBadChunk(answer: string): void {
  const body = bodyOf(answer);
  if (body.code === 'BAD_CHUNK' && body.message !== undefined) throw new LeadlineError('BAD_CHUNK', { problem: body.message.replace(/^chunk refused: /, '') });
}

function messageOf(answer: string): string {
  return bodyOf(answer).message ?? answer.slice(0, 200);
}

function bodyOf(answer: string): { code?: string; message?: string } {
  try {
    return JSON.parse(answer) as { code?: string; message?: string };
  } catch {
    return {}; // not a Leadline collector, or a proxy in between
  }
}

/** HTTP headers are latin-1: other characters, and the percent sign, travel percent-encoded. */
function encodeHeader(value: string): string {
  return value.replace(/[^\x20-\x24\x26-\x7e]/gu, character => encodeURIComponent(character));
}
