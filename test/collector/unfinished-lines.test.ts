import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { quietLog } from '#lib/log.ts';
import type { Chunk, Framing } from '#schemas/chunk.ts';
import type { Output } from '#schemas/event.ts';
import { defaultOptions, type Options } from '#schemas/options.ts';
import { Collector } from '../../collector/collector.ts';
import { madeChunk, noonMs, recordOf } from '../contract/made-up.ts';
import { MemoryStore } from '../helpers/memory-store.ts';

const frozenClock = { nowMs: () => noonMs, sleep: () => Promise.resolve() };
const stamp = '2022-08-22T05:18:16.154772363Z';

/** One physical line as the runtime writes it: a whole application line, or a piece of one. */
function framed(framing: Framing, output: Output, text: string, isLast: boolean): string {
  if (framing === 'cri') return `${stamp} ${output} ${isLast ? 'F' : 'P'} ${text}\n`;
  return `${JSON.stringify({ log: isLast ? `${text}\n` : text, stream: output, time: stamp })}\n`;
}

const collectorOn = (store: MemoryStore, given: Partial<Options> = {}): Collector =>
  new Collector({ writer: store, options: { ...defaultOptions(), ...given }, rules: [], log: quietLog, clock: frozenClock, onAcknowledged: () => undefined, onCommitted: () => undefined });

/** The streams of one source, one behind the other; what is written goes to the last. */
class Rotated {
  readonly records: Chunk[] = [];
  private readonly framing: Framing;
  private n = 0;
  private offset = 0;
  private given: Partial<Chunk>;

  constructor(framing: Framing, given: Partial<Chunk> = {}) {
    this.framing = framing;
    this.given = { source: 'one source', framing, ...given };
  }

  write(output: Output, text: string, isLast: boolean): this {
    const bytes = framed(this.framing, output, text, isLast);
    return this.add(madeChunk(`s${this.n}`, this.offset, bytes, this.given));
  }

  record(kind: 'idle' | 'close'): this {
    return this.add(recordOf(kind, `s${this.n}`, this.offset, this.given));
  }

  rotate(given: Partial<Chunk> = {}): this {
    this.record('close');
    this.given = { ...this.given, previous: { streamId: `s${this.n}`, end: this.offset }, ...given };
    this.n += 1;
    this.offset = 0;
    return this;
  }

  /** Bytes that nobody could read. */
  lose(bytes: number): this {
    this.offset += bytes;
    return this;
  }

  private add(chunk: Chunk): this {
    this.records.push(chunk);
    this.offset = chunk.end;
    return this;
  }
}

const shown = (store: MemoryStore): string[] => store.stored.map(({ eventId, raw }) => `${eventId} ${Buffer.from(raw).toString()}`);

/** What is stored of the records, committed behind each and in one commit, with a crash behind each and without. */
function storedOf(records: readonly Chunk[], given: Partial<Options> = {}): string[] {
  const outcomes = [0, 1, 2].map(how => {
    const store = new MemoryStore();
    let collector = collectorOn(store, given);
    let next = 0;
    for (let crashes = 0; next < records.length; ) {
      collector.accept(records[next]!, { topicId: 't', partition: 0, recordOffset: BigInt(next), timestampMs: records[next]!.readMs });
      next += 1;
      if (how > 0) void collector.commit(true);
      if (how === 2 && crashes < next) {
        crashes = next;
        collector = collectorOn(store, given);
        next = Number(store.positions()[0]?.recordOffset ?? 0);
      }
    }
    void collector.commit(true);
    return store;
  });
  assert.deepEqual(shown(outcomes[1]!), shown(outcomes[0]!));
  assert.deepEqual(shown(outcomes[2]!), shown(outcomes[0]!));
  return shown(outcomes[0]!);
}

