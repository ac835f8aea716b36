/** The Kafka topics, declared once: `leadline topics apply` makes and checks them, and their page of the docs derives from here. */

export const topicKinds = ['chunks', 'streams', 'signals', 'alerts', 'dead-letters', 'events', 'clock'] as const;
export type TopicKind = (typeof topicKinds)[number];

export interface TopicSpec {
  /** What the records' key is. */
  key: string;
  partitions: number;
  cleanup: 'delete' | 'compact';
  /** How long records are kept; null where only later records of the same key replace them. */
  retentionMs: number | null;
  /** Whose clock a record's timestamp is. */
  timestamps: 'CreateTime' | 'LogAppendTime';
  doc: string;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

export const topics: Readonly<Record<TopicKind, TopicSpec>> = {
  // The broker's one clock: an open event is closed by the time of a later record, which another machine may have sent; and by its sender's time Kafka
  // refuses a record of a machine whose clock is more than an hour ahead.
  chunks: { key: 'source', partitions: 12, cleanup: 'delete', retentionMs: 7 * dayMs, timestamps: 'LogAppendTime', doc: 'The lines, in chunks; idle, closing and gap records.' },
  streams: { key: 'streamId', partitions: 3, cleanup: 'compact', retentionMs: null, timestamps: 'LogAppendTime', doc: 'What is known of every stream: recovery, lag, balance.' },
  signals: { key: 'rule and its key', partitions: 6, cleanup: 'delete', retentionMs: dayMs, timestamps: 'CreateTime', doc: 'What alerting reads.' },
  alerts: { key: 'episode', partitions: 3, cleanup: 'compact', retentionMs: null, timestamps: 'CreateTime', doc: 'State of the alert episodes.' },
  'dead-letters': { key: 'source', partitions: 3, cleanup: 'delete', retentionMs: 14 * dayMs, timestamps: 'LogAppendTime', doc: 'Records that could not be decoded, with the reason.' },
  events: { key: 'service', partitions: 6, cleanup: 'delete', retentionMs: hourMs, timestamps: 'CreateTime', doc: 'Parsed events, for live tail across machines.' },
  clock: { key: 'node', partitions: 1, cleanup: 'delete', retentionMs: dayMs, timestamps: 'LogAppendTime', doc: 'Heartbeats that compare clocks.' },
};

/** Copies of every record, as many as there are brokers for. */
export const replicationMax = 3;
/** Of three copies this many have a record before it counts as written. */
const inSyncOfThree = 2;

/** `leadline.chunks` */
export function topicName(prefix: string, kind: TopicKind): string {
  return `${prefix}.${kind}`;
}

export function replicationFor(brokers: number): number {
  return Math.max(1, Math.min(replicationMax, brokers));
}

/** A compacted topic is read from its beginning at every start: small segments are compacted soon. */
const compactSegmentBytes = 16 * 1024 * 1024;

/** The topic's configuration, by Kafka's names. */
export function topicConfig(kind: TopicKind, replication: number): Record<string, string> {
  const { cleanup, retentionMs, timestamps } = topics[kind];
  return {
    'cleanup.policy': cleanup,
    ...(retentionMs === null ? { 'segment.bytes': String(compactSegmentBytes), 'segment.ms': String(hourMs), 'min.cleanable.dirty.ratio': '0.2' } : { 'retention.ms': String(retentionMs) }),
    'min.insync.replicas': String(replication >= replicationMax ? inSyncOfThree : 1),
    'unclean.leader.election.enable': 'false',
    'message.timestamp.type': timestamps,
  };
}

/** What is found of a topic in Kafka. */
export interface FoundTopic {
  partitions: number;
  replication: number;
  config: Readonly<Record<string, string>>;
}

export interface TopicProblem {
  problem: string;
  fix: string;
}

/**
 * What makes a topic unfit, in sentences for a person. More partitions, a longer retention and more copies in sync than asked are fine.
 * @param brokers how many there are: one broker cannot keep three copies
 */
export function topicProblems(kind: TopicKind, name: string, found: FoundTopic, brokers: number): TopicProblem[] {
  const problems: TopicProblem[] = [];
  const wanted = topics[kind];
  const alter = (key: string, value: string): string => `kafka-configs.sh --bootstrap-server HOST:PORT --alter --entity-type topics --entity-name ${name} --add-config ${key}=${value}`;
  const is = (key: string): string => found.config[key] ?? '';
  if (found.partitions < wanted.partitions && kind === 'streams') problems.push({ problem: `has ${found.partitions} ${found.partitions === 1 ? 'partition' : 'partitions'}, not ${wanted.partitions}`, fix: 'Delete it and run leadline topics apply: shippers publish their states again.' });
  if (found.replication < replicationFor(brokers)) problems.push({ problem: `has ${found.replication} ${found.replication === 1 ? 'copy' : 'copies'} of every record where ${replicationFor(brokers)} are possible`, fix: 'Add replicas with kafka-reassign-partitions.sh.' });
  if (!is('cleanup.policy').split(',').includes(wanted.cleanup)) problems.push({ problem: `cleanup.policy is ${is('cleanup.policy')}, not ${wanted.cleanup}`, fix: alter('cleanup.policy', wanted.cleanup) });
  else if (wanted.cleanup === 'delete' && is('cleanup.policy').includes('compact')) problems.push({ problem: 'is compacted: of several records of a source only the last would stay', fix: alter('cleanup.policy', wanted.cleanup) });
  const retentionMs = Number(is('retention.ms'));
  if (is('cleanup.policy').includes('delete') && retentionMs !== -1 && retentionMs < (wanted.retentionMs ?? Infinity)) problems.push({ problem: `retention.ms is ${retentionMs}, less than ${wanted.retentionMs ?? 'for ever'}`, fix: alter('retention.ms', String(wanted.retentionMs ?? -1)) });
  const inSync = Math.min(found.replication, Number(topicConfig(kind, found.replication)['min.insync.replicas']));
  if (Number(is('min.insync.replicas')) < inSync) problems.push({ problem: `min.insync.replicas is ${is('min.insync.replicas')}: what one broker alone has written can be lost with it`, fix: alter('min.insync.replicas', String(inSync)) });
  if (Number(is('min.insync.replicas')) > found.replication) problems.push({ problem: `min.insync.replicas is ${is('min.insync.replicas')}, more than the ${found.replication} there are: nothing can be written`, fix: alter('min.insync.replicas', String(inSync)) });
  if (is('unclean.leader.election.enable') === 'true') problems.push({ problem: 'unclean.leader.election.enable is true: acknowledged records can be lost', fix: alter('unclean.leader.election.enable', 'false') });
  if (is('message.timestamp.type') !== wanted.timestamps) problems.push({ problem: `message.timestamp.type is ${is('message.timestamp.type')}, not ${wanted.timestamps}`, fix: alter('message.timestamp.type', wanted.timestamps) });
  return problems;
}
