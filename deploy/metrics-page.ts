/** `docs/metrics.md`: every metric, from the catalogue. */
import { collectorMetrics, metrics, shipperMetrics } from '#schemas/telemetry.ts';

type Catalogue = Readonly<Record<string, { type: string; help: string; labels?: readonly string[] }>>;

const parts: readonly { title: string; about: string; catalogue: Catalogue }[] = [
  { title: '`ship` and `run`', about: 'On port 4681. The balance: written = acknowledged + in flight + unread + dropped.', catalogue: shipperMetrics },
  { title: '`collect`', about: 'On port 4682.', catalogue: collectorMetrics },
  { title: '`up`', about: 'On port 4680.', catalogue: metrics },
];

/** The page as it should stand in `docs/metrics.md`. */
export function metricsPage(): string {
  const sections = parts.map(({ title, about, catalogue }) => {
    const rows = Object.entries(catalogue).map(([name, { type, help, labels = [] }]) => `| \`${name}\` | ${type} | ${labels.map(label => `\`${label}\``).join(', ')} | ${help} |`);
    return `## ${title}\n\n${about}\n\n| name | type | labels | what |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `# Metrics

Written by \`node deploy/write-docs.ts\` from \`schemas/telemetry.ts\`; change it there.

\`GET /metrics\` shows them in Prometheus' text format. They never hold the content of a log.

${sections.join('\n')}
## Worth an alarm

| condition | means |
| --- | --- |
| \`leadline_shipper_transport_troubled == 1\` for minutes | nothing gets through; the lines wait in their files. \`/readyz\` says why |
| \`leadline_shipper_unread_bytes\` grows for minutes | the shipper, or what is behind it, is slower than the writers |
| \`leadline_shipper_seconds_to_loss < 900\` | rotation takes bytes before they get through, in so many seconds: mend what they wait for (\`leadline status\` names the file), rotate less often, or keep more rotated files. It learns from rotations since the start: before the first, and where every rotated file stays, it is absent, so keep the alarm on unread bytes too |
| \`leadline_shipper_checkpoint_age_seconds > 60\` | the checkpoint cannot be saved, as on a full disk: nothing is lost, but a restart sends again what was acknowledged since |
| \`delta(leadline_shipper_dropped_bytes[1h]) > 0\` | bytes were gone before they could be read, by cause: rotate less often or keep more rotated files |
| \`leadline_collector_stalled == 1\` | nothing can be stored, as on a full disk |
| \`leadline_collector_kafka_lag_records\` grows | the collector is behind; \`retention.ms\` of the chunks' topic is how long that may go on |
`;
}
