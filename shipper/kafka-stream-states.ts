/**
 * Stream states in Kafka: written to and read from PREFIX.streams. The topic is compacted and holds every stream of every shipper, so only the
 * partitions that the asked sources lie in are read, and of what belongs to others no more is kept than a filter of their names.
 */
import { crc32c } from '#lib/kafka/crc32c.ts';
import { KafkaError, type FetchedRecord, type Kafka, type KafkaCodec } from '#lib/kafka/types.ts';
import type { Log } from '#lib/log.ts';
import { topics } from '#schemas/topics.ts';
import type { StreamState } from '#schemas/transport.ts';
import { KafkaPartitionQueue, type QueuedRecord } from './kafka-partition-queue.ts';
import type { KafkaRetry } from './kafka-retry.ts';

/** The header that says whose state it is, so that others' need not be parsed. */
const sourceHeader = 'll-source';
const fetchBytesMax = 1024 * 1024;
const fetchWaitMsMax = 500;
/** What was read so far is of a topic that is no more. */
const topicMadeAnew = 'UNKNOWN_TOPIC_ID';

interface QueuedState extends QueuedRecord {
  streamId: string;
  /** Of this state and those that it replaced. */
  durable: (() => void)[];
}

export interface StreamStatesParts {
  kafka: Kafka;
  topic: string;
  codec: KafkaCodec;
  retry: KafkaRetry;
  log: Log;
  nowMs: () => number;
}

/**
 * The same partition for a source's states however many partitions are added: no more are used than the topic is made with.
 */
export function statePartition(source: string, partitions: number): number {
  return crc32c(Buffer.from(source)) % Math.min(partitions, topics.streams.partitions);
}

/** Names that may have been seen; never forgets one, takes a few for seen that were not. 128 KiB. */
class NameFilter {
  private readonly bits = new Uint32Array(32_768);

  /** @returns whether it may have been there before */
  add(name: string): boolean {
    const known = this.has(name);
    for (const bit of this.placesOf(name)) this.bits[bit >>> 5]! |= 1 << (bit & 31);
    return known;
  }

  has(name: string): boolean {
    return this.placesOf(name).every(bit => (this.bits[bit >>> 5]! & (1 << (bit & 31))) !== 0);
  }

  private placesOf(name: string): number[] {
    const bytes = Buffer.from(name);
    const first = crc32c(bytes);
    const second = crc32c(bytes, 0x1234_5678);
    return [0, 1, 2, 3].map(n => ((first + n * (second | 1)) >>> 0) & 0xf_ffff);
  }
}

/** What was read of one partition. */
interface ReadPart {
  nextOffset: bigint;
  sources: NameFilter;
}

export class KafkaStreamStates {
  private readonly parts: StreamStatesParts;
  private readonly queues = new Map<number, KafkaPartitionQueue<QueuedState>>();
  /** The last state of a stream that is not on its way yet. */
  private readonly waiting = new Map<string, QueuedState>();
  private topicId: string | null = null;
  private readonly read = new Map<number, ReadPart>();

  constructor(parts: StreamStatesParts) {
    this.parts = parts;
  }

  /** Resolves when all of them are in Kafka. */
  async publish(states: readonly StreamState[]): Promise<void> {
    if (states.length === 0) return;
    const { partitions } = await this.learnTopic();
    await Promise.all(states.map(state => new Promise<void>(durable => this.add(state, partitions, durable))));
  }

  /** The last published state of every stream of these sources. */
  async load(sources: readonly string[]): Promise<StreamState[]> {
    for (;;) {
      try {
        return await this.loadOnce(sources);
      } catch (error) {
        if (!(error instanceof KafkaError) || error.code !== topicMadeAnew) throw error;
      }
    }
  }

  private async loadOnce(sources: readonly string[]): Promise<StreamState[]> {
    const { id, partitions } = await this.learnTopic();
    if (this.topicId !== id) this.read.clear();
    this.topicId = id;
    const byPartition = new Map<number, Set<string>>();
    for (const source of sources) {
      const partition = statePartition(source, partitions);
      byPartition.set(partition, (byPartition.get(partition) ?? new Set<string>()).add(source));
    }
    const loaded = await Promise.all([...byPartition].map(([partition, asked]) => this.loadPartition(id, partition, asked)));
    return loaded.flat();
  }

  private learnTopic(): Promise<{ id: string; partitions: number }> {
    const { kafka, topic, retry } = this.parts;
    return retry.untilDone({ topic, partition: null, operation: 'read' }, () => kafka.topic(topic));
  }

