import test from 'ava';
import { systemClock } from '#lib/clock.ts';
import { quietLog } from '#lib/log.ts';
import { defaultOptions } from '#schemas/options.ts';
import type { AsyncStoreWriter } from '#schemas/store.ts';
import { FirstSight } from '../../collector/first-sight.ts';
import { CollectorIntake } from '../../collector/intake.ts';
import { madeChunk, madeEvent, noonMs, recordOf } from '../contract/made-up.ts';
import { MemoryStore } from '../helpers/memory-store.ts';

const cri = (tag: 'P' | 'F', text: string): string => `2026-11-21T12:00:00.000000000Z stdout ${tag} ${text}\n`;

test('a line that a stream ended in the middle of, at another collector, is gone on with here, also where the stream was read for its state', async t => {
  const store = new MemoryStore();
  const loaded: string[][] = [];
  const writer = { load: (ids: readonly string[]) => Promise.resolve(void loaded.push([...ids])), unfinished: () => store.unfinished() } as unknown as AsyncStoreWriter;
  const intake = new CollectorIntake({ writer: store, options: defaultOptions(), rules: [], log: quietLog, clock: systemClock, onCommitted: () => undefined });
  const sight = new FirstSight(writer, () => false);
  sight.guard(intake);
  const first = cri('P', '{"a":');
  // Stored by the other one after this one began.
  const half = madeEvent('a', 0, first.length, { source: 'app', output: 'stdout', raw: Buffer.from('{"a":'), message: '{"a":' });
  store.append({ events: [], states: [], unfinished: [{ event: half, endedMs: noonMs, lane: '*' }] }, [], []);

  await sight.look(intake, ['a']);
  const given = { source: 'app', framing: 'cri' as const, previous: { streamId: 'a', end: first.length } };
  await intake.accept(madeChunk('b', 0, cri('F', '1}'), given));
  await intake.accept(recordOf('close', 'b', cri('F', '1}').length, { ...given, previous: null }));
  await intake.stop();
  t.deepEqual(store.stored.map(event => Buffer.from(event.raw).toString()), ['{"a":1}']);
  t.deepEqual(loaded, [['a'], ['b']], 'each once');
});

test('the stream before is read with its successor, whose first line goes on with what it ended in the middle of', async t => {
  const store = new MemoryStore();
  const writer = { load: () => Promise.resolve(), unfinished: () => store.unfinished() } as unknown as AsyncStoreWriter;
  const intake = new CollectorIntake({ writer: store, options: defaultOptions(), rules: [], log: quietLog, clock: systemClock, onCommitted: () => undefined });
  new FirstSight(writer, () => false).guard(intake);
  const first = cri('P', '{"a":');
  const half = madeEvent('a', 0, first.length, { source: 'app', output: 'stdout', raw: Buffer.from('{"a":'), message: '{"a":' });
  store.append({ events: [], states: [], unfinished: [{ event: half, endedMs: noonMs, lane: '*' }] }, [], []);
  const rest = cri('F', '1}');
  await intake.accept(madeChunk('b', 0, rest, { source: 'app', framing: 'cri', previous: { streamId: 'a', end: first.length } }));
  await intake.accept(recordOf('close', 'b', rest.length, { source: 'app', framing: 'cri' }));
  await intake.stop();
  t.deepEqual(store.stored.map(event => Buffer.from(event.raw).toString()), ['{"a":1}']);
});

test('how far a stream is stored is asked only by the only owner of its records, and only of lines that may have been stored', async t => {
  for (const isOnlyOwner of [true, false]) {
    const store = new MemoryStore();
    const asked: string[] = [];
    const writer = { load: () => Promise.resolve(), unfinished: () => [], findEnds: (ids: readonly string[]) => Promise.resolve(void asked.push(...ids)) } as unknown as AsyncStoreWriter;
    const intake = new CollectorIntake({ writer: store, options: defaultOptions(), rules: [], log: quietLog, clock: systemClock, onCommitted: () => undefined });
    new FirstSight(writer, () => false).guard(intake, isOnlyOwner);
    const position = { topicId: 't', partition: 0, timestampMs: noonMs };
    await intake.accept(madeChunk('http', 0, 'a\n'));
    await intake.accept(madeChunk('live', 0, 'a\n'), { ...position, recordOffset: 1n, mayBeStored: false });
    await intake.accept(madeChunk('old', 0, 'a\n'), { ...position, recordOffset: 2n, mayBeStored: true });
    await intake.accept(recordOf('idle', 'quiet', 0), { ...position, recordOffset: 3n, mayBeStored: true });
    await intake.stop();
    t.deepEqual(asked, isOnlyOwner ? ['old'] : []);
  }
});
