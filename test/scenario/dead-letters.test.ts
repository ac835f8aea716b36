/** Poison in a real Kafka, through a real collector to the dead letters and back: every line is stored once. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import test from 'ava';
import type { KafkaClient } from '#lib/kafka/kafka-client.ts';
import type { OutgoingRecord } from '#lib/kafka/types.ts';
import { madeChunk } from '../contract/made-up.ts';
import { RunningCollect } from '../helpers/collecting.ts';
import { rows, runCommand, type Ended } from '../helpers/command.ts';
import { testFolder } from '../helpers/folder.ts';
import { kafkaClient, recordsOf } from '../helpers/kafka-records.ts';
import { kafkaMissing, TestKafka } from '../helpers/kafka.ts';
import { eventually } from '../helpers/leadline.ts';
import { chunkRecord } from '../helpers/published.ts';
import { proofSkipped } from '../helpers/skipped.ts';
import { allEvents, queriesOf } from '../helpers/store.ts';

const missing = kafkaMissing();
const line = (n: number): string => `2026-11-21 12:00:00 ERROR line ${String(n).padStart(4, '0')}\n    at f (x.js:${String(n).padStart(4, '0')}:1)\n`;
const size = line(0).length;
type Row = { id: string; state: string; reason: string; source: string; partition: number; replayed?: boolean; replayedAt: string | null; problem?: string; headers: Record<string, string> };

if (missing !== null) proofSkipped('dead letters of a real broker', missing);
else {
  let kafka: TestKafka;
  let client: KafkaClient;
  test.before(async () => {
    kafka = await TestKafka.start({ portsFrom: 27_000 });
    client = kafkaClient(kafka.brokers);
  });
  test.after.always(async () => {
    await client?.close();
    await kafka?.stop();
  });

  const topicsOf = async (prefix: string): Promise<void> => {
    for (const kind of ['chunks', 'streams', 'dead-letters']) await kafka.createTopic(`${prefix}.${kind}`, { partitions: kind === 'streams' ? 1 : 2 });
  };
  const kafkaArgs = (prefix: string): string[] => ['--kafka', kafka.brokers.join(','), '--topic-prefix', prefix];
  const letters = (prefix: string, ...args: string[]): Promise<Ended> => runCommand(['dead-letters', args[0]!, ...args.slice(1), ...kafkaArgs(prefix)]);
  /** A chunk of one entry of two lines. */
  const record = (streamId: string, n: number, given: { headers?: Record<string, string>; value?: Uint8Array } = {}): OutgoingRecord => {
    const made = chunkRecord(madeChunk(streamId, n * size, zstdCompressSync(Buffer.from(line(n))), { end: (n + 1) * size, codec: 'zstd' }));
    return { ...made, value: given.value ?? made.value, headers: { ...made.headers, ...given.headers } };
  };

  test.serial('poison of every kind is listed, shown, mended and replayed into its hole; every line is stored once, the collector killed meanwhile', async t => {
    const prefix = 'mended';
    await topicsOf(prefix);
    const dataDir = testFolder(t);
    const damaged = Buffer.from(zstdCompressSync(Buffer.from(line(2))));
    damaged.fill(0xff, 8);
    const published = [record('a', 0), record('a', 1, { headers: { 'll-v': '7' } }), record('a', 2, { value: damaged }), record('a', 3), record('a', 4, { headers: { 'll-framing': 'paper' } }), record('a', 5, { headers: { 'll-framing': 'paper' } }), record('a', 6)];
    const collectArgs = [...kafkaArgs(prefix), '--data-dir', dataDir];
    let collect = await RunningCollect.start(t, collectArgs);
    for (const each of published) await client.produce(`${prefix}.chunks`, 1, [each], 'none');
    await eventually(() => collect.report(), ({ kafka: report }) => report?.deadLetters === 4, 50);
    // As after an acknowledgement that was lost: the same letter once more.
    const [first] = (await recordsOf(client, `${prefix}.dead-letters`));
    await client.produce(`${prefix}.dead-letters`, first!.partition, [{ key: first!.key, value: first!.value, headers: first!.headers }], 'none');

    const listed = rows<Row>(await letters(prefix, 'list'));
    t.deepEqual(listed.map(({ state, source, partition }) => [state, source, partition]), Array.from({ length: 4 }, () => ['waiting', 'source of a', 1]));
    const [version, zstd, framing, framingToo] = listed.map(({ id }) => id);
    t.regex(listed[0]!.reason, /ll-v must be 1/);
    t.regex(listed[1]!.reason, /zstd value is damaged/);
    const shown = rows<Row>(await letters(prefix, 'show', version!.slice(0, 8)))[0]!;
    t.is(shown.headers['ll-v'], '7');
    t.is(shown.headers['ll-dead-reason'], undefined);

    const dry = await letters(prefix, 'replay', '--all', '--dry-run');
    t.is(dry.code, 2);
    t.deepEqual(rows<Row>(dry).map(({ replayed, problem }) => [replayed, /it would come back/.test(problem ?? '')]), Array.from({ length: 4 }, () => [false, true]));
    t.is((await letters(prefix, 'replay', '0000')).code, 1);
    t.is((await letters(prefix, 'replay')).code, 2);

    t.is((await letters(prefix, 'replay', version!, '--header', 'll-v=1')).code, 0);
    await collect.kill9();
    const whole = join(testFolder(t), 'value');
    writeFileSync(whole, zstdCompressSync(Buffer.from(line(2))));
    t.is((await letters(prefix, 'replay', zstd!, '--value', whole)).code, 0);
    collect = await RunningCollect.start(t, collectArgs);
    for (const id of [framing, framingToo]) t.is((await letters(prefix, 'replay', id!, '--header', 'll-framing=plain')).code, 0);
    // Sent once more on purpose: it is trimmed.
    t.is((await letters(prefix, 'replay', version!, '--header', 'll-v=1')).code, 0);
    t.is((await letters(prefix, 'list')).code, 1);
    t.deepEqual(rows<Row>(await letters(prefix, 'list', '--all')).map(({ state, replayedAt }) => [state, replayedAt !== null]), Array.from({ length: 4 }, () => ['replayed', true]));

    await client.produce(`${prefix}.chunks`, 1, [record('a', 7)], 'none');
    const ends = (await client.offsets(`${prefix}.chunks`, 'latest'))[1];
    await eventually(() => collect.report(), ({ kafka: report }) => report?.partitions.some(({ topic, partition, position }) => topic === `${prefix}.chunks` && partition === 1 && position === String(ends)) === true, 50);
    t.is(await collect.stop(), 0);
    const events = (await allEvents(queriesOf(t, dataDir))).filter(({ gap }) => gap === null);
    // What is open at the end is not stored yet.
    t.deepEqual(events.map(({ raw }) => `${raw!}\n`).sort(), [0, 1, 2, 3, 4, 5, 6].map(line));
  });

  test.serial('a record that a limit refused goes back as it was; while the limit stands it returns, and is not offered with all again', async t => {
    const prefix = 'limited';
    await topicsOf(prefix);
    const dataDir = testFolder(t);
    const collectArgs = [...kafkaArgs(prefix), '--data-dir', dataDir];
    let collect = await RunningCollect.start(t, [...collectArgs, '--stored-ranges-max', '10']);
    // Every second chunk only, so that nothing touches.
    const expected = Array.from({ length: 13 }, (_, n) => 2 * n);
    for (const n of expected) await client.produce(`${prefix}.chunks`, 0, [record('a', n)], 'none');
    await eventually(() => collect.report(), ({ kafka: report }) => report?.deadLetters === 2, 50);
    const replayed = rows<Row>(await letters(prefix, 'replay', '--reason', 'stored ranges'));
    t.deepEqual(replayed.map(each => each.replayed), [true, true]);
    await eventually(() => collect.report(), ({ kafka: report }) => report?.deadLetters === 6, 50);
    // With the idle record behind each of them.
    t.deepEqual(rows<Row>(await letters(prefix, 'list')).map(({ state }) => state), ['returned', 'returned', 'returned', 'returned']);
    t.is((await letters(prefix, 'replay', '--all')).code, 1);
    t.is(await collect.stop(), 0);
    collect = await RunningCollect.start(t, collectArgs);
    t.is((await letters(prefix, 'replay', '--all', '--again')).code, 0);
    await eventually(() => collect.report(), ({ stored }) => stored.lines === 2 * expected.length, 50);
    t.is((await letters(prefix, 'list')).code, 1);
    t.is(await collect.stop(), 0);
    const events = (await allEvents(queriesOf(t, dataDir))).filter(({ gap }) => gap === null);
    t.deepEqual(events.map(({ raw }) => `${raw!}\n`).sort(), expected.map(line));
  });
}
