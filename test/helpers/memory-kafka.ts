/**
 * Kafka in memory, for tests of what reads it: logs with offsets of their own, and the faults of a real one under the test's hand. It answers as the
 * real one does; test/scenario/kafka-collect.test.ts runs the same things on a broker.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { KafkaError, type DamagedBatch, type FetchedPartition, type FetchedRecord, type Kafka, type KafkaTopic, type OutgoingRecord, type ProduceAnswer } from '#lib/kafka/types.ts';

interface PartitionLog {
  start: bigint;
  end: bigint;
  /** Ascending; offsets may be missing, as after compaction. */
  items: (FetchedRecord | DamagedBatch)[];
}

const from = (item: FetchedRecord | DamagedBatch): bigint => ('recordOffset' in item ? item.recordOffset : item.from);

export class MemoryKafka implements Kafka {
  /** Every call fails with it. */
  failure: KafkaError | null = null;
  /** Fetches of a partition, `topic:partition`, answer with it. */
  readonly partitionFailures = new Map<string, KafkaError>();
  /** Produce calls to a topic fail with it. */
  readonly produceFailures = new Map<string, KafkaError>();
  /** Fetches asked for, by topic. */
  readonly fetches = new Map<string, number>();
  nowMs = 1_795_262_400_000;
  private readonly topics = new Map<string, { id: string; logs: PartitionLog[] }>();

  /** A topic of this name, in place of one that was there. */
  make(name: string, partitions: number): void {
    this.topics.set(name, { id: randomBytes(16).toString('hex'), logs: [] });
    this.widen(name, partitions);
  }

  widen(name: string, partitions: number): void {
    const { logs } = this.topics.get(name)!;
    while (logs.length < partitions) logs.push({ start: 0n, end: 0n, items: [] });
  }

  remove(name: string): void {
    this.topics.delete(name);
  }

  append(name: string, partition: number, record: Partial<OutgoingRecord> & { timestampMs?: number }): bigint {
    const log = this.log(name, partition);
    log.items.push({ recordOffset: log.end, timestampMs: record.timestampMs ?? this.nowMs, key: record.key ?? null, value: record.value ?? null, headers: { ...record.headers } });
    return log.end++;
  }

  appendDamaged(name: string, partition: number, records: number): void {
    const log = this.log(name, partition);
    log.items.push({ from: log.end, to: log.end + BigInt(records), problem: 'its checksum is wrong', bytes: Buffer.from('damaged') });
    log.end += BigInt(records);
  }

  /** Offsets that no record has: compacted away, or of Kafka's own. */
  skip(name: string, partition: number, records: number): void {
    this.log(name, partition).end += BigInt(records);
  }

  /** Retention: everything before `to` is gone. */
  expire(name: string, partition: number, to: bigint): void {
    const log = this.log(name, partition);
    log.start = to;
    log.items = log.items.filter(item => from(item) >= to);
  }

  /** An unclean election: everything from `at` on is gone. */
  loseEnd(name: string, partition: number, at: bigint): void {
    const log = this.log(name, partition);
    log.end = at;
    log.items = log.items.filter(item => from(item) < at);
  }

  records(name: string, partition?: number): FetchedRecord[] {
    const logs = this.topics.get(name)?.logs ?? [];
    return (partition === undefined ? logs : [logs[partition]!]).flatMap(({ items }) => items.filter(item => 'recordOffset' in item));
  }

  endOf(name: string, partition: number): bigint {
    return this.log(name, partition).end;
  }

  topicId(name: string): string {
    return this.topics.get(name)!.id;
  }

  /* eslint-disable @typescript-eslint/require-await */

  async topic(name: string): Promise<KafkaTopic> {
    const found = this.found(name);
    return { name, id: found.id, partitions: found.logs.length };
  }

  async produce(topic: string, partition: number, records: readonly OutgoingRecord[]): Promise<ProduceAnswer> {
    const failure = this.produceFailures.get(topic);
    if (failure !== undefined) throw failure;
    this.found(topic);
    const baseOffset = this.log(topic, partition).end;
    for (const record of records) this.append(topic, partition, record);
    return { baseOffset, appendTimeMs: null };
  }

  async fetch(topic: string, positions: readonly { partition: number; offset: bigint }[], { bytesMax, maxWaitMs }: { bytesMax: number; maxWaitMs: number }): Promise<FetchedPartition[]> {
    this.fetches.set(topic, (this.fetches.get(topic) ?? 0) + 1);
    for (let waitedMs = 0; waitedMs < maxWaitMs; waitedMs += 2) {
      const { logs } = this.found(topic);
      if (positions.some(({ partition, offset }) => this.partitionFailures.has(`${topic}:${partition}`) || (logs[partition]?.end ?? 0n) !== offset)) break;
      await pause(2);
    }
    const { logs } = this.found(topic);
    let bytesLeft = bytesMax;
    return positions.map(({ partition, offset }) => {
      const log = logs[partition];
      const failure = this.partitionFailures.get(`${topic}:${partition}`) ?? (log === undefined ? new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'no such partition') : offset < log.start || offset > log.end ? new KafkaError('OFFSET_OUT_OF_RANGE', 'offset out of range') : null);
      if (failure !== null || log === undefined) return { partition, records: [], damaged: [], nextOffset: offset, highWatermark: -1n, logStartOffset: -1n, error: failure };
      const answer: FetchedPartition = { partition, records: [], damaged: [], nextOffset: offset, highWatermark: log.end, logStartOffset: log.start, error: null };
      let isWhole = true;
      for (const item of log.items) {
        const to = 'recordOffset' in item ? item.recordOffset + 1n : item.to;
        if (to <= offset) continue;
        if (bytesLeft <= 0) {
          isWhole = false;
          break;
        }
        if ('recordOffset' in item) answer.records.push({ ...item });
        else answer.damaged.push(item);
        bytesLeft -= 'recordOffset' in item ? (item.value?.length ?? 0) + 100 : item.bytes.length;
        answer.nextOffset = to;
      }
      if (isWhole) answer.nextOffset = log.end;
      return answer;
    });
  }

  async offsets(topic: string, which: 'earliest' | 'latest'): Promise<bigint[]> {
    return this.found(topic).logs.map(({ start, end }) => (which === 'earliest' ? start : end));
  }

  async close(): Promise<void> {
    // Nothing is held.
  }

  private found(name: string): { id: string; logs: PartitionLog[] } {
    if (this.failure !== null) throw this.failure;
    const topic = this.topics.get(name);
    if (topic === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`);
    return topic;
  }

  private log(name: string, partition: number): PartitionLog {
    const log = this.topics.get(name)?.logs[partition];
    if (log === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no partition ${partition} of ${name}`);
    return log;
  }
}
