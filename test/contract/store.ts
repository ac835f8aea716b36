/**
 * The store contract as tests: every implementation runs them all, and every answer is compared with the oracle's, which is a store with nothing
 * clever in it.
 */
import assert from 'node:assert/strict';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { coverage, subtractRanges } from '#lib/byte-ranges.ts';
import { canonicalId } from '#schemas/canonical-id.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { levels, type EventId, type LogEvent } from '#schemas/event.ts';
import { generatedIdOf } from '#schemas/generated-id.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import type { StoreReader, StoreWriter } from '#schemas/store.ts';
import { MemoryReader, MemoryStore } from '../helpers/memory-store.ts';
import { followed, searched, signalIds } from './paging.ts';
import { queries } from './queries.ts';
import { sameAround, sameCounts, sameWindow } from './same-answers.ts';
import { anyContext, comparable, comparableStream, madeEvent, madeGap, madeSignal, madeState, noon, noonMs } from './made-up.ts';

export interface StoreUnderTest {
  readonly writer: Pick<StoreWriter, 'streams' | 'lastKnown' | 'positions' | 'unfinished'> & { append(...batch: Parameters<StoreWriter['append']>): ReturnType<StoreWriter['append']> | Promise<unknown> };
  readonly reader: StoreReader;
  /** Ends the writer and opens the same store again. */
  restart(): void | Promise<void>;
  /** The wall clock of the writer, milliseconds. Stores that do not look at one leave it alone. */
  setNowMs(nowMs: number): void;
  close(): Promise<void>;
}

export type OpenStore = () => StoreUnderTest | Promise<StoreUnderTest>;

const everything = parseQuery('');

const sortedById = (events: readonly LogEvent[]): LogEvent[] => [...events].sort((a, b) => (a.eventId < b.eventId ? -1 : 1));

