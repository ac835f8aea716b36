import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { invariant } from '#lib/assert.ts';
import type { Chunk } from '#schemas/chunk.ts';

const newline = 10;

/**
 * A chunk that is too large for whoever takes it, as two of about half its bytes that follow each other: cut between lines, or inside the one line
 * that it is. Where chunks are cut says nothing: whoever collects them joins them by their offsets.
 * @returns null where a single byte is left
 */
export function splitChunk(chunk: Chunk): [Chunk, Chunk] | null {
  invariant(chunk.kind === 'lines', 'only lines have bytes');
  const plain = Buffer.from(chunk.codec === 'zstd' ? zstdDecompressSync(chunk.value) : chunk.value);
  if (plain.length < 2) return null;
  const middle = plain.length >> 1;
  let cut = plain.lastIndexOf(newline, middle - 1) + 1;
  if (cut === 0) cut = plain.indexOf(newline, middle) + 1;
  const isInsideLine = cut === 0 || cut === plain.length;
  if (isInsideLine) cut = middle;
  const lengths = chunk.lengths === null ? null : splitLengths(chunk.lengths, linesIn(plain.subarray(0, cut)), isInsideLine);
  if (lengths?.some(half => half.includes(0)) === true) return null;
  const between = chunk.offset + (lengths === null ? cut : lengths[0].reduce((sum, length) => sum + length, 0));
  const part = isInsideLine ? (chunk.part ?? { n: 1, of: null }) : chunk.part;
  const value = (bytes: Buffer): Uint8Array => (chunk.codec === 'zstd' ? zstdCompressSync(bytes) : bytes);
  return [
    { ...chunk, end: between, part, lengths: lengths?.[0] ?? null, value: value(plain.subarray(0, cut)) },
    { ...chunk, offset: between, part, lengths: lengths?.[1] ?? null, value: value(plain.subarray(cut)) },
  ];
}

/** Source lengths of the lines of both halves; a line that is cut gives each some of its bytes. */
function splitLengths(lengths: readonly number[], wholeLines: number, isInsideLine: boolean): [number[], number[]] {
  if (!isInsideLine) return [lengths.slice(0, wholeLines), lengths.slice(wholeLines)];
  const [length] = lengths;
  invariant(lengths.length === 1 && length !== undefined, 'only a chunk of one line is cut inside it');
  return [[length >> 1], [length - (length >> 1)]];
}

function linesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) lines += 1;
  return lines;
}
