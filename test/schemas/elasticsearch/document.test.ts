import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { documentToEvent, eventToDocument, type EventDocument, type NameBudgets } from '#schemas/elasticsearch/document.ts';
import { indexedName, NameBudget } from '#schemas/elasticsearch/field-names.ts';
import { isIndexedAsRuns, runsOf } from '#schemas/elasticsearch/message-runs.ts';
import { documentToStream, newStreamEntry, streamToDocument, type StreamDocument } from '#schemas/elasticsearch/stream-document.ts';
import { groupingIdKinds, levels, linkingIdKinds, timeSources, type LogEvent, type Piece } from '#schemas/event.ts';
import { madeEvent, madeGap, madeSignal, madeState, noonMs } from '../../contract/made-up.ts';

const budgets = (): NameBudgets => ({ numbers: new NameBudget(500), addresses: new NameBudget(100) });
/** As a server gives it back: what was sent, to the byte. */
const throughServer = <D>(document: D): D => JSON.parse(JSON.stringify(document)) as D;

const text = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 6 }), fc.constantFrom('\ud800', 'a\u0000b', '\ufeffx', '__proto__', 'constructor', '10.0.0.1', '1e400', '9007199254740993', ' ', ''));
const scalar = fc.oneof(text, fc.integer(), fc.double({ noDefaultInfinity: true, noNaN: true }).map(number => number + 0), fc.boolean(), fc.constant(null));
const value = fc.oneof(scalar, fc.array(fc.oneof(scalar, fc.array(scalar, { maxLength: 2 })), { maxLength: 3 }));
const fields = fc.array(fc.tuple(fc.oneof(text, fc.constantFrom('a', 'a.b', 'a__b', '.', 'x..y', 'http.req.id')), value), { maxLength: 5 }).map(entries => Object.fromEntries(entries));
const plain = { noNullPrototype: true };
const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary);
const event: fc.Arbitrary<LogEvent> = fc
  .record({
    timeNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), timeSource: fc.constantFrom(...timeSources), service: nullable(text), container: nullable(text), pod: nullable(text), namespace: nullable(text), node: nullable(text),
    level: nullable(fc.constantFrom(...levels)), message: text, raw: fc.oneof(fc.uint8Array({ maxLength: 8 }), text.map(line => Buffer.from(line))), fields, requestId: nullable(text), requestIdSource: nullable(text), confidence: nullable(fc.constantFrom(0, 0.5, 1)),
    ids: fc.array(fc.record({ kind: fc.constantFrom(...linkingIdKinds, ...groupingIdKinds), name: text, value: text }, plain), { maxLength: 3 }), source: text, output: nullable(fc.constantFrom('stdout' as const, 'stderr' as const)),
    part: nullable(fc.record({ n: fc.nat(), of: nullable(fc.nat()) }, plain)), gap: nullable(fc.record({ cause: text, bytes: fc.nat(), exact: fc.boolean() }, plain)), exceptionType: nullable(text), template: nullable(text), chainPosition: fc.nat(),
    pieces: fc.constantFrom<Piece[]>([{ from: 3, to: 9 }], [{ from: 3, to: 5 }, { from: 7, to: 9 }]),
  })
  .map(given => {
    const made = madeEvent('a', 3, 9, given);
    delete made.lineCount;
    return made;
  });
const comparable = (one: LogEvent): unknown => ({ ...one, raw: [...one.raw], fields: Object.entries(one.fields).sort(([a], [b]) => (a < b ? -1 : 1)) });

test('an event comes back from its document exactly, whatever it holds', t => {
  fc.assert(
    fc.property(event, one => {
      const document: EventDocument = throughServer(eventToDocument(one, budgets()));
      assert.deepEqual(comparable(documentToEvent(one.eventId, document)), comparable(one));
    }),
    { numRuns: 2000, includeErrorInReport: true },
  );
  t.pass();
});

