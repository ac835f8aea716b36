/**
 * THE LOOP of pipes: standard input, and the two outputs of a child. Bytes go into a bounded buffer, from there as chunks to the transport; when
 * both are full the pipe is not read, and whoever writes into it waits. What was read and not acknowledged dies with the process.
 */
import { once } from 'node:events';
import { systemClock, type Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Codec } from '#schemas/chunk.ts';
import type { Options } from '#schemas/options.ts';
import type { StreamState, Transport } from '#schemas/transport.ts';
import type { StreamBalance } from './balance.ts';
import { checkedBytes, contentProblem } from './content-check.ts';
import { PipeStream, type Pipe } from './pipe-stream.ts';
import type { Redact } from './stream-feed.ts';

export type PipeOptions = Pick<Options, 'chunkBytesMax' | 'lineBytesMax' | 'inFlightBytesMax' | 'pollIntervalMs' | 'idleAfterMs' | 'stateIntervalMs' | 'drainTimeoutMs' | 'includeBinary'>;

export interface PipesParts {
  pipes: readonly Pipe[];
  options: PipeOptions;
  transport: Transport;
  log: Log;
  clock?: Clock;
  /** How chunks are compressed; `none` in process. */
  codec?: Codec;
  redact?: Redact | null;
}

export interface PipeShipping {
  /** Resolves when every pipe has ended and all of it is acknowledged; rejects for bytes that are no log, and for what the transport cannot mend. */
  readonly finished: Promise<void>;
  /** Ends the pipes here, waits up to `drainTimeoutMs` for acknowledgements. @returns whether everything read was acknowledged */
  stop(): Promise<boolean>;
  /** One balance per pipe; written is what was read from it. */
  status(): StreamBalance[];
}

export function shipPipe({ stream, source, origin, path, ...parts }: Pipe & Omit<PipesParts, 'pipes'>): PipeShipping {
  return shipPipes({ ...parts, pipes: [{ stream, source, origin, path }] });
}

/** Begins to read at once; the states of the sources are asked for first. */
export function shipPipes(parts: PipesParts): PipeShipping {
  return new PipeShipper(parts);
}

class PipeShipper implements PipeShipping {
  readonly finished: Promise<void>;
  readonly #parts: PipesParts;
  readonly #options: PipeOptions;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #streams: PipeStream[] = [];
  #givenUp = false;
  #waiting: (() => void)[] = [];

