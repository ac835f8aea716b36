/** What lies in a topic, read to its end with our own client. */
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdDecompressSync } from 'node:zlib';
import { KafkaClient } from '#lib/kafka/kafka-client.ts';
import { KafkaError, type FetchedRecord, type KafkaClientOptions } from '#lib/kafka/types.ts';
import { chunkOf, type Chunk } from '#schemas/chunk.ts';

export interface TopicRecord extends FetchedRecord {
  partition: number;
}

export function kafkaClient(brokers: readonly string[], given: Partial<KafkaClientOptions> = {}): KafkaClient {
  return new KafkaClient({ brokers, clientId: 'test', tls: null, login: null, requestTimeoutMs: 5000, ...given });
}

const attemptsMax = 100;

/** Leaders may be moving. */
export async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof KafkaError) || attempts === attemptsMax) throw error;
      await sleep(100);
    }
  }
}

/** Every record of the topic, by partition, in order. */
export async function recordsOf(kafka: KafkaClient, topic: string): Promise<TopicRecord[]> {
  const records: TopicRecord[] = [];
  const earliest = await eventually(() => kafka.offsets(topic, 'earliest'));
  const latest = await eventually(() => kafka.offsets(topic, 'latest'));
  for (const [partition, end] of latest.entries()) {
    for (let offset = earliest[partition]!; offset < end; ) {
      const from = offset;
      const fetched = await eventually(async () => {
        const [answer] = await kafka.fetch(topic, [{ partition, offset: from }], { bytesMax: 8 * 1024 * 1024, maxWaitMs: 1000 });
        if (answer?.error != null) throw answer.error;
        if (answer === undefined || answer.nextOffset === from) throw new KafkaError('TIMED_OUT', `nothing behind offset ${from} of ${topic} partition ${partition}, though it ends at ${end}`);
        return answer;
      });
      records.push(...fetched.records.map(record => ({ ...record, partition })));
      offset = fetched.nextOffset;
    }
  }
  return records;
}

export interface TopicChunk extends Chunk {
  partition: number;
  recordOffset: bigint;
  /** The value, decompressed. */
  bytes: Buffer;
}

export async function chunksOf(kafka: KafkaClient, topic: string): Promise<TopicChunk[]> {
  return (await recordsOf(kafka, topic)).map(({ key, value, headers, partition, recordOffset }) => {
    const chunk = chunkOf({ ...headers, 'll-source': Buffer.from(key!).toString() }, value ?? new Uint8Array(0));
    return { ...chunk, partition, recordOffset, bytes: chunk.codec === 'zstd' ? zstdDecompressSync(chunk.value) : Buffer.from(chunk.value) };
  });
}

/** The bytes of a stream as the chunks bring them. Throws at a hole, and where two chunks disagree. */
export function bytesOfStream(chunks: readonly TopicChunk[], streamId: string): Buffer {
  const mine = chunks.filter(chunk => chunk.streamId === streamId && chunk.kind === 'lines');
  const stream = Buffer.alloc(mine.reduce((end, chunk) => Math.max(end, chunk.end), 0));
  let known = 0;
  for (const { offset, end, bytes } of mine) {
    if (offset > known) throw new Error(`stream ${streamId}: bytes ${known} to ${offset} are missing`);
    const overlap = Math.min(known, end) - offset;
    if (!bytes.subarray(0, overlap).equals(stream.subarray(offset, offset + overlap))) throw new Error(`stream ${streamId}: two chunks disagree at ${offset}`);
    bytes.copy(stream, known, overlap);
    known = Math.max(known, end);
  }
  return stream;
}
