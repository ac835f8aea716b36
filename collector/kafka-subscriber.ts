/**
 * The collector on Kafka: chunks and stream states of all partitions into one intake, each record's position stored with what came of it. A record
 * that cannot be taken in is a dead letter before it is passed.
 */
import type { Clock } from '#lib/clock.ts';
import { KafkaError, type DamagedBatch, type FetchedRecord, type Kafka } from '#lib/kafka/types.ts';
import type { Log } from '#lib/log.ts';
import type { Chunk } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { kafkaTrouble } from '#schemas/kafka-trouble.ts';
import type { Options } from '#schemas/options.ts';
import { parsePathPattern } from '#schemas/path-pattern.ts';
import type { ConsumedPosition } from '#schemas/store.ts';
import { topicName } from '#schemas/topics.ts';
import type { RecordPosition } from './consumed-positions.ts';
import { replayedFromHeader } from './dead-letter-box.ts';
import { DeadLetters } from './dead-letters.ts';
import type { RecordTaker } from './intake.ts';
import { chunkOfRecord, stateOfRecord } from './kafka-records.ts';
import { KafkaTopicReader, type PartitionReport, type TopicReaderParts } from './kafka-topic-reader.ts';
import { recordFormats, RecordStream, type RecordFormat } from './records/record-stream.ts';

export interface KafkaSubscriberParts {
  kafka: Kafka;
  intake: RecordTaker;
  storedPositions: () => readonly ConsumedPosition[];
  /** Per topic, as `TopicReaderParts.assigned`; without it all partitions are read. */
  assigned?: ReadonlyMap<string, ReadonlyMap<number, bigint>>;
  /** Resolves when what was stored is told elsewhere, as far as it must be. */
  whenRoom?: () => Promise<void>;
  options: Pick<Options, 'kafka' | 'topicPrefix' | 'topic' | 'format' | 'pathPattern' | 'fetchBytesMax'>;
  log: Log;
  clock: Clock;
}

export interface KafkaReport {
  /** Why nothing comes in at the moment, or null. */
  troubledBy: string | null;
  partitions: PartitionReport[];
  deadLetters: number;
  /** How often a position was not in its log. */
  outOfRange: number;
}

/** Of what may be fetched, states get this share: they are small and few. */
const statesShare = 1 / 8;
const buryingRetryMs = 1000;

type Letter = Pick<FetchedRecord, 'key' | 'value' | 'headers'>;
type Intake = (record: FetchedRecord, position: RecordPosition) => Promise<void>;

export class KafkaSubscriber {
  private readonly parts: KafkaSubscriberParts;
  private readonly deadLetters: DeadLetters;
  private readonly readers: readonly KafkaTopicReader[];
  /** Why a dead letter does not get away, or null. */
  private buryingTrouble: string | null = null;
  private stopped = false;

  constructor(parts: KafkaSubscriberParts) {
    this.parts = parts;
    const { kafka, intake, options, log } = parts;
    this.deadLetters = new DeadLetters(kafka, topicName(options.topicPrefix, 'dead-letters'), log);
    const statesBytesMax = Math.floor(options.fetchBytesMax * statesShare);
    const linesBytesMax = Math.floor((options.fetchBytesMax - statesBytesMax) / (1 + options.topic.length));
    this.readers = [
      this.readerOf(topicName(options.topicPrefix, 'chunks'), linesBytesMax, (record, position) => this.takeChunk(topicName(options.topicPrefix, 'chunks'), chunkOfRecord(record), record, position)),
      this.readerOf(topicName(options.topicPrefix, 'streams'), statesBytesMax, async (record, position) => {
        const state = stateOfRecord(record);
        await intake.whileStalled();
        void intake.publishStates(state === null ? [] : [state], position);
      }),
      ...options.topic.map(topic => this.readerOfOthers(topic, linesBytesMax)),
    ];
  }

  /** Ends when it was stopped. @throws whatever is not Kafka's: a store that fails for good, a fault of ours. */
  async run(): Promise<void> {
    await Promise.all(this.readers.map(reader => reader.run()));
  }

  /** The record in hand is taken in; then `run` ends. */
  stop(): void {
    this.stopped = true;
    for (const reader of this.readers) reader.stop();
  }

  report(): KafkaReport {
    return {
      troubledBy: this.readers.map(({ troubledBy }) => troubledBy).find(reason => reason !== null) ?? this.buryingTrouble ?? (this.readers.every(({ hasLooked }) => hasLooked) ? null : 'the first answer of Kafka is waited for'),
      partitions: this.readers.flatMap(reader => reader.report()),
      deadLetters: this.deadLetters.count,
      outOfRange: this.readers.reduce((sum, { outOfRange }) => sum + outOfRange, 0),
    };
  }

