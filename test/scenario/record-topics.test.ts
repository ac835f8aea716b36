/** Topics that Fluent Bit, Vector and Filebeat fill, on a real broker: each record is one event, stored once, whatever happens to the collector. */
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import type { KafkaClient } from '#lib/kafka/kafka-client.ts';
import type { OutgoingRecord } from '#lib/kafka/types.ts';
import { RunningCollect } from '../helpers/collecting.ts';
import { testFolder } from '../helpers/folder.ts';
import { eventually as untilAnswered, kafkaClient } from '../helpers/kafka-records.ts';
import { kafkaMissing, TestKafka } from '../helpers/kafka.ts';
import { eventually } from '../helpers/leadline.ts';
import { published } from '../helpers/record-publishers.ts';
import { proofSkipped } from '../helpers/skipped.ts';
import { allEvents, queriesOf } from '../helpers/store.ts';

const missing = kafkaMissing();
const startMs = 1_669_033_800_000;

if (missing !== null) proofSkipped('topics that others fill, on a real broker', missing);
else {
  let kafka: TestKafka;
  let client: KafkaClient;
  test.before(async () => {
    kafka = await TestKafka.start({ portsFrom: 29_000 });
    client = kafkaClient(kafka.brokers);
  });
  test.after.always(async () => {
    await client?.close();
    await kafka?.stop();
  });

  const bare = (value: string): OutgoingRecord => ({ key: null, value: Buffer.from(value), headers: {} });
  const produce = (topic: string, partition: number, records: OutgoingRecord[]): Promise<unknown> => untilAnswered(() => client.produce(topic, partition, records, 'none'));

  test.serial('JSON of each of the three while the collector is killed again and again: every record is stored once, with its place, its writer and its time', async t => {
    const prefix = 'json';
    const topic = 'cluster-logs';
    for (const [name, partitions] of [[topic, 3], [`${prefix}.chunks`, 1], [`${prefix}.streams`, 1], [`${prefix}.dead-letters`, 1]] as const) await kafka.createTopic(name, { partitions });
    const dataDir = testFolder(t);
    const args = ['--kafka', kafka.brokers.join(','), '--topic-prefix', prefix, '--topic', topic, '--format', 'json', '--data-dir', dataDir];
    const publishers = Object.values(published);
    const expected: string[] = [];
    let isOver = false;
    const write = async (): Promise<void> => {
      for (let n = 0; !isOver; n += 10) {
        const records = Array.from({ length: 10 }, (_, index) => {
          // Lines that could be held, lines that are whole, and stack traces that the publisher has joined.
          const line = [`ERROR line ${n + index}`, `{"n":${n + index}}`, `line ${n + index} failed\n    at f (x.js:${n + index}:1)`][index % 3]!;
          expected.push(line);
          return bare(JSON.stringify(publishers[(n / 10) % 3]!(line, startMs + n + index)));
        });
        await produce(topic, (n / 10) % 3, records);
        await pause(3);
      }
    };
    const writing = write();
    let collect = await RunningCollect.start(t, args);
    for (let kill = 0; kill < 5; kill++) {
      const before = (await collect.report()).stored.events;
      await eventually(() => collect.report(), ({ stored }) => stored.events > before, 50);
      await pause(Math.random() * 300);
      await collect.kill9();
      collect = await RunningCollect.start(t, args);
    }
    isOver = true;
    await writing;
    await eventually(() => collect.report(), ({ stored }) => stored.events >= expected.length, 50);
    t.is(await collect.stop(), 0);
    const events = await allEvents(queriesOf(t, dataDir));
    t.deepEqual(events.map(({ raw }) => raw!).sort(), expected.sort());
    t.is(events.filter(({ gap }) => gap !== null).length, 0);
    t.is(new Set(events.map(({ eventId }) => eventId)).size, events.length);
    t.is(new Set(events.map(({ streamId }) => streamId)).size, 3);
    for (const { service, pod, container, namespace, output, timeSource, time } of events) {
      t.deepEqual([service, pod, container, namespace, output, timeSource], ['checkout', 'checkout-5f6585d649-fnmft', 'server', 'shop', 'stderr', 'runtime']);
      t.true(Date.parse(time) >= startMs);
    }
    const offsets = await client.offsets(topic, 'latest');
    t.is(events.length, Number(offsets.reduce((sum, each) => sum + each, 0n)));
  });

  test.serial('lines of a topic whose beginning is gone, whole or odd, beside chunks of its own: no gap before the first, a gap for what was deleted later', async t => {
    const prefix = 'lines';
    const topic = 'plain-lines';
    for (const name of [topic, `${prefix}.chunks`, `${prefix}.streams`, `${prefix}.dead-letters`]) await kafka.createTopic(name);
    const dataDir = testFolder(t);
    const args = ['--kafka', kafka.brokers.join(','), '--topic-prefix', prefix, '--topic', topic, '--data-dir', dataDir];
    const deleteBefore = (offset: string): Promise<void> =>
      kafka.withAdmin(async admin => {
        await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] });
      });
    await produce(topic, 0, [bare('gone'), bare('gone'), bare('INFO first'), { key: null, value: null, headers: {} }, bare('with newline\n'), bare('two\nlines'), bare('  at f (x.js:1:1)'), { key: null, value: Buffer.from([0xff, 0x41]), headers: {} }, { key: null, value: Buffer.from([0xff, 0x0a, 0x41]), headers: {} }]);
    await deleteBefore('2');
    let collect = await RunningCollect.start(t, args);
    await eventually(() => collect.report(), ({ stored, kafka: report }) => stored.events === 5 && report?.deadLetters === 1, 50);
    t.is(await collect.stop(), 0);
    await produce(topic, 0, [bare('deleted'), bare('deleted'), bare('last')]);
    await deleteBefore('11');
    collect = await RunningCollect.start(t, args);
    await eventually(() => collect.report(), ({ stored }) => stored.events === 7, 50);
    t.is(await collect.stop(), 0);
    const events = (await allEvents(queriesOf(t, dataDir))).sort((a, b) => a.streamOffset - b.streamOffset);
    t.deepEqual(events.filter(({ gap }) => gap === null).map(event => [event.streamOffset, event.raw ?? event.rawBase64, event.service, event.timeSource]), [
      [2, 'INFO first', topic, 'read'], [4, 'with newline', topic, 'read'], [5, 'two\nlines', topic, 'read'], [6, '  at f (x.js:1:1)', topic, 'read'], [7, Buffer.from([0xff, 0x41]).toString('base64'), topic, 'read'], [11, 'last', topic, 'read'],
    ]);
    t.deepEqual(events.filter(({ gap }) => gap !== null).map(({ streamOffset, gap }) => [streamOffset, gap]), [[9, { cause: 'deleted', bytes: 2, exact: true }]]);
  });
}
