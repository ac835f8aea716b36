import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import test from 'ava';
import type { Chunk } from '#schemas/chunk.ts';
import { splitChunk } from '../../shipper/split-chunk.ts';
import { madeChunk } from '../contract/made-up.ts';

const text = (chunk: Chunk): string => Buffer.from(chunk.codec === 'zstd' ? zstdDecompressSync(chunk.value) : chunk.value).toString();

/** Divided until nothing is left to divide. */
function pieces(chunk: Chunk, bytesMax: number): Chunk[] {
  if (text(chunk).length <= bytesMax) return [chunk];
  const halves = splitChunk(chunk);
  return halves === null ? [chunk] : halves.flatMap(half => pieces(half, bytesMax));
}

test('a chunk of lines is divided between lines, and the halves follow each other', t => {
  const lines = 'one\ntwo\nthree\nfour\n';
  for (const codec of ['none', 'zstd'] as const) {
    const value = codec === 'zstd' ? zstdCompressSync(lines) : Buffer.from(lines);
    const [first, second] = splitChunk(madeChunk('a', 100, value, { codec, end: 100 + lines.length }))!;
    t.deepEqual([text(first), text(second)], ['one\ntwo\n', 'three\nfour\n']);
    t.deepEqual([first.offset, first.end, second.offset, second.end, first.part, second.part], [100, 108, 108, 119, null, null]);
  }
});

test('a line that is longer than half goes whole into one half; a single line is divided inside, as parts', t => {
  const lines = `${'x'.repeat(50)}\nshort\n`;
  t.deepEqual(splitChunk(madeChunk('a', 0, lines))!.map(text), [`${'x'.repeat(50)}\n`, 'short\n']);
  const one = splitChunk(madeChunk('a', 0, 'x'.repeat(9)))!;
  t.deepEqual(one.map(({ offset, end, part }) => [offset, end, part]), [[0, 4, { n: 1, of: null }], [4, 9, { n: 1, of: null }]]);
  t.is(splitChunk(madeChunk('a', 0, 'x')), null);
});

test('altered lines keep their source lengths: a range of the source belongs to one piece', t => {
  const lines = 'aa\nb\ncc\ndddddd\n';
  const lengths = [10, 20, 30, 40];
  const whole = madeChunk('a', 7, lines, { lengths, end: 107 });
  const divided = pieces(whole, 3);
  t.is(divided.map(text).join(''), lines);
  let at = 7;
  for (const { offset, end, lengths: own } of divided) {
    t.is(offset, at);
    t.is(end - offset, own!.reduce((sum, length) => sum + length, 0));
    at = end;
  }
  t.is(at, 107);
});
