/** A topic that is full: lines as shippers would have published them, one source and stream per service, in chunks of half a megabyte. */
import { constants, zstdCompressSync } from 'node:zlib';
import { KafkaClient } from '#lib/kafka/kafka-client.ts';
import type { Chunk } from '#schemas/chunk.ts';
import type { Origin } from '#schemas/event.ts';
import { TestKafka } from '../helpers/kafka.ts';
import { chunkRecord } from '../helpers/published.ts';

export const partitions = 12;
const chunkBytes = 512 * 1024;
const newline = Buffer.from('\n');

export interface WrittenLine extends Origin {
  source: string;
  streamId: string;
  timeMs: number;
  raw: Uint8Array;
}

/** Zstandard, each stream's lines in their order. */
export function* chunksOf(lines: Iterable<WrittenLine>): Generator<{ chunk: Chunk; partition: number }> {
  const open = new Map<string, { from: number; bytes: number; lines: Uint8Array[]; first: WrittenLine | null }>();
  const numbers = new Map<string, number>();
  const close = (streamId: string): { chunk: Chunk; partition: number } => {
    const of = open.get(streamId)!;
    const { source, service, container, pod, namespace, node, timeMs } = of.first!;
    const value = zstdCompressSync(Buffer.concat(of.lines), { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
    if (!numbers.has(source)) numbers.set(source, numbers.size);
    const end = of.from + of.bytes;
    const chunk: Chunk = { kind: 'lines', source, streamId, offset: of.from, end, codec: 'zstd', framing: 'plain', lengths: null, part: null, previous: null, gap: null, origin: { service, container, pod, namespace, node }, bootId: null, path: null, readMs: timeMs, value };
    open.set(streamId, { from: end, bytes: 0, lines: [], first: null });
    return { chunk, partition: numbers.get(source)! % partitions };
  };
  for (const line of lines) {
    let of = open.get(line.streamId);
    if (of === undefined) open.set(line.streamId, (of = { from: 0, bytes: 0, lines: [], first: null }));
    of.first ??= line;
    of.lines.push(line.raw, newline);
    of.bytes += line.raw.length + 1;
    if (of.bytes >= chunkBytes) yield close(line.streamId);
  }
  for (const [streamId, { bytes }] of open) if (bytes > 0) yield close(streamId);
}

/** Makes all topics under the prefix, and fills that of chunks. */
export async function fillTopic(kafka: TestKafka, prefix: string, lines: Iterable<WrittenLine>): Promise<void> {
  for (const [kind, number] of [['chunks', partitions], ['streams', 3], ['dead-letters', 1], ['events', 6], ['signals', 1]] as const) await kafka.createTopic(`${prefix}.${kind}`, { partitions: number });
  const client = new KafkaClient({ brokers: kafka.brokers, clientId: 'bench', tls: null, login: null, requestTimeoutMs: 30_000 });
  for (const { chunk, partition } of chunksOf(lines)) await client.produce(`${prefix}.chunks`, partition, [chunkRecord(chunk)], 'none');
  await client.close();
}
