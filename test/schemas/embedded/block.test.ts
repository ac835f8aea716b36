import test from 'ava';
import fc from 'fast-check';
import { Block } from '#schemas/embedded/block.ts';
import { BlockEncoder, type EncodedBlock } from '#schemas/embedded/block-encoder.ts';
import { canonicalId, idHash } from '#schemas/canonical-id.ts';
import { numbersIn } from '#schemas/embedded/id-list.ts';
import { levelRank, levels, type FieldValue, type LogEvent } from '#schemas/event.ts';
import { fromJsonWithBigints, readEventsFileName, eventsFileName, toJsonWithBigints } from '#schemas/embedded/layout.ts';
import { comparable, madeEvent, madeGap, noon } from '../../contract/made-up.ts';

const encode = (events: readonly LogEvent[]): EncodedBlock => new BlockEncoder().encode(events);
const opened = ({ head, headBytes, raw }: EncodedBlock): Block => new Block(head, headBytes, raw);

test('a block gives back each of its events, and its columns without them', t => {
  const events = [
    madeEvent('a', 0, 10, { level: null, raw: Buffer.from([0xff]), message: '' }),
    madeEvent('b', 0, 10, { chainPosition: 7, level: 'fatal', timeNs: -(2n ** 63n), pod: 'one' }),
    madeEvent('b', 10, 20, { chainPosition: 7, pod: 'two', node: 'another', raw: Buffer.from('same'), message: 'same' }),
    madeGap('b', 20, 30, { chainPosition: 7 }),
  ];
  const encoded = encode(events);
  const block = opened(encoded);
  t.is(block.length, 4);
  t.is(block.rawBytes, 1 + 'line at 0'.length + 4);
  t.is(block.byteLength, encoded.headBytes + encoded.rawBytes);
  events.forEach((event, row) => {
    t.deepEqual(comparable(block.event(row)), comparable(event));
    t.deepEqual([block.timeNs(row), block.event(row).chainPosition], [event.timeNs, event.chainPosition ?? 0]);
  });
  t.deepEqual([0, 1, 2, 3].map(row => block.levelRank(row)), [-1, 5, 2, -1]);
  t.throws(() => block.event(4), { message: /broken invariant/ });
});

test('fields come back whatever they are called', t => {
  const fields = JSON.parse('{"__proto__":"x","constructor":1,"":true}') as Record<string, string>;
  const read = opened(encode([madeEvent('a', 0, 10, { fields }), madeEvent('a', 10, 20, { fields, raw: Buffer.from('x') })]));
  for (const row of [0, 1]) t.is(JSON.stringify(read.event(row).fields), JSON.stringify(fields));
});

test('damaged bytes are noticed, in what is known of the lines and in the lines', t => {
  const encoded = encode(Array.from({ length: 50 }, (_, n) => madeEvent('a', n, n + 1, { timeNs: noon + BigInt(n * 7919) })));
  const damaged = (bytes: Uint8Array): Buffer => {
    const copy = Buffer.from(bytes);
    copy[Math.floor(copy.length / 2)]! ^= 0x55;
    return copy;
  };
  t.throws(() => opened({ ...encoded, head: damaged(encoded.head) }));
  t.throws(() => opened({ ...encoded, raw: damaged(encoded.raw) }).event(0));
});

const value: fc.Arbitrary<FieldValue> = fc.oneof(
  fc.constantFrom('', 'GET', '/cart', '10', '1.50', 'ü', '\u{1F680}', 'a"b', 'no such text'), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => (Object.is(number, -0) ? 0 : number)), fc.boolean(), fc.constant(null), fc.string({ unit: 'binary' }), fc.array(fc.constantFrom<FieldValue>(1, 'two', null)),
);
const anyEvent = fc.record({
  stream: fc.constantFrom('a', 'b'),
  fields: fc.dictionary(fc.constantFrom('method', 'path', 'n', 'deep.name', '__proto__', '7', ''), value, { maxKeys: 5, noNullPrototype: true }),
  rest: fc.string({ unit: 'binary', maxLength: 12 }),
  before: fc.constantFrom('', '{"x":', 'ERROR ', '\u00e4 '),
  message: fc.constantFrom('own', 'line', 'part', 'end', 'empty'),
  bytes: fc.option(fc.uint8Array({ maxLength: 5 })),
  timeNs: fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(noon, noon + 5_000_000n)),
  level: fc.constantFrom(...levels, null),
  ids: fc.array(fc.constantFrom('fe3974115b911675d0640788986f80c9', 'FE397411-5B91-1675-D064-0788986F80C9', 'r-1', 'ö', '', '-'), { maxLength: 4 }),
  request: fc.constantFrom('first', 'other', null),
  hole: fc.integer({ min: -3, max: 3 }),
  template: fc.constantFrom('t1', 't2', null),
  pieces: fc.boolean(),
  more: fc.constantFrom({}, { output: 'stderr' as const, confidence: 0.5, requestIdSource: 'inherited' }, { part: { n: 2, of: null } }, { exceptionType: 'Error', timeSource: 'read' as const }, { service: null, node: 'n1', chainPosition: 4 }),
});

