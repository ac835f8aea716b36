import test from 'ava';
import fc from 'fast-check';
import { meetPoll } from '../../../query/web/held-rows.ts';
import { readMistake } from '../../../query/web/query-mistake.ts';
import { ServiceColours } from '../../../query/web/service-colour.ts';
import { unaccountedBytes } from '../../../query/web/stream-balance.ts';
import { addLines, emptyTail } from '../../../query/web/tail-buffer.ts';
import { rowTop, rowWindow } from '../../../query/web/windowing.ts';

const rows = (...ids: string[]): { id: string; lines: number }[] => ids.map(id => ({ id, lines: 1 }));

test('a held list keeps its rows in place, takes their new numbers and counts what waits', t => {
  const held = meetPoll(rows('c', 'b', 'a'), [...rows('e', 'd'), { id: 'c', lines: 9 }, ...rows('b')], true);
  t.deepEqual(held.rows, [{ id: 'c', lines: 9 }, ...rows('b', 'a')]);
  t.is(held.waiting, 2);
});

test('a list that is not held takes the answer as it is', t => {
  t.deepEqual(meetPoll(rows('b', 'a'), rows('c', 'b'), false), { rows: rows('c', 'b'), waiting: 0 });
});

test('an empty list shows its first rows though it is held', t => {
  t.is(meetPoll([], rows('a'), true).rows.length, 1);
});

test('older rows that move up from below are not counted as new', t => {
  t.is(meetPoll(rows('c', 'b'), rows('c', 'b', 'a'), true).waiting, 0);
  t.is(meetPoll(rows('b', 'a'), rows('z', 'y', 'x'), true).waiting, 3);
});

test('a tail keeps the last lines and counts those it gave up', t => {
  const tail = addLines(addLines(emptyTail<number>(), [1, 2, 3], false, 4), [4, 5, 6], false, 4);
  t.deepEqual(tail, { shown: [3, 4, 5, 6], waiting: [], forgotten: 2 });
});

test('a held tail stands still; released, it shows what waited, in order', t => {
  const held = addLines(addLines(emptyTail<number>(), [1], false), [2, 3], true);
  t.deepEqual([held.shown, held.waiting], [[1], [2, 3]]);
  t.deepEqual(addLines(held, [4], false).shown, [1, 2, 3, 4]);
});

test('only the rows in sight are drawn, also below an open row of any height', t => {
  t.notThrows(() => fc.assert(fc.property(fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: -1, max: 99_999 }), fc.nat(3000), fc.integer({ min: -500, max: 2_700_000 }), (count, openRow, detailPx, fromPx) => {
    const heights = { count, rowPx: 25, open: openRow < count ? openRow : -1, detailPx: openRow === -1 || openRow >= count ? 0 : detailPx };
    const shown = rowWindow(heights, fromPx, 800, 0);
    if (shown.start > shown.end || shown.end > count || shown.end - shown.start > 35) return false;
    const endPx = shown.end === count ? Infinity : rowTop(heights, shown.end);
    return (shown.start === 0 || shown.start === count || shown.topPx <= Math.max(0, fromPx)) && endPx > Math.min(fromPx + 800, shown.totalPx) - 1;
  })));
});

test('a mistake is marked at its column, one past the end at most', t => {
  t.deepEqual(readMistake('column 9: expected a value after "level>="', 'level>='), { column: 8, message: 'expected a value after "level>="' });
  t.deepEqual(readMistake('the query is too long', 'x'), { column: null, message: 'the query is too long' });
});

test('a stream whose bytes are all accounted for closes', t => {
  const stream = { sizeBytes: 100, storedBytes: 60, droppedBytes: { overQuota: 20, tooOld: 5 }, gapBytes: 10, lagBytes: 5 };
  t.is(unaccountedBytes(stream), 0);
  t.is(unaccountedBytes({ ...stream, storedBytes: 61 }), -1);
});

test('twelve services have twelve colours, and keep them', t => {
  const colours = new ServiceColours();
  const names = Array.from({ length: 12 }, (_, n) => `service-${n}`);
  const slots = names.map(name => colours.slot(name));
  t.is(new Set(slots).size, 12);
  t.deepEqual(names.map(name => colours.slot(name)), slots);
});