  private get format(): RecordFormat {
    return recordFormats.find(format => format === this.parts.options.format)!;
  }

  /** Of a topic with a line in each record. */
  private readerOfOthers(topic: string, bytesMax: number): KafkaTopicReader {
    const { intake, options } = this.parts;
    const stream = new RecordStream(topic, this.format, options.pathPattern.map(parsePathPattern));
    const takeIn: Intake = async (record, position) => {
      const chunk = stream.chunkOf(record, position);
      if (chunk === null) intake.pass(position);
      else await this.takeChunk(topic, chunk, record, position);
    };
    return this.readerOf(topic, bytesMax, takeIn, async (position, from, to) => intake.hand(stream.gapOf(position, from, to), position).room);
  }

  private readerOf(topic: string, bytesMax: number, takeIn: Intake, lost?: TopicReaderParts['lost']): KafkaTopicReader {
    const { kafka, intake, options, storedPositions, assigned, log, clock } = this.parts;
    return new KafkaTopicReader({
      kafka,
      brokers: options.kafka,
      topic,
      bytesMax,
      storedPositions,
      ...(assigned === undefined ? {} : { assigned: assigned.get(topic) ?? new Map<number, bigint>() }),
      whenReady: async () => {
        await intake.whileStalled();
        await this.parts.whenRoom?.();
      },
      take: (item, position) => this.take(topic, item, position, takeIn),
      ...(lost === undefined ? {} : { lost }),
      pass: position => intake.pass(position),
      log,
      clock,
    });
  }

  /** Resolves when the next may be handed over. What turns out to be poison later holds its partition's mark until it is a dead letter. */
  private async takeChunk(topic: string, chunk: Chunk, record: FetchedRecord, position: RecordPosition): Promise<void> {
    // A dead letter that is replayed lies at the end of the log, and what it holds may have been stored before.
    const isReplayed = record.headers[replayedFromHeader] !== undefined;
    const { room, taken } = this.parts.intake.hand(chunk, isReplayed ? { ...position, mayBeStored: true } : position);
    taken.catch(async (error: unknown) => {
      // The store was given up with this in hand: somebody else goes on with it.
      if (this.stopped && error instanceof LeadlineError && error.code === 'CANCELLED') return;
      if (!(error instanceof LeadlineError) || !isPoison(error)) throw error;
      for (let attempts = 0; ; attempts++) {
        const trouble = await this.send(topic, position, position.recordOffset + 1n, error.message, record);
        if (trouble === null) break;
        this.buryingTrouble = trouble.message;
        await this.parts.clock.sleep(buryingRetryMs);
        if (this.stopped) return;
      }
      this.buryingTrouble = null;
      this.parts.intake.release(position);
    });
    await room;
  }

  private async take(topic: string, item: FetchedRecord | DamagedBatch, position: RecordPosition, takeIn: Intake): Promise<LeadlineError | null> {
    if (!('recordOffset' in item)) return this.bury(topic, position, item.to, `a batch of records cannot be taken apart: ${item.problem}`, { key: null, value: item.bytes, headers: {} });
    try {
      await takeIn(item, position);
      return null;
    } catch (error) {
      if (!(error instanceof LeadlineError) || !isPoison(error)) throw error;
      return this.bury(topic, position, item.recordOffset + 1n, error.message, item);
    }
  }

  private async bury(topic: string, position: RecordPosition, to: bigint, reason: string, record: Letter): Promise<LeadlineError | null> {
    const trouble = await this.send(topic, position, to, reason, record);
    if (trouble === null) this.parts.intake.pass({ topicId: position.topicId, partition: position.partition, recordOffset: to - 1n });
    return trouble;
  }

  private async send(topic: string, { topicId, partition, recordOffset, timestampMs }: RecordPosition, to: bigint, reason: string, { key, value, headers }: Letter): Promise<LeadlineError | null> {
    const lines = this.parts.options.topic.includes(topic) ? { topicId, format: this.format, timestampMs } : null;
    try {
      await this.deadLetters.send({ reason, topic, partition, from: recordOffset, to, key, value, headers, lines });
      return null;
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return kafkaTrouble(error, { brokers: this.parts.options.kafka, topic: this.deadLetters.topic, partition: null, operation: 'write' });
    }
  }
}

/** What no later attempt would take in, so that waiting would only hold the others back. */
function isPoison({ code }: LeadlineError): boolean {
  return code === 'BAD_CHUNK' || code === 'STORED_RANGES_FULL';
}
