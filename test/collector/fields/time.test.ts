import test from 'ava';
import fc from 'fast-check';
import { formatTimeNs } from '#schemas/event.ts';
import { epochNs, readTime, timeOfValue } from '../../../collector/fields/time.ts';
import { zoneOf } from '../../../collector/fields/zone.ts';

for (const [text, time] of [
  ['2022-08-22T05:18:16.154772363Z', '2022-08-22T05:18:16.154772363Z'],
  ['2022-08-22 05:18:16,123', '2022-08-22T05:18:16.123000000Z'],
  ['2022/08/22 05:18', '2022-08-22T05:18:00.000000000Z'],
  ['2022-08-22T05:18:16+0530', '2022-08-21T23:48:16.000000000Z'],
  ['2022-08-22 05:18:16+02', '2022-08-22T03:18:16.000000000Z'],
  ['2022-08-22T05:18:16+02:00[Europe/Berlin]', '2022-08-22T03:18:16.000000000Z'],
  ['2022-08-22 05:18:16 PDT', '2022-08-22T12:18:16.000000000Z'],
  ['2022-08-22 05:18:16 PM', '2022-08-22T17:18:16.000000000Z'],
  ['2022-08-22 12:18:16 AM', '2022-08-22T00:18:16.000000000Z'],
  ['2022-08-22 13:18:16 PM', '2022-08-22T13:18:16.000000000Z'],
  ['2022/8/2 5:18:16', '2022-08-02T05:18:16.000000000Z'],
  ['22.08.2022, 05:18:16', '2022-08-22T05:18:16.000000000Z'],
  ['2022-08-22 05:18:16 America/New_York', '2022-08-22T09:18:16.000000000Z'],
  ['2022-12-22 05:18:16 America/New_York', '2022-12-22T10:18:16.000000000Z'],
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

const at = (text: string, read: string, zone: string | null = null): string => {
  const found = readTime(text, 0, { readMs: Date.parse(read), zone: zone === null ? null : zoneOf(zone) })!;
  return `${found.timeNs === null ? 'none' : formatTimeNs(found.timeNs).slice(0, 19)} ${found.assumed ?? 'whole'}`;
};

test('a time without a year is of the last year in which it is not past its reading, with a day of grace', t => {
  t.is(at('Aug 22 05:18:16', '2022-08-22T06:00:00Z'), '2022-08-22T05:18:16 year');
  t.is(at('Aug 23 05:18:16', '2022-08-22T06:00:00Z'), '2022-08-23T05:18:16 year', 'a clock that is a day ahead');
  t.is(at('Aug 24 05:18:16', '2022-08-22T06:00:00Z'), '2021-08-24T05:18:16 year');
  t.is(at('Dec 31 23:59:59', '2023-01-01T00:00:01Z'), '2022-12-31T23:59:59 year', 'read in the new year');
  t.is(at('Jan  1 00:00:01', '2022-12-31T23:59:59Z'), '2023-01-01T00:00:01 year', 'a clock that is in the new year already');
  t.is(at('Feb 29 05:18:16', '2023-08-22T06:00:00Z'), '2020-02-29T05:18:16 year', 'the last leap year');
  t.is(at('Feb 29 05:18:16', '1903-08-22T06:00:00Z'), '1896-02-29T05:18:16 year', 'eight years back, over 1900');
  t.is(at('25 Apr 05:32:35.018', '2022-08-22T06:00:00Z'), '2022-04-25T05:32:35 year');
  t.is(at('Aug 16 2019 05:18:16', '2022-08-22T06:00:00Z'), '2019-08-16T05:18:16 whole', 'a year that is there counts');
});

test('a time without a date is the last such moment before its reading, with ten minutes of grace', t => {
  t.is(at('05:18:16.123', '2022-08-22T06:00:00Z'), '2022-08-22T05:18:16 date');
  t.is(at('06:05:00', '2022-08-22T06:00:00Z'), '2022-08-22T06:05:00 date');
  t.is(at('06:15:00', '2022-08-22T06:00:00Z'), '2022-08-21T06:15:00 date');
  t.is(at('23:59:59', '2022-08-22T00:00:01Z'), '2022-08-21T23:59:59 date');
  t.is(at('00:00:01', '2022-08-21T23:59:59Z'), '2022-08-22T00:00:01 date');
  t.is(at('23:59:60', '2022-08-22T00:00:01Z'), '2022-08-22T00:00:00 date', 'a leap second');
});

test('without a time of reading such times have no value', t => {
  t.deepEqual(readTime('Aug 22 05:18:16', 0), { timeNs: null, end: 15, assumed: null });
  t.deepEqual(readTime('05:18:16', 0), { timeNs: null, end: 8, assumed: null });
});

test('day and month that may be either are those of the later day that is not past its reading', t => {
  t.is(at('08/09/2022 05:18:16', '2022-08-09T06:00:00Z'), '2022-08-09T05:18:16 date');
  t.is(at('08/09/2022 05:18:16', '2022-09-08T06:00:00Z'), '2022-09-08T05:18:16 date');
  t.is(at('08/22/2022 5:18:16 PM', '2022-09-08T06:00:00Z'), '2022-08-22T17:18:16 whole');
  t.is(at('22/08/2022, 05:18:16', '2022-09-08T06:00:00Z'), '2022-08-22T05:18:16 whole');
  t.is(at('08/08/2022 05:18:16', '2022-09-08T06:00:00Z'), '2022-08-08T05:18:16 whole');
  t.is(readTime('08/09/2022 05:18:16', 0)!.timeNs, null);
  t.is(readTime('31/31/2022 05:18:16', 0), null);
});

test('a zone by its name', t => {
  t.is(at('2022-08-22 05:18:16 IST', '2022-08-22T06:00:00Z'), '2022-08-21T23:48:16 whole');
  t.is(at('2022-08-22 05:18:16.5 AEST', '2022-08-22T06:00:00Z'), '2022-08-21T19:18:16 whole');
  t.is(at('2022-08-22 05:18:16 CST', '2022-08-23T06:00:00Z'), '2022-08-22T11:18:16 whole', 'American, where that has come');
  t.is(at('2022-08-22 05:18:16 CST', '2022-08-21T21:19:00Z'), '2022-08-21T21:18:16 zone', 'China\'s, where the other has not');
});

test('a configured zone is for times that name none', t => {
  t.is(at('2022-08-22 05:18:16', '2022-08-22T06:00:00Z', 'Europe/Berlin'), '2022-08-22T03:18:16 whole');
  t.is(at('2022-08-22 05:18:16Z', '2022-08-22T06:00:00Z', 'Europe/Berlin'), '2022-08-22T05:18:16 whole');
  t.is(at('2022-08-22 05:18:16 +0000', '2022-08-22T06:00:00Z', 'Europe/Berlin'), '2022-08-22T05:18:16 whole');
  t.is(at('Aug 22 05:18:16', '2022-08-22T06:00:00Z', '+02:00'), '2022-08-22T03:18:16 year');
  t.is(at('07:18:16', '2022-08-22T05:20:00Z', '+02:00'), '2022-08-22T05:18:16 date');
  t.is(at('Mon Aug 22 05:18:16 2022', '2022-08-22T06:00:00Z', '+02:00'), '2022-08-22T03:18:16 whole');
  t.is(timeOfValue('2022-08-22 05:18:16', { readMs: null, zone: zoneOf('+02:00') }), 1661138296000000000n);
  t.is(timeOfValue(1661145496, { readMs: null, zone: zoneOf('+02:00') }), 1661145496000000000n);
});

test('an epoch number is read as it was written, whatever its unit and fraction', t => {
  fc.assert(fc.property(fc.integer({ min: 1e8, max: 99_999_999_999 }), fc.integer({ min: 0, max: 9_999_999 }), fc.integer({ min: 0, max: 7 }), (seconds, fraction, digits) => {
    for (const text of [String(seconds), `${seconds}.${String(fraction).padStart(7, '0').slice(0, digits)}`, `${seconds}${String(fraction).padStart(7, '0').slice(0, 3)}`]) t.is(timeOfValue(Number(text)), epochNs(String(Number(text))), text);
  }));
});
