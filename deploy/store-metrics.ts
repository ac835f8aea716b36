/** What a store says of itself and its streams, as metrics. */
import type { Metrics } from '#lib/metrics.ts';
import type { StreamsAnswer } from '#schemas/http-api.ts';
import type { metrics as metricCatalogue } from '#schemas/telemetry.ts';

export function setStoreMetrics(metrics: Metrics<typeof metricCatalogue>, { streams, totals, store }: StreamsAnswer, firing: number): void {
  metrics.set('leadline_streams', totals.streams);
  metrics.set('leadline_stream_written_bytes', totals.bytes);
  metrics.set('leadline_stream_stored_bytes', totals.storedBytes);
  metrics.set('leadline_stream_lag_bytes', totals.lagBytes);
  metrics.set('leadline_stream_gap_bytes', streams.reduce((sum, stream) => sum + stream.gapBytes, 0));
  const dropped = new Map<string, number>();
  for (const stream of streams) for (const [cause, bytes] of Object.entries(stream.droppedBytes)) dropped.set(cause, (dropped.get(cause) ?? 0) + bytes);
  for (const [cause, bytes] of dropped) metrics.set('leadline_stream_dropped_bytes', bytes, { cause });
  metrics.set('leadline_lines', totals.lines);
  metrics.set('leadline_events', totals.events);
  metrics.set('leadline_store_bytes', store.bytes);
  metrics.set('leadline_store_files', store.files);
  metrics.set('leadline_store_unfiltered_blocks', store.unfilteredBlocks);
  metrics.set('leadline_alerts_firing', firing);
}
