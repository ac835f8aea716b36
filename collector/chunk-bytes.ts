/** A chunk's value -> the bytes of its lines. */
import { zstdDecompressSync } from 'node:zlib';
import type { Chunk } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';

/** The chunk's bytes, decompressed. @throws LeadlineError BAD_CHUNK where they are damaged or not as many as its offsets say. */
export function plainBytes(chunk: Chunk): Uint8Array {
  const length = chunk.end - chunk.offset;
  if (chunk.kind !== 'lines') return chunk.value;
  const value = chunk.codec === 'zstd' ? decompress(chunk, length) : chunk.value;
  const problem = lengthProblem(chunk, value, length);
  if (problem !== null) throw new LeadlineError('BAD_CHUNK', { problem });
  return value;
}

function decompress(chunk: Chunk, length: number): Uint8Array {
  try {
    // No more is unpacked than the offsets allow, except where lines were altered.
    return zstdDecompressSync(chunk.value, { chunkSize: length + 64, ...(chunk.lengths === null ? { maxOutputLength: Math.max(1, length) } : {}) });
  } catch (error) {
    throw new LeadlineError('BAD_CHUNK', { problem: `its zstd value is damaged or has more than the ${length} bytes that ll-offset and ll-end say` }, { cause: error });
  }
}

function lengthProblem({ lengths }: Chunk, value: Uint8Array, length: number): string | null {
  if (lengths === null) return value.length === length ? null : `the value has ${value.length} bytes, ll-offset and ll-end say ${length}`;
  let lines = value.length > 0 && value.at(-1) !== 10 ? 1 : 0;
  for (const byte of value) if (byte === 10) lines += 1;
  if (lines !== lengths.length) return `the value has ${lines} lines, ll-lengths ${lengths.length}`;
  const sum = lengths.reduce((total, one) => total + one, 0);
  return sum === length ? null : `ll-lengths add up to ${sum} bytes, ll-offset and ll-end say ${length}`;
}
