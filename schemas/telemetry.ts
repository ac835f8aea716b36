// Every metric, declared once. `/metrics` shows them in Prometheus' text format; the names are an interface.
interface MetricSpec {
  type: 'gauge' | 'counter';
  help: string;
  labels?: readonly string[];
}

/** Of whatever reads Kafka: `collect`, and `up --kafka`. */
export const kafkaIntakeMetrics = {
  leadline_collector_kafka_lag_records: { type: 'gauge', help: 'Records of a partition that are not taken in yet.', labels: ['topic', 'partition'] },
  leadline_collector_kafka_records_total: { type: 'counter', help: 'Records taken in since the start.', labels: ['topic', 'partition'] },
  leadline_collector_kafka_bytes_total: { type: 'counter', help: 'Bytes of their values, as they travelled.', labels: ['topic', 'partition'] },
  leadline_collector_kafka_troubled: { type: 'gauge', help: '1 while Kafka gives nothing; /readyz says why.' },
  leadline_collector_dead_letters_total: { type: 'counter', help: 'Records that could not be taken in and went to the dead letters.' },
  leadline_collector_published_events_total: { type: 'counter', help: 'Events published to the topic of events.' },
  leadline_collector_unpublished_events_total: { type: 'counter', help: 'Events that the topic of events did not get while it was read, because --publish-bytes-max were waiting. They are stored.' },
  leadline_collector_published_signals_total: { type: 'counter', help: 'Signals published to the topic of signals.' },
  leadline_collector_out_of_range_total: { type: 'counter', help: 'Positions that were not in their log any more.' },
} as const satisfies Record<string, MetricSpec>;