export function eventStoreContract(name: string, open: OpenStore, historyRuns: number): void {
  const contractTest = (title: string, run: (t: ExecutionContext, store: StoreUnderTest) => Promise<void> | void): void =>
    test(`${name}: ${title}`, async t => {
      const store = await open();
      t.teardown(() => store.close());
      await run(t, store);
    });

  contractTest('an empty store answers everything with nothing', async (t, { writer, reader }) => {
    t.deepEqual(writer.streams(), []);
    t.deepEqual(await searched(reader, '', null, null, 10), []);
    t.deepEqual(await reader.ids(['f00d'], anyContext), { events: [], truncated: false });
    const { cursor } = await reader.after(null, everything, 10, anyContext);
    t.deepEqual((await followed(reader, cursor, '', 10)).events, []);
    t.deepEqual(await signalIds(reader, null, 10), []);
    t.like(await reader.stats(anyContext), { events: 0, oldestNs: null, newestNs: null });
  });

  contractTest('an event comes back with everything it had', async (t, { writer, reader }) => {
    const ids: EventId[] = [{ kind: 'trace', name: 'TraceID', value: 'FE3974115b911675d0640788986f80c9' }, { kind: 'session', name: 'session', value: 'x y' }];
    const events = [
      madeEvent('a', 0, 40, {
        timeNs: 1_661_145_496_154_772_363n, timeSource: 'runtime', container: 'server', pod: 'cart-1', namespace: 'shop', node: 'n1', level: 'warn', message: 'what a person reads', raw: Buffer.from('2022 WARN what a person reads\r'),
        fields: { 'http.req.method': 'GET', list: [1, 'two', null, [true]], big: '9007199254740993', zero: 0, empty: '', nothing: null }, requestId: ids[0]!.value, requestIdSource: 'text:TraceID', confidence: 1, ids,
        pieces: [{ from: 0, to: 10 }, { from: 20, to: 40 }], output: 'stderr', part: { n: 2, of: null }, exceptionType: 'java.io.IOException', template: 'what a *',
      }),
      madeEvent('a', 10, 20, { raw: Buffer.from([0xff, 0, 0x0d, 0x0a, 0xc3]), message: 'bad\uFFFD \uD800', service: null, level: null, node: 'n2' }),
      madeEvent('a', 40, 41, { raw: Buffer.alloc(0), message: '', timeNs: -5n, part: { n: 3, of: 3 } }),
      madeEvent('a', 41, 60, { raw: Buffer.from('\uFEFFwith a byte order mark'), message: 'x'.repeat(70_000), timeNs: 2n ** 63n - 1n }),
      madeGap('a', 60, 160, { gap: { cause: 'truncated', bytes: 90, exact: false }, timeNs: -(2n ** 63n) }),
    ];
    await writer.append({ events: structuredClone(events), states: [] }, [], []);
    const found = await searched(reader, '', null, null, 100);
    t.deepEqual(sortedById(found).map(comparable), sortedById(events).map(comparable));
    t.true(sortedById(found).every((event, index) => Buffer.from(event.raw).equals(sortedById(events)[index]!.raw)));
    t.deepEqual(comparableStream(writer.lastKnown('a')!), { streamId: 'a', source: 'source of a', storedRanges: [{ from: 0, to: 60 }], lines: 4, events: 5, gapBytes: 90, gaps: [{ from: 60, to: 160 }], watermarkNs: 2n ** 63n - 1n, lastTimeNs: -(2n ** 63n), state: null });
  });

  contractTest('an append repeated, whole or mixed with news, stores each byte once', async (t, { writer, reader }) => {
    const interlocked = [madeEvent('a', 0, 30, { pieces: [{ from: 0, to: 10 }, { from: 20, to: 30 }] }), madeEvent('a', 10, 20)];
    await writer.append({ events: structuredClone(interlocked), states: [] }, [], []);
    await writer.append({ events: structuredClone(interlocked), states: [] }, [], []);
    await writer.append({ events: [madeGap('a', 30, 40), ...structuredClone(interlocked), madeEvent('a', 40, 50), madeEvent('a', 40, 50), madeGap('a', 30, 40)], states: [] }, [], []);
    t.deepEqual(sortedById(await searched(reader, '', null, null, 100)).map(({ eventId }) => eventId), ['a:0', 'a:10', 'a:30:gap', 'a:40']);
    t.like(writer.lastKnown('a'), { lines: 3, events: 4, gapBytes: 10, storedRanges: [{ from: 0, to: 30 }, { from: 40, to: 50 }] });
    await writer.append({ events: [madeEvent('a', 30, 40)], states: [] }, [], []);
    t.like(writer.lastKnown('a'), { lines: 4, storedRanges: [{ from: 0, to: 50 }] });
  });

  contractTest('an event that is stored in part is refused, and nothing of its batch is there', async (t, { writer, reader }) => {
    await writer.append({ events: [madeEvent('a', 0, 10)], states: [] }, [], []);
    const before = [comparableStream(writer.lastKnown('a')!), writer.positions()];
    const batch = { events: [madeEvent('a', 10, 20), madeEvent('b', 0, 5), madeEvent('a', 15, 25), madeEvent('a', 30, 40)], states: [madeState('c')] };
    const error = await t.throwsAsync(async () => writer.append(batch, [{ topicId: 't', partition: 0, recordOffset: '7' }], [madeSignal('s')]), { instanceOf: LeadlineError });
    t.is(error.code, 'EVENT_OVERLAPS_STORED');
    t.deepEqual([comparableStream(writer.lastKnown('a')!), writer.positions()], before);
    t.deepEqual([writer.lastKnown('b'), writer.lastKnown('c'), await signalIds(reader, null, 10)], [null, null, []]);
    t.deepEqual((await searched(reader, '', null, null, 100)).map(({ eventId }) => eventId), ['a:0']);
    await writer.append({ events: [madeEvent('a', 10, 20), madeEvent('b', 0, 5)], states: [] }, [], []);
    t.is((await reader.stats(anyContext)).events, 3);
  });

  contractTest('a request whose id was generated is found by it, beside whatever else names that id', async (t, { writer, reader }) => {
    const generated = { requestIdSource: 'generated' };
    for (const streamId of ['0123456789abcdef0123456789abcdef.0', 'Cluster/topic']) {
      await writer.append({ events: [madeEvent(streamId, 0, 10, generated), madeEvent(streamId, 10, 20, generated), madeEvent(streamId, 20, 30)], states: [] }, [], []);
      const id = generatedIdOf(madeEvent(streamId, 10, 20, generated))!;
      await writer.append({ events: [madeEvent(streamId, 30, 40, { ids: [{ kind: 'request', name: 'requestId', value: id }], requestId: id, requestIdSource: 'requestId' })], states: [] }, [], []);
      for (const query of [`requestId:${id}`, `id:${id.toUpperCase()}`, `requestId:${id} level:info`, `requestId:${id} or message:nothing`]) {
        t.deepEqual((await searched(reader, query, null, null, 100)).map(({ eventId }) => eventId).sort(), [`${streamId}:10`, `${streamId}:30`], query);
        t.is((await reader.count({ query: parseQuery(query), fromNs: null, toNs: null }, anyContext)).count, 2, query);
      }
      t.deepEqual((await searched(reader, `requestId:* streamId:"${streamId}"`, null, null, 100)).map(({ streamOffset }) => streamOffset).sort((a, b) => a - b), [0, 10, 30]);
      t.deepEqual(await searched(reader, `requestId:${id.slice(0, -2)}99`, null, null, 100), []);
    }
  });

  contractTest('states, positions and signals are kept over a restart, later ones in place of earlier ones', async (t, store) => {
    await store.writer.append({ events: [], states: [madeState('a', { sizeBytes: 1 }), madeState('b')] }, [{ topicId: 't', partition: 0, recordOffset: '9007199254740993' }], [madeSignal('1'), madeSignal('2')]);
    await store.writer.append({ events: [madeEvent('a', 0, 10)], states: [madeState('a', { sizeBytes: 2 })] }, [{ topicId: 't', partition: 0, recordOffset: '9007199254740995' }, { topicId: 'u', partition: 0, recordOffset: '1' }], [madeSignal('3')]);
    for (const round of ['before', 'after']) {
      t.is(store.writer.lastKnown('a')?.state?.sizeBytes, 2, round);
      t.deepEqual(store.writer.lastKnown('a')?.storedRanges, [{ from: 0, to: 10 }], round);
      t.deepEqual(new Set(store.writer.positions().map(({ topicId, partition, recordOffset }) => `${topicId} ${partition} ${recordOffset}`)), new Set(['t 0 9007199254740995', 'u 0 1']), round);
      t.deepEqual((await store.reader.signalsAfter(null, 10, anyContext)).signals, [madeSignal('1'), madeSignal('2'), madeSignal('3')], round);
      t.deepEqual(await signalIds(store.reader, null, 2), ['1', '2', '3'], round);
      t.deepEqual((await store.reader.streams(anyContext)).map(({ streamId, state }) => [streamId, state?.streamId]), [['a', 'a'], ['b', 'b']], round);
      await store.restart();
    }
  });

  contractTest('a position is durable with its batch, goes back where it is told to, and outlives new files, days and restarts', async (t, store) => {
    const positions = (): string[] => store.writer.positions().map(({ topicId, partition, recordOffset }) => `${topicId}${partition}:${recordOffset}`).sort();
    await store.writer.append({ events: [madeEvent('a', 0, 10)], states: [] }, [{ topicId: 't', partition: 0, recordOffset: '5' }, { topicId: 't', partition: 11, recordOffset: '7' }], []);
    await store.writer.append({ events: [], states: [] }, [{ topicId: 't', partition: 0, recordOffset: '9' }], []);
    await store.restart();
    t.deepEqual(positions(), ['t0:9', 't11:7']);
    store.setNowMs(noonMs + 86_400_000);
    await store.writer.append({ events: [madeEvent('a', 10, 20)], states: [] }, [{ topicId: 't', partition: 0, recordOffset: '3' }], []);
    t.deepEqual(positions(), ['t0:3', 't11:7']);
    await store.restart();
    t.deepEqual(positions(), ['t0:3', 't11:7']);
    store.setNowMs(noonMs + 2 * 86_400_000);
    await store.writer.append({ events: [], states: [] }, [{ topicId: 'u', partition: 0, recordOffset: '1' }], []);
    await t.throwsAsync(async () => store.writer.append({ events: [madeEvent('a', 15, 25)], states: [] }, [{ topicId: 'u', partition: 0, recordOffset: '2' }], []), { instanceOf: LeadlineError });
    await store.writer.append({ events: [madeEvent('a', 20, 30)], states: [] }, [], []);
    await store.restart();
    t.deepEqual(positions(), ['t0:3', 't11:7', 'u0:1']);
  });

  contractTest('tail: nothing before the end it began at, everything after it, whatever the limit', async (t, store) => {
    await store.writer.append({ events: [madeEvent('a', 0, 10)], states: [] }, [], []);
    const { cursor } = await store.reader.after(null, everything, 10, anyContext);
    for (let n = 1; n <= 20; n++) {
      await store.writer.append({ events: [madeEvent('a', 10 * n, 10 * n + 10, { message: n % 3 === 0 ? 'third' : 'other', timeNs: noon - BigInt(n) })], states: [] }, [], []);
      if (n === 11) await store.restart();
    }
    const all = await followed(store.reader, cursor, '', 3);
    t.deepEqual(all.events.map(({ streamOffset }) => streamOffset), Array.from({ length: 20 }, (_, n) => 10 * n + 10));
    t.deepEqual((await followed(store.reader, all.cursors[6]!, '', 4)).events.map(({ streamOffset }) => streamOffset), Array.from({ length: 13 }, (_, n) => 10 * n + 80));
    const third = await followed(store.reader, cursor, 'third', 2);
    t.deepEqual(third.events.map(({ streamOffset }) => streamOffset), [30, 60, 90, 120, 150, 180]);
    await store.writer.append({ events: [madeEvent('a', 210, 220)], states: [] }, [], []);
    t.deepEqual((await followed(store.reader, third.cursor, '', 2)).events.map(({ streamOffset }) => streamOffset), [210]);
  });

  contractTest('events of the same time lie in the order of source, chain and offset', async (t, { writer, reader }) => {
    const at = { timeNs: noon };
    await writer.append({ events: [madeEvent('z', 0, 5, { ...at, source: 'one' })], states: [] }, [], []);
    await writer.append({ events: [madeEvent('a', 5, 10, { ...at, source: 'one' }), madeEvent('a', 0, 5, { ...at, source: 'one' }), madeEvent('m', 0, 5, { ...at, source: 'a before' })], states: [] }, [], []);
    for (const limit of [1, 2, 10]) t.deepEqual((await searched(reader, '', null, null, limit)).map(({ eventId }) => eventId), ['a:5', 'a:0', 'z:0', 'm:0']);
    await writer.append({ events: [madeEvent('n', 0, 5, { ...at, source: 'two' }), madeEvent('n', 5, 10, { ...at, source: 'two' })], states: [] }, [], []);
    for (const limit of [1, 2, 10]) t.deepEqual((await searched(reader, '', null, null, limit)).map(({ eventId }) => eventId), ['n:5', 'n:0', 'a:5', 'a:0', 'z:0', 'm:0']);
  });

  contractTest('a cancelled read is refused', async (t, { writer, reader }) => {
    await writer.append({ events: [madeEvent('a', 0, 10)], states: [] }, [], []);
    const context = { ...anyContext, signal: AbortSignal.abort(new LeadlineError('CANCELLED')) };
    const request = { query: everything, fromNs: null, toNs: null, limit: 1, cursor: null };
    for (const read of [() => reader.events(request, context), () => reader.ids(['f00d'], context), () => reader.after('0', everything, 1, context)]) await t.throwsAsync(async () => read(), { instanceOf: LeadlineError });
  });

  contractTest('a budget used up is said, and what is given is right', async (t, { writer, reader }) => {
    const ids: EventId[] = [{ kind: 'request', name: 'id', value: 'r-1234' }];
    for (let n = 0; n < 30; n++) await writer.append({ events: [madeEvent('a', 10 * n, 10 * n + 10, { ids })], states: [] }, [], []);
    const context = { ...anyContext, budget: { eventsMax: 5, bytesMax: Infinity, msMax: 60_000 } };
    const found = await reader.ids([canonicalId('r-1234')!], context);
    t.true(found.truncated);
    t.is(found.events.length, 5);
    t.true((await reader.window([{ fromNs: noon, toNs: noon + 1_000_000_000_000n }], false, context)).truncated);
    t.deepEqual(await reader.ids([canonicalId('r-1234')!], { ...context, budget: { eventsMax: 30, bytesMax: Infinity, msMax: 60_000 } }).then(({ events, truncated }) => [events.length, truncated]), [30, false]);
    const page = await reader.events({ query: parseQuery('/nothing like this/'), fromNs: null, toNs: null, limit: 5, cursor: null }, context);
    t.true(page.truncated || page.scanned.events === 30);
    t.deepEqual(page.events, []);
  });

  contractTest('a cursor that is none is refused', async (t, { reader }) => {
    const badCursor = { instanceOf: LeadlineError, message: /is not a cursor/ };
    await t.throwsAsync(async () => reader.events({ query: everything, fromNs: null, toNs: null, limit: 1, cursor: 'no cursor' }, anyContext), badCursor);
    await t.throwsAsync(async () => reader.after('no cursor', everything, 1, anyContext), badCursor);
    await t.throwsAsync(async () => reader.signalsAfter('no cursor', 1, anyContext), badCursor);
  });

  test(`${name}: whatever was stored in whatever order, every read equals the oracle's`, async t => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async steps => {
        const store = await open();
        try {
          await new History(store).run(steps);
        } finally {
          await store.close();
        }
      }),
      { numRuns: historyRuns, includeErrorInReport: true },
    );
    t.pass();
  });
}

