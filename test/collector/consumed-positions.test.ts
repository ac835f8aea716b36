import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { quietLog } from '#lib/log.ts';
import type { Chunk } from '#schemas/chunk.ts';
import { defaultOptions, type Options } from '#schemas/options.ts';
import type { StoreWriter } from '#schemas/store.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { Collector } from '../../collector/collector.ts';
import { ConsumedPositions } from '../../collector/consumed-positions.ts';
import { comparable, madeChunk, noonMs, recordOf } from '../contract/made-up.ts';
import { MemoryStore } from '../helpers/memory-store.ts';

const at = (recordOffset: number, partition = 0, timestampMs = 0, topicId = 't') => ({ topicId, partition, recordOffset: BigInt(recordOffset), timestampMs });
const lows = (positions: ConsumedPositions): string[] => positions.take().map(({ topicId, partition, recordOffset }) => `${topicId}${partition}:${recordOffset}`);

test('a position is behind the last record, and said once', t => {
  const positions = new ConsumedPositions([{ topicId: 't', partition: 1, recordOffset: '7' }]);
  t.deepEqual(lows(positions), []);
  positions.pass(at(4));
  positions.pass(at(6, 1));
  t.deepEqual(lows(positions), ['t0:5'], 'what the store has is not said again');
  t.deepEqual(lows(positions), []);
  positions.pass(at(2));
  t.deepEqual(lows(positions), ['t0:3'], 'a log that is read again steps back');
});

test('an open event holds its partition at the record that brought its first byte, others go on', t => {
  const positions = new ConsumedPositions([]);
  positions.settle('a', at(10), 0, 100, Infinity);
  positions.settle('a', at(11), 100, 200, 150);
  positions.settle('b', at(5, 1), 0, 10, Infinity);
  positions.settle('c', at(12), 0, 10, Infinity);
  t.deepEqual(lows(positions).sort(), ['t0:11', 't1:6']);
  positions.settle('a', at(13), 200, 300, 150);
  positions.settle('a', at(14), 300, 400, 250);
  t.deepEqual(lows(positions), ['t0:13'], 'the event that began in record 11 is closed, the open one began in 13');
  positions.settle('a', at(15), 160, 170, 250);
  t.deepEqual(lows(positions), [], 'bytes that came again do not hold');
  positions.settle('a', at(16), 400, 400, Infinity);
  t.deepEqual(lows(positions), ['t0:17']);
});

test('a duplicate in the middle of an open event does not stand for its first byte', t => {
  const positions = new ConsumedPositions([]);
  positions.settle('a', at(1), 100, 200, 150);
  positions.settle('a', at(2), 160, 170, 150);
  positions.settle('a', at(3), 200, 300, 180);
  t.deepEqual(lows(positions), ['t0:1']);
});

test('a stream whose source moved holds both partitions, and the topic that was made anew', t => {
  const positions = new ConsumedPositions([]);
  positions.settle('a', at(3, 0), 0, 100, 50);
  positions.settle('a', at(8, 1), 100, 200, 50);
  positions.settle('a', at(0, 0, 0, 'u'), 200, 300, 50);
  positions.pass(at(9, 1));
  t.deepEqual(lows(positions).sort(), ['t0:3', 't1:8', 'u0:0']);
  positions.release('a');
  t.deepEqual(lows(positions).sort(), ['t0:4', 't1:10', 'u0:1']);
});

test("overdue by the broker's time: streams of the same partition only, counted from their last record", t => {
  const positions = new ConsumedPositions([]);
  positions.settle('a', at(1, 0, 1000), 0, 10, 5);
  positions.settle('b', at(2, 0, 1500), 0, 10, 5);
  positions.settle('c', at(1, 1, 1000), 0, 10, 5);
  t.deepEqual(positions.overdue(at(3, 0, 2000), 1000), []);
  t.deepEqual(positions.overdue(at(3, 0, 2001), 1000), ['a']);
  positions.settle('a', at(4, 0, 2100), 10, 20, 5);
  t.deepEqual(positions.overdue(at(5, 0, 2501), 1000), ['b']);
  t.deepEqual(positions.overdue(at(6, 0, 9999), 1000).sort(), ['a', 'b']);
  t.deepEqual(positions.overdue(at(2, 1, 0), 1000), [], 'time that goes back closes nothing');
});

/** A clock that the test moves. */
const clock = { ms: noonMs, nowMs: () => clock.ms, sleep: () => Promise.resolve() };
const collectorOn = (writer: StoreWriter, given: Partial<Options> = {}): Collector => new Collector({ writer, options: { ...defaultOptions(), ...given }, rules: [], log: quietLog, clock, onAcknowledged: () => undefined, onCommitted: () => undefined });
const stored = (store: MemoryStore): Record<string, string> => Object.fromEntries(store.positions().map(({ topicId, partition, recordOffset }) => [`${topicId}${partition}`, recordOffset]));

