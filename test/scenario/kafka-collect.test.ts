/** `leadline collect` on a real broker: what is published is stored once, whatever happens to collector, topic and broker. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { KafkaClient } from '#lib/kafka/kafka-client.ts';
import { kafkaCodecs, type KafkaCodec, type OutgoingRecord } from '#lib/kafka/types.ts';
import type { Chunk } from '#schemas/chunk.ts';
import { eventsFolder } from '#schemas/embedded/layout.ts';
import { madeChunk, madeState, recordOf } from '../contract/made-up.ts';
import { RunningCollect } from '../helpers/collecting.ts';
import { rows, runCommand } from '../helpers/command.ts';
import { testFolder } from '../helpers/folder.ts';
import { kafkaMissing, TestKafka } from '../helpers/kafka.ts';
import { eventually } from '../helpers/leadline.ts';
import { chunkRecord, stateRecord } from '../helpers/published.ts';
import { proofSkipped } from '../helpers/skipped.ts';
import { allEvents, queriesOf } from '../helpers/store.ts';

const missing = kafkaMissing();

/** The newest file's count; each carries them on from the one before. */
function forgetPositions(dataDir: string): void {
  const newest = readdirSync(eventsFolder(dataDir)).filter(name => name.endsWith('.db')).sort().at(-1)!;
  const database = new DatabaseSync(join(eventsFolder(dataDir), newest));
  database.exec('delete from positions');
  database.close();
}

const json = (n: number): string => `{"level":"info","line":${n},"msg":"line number ${n}"}\n`;
const text = (n: number): string => `2026-11-21 12:00:00 ERROR line ${n}\n    at f (x.js:1:1)\n`;

