/** A dead letter -> the records that fill the hole it left, or why it cannot. */
import { zstdCompressSync } from 'node:zlib';
import type { OutgoingRecord } from '#lib/kafka/types.ts';
import { chunkHeaders, chunkOf, countsRecords, type Chunk } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { PathPattern } from '#schemas/path-pattern.ts';
import { plainBytes } from './chunk-bytes.ts';
import { replayedFromHeader, type Letter, type LetterContent } from './dead-letter-box.ts';
import { partitionOf, type LetterLines } from './dead-letters.ts';
import { RecordStream, type RecordFormat } from './records/record-stream.ts';

/** What is put in place of what the record had. */
export interface Mending {
  headers?: Readonly<Record<string, string>>;
  value?: Uint8Array;
  /** What a record of a topic that others fill is. */
  format?: RecordFormat;
  /** The operator's own, as they were collected with. */
  pathPatterns?: readonly PathPattern[];
}

export interface Replay {
  chunk: Chunk;
  record: OutgoingRecord;
  /** Of the topic of chunks. */
  partition: number;
}

export interface ChunksTopic {
  name: string;
  partitions: number;
}

/** A larger value is compressed: framed, it may be several times its record, which its topic took. */
const plainBytesMax = 64 * 1024;

/**
 * The records as they go to the topic of chunks: of a chunk the chunk itself, of what others filled a chunk for each record, with the place that the
 * record has in its own topic. They are decoded here as the collector will decode them, so that what would only come back is not sent.
 * @returns at least one
 * @throws LeadlineError LETTER_UNFIT
 */
export function replaysOf(letter: Letter, content: LetterContent | null, chunks: ChunksTopic, mending: Mending = {}): Replay[] {
  if (letter.lines !== null) return lineReplaysOf(letter, letter.lines, content, chunks, mending);
  if (letter.topic !== chunks.name) throw unfit(letter, `it came from ${letter.topic}, and only records of ${chunks.name} and of topics that were collected with --topic fill a hole`, 'The state of a stream is published again by its shipper.');
  if (mending.format !== undefined) throw unfit(letter, 'it is a chunk, which has no --format', 'Mend it with --header NAME=VALUE or --value FILE.');
  if (content === null) throw lost(letter);
  if (letter.to !== letter.from + 1n && mending.value === undefined) throw unfit(letter, 'it is a whole batch that could not be taken apart', 'Its bytes stay a gap, unless one record of it is given with --value and --header.');
  const headers = { ...content.headers, ...mending.headers };
  const value = mending.value ?? content.value ?? new Uint8Array(0);
  const source = mending.headers?.['ll-source'] ?? letter.source;
  const chunk = decoded(letter, 'Mend it with --header NAME=VALUE or --value FILE, or replay it with a Leadline that understands it.', () => chunkOf(source === null ? headers : { ...headers, 'll-source': source }, value));
  return [{ chunk, record: { key: Buffer.from(chunk.source), value, headers: { ...headers, [replayedFromHeader]: letter.id } }, partition: letter.partition }];
}

function lineReplaysOf(letter: Letter, lines: LetterLines, content: LetterContent | null, chunks: ChunksTopic, mending: Mending): Replay[] {
  const { topic, from, to } = letter;
  if (mending.headers !== undefined) throw unfit(letter, `it is a record of ${topic}, of which no header is read`, 'Mend it with --value FILE or --format lines.');
  const stream = new RecordStream(topic, mending.format ?? lines.format, mending.pathPatterns);
  const timestampMs = lines.timestampMs > 0 ? lines.timestampMs : letter.deadMs;
  const replays = valuesOf(letter, content, mending).flatMap((value, index) => {
    const place = { topicId: lines.topicId, partition: letter.partition, recordOffset: from + BigInt(index) };
    const chunk = decoded(letter, 'Mend it with --value FILE, or take it as the line that it is with --format lines.', () => stream.chunkOf({ value, timestampMs }, place));
    return chunk === null ? [] : [replayOfLine(letter, chunk, chunks)];
  });
  if (replays.length === 0) throw unfit(letter, `${to - from === 1n ? 'it has' : 'they have'} no value`, 'There is nothing to store.');
  return replays;
}

/** One for each record of the letter. */
function valuesOf(letter: Letter, content: LetterContent | null, { value }: Mending): Uint8Array[] {
  const count = Number(letter.to - letter.from);
  if (count === 1) {
    if (value !== undefined) return [value];
    if (content === null) throw lost(letter);
    return [content.value ?? new Uint8Array(0)];
  }
  const fix = 'Give its records with --value FILE, one in each line.';
  if (value === undefined) throw unfit(letter, `it is a whole batch of ${count} records that could not be taken apart`, fix);
  const bytes = Buffer.from(value);
  const records: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const newlineAt = bytes.indexOf(10, at);
    const end = newlineAt < 0 ? bytes.length : newlineAt;
    records.push(bytes.subarray(at, end));
    at = end + 1;
  }
  if (records.length !== count) throw unfit(letter, `it is a batch of ${count} records, and the file has ${records.length} lines`, fix);
  return records;
}

function replayOfLine(letter: Letter, made: Chunk, chunks: ChunksTopic): Replay {
  const chunk: Chunk = made.value.length > plainBytesMax ? { ...made, codec: 'zstd', value: zstdCompressSync(made.value) } : made;
  const { 'll-source': source, ...headers } = chunkHeaders(chunk);
  const key = Buffer.from(source!);
  return { chunk, record: { key, value: chunk.value, headers: { ...headers, [replayedFromHeader]: letter.id } }, partition: partitionOf(key, chunks.partitions) };
}

function decoded<T extends Chunk | null>(letter: Letter, fix: string, decode: () => T): T {
  try {
    const chunk = decode();
    if (chunk !== null) plainBytes(chunk);
    return chunk;
  } catch (error) {
    if (!(error instanceof LeadlineError)) throw error;
    throw unfit(letter, `it would come back: ${error.message}`, fix);
  }
}

function unfit({ id }: Letter, problem: string, fix: string): LeadlineError {
  return new LeadlineError('LETTER_UNFIT', { id, problem, fix });
}

function lost(letter: Letter): LeadlineError {
  return unfit(letter, 'its record is not in Kafka any more', 'Its bytes stay a gap.');
}

/** Behind the last of several that follow each other: what it leaves open must not wait for lines that are stored already. */
export function idleBehind({ chunk, record }: Replay, nowMs: number): OutgoingRecord {
  const { 'll-source': source, ...headers } = chunkHeaders({ ...chunk, kind: 'idle', offset: chunk.end, codec: 'none', lengths: null, part: null, gap: null, readMs: nowMs, value: new Uint8Array(0) });
  return { key: Buffer.from(source!), value: new Uint8Array(0), headers: { ...headers, [replayedFromHeader]: record.headers[replayedFromHeader]! } };
}

/** True where something of it may be open until the stream goes on. */
export function leavesOpen({ chunk }: Replay): boolean {
  return !countsRecords(chunk.streamId);
}

/** True where the second goes on where the first ends. */
export function follows(first: Replay, second: Replay): boolean {
  return first.chunk.kind === 'lines' && first.partition === second.partition && first.chunk.streamId === second.chunk.streamId && first.chunk.end === second.chunk.offset;
}
