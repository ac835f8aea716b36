import test from 'ava';
import { Block, encodeBlock } from '#schemas/embedded/block-codec.ts';
import { fromJsonWithBigints, readEventsFileName, eventsFileName, toJsonWithBigints } from '#schemas/embedded/layout.ts';
import { comparable, madeEvent, madeGap, noon } from '../../contract/made-up.ts';

test('a block gives back each of its events, and its columns without them', t => {
  const events = [
    madeEvent('a', 0, 10, { level: null, raw: Buffer.from([0xff]), message: '' }),
    madeEvent('b', 0, 10, { chainPosition: 7, level: 'fatal', timeNs: -(2n ** 63n), pod: 'one' }),
    madeEvent('b', 10, 20, { chainPosition: 7, pod: 'two', node: 'another', raw: Buffer.from('same'), message: 'same' }),
    madeGap('b', 20, 30, { chainPosition: 7 }),
  ];
  const { data, plainBytes } = encodeBlock(events);
  const block = new Block(data, plainBytes);
  t.is(block.length, 4);
  t.is(block.rawBytes, 1 + 'line at 0'.length + 4);
  t.is(block.byteLength, plainBytes);
  events.forEach((event, row) => {
    t.deepEqual(comparable(block.event(row)), comparable(event));
    t.deepEqual([block.timeNs(row), block.event(row).chainPosition], [event.timeNs, event.chainPosition ?? 0]);
  });
  t.deepEqual([0, 1, 2, 3].map(row => block.levelRank(row)), [-1, 5, 2, -1]);
  t.throws(() => block.event(4), { message: /broken invariant/ });
});

test('fields come back whatever they are called', t => {
  const fields = JSON.parse('{"__proto__":"x","constructor":1,"":true}') as Record<string, string>;
  const { data, plainBytes } = encodeBlock([madeEvent('a', 0, 10, { fields })]);
  t.is(JSON.stringify(new Block(data, plainBytes).event(0).fields), JSON.stringify(fields));
});

test('damaged bytes are noticed', t => {
  const { data, plainBytes } = encodeBlock(Array.from({ length: 50 }, (_, n) => madeEvent('a', n, n + 1, { timeNs: noon + BigInt(n * 7919) })));
  const damaged = Buffer.from(data);
  damaged[Math.floor(damaged.length / 2)]! ^= 0x55;
  t.throws(() => new Block(damaged, plainBytes));
});

test('bigints survive JSON, and nothing else is taken for one', t => {
  const value = { a: 2n ** 63n, list: [-1n, 'x', { n: 1 }], nothing: null };
  t.deepEqual(fromJsonWithBigints(toJsonWithBigints(value)), value);
});

test('file names sort in the order of storing', t => {
  const names = [eventsFileName('2026-11-21', 9), eventsFileName('2026-11-21', 10), eventsFileName('2026-11-22', 2)];
  t.deepEqual([...names].sort(), names);
  t.deepEqual(readEventsFileName(names[1]!), { name: names[1]!, day: '2026-11-21', firstSequence: 10 });
  for (const other of ['owner.db', `${names[0]!}-wal`, '2026-11-21.db']) t.is(readEventsFileName(other), null);
});