test('a line is kept once where it is the message, as bytes where it is no text', t => {
  t.is(eventToDocument(madeEvent('a', 0, 5, { message: 'same', raw: Buffer.from('same') }), budgets()).event, undefined);
  t.is(eventToDocument(madeEvent('a', 0, 5, { message: 'line', raw: Buffer.from('INFO line') }), budgets()).event?.original, 'INFO line');
  t.is(eventToDocument(madeEvent('a', 0, 5, { raw: Buffer.from([0xff]) }), budgets()).leadline.more?.raw_base64, '/w==');
  t.is(eventToDocument(madeGap('a', 0, 5), budgets()).leadline.gap_bytes, 5);
});

test('numbers and addresses of fields stand beside them, where every value is one; no two fields under one name', t => {
  const { numbers, addresses, fields: kept } = eventToDocument(madeEvent('a', 0, 5, { fields: { 'http.status_code': 200, text: '17.5', big: '9007199254740993', mixed: [1, '7s'], list: [1, '2'], span: '250ms', peer: '10.0.0.5:52344', v6: '[::1]:80', zone: 'fe80::1%eth0', flag: true } }), budgets());
  t.deepEqual(numbers, { http__status_code: 200, text: 17.5, list: [1, 2] });
  t.deepEqual(addresses, { peer: '10.0.0.5', v6: '::1' });
  t.is(kept?.['http.status_code'], 200);
  const names = ['a.b', 'a__b', 'a_.b', 'a._b', '_a', 'a_', 'a b', '', 'a..b'].map(indexedName);
  t.deepEqual(names, ['a__b', null, null, null, null, null, null, null, null]);
});

test('names beyond the limit are counted and left out', t => {
  const limited: NameBudgets = { numbers: new NameBudget(1), addresses: new NameBudget(0) };
  t.deepEqual(eventToDocument(madeEvent('a', 0, 5, { fields: { one: 1, two: 2, peer: '10.0.0.1' } }), limited).numbers, { one: 1 });
  t.deepEqual([limited.numbers.overflow, limited.addresses.overflow], [1, 1]);
});

test('what the index cannot hold as it is asked for is marked', t => {
  const isMarked = (given: Partial<LogEvent>): boolean => eventToDocument(madeEvent('a', 0, 5, given), budgets()).leadline.partly_indexed === true;
  t.false(isMarked({ message: 'an everyday line, with a path /a/b?c=d', fields: { a: 1, b: null, c: ['x'] } }));
  for (const given of [{ message: `x${'y'.repeat(300)}` }, { message: '\u212a' }, { message: 'cut \ud800' }, { timeNs: -1n }, { fields: { '': 1 } }, { fields: { a: 'x'.repeat(9000) } }, { fields: { a: [] } }, { service: 'x'.repeat(9000) }] as Partial<LogEvent>[]) t.true(isMarked(given), JSON.stringify(given, (_, member: unknown) => (typeof member === 'bigint' ? String(member) : member)));
});

test('runs of a part begin and end a token only beside what always cuts', t => {
  t.deepEqual(runsOf('a "RD DEcl'), [{ text: 'a', isStart: false, isEnd: true }, { text: 'rd', isStart: false, isEnd: true }, { text: 'decl', isStart: true, isEnd: false }]);
  t.deepEqual(runsOf('x/example.com/y').map(({ text: run, isStart, isEnd }) => [run, isStart, isEnd]), [['x', false, true], ['example', true, false], ['com', false, true], ['y', true, false]]);
  t.deepEqual(runsOf('zürich'), [{ text: 'z', isStart: false, isEnd: false }, { text: 'rich', isStart: false, isEnd: false }]);
  t.true(isIndexedAsRuns('a'.repeat(254)));
  t.false(isIndexedAsRuns('a'.repeat(255)));
  t.true(isIndexedAsRuns(`${'a'.repeat(200)}/${'b'.repeat(200)}`));
});

test('a stream comes back from its document with open lines, signals and 64-bit numbers', t => {
  const line = { event: madeEvent('a', 10, 20, { raw: Buffer.from([0xff, 0x7b]) }), endedMs: noonMs, lane: 't:0' };
  const stream = { ...newStreamEntry('a', 'source of a', 7), storedRanges: [{ from: 0, to: 20 }], lines: 2, events: 1, watermarkNs: 2n ** 63n - 1n, state: madeState('a'), unfinished: [line], outbox: [madeSignal('s')] };
  t.deepEqual(documentToStream(throughServer<StreamDocument>(streamToDocument(stream))), stream);
});
