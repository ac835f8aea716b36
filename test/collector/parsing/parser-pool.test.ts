/** Several parsing threads over one store, as one collector would have it: messages between them are copied and come later, as between threads. */
import test, { type ExecutionContext } from 'ava';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '#lib/clock.ts';
import { quietLog } from '#lib/log.ts';
import type { Chunk } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { defaultOptions, type Options } from '#schemas/options.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import type { Acknowledgement, StreamState, Transport } from '#schemas/transport.ts';
import { Collector } from '../../../collector/collector.ts';
import type { ParserCall, ParserMessage } from '../../../collector/parsing/messages.ts';
import { Parser } from '../../../collector/parsing/parser.ts';
import { ParserPool } from '../../../collector/parsing/parser-pool.ts';
import { EmbeddedWriter } from '../../../collector/store/embedded-writer.ts';
import { EmbeddedReader } from '../../../query/store/embedded-reader.ts';
import { anyContext, comparable, madeChunk, madeState, noonMs, recordOf, type ComparableEvent } from '../../contract/made-up.ts';
import { testFolder } from '../../helpers/folder.ts';
import { MemoryStore } from '../../helpers/memory-store.ts';

const options: Options = { ...defaultOptions(), commitEventsMax: 12, commitIntervalMs: 2 };

interface Running {
  pool: ParserPool;
  writer: EmbeddedWriter;
  /** How many threads parse. */
  threads: () => number;
  letGo: () => number;
  /** As kill -9 does it: what was not durable is gone. */
  kill: () => void;
  stop: () => Promise<void>;
}

function run(dataDir: string, { threadsMax = 3, busyBytes = 200 } = {}): Running {
  const writer = new EmbeddedWriter({ dataDir, commitEventsMax: 12, commitBytesMax: 1 << 19, fileBytesMax: 60_000, retentionMs: 1e12, retentionBytesMax: 1e12, durable: false });
  let isAlive = true;
  let threads = 0;
  let letGo = 0;
  const pool = new ParserPool({
    writer, threadsMax, busyBytes, log: quietLog, onCommitted: () => undefined,
    start: (thread, onMessage) => {
      threads += 1;
      const later = (work: () => void): void => void setImmediate(() => isAlive && work());
      const parser = new Parser({ ...thread, options, rules: [], log: quietLog, clock: systemClock, send: message => later(() => onMessage(structuredClone<ParserMessage>(message))) });
      return {
        post: (call, transfer) => {
          if (call.call === 'letGo') letGo += 1;
          const copy = structuredClone<ParserCall>(call, { transfer });
          later(() => parser.take(copy));
        },
        end: () => Promise.resolve(),
      };
    },
  });
  return {
    pool,
    writer,
    threads: () => threads,
    letGo: () => letGo,
    kill: () => {
      isAlive = false;
      void pool.stop();
      writer.appendPrepared = () => undefined;
      writer.close();
    },
    stop: async () => {
      await pool.stop();
      writer.close();
    },
  };
}

/** Numbers that look random, the same for the same seed. */
function randomFrom(seed: number): (max: number) => number {
  let state = seed * 2654435761 + 1;
  return max => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * max);
  };
}

interface TopicRecord {
  chunk: Chunk;
  timestampMs: number;
}

const topicId = 'topic';