if (missing !== null) proofSkipped('collect on a real broker', missing);
else {
  let kafka: TestKafka;
  let client: KafkaClient;
  let prefixes = 0;
  test.before(async () => {
    kafka = await TestKafka.start({ portsFrom: 23_000 });
    client = new KafkaClient({ brokers: kafka.brokers, clientId: 'test', tls: null, login: null, requestTimeoutMs: 5000 });
  });
  test.after.always(async () => {
    await client?.close();
    await kafka?.stop();
  });

  /** Topics of the test's own. */
  const topics = async (partitions = 3): Promise<string> => {
    const prefix = `test-${++prefixes}`;
    for (const kind of ['chunks', 'streams', 'dead-letters']) await kafka.createTopic(`${prefix}.${kind}`, { partitions: kind === 'chunks' ? partitions : 1 });
    return prefix;
  };
  const argsOf = (prefix: string, dataDir: string): string[] => ['--kafka', kafka.brokers.join(','), '--topic-prefix', prefix, '--data-dir', dataDir, '--kafka-request-timeout-ms', '2000'];
  /** As the shipper's publisher: again until it is acknowledged, which may leave a record twice. */
  const publish = async (topic: string, partition: number, records: readonly OutgoingRecord[], codec: KafkaCodec = 'none'): Promise<void> => {
    for (;;) {
      try {
        await client.produce(topic, partition, records, codec);
        return;
      } catch {
        await pause(100);
      }
    }
  };
  const eventsIn = (t: ExecutionContext, dataDir: string): Promise<Awaited<ReturnType<typeof allEvents>>> => allEvents(queriesOf(t, dataDir));
  const storedEvents = (collect: RunningCollect, count: number) => eventually(() => collect.report(), ({ stored }) => stored.events >= count, 50);

  test.serial('killed -9 again and again while chunks come in, some of them twice, once with its positions wiped: every line is stored once, and read commands work beside it', async t => {
    const prefix = await topics();
    const dataDir = testFolder(t);
    const kills = 12;
    const expected: string[] = [];
    const ends = new Map<string, number>();
    let isOver = false;
    const write = async (): Promise<void> => {
      for (let n = 0; !isOver; n++) {
        const streamId = `s${n % 9}`;
        const offset = ends.get(streamId) ?? 0;
        const bytes = Buffer.from(Array.from({ length: 20 }, (_, line) => (line % 4 === 3 ? text(line) : json(n * 20 + line))).join(''));
        let at = offset;
        for (let line = 0; line < 20; line++) {
          expected.push(`${streamId}:${at}`);
          at += (line % 4 === 3 ? text(line) : json(n * 20 + line)).length;
        }
        const record = chunkRecord(madeChunk(streamId, offset, zstdCompressSync(bytes), { end: offset + bytes.length, codec: 'zstd' }));
        await publish(`${prefix}.chunks`, n % 3, n % 10 === 0 ? [record, record] : [record]);
        ends.set(streamId, offset + bytes.length);
        if (n % 15 === 0) await publish(`${prefix}.streams`, 0, [stateRecord(madeState(streamId, { sizeBytes: offset + bytes.length }))]);
        await pause(3);
      }
    };
    const writing = write();
    let collect = await RunningCollect.start(t, argsOf(prefix, dataDir));
    for (let kill = 0; kill < kills; kill++) {
      await storedEvents(collect, 1 + (await collect.report()).stored.events);
      await pause(Math.random() * 400);
      await collect.kill9();
      // Once without any position: everything comes again, and trimming alone keeps it single.
      if (kill === Math.floor(kills / 2)) forgetPositions(dataDir);
      collect = await RunningCollect.start(t, argsOf(prefix, dataDir));
    }
    isOver = true;
    await writing;
    for (const [streamId, end] of ends) await publish(`${prefix}.chunks`, Number(streamId.slice(1)) % 3, [chunkRecord(recordOf('close', streamId, end))]);
    await storedEvents(collect, expected.length);
    t.is((await collect.text('/readyz')).status, 200);
    const found = await runCommand(['search', 'line number 7', '--data-dir', dataDir, '--limit', '100000']);
    t.is(found.code, 0);
    t.true(rows(found).length > 0);
    t.is(await collect.stop(), 0);
    const events = await eventsIn(t, dataDir);
    t.is(events.filter(({ gap }) => gap !== null).length, 0);
    t.deepEqual(events.map(({ eventId }) => eventId).sort(), expected.sort());
    const logEnds = await client.offsets(`${prefix}.chunks`, 'latest');
    const balance = JSON.parse(collect.said.split('\n').find(line => line.includes('"event":"balance"'))!) as Awaited<ReturnType<RunningCollect['report']>>['stored'] & { kafka: { partitions: { topic: string; storedPosition: string }[] } };
    t.is(balance.events, expected.length);
    t.deepEqual(balance.kafka.partitions.filter(({ topic }) => topic.endsWith('.chunks')).map(({ storedPosition }) => storedPosition), logEnds.map(String));
  });

  test.serial('killed -9 between the two streams of a line that a rotation cut: it is stored once and whole, also with all positions wiped', async t => {
    const prefix = await topics(1);
    const dataDir = testFolder(t);
    const given = { source: 'app', framing: 'cri' as const };
    const cri = (flag: 'P' | 'F', body: string): string => `2022-08-22T05:18:16.154772363Z stdout ${flag} ${body}\n`;
    const begun = madeChunk('old', 0, cri('F', '{"n":0}') + cri('P', '{"n":'), given);
    const next = { ...given, previous: { streamId: 'old', end: begun.end } };
    const rest = madeChunk('new', 0, cri('F', '1}') + cri('F', '{"n":2}'), next);
    const topic = `${prefix}.chunks`;
    let collect = await RunningCollect.start(t, argsOf(prefix, dataDir));
    await publish(topic, 0, [chunkRecord(begun), chunkRecord(recordOf('close', 'old', begun.end, given))]);
    await eventually(() => collect.report(), ({ kafka: report }) => report?.partitions.some(({ topic: name, storedPosition }) => name === topic && storedPosition === '2') === true, 50);
    await collect.kill9();
    collect = await RunningCollect.start(t, argsOf(prefix, dataDir));
    await publish(topic, 0, [chunkRecord(rest)]);
    await storedEvents(collect, 3);
    await collect.kill9();
    forgetPositions(dataDir);
    collect = await RunningCollect.start(t, argsOf(prefix, dataDir));
    await publish(topic, 0, [chunkRecord(madeChunk('new', rest.end, cri('F', '{"n":3}'), next))]);
    await storedEvents(collect, 4);
    t.is(await collect.stop(), 0);
    t.deepEqual((await eventsIn(t, dataDir)).map(({ raw }) => raw).sort(), ['{"n":0}', '{"n":1}', '{"n":2}', '{"n":3}']);
  });

  test.serial('records of every codec of Kafka are read, and what cannot be decoded becomes a dead letter', async t => {
    const prefix = await topics(1);
    const dataDir = testFolder(t);
    let offset = 0;
    const next = (given: Partial<Chunk> = {}): OutgoingRecord => {
      const record = chunkRecord(madeChunk('a', offset, json(offset), given));
      offset += json(offset).length;
      return record;
    };
    for (const codec of kafkaCodecs) await publish(`${prefix}.chunks`, 0, [next(), next(), next()], codec);
    const poison = { key: Buffer.from('käse'), value: Buffer.from('what is this?'), headers: { 'll-v': '7', other: 'ü' } };
    await publish(`${prefix}.chunks`, 0, [poison]);
    await publish(`${prefix}.chunks`, 0, [next()], 'gzip');
    const collect = await RunningCollect.start(t, argsOf(prefix, dataDir));
    await storedEvents(collect, 3 * kafkaCodecs.length + 1);
    const [letters] = await client.fetch(`${prefix}.dead-letters`, [{ partition: 0, offset: 0n }], { bytesMax: 1_000_000, maxWaitMs: 1000 });
    t.is(letters?.records.length, 1);
    const [letter] = letters!.records;
    t.deepEqual([Buffer.from(letter!.key!), Buffer.from(letter!.value!)], [poison.key, poison.value]);
    t.like(letter!.headers, { 'll-v': '7', other: 'ü', 'll-dead-topic': `${prefix}.chunks`, 'll-dead-partition': '0', 'll-dead-offset': String(3 * kafkaCodecs.length) });
    t.regex(letter!.headers['ll-dead-reason']!, /ll-v must be 1/);
    t.regex((await collect.text('/metrics')).body, /^leadline_collector_dead_letters_total 1$/m);
    t.is(await collect.stop(), 0);
    t.is((await eventsIn(t, dataDir)).length, 3 * kafkaCodecs.length + 1);
  });

  test.serial('a topic deleted and made again while it runs, and one while it does not: read from its beginning', async t => {
    const prefix = await topics(1);
    const dataDir = testFolder(t);
    const again = async (): Promise<void> => {
      await kafka.deleteTopic(`${prefix}.chunks`);
      await kafka.createTopic(`${prefix}.chunks`);
    };
    let collect = await RunningCollect.start(t, argsOf(prefix, dataDir));
    await publish(`${prefix}.chunks`, 0, [0, 1, 2].map(n => chunkRecord(madeChunk(`s${n}`, 0, json(n)))));
    await storedEvents(collect, 3);
    await again();
    await publish(`${prefix}.chunks`, 0, [3].map(n => chunkRecord(madeChunk(`s${n}`, 0, json(n)))));
    await storedEvents(collect, 4);
    t.true(collect.said.includes('was deleted and made again: it is read from its beginning'));
    t.is(await collect.stop(), 0);
    await again();
    await publish(`${prefix}.chunks`, 0, [4, 5, 6, 7].map(n => chunkRecord(madeChunk(`s${n}`, 0, json(n)))));
    collect = await RunningCollect.start(t, argsOf(prefix, dataDir));
    await storedEvents(collect, 8);
    t.is(await collect.stop(), 0);
    t.deepEqual((await eventsIn(t, dataDir)).map(({ eventId }) => eventId).sort(), [0, 1, 2, 3, 4, 5, 6, 7].map(n => `s${n}:0`));
  });

  test.serial('records deleted before they were read: counted, and a gap in each stream', async t => {
    const prefix = await topics(1);
    const dataDir = testFolder(t);
    const size = json(0).length;
    const record = (streamId: string, n: number): OutgoingRecord => chunkRecord(madeChunk(streamId, n * size, json(n)));
    let collect = await RunningCollect.start(t, argsOf(prefix, dataDir));
    await publish(`${prefix}.chunks`, 0, [record('a', 0), record('b', 0)]);
    await storedEvents(collect, 2);
    t.is(await collect.stop(), 0);
    await publish(`${prefix}.chunks`, 0, [1, 2, 3].flatMap(n => [record('a', n), record('b', n)]));
    await kafka.withAdmin(async admin => {
      // Its client knows no topic that was not asked for before.
      await admin.fetchTopicOffsets(`${prefix}.chunks`);
      await admin.deleteTopicRecords({ topic: `${prefix}.chunks`, partitions: [{ partition: 0, offset: '6' }] });
    });
    collect = await RunningCollect.start(t, argsOf(prefix, dataDir));
    await storedEvents(collect, 6);
    t.regex((await collect.text('/metrics')).body, /^leadline_collector_out_of_range_total 1$/m);
    t.is(await collect.stop(), 0);
    const events = await eventsIn(t, dataDir);
    t.deepEqual(events.filter(({ gap }) => gap !== null).map(({ streamId, streamOffset, gap }) => [streamId, streamOffset, gap!.bytes]).sort(), [['a', size, 2 * size], ['b', size, 2 * size]]);
    t.is(events.filter(({ gap }) => gap === null).length, 4);
  });

  test.serial('a broker that stops answering, dies and comes back: said, not ready, and gone on without a new start', async t => {
    const prefix = await topics(2);
    const dataDir = testFolder(t);
    const collect = await RunningCollect.start(t, argsOf(prefix, dataDir));
    const ready = (wanted: number): Promise<unknown> => eventually(() => collect.text('/readyz'), ({ status }) => status === wanted, 50);
    await publish(`${prefix}.chunks`, 0, [chunkRecord(madeChunk('a', 0, json(1)))]);
    await storedEvents(collect, 1);
    await ready(200);
    kafka.pause(1);
    await ready(503);
    t.regex((await collect.text('/readyz')).body, /No answer from Kafka at 127\.0\.0\.1/);
    kafka.resume(1);
    await publish(`${prefix}.chunks`, 1, [chunkRecord(madeChunk('b', 0, json(1)))]);
    await storedEvents(collect, 2);
    await ready(200);
    kafka.kill9(1);
    await ready(503);
    await kafka.startNode(1);
    await publish(`${prefix}.chunks`, 0, [chunkRecord(madeChunk('c', 0, json(1)))]);
    await storedEvents(collect, 3);
    await ready(200);
    t.is(await collect.stop(), 0);
    t.is((await eventsIn(t, dataDir)).length, 3);
  });

  test.serial('--publish-events: what is stored is published to the topic of events, in whichever thread it was parsed', async t => {
    const prefix = await topics();
    for (const kind of ['events', 'signals']) await kafka.createTopic(`${prefix}.${kind}`, { partitions: 2 });
    const collect = await RunningCollect.start(t, [...argsOf(prefix, testFolder(t)), '--publish-events']);
    const expected: string[] = [];
    for (let n = 0; n < 6; n++) {
      for (let line = 0, at = 0; line < 3; line++) {
        expected.push(`p${n}:${at}`);
        at += json(line).length;
      }
      await publish(`${prefix}.chunks`, n % 3, [chunkRecord(madeChunk(`p${n}`, 0, [0, 1, 2].map(json).join('')))]);
    }
    const published = async (): Promise<string[]> => {
      const answers = await client.fetch(`${prefix}.events`, [0, 1].map(partition => ({ partition, offset: 0n })), { bytesMax: 1 << 20, maxWaitMs: 100 });
      return answers.flatMap(({ records }) => records.map(({ value }) => (JSON.parse(Buffer.from(value!).toString()) as { eventId: string }).eventId));
    };
    const found = new Set<string>();
    await eventually(async () => (await published()).forEach(id => found.add(id)), () => found.size >= expected.length);
    t.deepEqual([...found].sort(), expected.sort());
    t.regex((await collect.text('/metrics')).body, new RegExp(`^leadline_collector_published_events_total ${expected.length}$`, 'm'));
    t.is(await collect.stop(), 0);
  });
}
