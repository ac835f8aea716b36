import test from 'ava';
import { newStreamEntry } from '#schemas/elasticsearch/stream-document.ts';
import { takeBytes, takeRange } from '../../../collector/store/stored-bytes.ts';
import { madeEvent, madeGap } from '../../contract/made-up.ts';

test('bytes are stored once, in as few ranges as there are', t => {
  const stream = newStreamEntry('a', 'source', 1);
  for (const [from, to, isNew] of [[0, 10, true], [10, 20, true], [0, 10, false], [30, 40, true], [20, 30, true], [15, 20, false]] as const) t.is(takeBytes(stream, madeEvent('a', from, to), 'refuse'), isNew, `${from}`);
  t.deepEqual([stream.storedRanges, stream.lines], [[{ from: 0, to: 40 }], 4]);
  t.throws(() => takeBytes(stream, madeEvent('a', 35, 45), 'refuse'), { message: /a/ });
  t.true(takeBytes(stream, madeEvent('a', 35, 45), 'add'));
  t.deepEqual(stream.storedRanges, [{ from: 0, to: 45 }]);
});

test('what is known to be empty before an event is stored with it, and makes no range of its own', t => {
  const stream = newStreamEntry('a', 'source', 1);
  t.true(takeBytes(stream, madeEvent('a', 3, 4, { emptyFrom: 0 }), 'refuse'));
  t.true(takeBytes(stream, madeEvent('a', 9, 10, { emptyFrom: 4 }), 'refuse'));
  t.true(takeBytes(stream, madeEvent('a', 12, 13), 'refuse'));
  t.deepEqual(stream.storedRanges, [{ from: 0, to: 10 }, { from: 12, to: 13 }]);
  t.false(takeBytes(stream, madeEvent('a', 9, 10, { emptyFrom: 4 }), 'refuse'));
});

test('a gap is told once and covers nothing', t => {
  const stream = newStreamEntry('a', 'source', 1);
  t.deepEqual([takeRange(stream, madeGap('a', 0, 10), 'refuse'), takeRange(stream, madeGap('a', 0, 10), 'refuse')], [true, false]);
  t.true(takeRange(stream, madeEvent('a', 5, 10), 'refuse'));
  t.deepEqual([stream.storedRanges, stream.gapBytes], [[{ from: 5, to: 10 }], 10]);
});
