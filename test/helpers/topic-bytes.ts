/** What a topic of chunks holds, put together again: the bytes of each stream, as an auditor sees them who knows nothing but the topic. */
import { zstdDecompressSync } from 'node:zlib';
import type { FetchedRecord, Kafka } from '#lib/kafka/types.ts';

/** Every record from the beginning to the end of now, partition by partition. */
export async function* allRecords(kafka: Kafka, topic: string): AsyncGenerator<FetchedRecord> {
  const ends = await kafka.offsets(topic, 'latest');
  for (const [partition, end] of ends.entries()) {
    for (let offset = 0n; offset < end; ) {
      const [fetched] = await kafka.fetch(topic, [{ partition, offset }], { bytesMax: 4_000_000, maxWaitMs: 500 });
      if (fetched === undefined) continue;
      if (fetched.error !== null) throw fetched.error;
      if (fetched.damaged.length > 0) throw new Error(`${topic} ${partition}: ${fetched.damaged[0]!.problem}`);
      yield* fetched.records;
      offset = fetched.nextOffset;
    }
  }
}

/** The bytes of a chunk record as they lay in the file. */
export function sourceBytes({ value, headers }: Pick<FetchedRecord, 'value' | 'headers'>, compressed = headers['ll-codec'] === 'zstd'): Buffer {
  if (value === null) return Buffer.alloc(0);
  return compressed ? zstdDecompressSync(value) : Buffer.from(value);
}

export interface TopicStream {
  streamId: string;
  /** `[0, end)`. */
  bytes: Buffer;
  /** Of its last record. */
  headers: Readonly<Record<string, string>>;
  closed: boolean;
  /** Sent more than once. A collector trims them: the ranges say that they are the same. */
  repeatedBytes: number;
  gaps: string[];
}

/** @throws Error where a stream has a hole, or where the same bytes came twice and differ */
export async function streamsOfTopic(kafka: Kafka, topic: string): Promise<TopicStream[]> {
  const streams = new Map<string, TopicStream & { pieces: Buffer[]; end: number }>();
  for await (const record of allRecords(kafka, topic)) {
    const streamId = record.headers['ll-stream']!;
    const stream = streams.get(streamId) ?? { streamId, bytes: Buffer.alloc(0), headers: record.headers, closed: false, repeatedBytes: 0, gaps: [], pieces: [], end: 0 };
    streams.set(streamId, stream);
    stream.headers = record.headers;
    if (record.headers['ll-close'] === '1') stream.closed = true;
    if (record.headers['ll-gap'] !== undefined) stream.gaps.push(record.headers['ll-gap']);
    const bytes = sourceBytes(record);
    const from = Number(record.headers['ll-offset']);
    if (bytes.length === 0) continue;
    if (from > stream.end) throw new Error(`${streamId}: bytes [${stream.end}, ${from}) are missing`);
    const repeated = Math.min(stream.end - from, bytes.length);
    if (repeated > 0) {
      stream.repeatedBytes += repeated;
      const known = Buffer.concat(stream.pieces);
      stream.pieces = [known];
      if (!known.subarray(from, from + repeated).equals(bytes.subarray(0, repeated))) throw new Error(`${streamId}: bytes [${from}, ${from + repeated}) came twice and differ`);
    }
    stream.pieces.push(bytes.subarray(repeated));
    stream.end = Math.max(stream.end, from + bytes.length);
  }
  return [...streams.values()].map(({ pieces, end, ...stream }) => ({ ...stream, bytes: Buffer.concat(pieces, end) }));
}