/** Partitions of records of ten sources, each with streams that follow each other; text of several lines, JSON, and lines cut in the middle by chunks. */
function madeTopic(seed: number, partitions: number, chunks: number): TopicRecord[][] {
  const random = randomFrom(seed);
  const topic: TopicRecord[][] = Array.from({ length: partitions }, () => []);
  const sources = Array.from({ length: 10 }, (_, n) => ({ source: `source ${n}`, partition: n % partitions, stream: 0, offset: 0 }));
  let nowMs = noonMs;
  for (let n = 0; n < chunks; n++) {
    nowMs += random(200);
    const at = sources[random(sources.length)]!;
    const streamId = `${at.source}.${at.stream}`;
    const given = { source: at.source, readMs: nowMs, origin: { service: at.source, container: null, pod: null, namespace: null, node: null } };
    const lines = Array.from({ length: 1 + random(6) }, (_, line) => [`{"n":${n},"line":${line},"requestId":"r-${random(1000)}"}\n`, `2026-11-21 12:00:0${line} ERROR no ${n}\n`, `    at f (x.js:${line}:1)\n`][random(3)]!).join('');
    topic[at.partition]!.push({ chunk: madeChunk(streamId, at.offset, lines, given), timestampMs: nowMs });
    at.offset += Buffer.byteLength(lines);
    if (random(8) === 0) topic[at.partition]!.push({ chunk: recordOf('idle', streamId, at.offset, given), timestampMs: nowMs });
    if (random(10) > 0) continue;
    topic[at.partition]!.push({ chunk: recordOf('close', streamId, at.offset, given), timestampMs: nowMs });
    at.stream += 1;
    at.offset = 0;
  }
  for (const at of sources) topic[at.partition]!.push({ chunk: recordOf('close', `${at.source}.${at.stream}`, at.offset, { source: at.source, readMs: nowMs }), timestampMs: nowMs });
  return topic;
}

/** Hands over what lies behind the stored positions, until `isEnough`. */
async function consume({ pool, writer }: Running, topic: readonly TopicRecord[][], random: (max: number) => number, isEnough: () => boolean): Promise<void> {
  const next = topic.map((_, partition) => Number(writer.positions().find(position => position.partition === partition)?.recordOffset ?? 0));
  while (!isEnough()) {
    const open = topic.map((_, partition) => partition).filter(partition => next[partition]! < topic[partition]!.length);
    if (open.length === 0) return;
    const partition = open[random(open.length)]!;
    const recordOffset = next[partition]!;
    next[partition] = recordOffset + 1;
    const { chunk, timestampMs } = topic[partition]![recordOffset]!;
    const { room } = pool.hand(chunk, { topicId, partition, recordOffset: BigInt(recordOffset), timestampMs });
    await room;
    if (random(3) === 0) await nextTurn();
  }
}

async function storedIn(dataDir: string): Promise<ComparableEvent[]> {
  const reader = new EmbeddedReader(dataDir);
  const { events } = await reader.events({ query: parseQuery('*'), fromNs: null, toNs: null, limit: 100_000, cursor: null }, anyContext);
  await reader.close();
  return events.map(comparable);
}

/** The same records through one collector. */
function expectedOf(topic: readonly TopicRecord[][]): MemoryStore {
  const store = new MemoryStore();
  const collector = new Collector({ writer: store, options, rules: [], log: quietLog, clock: systemClock, onAcknowledged: () => undefined, onCommitted: () => undefined });
  topic.forEach((records, partition) => records.forEach(({ chunk, timestampMs }, recordOffset) => collector.accept(chunk, { topicId, partition, recordOffset: BigInt(recordOffset), timestampMs })));
  void collector.commit(true);
  return store;
}

/** What must be equal, short. The times of events without one of their own depend on what came before them in their thread's memory. */
const told = ({ eventId, streamOffsetEnd, raw, level, message, requestId, fields, service }: ComparableEvent): string => JSON.stringify([eventId, streamOffsetEnd, raw, level, message, requestId, fields, service]);

function isAsExpected(t: ExecutionContext, stored: ComparableEvent[], topic: readonly TopicRecord[][]): void {
  const expected = expectedOf(topic).stored.map(event => told(comparable(event))).sort();
  const found = stored.map(told).sort();
  t.deepEqual(found.filter((each, index) => index > 0 && each === found[index - 1]), [], 'nothing is stored twice');
  t.deepEqual({ missing: expected.filter(each => !found.includes(each)).slice(0, 3), more: found.filter(each => !expected.includes(each)).slice(0, 3) }, { missing: [], more: [] });
}

