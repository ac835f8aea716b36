/**
 * The transport over Kafka: every source's chunks in one partition, in order, acks=all, one batch under way per partition, tried again for as long
 * as it takes. An acknowledgement means that Kafka has the chunk on all replicas in sync.
 */
import { systemClock, type Clock } from '#lib/clock.ts';
import { crc32c } from '#lib/kafka/crc32c.ts';
import type { Kafka, KafkaCodec } from '#lib/kafka/types.ts';
import { quietLog, type Log } from '#lib/log.ts';
import { invariant } from '#lib/assert.ts';
import { chunkHeaders, type Chunk } from '#schemas/chunk.ts';
import type { Options } from '#schemas/options.ts';
import { topicName } from '#schemas/topics.ts';
import type { Acknowledgement, StreamState, Transport } from '#schemas/transport.ts';
import { KafkaPartitionQueue, type QueuedRecord } from './kafka-partition-queue.ts';
import { KafkaRetry } from './kafka-retry.ts';
import { KafkaStreamStates } from './kafka-stream-states.ts';
import { splitChunk } from './split-chunk.ts';

/** Compressed bytes handed over and not acknowledged, beyond which `publish` waits. */
const publisherWindowBytesMax = 4 * 1024 * 1024;

export interface KafkaPublisherOptions {
  /** Belongs to the caller, who closes it. */
  kafka: Kafka;
  options: Pick<Options, 'kafka' | 'topicPrefix' | 'compression'>;
  log?: Log;
  clock?: Clock;
}

/** What a queued chunk counts for while it is not acknowledged: 1 and its bytes. Of a divided one the last piece carries both, because it is acknowledged last. */
interface Weight {
  chunks: number;
  bytes: number;
}

interface QueuedChunk extends QueuedRecord {
  chunk: Chunk;
  weight: Weight;
}

interface Lane {
  queue: KafkaPartitionQueue<QueuedChunk>;
  /** Handed over and not acknowledged. */
  chunks: number;
}

export class KafkaPublisher implements Transport {
  onAcknowledged: (acknowledgements: readonly Acknowledgement[]) => void = () => undefined;
  private readonly kafka: Kafka;
  private readonly clock: Clock;
  private readonly topic: string;
  private readonly batchCodec: KafkaCodec;
  private readonly retry: KafkaRetry;
  private readonly states: KafkaStreamStates;
  /** Of the chunks' topic; 0 until it is learned. */
  private partitions = 0;
  private learning: Promise<void> | null = null;
  /** What `partitionOf` said. */
  private readonly partitionsOfSources = new Map<string, number>();
  private readonly lanes = new Map<number, Lane>();
  private windowBytes = 0;
  private readonly counted = { chunks: 0, bytes: 0 };
  private waitingForRoom: { lane: Lane; resolve: () => void }[] = [];
  private readonly waitingForEnd = new Set<() => void>();

  constructor({ kafka, options, log = quietLog, clock = systemClock }: KafkaPublisherOptions) {
    this.kafka = kafka;
    this.clock = clock;
    this.topic = topicName(options.topicPrefix, 'chunks');
    this.batchCodec = batchCodecOf(options.compression);
    this.retry = new KafkaRetry({ brokers: options.kafka, log, clock });
    // States are text that repeats itself, and nobody compresses them before.
    const stateCodec = options.compression === 'zstd' ? 'zstd' : this.batchCodec;
    this.states = new KafkaStreamStates({ kafka, topic: topicName(options.topicPrefix, 'streams'), codec: stateCodec, retry: this.retry, log, nowMs: () => clock.nowMs() });
  }

  get troubledBy(): string | null {
    return this.retry.troubledBy;
  }

  /** Since the start: chunks and their bytes as they travelled, handed over for good, and attempts beyond the first. */
  get counts(): { chunks: number; bytes: number; retries: number } {
    return { ...this.counted, retries: this.retry.retries };
  }

  async loadStates(sources: readonly string[]): Promise<StreamState[]> {
    await this.learnPartitions();
    return this.states.load(sources);
  }

  partitionOf(source: string, known: number | null): number {
    invariant(known !== null || this.partitions > 0, 'states are loaded before a partition is asked for');
    const partition = known ?? this.newPartitionOf(source);
    this.partitionsOfSources.set(source, partition);
    return partition;
  }

  publishStates(states: readonly StreamState[]): Promise<void> {
    return this.states.publish(states);
  }