for (const framing of ['docker', 'cri'] as const) {
  test(`${framing}: a line whose pieces lie on both sides of a rotation is one event, of the stream it ends in`, t => {
    const { records } = new Rotated(framing).write('stdout', '{"n":', false).rotate().write('stdout', '1}', true).write('stdout', '{"n":2}', true);
    t.deepEqual(storedOf(records), ['s1:0 {"n":1}', `s1:${framed(framing, 'stdout', '1}', true).length} {"n":2}`]);
  });

  test(`${framing}: lines of both outputs that a rotation cuts are one event each, and what lies between stays in order`, t => {
    const { records } = new Rotated(framing).write('stdout', '{"o":', false).write('stderr', '{"e":', false).rotate().write('stderr', '1}', true).write('stderr', '{"e":2}', true).write('stdout', '1}', true);
    t.deepEqual(storedOf(records).map(text => text.split(' ')[1]), ['{"e":1}', '{"o":1}', '{"e":2}']);
  });

  test(`${framing}: a line over three rotations is one event`, t => {
    const { records } = new Rotated(framing).write('stdout', '{"a":1,', false).rotate().write('stdout', '"b":2,', false).rotate().write('stderr', '{"e":1}', true).write('stdout', '"c":3,', false).rotate().write('stdout', '"d":4}', true).record('close');
    t.deepEqual(storedOf(records), ['s2:0 {"e":1}', 's3:0 {"a":1,"b":2,"c":3,"d":4}']);
  });
}

test('nobody reads the beginning before the rest came, and its bytes count as stored', t => {
  const store = new MemoryStore();
  const collector = collectorOn(store);
  const { records } = new Rotated('cri').write('stdout', '{"n":', false).rotate().write('stdout', '1}', true);
  for (const record of records.slice(0, 2)) collector.accept(record);
  void collector.commit();
  t.deepEqual([store.stored.length, store.unfinished().length, store.lastKnown('s0')?.storedRanges, store.lastKnown('s0')?.lines], [0, 1, [{ from: 0, to: records[0]!.end }], 1]);
  collector.accept(records[2]!);
  void collector.commit();
  t.deepEqual([store.stored.length, store.unfinished().length, store.lastKnown('s1')?.lines], [1, 0, 1]);
  t.is(store.stored[0]!.timeSource, 'runtime');
});

test('its stream is acknowledged as closed before the rest is there, so that a source that waits for it goes on', t => {
  const said: unknown[] = [];
  const store = new MemoryStore();
  const collector = new Collector({ writer: store, options: defaultOptions(), rules: [], log: quietLog, clock: frozenClock, onAcknowledged: more => said.push(...more), onCommitted: () => undefined });
  const { records } = new Rotated('cri').write('stdout', '{"n":', false).rotate();
  for (const record of records) collector.accept(record);
  void collector.commit();
  t.deepEqual(said, [{ streamId: 's0', from: 0, to: records[0]!.end, closed: true }]);
});

for (const [what, end] of [
  ['an idle record of the successor', (log: Rotated) => log.rotate().write('stderr', '{"e":1}', true).record('idle')],
  ['the end of a successor that has nothing of its output', (log: Rotated) => log.rotate().write('stderr', '{"e":1}', true).record('close')],
  ['a successor whose beginning is missing', (log: Rotated) => log.rotate().lose(40).write('stdout', '1}', true)],
] as const) {
  test(`${what} leaves the beginning an event of its own`, t => {
    const { records } = end(new Rotated('cri').write('stdout', 'begun', false));
    const [first, ...more] = storedOf(records);
    t.is(first, 's0:0 begun');
    t.false(more.join().includes('begun'));
  });
}

test('a stream that names no previous one does not go on with the line, nor does a second one that names the same', t => {
  const stranger = new Rotated('cri').write('stdout', '{"n":', false).rotate({ previous: null }).write('stdout', '1}', true).record('idle').records;
  t.deepEqual(storedOf(stranger), [`s1:0 1}`]);
  const { records } = new Rotated('cri').write('stdout', '{"n":', false).rotate().write('stdout', '1}', true);
  const second = { ...records[2]!, streamId: 'other' };
  t.deepEqual(storedOf([...records, second, recordOf('idle', 'other', second.end)]), ['s1:0 {"n":1}', 'other:0 1}']);
});

