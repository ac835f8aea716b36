import assert from 'node:assert/strict';
import { zstdCompressSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { quietLog } from '#lib/log.ts';
import type { Chunk, Framing } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { defaultOptions, type Options } from '#schemas/options.ts';
import type { StoreWriter } from '#schemas/store.ts';
import type { Acknowledgement } from '#schemas/transport.ts';
import { Collector } from '../../collector/collector.ts';
import { EmbeddedWriter } from '../../collector/store/embedded-writer.ts';
import { EmbeddedReader } from '../../query/store/embedded-reader.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import { anyContext, comparable, madeChunk, madeEvent, madeState, noonMs, recordOf, type ComparableEvent } from '../contract/made-up.ts';
import { testFolder } from '../helpers/folder.ts';
import { MemoryStore } from '../helpers/memory-store.ts';

const frozenClock = { nowMs: () => noonMs, sleep: () => Promise.resolve() };

function collectorOn(writer: StoreWriter, given: Partial<Options> = {}): { collector: Collector; acknowledgements: Acknowledgement[] } {
  const acknowledgements: Acknowledgement[] = [];
  const collector = new Collector({ writer, options: { ...defaultOptions(), ...given }, rules: [], log: quietLog, clock: frozenClock, onAcknowledged: more => acknowledgements.push(...more), onCommitted: () => undefined });
  return { collector, acknowledgements };
}

const json = (n: number): string => `{"n":${n}}\n`;
const codeOf = (t: ExecutionContext, run: () => unknown): string | undefined => t.throws(run, { instanceOf: LeadlineError })?.code;

test('a chunk past the known end makes a gap, told once; bytes that fill it later are stored', t => {
  const store = new MemoryStore();
  const { collector, acknowledgements } = collectorOn(store);
  collector.accept(madeChunk('a', 0, json(1)));
  collector.accept(madeChunk('a', 108, json(2)));
  collector.accept(madeChunk('a', 108, json(2)));
  void collector.commit();
  t.deepEqual(store.stored.map(({ eventId, gap }) => [eventId, gap?.bytes]), [['a:0', undefined], ['a:8:gap', 100], ['a:108', undefined]]);
  t.is(acknowledgements.at(-1)?.to, 116);
  collector.accept(madeChunk('a', 8, `${json(3)}${'x'.repeat(91)}\n`));
  collector.accept(recordOf('idle', 'a', 108));
  void collector.commit();
  t.deepEqual(store.stored.map(({ eventId }) => eventId), ['a:0', 'a:8:gap', 'a:108', 'a:8', 'a:16']);
  t.deepEqual(store.lastKnown('a')?.storedRanges, [{ from: 0, to: 116 }]);
});

test('a gap that the shipper told is not told again by the chunk behind it, nor after a restart', t => {
  const store = new MemoryStore();
  const first = collectorOn(store);
  first.collector.accept(madeChunk('a', 0, json(1)));
  first.collector.accept(madeChunk('a', 8, '', { kind: 'gap', end: 58, gap: { cause: 'truncated', bytes: 50, exact: false } }));
  void first.collector.commit();
  const { collector, acknowledgements } = collectorOn(store);
  collector.accept(madeChunk('a', 8, '', { kind: 'gap', end: 58, gap: { cause: 'truncated', bytes: 50, exact: false } }));
  collector.accept(madeChunk('a', 60, json(2)));
  void collector.commit();
  t.deepEqual(store.stored.map(({ eventId, gap }) => [eventId, gap?.cause, gap?.bytes]), [['a:0', undefined, undefined], ['a:8:gap', 'truncated', 50], ['a:58:gap', 'missing', 2], ['a:60', undefined, undefined]]);
  t.is(acknowledgements.at(-1)?.to, 68);
  t.is(store.lastKnown('a')?.gapBytes, 52);
  t.is(collector.counts.events, 2);
});

test('a damaged or mismeasured chunk is refused as if it had not come', t => {
  const store = new MemoryStore();
  const { collector } = collectorOn(store);
  const zstd = zstdCompressSync(Buffer.from(json(1)));
  const refused: Chunk[] = [
    madeChunk('a', 50, 'not zstd', { codec: 'zstd' }),
    madeChunk('a', 50, zstd.subarray(0, -3), { codec: 'zstd', end: 58 }),
    madeChunk('a', 50, zstd, { codec: 'zstd', end: 57 }),
    madeChunk('a', 50, zstd, { codec: 'zstd', end: 59 }),
    madeChunk('a', 50, json(1), { end: 51 }),
    madeChunk('a', 50, json(1), { end: 60, lengths: [9] }),
    madeChunk('a', 50, json(1), { end: 60, lengths: [5, 5] }),
  ];
  for (const chunk of refused) t.is(codeOf(t, () => collector.accept(chunk)), 'BAD_CHUNK');
  void collector.commit();
  t.is(store.stored.length, 0);
  t.is(collector.counts.refusedChunks, refused.length);
  collector.accept(madeChunk('a', 0, zstd, { codec: 'zstd', end: 8 }));
  collector.accept(madeChunk('a', 8, json(2), { end: 18, lengths: [10] }));
  void collector.commit();
  t.deepEqual(store.stored.map(({ pieces }) => pieces), [[{ from: 0, to: 8 }], [{ from: 8, to: 18 }]]);
});

test('too many separate ranges of a stream: refused, and taken when the holes are filled', t => {
  const store = new MemoryStore();
  const { collector } = collectorOn(store, { storedRangesMax: 10 });
  for (let n = 0; n <= 10; n++) collector.accept(madeChunk('a', 16 * n, json(1)));
  t.is(codeOf(t, () => collector.accept(madeChunk('a', 16 * 11, json(1)))), 'STORED_RANGES_FULL');
  t.is(codeOf(t, () => collector.accept(madeChunk('a', 8, json(1)))), 'STORED_RANGES_FULL');
  void collector.commit();
  t.is(store.lastKnown('a')?.storedRanges.length, 11);
});

test('a time that no store can hold is no time', t => {
  const store = new MemoryStore();
  const { collector } = collectorOn(store);
  collector.accept(madeChunk('a', 0, '{"time":"0001-01-01T00:00:00Z","msg":"zero"}\n{"time":"9999-12-31T23:59:59Z","msg":"never"}\n{"time":"2022-08-22T05:18:16Z","msg":"then"}\n{"time":"2262-06-01T00:00:00Z","msg":"late"}\n'));
  void collector.commit();
  t.deepEqual(store.stored.map(({ timeSource, timeNs }) => [timeSource, timeNs]), [['read', BigInt(noonMs) * 1_000_000n], ['inherited', BigInt(noonMs) * 1_000_000n], ['line', 1_661_145_496_000_000_000n], ['inherited', 1_661_145_496_000_000_000n]]);
});

test('on a full store the batch is kept whole, and what comes meanwhile follows it', t => {
  const store = new MemoryStore();
  const { collector, acknowledgements } = collectorOn(store);
  store.failure = new LeadlineError('STORE_FULL', { dir: 'here' });
  collector.accept(madeChunk('a', 0, json(1)));
  void collector.commit();
  t.true(collector.isStalled);
  collector.accept(madeChunk('a', 8, json(2)));
  collector.accept(recordOf('close', 'a', 16));
  void collector.commit();
  t.deepEqual([store.stored.length, acknowledgements], [0, []]);
  t.is(collector.dueInMs(noonMs), 0);
  store.failure = null;
  void collector.commit();
  t.false(collector.isStalled);
  t.false(acknowledgements.some(({ closed }) => closed), 'its closing record is not stored yet');
  void collector.commit();
  t.deepEqual(acknowledgements.at(-1), { streamId: 'a', from: 0, to: 16, closed: true });
  t.deepEqual(store.stored.map(({ eventId }) => eventId), ['a:0', 'a:8']);
});

test('a commit that fails for a broken invariant is not tried again', t => {
  const store = new MemoryStore();
  store.append({ events: [madeEvent('a', 0, 5)], states: [] }, [], []);
  const { collector } = collectorOn({ append: (...parameters) => store.append(...parameters), streams: () => [], lastKnown: () => null, positions: () => [], unfinished: () => [], retain: () => ({ files: 0, bytes: 0 }), close: () => undefined });
  collector.accept(madeChunk('a', 0, json(1)));
  t.is(codeOf(t, () => collector.commit()), 'EVENT_OVERLAPS_STORED');
  t.false(collector.isStalled);
});

test('states name the further of what was published and what is stored, gaps included', t => {
  const store = new MemoryStore();
  const { collector } = collectorOn(store);
  void collector.acceptStates([madeState('a', { acknowledgedBytes: 5 }), madeState('b', { acknowledgedBytes: 500 })]);
  collector.accept(madeChunk('a', 20, json(1)));
  void collector.commit();
  t.deepEqual(collector.statesOf(['source of a', 'source of b']).map(({ streamId, acknowledgedBytes }) => [streamId, acknowledgedBytes]), [['a', 28], ['b', 500]]);
});

/** Lines of all kinds, for one framing, with no newline inside. */
const texts = ['{"level":"info","msg":"a"}', 'plain text', 'Error: boom', '    at f (x.js:1:1)', 'Caused by: other', '', '  ', '2026-11-21 12:00:00 INFO begun', 'k=v level=warn msg=x', '\r', '\xff\0', 'Traceback (most recent call last):', 'ValueError: x', 'panic: no', '{', '}', 'x'.repeat(90), `{"long":"${'y'.repeat(260)}"}`];
const lineSpec = fc.record({ text: fc.constantFrom(...texts), output: fc.constantFrom('stdout', 'stderr'), partial: fc.boolean(), foreign: fc.integer({ min: 0, max: 9 }) });
type LineSpec = typeof lineSpec extends fc.Arbitrary<infer T> ? T : never;

function bytesOf(framing: Framing, { text, output, partial, foreign }: LineSpec): Buffer {
  const bytes = Buffer.from(`${text}\n`, 'latin1');
  if (framing === 'plain' || foreign === 0) return bytes;
  const stamp = '2022-08-22T05:18:16.154772363Z';
  if (framing === 'cri') return Buffer.concat([Buffer.from(`${stamp} ${output} ${partial ? 'P' : 'F'} `), bytes]);
  return Buffer.from(`${JSON.stringify({ log: partial ? text : `${text}\n`, stream: output, time: stamp })}\n`);
}

/** Small limits, so that every one of them is met. */
const smallLimits: Partial<Options> = { lineBytesMax: 120, openEventLinesMax: 4, openEventBytesMax: 200, commitEventsMax: 5 };

/** One way to send the bytes: how chunks are cut, and what goes wrong when. */
interface Sending {
  choose: (max: number) => number;
  bytes: Buffer;
  framing: Framing;
  idleAt: ReadonlySet<number>;
}

/** Sends `[from, to)` of the bytes to the collector in chunks of whole lines or pieces of one long line, with an idle record wherever one belongs. */
function send({ choose, bytes, framing, idleAt }: Sending, collector: Collector, from: number, to: number, sentBefore: number): void {
  let part = 1;
  for (let offset = from; offset < to; ) {
    let end = bytes.indexOf(10, offset) + 1 || bytes.length;
    let isPiece = part > 1 || (offset > 0 && bytes[offset - 1] !== 10);
    const cut = offset + 1 + choose(150);
    if (end - offset > 60 && cut < end) {
      end = cut;
      isPiece = true;
    } else if (!isPiece) {
      for (let more = choose(4); more > 0 && !idleAt.has(end) && end < bytes.length; more--) end = bytes.indexOf(10, end) + 1 || bytes.length;
    }
    const isLast = bytes[end - 1] === 10 || end === bytes.length;
    const value = bytes.subarray(offset, end);
    const codec = choose(2) === 0 ? ('zstd' as const) : ('none' as const);
    collector.accept(madeChunk('a', offset, codec === 'zstd' ? zstdCompressSync(value) : Buffer.from(value), { end, framing, codec, part: isPiece ? { n: part, of: isLast ? part : null } : null }));
    part = isLast ? 1 : part + 1;
    offset = end;
    // An idle record closes whatever is open, so one that was sent before is not sent again to a collector that is further.
    if (idleAt.has(offset) && offset > sentBefore) collector.accept(recordOf('idle', 'a', offset, { framing }));
    if (choose(4) === 0) void collector.commit();
  }
}

type Outcome = { events: ComparableEvent[]; lines: number | undefined; ranges: unknown };

function outcomeOf(store: MemoryStore): Outcome {
  const events = store.stored.map(event => ({ ...comparable(event), part: null }));
  return { events, lines: store.lastKnown('a')?.lines, ranges: store.lastKnown('a')?.storedRanges };
}

for (const framing of ['plain', 'cri', 'docker'] as const) {
  test(`${framing}: however the bytes are cut, sent again and replayed after crashes, the same events are stored as in one pass`, t => {
    fc.assert(
      fc.property(fc.array(lineSpec, { minLength: 1, maxLength: 30 }), fc.array(fc.nat(), { minLength: 1, maxLength: 60 }), fc.boolean(), (specs, choices, endsInNewline) => {
        const whole = Buffer.concat(specs.map(spec => bytesOf(framing, spec)));
        const bytes = endsInNewline || whole.length === 1 ? whole : whole.subarray(0, -1);
        let at = 0;
        const choose = (max: number): number => choices[at++ % choices.length]! % max;
        const lineEnds = [...bytes.keys()].filter(index => bytes[index] === 10).map(index => index + 1);
        const idleAt = new Set(lineEnds.filter(() => choose(7) === 0));

        const expected = new MemoryStore();
        const onePass = collectorOn(expected, smallLimits).collector;
        send({ choose: () => 0, bytes, framing, idleAt }, onePass, 0, bytes.length, -1);
        onePass.accept(recordOf('close', 'a', bytes.length, { framing }));
        void onePass.commit();

        const store = new MemoryStore();
        let { collector, acknowledgements } = collectorOn(store, smallLimits);
        const mark = (): number => Math.max(0, ...acknowledgements.map(({ to }) => to));
        let marked = 0;
        let sentBefore = -1;
        let position = 0;
        for (let round = 0; round < 6; round++) {
          const to = round === 5 ? bytes.length : Math.max(position, lineEnds[choose(lineEnds.length + 1)] ?? bytes.length);
          send({ choose, bytes, framing, idleAt }, collector, position, to, sentBefore);
          if (round === 5) break;
          marked = Math.max(marked, mark());
          const again = choose(4);
          if (again <= 1) {
            // The collector dies; the shipper goes on from what was acknowledged, or from the beginning.
            ({ collector, acknowledgements } = collectorOn(store, smallLimits));
            position = again === 0 ? 0 : marked;
            sentBefore = -1;
          } else if (again === 2) {
            // The shipper dies and begins at its checkpoint.
            sentBefore = Math.max(sentBefore, to);
            position = choose(2) === 0 ? 0 : marked;
          } else {
            sentBefore = Math.max(sentBefore, to);
            position = to;
          }
        }
        collector.accept(recordOf('close', 'a', bytes.length, { framing }));
        void collector.commit();

        assert.deepEqual(outcomeOf(store), outcomeOf(expected));
        assert.deepEqual(store.lastKnown('a')?.storedRanges, [{ from: 0, to: bytes.length }]);
        if (framing === 'plain') assert.equal(store.lastKnown('a')?.lines, lineEnds.length + (bytes.at(-1) === 10 ? 0 : 1));
        assert.equal(acknowledgements.at(-1)?.to, bytes.length);
      }),
      { numRuns: 200, includeErrorInReport: true },
    );
    t.pass();
  });
}

test('plain bytes come back from an embedded store exactly as they were, over a restart in the middle', async t => {
  const dataDir = testFolder(t);
  const options = { dataDir, commitEventsMax: 7, commitBytesMax: 1 << 19, fileBytesMax: 1, retentionMs: 1e9, retentionBytesMax: 1e9, durable: false };
  const lines = Array.from({ length: 200 }, (_, n) => Buffer.from(`${texts[n % texts.length]!}${n}\n`, 'latin1'));
  const bytes = Buffer.concat(lines);
  let position = 0;
  for (let round = 0; position < bytes.length; round++) {
    const writer = new EmbeddedWriter(options);
    const { collector, acknowledgements } = collectorOn(writer, { commitEventsMax: 7 });
    const end = Math.min(bytes.length, bytes.indexOf(10, position + 400 * (round + 1)) + 1 || bytes.length);
    collector.accept(madeChunk('a', position, bytes.subarray(position, end)));
    if (end === bytes.length) collector.accept(recordOf('close', 'a', end));
    void collector.commit();
    position = acknowledgements.at(-1)?.to ?? position;
    writer.close();
  }
  const reader = new EmbeddedReader(dataDir);
  const { events } = await reader.after('0', parseQuery(''), 10_000, anyContext);
  await reader.close();
  t.true(Buffer.concat(events.flatMap(({ raw }) => [raw, Buffer.from('\n')])).equals(bytes));
});
