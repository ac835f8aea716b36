/** Every metric, declared once. `/metrics` shows them in Prometheus' text format; the names are an interface. */
export const metrics = {
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
  leadline_collector_stalled: { type: 'gauge', help: '1 while nothing can be stored, as on a full disk.' },
  leadline_store_bytes: { type: 'gauge', help: 'Size of the store on disk.' },
  leadline_store_files: { type: 'gauge', help: 'Files of the store.' },
  leadline_alerts_firing: { type: 'gauge', help: 'Alert episodes that are open.' },
  leadline_http_requests_total: { type: 'counter', help: 'HTTP requests answered, by route and status.', labels: ['route', 'status'] },
  leadline_tail_clients: { type: 'gauge', help: 'Live tails open.' },
} as const satisfies Record<string, { type: 'gauge' | 'counter'; help: string; labels?: readonly string[] }>;

export type MetricName = keyof typeof metrics;
