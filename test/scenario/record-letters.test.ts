/** Poison in a topic that others fill, on a real broker: to the dead letters and back into exactly the hole it left. */
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { KafkaClient } from '#lib/kafka/kafka-client.ts';
import type { OutgoingRecord } from '#lib/kafka/types.ts';
import { RunningCollect } from '../helpers/collecting.ts';
import { rows, runCommand, said, type Ended } from '../helpers/command.ts';
import { testFolder } from '../helpers/folder.ts';
import { eventually as untilAnswered, kafkaClient } from '../helpers/kafka-records.ts';
import { kafkaMissing, TestKafka } from '../helpers/kafka.ts';
import { eventually, RunningLeadline } from '../helpers/leadline.ts';
import { published } from '../helpers/record-publishers.ts';
import { proofSkipped } from '../helpers/skipped.ts';
import { allEvents, queriesOf } from '../helpers/store.ts';

const missing = kafkaMissing();
const startMs = 1_669_033_800_000;
type Row = { id: string; state: string; reason: string; topic: string; recordOffset: string; recordOffsetEnd?: string; replayed?: boolean; stream?: string; streamOffset?: number; streamOffsetEnd?: number; problem?: string };

if (missing !== null) proofSkipped('dead letters of topics that others fill, on a real broker', missing);
else {
  let kafka: TestKafka;
  let client: KafkaClient;
  test.before(async () => {
    kafka = await TestKafka.start({ portsFrom: 31_000 });
    client = kafkaClient(kafka.brokers);
  });
  test.after.always(async () => {
    await client?.close();
    await kafka?.stop();
  });

  const bare = (value: string | Uint8Array): OutgoingRecord => ({ key: null, value: Buffer.from(value), headers: { of: 'others' } });
  const line = (n: number): string => `ERROR line ${n}\n    at f (x.js:${n}:1)`;
  const wrapped = (n: number): string => JSON.stringify(published.fluentBit(line(n), startMs + n));
  const topicsOf = async (prefix: string, topic: string, partitions: number): Promise<void> => {
    for (const [name, count] of [[topic, partitions], [`${prefix}.chunks`, 3], [`${prefix}.streams`, 1], [`${prefix}.dead-letters`, 2]] as const) await kafka.createTopic(name, { partitions: count });
  };
  const kafkaArgs = (prefix: string): string[] => ['--kafka', kafka.brokers.join(','), '--topic-prefix', prefix];
  const letters = (prefix: string, ...args: string[]): Promise<Ended> => runCommand(['dead-letters', args[0]!, ...args.slice(1), ...kafkaArgs(prefix)]);
  const produce = (topic: string, partition: number, records: OutgoingRecord[], codec: 'none' | 'gzip' = 'none'): Promise<unknown> => untilAnswered(() => client.produce(topic, partition, records, codec));
  /** What a disk may do: the last bytes of the partition's log are others. */
  const damageLastBatch = (topic: string, partition: number): void => {
    const folder = join(kafka.dataFolder(1), `${topic}-${partition}`);
    const path = join(folder, readdirSync(folder).find(name => name.endsWith('.log'))!);
    const { length } = readFileSync(path);
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(8, 0xff), 0, 8, length - 8);
    closeSync(file);
  };
  /** Until everything that was published is taken in. */
  const caughtUp = async (collect: RunningCollect, prefix: string): Promise<void> => {
    const ends = await client.offsets(`${prefix}.chunks`, 'latest');
    await eventually(() => collect.report(), ({ kafka: report }) => report !== null && ends.every((end, partition) => report.partitions.some(({ topic, partition: own, storedPosition }) => topic === `${prefix}.chunks` && own === partition && (end === 0n || storedPosition === String(end)))), 50);
  };

  test.serial('what is no JSON and a batch with damaged compression are mended and replayed into their holes, once, with kills and replays again; the partition goes on meanwhile', async t => {
    const prefix = 'mend';
    const topic = 'cluster-logs';
    await topicsOf(prefix, topic, 2);
    const dataDir = testFolder(t);
    const args = [...kafkaArgs(prefix), '--topic', topic, '--format', 'json', '--data-dir', dataDir];
    // The first of its stream is poison, so that nothing of it is known when it comes back.
    await produce(topic, 1, [bare('{"log":"cut off'), bare(wrapped(1)), bare('plain words'), bare(wrapped(3)), bare('"a line in quotes"')]);
    await produce(topic, 0, [bare(wrapped(0))]);
    await produce(topic, 0, [1, 2, 3].map(n => bare(wrapped(n))), 'gzip');
    damageLastBatch(topic, 0);
    await produce(topic, 0, [bare(wrapped(4))]);
    let collect = await RunningCollect.start(t, args);
    await eventually(() => collect.report(), ({ stored, kafka: report }) => stored.events === 5 && report?.deadLetters === 3, 50);
    const listed = rows<Row>(await letters(prefix, 'list'));
    t.deepEqual(listed.map(({ topic: of, recordOffset, recordOffsetEnd }) => [of, recordOffset, recordOffsetEnd]), [[topic, '1', '4'], [topic, '0', undefined], [topic, '2', undefined]]);
    const [batch, cut, words] = listed.map(({ id }) => id);
    t.regex(listed[0]!.reason, /cannot be taken apart/);
    t.regex(listed[1]!.reason, /not JSON/);
    const shown = rows<{ headers: Record<string, string>; value: string }>(await letters(prefix, 'show', cut!))[0]!;
    t.deepEqual([shown.value, shown.headers], ['{"log":"cut off', { of: 'others' }]);

    said(t, await letters(prefix, 'replay', cut!), 2, 'it would come back', '--format lines');
    said(t, await letters(prefix, 'replay', cut!, '--header', 'll-v=1'), 2, 'no header is read');
    said(t, await letters(prefix, 'replay', batch!), 2, 'a whole batch of 3 records');
    const file = join(testFolder(t), 'records');
    writeFileSync(file, `${[1, 2].map(wrapped).join('\n')}\n`);
    said(t, await letters(prefix, 'replay', batch!, '--value', file), 2, 'has 2 lines');

    writeFileSync(file, `${[1, 2, 3].map(wrapped).join('\n')}\n`);
    const replayed = rows<Row>(await letters(prefix, 'replay', batch!, '--value', file))[0]!;
    t.deepEqual([replayed.replayed, replayed.streamOffset, replayed.streamOffsetEnd], [true, 1, 4]);
    await collect.kill9();
    t.is((await letters(prefix, 'replay', words!, '--format', 'lines')).code, 0);
    writeFileSync(file, wrapped(0));
    t.is((await letters(prefix, 'replay', cut!, '--value', file)).code, 0);
    collect = await RunningCollect.start(t, args);
    await eventually(() => collect.report(), ({ stored }) => stored.events === 10, 50);
    // Once more on purpose, as after a crash before the mark: it is trimmed, before and after a kill.
    t.is((await letters(prefix, 'replay', words!, '--format', 'lines')).code, 0);
    await caughtUp(collect, prefix);
    await collect.kill9();
    t.is((await letters(prefix, 'replay', cut!, '--value', file)).code, 0);
    await produce(topic, 1, [bare(wrapped(5))]);
    collect = await RunningCollect.start(t, args);
    await eventually(() => collect.report(), ({ stored }) => stored.events >= 11, 50);
    await caughtUp(collect, prefix);
    t.is((await letters(prefix, 'list')).code, 1);
    t.is(await collect.stop(), 0);

    const serve = await RunningLeadline.serve(['--data-dir', dataDir, ...kafkaArgs(prefix)]);
    t.teardown(() => serve.kill9());
    const all = rows<Row>(await letters(prefix, 'list', '--all'));
    t.is(all.length, 3);
    t.deepEqual(await serve.json('/api/v1/dead-letters?all=true'), { letters: all, truncated: false });
    t.deepEqual(await serve.json('/api/v1/dead-letters'), { letters: [], truncated: false });
    t.deepEqual(await serve.json('/api/v1/dead-letters?all=true&reason=NOT%20json&limit=1'), { letters: [all.find(({ reason }) => reason.includes('not JSON'))], truncated: true });
    for (const { id } of all) t.deepEqual(await serve.json(`/api/v1/dead-letters/${id.slice(0, 8)}`), rows(await letters(prefix, 'show', id))[0]);
    t.is((await fetch(`${serve.url}/api/v1/dead-letters/0000`)).status, 404);
    await serve.stop();
    const without = await RunningLeadline.serve(['--data-dir', dataDir]);
    t.teardown(() => without.kill9());
    const answer = await fetch(`${without.url}/api/v1/dead-letters`);
    t.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [501, 'DEAD_LETTERS_ELSEWHERE']);
    await without.stop();

    const events = (await allEvents(queriesOf(t, dataDir))).sort((a, b) => a.source.localeCompare(b.source) || a.streamOffset - b.streamOffset);
    t.deepEqual(events.map(({ source, streamOffset, raw }) => [source, streamOffset, raw]), [
      ...[0, 1, 2, 3, 4].map(n => [`${topic}/0`, n, line(n)]),
      [`${topic}/1`, 0, line(0)], [`${topic}/1`, 1, line(1)], [`${topic}/1`, 2, 'plain words'], [`${topic}/1`, 3, line(3)], [`${topic}/1`, 4, 'a line in quotes'], [`${topic}/1`, 5, line(5)],
    ]);
    t.is(new Set(events.map(({ streamId }) => streamId)).size, 2);
    for (const { raw, service, pod, output, timeSource, time } of events.filter(event => event.raw!.startsWith('ERROR'))) {
      const n = Number(/line (\d)/.exec(raw!)![1]);
      t.deepEqual([service, pod, output, timeSource, Date.parse(time)], ['checkout', 'checkout-5f6585d649-fnmft', 'stderr', 'runtime', startMs + n]);
    }
  });

  test.serial('a limit refuses records of others: they go back as they were, with the time they had, and return while the limit stands', async t => {
    const prefix = 'limit';
    const topic = 'plain-lines';
    await topicsOf(prefix, topic, 1);
    const dataDir = testFolder(t);
    const args = [...kafkaArgs(prefix), '--topic', topic, '--data-dir', dataDir];
    // Records without a value between them, so that nothing touches.
    const beforeMs = Date.now();
    for (let n = 0; n < 13; n++) await produce(topic, 0, [bare(`WARN line ${n}`), { key: null, value: null, headers: {} }]);
    const afterMs = Date.now();
    let collect = await RunningCollect.start(t, [...args, '--stored-ranges-max', '10']);
    await eventually(() => collect.report(), ({ kafka: report }) => report?.deadLetters === 2, 50);
    t.deepEqual(rows<Row>(await letters(prefix, 'replay', '--reason', 'stored ranges')).map(({ replayed, streamOffset }) => [replayed, streamOffset]), [[true, 22], [true, 24]]);
    await eventually(() => collect.report(), ({ kafka: report }) => report?.deadLetters === 4, 50);
    t.deepEqual(rows<Row>(await letters(prefix, 'list')).map(({ state, topic: of }) => [state, of]), [['returned', `${prefix}.chunks`], ['returned', `${prefix}.chunks`]]);
    t.is((await letters(prefix, 'replay', '--all')).code, 1);
    t.is(await collect.stop(), 0);
    collect = await RunningCollect.start(t, args);
    t.is((await letters(prefix, 'replay', '--all', '--again')).code, 0);
    await eventually(() => collect.report(), ({ stored }) => stored.lines === 13, 50);
    t.is(await collect.stop(), 0);
    const events = (await allEvents(queriesOf(t, dataDir))).sort((a, b) => a.streamOffset - b.streamOffset);
    t.deepEqual(events.map(({ streamOffset, raw, level, service, gap }) => [streamOffset, raw, level, service, gap]), Array.from({ length: 13 }, (_, n) => [2 * n, `WARN line ${n}`, 'warn', topic, null]));
    for (const { time } of events) t.true(Date.parse(time) >= beforeMs && Date.parse(time) <= afterMs, time);
  });
}
