import test from 'ava';
import { zoneByReading, zoneOf } from '../../../collector/fields/zone.ts';
import { eventsOfText } from '../../corpus/pipeline.ts';

const local = (text: string): number => Date.parse(`${text}Z`) / 1000;

test('an offset is the same at any time; UTC needs no zone', t => {
  t.is(zoneOf('UTC'), null);
  t.is(zoneOf('+05:30')!.offsetSeconds(0), 19_800);
  t.is(zoneOf('-0330')!.offsetSeconds(1e9), -12_600);
});

test('a named zone has its summer, its winter and its history', t => {
  const berlin = zoneOf('Europe/Berlin')!;
  t.is(berlin.offsetSeconds(local('2022-08-22T05:18:16')), 7200);
  t.is(berlin.offsetSeconds(local('2022-12-22T05:18:16')), 3600);
  t.is(berlin.offsetSeconds(local('1976-08-22T05:18:16')), 3600);
  t.is(zoneOf('Asia/Kathmandu')!.offsetSeconds(local('2022-08-22T05:18:16')), 20_700);
});

test('the hour that comes twice is the first of the two, the one that is left out lies behind the step', t => {
  const berlin = zoneOf('Europe/Berlin')!;
  t.is(berlin.offsetSeconds(local('2022-10-30T02:30:00')), 7200);
  t.is(berlin.offsetSeconds(local('2022-10-30T01:59:59')), 7200);
  t.is(berlin.offsetSeconds(local('2022-10-30T03:00:00')), 3600);
  t.is(berlin.offsetSeconds(local('2022-03-27T01:59:59')), 3600);
  t.is(berlin.offsetSeconds(local('2022-03-27T03:00:00')), 7200);
});

test('what is no zone is refused with what to write', t => {
  for (const name of ['Berlin/Europe', '+2', '', 'local']) t.throws(() => zoneOf(name), { code: 'BAD_TIME_ZONE', message: /Europe\/Berlin/ }, name);
});

test('a line that was read as it was written shows its zone by being off by an offset that zones have', t => {
  const read = Date.parse('2022-08-22T05:18:16.500Z');
  const offset = (text: string): number => zoneByReading(read).offsetSeconds(local(text)) / 60;
  t.is(offset('2022-08-22T07:18:16'), 120);
  t.is(offset('2022-08-22T07:18:01'), 120, 'written a while before it was read');
  t.is(offset('2022-08-21T22:18:16'), -420);
  t.is(offset('2022-08-22T10:48:16'), 330, 'India');
  t.is(offset('2022-08-22T05:18:16'), 0);
  t.is(offset('2022-08-22T05:14:00'), 0, 'a line that waited for minutes');
  t.is(offset('2022-08-22T04:19:30'), 0, 'a clock that is not right, or a line that waited for an hour or so');
  t.is(offset('2022-08-22T05:33:16'), 0, 'no zone is a quarter of an hour away');
  t.is(offset('2022-08-22T20:18:16'), 0, 'nor fifteen hours');
  t.is(offset('2022-08-20T05:18:16'), 0, 'a clock that is days off');
});

test('only of streams that were seen growing, only with auto, and marked', t => {
  const readMs = Date.parse('2022-08-22T05:18:16.500Z');
  const times = (line: string, timeZone: string, bootId: string | null): unknown[] => {
    const [event] = eventsOfText(`${line}\n`, { readMs, bootId, limits: { timeZone } });
    return [new Date(Number(event!.timeNs / 1_000_000n)).toISOString().slice(11, 19), event!.fields['time_assumed'] ?? null];
  };
  for (const line of ['2022-08-22 07:18:16 INFO x', '{"time":"2022-08-22 07:18:16","msg":"x"}', '[Mon Aug 22 07:18:16 2022] [error] x']) {
    t.deepEqual(times(line, 'auto', 'boot'), ['05:18:16', 'zone'], line);
    t.deepEqual(times(line, 'auto', null), ['07:18:16', null]);
    t.deepEqual(times(line, 'UTC', 'boot'), ['07:18:16', null]);
    t.deepEqual(times(line, '+01:00', 'boot'), ['06:18:16', null]);
  }
  t.deepEqual(times('2022-08-22 07:18:16+00:00 INFO x', 'auto', 'boot'), ['07:18:16', null], 'a zone that is there counts');
  t.deepEqual(times('2022-08-22 05:18:16 INFO x', 'auto', 'boot'), ['05:18:16', null]);
});
