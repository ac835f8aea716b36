/**
 * THE LOOP over one topic: every partition of it, from the position that is stored with the events, without a consumer group, because an embedded
 * store has one collector. Whatever fails is tried again for as long as it takes.
 *
 * 1. Wait while nothing can be stored.
 * 2. Look at the topic: new partitions, or another topic under the same name.
 * 3. Fetch; hand each record over, in the order of its partition. One that has to wait stops its partition, not the others.
 * 4. An offset that the partition does not have is said, counted, and read on from the partition's start; what is known already is trimmed.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '#lib/clock.ts';
import { KafkaError, type DamagedBatch, type FetchedPartition, type FetchedRecord, type Kafka, type KafkaTopic } from '#lib/kafka/types.ts';
import type { Log } from '#lib/log.ts';
import type { LeadlineError } from '#schemas/errors.ts';
import { kafkaTrouble } from '#schemas/kafka-trouble.ts';
import type { ConsumedPosition } from '#schemas/store.ts';
import type { RecordPosition } from './consumed-positions.ts';

export interface TopicReaderParts {
  kafka: Kafka;
  /** For messages. */
  brokers: readonly string[];
  topic: string;
  /** Of one fetch. */
  bytesMax: number;
  storedPositions: () => readonly ConsumedPosition[];
  /** Resolves when more may be fetched. */
  whenReady: () => Promise<void>;
  /** Takes in what lies at this position of a partition. Resolves with why it has to be tried again later, or null. */
  take: (item: FetchedRecord | DamagedBatch, position: RecordPosition) => Promise<LeadlineError | null>;
  /** Records `[from, to)` were deleted before they were read, and nobody else will notice. */
  lost?: (position: RecordPosition, from: bigint, to: bigint) => Promise<void>;
  /** Of which partitions others read nothing now, and up to which record others may have stored what they hold; without it all are read. */
  assigned?: ReadonlyMap<number, bigint>;
  /** Nothing up to this record needs to be read again. */
  pass: (position: Omit<RecordPosition, 'timestampMs'>) => void;
  log: Log;
  clock: Clock;
}

export interface PartitionReport {
  topic: string;
  partition: number;
  /** The next record to be taken in. */
  position: string;
  /** Where a new start goes on: held back by open events and by what is not stored yet. Null before the first commit. */
  storedPosition: string | null;
  lagRecords: number;
  /** Since the start. */
  records: number;
  bytes: number;
}

interface Partition {
  partition: number;
  offset: bigint;
  /** Nothing was ever read of it: wherever its log begins is its beginning. */
  isFresh: boolean;
  highWatermark: bigint | null;
  records: number;
  bytes: number;
  /** Not to be fetched before this time: something in it has to be tried again. */
  notBeforeMs: number;
  attempts: number;
}

const fetchWaitMsMax = 500;
const retryDelayMsMin = 100;
const retryDelayMsMax = 5000;
/** Records are handed over for this long at a stretch, then timers and other connections have a turn. */
const turnMsMax = 20;

export class KafkaTopicReader {
  /** Why it does not get on, or null. */
  troubledBy: string | null = null;
  outOfRange = 0;
  private readonly parts: TopicReaderParts;
  private readonly stopping = new AbortController();
  private topicId: string | null = null;
  private partitions: Partition[] = [];
  /** Partitions that the topic had when it was looked at last. */
  private counted = 0;
  private turnStartedMs = 0;

  constructor(parts: TopicReaderParts) {
    this.parts = parts;
  }

  report(): PartitionReport[] {
    const { topic, storedPositions } = this.parts;
    const stored = new Map(storedPositions().filter(({ topicId }) => topicId === this.topicId).map(({ partition, recordOffset }) => [partition, recordOffset]));
    return this.partitions.map(({ partition, offset, highWatermark, records, bytes }) => ({ topic, partition, position: String(offset), storedPosition: stored.get(partition) ?? null, lagRecords: highWatermark === null ? 0 : Math.max(0, Number(highWatermark - offset)), records, bytes }));
  }

  /** True once every partition was answered. */
  get hasLooked(): boolean {
    return this.topicId !== null && this.partitions.every(({ highWatermark }) => highWatermark !== null);
  }