test('whatever an event says comes back as it was, wherever it lay in the line', t => {
  fc.assert(
    fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 30 }), made => {
      const ends = new Map([['a', 0], ['b', 1_000_000]]);
      const events = made.map(({ stream, fields, rest, before, message, bytes, timeNs, level, ids, request, hole, template, pieces, more }): LogEvent => {
        const text = `${before}${Object.values(fields).map(String).join('|')}${ids.join(' ')}${rest}`;
        const raw = bytes === null ? Buffer.from(text) : Buffer.concat([Buffer.from(text), bytes]);
        const from = ends.get(stream)! + 10 + hole;
        const to = from + raw.length + 9 + hole;
        ends.set(stream, to);
        return madeEvent(stream, from, to, {
          raw, message: message === 'own' ? 'not in it' : message === 'line' ? text : message === 'part' ? text.slice(1, -1) : message === 'end' ? text.slice(2) : '',
          fields, timeNs, level, ids: ids.map((id, index) => ({ kind: index % 2 === 0 ? 'trace' : 'span', name: id, value: id })), requestId: request === 'first' ? (ids[0] ?? null) : request, template,
          ...(pieces ? { pieces: [{ from, to: from + 1 }, { from: from + 2, to }] } : {}), ...more,
        });
      });
      const encoder = new BlockEncoder();
      encoder.encode(events.slice(0, 3));
      const encoded = encoder.encode(events);
      const block = opened(encoded);
      events.forEach((event, row) => {
        const read = block.event(row);
        t.deepEqual({ ...read, raw: Buffer.from(read.raw).toString('latin1'), chainPosition: read.chainPosition, lineCount: 1 }, { ...event, raw: Buffer.from(event.raw).toString('latin1'), chainPosition: event.chainPosition ?? 0 });
        t.deepEqual([block.timeNs(row), block.levelRank(row), block.service(row), block.streamId(row), block.streamOffset(row)], [event.timeNs, levelRank(event.level), event.service, event.streamId, event.streamOffset]);
        for (const { value: spelling } of event.ids) {
          const canonical = canonicalId(spelling);
          if (canonical === null) continue;
          const numbers = block.idsLike(numbersIn(encoded.ids, idHash(canonical)), other => canonicalId(other) === canonical);
          t.deepEqual(block.rowsWithIds(numbers), events.flatMap((other, index) => (other.ids.some(id => canonicalId(id.value) === canonical) ? [index] : [])));
        }
      });
    }),
    { numRuns: 400 },
  );
});

test('a look at all lines at once misses no message that matches', t => {
  const messages = ['card declined', 'CARD Declined', 'k', '\u212a', 'i\u0307', 'd', 'cardcard', ''];
  const events = messages.flatMap((message, index) => [madeEvent('a', 100 * index, 100 * index + 9, { message, raw: Buffer.from(`x ${message}`) }), madeEvent('a', 100 * index + 50, 100 * index + 59, { message, raw: Buffer.from('{"m":"\\u0041"}') }), madeEvent('a', 100 * index + 70, 100 * index + 79, { message: `${message} `, raw: Buffer.from(`${message} tail`) })]);
  const block = opened(encode(events));
  for (const needle of ['card', 'd', 'k', 'declined', 'none of it']) {
    const rows = new Set(block.rowsThatMayMatch(new RegExp(needle, 'gi')));
    events.forEach((event, row) => t.true(rows.has(row) || !event.message.toLowerCase().includes(needle), `${needle} in ${event.message}`));
  }
  t.false(block.rowsThatMayMatch(/none of it/gi).includes(0));
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