test('whatever the threads and their turns, the same is stored as by one collector, and every partition is consumed', async t => {
  let letGo = 0;
  for (let seed = 1; seed <= 4; seed++) {
    const dataDir = testFolder(t);
    const topic = madeTopic(seed, 3, 250);
    const running = run(dataDir);
    await consume(running, topic, randomFrom(seed + 100), () => false);
    await running.stop();
    letGo += running.letGo();
    t.is(running.threads(), 3);
    isAsExpected(t, await storedIn(dataDir), topic);
    const writer = new EmbeddedWriter({ dataDir, commitEventsMax: 12, commitBytesMax: 1 << 19, fileBytesMax: 60_000, retentionMs: 1e12, retentionBytesMax: 1e12, durable: false });
    t.deepEqual(writer.positions().map(({ partition, recordOffset }) => [partition, Number(recordOffset)]).sort(), topic.map((records, partition) => [partition, records.length]));
    // The streams of a source follow each other in the chain, whichever thread had them.
    for (let n = 0; n < 10; n++) {
      const streams = writer.streamsOf(`source ${n}`).toSorted((a, b) => Number(a.streamId.split('.')[1]) - Number(b.streamId.split('.')[1]));
      t.deepEqual(streams.map(({ chainPosition }) => chainPosition), streams.map(({ chainPosition }) => chainPosition).toSorted((a, b) => a - b));
    }
    t.is(new Set(writer.streams().map(({ chainPosition }) => chainPosition)).size, writer.streams().length);
    writer.close();
  }
  t.true(letGo > 0, 'sources moved from one thread to another');
});

test('killed at any moment and begun again at the stored positions, every line is stored once', async t => {
  for (let seed = 1; seed <= 6; seed++) {
    const dataDir = testFolder(t);
    const topic = madeTopic(seed, 3, 200);
    const random = randomFrom(seed + 1000);
    for (let kills = 0; kills < 4; kills++) {
      const running = run(dataDir, { threadsMax: 1 + random(3) });
      let left = 20 + random(120);
      await consume(running, topic, random, () => left-- <= 0);
      for (let turns = random(6); turns > 0; turns--) await nextTurn();
      running.kill();
    }
    const last = run(dataDir);
    await consume(last, topic, random, () => false);
    await last.stop();
    isAsExpected(t, await storedIn(dataDir), topic);
  }
});

test('a record that cannot be taken in holds its partition until it is released; what lies behind it is stored meanwhile', async t => {
  const running = run(testFolder(t));
  const { pool, writer } = running;
  const at = (recordOffset: number) => ({ topicId, partition: 0, recordOffset: BigInt(recordOffset), timestampMs: noonMs });
  const bad = { ...madeChunk('b', 0, 'x'), codec: 'zstd' as const, value: Buffer.from('this is not zstd') };
  await pool.hand(madeChunk('a', 0, '{"n":1}\n'), at(0)).taken;
  const refused = await t.throwsAsync(pool.hand(bad, at(1)).taken, { instanceOf: LeadlineError });
  t.is(refused?.code, 'BAD_CHUNK');
  t.is(Buffer.from(bad.value).toString(), 'this is not zstd', 'its sender has its bytes still');
  await pool.hand(madeChunk('c', 0, '{"n":2}\n'), at(2)).taken;
  while (writer.lastKnown('c') === null) await nextTurn();
  for (let turns = 0; turns < 20; turns++) await nextTurn();
  t.is(pool.counts.refusedChunks, 1);
  t.deepEqual(writer.positions().map(({ recordOffset }) => recordOffset), ['1']);
  pool.release(at(1));
  while (writer.positions()[0]?.recordOffset !== '3') await nextTurn();
  await running.stop();
  t.pass();
});