  constructor(parts: PipesParts) {
    this.#parts = parts;
    this.#options = parts.options;
    this.#transport = parts.transport;
    this.#clock = parts.clock ?? systemClock;
    this.#transport.onAcknowledged = acknowledgements => {
      for (const { streamId, from, to, closed } of acknowledgements) {
        const stream = this.#streams.find(each => each.streamId === streamId);
        if (stream === undefined) continue;
        if (stream.tracker.acknowledged(from, to)) stream.changed = true;
        if (closed) stream.closeAcknowledged = true;
      }
      this.#wake();
    };
    this.finished = this.#run();
    this.finished.catch(() => undefined); // whoever does not ask is not bothered
  }

  status(): StreamBalance[] {
    return this.#streams.map(stream => stream.balance(this.#clock));
  }

  async stop(): Promise<boolean> {
    this.#stopping.abort();
    this.#wake();
    const ended = this.finished.then(() => true, () => false);
    await Promise.race([ended, this.#clock.sleep(this.#options.drainTimeoutMs)]);
    this.#givenUp = true;
    this.#wake();
    return this.#streams.every(stream => stream.closed || (stream.isEmpty && stream.isAcknowledged));
  }

  async #run(): Promise<void> {
    const { pipes, log } = this.#parts;
    const sources = [...new Set(pipes.map(pipe => pipe.source))];
    const states = await this.#transport.loadStates(sources);
    const startNs = (BigInt(this.#clock.nowMs()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n)).toString();
    this.#streams = pipes.map(pipe => {
      const known = states.find(state => state.source === pipe.source && state.partition !== null)?.partition ?? null;
      return new PipeStream(pipe, this.#transport.partitionOf(pipe.source, known), this.#options, startNs);
    });
    await this.#closeThoseOfEarlierRuns(states);
    try {
      await Promise.all(this.#streams.map(async stream => {
        await Promise.all([this.#read(stream), this.#send(stream, states)]);
        log.info({ event: 'pipeEnded', path: stream.pipe.path, streamId: stream.streamId }, 'pipe ended and is acknowledged');
      }));
    } catch (error) {
      this.#givenUp = true;
      this.#stopping.abort(); // the other pipes have nobody to carry them
      this.#wake();
      throw error;
    }
  }

  /** A run that was killed could not say that its pipes ended. Only pipes have a birth time and no inode. */
  async #closeThoseOfEarlierRuns(states: readonly StreamState[]): Promise<void> {
    for (const state of states) {
      if (state.closed || state.inode !== null || state.birthTimeNs === null) continue;
      const { streamId, source, acknowledgedBytes: end, framing, origin, path, previous, bootId } = state;
      await this.#transport.publish({ kind: 'close', source, streamId, offset: end, end, codec: 'none', framing, lengths: null, part: null, previous, gap: null, origin, bootId, path, readMs: this.#clock.nowMs(), value: new Uint8Array(0) });
      await this.#transport.publishStates([{ ...state, closed: true }]);
    }
  }

  /** From the pipe into the buffer, waiting while that is full. */
  async #read(stream: PipeStream): Promise<void> {
    const { stream: pipe } = stream.pipe;
    const stopped = once(this.#stopping.signal, 'abort');
    const pieces = pipe[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>;
    while (!this.#stopping.signal.aborted) {
      const next = await Promise.race([pieces.next(), stopped.then(() => ({ done: true as const, value: undefined }))]);
      if (next.done === true) break;
      const piece = typeof next.value === 'string' ? Buffer.from(next.value) : next.value;
      for (let used = 0; used < piece.length; ) {
        const wasEmpty = stream.isEmpty;
        used += stream.take(piece.subarray(used), this.#clock.nowMs());
        if (wasEmpty || stream.isFull) this.#wake();
        if (this.#givenUp) return;
        if (used < piece.length) await this.#woken(this.#options.pollIntervalMs);
      }
    }
    stream.end();
    pipe.destroy();
    this.#wake();
  }

  async #send(stream: PipeStream, states: readonly StreamState[]): Promise<void> {
    while (!stream.closed && !this.#givenUp) {
      const nowMs = this.#clock.nowMs();
      if (await this.#step(stream, states, nowMs)) continue;
      if (stream.isEnded && stream.isEmpty && stream.name === null) return; // nothing ever came
      // Lines are collected for a moment, so that a line at a time is not a chunk at a time.
      await this.#woken(stream.isEmpty ? this.#options.idleAfterMs : this.#options.pollIntervalMs);
    }
  }

  /** @returns whether there is more to do at once */
  async #step(stream: PipeStream, states: readonly StreamState[], nowMs: number): Promise<boolean> {
    if (!stream.nameIt()) return false;
    if (!stream.announced) {
      const refusal = contentProblem(stream.pipe.path, stream.unsent.subarray(0, checkedBytes), this.#options.includeBinary);
      if (refusal !== null) throw refusal;
      stream.setGeneration(states.reduce((next, state) => (state.name === stream.name ? Math.max(next, state.generation + 1) : next), 0));
      stream.announced = true;
      await this.#tell(stream, nowMs);
    }
    if (nowMs - stream.publishedMs >= this.#options.stateIntervalMs && stream.changed) await this.#tell(stream, nowMs);
    if (stream.isDue(nowMs, this.#options.pollIntervalMs) && this.#hasRoom(stream)) {
      const chunk = stream.cut(this.#parts.codec ?? 'none', this.#parts.redact ?? null, nowMs);
      if (chunk !== null) {
        this.#wake(); // the buffer has room again
        await this.#transport.publish(chunk);
        return true;
      }
    }
    if (stream.isEnded && stream.isEmpty) return this.#end(stream, nowMs);
    if (stream.idleOwed && nowMs - stream.lastGrowthMs >= this.#options.idleAfterMs) await this.#transport.publish(stream.idle(nowMs));
    return false;
  }

  async #end(stream: PipeStream, nowMs: number): Promise<boolean> {
    if (!stream.closeSent) {
      await this.#transport.publish(stream.close(nowMs));
      return true;
    }
    if (!stream.closeAcknowledged || !stream.isAcknowledged) return false;
    stream.tracker.finish();
    stream.closed = true;
    await this.#tell(stream, nowMs);
    return true;
  }

  /** An unfinished line is never acknowledged, so its own rest must get through. */
  #hasRoom(stream: PipeStream): boolean {
    const inFlightBytes = this.#streams.reduce((sum, each) => sum + each.tracker.inFlightBytes, 0);
    return inFlightBytes < this.#options.inFlightBytesMax || stream.isInsideLine;
  }

  #tell(stream: PipeStream, nowMs: number): Promise<void> {
    stream.publishedMs = nowMs;
    stream.changed = false;
    return this.#transport.publishStates([stream.state()]);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Resolves when something changed, at the latest after `ms`. */
  async #woken(ms: number): Promise<void> {
    const woken = new AbortController();
    this.#waiting.push(() => woken.abort());
    await this.#clock.sleep(ms, woken.signal);
  }
}
