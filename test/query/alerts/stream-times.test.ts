import test from 'ava';
import type { StoredStream } from '#schemas/store.ts';
import { StreamTimes } from '../../../query/alerts/stream-times.ts';
import { nsPerMs, stream } from './signal-source.ts';

const nowMs = Date.UTC(2026, 10, 21, 8, 0);
const oldMs = Date.UTC(2005, 11, 4);
const ns = (ms: number): bigint => BigInt(ms) * nsPerMs;
const contributor = (streamId: string, watermarkMs: number) => ({ streamId, watermarkNs: ns(watermarkMs), lastTimeNs: ns(watermarkMs) });
const looked = (...looks: [StoredStream[], number][]): StreamTimes => {
  const times = new StreamTimes();
  for (const [streams, ms] of looks) times.look(streams, ms);
  return times;
};

test('a stream with more on its way is as far as its own events', t => {
  const times = looked([[stream('a', nowMs - 5000, null)], nowMs]);
  t.is(times.earliest([contributor('a', nowMs - 7000)]), ns(nowMs - 5000));
});

test('a stream with bytes not yet stored is not read to its end, whatever its state says', t => {
  const behind = stream('a', nowMs - 5000, nowMs);
  behind.state!.acknowledgedBytes = 99;
  t.is(looked([[behind], nowMs]).earliest([contributor('a', 0)]), ns(nowMs - 5000));
});

test('a silent stream goes on from its last event for as long as it was seen silent', t => {
  const times = looked([[stream('a', nowMs - 60_000, nowMs)], nowMs], [[stream('a', nowMs - 60_000, nowMs + 9000)], nowMs + 9000]);
  t.is(times.earliest([contributor('a', 0)]), ns(nowMs - 51_000));
});

test('an old file that was read to its end is read up to now', t => {
  t.is(looked([[stream('a', oldMs, nowMs)], nowMs]).earliest([contributor('a', oldMs)]), ns(nowMs));
});

test('a stream that is forgotten, or an old closed one, holds nothing back', t => {
  const times = looked([[stream('closed', oldMs, null, { closed: true })], nowMs]);
  t.is(times.earliest([contributor('gone', nowMs), contributor('closed', oldMs)]), null);
});

test('the slowest of several streams counts', t => {
  const times = looked([[stream('a', nowMs, null), stream('b', nowMs - 9000, null), stream('closed', oldMs, null, { closed: true })], nowMs]);
  t.is(times.earliest([contributor('a', nowMs), contributor('b', nowMs - 9000), contributor('closed', oldMs)]), ns(nowMs - 9000));
});

test('after a rotation the next stream of the source stands in for the closed one', t => {
  const rotated = stream('a', nowMs - 9000, null, { closed: true, source: 'shop/pay' });
  t.is(looked([[rotated, stream('b', null, null, { source: 'shop/pay' })], nowMs]).earliest([contributor('a', 0)]), ns(nowMs - 9000));
  t.is(looked([[rotated, stream('b', nowMs, null, { source: 'shop/pay' })], nowMs]).earliest([contributor('a', 0)]), ns(nowMs));
});
