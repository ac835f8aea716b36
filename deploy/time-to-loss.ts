/**
 * When rotation takes bytes away that are not acknowledged yet, if all goes on as now: worked out per source from balances taken now and then. A
 * step: told the time, it keeps no clock.
 *
 * 1. A *rotation* is seen when a source has begun a stream and its newest is another than before. The one before it was a generation of so many bytes and so long
 *    a time; the usual generation is the mean of the last `rotationsMax`. One rotation tells bytes, two tell a time.
 * 2. *Kept* is how many generations stay beside the newest. It is known when a generation went by at whose end no more were there than at its
 *    beginning; counted where two balances in a row agree, as files come and go one by one. Where everything is kept so far, nothing is known.
 * 3. So right after each rotation the last `kept` generations of bytes are there, and what is older is not. The next rotation is due when the newest
 *    stream has the bytes of a usual generation, at the rate they are written now, or when its time is over, whichever is sooner; the next ones
 *    follow at the same pace.
 * 4. Not acknowledged are now `lag` bytes, and `lag + t * (written - acknowledged per second)` in `t` seconds. The first rotation at which that is
 *    more than is kept destroys bytes: of the oldest stream of the source that is behind.
 *
 * Nothing is predicted without such a history; for what is acknowledged within `onItsWaySeconds`; beyond `horizonSeconds`, for which the rates of now
 * say nothing; and where a rotation is late by a whole generation, as the history is no guide then.
 *
 * On the safe side: a compressed file counts as gone, though a stream that was read in part goes on in it; a file held open counts as gone with its
 * name, as a restart ends that; where rotation goes by the clock and more is written than usual, it is expected too early. Not seen: rotations
 * between two balances, so that of files that live for a few seconds nothing is predicted.
 */
import type { StreamBalance } from '../shipper/balance.ts';

/** Two balances that are closer tell nothing of a rate. */
const measureMsMin = 1000;
/** A rate follows a change to two thirds within this time. */
const settlingMs = 30_000;
/** Rotations remembered per source. */
const rotationsMax = 8;
/** Sources followed at once; of more nothing is predicted. */
const sourcesMax = 10_000;
/** A source without a stream is remembered for so long: its next file comes late. */
const absentMsMax = 10 * 60_000;
const onItsWaySeconds = 5;
const horizonSeconds = 24 * 3600;

/** The streams of one source in one balance. */
interface Group {
  newest: StreamBalance;
  /** The one before the newest. */
  before: StreamBalance | null;
  /** The oldest that is behind and has its bytes in a file. */
  behind: StreamBalance | null;
  /** Of those whose bytes are in a file. */
  lagBytes: number;
  writtenBytes: number;
  acknowledgedBytes: number;
}

interface Rotation {
  ms: number;
  /** Of the stream that ended with it. */
  bytes: number;
}

interface History {
  firstMs: number;
  last: { ms: number; streamId: string | null; begunStreams: number; bytes: number; keptStreams: number; writtenBytes: number; acknowledgedBytes: number };
  /** Bytes per second; null before two balances told. */
  written: number | null;
  acknowledged: number | null;
  /** Oldest first. */
  rotations: Rotation[];
  /** As two balances of this generation agreed on, and of the one before. */
  settled: number | null;
  settledBefore: number | null;
  kept: number | null;
}

export class TimeToLoss {
  private readonly histories = new Map<string, History>();

  /**
   * @param streams those of one source stand together
   * @param nowMs of a clock that nobody sets
   * @returns seconds for those of `streams` that are about to lose bytes; 0 where a rotation that destroys is overdue
   */
  sample(streams: Iterable<StreamBalance>, nowMs: number): ReadonlyMap<StreamBalance, number> {
    const losses = new Map<StreamBalance, number>();
    for (const [source, group] of groupsOf(streams)) {
      const history = this.histories.get(source);
      if (history === undefined) {
        // Most files are never rotated while anybody looks.
        if (hasRotated(group) && this.histories.size < sourcesMax) this.histories.set(source, begun(group, nowMs));
        continue;
      }
      if (nowMs - history.last.ms >= measureMsMin) learn(history, group, nowMs);
      const seconds = secondsToLoss(history, group, nowMs);
      if (seconds !== null && group.behind !== null) losses.set(group.behind, seconds);
    }
    for (const [source, { last }] of this.histories) if (nowMs - last.ms > absentMsMax) this.histories.delete(source);
    return losses;
  }
}

function hasRotated({ newest: { rotation } }: Group): boolean {
  return rotation!.begunStreams > 1 || rotation!.keptStreams > 0;
}