  private add(state: StreamState, partitions: number, durable: () => void): void {
    const record = { key: Buffer.from(state.streamId), value: Buffer.from(JSON.stringify(state)), headers: { [sourceHeader]: state.source } };
    const before = this.waiting.get(state.streamId);
    if (before?.isOnItsWay === false) {
      before.record = record;
      before.durable.push(durable);
      return;
    }
    const queued: QueuedState = { record, isOnItsWay: false, streamId: state.streamId, durable: [durable] };
    this.waiting.set(state.streamId, queued);
    this.queueOf(statePartition(state.source, partitions)).add(queued);
  }

  private queueOf(partition: number): KafkaPartitionQueue<QueuedState> {
    let queue = this.queues.get(partition);
    if (queue === undefined) {
      const { kafka, topic, codec, retry, nowMs } = this.parts;
      queue = new KafkaPartitionQueue<QueuedState>({
        kafka,
        topic,
        partition,
        codec,
        retry,
        nowMs,
        divide: () => null,
        onAcknowledged: records => {
          for (const queued of records) {
            if (this.waiting.get(queued.streamId) === queued) this.waiting.delete(queued.streamId);
            for (const durable of queued.durable) durable();
          }
        },
      });
      this.queues.set(partition, queue);
    }
    return queue;
  }

  private async loadPartition(topicId: string, partition: number, asked: ReadonlySet<string>): Promise<StreamState[]> {
    const known = this.read.get(partition);
    // A source that was passed by before is read from the beginning again; one never seen can only be in what is new.
    const isNewToUs = known !== undefined && ![...asked].some(source => known.sources.has(source));
    const part: ReadPart = isNewToUs ? known : { nextOffset: 0n, sources: known?.sources ?? new NameFilter() };
    const found = new Map<string, Buffer>();
    await this.readToEnd(topicId, partition, part, !isNewToUs, record => {
      const streamId = record.key?.toString() ?? '';
      if (record.value === null) {
        found.delete(streamId);
        return;
      }
      const source = record.headers[sourceHeader] ?? sourceOf(record.value);
      if (source === null) return;
      part.sources.add(source);
      // A copy: the record is a view of all that was fetched with it.
      if (asked.has(source)) found.set(streamId, Buffer.from(record.value));
    });
    this.read.set(partition, part);
    return [...found.values()].flatMap(value => parsedState(value) ?? []);
  }

  /** Every record up to the end that the partition has now. */
  private async readToEnd(topicId: string, partition: number, part: ReadPart, fromBeginning: boolean, take: (record: FetchedRecord) => void): Promise<void> {
    const { kafka, topic, retry, log } = this.parts;
    const thing = { topic, partition, operation: 'read' as const };
    const offset = async (which: 'earliest' | 'latest'): Promise<bigint> => (await kafka.offsets(topic, which))[partition] ?? 0n;
    const end = await retry.untilDone(thing, () => offset('latest'));
    if (fromBeginning) part.nextOffset = await retry.untilDone(thing, () => offset('earliest'));
    while (part.nextOffset < end) {
      const answer = await retry.untilDone(thing, async () => {
        const [fetched] = await kafka.fetch(topic, [{ partition, offset: part.nextOffset }], { bytesMax: fetchBytesMax, maxWaitMs: fetchWaitMsMax, topicId });
        if (fetched === undefined) throw new KafkaError('TIMED_OUT', `no answer for ${topic} partition ${partition}`);
        if (fetched.error !== null && fetched.error.code !== 'OFFSET_OUT_OF_RANGE') throw fetched.error;
        return fetched;
      }, ({ code }) => code === topicMadeAnew);
      // Compaction may take away what has not been read yet: it stands further on in a later record.
      if (answer.error !== null) part.nextOffset = await retry.untilDone(thing, () => offset('earliest'));
      for (const { from, to, problem } of answer.damaged) log.error({ event: 'statesDamaged', topic, partition, from: String(from), to: String(to) }, `${topic} partition ${partition}: records ${from} to ${to} cannot be read (${problem}); positions of streams are then taken from the checkpoint alone`);
      for (const record of answer.records) take(record);
      if (answer.error !== null) continue;
      // At the end of what there is, though compaction has left nothing on the last offsets.
      if (answer.nextOffset === part.nextOffset && answer.highWatermark >= end) break;
      part.nextOffset = answer.nextOffset;
    }
  }
}

function sourceOf(value: Uint8Array): string | null {
  return parsedState(value)?.source ?? null;
}

/** Null for what is no state: others may write to the topic. */
function parsedState(value: Uint8Array): StreamState | null {
  try {
    const state = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.length).toString()) as Partial<StreamState> | null;
    return typeof state?.streamId === 'string' && typeof state.source === 'string' ? (state as StreamState) : null;
  } catch {
    return null;
  }
}
