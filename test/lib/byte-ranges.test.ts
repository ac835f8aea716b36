import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { addRange, addRanges, coverage, lowWaterMark, sizeOf, subtractRanges, type ByteRange } from '#lib/byte-ranges.ts';

const range = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 10 })).map(([from, length]) => ({ from, to: from + length }));
const bytesOf = (ranges: readonly ByteRange[]): Set<number> => new Set(ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, index) => from + index)));
const isNormal = (ranges: readonly ByteRange[]): boolean => ranges.every(({ from, to }, index) => from < to && (index === 0 || ranges[index - 1]!.to < from));

test('sets of bytes behave as sets of bytes', t => {
  fc.assert(
    fc.property(fc.array(range), range, (added, one) => {
      const before = structuredClone(added);
      const ranges = added.reduce<ByteRange[]>((sum, next) => addRange(sum, next), []);
      const bytes = bytesOf(added);
      assert.ok(isNormal(ranges));
      assert.deepEqual([...bytesOf(ranges)], [...bytes].sort((a, b) => a - b));
      assert.deepEqual(addRanges([], added), ranges);
      assert.equal(sizeOf(ranges), bytes.size);
      const oneBytes = bytesOf([one]);
      const missing = [...oneBytes].filter(byte => !bytes.has(byte));
      assert.deepEqual([...bytesOf(subtractRanges(one, ranges))], missing);
      assert.ok(isNormal(subtractRanges(one, ranges)));
      assert.equal(coverage(one, ranges), missing.length === 0 ? 'all' : missing.length === oneBytes.size ? 'none' : 'some');
      let mark = 0;
      while (bytes.has(mark)) mark++;
      assert.equal(lowWaterMark(ranges), mark);
      assert.deepEqual(added, before, 'nothing was changed in place');
    }),
    { numRuns: 2000, includeErrorInReport: true },
  );
  t.pass();
});

test('a range that ends before it begins has nothing to subtract from', t => {
  t.deepEqual(subtractRanges({ from: 9, to: 3 }, [{ from: 0, to: 2 }]), []);
});