test('a successor that came first, as after its source moved, does not go on with the line in its middle', t => {
  const store = new MemoryStore();
  const { records } = new Rotated('cri').write('stdout', '{"n":', false).rotate().write('stdout', '1}', true).record('idle').write('stdout', '{"n":2}', true);
  let collector = collectorOn(store);
  for (const index of [2, 3, 0, 1]) collector.accept(records[index]!);
  void collector.commit();
  collector = collectorOn(store);
  collector.accept(records[4]!);
  void collector.commit();
  t.deepEqual(store.stored.map(({ raw }) => Buffer.from(raw).toString()).sort(), ['1}', '{"n":', '{"n":2}']);
});

test('without a successor it is told once its lane is openEventMsMax further, by the clock of that lane alone', t => {
  const later = noonMs + defaultOptions().openEventMsMax + 1;
  const cases: [bootId: string | null, other: string | null, isTold: boolean][] = [['boot', 'boot', true], ['boot', 'another', false], ['boot', null, false], [null, 'boot', true], [null, null, true]];
  for (const [bootId, other, isTold] of cases) {
    const store = new MemoryStore();
    const { records } = new Rotated('cri', { bootId }).write('stdout', 'begun', false).rotate();
    let collector = collectorOn(store);
    for (const record of records) collector.accept(record);
    void collector.commit();
    collector = collectorOn(store);
    collector.accept(madeChunk('x', 0, '{"n":1}\n', { bootId: other, readMs: later - 1 }));
    void collector.commit();
    t.deepEqual(shown(store), ['x:0 {"n":1}']);
    collector.accept(madeChunk('x', 8, '{"n":2}\n', { bootId: other, readMs: later }));
    collector.accept(madeChunk('x', 16, '{"n":2}\n', { bootId: other, readMs: later }));
    void collector.commit();
    t.is(shown(store).includes('s0:0 begun'), isTold, String([bootId, other]));
    t.is(store.unfinished().length, isTold ? 0 : 1);
  }
});

test('on Kafka only later records of its partition tell it, by the time Kafka gave them', t => {
  const store = new MemoryStore();
  const collector = collectorOn(store);
  const { openEventMsMax } = defaultOptions();
  const at = (partition: number, recordOffset: number, timestampMs: number) => ({ topicId: 't', partition, recordOffset: BigInt(recordOffset), timestampMs });
  const { records } = new Rotated('cri').write('stdout', 'begun', false).rotate();
  for (const [index, record] of records.entries()) collector.accept(record, at(0, index, 1000));
  collector.accept(madeChunk('x', 0, '{"n":1}\n', { readMs: noonMs + 10 * openEventMsMax }), at(1, 0, 1001 + openEventMsMax));
  collector.accept(madeChunk('y', 0, '{"n":1}\n', { readMs: noonMs + 10 * openEventMsMax }), at(0, 2, 1000 + openEventMsMax));
  collector.accept(madeChunk('z', 0, '{"n":1}\n', { readMs: noonMs + 10 * openEventMsMax }));
  void collector.commit();
  t.false(shown(store).includes('s0:0 begun'));
  collector.accept(madeChunk('y', 8, '{"n":1}\n'), at(0, 3, 1001 + openEventMsMax));
  void collector.commit(true);
  t.true(shown(store).includes('s0:0 begun'));
  t.is(store.positions().find(({ partition }) => partition === 0)?.recordOffset, '4');
});

test('files that are read once end with what they hold', t => {
  const store = new MemoryStore();
  const collector = collectorOn(store);
  for (const record of new Rotated('docker').write('stdout', 'prompt> ', false).rotate().records) collector.accept(record);
  collector.tellUnfinished();
  void collector.commit();
  t.deepEqual([shown(store), store.lastKnown('s0')?.events, store.unfinished()], [['s0:0 prompt> '], 1, []]);
});

