/**
 * What waits for one partition. One batch is under way at a time, in order, and is sent again as it is until Kafka has it; what comes meanwhile
 * goes together in the next.
 */
import { recordBytes } from '#lib/kafka/record-batch.ts';
import { KafkaError, type Kafka, type KafkaCodec, type OutgoingRecord } from '#lib/kafka/types.ts';
import type { KafkaRetry } from './kafka-retry.ts';

export interface QueuedRecord {
  /** May be replaced until it is on its way. */
  record: OutgoingRecord;
  isOnItsWay: boolean;
}

const batchBytesMax = 1_000_000;
const batchRecordsMax = 500;
const tooLarge: ReadonlySet<string> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
/** What Kafka found too large is believed for this long: somebody may raise the limit. */
const limitKnownMs = 600_000;

export interface PartitionQueueParts<R extends QueuedRecord> {
  kafka: Kafka;
  topic: string;
  partition: number;
  codec: KafkaCodec;
  retry: KafkaRetry;
  nowMs: () => number;
  /** Two records in the place of one that Kafka finds too large; null where it cannot be divided. */
  divide: (record: R) => [R, R] | null;
  /** Kafka has these, on all replicas in sync; in order. */
  onAcknowledged: (records: readonly R[]) => void;
}

export class KafkaPartitionQueue<R extends QueuedRecord> {
  private readonly parts: PartitionQueueParts<R>;
  private readonly waiting: R[] = [];
  private isRunning = false;
  /** Learned: batches of several records stay below the first, single records are divided from the second on. */
  private severalBytesMax = batchBytesMax;
  private singleBytesRefused = Infinity;
  private learnedMs = 0;
  /** Of a single record that was just refused. */
  private halves: [R, R] | null = null;

  constructor(parts: PartitionQueueParts<R>) {
    this.parts = parts;
  }

  add(record: R): void {
    this.waiting.push(record);
    if (!this.isRunning) void this.run();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    try {
      while (this.waiting.length > 0) await this.send(this.nextBatch());
    } catch (error) {
      // After `stop` the records stay unacknowledged and come again from the checkpoint.
      if (!this.parts.retry.isStopped) throw error;
    } finally {
      this.isRunning = false;
    }
  }

  private nextBatch(): R[] {
    this.forgetLimit();
    while (recordBytes(this.waiting[0]!.record) >= this.singleBytesRefused) if (!this.divideFirst()) break;
    let batchBytes = 0;
    let count = 0;
    for (const { record } of this.waiting) {
      const bytes = recordBytes(record);
      if (count > 0 && (count >= batchRecordsMax || batchBytes + bytes > this.severalBytesMax || bytes >= this.singleBytesRefused)) break;
      batchBytes += bytes;
      count++;
    }
    return this.waiting.splice(0, count);
  }

  private async send(batch: readonly R[]): Promise<void> {
    const { kafka, topic, partition, codec, retry } = this.parts;
    const records = batch.map(queued => {
      queued.isOnItsWay = true;
      return queued.record;
    });
    try {
      await retry.untilDone({ topic, partition, operation: 'write', records: () => shown(batch) }, () => kafka.produce(topic, partition, records, codec), error => tooLarge.has(error.code) && this.learn(batch));
    } catch (error) {
      if (!(error instanceof KafkaError) || !tooLarge.has(error.code)) throw error;
      this.waiting.unshift(...(this.halves ?? batch));
      this.halves = null;
      return;
    }
    this.parts.onAcknowledged(batch);
  }

  /** Keeps what Kafka found too large. @returns whether there is something smaller to try */
  private learn(batch: readonly R[]): boolean {
    this.learnedMs = this.parts.nowMs();
    const bytes = batch.reduce((sum, { record }) => sum + recordBytes(record), 0);
    if (batch.length > 1) {
      this.severalBytesMax = Math.floor(bytes / 2);
      return true;
    }
    this.halves = this.parts.divide(batch[0]!);
    if (this.halves === null) return false;
    this.singleBytesRefused = Math.min(this.singleBytesRefused, bytes);
    return true;
  }

  private forgetLimit(): void {
    if (this.parts.nowMs() - this.learnedMs < limitKnownMs) return;
    this.severalBytesMax = batchBytesMax;
    this.singleBytesRefused = Infinity;
  }

  /** @returns false where the record stays whole */
  private divideFirst(): boolean {
    const halves = this.parts.divide(this.waiting[0]!);
    if (halves === null) return false;
    this.waiting.splice(0, 1, ...halves);
    return true;
  }
}

/** `3 records, the first with ll-stream=..., ll-offset=...` */
function shown(batch: readonly QueuedRecord[]): string {
  const names = Object.entries(batch[0]!.record.headers).filter(([name]) => name === 'll-source' || name === 'll-stream' || name === 'll-offset');
  return `${batch.length} ${batch.length === 1 ? 'record' : 'records'}, the first with ${names.map(([name, value]) => `${name}=${value}`).join(', ')}`;
}
