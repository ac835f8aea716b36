import test from 'ava';
import { zoneOf } from '../../../collector/fields/zone.ts';

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