test('what waits behind a beginning in the successor is bounded in bytes', t => {
  const log = new Rotated('cri').write('stdout', 'begun', false).rotate();
  for (let n = 0; n < 40; n++) log.write('stderr', '{"e":1}', true);
  const stored = storedOf(log.records, { openEventBytesMax: 1024 });
  t.is(stored[0], 's0:0 begun');
  t.true(stored.length > 20);
});

test('a line beyond lineBytesMax is in parts over a rotation, numbered on', t => {
  const log = new Rotated('cri');
  for (let n = 0; n < 5; n++) log.write('stdout', 'x'.repeat(400), false);
  log.rotate();
  for (let n = 0; n < 2; n++) log.write('stdout', 'x'.repeat(400), false);
  const store = new MemoryStore();
  const collector = collectorOn(store, { lineBytesMax: 1024 });
  for (const record of log.write('stdout', 'end', true).record('close').records) collector.accept(record);
  void collector.commit();
  t.deepEqual(store.stored.map(({ eventId, part, raw }) => [eventId.split(':')[0], part, raw.length]), [['s0', { n: 1, of: null }, 1200], ['s1', { n: 2, of: null }, 1200], ['s1', { n: 3, of: 3 }, 403]]);
});

for (const framing of ['docker', 'cri'] as const) {
  test(`${framing}: killed anywhere, with positions kept or lost, lines over rotations are stored once and whole`, t => {
    const piece = fc.record({ output: fc.constantFrom('stdout' as const, 'stderr' as const), isLast: fc.boolean(), rotates: fc.boolean() });
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 30 }), fc.array(fc.nat(), { minLength: 1, maxLength: 50 }), (pieces, choices) => {
        let at = 0;
        const choose = (max: number): number => choices[at++ % choices.length]! % max;
        const log = new Rotated(framing);
        const open = new Map<Output, string>();
        const pending = new Set<Output>();
        const expected: string[] = [];
        for (const [n, { output, isLast, rotates }] of pieces.entries()) {
          const text = `${open.has(output) ? '' : '{'}"k${n}":${n}${isLast ? '}' : ','}`;
          log.write(output, text, isLast);
          pending.delete(output);
          const whole = (open.get(output) ?? '') + text;
          if (isLast) {
            expected.push(whole);
            open.delete(output);
          } else open.set(output, whole);
          // A stream that has nothing of an output whose line is open ends that line.
          if (!rotates || pending.size > 0) continue;
          log.rotate();
          for (const each of open.keys()) pending.add(each);
        }
        for (const output of [...open.keys()].sort()) log.write(output, '"z":0}', true);
        expected.push(...[...open.values()].map(begun => `${begun}"z":0}`));
        log.record('close');

        const store = new MemoryStore();
        let collector = collectorOn(store, { commitEventsMax: 3 });
        for (let next = 0, crashes = 0; next < log.records.length; ) {
          collector.accept(log.records[next]!, { topicId: 't', partition: 0, recordOffset: BigInt(next), timestampMs: 0 });
          next += 1;
          if (choose(3) === 0) void collector.commit(choose(2) === 0);
          if (crashes < 12 && choose(4) === 0) {
            crashes += 1;
            if (choose(4) === 0) store.forgetPositions();
            collector = collectorOn(store, { commitEventsMax: 3 });
            next = Number(store.positions()[0]?.recordOffset ?? 0);
          }
        }
        void collector.commit(true);
        assert.deepEqual(store.stored.map(({ raw }) => Buffer.from(raw).toString()).sort(), expected.sort());
        assert.deepEqual(store.unfinished(), []);
        for (const { streamId, storedRanges } of store.streams()) assert.deepEqual(storedRanges, [{ from: 0, to: Math.max(...log.records.filter(record => record.streamId === streamId).map(({ end }) => end)) }]);
      }),
      { numRuns: 400, includeErrorInReport: true },
    );
    t.pass();
  });
}