  async publish(chunk: Chunk): Promise<void> {
    if (this.partitions === 0) await this.learnPartitions();
    const partition = this.partitionsOfSources.get(chunk.source) ?? this.partitionOf(chunk.source, null);
    const lane = this.laneOf(partition);
    lane.chunks++;
    this.windowBytes += chunk.value.length;
    lane.queue.add(this.queued(chunk, { chunks: 1, bytes: chunk.value.length }));
    if (!this.hasRoom(lane)) await new Promise<void>(resolve => this.waitingForRoom.push({ lane, resolve }));
  }

  async drain(timeoutMs: number): Promise<boolean> {
    if (this.isDrained) return true;
    const timeout = new AbortController();
    let ended: () => void = () => undefined;
    const end = new Promise<void>(resolve => {
      ended = resolve;
      this.waitingForEnd.add(resolve);
    });
    await Promise.race([end, this.clock.sleep(timeoutMs, timeout.signal)]);
    timeout.abort();
    this.waitingForEnd.delete(ended);
    return this.isDrained;
  }

  /** What is not acknowledged is given up. */
  close(): Promise<void> {
    this.retry.stop();
    for (const { resolve } of this.waitingForRoom.splice(0)) resolve();
    return Promise.resolve();
  }

  private get isDrained(): boolean {
    for (const { chunks } of this.lanes.values()) if (chunks > 0) return false;
    return true;
  }

  /** One look-up for all who wait: chunks that came before it is known keep their order. */
  private learnPartitions(): Promise<void> {
    this.learning ??= this.retry
      .untilDone({ topic: this.topic, partition: null, operation: 'write' }, () => this.kafka.topic(this.topic))
      .then(({ partitions }) => {
        this.partitions = partitions;
      });
    return this.learning;
  }

  private newPartitionOf(source: string): number {
    return crc32c(Buffer.from(source)) % this.partitions;
  }

  /** A quiet partition does not wait for one that is stuck. */
  private hasRoom(lane: Lane): boolean {
    return this.windowBytes < publisherWindowBytesMax || lane.chunks <= 1 || this.retry.isStopped;
  }

  private queued(chunk: Chunk, weight: Weight): QueuedChunk {
    // The source travels as the key.
    const { 'll-source': source, ...headers } = chunkHeaders(chunk);
    return {
      chunk,
      weight,
      record: { key: Buffer.from(source ?? chunk.source), value: chunk.value, headers },
      isOnItsWay: false,
    };
  }

  private divided({ chunk, weight }: QueuedChunk): [QueuedChunk, QueuedChunk] | null {
    const halves = chunk.kind === 'lines' ? splitChunk(chunk) : null;
    return halves === null ? null : [this.queued(halves[0], { chunks: 0, bytes: 0 }), this.queued(halves[1], weight)];
  }

  private laneOf(partition: number): Lane {
    let lane = this.lanes.get(partition);
    if (lane === undefined) {
      const { kafka, topic, batchCodec: codec, retry } = this;
      const made: Lane = { chunks: 0, queue: new KafkaPartitionQueue<QueuedChunk>({ kafka, topic, partition, codec, retry, nowMs: () => this.clock.nowMs(), divide: queued => this.divided(queued), onAcknowledged: records => this.acknowledged(made, records) }) };
      this.lanes.set(partition, made);
      lane = made;
    }
    return lane;
  }

  private acknowledged(lane: Lane, records: readonly QueuedChunk[]): void {
    for (const { chunk, weight } of records) {
      this.counted.chunks++;
      this.counted.bytes += chunk.value.length;
      lane.chunks -= weight.chunks;
      this.windowBytes -= weight.bytes;
    }
    this.onAcknowledged(records.map(({ chunk: { streamId, offset, end, kind } }) => ({ streamId, from: offset, to: end, closed: kind === 'close' })));
    const waiting = this.waitingForRoom;
    this.waitingForRoom = waiting.filter(waiter => !this.hasRoom(waiter.lane));
    for (const waiter of waiting) if (!this.waitingForRoom.includes(waiter)) waiter.resolve();
    if (this.isDrained) for (const ended of this.waitingForEnd) ended();
  }
}

/** `kafka-zstd` is Kafka's compression of whole batches; `zstd` has been done, chunk by chunk. */
function batchCodecOf(compression: string): KafkaCodec {
  switch (compression) {
    case 'kafka-gzip':
      return 'gzip';
    case 'kafka-zstd':
      return 'zstd';
    case 'kafka-lz4':
      return 'lz4';
    case 'kafka-snappy':
      return 'snappy';
    default:
      return 'none';
  }
}