const services = ['cart', 'pay', null];
const words = ['card declined', 'Order placed', 'ok', 'Zürich \u{1F680}'];
const idValues = ['r-1', 'fe3974115b911675d0640788986f80c9', 'FE397411-5B91-1675-D064-0788986F80C9', 'session-7', '-', '18374686479671623682'];

const eventSpec = fc.record({
  stream: fc.constantFrom('a', 'b', 'c'),
  length: fc.integer({ min: 1, max: 9 }),
  shape: fc.constantFrom('next', 'next', 'next', 'hole', 'fill', 'interlocked'),
  /** Seconds from noon, and nanoseconds: late, early and equal times. */
  seconds: fc.integer({ min: -90_000, max: 90_000 }),
  nanos: fc.integer({ min: 0, max: 3 }),
  near: fc.boolean(),
  level: fc.constantFrom(...levels, null),
  service: fc.constantFrom(...services),
  word: fc.constantFrom(...words),
  ids: fc.subarray(idValues, { maxLength: 3 }),
  code: fc.integer({ min: 0, max: 9 }),
  exception: fc.boolean(),
  bytes: fc.uint8Array({ maxLength: 6 }),
});
type EventSpec = typeof eventSpec extends fc.Arbitrary<infer T> ? T : never;

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), events: fc.array(eventSpec, { maxLength: 8 }), signal: fc.boolean(), position: fc.boolean(), state: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('again' as const), back: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('overlap' as const), stream: fc.constantFrom('a', 'b', 'c') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clock' as const), hours: fc.integer({ min: -30, max: 50 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), query: fc.constantFrom(...queries), from: fc.option(fc.integer({ min: -90_000, max: 90_000 })), to: fc.option(fc.integer({ min: -90_000, max: 90_000 })), limit: fc.constantFrom(1, 2, 7, 100), ids: fc.subarray(idValues, { minLength: 1 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Two streams follow each other in one source, so that their place in the chain counts. */
const sourceOf = (stream: string): string => (stream === 'c' ? 'alone' : 'shared');

