import test from 'ava';
import { Column, ColumnPool } from '#schemas/embedded/columns.ts';

const sets: readonly (readonly [title: string, values: readonly number[]])[] = [
  ['none', []],
  ['one value', [7]],
  ['all the same', Array.from({ length: 100 }, () => -5)],
  ['a byte', Array.from({ length: 1000 }, (_, index) => index % 256)],
  ['the whole reach of 32 bits', [-(2 ** 31), 2 ** 31 - 1, 0, -1]],
  ['the first past 32 bits after many within', [...Array.from({ length: 40 }, (_, index) => index), 2 ** 31, -(2 ** 31) - 1]],
  ['five bytes', Array.from({ length: 33 }, (_, index) => 1_700_000_000_000 + index * 1e9)],
  ['so far apart that they lie as doubles', [Number.MIN_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER]],
];

test('what is written into a column is read out of it, also where another set was in it before', t => {
  const pool = new ColumnPool();
  for (const [title, values] of [...sets, ...sets.toReversed()]) {
    pool.takeBack();
    const writer = pool.take();
    for (const value of values) writer.push(value);
    const bytes = Buffer.alloc(3 + writer.close());
    t.is(writer.write(bytes, 3), bytes.length, title);
    const column = new Column(bytes, 3, values.length, writer.shape);
    t.deepEqual(values.map((_, index) => column.at(index)), values, title);
  }
});

test('columns that are lent at a time are different ones', t => {
  const pool = new ColumnPool();
  for (const many of [3, 2000, 3]) {
    pool.takeBack();
    t.is(new Set(Array.from({ length: many }, () => pool.take())).size, many);
  }
});