function* groupsOf(streams: Iterable<StreamBalance>): Generator<[source: string, Group]> {
  let group: Group | null = null;
  for (const stream of streams) {
    const { source, rotation, writtenBytes, acknowledgedBytes, lagBytes } = stream;
    if (rotation === null) continue;
    if (group !== null && group.newest.source !== source) {
      yield [group.newest.source, group];
      group = null;
    }
    group ??= { newest: stream, before: null, behind: null, lagBytes: 0, writtenBytes: 0, acknowledgedBytes: 0 };
    if (rotation.newerStreams < group.newest.rotation!.newerStreams) group.newest = stream;
    if (rotation.newerStreams === 1) group.before = stream;
    group.writtenBytes += writtenBytes;
    group.acknowledgedBytes += acknowledgedBytes;
    if (lagBytes === 0 || !rotation.isThere) continue;
    group.lagBytes += lagBytes;
    if (group.behind === null || rotation.newerStreams > group.behind.rotation!.newerStreams) group.behind = stream;
  }
  if (group !== null) yield [group.newest.source, group];
}

function begun(group: Group, ms: number): History {
  return { firstMs: ms, last: lastOf(group, ms), written: null, acknowledged: null, rotations: [], settled: null, settledBefore: null, kept: null };
}

function lastOf({ newest, writtenBytes, acknowledgedBytes }: Group, ms: number): History['last'] {
  return { ms, streamId: newest.streamId, begunStreams: newest.rotation!.begunStreams, bytes: newest.writtenBytes, keptStreams: newest.rotation!.keptStreams, writtenBytes, acknowledgedBytes };
}

function learn(history: History, group: Group, nowMs: number): void {
  measure(history, group, nowMs);
  const { last } = history;
  const { streamId, rotation } = group.newest;
  // A stream has no id before its turn to be read; one that gets its id begins nothing, nor does one that goes on after its end.
  if (rotation!.begunStreams > last.begunStreams && (streamId === null || streamId !== last.streamId)) {
    history.rotations.push({ ms: nowMs, bytes: Math.max(last.bytes, group.before?.writtenBytes ?? 0) });
    if (history.rotations.length > rotationsMax) history.rotations.shift();
    history.settledBefore = history.settled ?? history.settledBefore;
    history.settled = null;
  } else if (rotation!.keptStreams === last.keptStreams) {
    history.settled = last.keptStreams;
    if (history.settledBefore !== null && history.settled <= history.settledBefore) history.kept = history.settled;
  }
  history.last = lastOf(group, nowMs);
}

/** An interval in which a stream was forgotten, and took its bytes along, measures nothing. */
function measure(history: History, group: Group, nowMs: number): void {
  const { last, firstMs } = history;
  const writtenBytes = group.writtenBytes - last.writtenBytes;
  const acknowledgedBytes = group.acknowledgedBytes - last.acknowledgedBytes;
  if (writtenBytes < 0 || acknowledgedBytes < 0) return;
  const passedMs = nowMs - last.ms;
  // The mean of all there is, at the beginning.
  const share = Math.max(1 - Math.exp(-passedMs / settlingMs), Math.min(1, passedMs / (nowMs - firstMs)));
  history.written = follow(history.written, (writtenBytes * 1000) / passedMs, share);
  history.acknowledged = follow(history.acknowledged, (acknowledgedBytes * 1000) / passedMs, share);
}

function follow(rate: number | null, now: number, share: number): number {
  return rate === null ? now : rate + share * (now - rate);
}

/** Steps 3 and 4 of the above. */
function secondsToLoss({ written, acknowledged, rotations, kept, last }: History, { newest, lagBytes }: Group, nowMs: number): number | null {
  if (written === null || acknowledged === null || kept === null || rotations.length === 0 || lagBytes <= acknowledged * onItsWaySeconds) return null;
  const usualBytes = mean(rotations.map(({ bytes }) => bytes));
  const usualSeconds = rotations.length < 2 ? Infinity : (rotations.at(-1)!.ms - rotations[0]!.ms) / 1000 / (rotations.length - 1);
  // Where a stream began since the last measure, it was just now.
  const sinceSeconds = newest.rotation!.begunStreams > last.begunStreams ? 0 : (nowMs - rotations.at(-1)!.ms) / 1000;
  const byBytes = newest.writtenBytes < 2 * usualBytes && written > 0 ? Math.max(0, usualBytes - newest.writtenBytes) / written : Infinity;
  const byTime = sinceSeconds < 2 * usualSeconds ? Math.max(0, usualSeconds - sinceSeconds) : Infinity;
  const firstSeconds = Math.min(byBytes, byTime);
  const apartSeconds = Math.min(usualSeconds, written > 0 ? usualBytes / written : Infinity);
  const seconds = firstLoss({ lagBytes, growth: written - acknowledged, keptBytes: kept * usualBytes, firstSeconds, apartSeconds });
  return seconds <= horizonSeconds ? seconds : null;
}

/** @returns seconds until the first rotation at which more waits than is kept; Infinity where there is none */
function firstLoss({ lagBytes, growth, keptBytes, firstSeconds, apartSeconds }: { lagBytes: number; growth: number; keptBytes: number; firstSeconds: number; apartSeconds: number }): number {
  if (firstSeconds === Infinity || lagBytes + growth * firstSeconds > keptBytes) return firstSeconds;
  if (growth <= 0) return Infinity;
  const rotations = Math.ceil(((keptBytes - lagBytes) / growth - firstSeconds) / apartSeconds);
  return firstSeconds + Math.max(1, rotations) * apartSeconds;
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
