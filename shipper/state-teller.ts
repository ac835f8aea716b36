/**
 * Tells the outside what the streams' states are, in bounded portions and never more than one kind at a time, while the loop goes on. What must be
 * known before it is sent, and what must be told before it is over, is marked on the stream only when the transport has said so.
 */
import type { Clock } from '#lib/clock.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { StreamState, Transport } from '#schemas/transport.ts';
import type { Phase, TailedStream } from './tailed-stream.ts';

/** Of one `publishStates`: about 200 kB. */
export const statesMax = 256;
/** States on their way at once before more streams are announced. */
const outstandingMax = 4 * statesMax;
/** Streams looked at in one turn for whether their state is due. */
const visitedMax = 2048;
/** Streams idle for longer than the first tell that they are still read to their end at the pace of the second. */
const longIdleMs = 600_000;
const longIdleStateMs = 60_000;
/** Unchanged states told per second at most: with 10,000 idle streams each has its turn within a minute. */
const idleStatesPerSecondMax = 200;
const retryMs = 1000;

/** What there is to tell of a stream, and whether. */
export interface Tellable {
  readonly phase: Phase;
  readonly isTold: boolean;
  readonly isTelling: boolean;
  readonly isAnnounced: boolean;
  changed: boolean;
  readonly lastGrowthMs: number;
  readonly readToEndMs: number | null;
  publishedMs: number;
  state(): StreamState;
}

export interface TellerParts {
  transport: Transport;
  clock: Clock;
  stateIntervalMs: number;
  /** Something that waited for an answer can go on. */
  onTold: () => void;
}

export class StateTeller {
  readonly #parts: TellerParts;
  /** Of the current round over all streams; null between two. */
  #round: Iterator<Tellable> | null = null;
  #idleLeft = 0;
  #nextRoundMs = 0;
  #retryAtMs = 0;
  /** States told for their own sake are on their way. */
  #telling = false;
  #outstanding = 0;
  #failure: { error: unknown } | null = null;

  constructor(parts: TellerParts) {
    this.#parts = parts;
  }

  /** Nothing is on its way. */
  get isQuiet(): boolean {
    return this.#outstanding === 0;
  }

  /** @throws what the transport said no retry can mend */
  check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** How many more streams should be announced now; a later turn has room for others. */
  get room(): number {
    return Math.max(0, outstandingMax - this.#outstanding * statesMax);
  }

  /** Makes streams known; `then` for each when it is. They are in the checkpoint already. */
  announce(streams: readonly TailedStream[], then: (stream: TailedStream) => void): void {
    this.#tell(streams, false, then);
  }

  /** Tells that streams are closed; `then` for each when that is told. */
  close(streams: readonly TailedStream[], then: (stream: TailedStream) => void): void {
    this.#tell(streams, true, then);
  }

  /** Whether a failed telling waits before it is tried again. */
  isResting(nowMs: number): boolean {
    return nowMs < this.#retryAtMs;
  }

  /** Tells the states that changed, and of idle streams that they still are. */
  tellDue(streams: () => Iterator<Tellable>, nowMs: number): void {
    if (this.#telling || this.isResting(nowMs)) return;
    if (this.#round === null) {
      if (nowMs < this.#nextRoundMs) return;
      this.#nextRoundMs = nowMs + this.#parts.stateIntervalMs;
      this.#idleLeft = Math.ceil((idleStatesPerSecondMax * this.#parts.stateIntervalMs) / 1000);
      this.#round = streams();
    }
    const due: Tellable[] = [];
    for (let visited = 0; visited < visitedMax && due.length < statesMax; visited += 1) {
      const next = this.#round.next();
      if (next.done === true) {
        this.#round = null;
        break;
      }
      if (this.#isDue(next.value, nowMs)) due.push(next.value);
    }
    if (due.length === 0) return;
    this.#telling = true;
    this.#publish(due, false, () => (this.#telling = false), () => {
      this.#telling = false;
      for (const stream of due) stream.changed = true;
    });
  }

  /** Tells these now. @returns when they are told */
  async tellAll(streams: readonly TailedStream[]): Promise<void> {
    for (let from = 0; from < streams.length; from += statesMax) await this.#parts.transport.publishStates(streams.slice(from, from + statesMax).map(stream => stream.state()));
  }

  #isDue(stream: Tellable, nowMs: number): boolean {
    if (!stream.isTold || stream.isTelling || !stream.isAnnounced || stream.phase === 'closed') return false;
    if (stream.changed) return true;
    // An idle stream's "read to its end" has to move on: detectors take it for their watermark.
    const paceMs = nowMs - stream.lastGrowthMs < longIdleMs ? this.#parts.stateIntervalMs : longIdleStateMs;
    if (stream.readToEndMs === null || nowMs - stream.publishedMs < paceMs || this.#idleLeft <= 0) return false;
    this.#idleLeft -= 1;
    return true;
  }

  #tell(streams: readonly TailedStream[], closed: boolean, then: (stream: TailedStream) => void): void {
    for (let from = 0; from < streams.length; from += statesMax) {
      const portion = streams.slice(from, from + statesMax);
      for (const stream of portion) stream.isTelling = true;
      this.#publish(portion, closed, () => {
        for (const stream of portion) {
          stream.isTelling = false;
          then(stream);
        }
      }, () => {
        for (const stream of portion) stream.isTelling = false;
      });
    }
  }

  #publish(streams: readonly Tellable[], closed: boolean, told: () => void, untold: () => void): void {
    const nowMs = this.#parts.clock.nowMs();
    const states = streams.map(stream => {
      stream.changed = false;
      stream.publishedMs = nowMs;
      return { ...stream.state(), closed: closed || stream.phase === 'closed' };
    });
    this.#outstanding += 1;
    this.#parts.transport.publishStates(states).then(
      () => {
        this.#outstanding -= 1;
        told();
        this.#parts.onTold();
      },
      (error: unknown) => {
        this.#outstanding -= 1;
        untold();
        if (error instanceof LeadlineError && error.retryable) this.#retryAtMs = this.#parts.clock.nowMs() + retryMs;
        else this.#failure ??= { error };
        this.#parts.onTold();
      },
    );
  }
}
