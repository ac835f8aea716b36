/**
 * How fast a shipper's files grow and get through, and how old the oldest byte is that does not: worked out from balances taken now and then, so that
 * files and pipes need to count nothing for it. A step: told the time, it keeps no clock.
 */
import type { StreamBalance } from '../shipper/balance.ts';

/** Two balances that are closer tell nothing of a rate. */
const measureMsMin = 1000;
/** A rate follows a change to two thirds within this time. */
const settlingMs = 30_000;
/** Remembered times of a stream that is behind; beyond it every two become one, which says the earlier time of both. */
const marksMax = 32;

/** At `ms` so many bytes of a stream were written. */
interface Mark {
  ms: number;
  writtenBytes: number;
}

export interface Rates {
  writtenBytesPerSecond: number;
  acknowledgedBytesPerSecond: number;
  /** Age of the oldest byte written and not acknowledged, as this process saw it; 0 where all are. */
  lagMs: number;
}

export class ShipRates {
  private readonly marks = new Map<string, Mark[]>();
  private last: { ms: number; writtenBytes: number; acknowledgedBytes: number } | null = null;
  private writtenRate = 0;
  private acknowledgedRate = 0;

  /** @param nowMs of a clock that nobody sets */
  sample(balances: Iterable<StreamBalance>, nowMs: number): Rates & { streams: number } {
    const now = { ms: nowMs, writtenBytes: 0, acknowledgedBytes: 0 };
    let streams = 0;
    let oldestMs = nowMs;
    const behind = new Set<string>();
    for (const stream of balances) {
      streams += 1;
      now.writtenBytes += stream.writtenBytes;
      now.acknowledgedBytes += stream.acknowledgedBytes;
      if (stream.lagBytes === 0) continue;
      const key = keyOf(stream);
      behind.add(key);
      oldestMs = Math.min(oldestMs, this.mark(key, stream, nowMs));
    }
    for (const key of this.marks.keys()) if (!behind.has(key)) this.marks.delete(key);
    this.measure(now);
    return { streams, writtenBytesPerSecond: this.writtenRate, acknowledgedBytesPerSecond: this.acknowledgedRate, lagMs: nowMs - oldestMs };
  }

  /** The same of one stream, as of the last balance. */
  lagMsOf(stream: StreamBalance, nowMs: number): number {
    const [first] = this.marks.get(keyOf(stream)) ?? [];
    return first === undefined || stream.lagBytes === 0 ? 0 : nowMs - first.ms;
  }

  private measure(now: { ms: number; writtenBytes: number; acknowledgedBytes: number }): void {
    const { last } = this;
    const passedMs = last === null ? 0 : now.ms - last.ms;
    if (last !== null && passedMs < measureMsMin) return;
    this.last = now;
    if (last === null) return;
    const share = 1 - Math.exp(-passedMs / settlingMs);
    // A stream that is forgotten takes its bytes along.
    this.writtenRate += share * ((Math.max(0, now.writtenBytes - last.writtenBytes) * 1000) / passedMs - this.writtenRate);
    this.acknowledgedRate += share * ((Math.max(0, now.acknowledgedBytes - last.acknowledgedBytes) * 1000) / passedMs - this.acknowledgedRate);
  }

  /** Notes how much of a stream is written now. @returns when the oldest byte of it was that is not acknowledged */
  private mark(key: string, stream: StreamBalance, nowMs: number): number {
    const marks = this.marks.get(key) ?? [];
    this.marks.set(key, marks);
    if ((marks.at(-1)?.writtenBytes ?? -1) < stream.writtenBytes) {
      const last = marks.at(-1);
      // As even as the limit allows, from the oldest on.
      if (last !== undefined && nowMs - last.ms < (2 * (nowMs - marks[0]!.ms)) / marksMax) last.writtenBytes = stream.writtenBytes;
      else marks.push({ ms: nowMs, writtenBytes: stream.writtenBytes });
      if (marks.length > marksMax) marks.splice(0, marks.length, ...halved(marks));
    }
    const doneBytes = stream.writtenBytes - stream.lagBytes;
    while (marks.length > 1 && marks[0]!.writtenBytes <= doneBytes) marks.shift();
    return marks[0]!.ms;
  }
}

function halved(marks: readonly Mark[]): Mark[] {
  return marks.flatMap((mark, index) => (index % 2 === 1 ? [{ ms: marks[index - 1]!.ms, writtenBytes: mark.writtenBytes }] : index === marks.length - 1 ? [mark] : []));
}

function keyOf(stream: StreamBalance): string {
  return stream.streamId ?? `${stream.source}\0${stream.path ?? ''}`;
}
