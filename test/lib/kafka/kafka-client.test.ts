/** The client against a real broker behind a proxy: single attempts, each with an end and a name for what went wrong. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Kafka as OtherKafka, logLevel } from 'kafkajs';
import { KafkaAdmin } from '#lib/kafka/kafka-admin.ts';
import type { KafkaClient } from '#lib/kafka/kafka-client.ts';
import { KafkaError, kafkaCodecs, type FetchedPartition, type KafkaClientOptions } from '#lib/kafka/types.ts';
import { topicConfig, topicKinds, topicName, topicProblems, topics } from '#schemas/topics.ts';
import { kafkaClient, recordsOf } from '../../helpers/kafka-records.ts';
import { kafkaMissing, TestKafka } from '../../helpers/kafka.ts';
import { eventually } from '../../helpers/leadline.ts';
import { proofSkipped } from '../../helpers/skipped.ts';

const missing = kafkaMissing();
const record = (text: string): { key: Buffer; value: Buffer; headers: Record<string, string> } => ({ key: Buffer.from('k'), value: Buffer.from(text), headers: {} });
const limits = { bytesMax: 1_000_000, maxWaitMs: 2000 };
let kafka: TestKafka;
let topicsMade = 0;

if (missing !== null) proofSkipped('the Kafka client on a real broker', missing);
else {
  test.before(async () => {
    kafka = await TestKafka.start({ proxied: true });
  });
  test.after.always(async () => {
    await (kafka as TestKafka | undefined)?.stop();
  });

  const open = async (t: ExecutionContext, given: Partial<KafkaClientOptions> = {}, partitions = 1, config: Record<string, string> = {}): Promise<{ client: KafkaClient; topic: string }> => {
    const topic = `topic${++topicsMade}`;
    await kafka.createTopic(topic, { partitions, config });
    const client = kafkaClient(kafka.brokers, { requestTimeoutMs: 1500, ...given });
    t.teardown(async () => {
      await client.close();
      kafka.proxies[0]!.pass();
    });
    return { client, topic };
  };
  const failure = async (t: ExecutionContext, work: Promise<unknown>): Promise<KafkaError> => {
    const error = await t.throwsAsync(work);
    if (!(error instanceof KafkaError)) throw new Error(`not of Kafka: ${String(error)}`);
    return error;
  };
  const texts = (fetched: readonly FetchedPartition[]): string[] => fetched.flatMap(({ records }) => records.map(({ value }) => Buffer.from(value!).toString()));

  test.serial('records of every codec come back, and Kafka says where they lie', async t => {
    const { client, topic } = await open(t);
    for (const [index, codec] of kafkaCodecs.entries()) t.is((await client.produce(topic, 0, [record(codec), record('x'.repeat(50_000))], codec)).baseOffset, BigInt(index * 2));
    const records = await recordsOf(client, topic);
    t.deepEqual(records.filter((_, index) => index % 2 === 0).map(({ value }) => Buffer.from(value!).toString()), [...kafkaCodecs]);
    t.true(records.every(({ value }, index) => index % 2 === 0 || value!.length === 50_000));
  });

  test.serial("what Kafka's own producer compresses is read, every codec", async t => {
    const { client, topic } = await open(t);
    for (const codec of kafkaCodecs) {
      const before = (await client.offsets(topic, 'latest'))[0]!;
      await kafka.tool('org.apache.kafka.tools.ProducerPerformance', '--topic', topic, '--num-records', '3000', '--record-size', '300', '--throughput', '-1', '--producer-props', `bootstrap.servers=${kafka.directBrokers.join(',')}`, `compression.type=${codec}`, 'linger.ms=20', 'batch.size=100000', 'acks=all');
      t.is((await client.offsets(topic, 'latest'))[0]! - before, 3000n, codec);
    }
    const records = await recordsOf(client, topic);
    t.is(records.length, 3000 * kafkaCodecs.length);
    t.true(records.every(({ value, recordOffset }, index) => value!.length === 300 && recordOffset === BigInt(index)));
  });

  test.serial("what we compress is read by Kafka's own consumer, every codec", async t => {
    const { client, topic } = await open(t);
    for (const codec of kafkaCodecs) await client.produce(topic, 0, Array.from({ length: 200 }, (_, n) => record(`${codec} ${n} ${'lorem ipsum '.repeat(200)}`)), codec);
    const printed = await kafka.tool('org.apache.kafka.tools.consumer.ConsoleConsumer', '--bootstrap-server', kafka.directBrokers.join(','), '--topic', topic, '--from-beginning', '--max-messages', '1000', '--timeout-ms', '20000');
    const read = printed.split('\n').filter(line => line !== '');
    t.deepEqual(read.map(line => line.split(' ').slice(0, 2).join(' ')), kafkaCodecs.flatMap(codec => Array.from({ length: 200 }, (_, n) => `${codec} ${n}`)));
  });

  test.serial('a topic has an id of its own; one made again under the same name has another', async t => {
    const { client, topic } = await open(t, {}, 3);
    const first = await client.topic(topic);
    t.regex(first.id, /^[0-9a-f]{32}$/);
    t.is(first.partitions, 3);
    await client.produce(topic, 0, [record('old')], 'none');
    await kafka.deleteTopic(topic);
    await kafka.createTopic(topic);
    const late = kafkaClient(kafka.brokers);
    for (const text of ['new 0', 'new 1']) await late.produce(topic, 0, [record(text)], 'none');
    await late.close();
    // The old one's position is in the range of the new one: its records must not be taken for the old one's.
    const [read] = await client.fetch(topic, [{ partition: 0, offset: 1n }], limits);
    t.deepEqual([read!.error?.code, read!.records.length], ['UNKNOWN_TOPIC_ID', 0]);
    t.is((await failure(t, client.fetch(topic, [{ partition: 0, offset: 1n }], { ...limits, topicId: first.id }))).code, 'UNKNOWN_TOPIC_ID');
    const other = kafkaClient(kafka.brokers);
    const second = await other.topic(topic);
    t.not(second.id, first.id);
    await other.close();
    t.is((await client.topic(topic)).id, second.id);
    t.deepEqual(texts(await client.fetch(topic, [{ partition: 0, offset: 0n }], { ...limits, topicId: second.id })), ['new 0', 'new 1']);
  });

  test.serial('no such topic, no such partition', async t => {
    const { client, topic } = await open(t);
    t.is((await failure(t, client.topic('not-there'))).code, 'UNKNOWN_TOPIC_OR_PARTITION');
    t.is((await failure(t, client.produce('not-there', 0, [record('x')], 'none'))).code, 'UNKNOWN_TOPIC_OR_PARTITION');
    t.is((await failure(t, client.fetch('not-there', [{ partition: 0, offset: 0n }], limits))).code, 'UNKNOWN_TOPIC_OR_PARTITION');
    t.is((await failure(t, client.produce(topic, 5, [record('x')], 'none'))).code, 'NO_SUCH_PARTITION');
  });

  test.serial('too large a batch is MESSAGE_TOO_LARGE', async t => {
    const { client, topic } = await open(t, {}, 1, { 'max.message.bytes': '1000' });
    const { code, unknownOutcome } = await failure(t, client.produce(topic, 0, [{ key: null, value: randomBytes(2000), headers: {} }], 'none'));
    t.deepEqual([code, unknownOutcome], ['MESSAGE_TOO_LARGE', false]);
  });

  test.serial('nobody there is UNREACHABLE; a second address is enough', async t => {
    const { topic } = await open(t);
    const lonely = kafkaClient(['127.0.0.1:20998']);
    t.is((await failure(t, lonely.topic(topic))).code, 'UNREACHABLE');
    await lonely.close();
    const client = kafkaClient(['127.0.0.1:20998', ...kafka.brokers]);
    t.is((await client.topic(topic)).name, topic);
    await client.close();
  });

  test.serial('an answer that is cut off leaves the outcome unknown; the next attempt has a new connection', async t => {
    const { client, topic } = await open(t);
    await client.produce(topic, 0, [record('before')], 'none');
    const swallowed = kafka.proxies[0]!.swallowProduceAnswer();
    const error = await failure(t, client.produce(topic, 0, [record('cut')], 'none'));
    await swallowed;
    t.deepEqual([error.code, error.unknownOutcome], ['UNREACHABLE', true]);
    await client.produce(topic, 0, [record('after')], 'none');
    t.deepEqual((await recordsOf(client, topic)).map(({ value }) => Buffer.from(value!).toString()), ['before', 'cut', 'after']);
  });

  test.serial('no answer in time is TIMED_OUT, and one that comes late confuses nothing', async t => {
    const { client, topic } = await open(t, { requestTimeoutMs: 1000 });
    await client.produce(topic, 0, [record('first')], 'none');
    kafka.proxies[0]!.delayAnswers(1500);
    const error = await failure(t, client.produce(topic, 0, [record('late')], 'none'));
    t.deepEqual([error.code, error.unknownOutcome], ['TIMED_OUT', true]);
    kafka.proxies[0]!.pass();
    for (let n = 0; n < 20; n++) t.is((await client.produce(topic, 0, [record(`n${n}`)], 'none')).baseOffset, BigInt(n + 2));
    t.is((await recordsOf(client, topic)).length, 22);
  });

  test.serial('a broker that takes connections and says nothing is given up within the request time-out', async t => {
    const { client, topic } = await open(t, { requestTimeoutMs: 1000 });
    kafka.proxies[0]!.stall();
    t.is((await failure(t, client.topic(topic))).code, 'UNREACHABLE');
    kafka.proxies[0]!.pass();
    t.is((await client.topic(topic)).partitions, 1);
  });

  test.serial('a fetch waits for the first byte, and answers empty when nothing came', async t => {
    const { client, topic } = await open(t, {}, 3);
    const positions = [0, 1, 2].map(partition => ({ partition, offset: 0n }));
    const waiting = client.fetch(topic, positions, { ...limits, maxWaitMs: 20_000 });
    await client.produce(topic, 1, [record('one')], 'none');
    t.deepEqual(texts(await waiting), ['one']);
    const empty = await client.fetch(topic, [{ partition: 0, offset: 0n }], { ...limits, maxWaitMs: 50 });
    t.deepEqual(empty.map(({ partition, records, nextOffset, highWatermark, logStartOffset, error }) => [partition, records.length, nextOffset, highWatermark, logStartOffset, error]), [[0, 0, 0n, 0n, 0n, null]]);
  });

  test.serial('a produce does not wait behind a fetch that waits', async t => {
    const { client, topic } = await open(t, {}, 2);
    const waiting = client.fetch(topic, [{ partition: 0, offset: 0n }], { ...limits, maxWaitMs: 60_000 });
    for (let n = 0; n < 10; n++) await client.produce(topic, 1, [record('x')], 'none');
    await client.produce(topic, 0, [record('the end')], 'none');
    t.deepEqual(texts(await waiting), ['the end']);
  });

  test.serial('two readers of one topic with one client do not take from each other', async t => {
    const { client, topic } = await open(t);
    for (let n = 0; n < 5; n++) await client.produce(topic, 0, [record(`${n}`)], 'none');
    const quiet = client.fetch(topic, [{ partition: 0, offset: 5n }], { ...limits, maxWaitMs: 3000 });
    const reads = await Promise.all([0n, 3n, 0n].map(offset => client.fetch(topic, [{ partition: 0, offset }], limits)));
    t.deepEqual(reads.map(texts), [['0', '1', '2', '3', '4'], ['3', '4'], ['0', '1', '2', '3', '4']]);
    await client.produce(topic, 0, [record('5')], 'none');
    t.deepEqual(texts(await quiet), ['5']);
  });

  test.serial('an offset that the log has not is an error of that partition; the others are read', async t => {
    const { client, topic } = await open(t, {}, 2);
    await client.produce(topic, 0, [record('a')], 'none');
    const fetched = await client.fetch(topic, [{ partition: 1, offset: 99n }, { partition: 0, offset: 0n }], { ...limits, maxWaitMs: 60_000 });
    t.deepEqual(texts(fetched), ['a']);
    const bad = fetched.find(({ partition }) => partition === 1);
    t.deepEqual([bad!.error?.code, bad!.nextOffset], ['OFFSET_OUT_OF_RANGE', 99n]);
  });

  test.serial('what a transaction wrote that was aborted is not given, and its place is passed; what was committed is, once it is', async t => {
    const { client, topic } = await open(t);
    const others = new OtherKafka({ brokers: kafka.directBrokers, logLevel: logLevel.NOTHING });
    const producer = others.producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    t.teardown(() => producer.disconnect());
    const say = async (how: 'commit' | 'abort', ...said: string[]): Promise<void> => {
      const transaction = await producer.transaction();
      for (const text of said) await transaction.send({ topic, messages: [{ value: text }] });
      await transaction[how]();
    };
    await client.produce(topic, 0, [record('plain 0')], 'none');
    await say('abort', 'aborted 0', 'aborted 1');
    await say('commit', 'committed 0');
    await say('abort', 'aborted 2');
    await client.produce(topic, 0, [record('plain 1')], 'none');
    await say('commit', 'committed 1', 'committed 2');
    const end = (await client.offsets(topic, 'latest'))[0]!;
    const found: string[] = [];
    for (let offset = 0n; offset < end; ) {
      const [read] = await client.fetch(topic, [{ partition: 0, offset }], limits);
      found.push(...texts([read!]));
      offset = read!.nextOffset;
    }
    t.deepEqual(found, ['plain 0', 'committed 0', 'plain 1', 'committed 1', 'committed 2']);
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value: 'not yet' }] });
    const next = (maxWaitMs: number): Promise<FetchedPartition[]> => client.fetch(topic, [{ partition: 0, offset: end }], { ...limits, maxWaitMs });
    t.deepEqual(texts(await next(300)), [], 'a transaction that is open is not given');
    await transaction.commit();
    // Its mark is written a moment after that.
    t.deepEqual(await eventually(async () => texts(await next(500)), found => found.length > 0), ['not yet']);
  });

  test.serial('a batch larger than the fetch limit comes all the same', async t => {
    const { client, topic } = await open(t);
    await client.produce(topic, 0, [{ key: null, value: randomBytes(500_000), headers: {} }], 'none');
    const [fetched] = await client.fetch(topic, [{ partition: 0, offset: 0n }], { ...limits, bytesMax: 10_000 });
    t.is(fetched!.records[0]!.value!.length, 500_000);
  });

  test.serial('closed: what waits ends, and no connection is left', async t => {
    const { client, topic } = await open(t);
    const waiting = client.fetch(topic, [{ partition: 0, offset: 0n }], { ...limits, maxWaitMs: 30_000 });
    await sleep(100);
    await client.close();
    const [fetched] = await waiting;
    t.is(fetched?.error?.code, 'CLOSED');
    t.is((await failure(t, client.produce(topic, 0, [record('x')], 'none'))).code, 'CLOSED');
    while (kafka.proxies[0]!.connections > 0) await sleep(10);
    t.pass();
  });

  test.serial('the topics of the table are made fit, and what is unfit is said with what to do', async t => {
    const client = kafkaClient(kafka.brokers);
    const admin = new KafkaAdmin(client);
    t.is(await admin.brokers(), 1);
    for (const kind of topicKinds) {
      const name = topicName('made', kind);
      t.is(await admin.describe(name), null);
      t.true(await admin.create({ name, partitions: topics[kind].partitions, replication: 1, config: topicConfig(kind, 1) }));
      t.false(await admin.create({ name, partitions: 1, replication: 1, config: {} }), 'there already');
      let found = await admin.describe(name);
      for (; found === null; found = await admin.describe(name)) await sleep(20);
      t.is(found.partitions, topics[kind].partitions);
      t.deepEqual(topicProblems(kind, name, found, 1), [], kind);
    }
    t.is((await failure(t, admin.create({ name: 'three', partitions: 1, replication: 3, config: {} }))).code, 'INVALID_REPLICATION_FACTOR');
    await kafka.createTopic('bad.chunks', { config: { 'cleanup.policy': 'compact', 'unclean.leader.election.enable': 'true' } });
    const found = await admin.describe('bad.chunks');
    const problems = topicProblems('chunks', 'bad.chunks', found!, 1);
    t.deepEqual(problems.map(({ problem }) => problem.split(' ')[0]), ['cleanup.policy', 'unclean.leader.election.enable', 'message.timestamp.type']);
    t.true(problems.every(({ fix }) => fix.includes('bad.chunks')));
    await client.close();
  });
}