test('positions and events are one transaction; an open event is not passed', t => {
  const store = new MemoryStore();
  const collector = collectorOn(store);
  collector.accept(madeChunk('a', 0, '{"n":1}\ntext that may go on\n'), at(5));
  void collector.commit();
  t.deepEqual([store.stored.length, stored(store)], [1, { t0: '5' }], 'record 5 is to be read again');
  collector.accept(recordOf('idle', 'a', 28), at(6));
  store.failure = new LeadlineError('STORE_FULL', { dir: 'here' });
  void collector.commit();
  collector.accept(madeChunk('b', 0, '{"n":2}\n'), at(7));
  t.deepEqual(stored(store), { t0: '5' });
  store.failure = null;
  void collector.commit();
  t.deepEqual([store.stored.length, stored(store)], [2, { t0: '7' }], 'the batch that had failed carries its own position, not the later one');
  void collector.commit();
  t.deepEqual([store.stored.length, stored(store)], [3, { t0: '8' }]);
});

test('a position alone is written within a second, not at every commit', t => {
  const store = new MemoryStore();
  let appends = 0;
  const counting: StoreWriter = { append: (...parameters) => { appends += 1; store.append(...parameters); }, streams: () => store.streams(), lastKnown: id => store.lastKnown(id), positions: () => store.positions(), unfinished: () => store.unfinished(), retain: () => store.retain(), close: () => undefined };
  const collector = collectorOn(counting);
  collector.pass(at(1));
  t.is(collector.dueInMs(clock.ms), 1000);
  void collector.commit();
  t.is(appends, 0);
  clock.ms += 999;
  collector.pass(at(2));
  void collector.commit();
  t.is(appends, 0);
  t.is(collector.dueInMs(clock.ms), 1);
  clock.ms += 1;
  void collector.commit();
  t.deepEqual([appends, stored(store)], [1, { t0: '3' }]);
  t.is(collector.dueInMs(clock.ms), null);
  collector.pass(at(3));
  void collector.commit(true);
  t.deepEqual(stored(store), { t0: '4' }, 'the last commit writes it at once');
});

test("an event that nobody ever closes is closed by the broker's time in its partition, and its record is passed", t => {
  const store = new MemoryStore();
  const collector = collectorOn(store, { openEventMsMax: 60_000 });
  collector.accept(madeChunk('gone', 0, 'Error: boom\n'), at(1, 0, 1000));
  collector.accept(madeChunk('b', 0, '{"n":2}\n'), at(9, 1, 900_000));
  collector.accept(madeChunk('c', 0, '{"n":3}\n'), at(2, 0, 61_000));
  void collector.commit();
  t.deepEqual([store.stored.map(({ streamId }) => streamId), stored(store)], [['b', 'c'], { t0: '1', t1: '10' }]);
  collector.accept(madeChunk('c', 8, '{"n":4}\n'), at(3, 0, 61_001));
  void collector.commit();
  t.deepEqual([store.stored.map(({ streamId }) => streamId), stored(store)], [['b', 'c', 'gone', 'c'], { t0: '4', t1: '10' }]);
});

test('where a parser fails the chunk is refused, and what was open before it stays open', t => {
  const store = new MemoryStore();
  const collector = collectorOn(store);
  collector.accept(madeChunk('a', 0, '{"n":1}\nError: boom\n'), at(1));
  const poison = madeChunk('a', 20, '    at f (x.js:1:1)\n{"n":2}\n', { framing: 'docker' });
  Object.defineProperty(poison, 'readMs', { get: () => { throw new Error('a parser of ours'); } });
  t.is(t.throws(() => collector.accept(poison, at(2)), { instanceOf: LeadlineError }).code, 'BAD_CHUNK');
  collector.accept(madeChunk('a', 20, '    at f (x.js:1:1)\n{"n":2}\n'), at(3));
  void collector.commit();
  t.deepEqual(store.stored.map(({ raw }) => Buffer.from(raw).toString()), ['{"n":1}', 'Error: boom\n    at f (x.js:1:1)', '{"n":2}']);
});

test.serial('where a parser fails in the middle of a chunk nothing of it counts as taken: it is stored when it comes again', t => {
  const store = new MemoryStore();
  const collector = collectorOn(store);
  const chunk = (): Chunk => madeChunk('a', 0, '{"n":1}\nplain text\npoison\n{"n":2}\n');
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { includes } = String.prototype;
  String.prototype.includes = function failing(this: string, ...parameters) {
    if (this.startsWith('poison')) throw new Error('a parser of ours');
    return includes.apply(this, parameters);
  };
  try {
    t.is(t.throws(() => collector.accept(chunk(), at(1)), { instanceOf: LeadlineError }).code, 'BAD_CHUNK');
  } finally {
    String.prototype.includes = includes;
  }
  collector.accept(madeChunk('a', chunk().end, '{"n":3}\n'), at(2));
  void collector.commit();
  t.deepEqual(store.stored.filter(({ gap }) => gap === null).map(({ raw }) => Buffer.from(raw).toString()), ['{"n":3}']);
  collector.accept(chunk(), at(3));
  void collector.commit();
  t.deepEqual(store.stored.filter(({ gap }) => gap === null).map(({ raw }) => Buffer.from(raw).toString()), ['{"n":3}', '{"n":1}', 'plain text', 'poison', '{"n":2}']);
});

