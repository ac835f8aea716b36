import test from 'ava';
import type { ByteRange } from '#lib/byte-ranges.ts';
import { newLines } from '../../collector/trim.ts';
import { madeChunk } from '../contract/made-up.ts';

const linesOf = (text: string, known: ByteRange[], lengths: number[] | null = null): unknown[] => {
  const chunk = madeChunk('a', 100, text, { lengths });
  return [...newLines(chunk, chunk.value, known)].map(({ bytes, from, to, newline }) => [Buffer.from(bytes).toString(), from, to, newline]);
};

test('every line of a chunk of which nothing is known, with its place in the stream', t => {
  t.deepEqual(linesOf('ab\n\nc', []), [['ab', 100, 103, true], ['', 103, 104, true], ['c', 104, 105, false]]);
  t.deepEqual(linesOf('', []), []);
});

test('lines that are known are left out', t => {
  t.deepEqual(linesOf('ab\ncd\nef\n', [{ from: 0, to: 103 }, { from: 106, to: 200 }]), [['cd', 103, 106, true]]);
  t.deepEqual(linesOf('ab\ncd\n', [{ from: 100, to: 106 }]), []);
});

test('of a line that is known in part the rest is given', t => {
  t.deepEqual(linesOf('abcdef\ngh\n', [{ from: 0, to: 102 }]), [['cdef', 102, 107, true], ['gh', 107, 110, true]]);
  t.deepEqual(linesOf('abcdef\n', [{ from: 102, to: 104 }]), [['ab', 100, 102, false], ['ef', 104, 107, true]]);
  t.deepEqual(linesOf('abcdef\n', [{ from: 100, to: 106 }]), [['', 106, 107, true]]);
  t.deepEqual(linesOf('abcdef\n', [{ from: 104, to: 200 }]), [['abcd', 100, 104, false]]);
});

test('altered lines have the places of the lines they stand for, and are never taken in part', t => {
  t.deepEqual(linesOf('*\nb\n', [], [10, 2]), [['*', 100, 110, true], ['b', 110, 112, true]]);
  t.deepEqual(linesOf('*\nb\n', [{ from: 0, to: 105 }], [10, 2]), [['b', 110, 112, true]]);
});
