/** The balance of every stream, from what the store and the stream states say: bytes written = stored + dropped + gaps + lag. */
import { sizeOf } from '#lib/byte-ranges.ts';
import { formatTimeNs } from '#schemas/event.ts';
import type { StreamsAnswer, StreamStatus } from '#schemas/http-api.ts';
import type { ReadContext, StoredStream, StoreReader } from '#schemas/store.ts';

export function streamStatusOf(stream: StoredStream): StreamStatus {
  const { state } = stream;
  const storedBytes = sizeOf(stream.storedRanges);
  const droppedBytes = state?.droppedBytes ?? {};
  const dropped = Object.values(droppedBytes).reduce((sum, bytes) => sum + bytes, 0);
  const sizeBytes = Math.max(state?.sizeBytes ?? 0, stream.storedRanges.at(-1)?.to ?? 0);
  return {
    streamId: stream.streamId,
    source: stream.source,
    service: state?.origin.service ?? null,
    path: state?.path ?? null,
    closed: state?.closed ?? false,
    sizeBytes,
    readBytes: Math.max(state?.readBytes ?? 0, storedBytes),
    acknowledgedBytes: Math.max(state?.acknowledgedBytes ?? 0, 0),
    storedBytes,
    lagBytes: Math.max(0, sizeBytes - storedBytes - dropped - stream.gapBytes),
    lines: stream.lines,
    events: stream.events,
    droppedBytes,
    gapBytes: stream.gapBytes,
    lastReadAt: state?.readToEndMs === null || state?.readToEndMs === undefined ? null : new Date(state.readToEndMs).toISOString(),
  };
}

export async function streamsAnswer(reader: StoreReader, limitsReached: StreamsAnswer['limits'], context: ReadContext): Promise<StreamsAnswer> {
  const streams = (await reader.streams(context)).map(streamStatusOf);
  const stats = await reader.stats(context);
  const sum = (of: (stream: StreamStatus) => number): number => streams.reduce((total, stream) => total + of(stream), 0);
  return {
    streams,
    totals: {
      streams: streams.length,
      bytes: sum(stream => stream.sizeBytes),
      storedBytes: sum(stream => stream.storedBytes),
      lagBytes: sum(stream => stream.lagBytes),
      lines: sum(stream => stream.lines),
      events: sum(stream => stream.events),
      droppedBytes: sum(stream => Object.values(stream.droppedBytes).reduce((total, bytes) => total + bytes, 0)),
    },
    store: { files: stats.files, bytes: stats.bytes, events: stats.events, unfilteredBlocks: stats.unfilteredBlocks, oldest: stats.oldestNs === null ? null : formatTimeNs(stats.oldestNs), newest: stats.newestNs === null ? null : formatTimeNs(stats.newestNs) },
    limits: limitsReached,
  };
}
