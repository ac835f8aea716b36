/**
 * Records on their way to a topic: in the order of their keys, one produce request per partition at a time, tried again for as long as it takes. A record
 * whose acknowledgement was lost comes twice.
 */
import type { Clock } from '#lib/clock.ts';
import { KafkaError, type Kafka, type KafkaCodec, type OutgoingRecord } from '#lib/kafka/types.ts';
import type { Log } from '#lib/log.ts';
import type { LeadlineError } from '#schemas/errors.ts';
import { kafkaTrouble } from '#schemas/kafka-trouble.ts';
import { partitionOf } from '../dead-letters.ts';

export interface RecordQueueParts {
  kafka: Kafka;
  /** For messages. */
  brokers: readonly string[];
  topic: string;
  codec: KafkaCodec;
  log: Log;
  clock: Clock;
}

/** Before compression; a broker takes 1 MB after it. */
const batchBytesMax = 900_000;
const batchRecordsMax = 5000;
const retryDelayMsMin = 100;
const retryDelayMsMax = 5000;
/** What a record takes beside its key and value. */
const recordOverheadBytes = 32;

interface Lane {
  waiting: OutgoingRecord[];
  isSending: boolean;
}

export class RecordQueue {
  /** Acknowledged since the start. */
  published = 0;
  /** Larger than the topic takes, and left out of it. */
  refused = 0;
  waitingBytes = 0;
  /** Why nothing gets through, or null. */
  troubledBy: LeadlineError | null = null;
  private readonly parts: RecordQueueParts;
  private readonly lanes = new Map<number, Lane>();
  private readonly stopping = new AbortController();
  private learning: Promise<void> | null = null;
  private partitions: number | null = null;
  /** Added before the topic was known. */
  private unsorted: OutgoingRecord[] = [];
  private empty: ((isEmpty: boolean) => void)[] = [];
  private roomier: (() => void)[] = [];

  constructor(parts: RecordQueueParts) {
    this.parts = parts;
  }

  /** Without waiting; whoever adds minds `waitingBytes`. */
  add(record: OutgoingRecord): void {
    if (this.isStopped) return;
    this.waitingBytes += bytesOf(record);
    if (this.partitions === null) {
      this.unsorted.push(record);
      this.learning ??= this.learn();
    } else this.sort(record, this.partitions);
  }

  /** Resolves with true when everything added so far, and meanwhile, is acknowledged; with false when it was stopped first. */
  whenEmpty(): Promise<boolean> {
    // What was added after a stop is nowhere.
    if (this.waitingBytes === 0 || this.isStopped) return Promise.resolve(!this.isStopped);
    return new Promise(resolve => this.empty.push(resolve));
  }

  /** Resolves when something was acknowledged, or when it was stopped. */
  whenLess(): Promise<void> {
    if (this.waitingBytes === 0 || this.isStopped) return Promise.resolve();
    return new Promise(resolve => this.roomier.push(resolve));
  }

  /** What waits is given up. */
  stop(): void {
    this.stopping.abort();
    this.tell();
  }

  private get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private async learn(): Promise<void> {
    await this.again(null, async () => {
      this.partitions = (await this.parts.kafka.topic(this.parts.topic)).partitions;
    });
    const { unsorted, partitions } = this;
    this.unsorted = [];
    if (partitions !== null) for (const record of unsorted) this.sort(record, partitions);
  }

  private sort(record: OutgoingRecord, partitions: number): void {
    const partition = partitionOf(record.key, partitions);
    let lane = this.lanes.get(partition);
    if (lane === undefined) this.lanes.set(partition, (lane = { waiting: [], isSending: false }));
    lane.waiting.push(record);
    if (!lane.isSending) void this.send(partition, lane);
  }

  private async send(partition: number, lane: Lane): Promise<void> {
    lane.isSending = true;
    // What comes in the same turn goes together.
    await Promise.resolve();
    while (lane.waiting.length > 0 && !this.isStopped) {
      const batch = lane.waiting.splice(0, batchLength(lane.waiting));
      await this.again(partition, () => this.produce(partition, batch));
      if (this.isStopped) break;
      this.waitingBytes -= batch.reduce((sum, record) => sum + bytesOf(record), 0);
      this.tell();
    }
    lane.isSending = false;
  }

  /** What is too large together goes in parts; a record that alone is too large is said, counted and left out. @throws KafkaError */
  private async produce(partition: number, batch: readonly OutgoingRecord[]): Promise<void> {
    const { kafka, topic, codec, log } = this.parts;
    try {
      await kafka.produce(topic, partition, batch, codec);
      this.published += batch.length;
    } catch (error) {
      if (!(error instanceof KafkaError) || (error.code !== 'MESSAGE_TOO_LARGE' && error.code !== 'RECORD_LIST_TOO_LARGE')) throw error;
      if (batch.length > 1) {
        const half = batch.length >> 1;
        await this.again(partition, () => this.produce(partition, batch.slice(0, half)));
        await this.again(partition, () => this.produce(partition, batch.slice(half)));
        return;
      }
      this.refused += 1;
      log.warn({ event: 'recordTooLarge', topic, bytes: bytesOf(batch[0]!) }, `${topic} does not take a record of ${bytesOf(batch[0]!)} bytes: it is left out there`);
    }
  }

  private async again(partition: number | null, attempt: () => Promise<unknown>): Promise<void> {
    const { brokers, topic, log, clock } = this.parts;
    for (let attempts = 0; !this.isStopped; attempts++) {
      try {
        await attempt();
        if (this.troubledBy !== null) log.info({ event: 'publishingResumed', topic }, `${topic} takes records again`);
        this.troubledBy = null;
        return;
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        const trouble = kafkaTrouble(error, { brokers, topic, partition, operation: 'write' });
        // A leader that moves is everyday; what stays is said.
        if (attempts > 0 && this.troubledBy?.message !== trouble.message) {
          log.error({ event: 'publishingTroubled', topic, code: trouble.code }, trouble.message);
          this.troubledBy = trouble;
        }
        await clock.sleep(Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** Math.min(attempts, 10)), this.stopping.signal);
      }
    }
  }

  private tell(): void {
    const roomier = this.roomier;
    this.roomier = [];
    for (const resolve of roomier) resolve();
    if (this.waitingBytes > 0 && !this.isStopped) return;
    const empty = this.empty;
    this.empty = [];
    for (const resolve of empty) resolve(this.waitingBytes === 0);
  }
}

function bytesOf({ key, value }: OutgoingRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0) + recordOverheadBytes;
}

/** At least one. */
function batchLength(records: readonly OutgoingRecord[]): number {
  let bytes = 0;
  for (const [index, record] of records.entries()) {
    bytes += bytesOf(record);
    if (index > 0 && (bytes > batchBytesMax || index >= batchRecordsMax)) return index;
  }
  return records.length;
}
