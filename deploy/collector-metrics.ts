/** What the collector's thread reports, as metrics. */
import type { KafkaReport } from '../collector/kafka-subscriber.ts';
import type { Metrics } from '#lib/metrics.ts';
import type { collectorMetrics, metrics as upMetrics } from '#schemas/telemetry.ts';
import type { CollectorReport } from './collector-work.ts';
import type { PublishingReport } from './kafka-publishing.ts';

/** `up` and `collect` show the same of Kafka. */
export function setKafkaMetrics(metrics: Metrics<typeof upMetrics> | Metrics<typeof collectorMetrics>, kafka: KafkaReport | null): void {
  if (kafka === null) return;
  for (const name of ['leadline_collector_kafka_lag_records', 'leadline_collector_kafka_records_total', 'leadline_collector_kafka_bytes_total'] as const) metrics.clear(name);
  for (const { topic, partition, lagRecords, records, bytes } of kafka.partitions) {
    const labels = { topic, partition: String(partition) };
    metrics.set('leadline_collector_kafka_lag_records', lagRecords, labels);
    metrics.set('leadline_collector_kafka_records_total', records, labels);
    metrics.set('leadline_collector_kafka_bytes_total', bytes, labels);
  }
  metrics.set('leadline_collector_kafka_troubled', kafka.troubledBy === null ? 0 : 1);
  metrics.total('leadline_collector_dead_letters_total', kafka.deadLetters);
  metrics.total('leadline_collector_out_of_range_total', kafka.outOfRange);
}

export function setPublishingMetrics(metrics: Metrics<typeof upMetrics> | Metrics<typeof collectorMetrics>, publishing: PublishingReport | null): void {
  metrics.total('leadline_collector_published_events_total', publishing?.publishedEvents ?? 0);
  metrics.total('leadline_collector_unpublished_events_total', publishing?.unpublishedEvents ?? 0);
  metrics.total('leadline_collector_published_signals_total', publishing?.publishedSignals ?? 0);
}

export function setCollectorMetrics(metrics: Metrics<typeof collectorMetrics>, { counts, stalledBecause, stored, kafka, publishing }: CollectorReport): void {
  setPublishingMetrics(metrics, publishing);
  metrics.set('leadline_streams', stored.streams);
  metrics.set('leadline_lines', stored.lines);
  metrics.set('leadline_events', stored.events);
  metrics.set('leadline_stream_stored_bytes', stored.storedBytes);
  metrics.set('leadline_stream_gap_bytes', stored.gapBytes);
  metrics.total('leadline_collector_chunks_total', counts.chunks);
  metrics.total('leadline_collector_chunk_bytes_total', counts.chunkBytes);
  metrics.total('leadline_collector_trimmed_bytes_total', counts.trimmedBytes);
  metrics.total('leadline_collector_refused_chunks_total', counts.refusedChunks);
  metrics.total('leadline_collector_commits_total', counts.commits);
  metrics.set('leadline_collector_templates', counts.templates);
  metrics.total('leadline_collector_template_overflow_total', counts.overflowedTemplates);
  metrics.set('leadline_collector_stalled', stalledBecause === null ? 0 : 1);
  setKafkaMetrics(metrics, kafka);
}