test('connections hear of their own streams, a refused chunk is told to whoever brought it, and states come back from the thread that has them', async t => {
  const running = run(testFolder(t));
  const one = running.pool.connect();
  const other = running.pool.connect();
  const heard = new Map<Transport, Acknowledgement[]>([[one, []], [other, []]]);
  for (const [transport, list] of heard) transport.onAcknowledged = more => list.push(...more);
  await one.publishStates([madeState('a')]);
  await one.publish(madeChunk('a', 0, '{"n":1}\n'));
  await other.publish(madeChunk('b', 0, '{"n":1}\n'));
  t.true(await one.drain(5000));
  t.true(await other.drain(5000));
  t.deepEqual(heard.get(one), [{ streamId: 'a', from: 0, to: 8, closed: false }]);
  t.deepEqual(heard.get(other), [{ streamId: 'b', from: 0, to: 8, closed: false }]);
  await t.throwsAsync(other.publish({ ...madeChunk('b', 8, 'x'), codec: 'zstd' }), { instanceOf: LeadlineError });
  t.deepEqual((await one.loadStates(['source of a'])).map(({ streamId, acknowledgedBytes }: StreamState) => [streamId, acknowledgedBytes]), [['a', 8]]);
  await running.stop();
});

test('on a full disk nothing is acknowledged or consumed, and it goes on when there is room', async t => {
  const dataDir = testFolder(t);
  const running = run(dataDir);
  const { pool, writer } = running;
  const append = writer.appendPrepared.bind(writer);
  let refusals = 0;
  writer.appendPrepared = () => {
    refusals += 1;
    throw new LeadlineError('STORE_FULL', { dir: 'x' });
  };
  for (let n = 0; n < 6; n++) void pool.hand(madeChunk(`s${n}`, 0, '{"n":1}\n'), { topicId, partition: 0, recordOffset: BigInt(n), timestampMs: noonMs });
  while (refusals < 2) await nextTurn();
  t.is(pool.stalledBy?.code, 'STORE_FULL');
  t.deepEqual(writer.positions(), []);
  writer.appendPrepared = append;
  // There is room again, and something else is written before what was refused comes back.
  pool.release({ topicId, partition: 0, recordOffset: 99n, timestampMs: noonMs });
  for (let turns = 0; turns < 5; turns++) await nextTurn();
  if (writer.streams().length === 0) t.deepEqual(writer.positions().filter(({ recordOffset }) => recordOffset !== '0'), [], 'nothing is consumed that is not stored');
  while (writer.positions()[0]?.recordOffset !== '6') await nextTurn();
  t.is(pool.stalledBy, null);
  t.is(writer.streams().length, 6);
  await running.stop();
  t.deepEqual((await storedIn(dataDir)).map(({ eventId }) => eventId).sort(), [0, 1, 2, 3, 4, 5].map(n => `s${n}:0`));
});

test("what a stream left open is closed by the time of a record that went to another thread, before the stream's next one is parsed", async t => {
  const dataDir = testFolder(t);
  const running = run(dataDir, { threadsMax: 2, busyBytes: 1 });
  const laterMs = noonMs + options.openEventMsMax;
  // By the times of reading the third goes on with the first.
  const topic: TopicRecord[][] = [[
    { chunk: madeChunk('a', 0, '2026-11-21 12:00:00 ERROR no\n', { readMs: noonMs }), timestampMs: noonMs },
    { chunk: madeChunk('b', 0, '{"n":1}\n', { readMs: laterMs }), timestampMs: laterMs + 1000 },
    { chunk: madeChunk('a', 29, '    at f (x.js:1:1)\n', { readMs: noonMs + 10 }), timestampMs: laterMs + 2000 },
    { chunk: recordOf('close', 'a', 49, { readMs: laterMs }), timestampMs: laterMs + 2000 },
  ]];
  for (const [recordOffset, { chunk, timestampMs }] of topic[0]!.entries()) void running.pool.hand(chunk, { topicId, partition: 0, recordOffset: BigInt(recordOffset), timestampMs });
  t.is(running.threads(), 2);
  while (running.writer.positions()[0]?.recordOffset !== '4') await nextTurn();
  await running.stop();
  t.is(expectedOf(topic).stored.length, 3);
  isAsExpected(t, await storedIn(dataDir), topic);
});