/** One random history, told to the store under test and to the oracle. */
class History {
  private readonly store: StoreUnderTest;
  private readonly oracle = new MemoryStore();
  private readonly oracleReader = new MemoryReader(this.oracle);
  private readonly ends = new Map<string, number>();
  private readonly batches: LogEvent[][] = [];
  private nowMs = noonMs;
  private count = 0;
  private tailCursor: string | null = null;
  private tailFrom = 0;

  constructor(store: StoreUnderTest) {
    this.store = store;
    store.setNowMs(this.nowMs);
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) await this.take(one);
    await this.read({ kind: 'read', query: '', from: null, to: null, limit: 7, ids: idValues });
    await this.readStreams();
  }

  private async take(one: Step): Promise<void> {
    this.count += 1;
    switch (one.kind) {
      case 'append': {
        const events = one.events.flatMap(spec => this.eventsOf(spec));
        this.batches.push(events);
        const states = one.state ? [madeState('abc'[this.count % 3]!, { source: sourceOf('abc'[this.count % 3]!), sizeBytes: this.count }), madeState('d', { sizeBytes: this.count })] : [];
        await this.append(events, states, one.position ? [{ topicId: 't', partition: this.count % 2, recordOffset: String(this.count) }] : [], one.signal ? [madeSignal(`signal ${this.count}`, { timesNs: [noon + BigInt(this.count)] })] : []);
        break;
      }
      case 'again':
        await this.append(this.batches.slice(-one.back).flat(), [], [], []);
        break;
      case 'overlap':
        await this.overlap(one.stream);
        break;
      case 'restart':
        await this.store.restart();
        break;
      case 'clock':
        this.nowMs += one.hours * 3_600_000;
        this.store.setNowMs(this.nowMs);
        break;
      case 'read':
        await this.read(one);
    }
  }

  private async append(events: readonly LogEvent[], states: ReturnType<typeof madeState>[], positions: { topicId: string; partition: number; recordOffset: string }[], signals: ReturnType<typeof madeSignal>[]): Promise<void> {
    this.oracle.append({ events: structuredClone([...events]), states }, positions, signals);
    await this.store.writer.append({ events: structuredClone([...events]), states }, positions, signals);
  }

  private async overlap(stream: string): Promise<void> {
    const last = this.oracle.lastKnown(stream)?.storedRanges.at(-1);
    if (last === undefined) return;
    const batch = { events: [madeEvent('new', 0, 5), madeEvent(stream, last.to - 1, last.to + 4, { source: sourceOf(stream) })], states: [madeState('new')] };
    for (const writer of [this.oracle, this.store.writer]) await assert.rejects(async () => writer.append(structuredClone(batch), [], [madeSignal('never')]), { code: 'EVENT_OVERLAPS_STORED' });
  }

  private eventsOf(spec: EventSpec): LogEvent[] {
    const { stream, length } = spec;
    const end = this.ends.get(stream) ?? 0;
    const given: Partial<LogEvent> = {
      timeNs: noon + BigInt(spec.near ? spec.seconds % 10 : spec.seconds) * 1_000_000_000n + BigInt(spec.nanos), level: spec.level, service: spec.service, message: spec.word, raw: spec.bytes.length === 0 ? Buffer.from(spec.word) : Buffer.from(spec.bytes),
      ids: spec.ids.map(value => ({ kind: value.startsWith('session') ? 'session' : 'request', name: 'id', value })), requestId: spec.nanos === 0 ? null : (spec.ids[spec.nanos - 1] ?? (spec.near ? 'fe3974115b911675d0640788986f80c9' : null)), fields: { code: spec.code, flag: spec.exception, ...(spec.nanos > 1 ? { note: 'card in a field', tags: ['Blue', spec.word, ['blurred']] } : {}) }, exceptionType: spec.exception ? 'Error' : null, template: spec.nanos > 1 ? `${spec.word} <*>` : null,
      source: sourceOf(stream), pod: spec.code > 7 ? 'other pod' : null,
    };
    if (spec.shape === 'hole') {
      this.ends.set(stream, end + 2 * length);
      return [madeGap(stream, end, end + length, { timeNs: given.timeNs!, source: sourceOf(stream) }), madeEvent(stream, end + length, end + 2 * length, given)];
    }
    if (spec.shape === 'interlocked') {
      this.ends.set(stream, end + 3 * length);
      const pieces = [{ from: end, to: end + length }, { from: end + 2 * length, to: end + 3 * length }];
      return [madeEvent(stream, end, end + 3 * length, { ...given, pieces, lineCount: 2 }), madeEvent(stream, end + length, end + 2 * length, given)];
    }
    const hole = spec.shape === 'fill' ? subtractRanges({ from: 0, to: end }, this.oracle.lastKnown(stream)?.storedRanges ?? []).find(range => this.isFree(stream, range)) : undefined;
    if (hole !== undefined) return [madeEvent(stream, hole.from, hole.to, given)];
    this.ends.set(stream, end + length);
    return [madeEvent(stream, end, end + length, given)];
  }

  /** A hole that a gap was told of: bytes of a batch that is being made are none. */
  private isFree(stream: string, range: { from: number; to: number }): boolean {
    return (this.oracle.lastKnown(stream)?.gaps ?? []).some(gap => coverage(range, [gap]) === 'all');
  }

  private async read(one: Extract<Step, { kind: 'read' }>): Promise<void> {
    const { reader } = this.store;
    const ns = (seconds: number | null): bigint | null => (seconds === null ? null : noon + BigInt(seconds) * 1_000_000_000n);
    const [found, expected] = [await searched(reader, one.query, ns(one.from), ns(one.to), one.limit), await searched(this.oracleReader, one.query, ns(one.from), ns(one.to), one.limit)];
    assert.deepEqual(found.map(comparable), expected.map(comparable), one.query);

    const canonical = one.ids.map(value => canonicalId(value)).filter(id => id !== null);
    const [carriers, expectedCarriers] = [await reader.ids(canonical, anyContext), await this.oracleReader.ids(canonical, anyContext)];
    assert.deepEqual(sortedById(carriers.events).map(comparable), sortedById(expectedCarriers.events).map(comparable));
    assert.equal(carriers.truncated, false);

    const some = this.oracle.stored[(one.limit * 7) % Math.max(1, this.oracle.stored.length)]?.eventId ?? 'a:0';
    await sameCounts(reader, this.oracleReader, { query: parseQuery(one.query), fromNs: ns(one.from), toNs: ns(one.to) }, 1 + (one.limit % 5));
    await sameAround(reader, this.oracleReader, some, one.limit);
    const [from, to] = [ns(one.from) ?? noon, ns(one.to) ?? noon + 3_600_000_000_000n];
    if (from < to) await sameWindow(reader, this.oracleReader, from, to);

    // The tail goes on from where it was, over restarts and new files.
    this.tailCursor ??= (await reader.after('0', everything, 1, anyContext)).cursors[0] ?? null;
    if (this.tailCursor !== null) {
      const from = this.tailFrom === 0 ? 1 : this.tailFrom;
      const matching = await followed(this.oracleReader, String(from), one.query, 1000);
      assert.deepEqual((await followed(reader, this.tailCursor, one.query, one.limit)).events.map(comparable), matching.events.map(comparable));
      const all = await followed(reader, this.tailCursor, '', one.limit);
      assert.deepEqual(all.events.map(({ eventId }) => eventId), this.oracle.stored.slice(from).map(({ eventId }) => eventId));
      this.tailCursor = all.cursor;
      this.tailFrom = this.oracle.stored.length;
    }
    assert.deepEqual(await signalIds(reader, null, one.limit), this.oracle.signals.map(({ signalId }) => signalId));
    const { events, oldestNs, newestNs } = await reader.stats(anyContext);
    const expectedStats = await this.oracleReader.stats(anyContext);
    assert.deepEqual({ events, oldestNs, newestNs }, { events: expectedStats.events, oldestNs: expectedStats.oldestNs, newestNs: expectedStats.newestNs });
  }

  private async readStreams(): Promise<void> {
    const byId = (streams: Awaited<ReturnType<StoreReader['streams']>>): unknown[] => streams.map(comparableStream).sort((a, b) => (a.streamId < b.streamId ? -1 : 1));
    const expected = byId(this.oracle.streams());
    assert.deepEqual(byId(await this.store.reader.streams(anyContext)), expected);
    assert.deepEqual(byId(this.store.writer.streams()), expected);
    await this.store.restart();
    assert.deepEqual(byId(this.store.writer.streams()), expected);
    assert.deepEqual(new Set(this.store.writer.positions().map(position => JSON.stringify({ ...position }))), new Set(this.oracle.positions().map(position => JSON.stringify(position))));
  }
}
