import test from 'ava';
import { Block } from '#schemas/embedded/block.ts';
import { BlockEncoder } from '#schemas/embedded/block-encoder.ts';
import { ColumnsCache, portionRows } from '../../../query/store/columns-cache.ts';
import { madeEvent } from '../../contract/made-up.ts';

function blockOf(lines: number): Block {
  const { head, headBytes, raw } = new BlockEncoder().encode(Array.from({ length: lines }, (_, n) => madeEvent('a', n, n + 1, { template: `line ${n}` })));
  return new Block(head, headBytes, raw);
}

test('columns are worked out once for a portion of a block, and those longest unused go where there are too many', t => {
  const block = blockOf(3 * portionRows - 100);
  const cache = new ColumnsCache(2 * portionRows);
  const first = cache.get(block, 0);
  t.deepEqual([first.length, first.templates[0], first.templates.at(-1)], [portionRows, 'line 0', `line ${portionRows - 1}`]);
  t.is(cache.get(block, 0), first);
  t.false(cache.has(block, 1));
  const last = cache.get(block, 2);
  t.deepEqual([last.length, last.templates[0]], [portionRows - 100, `line ${2 * portionRows}`]);
  t.is(cache.get(block, 0), first);
  cache.get(block, 1);
  t.deepEqual([0, 1, 2].map(portion => cache.has(block, portion)), [true, true, false]);
  t.is(cache.get(block, 0), first);
});

test('what alone is more than the limit is kept until something else comes', t => {
  const cache = new ColumnsCache(10);
  const block = blockOf(2 * portionRows);
  const first = cache.get(block, 0);
  t.is(cache.get(block, 0), first);
  cache.get(block, 1);
  t.deepEqual([cache.has(block, 0), cache.has(block, 1)], [false, true]);
});
