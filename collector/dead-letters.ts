/**
 * Records that cannot be taken in go to the topic PREFIX.dead-letters as they were, with the reason and where they lay, before their position is
 * passed. One attempt per call; whoever calls tries again, because the partition must not go on without it.
 */
import type { Log } from '#lib/log.ts';
import { KafkaError, type Kafka, type OutgoingRecord } from '#lib/kafka/types.ts';
import type { RecordFormat } from './records/record-stream.ts';

export interface DeadLetter {
  reason: string;
  topic: string;
  partition: number;
  /** Half-open `[from, to)` in the partition: one record, or a batch that could not be taken apart. */
  from: bigint;
  to: bigint;
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: Readonly<Record<string, string>>;
  /** Of a topic that others fill: what else it takes to make lines of its records. */
  lines?: LetterLines | null;
}

export interface LetterLines {
  topicId: string;
  format: RecordFormat;
  /** The record's own, milliseconds since the epoch; 0 where it is not known. */
  timestampMs: number;
}

/** A reason is for people: what is longer says no more. */
const reasonCharactersMax = 1000;

export class DeadLetters {
  readonly topic: string;
  count = 0;
  private readonly kafka: Kafka;
  private readonly log: Log;

  constructor(kafka: Kafka, topic: string, log: Log) {
    this.kafka = kafka;
    this.topic = topic;
    this.log = log;
  }

  /** @throws KafkaError; the letter may have arrived where the outcome is unknown, and comes twice then. */
  async send(letter: DeadLetter): Promise<void> {
    const record: OutgoingRecord = {
      key: letter.key,
      value: letter.value,
      headers: {
        ...letter.headers,
        'll-dead-reason': letter.reason.slice(0, reasonCharactersMax),
        'll-dead-topic': letter.topic,
        'll-dead-partition': String(letter.partition),
        'll-dead-offset': String(letter.from),
        ...(letter.to === letter.from + 1n ? {} : { 'll-dead-offset-end': String(letter.to) }),
        ...(letter.lines === undefined || letter.lines === null ? {} : { 'll-dead-topic-id': letter.lines.topicId, 'll-dead-format': letter.lines.format, 'll-dead-ms': String(letter.lines.timestampMs) }),
      },
    };
    const { partitions } = await this.kafka.topic(this.topic);
    const partition = partitionOf(letter.key, partitions);
    try {
      await this.kafka.produce(this.topic, partition, [record], 'none');
    } catch (error) {
      if (!(error instanceof KafkaError) || (error.code !== 'MESSAGE_TOO_LARGE' && error.code !== 'RECORD_LIST_TOO_LARGE') || record.value === null) throw error;
      // Better a letter that says where the record lies than a partition that stands still for ever.
      this.log.error({ event: 'deadLetterCut', topic: letter.topic, partition: letter.partition, recordOffset: String(letter.from) }, `${this.topic} does not take a record of ${record.value.length} bytes: it gets one that names it, and the record itself lies in ${letter.topic} until that topic lets it go. Raise max.message.bytes of ${this.topic}.`);
      await this.kafka.produce(this.topic, partition, [{ ...record, value: null, headers: { ...record.headers, 'll-dead-bytes': String(record.value.length) } }], 'none');
    }
    this.count += 1;
    this.log.error({ event: 'recordDeadLettered', topic: letter.topic, partition: letter.partition, recordOffset: String(letter.from), reason: letter.reason }, `a record of ${letter.topic} cannot be taken in and went to ${this.topic}: ${letter.reason}`);
  }
}

/** Letters of one source stay in order. */
export function partitionOf(key: Uint8Array | null, partitions: number): number {
  let hash = 0;
  for (const byte of key ?? []) hash = (Math.imul(hash, 31) + byte) >>> 0;
  return hash % partitions;
}