  /** Resolves when it was stopped and the record in hand is taken in. @throws whatever is not Kafka's */
  async run(): Promise<void> {
    for (let attempts = 0; !this.isStopped; ) {
      try {
        await this.unlessStopped(this.parts.whenReady());
        const found = await this.unlessStopped(this.parts.kafka.topic(this.parts.topic));
        if (found === null) break;
        this.lookAt(found);
        await this.readOnce();
        attempts = 0;
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        if (this.isStopped) break;
        this.say(this.troubleOf(error, null));
        await this.pause(retryDelayMs(attempts++));
      }
    }
  }

  stop(): void {
    this.stopping.abort();
  }

  private get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private pause(ms: number): Promise<void> {
    return this.parts.clock.sleep(ms, this.stopping.signal);
  }

  /** Cached by the client; a topic that was made anew has another id, and old offsets would lie in its range. */
  private lookAt(found: KafkaTopic): void {
    const { topic, log, storedPositions, assigned } = this.parts;
    if (this.topicId === found.id && this.counted === found.partitions) return;
    if (this.topicId !== null && this.topicId !== found.id) {
      log.warn({ event: 'topicRecreated', topic, topicId: found.id }, `${topic} was deleted and made again: it is read from its beginning`);
      this.partitions = [];
      this.counted = 0;
    }
    const stored = new Map(storedPositions().filter(({ topicId }) => topicId === found.id).map(({ partition, recordOffset }) => [partition, BigInt(recordOffset)]));
    this.topicId = found.id;
    const known = this.partitions.length;
    for (let partition = this.counted; partition < found.partitions; partition++) {
      if (assigned !== undefined && !assigned.has(partition)) continue;
      const offset = stored.get(partition) ?? null;
      this.partitions.push({ partition, offset: offset ?? 0n, isFresh: offset === null, highWatermark: null, records: 0, bytes: 0, notBeforeMs: 0, attempts: 0 });
    }
    this.counted = found.partitions;
    const opened = this.partitions.slice(known);
    log.info({ event: 'partitionsOpened', topic, topicId: found.id, from: Object.fromEntries(opened.map(({ partition, offset, isFresh }) => [partition, isFresh ? 'beginning' : String(offset)])) }, `reading ${opened.length} partitions of ${topic}`);
  }

  private async readOnce(): Promise<void> {
    const nowMs = this.parts.clock.nowMs();
    const open = this.partitions.filter(({ notBeforeMs }) => notBeforeMs <= nowMs);
    if (open.length === 0) {
      await this.pause(Math.min(...this.partitions.map(({ notBeforeMs }) => notBeforeMs - nowMs), retryDelayMsMax));
      return;
    }
    const answers = await this.unlessStopped(this.parts.kafka.fetch(this.parts.topic, open.map(({ partition, offset }) => ({ partition, offset })), { bytesMax: this.parts.bytesMax, maxWaitMs: fetchWaitMsMax, topicId: this.topicId ?? undefined }));
    const { topicId } = this;
    for (const answer of answers ?? []) {
      const partition = this.partitions.find(each => each.partition === answer.partition);
      if (partition === undefined || topicId === null || this.isStopped) continue;
      const trouble = await this.takeAnswer(topicId, partition, answer);
      if (trouble === null) {
        partition.attempts = 0;
        continue;
      }
      partition.notBeforeMs = this.parts.clock.nowMs() + retryDelayMs(partition.attempts++);
      // A leader that moves is everyday; what stays is said.
      if (partition.attempts > 1) this.say(trouble);
    }
    if (answers !== null && this.partitions.every(({ attempts }) => attempts === 0)) this.recovered();
  }

  /** @returns why the partition has to wait, or null */
  private async takeAnswer(topicId: string, partition: Partition, answer: FetchedPartition): Promise<LeadlineError | null> {
    if (answer.error !== null) return answer.error.code === 'OFFSET_OUT_OF_RANGE' ? this.leaveRange(topicId, partition) : this.troubleOf(answer.error, partition.partition);
    partition.highWatermark = answer.highWatermark;
    partition.isFresh = false;
    for (const item of inOrder(answer)) {
      const isRecord = 'recordOffset' in item;
      const [from, to] = isRecord ? [item.recordOffset, item.recordOffset + 1n] : [item.from, item.to];
      if (to <= partition.offset) continue;
      const doubtfulBefore = this.parts.assigned?.get(partition.partition);
      const trouble = await this.parts.take(item, { topicId, partition: partition.partition, recordOffset: from, timestampMs: isRecord ? item.timestampMs : 0, ...(doubtfulBefore === undefined ? {} : { mayBeStored: from < doubtfulBefore }), ...(from > partition.offset ? { emptyFrom: partition.offset } : {}) });
      if (trouble !== null) return trouble;
      partition.offset = to;
      partition.records += Number(to - from);
      partition.bytes += isRecord ? (item.value?.length ?? 0) : item.bytes.length;
      if (this.isStopped) return null;
      await this.giveWay();
    }
    // Records that were compacted away, and those that only Kafka reads.
    if (answer.nextOffset > partition.offset) {
      partition.offset = answer.nextOffset;
      this.parts.pass({ topicId, partition: partition.partition, recordOffset: answer.nextOffset - 1n });
    }
    return null;
  }

