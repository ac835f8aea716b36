import test from 'ava';
import fc from 'fast-check';
import { formatTimeNs } from '#schemas/event.ts';
import { epochNs, readTime, timeOfValue } from '../../../collector/fields/time.ts';

for (const [text, time] of [
  ['2022-08-22T05:18:16.154772363Z', '2022-08-22T05:18:16.154772363Z'],
  ['2022-08-22 05:18:16,123', '2022-08-22T05:18:16.123000000Z'],
  ['2022/08/22 05:18', '2022-08-22T05:18:00.000000000Z'],
  ['2022-08-22T05:18:16+0530', '2022-08-21T23:48:16.000000000Z'],
  ['2022-08-22 05:18:16+02', '2022-08-22T03:18:16.000000000Z'],
  ['2022-08-22T05:18:16+02:00[Europe/Berlin]', '2022-08-22T03:18:16.000000000Z'],
  ['2022-08-22 05:18:16 PDT', '2022-08-22T12:18:16.000000000Z'],
  ['20220822T051816Z', '2022-08-22T05:18:16.000000000Z'],
  ['22/Aug/2022:05:18:16 +0200', '2022-08-22T03:18:16.000000000Z'],
  ['Mon, 22 Aug 2022 05:18:16 GMT', '2022-08-22T05:18:16.000000000Z'],
  ['Mon Aug 22 05:18:16.5 2022', '2022-08-22T05:18:16.500000000Z'],
  ['Mon Aug 22 05:18:16 UTC 2022', '2022-08-22T05:18:16.000000000Z'],
  ['22-Aug-2022 05:18:16.123', '2022-08-22T05:18:16.123000000Z'],
  ['Aug 22, 2022 12:18:16 AM', '2022-08-22T00:18:16.000000000Z'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000000000Z'],
  ['2024-02-29T23:59:60Z', '2024-03-01T00:00:00.000000000Z'],
  [1661145496, '2022-08-22T05:18:16.000000000Z'],
  [1661145496.1547723, '2022-08-22T05:18:16.154772300Z'],
  [1661145496154, '2022-08-22T05:18:16.154000000Z'],
  ['1661145496154.5', '2022-08-22T05:18:16.154500000Z'],
  ['1661145496154772', '2022-08-22T05:18:16.154772000Z'],
  ['1661145496154772363', '2022-08-22T05:18:16.154772363Z'],
] as const) {
  test(`a field's time: ${text}`, t => {
    const timeNs = timeOfValue(text);
    t.is(timeNs === null ? null : formatTimeNs(timeNs), time);
  });
}

test('no time: durations, dates alone, days and hours that do not exist, other values', t => {
  for (const value of [0, 12, 0.25, 99_999_999, -1661145496, NaN, Infinity, true, null, '', '12', '2022-08-22', '2023-02-29T00:00:00Z', '2022-08-22T24:00:01Z', '2022-08-22T05:61:00Z', '05:18:16.123', 'Aug 22 05:18:16', '2022-08-22T05:18:16Z and more', 'tomorrow', {}]) {
    t.is(timeOfValue(value), null, JSON.stringify(value));
  }
});

test('any moment of four-digit years is read back exactly, in any zone', t => {
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: 253_402_300_799_999_999_999n }), fc.integer({ min: -18 * 60, max: 18 * 60 }), (timeNs, minutes) => {
    const size = Math.abs(minutes);
    const zone = `${minutes < 0 ? '-' : '+'}${String(Math.floor(size / 60)).padStart(2, '0')}:${String(size % 60).padStart(2, '0')}`;
    const local = timeNs + BigInt(minutes) * 60_000_000_000n;
    if (local < 0n || local > 253_402_300_799_999_999_999n) return;
    const text = formatTimeNs(local).slice(0, -1) + zone;
    t.deepEqual(readTime(text, 0), { timeNs, end: text.length, assumed: null });
  }));
  t.pass();
});

test('an epoch number keeps every digit its unit can hold', t => {
  t.is(epochNs('1661145496.1547723639'), 1661145496154772363n);
  t.is(epochNs('1e9'), null);
});
