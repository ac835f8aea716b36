/** A dead letter -> the records that fill the hole it left, or why it cannot. */
import type { OutgoingRecord } from '#lib/kafka/types.ts';
import { chunkHeaders, chunkOf, type Chunk } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { plainBytes } from './chunk-bytes.ts';
import { replayedFromHeader, type Letter, type LetterContent } from './dead-letter-box.ts';

/** What is put in place of what the record had. */
export interface Mending {
  headers?: Readonly<Record<string, string>>;
  value?: Uint8Array;
}

export interface Replay {
  chunk: Chunk;
  record: OutgoingRecord;
}

/**
 * The record as it goes back to its partition. It is decoded here as the collector will decode it, so that what would only come back is not sent.
 * @throws LeadlineError LETTER_UNFIT
 */
export function replayOf(letter: Letter, content: LetterContent | null, chunksTopic: string, mending: Mending = {}): Replay {
  const unfit = (problem: string, fix: string): LeadlineError => new LeadlineError('LETTER_UNFIT', { id: letter.id, problem, fix });
  if (letter.topic !== chunksTopic) throw unfit(`it came from ${letter.topic}, and only records of ${chunksTopic} fill a hole`, 'The state of a stream is published again by its shipper.');
  if (content === null) throw unfit('its record is not in Kafka any more', 'Its bytes stay a gap.');
  if (letter.to !== letter.from + 1n && mending.value === undefined) throw unfit('it is a whole batch that could not be taken apart', 'Its bytes stay a gap, unless one record of it is given with --value and --header.');
  const headers = { ...content.headers, ...mending.headers };
  const value = mending.value ?? content.value ?? new Uint8Array(0);
  const source = mending.headers?.['ll-source'] ?? letter.source;
  let chunk: Chunk;
  try {
    chunk = chunkOf(source === null ? headers : { ...headers, 'll-source': source }, value);
    plainBytes(chunk);
  } catch (error) {
    if (!(error instanceof LeadlineError)) throw error;
    throw unfit(`it would come back: ${error.message}`, 'Mend it with --header NAME=VALUE or --value FILE, or replay it with a Leadline that understands it.');
  }
  return { chunk, record: { key: Buffer.from(chunk.source), value, headers: { ...headers, [replayedFromHeader]: letter.id } } };
}

/** Behind the last of several that follow each other: what it leaves open must not wait for lines that are stored already. */
export function idleBehind({ chunk, record }: Replay, nowMs: number): OutgoingRecord {
  const { 'll-source': source, ...headers } = chunkHeaders({ ...chunk, kind: 'idle', offset: chunk.end, codec: 'none', lengths: null, part: null, gap: null, readMs: nowMs, value: new Uint8Array(0) });
  return { key: Buffer.from(source!), value: new Uint8Array(0), headers: { ...headers, [replayedFromHeader]: record.headers[replayedFromHeader]! } };
}

/** True where the second goes on where the first ends. */
export function follows(first: Replay, second: Replay): boolean {
  return first.chunk.kind === 'lines' && first.chunk.streamId === second.chunk.streamId && first.chunk.end === second.chunk.offset;
}
