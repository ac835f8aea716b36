import test from 'ava';
import { formatBytes, formatDuration, formatMark, formatMs, formatOffset, formatTime, formatTimeInFull, localDate, parseTimeNs } from '../../../query/web/time-format.ts';

const zurichSummer = (): number => 120;
const stJohns = (): number => -150;

test('all nine digits of a time are kept', t => {
  t.is(parseTimeNs('2022-08-22T05:18:16.154772363Z'), 1661145496154772363n);
  t.is(parseTimeNs('2022-08-22T07:18:16.1+02:00'), 1661145496100000000n);
  t.is(parseTimeNs('yesterday'), null);
});

test('a time is shown in the zone of the reader, across midnight too', t => {
  t.is(formatTimeInFull('2022-08-22T05:18:16.154772363Z', zurichSummer), '2022-08-22 07:18:16.154772363 +02:00');
  t.is(formatTimeInFull('2022-08-22T00:18:16.000000001Z', stJohns), '2022-08-21 21:48:16.000000001 −02:30');
});

test('a time before 1970 keeps its fraction', t => {
  t.is(formatTimeInFull('1969-12-31T23:59:59.250000000Z', () => 0), '1969-12-31 23:59:59.250000000 UTC');
});

test('the date is left out only on the day itself', t => {
  t.is(formatTime('2022-08-22T23:18:16.154772363Z', '2022-08-23', zurichSummer), '01:18:16.154');
  t.is(formatTime('2022-08-22T05:18:16.154772363Z', '2022-08-23', zurichSummer), '2022-08-22 07:18:16.154');
  t.is(localDate(Date.parse('2022-08-22T23:18:16Z'), zurichSummer), '2022-08-23');
});

test('what is no time is shown as it came', t => {
  t.is(formatTime('soon', '2022-08-22', zurichSummer), 'soon');
});

test('a zone is named by its distance', t => {
  t.deepEqual([0, 330, -570].map(formatOffset), ['UTC', '+05:30', '−09:30']);
});

test('a duration has three figures in the unit that fits', t => {
  const cases: [number, string][] = [[0, '0 ms'], [0.0421, '0.042 ms'], [4.91, '4.91 ms'], [12.34, '12.3 ms'], [480.2, '480 ms'], [999.7, '1.00 s'], [1240, '1.24 s'], [59_990, '1 min'], [185_000, '3 min 5 s'], [7_380_000, '2 h 3 min'], [353_000_000, '4 d 2 h'], [-20, '−20.0 ms']];
  for (const [durationMs, text] of cases) t.is(formatDuration(durationMs), text);
});

test('distances inside a timeline are told to the microsecond, long ones by the clock', t => {
  t.is(formatMs(1_234_567_890), '1,234.568');
  t.is(formatMs(-412_000), '−0.412');
  t.is(formatMs(3_723_004_000_000), '1:02:03.004');
});

test('marks beside each other never read the same', t => {
  t.deepEqual([491.5e6, 492e6].map(offset => formatMark(offset, 0.5e6)), ['491.5 ms', '492.0 ms']);
  t.deepEqual([85e9, 90e9].map(offset => formatMark(offset, 5e9)), ['85 s', '90 s']);
  t.deepEqual([125e9, 130e9].map(offset => formatMark(offset, 5e9)), ['2 min 5 s', '2 min 10 s']);
  t.is(formatMark(0, 5e9), '0');
});

test('bytes are told in thousands', t => {
  t.deepEqual([0, 482, 999, 1000, 12_058, 3_140_000, 999_600].map(formatBytes), ['0 B', '482 B', '999 B', '1.0 kB', '12.1 kB', '3.1 MB', '1.0 MB']);
});
