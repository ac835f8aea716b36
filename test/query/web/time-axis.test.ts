import test from 'ava';
import fc from 'fast-check';
import { axisMarks, findFolds, layAxis, offsetNsAt, xOf } from '../../../query/web/timeline/time-axis.ts';

const seconds = (...times: number[]): number[] => times.map(time => Math.round(time * 1e9));

test('an idle stretch longer than a tenth of the request is folded, one of exactly a tenth is not', t => {
  t.deepEqual(findFolds(seconds(0, 1, 2, 10)), [{ fromNs: 2e9, toNs: 10e9 }]);
  t.deepEqual(findFolds(seconds(0, 0.1, 1.1, 4, 7, 10)).map(fold => fold.fromNs), seconds(1.1, 4, 7));
});

test('a request over in a moment is drawn to scale, however few lines it has', t => {
  t.deepEqual(findFolds(seconds(0, 0.003, 0.012, 0.031, 0.06, 0.062)), []);
  t.deepEqual(findFolds(seconds(0, 0.01, 0.02, 0.13)).length, 1);
});

test('a request of two lines is drawn to scale, and so is one that would be nothing but folds', t => {
  t.deepEqual(findFolds(seconds(0, 10)), []);
  t.deepEqual(findFolds(seconds(0, 5, 10)), []);
});

test('a fold takes its fixed width and the rest shares one scale', t => {
  const axis = layAxis(1000, [{ fromNs: 100, toNs: 900 }], 244);
  t.deepEqual(axis.segments, [
    { fromNs: 0, toNs: 100, fromX: 0, toX: 100, folded: false },
    { fromNs: 100, toNs: 900, fromX: 100, toX: 144, folded: true },
    { fromNs: 900, toNs: 1000, fromX: 144, toX: 244, folded: false },
  ]);
});

test('many folds leave half of the width to what happened', t => {
  const folds = Array.from({ length: 9 }, (_, n) => ({ fromNs: n * 1000 + 10, toNs: n * 1000 + 1000 }));
  const axis = layAxis(9010, folds, 300);
  const folded = axis.segments.filter(segment => segment.folded).reduce((sum, segment) => sum + segment.toX - segment.fromX, 0);
  t.true(folded <= 150.0001);
});

test('lines of one nanosecond lie in the middle', t => {
  const axis = layAxis(0, [], 200);
  t.is(xOf(axis, 0), 100);
  t.is(offsetNsAt(axis, 20), 0);
  t.deepEqual(axisMarks(axis, 80).marks, []);
});

test('marks stand at round distances, none inside a fold', t => {
  const axis = layAxis(1000, [{ fromNs: 100, toNs: 900 }], 244);
  const { stepNs, marks } = axisMarks(axis, 40);
  t.is(stepNs, 50);
  t.deepEqual(marks.map(mark => mark.offsetNs), [0, 50, 100, 900, 950, 1000]);
});

test('a moment and its place lead to each other, and later never lies further left', t => {
  t.notThrows(() => fc.assert(fc.property(fc.array(fc.nat(1e9), { minLength: 2, maxLength: 60 }), fc.integer({ min: 50, max: 2000 }), (times, width) => {
    const sorted = times.toSorted((a, b) => a - b);
    const offsets = sorted.map(time => time - sorted[0]!);
    const spanNs = offsets.at(-1)!;
    const axis = layAxis(spanNs, findFolds(offsets), width);
    let before = -1;
    for (const offset of offsets) {
      const x = xOf(axis, offset);
      if (x < before - 1e-6 || x < -1e-6 || x > width + 1e-6) return false;
      before = x;
      if (spanNs > 0 && Math.abs(offsetNsAt(axis, x) - offset) > spanNs * 1e-6 + 1) return false;
    }
    return true;
  })));
});