/** Of `up`. */
export const metrics = {
  ...kafkaIntakeMetrics,
  leadline_stream_written_bytes: { type: 'gauge', help: 'Bytes written to all streams, as last seen.' },
  leadline_stream_stored_bytes: { type: 'gauge', help: 'Bytes of all streams that are durable in the store.' },
  leadline_stream_lag_bytes: { type: 'gauge', help: 'Bytes written and not yet stored.' },
  leadline_stream_gap_bytes: { type: 'gauge', help: 'Bytes that could not be had.' },
  leadline_stream_dropped_bytes: { type: 'gauge', help: 'Bytes given up, by cause.', labels: ['cause'] },
  leadline_streams: { type: 'gauge', help: 'Streams known.' },
  leadline_lines: { type: 'gauge', help: 'Lines stored.' },
  leadline_events: { type: 'gauge', help: 'Events stored.' },
  leadline_collector_chunks_total: { type: 'counter', help: 'Chunks taken in.' },
  leadline_collector_chunk_bytes_total: { type: 'counter', help: 'Bytes of chunks taken in.' },
  leadline_collector_trimmed_bytes_total: { type: 'counter', help: 'Bytes that came again and were left out because they are stored.' },
  leadline_collector_refused_chunks_total: { type: 'counter', help: 'Chunks refused at a limit.' },
  leadline_collector_commits_total: { type: 'counter', help: 'Commits of the store.' },
  leadline_collector_templates: { type: 'gauge', help: 'Different templates of messages given since the start.' },
  leadline_collector_template_overflow_total: { type: 'counter', help: 'Messages of which a template of their own was one too many, for --templates-per-service-max or --templates-max.' },
  leadline_collector_stalled: { type: 'gauge', help: '1 while nothing can be stored, as on a full disk.' },
  leadline_store_bytes: { type: 'gauge', help: 'Size of the store on disk.' },
  leadline_store_files: { type: 'gauge', help: 'Files of the store.' },
  leadline_store_unfiltered_blocks: { type: 'gauge', help: 'Blocks of events with more words than are kept: every search looks into them.' },
  leadline_alerts_firing: { type: 'gauge', help: 'Alert episodes that are open.' },
  leadline_http_requests_total: { type: 'counter', help: 'HTTP requests answered, by route and status.', labels: ['route', 'status'] },
  leadline_tail_clients: { type: 'gauge', help: 'Live tails open.' },
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof metrics;

/** Of `ship` and `run`. Bytes are those of the files; the balance: written = acknowledged + in flight + unread + dropped. */
export const shipperMetrics = {
  leadline_shipper_written_bytes: { type: 'gauge', help: 'Bytes written to the files, as last seen.' },
  leadline_shipper_acknowledged_bytes: { type: 'gauge', help: 'Bytes that are safe where they were sent.' },
  leadline_shipper_in_flight_bytes: { type: 'gauge', help: 'Bytes handed to the transport and not yet acknowledged.' },
  leadline_shipper_unread_bytes: { type: 'gauge', help: 'Bytes written and not yet read.' },
  leadline_shipper_dropped_bytes: { type: 'gauge', help: 'Bytes given up or gone before they could be read, by cause.', labels: ['cause'] },
  leadline_shipper_lag_bytes: { type: 'gauge', help: 'Bytes written and not yet acknowledged.' },
  leadline_shipper_lag_seconds: { type: 'gauge', help: 'Age of the oldest byte that is written and not acknowledged, as this process saw it.' },
  leadline_shipper_seconds_to_loss: { type: 'gauge', help: 'Until rotation takes bytes that are not acknowledged, if all goes on as now; of the streams the soonest. Absent where no loss is predicted.' },
  leadline_shipper_written_bytes_per_second: { type: 'gauge', help: 'Growth of all files, over about half a minute.' },
  leadline_shipper_acknowledged_bytes_per_second: { type: 'gauge', help: 'Bytes acknowledged, over about half a minute.' },
  leadline_shipper_streams: { type: 'gauge', help: 'Streams by phase.', labels: ['phase'] },
  leadline_shipper_problems: { type: 'gauge', help: 'What stands in the way of single files now, by code: not readable, compressed, refused.', labels: ['code'] },
  leadline_shipper_open_files: { type: 'gauge', help: 'Log files held open now, at most --open-files-max. Absent for pipes.' },
  leadline_shipper_open_files_limit_hits_total: { type: 'counter', help: 'Times that one file more was one too many, for --open-files-max or the system: one was closed for it, or it had to wait. Absent for pipes.' },
  leadline_shipper_checkpoint_failures_total: { type: 'counter', help: 'Checkpoints that could not be saved. Absent for pipes.' },
  leadline_shipper_checkpoint_age_seconds: { type: 'gauge', help: 'How long the oldest change waits that is not in the saved checkpoint; 0 where there is none. Absent for pipes.' },
  leadline_shipper_published_chunks_total: { type: 'counter', help: 'Chunks, idle, closing and gap records handed over for good.' },
  leadline_shipper_published_bytes_total: { type: 'counter', help: 'Their bytes as they travelled, compressed.' },
  leadline_shipper_retries_total: { type: 'counter', help: 'Attempts of the transport beyond the first.' },
  leadline_shipper_transport_troubled: { type: 'gauge', help: '1 while nothing gets through; /readyz says why.' },
} as const satisfies Record<string, MetricSpec>;

const { leadline_collector_chunks_total, leadline_collector_chunk_bytes_total, leadline_collector_trimmed_bytes_total, leadline_collector_refused_chunks_total, leadline_collector_commits_total, leadline_collector_stalled, leadline_collector_templates, leadline_collector_template_overflow_total, leadline_streams, leadline_lines, leadline_events, leadline_stream_stored_bytes, leadline_stream_gap_bytes, leadline_http_requests_total } = metrics;
/** Of `collect`. */
export const collectorMetrics = {
  leadline_streams,
  leadline_lines,
  leadline_events,
  leadline_stream_stored_bytes,
  leadline_stream_gap_bytes,
  leadline_collector_chunks_total,
  leadline_collector_chunk_bytes_total,
  leadline_collector_trimmed_bytes_total,
  leadline_collector_refused_chunks_total,
  leadline_collector_commits_total,
  leadline_collector_templates,
  leadline_collector_template_overflow_total,
  leadline_collector_stalled,
  ...kafkaIntakeMetrics,
  leadline_http_requests_total,
} as const satisfies Record<string, MetricSpec>;