  /**
   * The partition does not have the record that comes next: it was deleted before it was read, or the log lost its end. Either way all that is there
   * is read again; what is stored is trimmed, and what is gone becomes a gap of its stream where the next chunk begins past its known end.
   */
  private async leaveRange(topicId: string, partition: Partition): Promise<LeadlineError | null> {
    const { kafka, topic, log, lost, pass, clock } = this.parts;
    const { offset } = partition;
    let earliest: bigint | undefined;
    let latest: bigint | undefined;
    try {
      earliest = (await kafka.offsets(topic, 'earliest'))[partition.partition];
      latest = (await kafka.offsets(topic, 'latest'))[partition.partition];
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return this.troubleOf(error, partition.partition);
    }
    if (earliest === undefined || latest === undefined || (offset >= earliest && offset <= latest)) {
      return this.troubleOf(new KafkaError('OFFSET_OUT_OF_RANGE', `record ${offset} of partition ${partition.partition} is refused, though the log is said to hold ${earliest ?? 'nothing'} to ${latest ?? 'nothing'}`), partition.partition);
    }
    if (!partition.isFresh) {
      this.outOfRange += 1;
      if (offset < earliest) await lost?.({ topicId, partition: partition.partition, recordOffset: earliest - 1n, timestampMs: clock.nowMs() }, offset, earliest);
      const reason = offset < earliest ? `records ${offset} to ${earliest} were deleted before they were read` : `its log ends at ${latest}, before the position ${offset}, as after an unclean leader election`;
      log.error({ event: 'offsetOutOfRange', topic, partition: partition.partition, recordOffset: String(offset), earliest: String(earliest), latest: String(latest) }, `${topic} partition ${partition.partition}: ${reason}. Reading goes on at ${earliest}; bytes that are gone are told as gaps.`);
    }
    partition.offset = earliest;
    pass({ topicId, partition: partition.partition, recordOffset: earliest - 1n });
    return null;
  }

  /** Null where it was stopped first. */
  private async unlessStopped<T>(answer: Promise<T>): Promise<T | null> {
    let stopped: () => void = () => undefined;
    const stop = new Promise<null>(resolve => {
      stopped = () => resolve(null);
      this.stopping.signal.addEventListener('abort', stopped, { once: true });
    });
    try {
      answer.catch(() => undefined);
      return await Promise.race([answer, stop]);
    } finally {
      this.stopping.signal.removeEventListener('abort', stopped);
    }
  }

  private async giveWay(): Promise<void> {
    if (performance.now() - this.turnStartedMs < turnMsMax) return;
    await nextTurn();
    this.turnStartedMs = performance.now();
  }

  private troubleOf(error: KafkaError, partition: number | null): LeadlineError {
    const { brokers, topic } = this.parts;
    return kafkaTrouble(error, { brokers, topic, partition, operation: 'read' });
  }

  private say({ code, message }: LeadlineError): void {
    if (this.troubledBy !== message) this.parts.log.error({ event: 'kafkaTroubled', topic: this.parts.topic, code }, message);
    this.troubledBy = message;
  }

  private recovered(): void {
    if (this.troubledBy !== null) this.parts.log.info({ event: 'kafkaResumed', topic: this.parts.topic }, `${this.parts.topic} is read again`);
    this.troubledBy = null;
  }
}

/** Twice as long each time, up to a limit, and never at the same time as others. */
function retryDelayMs(attempts: number): number {
  return Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** Math.min(attempts, 10)) * (0.5 + Math.random() / 2);
}

function inOrder({ records, damaged }: FetchedPartition): (FetchedRecord | DamagedBatch)[] {
  if (damaged.length === 0) return records;
  const offsetOf = (item: FetchedRecord | DamagedBatch): bigint => ('recordOffset' in item ? item.recordOffset : item.from);
  return [...records, ...damaged].sort((a, b) => (offsetOf(a) < offsetOf(b) ? -1 : 1));
}
