/** A chunk minus what is stored, queued or held already: the physical lines that are new. */
import { coverage, subtractRanges, type ByteRange } from '#lib/byte-ranges.ts';
import type { Chunk } from '#schemas/chunk.ts';

/** One physical line as it lies in the stream, or what is new of it. */
export interface PhysicalLine {
  /** Without its final newline. A view into the chunk's value. */
  bytes: Uint8Array;
  /** `[from, to)` in the stream, newline included where it has one. */
  from: number;
  to: number;
  /** False where it does not reach the line's newline: the end of a stream, or a piece of a longer line. */
  newline: boolean;
}

/**
 * Cuts a chunk's plain bytes at newlines and leaves out every line that `known` covers.
 *
 * Of a line that is covered in part, as a long one that was cut elsewhere the first time, the rest is given. Where lines were altered the rest
 * cannot be told, and such a line is left out.
 * @param value the chunk's bytes, decompressed
 */
export function newLines(chunk: Chunk, value: Uint8Array, known: readonly ByteRange[]): PhysicalLine[] {
  const lines: PhysicalLine[] = [];
  // The usual case: the chunk goes on where the last one ended.
  const knownTo = known.at(-1)?.to ?? 0;
  const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  let position = 0;
  let from = chunk.offset;
  for (let index = 0; position < buffer.length; index++) {
    const newlineAt = buffer.indexOf(10, position);
    const end = newlineAt < 0 ? buffer.length : newlineAt;
    const next = newlineAt < 0 ? end : end + 1;
    const to = from + (chunk.lengths?.[index] ?? next - position);
    const covered = from >= knownTo && to > from ? 'none' : coverage({ from, to }, known);
    if (covered === 'none') lines.push({ bytes: buffer.subarray(position, end), from, to, newline: newlineAt >= 0 });
    else if (covered === 'some' && chunk.lengths === null) {
      for (const rest of subtractRanges({ from, to }, known)) {
        lines.push({ bytes: buffer.subarray(position + rest.from - from, Math.min(end, position + rest.to - from)), ...rest, newline: newlineAt >= 0 && rest.to === to });
      }
    }
    position = next;
    from = to;
  }
  return lines;
}

/** Nothing of the chunk is new. */
export function isKnown({ kind, offset, end }: Chunk, taken: readonly ByteRange[]): boolean {
  return kind === 'lines' && end > offset && coverage({ from: offset, to: end }, taken) === 'all';
}
