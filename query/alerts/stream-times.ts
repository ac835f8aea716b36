/**
 * How far a stream has come in event time: no event before this will be stored of it any more.
 *
 * A stream that is written to says so by its own events. One that is silent and read to its end goes on with wall time, counted from when it fell
 * silent: a container whose clock or whose buffering is a minute behind would otherwise seem over between any two lines. One that holds nothing of
 * the last hour (old files) has no such lead to keep, and counts as read up to now.
 */
import type { StoredStream } from '#schemas/store.ts';
import type { Contributor } from './detector.ts';

const nsPerMs = 1_000_000n;
const liveAgeMsMax = 3_600_000;
/** Streams whose silence is timed; the rest count from the moment they are looked at. */
const memoriesMax = 20_000;

interface Memory {
  watermarkNs: bigint;
  /** Wall time at which this watermark was first seen, milliseconds. */
  sinceMs: number;
}

export class StreamTimes {
  private readonly memories = new Map<string, Memory>();
  private byId = new Map<string, StoredStream>();
  private openBySource = new Map<string, StoredStream[]>();
  private nowMs = 0;

  /** Takes what the store says of all streams. */
  look(streams: readonly StoredStream[], nowMs: number): void {
    this.nowMs = nowMs;
    this.byId = new Map(streams.map(stream => [stream.streamId, stream]));
    this.openBySource = Map.groupBy(streams.filter(({ state }) => state?.closed !== true), ({ source }) => source);
    for (const streamId of this.memories.keys()) if (!this.byId.has(streamId)) this.memories.delete(streamId);
    for (const { streamId, watermarkNs } of streams) {
      if (watermarkNs === null || this.memories.get(streamId)?.watermarkNs === watermarkNs || this.memories.size >= memoriesMax) continue;
      this.memories.set(streamId, { watermarkNs, sinceMs: nowMs });
    }
  }

  /** The earliest of these streams, or null where none of them can bring an event any more. */
  earliest(contributors: readonly Contributor[]): bigint | null {
    let earliest: bigint | null = null;
    for (const contributor of contributors) {
      const timeNs = this.timeOf(contributor);
      if (timeNs !== null && (earliest === null || timeNs < earliest)) earliest = timeNs;
    }
    return earliest;
  }

  private timeOf({ streamId, watermarkNs: signalledNs }: Contributor): bigint | null {
    const stream = this.byId.get(streamId);
    if (stream === undefined) return null;
    if (stream.state?.closed !== true) return this.openTime(stream, signalledNs);
    // A log that was rotated goes on in the next stream of its source.
    const followers = this.openBySource.get(stream.source) ?? [];
    const times = followers.map(follower => this.openTime(follower, stream.watermarkNs ?? signalledNs));
    if (times.length > 0) return times.reduce((least, time) => (time < least ? time : least));
    const memory = this.memories.get(streamId);
    return memory === undefined || !this.isLive(memory) ? null : memory.watermarkNs + BigInt(this.nowMs - memory.sinceMs) * nsPerMs;
  }

  private openTime(stream: StoredStream, atLeastNs: bigint): bigint {
    const watermarkNs = stream.watermarkNs !== null && stream.watermarkNs > atLeastNs ? stream.watermarkNs : atLeastNs;
    const readToEndMs = readToEnd(stream);
    if (readToEndMs === null) return watermarkNs;
    const memory = this.memories.get(stream.streamId);
    const readToEndNs = BigInt(Math.trunc(readToEndMs)) * nsPerMs;
    if (memory === undefined || !this.isLive(memory)) return readToEndNs > watermarkNs ? readToEndNs : watermarkNs;
    return watermarkNs + BigInt(Math.max(0, Math.trunc(readToEndMs) - memory.sinceMs)) * nsPerMs;
  }

  private isLive({ watermarkNs, sinceMs }: Memory): boolean {
    return watermarkNs >= BigInt(sinceMs - liveAgeMsMax) * nsPerMs;
  }
}

/** Wall time at which all of the stream was read and stored, or null while something of it is on its way. */
function readToEnd({ state }: StoredStream): number | null {
  return state !== null && state.readToEndMs !== null && state.acknowledgedBytes >= state.sizeBytes ? state.readToEndMs : null;
}
