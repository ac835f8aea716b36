/** A chunk minus what is stored, queued or held already: the physical lines that are new. */
import { coverage, type ByteRange } from '#lib/byte-ranges.ts';
import type { Chunk } from '#schemas/chunk.ts';

/** One physical line as it lies in the stream. */
export interface PhysicalLine {
  /** Without its final newline. A view into the chunk's value. */
  bytes: Uint8Array;
  /** `[from, to)` in the stream, newline included where it has one. */
  from: number;
  to: number;
  /** False for the last line of a chunk that ends without one: the end of a stream, or a piece of a longer line. */
  newline: boolean;
}

/**
 * Cuts a chunk's plain bytes at newlines and leaves out every line that `known` covers.
 *
 * Lines are whole in `known` or not there at all, because only whole lines are ever taken in. Should a line be covered in part all the same, it is
 * left out: storing its rest would store the covered part twice.
 * @param value the chunk's bytes, decompressed
 */
export function* newLines(chunk: Chunk, value: Uint8Array, known: readonly ByteRange[]): Generator<PhysicalLine> {
  const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  let position = 0;
  let from = chunk.offset;
  for (let index = 0; position < buffer.length; index++) {
    const newlineAt = buffer.indexOf(10, position);
    const end = newlineAt < 0 ? buffer.length : newlineAt;
    const next = newlineAt < 0 ? end : end + 1;
    const to = from + (chunk.lengths?.[index] ?? next - position);
    if (coverage({ from, to }, known) === 'none') yield { bytes: buffer.subarray(position, end), from, to, newline: newlineAt >= 0 };
    position = next;
    from = to;
  }
}
