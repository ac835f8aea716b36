/** `docs/topics.md`: the topics and who needs which right on them, from the catalogue. */
import { quantityText } from '#schemas/options.ts';
import { topicConfig, topicKinds, topicName, topics, type TopicKind } from '#schemas/topics.ts';

const prefix = 'leadline';

interface Role {
  name: string;
  user: string;
  reads: readonly TopicKind[];
  writes: readonly TopicKind[];
}

const roles: readonly Role[] = [
  { name: 'a shipper (`ship`, `run`)', user: 'leadline-shipper', reads: ['streams'], writes: ['chunks', 'streams', 'clock'] },
  { name: 'a collector (`collect`)', user: 'leadline-collector', reads: ['chunks', 'streams'], writes: ['dead-letters', 'signals', 'events'] },
  { name: 'whoever replays (`dead-letters`)', user: 'leadline-upkeep', reads: ['dead-letters', 'chunks'], writes: ['chunks', 'dead-letters'] },
];

/** The page as it should stand in `docs/topics.md`. */
export function topicsPage(): string {
  const rows = topicKinds.map(kind => {
    const { key, partitions, cleanup, retentionMs, timestamps, doc } = topics[kind];
    return `| \`${topicName(prefix, kind)}\` | ${key} | ${partitions} | ${cleanup} | ${retentionMs === null ? 'for ever, the last of each key' : quantityText('retentionMs', retentionMs)} | ${timestamps} | ${doc} |`;
  });
  const rights = roles.map(({ name, reads, writes }) => `| ${name} | ${reads.map(kind => `\`${topicName(prefix, kind)}\``).join(', ')} | ${writes.map(kind => `\`${topicName(prefix, kind)}\``).join(', ')} |`);
  return `# Topics

Written by \`node deploy/write-docs.ts\` from \`schemas/topics.ts\`; change it there.

\`leadline topics apply --kafka HOST:PORT\` makes the topics that are missing, changes none that is there, and says of each what does not fit and the command that mends it. \`leadline check --kafka HOST:PORT\` only looks.
\`--topic-prefix\` puts another name in front of the dot.

| topic | key | partitions | cleanup | kept | timestamps | what |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

Every record has three copies, or as many as there are brokers. With three, two must have it before it counts as written (\`min.insync.replicas\` ${topicConfig('chunks', 3)['min.insync.replicas']!}), and a broker that lacks records never becomes leader (\`unclean.leader.election.enable\` false): a line is acknowledged only when the loss of any one broker cannot lose it.
More partitions, a longer retention and more copies than listed are fine. Partitions may be added later: a source stays in the partition it began in.

\`retention.ms\` of \`${topicName(prefix, 'chunks')}\` is how long a collector may be away. What it has not read by then is shown as a gap, never passed over in silence.

## Rights

Where the brokers check rights (an authorizer), these are enough. Nobody needs rights on the cluster, except whoever runs \`topics apply\`: it creates topics and describes topics and their configuration. The collector sees that somebody tails where it may describe the consumer groups that begin with \`${prefix}-tail-\`; without that right it publishes events only with \`--publish-events\`.

| who | reads | writes |
| --- | --- | --- |
${rights.join('\n')}

As commands, with users called ${roles.map(({ user }) => `\`${user}\``).join(', ').replace(/, (?=[^,]+$)/, ' and ')}:

\`\`\`
${roles.flatMap(commandsOf).join('\n')}
kafka-acls.sh --bootstrap-server HOST:PORT --add --allow-principal User:${roles[1]!.user} --operation Describe --group ${prefix}-tail- --resource-pattern-type prefixed
\`\`\`

A right that is missing loses nothing: the shipper keeps the lines in their files, tries again, and says so in its log, in \`/readyz\` and as \`leadline_shipper_transport_troubled\`.
`;
}

function commandsOf({ user, reads, writes }: Role): string[] {
  const acl = (operation: string, kind: TopicKind): string => `kafka-acls.sh --bootstrap-server HOST:PORT --add --allow-principal User:${user} --operation ${operation} --topic ${topicName(prefix, kind)}`;
  return [...reads.map(kind => acl('Read', kind)), ...writes.map(kind => acl('Write', kind))];
}