test.serial('where a parser fails on joined lines they are stored all the same, and the record that closed them is not blamed', t => {
  const store = new MemoryStore();
  const collector = collectorOn(store);
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { includes } = String.prototype;
  String.prototype.includes = function failing(this: string, ...parameters) {
    if (this.startsWith('Error: boom\n')) throw new Error('a parser of ours');
    return includes.apply(this, parameters);
  };
  try {
    collector.accept(madeChunk('a', 0, 'Error: boom\n    at f (x.js:1:1)\n'), at(1));
    collector.accept(madeChunk('a', 32, '{"n":2}\n'), at(2));
  } finally {
    String.prototype.includes = includes;
  }
  void collector.commit();
  t.deepEqual(store.stored.map(({ raw, level }) => [Buffer.from(raw).toString(), level]), [['Error: boom\n    at f (x.js:1:1)', 'error'], ['{"n":2}', null]]);
  t.deepEqual(stored(store), { t0: '3' });
});

const texts = ['{"n":1}', 'text', 'Error: boom', '    at f (x.js:1:1)', 'Caused by: other', '2026-11-21 12:00:00 INFO begun', ''];
const step = fc.record({
  stream: fc.constantFrom('a', 'b', 'c'),
  lines: fc.array(fc.constantFrom(...texts), { maxLength: 4 }),
  kind: fc.constantFrom('lines', 'lines', 'lines', 'lines', 'again', 'idle', 'close'),
  laterMs: fc.constantFrom(0, 10, 500, 70_000),
});
interface LoggedRecord {
  chunk: Chunk;
  timestampMs: number;
}

/** The log of two partitions that a history of sending leaves: duplicates and silences included. */
function logOf(steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]): LoggedRecord[][] {
  const logs: LoggedRecord[][] = [[], []];
  const ends = new Map<string, number>();
  const sent = new Map<string, Chunk[]>();
  let timestampMs = 1000;
  const write = (chunk: Chunk): void => void logs[chunk.streamId === 'c' ? 1 : 0]!.push({ chunk, timestampMs });
  for (const { stream, lines, kind, laterMs } of steps) {
    timestampMs += laterMs;
    const end = ends.get(stream) ?? 0;
    const before = sent.get(stream) ?? [];
    if (kind === 'lines' && lines.length > 0) {
      const chunk = madeChunk(stream, end, `${lines.join('\n')}\n`);
      ends.set(stream, chunk.end);
      sent.set(stream, [...before, chunk]);
      write(chunk);
    } else if (kind === 'again') for (const chunk of before.slice(-2)) write(chunk);
    else if (kind !== 'lines') write(recordOf(kind, stream, end));
  }
  for (const [stream, end] of ends) write(recordOf('close', stream, end));
  return logs;
}

test('killed at any moment and gone on at the stored positions, or from the beginning without any: the same events as in one pass', t => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), fc.array(fc.nat(), { minLength: 1, maxLength: 50 }), (steps, choices) => {
      const logs = logOf(steps);
      let index = 0;
      const choose = (max: number): number => choices[index++ % choices.length]! % max;
      const limits = { commitEventsMax: 3, openEventMsMax: 60_000 };

      const expected = new MemoryStore();
      const onePass = collectorOn(expected, limits);
      for (const [partition, log] of logs.entries()) for (const [offset, { chunk, timestampMs }] of log.entries()) onePass.accept(chunk, at(offset, partition, timestampMs));
      void onePass.commit();

      const store = new MemoryStore();
      let collector = collectorOn(store, limits);
      let next = [0, 0];
      for (let kills = 0; next.some((offset, partition) => offset < logs[partition]!.length); ) {
        const partition = next[0]! < logs[0]!.length && (next[1]! >= logs[1]!.length || choose(2) === 0) ? 0 : 1;
        const { chunk, timestampMs } = logs[partition]![next[partition]!]!;
        collector.accept(chunk, at(next[partition]!, partition, timestampMs));
        next[partition]! += 1;
        if (choose(3) === 0) void collector.commit(choose(2) === 0);
        if (kills < 8 && choose(5) === 0) {
          kills += 1;
          if (choose(4) === 0) next = [0, 0];
          else next = [0, 1].map(each => Number(stored(store)[`t${each}`] ?? 0));
          collector = collectorOn(store, limits);
        }
      }
      void collector.commit(true);

      const eventsOf = (of: MemoryStore): unknown[] => of.stored.map(comparable).sort((a, b) => (a.eventId < b.eventId ? -1 : 1));
      assert.deepEqual(eventsOf(store), eventsOf(expected));
      for (const [partition, log] of logs.entries()) if (log.length > 0) assert.equal(stored(store)[`t${partition}`], String(log.length));
    }),
    { numRuns: 1500, includeErrorInReport: true },
  );
  t.pass();
});
