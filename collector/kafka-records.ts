/** What a Kafka record carries: a chunk, or a stream's state. */
import type { FetchedRecord } from '#lib/kafka/types.ts';
import { chunkOf, type Chunk, type ChunkHeaders } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { StreamState } from '#schemas/transport.ts';

/** The key is the source. @throws LeadlineError BAD_CHUNK */
export function chunkOfRecord({ key, value, headers }: FetchedRecord): Chunk {
  const named: ChunkHeaders = key === null ? headers : { ...headers, 'll-source': Buffer.from(key).toString('utf8') };
  return chunkOf(named, value ?? new Uint8Array(0));
}

/**
 * The state, or null where the stream is to be forgotten.
 * @throws LeadlineError BAD_CHUNK for what is none
 */
export function stateOfRecord({ value }: FetchedRecord): StreamState | null {
  if (value === null) return null;
  const bad = (problem: string): LeadlineError => new LeadlineError('BAD_CHUNK', { problem });
  let state: unknown;
  try {
    state = JSON.parse(Buffer.from(value).toString('utf8'));
  } catch (error) {
    throw bad(`the state of a stream is not JSON (${(error as Error).message})`);
  }
  if (typeof state !== 'object' || state === null) throw bad('the state of a stream is not an object');
  for (const [name, type] of stateMembers) {
    const member = (state as Record<string, unknown>)[name];
    if (typeof member !== type || member === null) throw bad(`the state of a stream has no ${name}`);
  }
  return state as StreamState;
}

/** Without these nobody can do anything with a state. */
const stateMembers: readonly (readonly [keyof StreamState, string])[] = [
  ['streamId', 'string'],
  ['source', 'string'],
  ['closed', 'boolean'],
  ['sizeBytes', 'number'],
  ['acknowledgedBytes', 'number'],
  ['droppedBytes', 'object'],
  ['origin', 'object'],
];
