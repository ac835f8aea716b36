import test from 'ava';
import { compareEvents, decodeUtf8, eventToJson, formatTimeNs, levelRank } from '#schemas/event.ts';
import { madeEvent, noon } from '../contract/made-up.ts';

for (const [ns, text] of [
  [1_661_145_496_154_772_363n, '2022-08-22T05:18:16.154772363Z'],
  [0n, '1970-01-01T00:00:00.000000000Z'],
  [-1n, '1969-12-31T23:59:59.999999999Z'],
  [-1_000_000_000n, '1969-12-31T23:59:59.000000000Z'],
  [2n ** 63n - 1n, '2262-04-11T23:47:16.854775807Z'],
] as const) {
  test(`${ns} ns is ${text}`, t => {
    t.is(formatTimeNs(ns), text);
  });
}

test('an unknown level satisfies no comparison', t => {
  t.deepEqual([levelRank('trace'), levelRank('fatal'), levelRank(null)], [0, 5, -1]);
});

test('events lie in the order of time, source, chain and offset', t => {
  const event = (id: string, given: Parameters<typeof madeEvent>[3]): ReturnType<typeof madeEvent> => madeEvent(id, 0, 1, { timeNs: noon, ...given });
  const ordered = [event('z', { timeNs: noon - 1n }), event('y', { source: 'a' }), event('x', { source: 'b', chainPosition: 1, streamOffset: 9 }), event('w', { source: 'b', chainPosition: 2, streamOffset: 0 }), event('v', { source: 'b', chainPosition: 2, streamOffset: 5 })];
  t.deepEqual([...ordered].reverse().sort(compareEvents).map(({ streamId }) => streamId), ordered.map(({ streamId }) => streamId));
});

test('as JSON every key is there, big numbers are text, and bytes that are not UTF-8 stand as base64', t => {
  const valid = eventToJson(madeEvent('a', 0, 1, { raw: Buffer.from('\uFEFFx') }));
  t.is(valid.raw, '\uFEFFx');
  t.false('rawBase64' in valid);
  const invalid = eventToJson(madeEvent('a', 0, 1, { raw: Buffer.from([0xff]) }));
  t.is(invalid.rawBase64, '/w==');
  t.false('raw' in invalid);
  const keys = ['eventId', 'time', 'timeNs', 'timeSource', 'service', 'container', 'pod', 'namespace', 'node', 'level', 'message', 'raw', 'fields', 'requestId', 'requestIdSource', 'confidence', 'ids', 'source', 'streamId', 'streamOffset', 'streamOffsetEnd', 'output', 'part', 'gap', 'exceptionType', 'correctedTimeNs', 'clockErrorNs', 'template'];
  t.deepEqual(Object.keys(valid).sort(), keys.sort());
  t.false(Object.values(valid).includes(undefined));
  t.notThrows(() => JSON.stringify(valid));
});

test('text is UTF-8 or nothing', t => {
  t.is(decodeUtf8(Buffer.from('ü')), 'ü');
  t.is(decodeUtf8(Buffer.from([0xc3])), null);
});
