import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import kafkajs from 'kafkajs';
import type { KafkaClient } from '#lib/kafka/kafka-client.ts';
import { KafkaError, type Kafka } from '#lib/kafka/types.ts';
import { systemClock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { defaultOptions, type Options } from '#schemas/options.ts';
import type { Acknowledgement } from '#schemas/transport.ts';
import { KafkaClock, type Heartbeat } from '../../shipper/kafka-clock.ts';
import { KafkaPublisher } from '../../shipper/kafka-publisher.ts';
import { statePartition } from '../../shipper/kafka-stream-states.ts';
import { madeChunk, madeState, recordOf } from '../contract/made-up.ts';
import { bytesOfStream, chunksOf, kafkaClient, recordsOf } from '../helpers/kafka-records.ts';
import { kafkaMissing, TestKafka, type TopicOptions } from '../helpers/kafka.ts';
import { proofSkipped } from '../helpers/skipped.ts';

const patienceMs = 30_000;
const missing = kafkaMissing();
let kafka: TestKafka;
let prefixes = 0;

if (missing === null) {
  test.before(async () => {
    kafka = await TestKafka.start({ proxied: true });
  });
  test.after.always(async () => {
    // Not there where it could not be started.
    await (kafka as TestKafka | undefined)?.stop();
  });
}

interface Opened {
  publisher: KafkaPublisher;
  /** Past the proxy. */
  reader: KafkaClient;
  topic: string;
  prefix: string;
  acknowledgements: Acknowledgement[];
  /** Events of the log, by name. */
  said: string[];
  reopen: () => KafkaPublisher;
}

interface OpenOptions {
  chunks?: TopicOptions | null;
  options?: Partial<Options>;
  requestTimeoutMs?: number;
  /** What the publisher gets in the client's place. */
  wrap?: (client: Kafka) => Kafka;
}

async function open(t: ExecutionContext, { chunks = { partitions: 3 }, options = {}, requestTimeoutMs = 2000, wrap = client => client }: OpenOptions = {}): Promise<Opened> {
  const prefix = `test${++prefixes}`;
  const topic = `${prefix}.chunks`;
  if (chunks !== null) await kafka.createTopic(topic, chunks);
  await kafka.createTopic(`${prefix}.streams`, { partitions: 3, config: { 'cleanup.policy': 'compact' } });
  const client = kafkaClient(kafka.brokers, { requestTimeoutMs });
  const reader = kafkaClient(kafka.directBrokers);
  const said: string[] = [];
  const keep = (fields: object): void => void said.push(`${(fields as { event: string }).event} ${(fields as { code?: string }).code ?? ''}`.trim());
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  const made: KafkaPublisher[] = [];
  const reopen = (): KafkaPublisher => {
    const publisher = new KafkaPublisher({ kafka: wrap(client), options: { ...defaultOptions(), kafka: [...kafka.brokers], topicPrefix: prefix, ...options }, log, clock: systemClock });
    made.push(publisher);
    return publisher;
  };
  const publisher = reopen();
  const acknowledgements: Acknowledgement[] = [];
  publisher.onAcknowledged = more => void acknowledgements.push(...more);
  t.teardown(async () => {
    for (const each of made) await each.close();
    await client.close();
    await reader.close();
    kafka.proxies[0]!.pass();
  });
  return { publisher, reader, topic, prefix, acknowledgements, said, reopen };
}

async function until(condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 10) {
    if (waitedMs > patienceMs) throw new Error('what was waited for did not come');
    await sleep(10);
  }
}

const line = (n: number): string => `line ${n} ${'x'.repeat(n % 50)}\n`;

/** Publishes numbered lines of one stream, a chunk each. @returns the stream's bytes */
async function publishLines(publisher: KafkaPublisher, streamId: string, from: number, to: number, start = 0): Promise<Buffer> {
  const parts: Buffer[] = [];
  let offset = start;
  for (let n = from; n < to; n++) {
    const bytes = Buffer.from(line(n));
    parts.push(bytes);
    await publisher.publish(madeChunk(streamId, offset, bytes));
    offset += bytes.length;
  }
  return Buffer.concat(parts);
}

if (missing !== null) proofSkipped('the publisher on a real broker', missing);
else {
  test.serial('chunks arrive in order, in one partition, with their headers, and are acknowledged to their ends', async t => {
    const { publisher, reader, topic, acknowledgements } = await open(t);
    await publisher.loadStates([]);
    const origin = { service: 'käse', container: 'c', pod: 'p', namespace: 'n', node: 'm' };
    const value = zstdCompressSync('one\ntwo\n');
    await publisher.publish(madeChunk('a', 0, value, { end: 8, codec: 'zstd', origin, path: '/logs/ü.log', bootId: 'b', previous: { streamId: 'z', end: 3 } }));
    const bytes = await publishLines(publisher, 'a', 0, 200, 8);
    await publisher.publish(recordOf('idle', 'a', 8 + bytes.length));
    await publisher.publish(recordOf('close', 'a', 8 + bytes.length));
    t.true(await publisher.drain(patienceMs));
    const chunks = await chunksOf(reader, topic);
    t.is(new Set(chunks.map(({ partition }) => partition)).size, 1);
    t.deepEqual(bytesOfStream(chunks, 'a'), Buffer.concat([Buffer.from('one\ntwo\n'), bytes]));
    t.like(chunks[0], { origin, path: '/logs/ü.log', bootId: 'b', previous: { streamId: 'z', end: 3 }, source: 'source of a', codec: 'zstd' });
    t.deepEqual(chunks.slice(-2).map(({ kind }) => kind), ['idle', 'close']);
    t.deepEqual(acknowledgements.map(({ from, to, closed }) => [from, to, closed]), chunks.map(({ offset, end, kind }) => [offset, end, kind === 'close']));
    t.is(publisher.troubledBy, null);
    t.is(publisher.counts.chunks, 203);
  });

  test.serial('a known partition is kept whatever the topic has; a new source gets one and keeps it', async t => {
    const { publisher, reader, topic } = await open(t);
    await publisher.loadStates([]);
    const mine = publisher.partitionOf('source of a', null);
    const other = (mine + 1) % 3;
    t.is(publisher.partitionOf('source of b', other), other);
    t.is(publisher.partitionOf('source of a', null), mine);
    t.is(publisher.partitionOf('source of a', other), other);
    await publisher.publish(madeChunk('a', 0, 'one\n'));
    await publisher.publish(madeChunk('b', 0, 'two\n'));
    t.true(await publisher.drain(patienceMs));
    t.deepEqual((await chunksOf(reader, topic)).map(({ partition }) => partition), [other, other]);
  });

  test.serial('an acknowledgement lost after the append: the record is there twice, in order, and nothing is lost', async t => {
    const { publisher, reader, topic } = await open(t);
    await publishLines(publisher, 'a', 0, 1);
    t.true(await publisher.drain(patienceMs));
    const swallowed = kafka.proxies[0]!.swallowProduceAnswer();
    const bytes = await publishLines(publisher, 'a', 1, 50, line(0).length);
    await swallowed;
    t.true(await publisher.drain(patienceMs));
    const chunks = await chunksOf(reader, topic);
    t.true(chunks.length > 50);
    t.deepEqual(bytesOfStream(chunks, 'a'), Buffer.concat([Buffer.from(line(0)), bytes]));
    t.true(publisher.counts.retries > 0);
  });

  test.serial('every answer lost several times over: still all there and in order', async t => {
    const { publisher, reader, topic } = await open(t);
    const swallowed: Promise<void>[] = [];
    const parts: Buffer[] = [];
    let offset = 0;
    for (let round = 0; round < 5; round++) {
      swallowed.push(kafka.proxies[0]!.swallowProduceAnswer(), kafka.proxies[0]!.swallowProduceAnswer());
      const bytes = await publishLines(publisher, 'a', round * 10, round * 10 + 10, offset);
      parts.push(bytes);
      offset += bytes.length;
      t.true(await publisher.drain(patienceMs));
    }
    await Promise.all(swallowed);
    t.deepEqual(bytesOfStream(await chunksOf(reader, topic), 'a'), Buffer.concat(parts));
  });

  test.serial('a batch that is refused is tried again before anything behind it', async t => {
    let attempts = 0;
    const refusing = (client: Kafka): Kafka => ({
      topic: name => client.topic(name),
      fetch: (...given) => client.fetch(...given),
      offsets: (...given) => client.offsets(...given),
      close: () => client.close(),
      produce: (...given) => (++attempts % 2 === 1 ? Promise.reject(new KafkaError('NOT_ENOUGH_REPLICAS', 'one replica is missing')) : client.produce(...given)),
    });
    const { publisher, reader, topic, acknowledgements } = await open(t, { wrap: refusing });
    const bytes = await publishLines(publisher, 'a', 0, 1600);
    t.true(await publisher.drain(patienceMs));
    const chunks = await chunksOf(reader, topic);
    t.deepEqual(bytesOfStream(chunks, 'a'), bytes);
    t.is(chunks.length, 1600);
    t.deepEqual(acknowledgements.map(({ to }) => to), chunks.map(({ end }) => end));
  });

  test.serial('too large for the topic: the chunk is divided at lines, a long line anywhere, byte for byte', async t => {
    const { publisher, reader, topic, acknowledgements, said } = await open(t, { chunks: { partitions: 1, config: { 'max.message.bytes': '20000' } } });
    const lines = Buffer.from(Array.from({ length: 2000 }, (_, n) => `${n} ${randomBytes(20).toString('hex')}\n`).join(''));
    const long = Buffer.from(randomBytes(60_000).toString('base64') + '\n');
    await publisher.publish(madeChunk('a', 0, lines));
    await publisher.publish(madeChunk('a', lines.length, zstdCompressSync(long), { codec: 'zstd', end: lines.length + long.length }));
    await publisher.publish(recordOf('close', 'a', lines.length + long.length));
    t.true(await publisher.drain(patienceMs));
    const chunks = await chunksOf(reader, topic);
    t.deepEqual(bytesOfStream(chunks, 'a'), Buffer.concat([lines, long]));
    t.true(chunks.filter(({ end }) => end <= lines.length).every(({ bytes }) => bytes.length === 0 || bytes.at(-1) === 10), 'cut at lines');
    t.is(Math.max(...acknowledgements.map(({ to }) => to)), lines.length + long.length);
    t.true(acknowledgements.at(-1)!.closed);
    t.deepEqual(said, []);
  });

  test.serial('a batch of many that is too large goes in smaller ones', async t => {
    const { publisher, reader, topic } = await open(t, { chunks: { partitions: 1, config: { 'max.message.bytes': '20000' } } });
    const published: Promise<void>[] = [];
    const parts: Buffer[] = [];
    for (let n = 0; n < 40; n++) {
      const bytes = Buffer.from(`${n} ${randomBytes(2000).toString('hex')}\n`);
      published.push(publisher.publish(madeChunk('a', parts.reduce((sum, part) => sum + part.length, 0), bytes)));
      parts.push(bytes);
    }
    await Promise.all(published);
    t.true(await publisher.drain(patienceMs));
    const chunks = await chunksOf(reader, topic);
    t.is(chunks.length, 40);
    t.deepEqual(bytesOfStream(chunks, 'a'), Buffer.concat(parts));
  });

  test.serial('what cannot be divided and is too large is kept, and said, until the limit is raised', async t => {
    const { publisher, reader, topic, said } = await open(t, { chunks: { partitions: 1, config: { 'max.message.bytes': '100' } } });
    await publisher.publish(recordOf('idle', 'a', 5));
    await until(() => publisher.troubledBy !== null);
    t.regex(publisher.troubledBy!, /MESSAGE_TOO_LARGE/);
    await kafka.withAdmin(admin => admin.alterConfigs({ validateOnly: false, resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name: 'max.message.bytes', value: '1000000' }] }] }));
    t.true(await publisher.drain(patienceMs));
    t.is((await chunksOf(reader, topic)).length, 1);
    t.deepEqual(said, ['kafkaTroubled KAFKA_REFUSED', 'kafkaResumed']);
  });

  test.serial('no topic: everything is kept and said once, and goes when the topic is there', async t => {
    const { publisher, reader, topic, said } = await open(t, { chunks: null });
    const published: Promise<void>[] = [];
    for (let n = 0; n < 20; n++) {
      published.push(publisher.publish(madeChunk('a', n * 3, Buffer.from(`${n % 10}.\n`))));
      await sleep(30);
    }
    await until(() => publisher.troubledBy !== null);
    t.regex(publisher.troubledBy!, /leadline topics apply/);
    await kafka.createTopic(topic, { partitions: 3 });
    await Promise.all(published);
    t.true(await publisher.drain(patienceMs));
    t.is(publisher.troubledBy, null);
    t.deepEqual((await chunksOf(reader, topic)).map(({ offset }) => offset), Array.from({ length: 20 }, (_, n) => n * 3));
    t.deepEqual(said, ['kafkaTroubled KAFKA_TOPIC_MISSING', 'kafkaResumed']);
  });

  test.serial('the topic is deleted and made again with fewer partitions: what lies in one that is gone waits and is said', async t => {
    const { publisher, topic } = await open(t);
    await publisher.loadStates([]);
    publisher.partitionOf('source of a', 2);
    await publisher.publish(madeChunk('a', 0, 'one\n'));
    t.true(await publisher.drain(patienceMs));
    await kafka.deleteTopic(topic);
    await kafka.createTopic(topic, { partitions: 1 });
    await publisher.publish(madeChunk('a', 4, 'two\n'));
    await until(() => /partition/.test(publisher.troubledBy ?? ''));
    t.false(await publisher.drain(100));
    await kafka.withAdmin(admin => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }));
    t.true(await publisher.drain(patienceMs));
  });

  test.serial('the broker is away: publishing waits at the window, nothing is lost, and it is said', async t => {
    const { publisher, reader, topic, said } = await open(t);
    await publisher.publish(madeChunk('a', 0, 'one\n'));
    t.true(await publisher.drain(patienceMs));
    kafka.proxies[0]!.cut();
    let handedOver = 0;
    const publishing = (async (): Promise<void> => {
      for (let n = 0; n < 12; n++) {
        await publisher.publish(madeChunk('a', 4 + n * 700_000, randomBytes(700_000)));
        handedOver++;
      }
    })();
    await until(() => publisher.troubledBy !== null);
    t.regex(publisher.troubledBy!, /127\.0\.0\.1/);
    await sleep(200);
    t.true(handedOver < 8, `${handedOver} of 12`);
    t.false(await publisher.drain(50));
    kafka.proxies[0]!.pass();
    await publishing;
    t.true(await publisher.drain(patienceMs));
    const records = await recordsOf(reader, topic);
    t.deepEqual(records.map(({ headers }) => Number(headers['ll-offset'])), [0, ...Array.from({ length: 12 }, (_, n) => 4 + n * 700_000)]);
    t.deepEqual(said, ['kafkaTroubled KAFKA_UNREACHABLE', 'kafkaResumed']);
    t.is(publisher.troubledBy, null);
  });

  test.serial('the broker is killed with chunks under way, and comes back: all are there, in order', async t => {
    const { publisher, reader, topic } = await open(t);
    const parts: Buffer[] = [];
    let offset = 0;
    for (let round = 0; round < 3; round++) {
      const bytes = await publishLines(publisher, 'a', round * 300, round * 300 + 300, offset);
      parts.push(bytes);
      offset += bytes.length;
      kafka.kill9(1);
      await kafka.startNode(1);
    }
    t.true(await publisher.drain(patienceMs));
    t.deepEqual(bytesOfStream(await chunksOf(reader, topic), 'a'), Buffer.concat(parts));
  });

  test.serial('a broker that stands still holds nothing longer than the request time-out', async t => {
    const { publisher, reader, topic } = await open(t, { requestTimeoutMs: 1000 });
    const first = await publishLines(publisher, 'a', 0, 10);
    t.true(await publisher.drain(patienceMs));
    kafka.pause(1);
    const second = await publishLines(publisher, 'a', 10, 20, first.length);
    await until(() => publisher.troubledBy !== null);
    t.true(publisher.counts.retries > 0);
    kafka.resume(1);
    t.true(await publisher.drain(patienceMs));
    t.deepEqual(bytesOfStream(await chunksOf(reader, topic), 'a'), Buffer.concat([first, second]));
  });

  test.serial("Kafka's own compression: what is read back is what was sent", async t => {
    for (const compression of ['none', 'kafka-gzip', 'kafka-zstd', 'kafka-lz4', 'kafka-snappy']) {
      const { publisher, reader, topic } = await open(t, { options: { compression } });
      const bytes = await publishLines(publisher, 'a', 0, 100);
      t.true(await publisher.drain(patienceMs));
      t.deepEqual(bytesOfStream(await chunksOf(reader, topic), 'a'), bytes, compression);
    }
  });

  test.serial('closed while the broker is away: publishing ends and nothing is acknowledged', async t => {
    const { publisher, acknowledgements } = await open(t);
    await publisher.loadStates([]);
    kafka.proxies[0]!.cut();
    for (let n = 0; n < 10; n++) void publisher.publish(madeChunk('a', n * 1_000_000, randomBytes(1_000_000)));
    const waiting = publisher.publish(madeChunk('a', 10_000_000, 'x\n'));
    t.false(await publisher.drain(100));
    await publisher.close();
    await waiting;
    t.deepEqual(acknowledgements, []);
  });

  test.serial('states: the last of every stream of the asked sources, also after a restart', async t => {
    const { publisher, reopen } = await open(t);
    t.deepEqual(await publisher.loadStates(['source of a']), []);
    await publisher.publishStates([madeState('a'), madeState('b'), madeState('a2', { source: 'source of a' })]);
    await publisher.publishStates([madeState('a', { acknowledgedBytes: 7, closed: true, path: '/ü' })]);
    const byId = async (from: KafkaPublisher, ...sources: string[]): Promise<unknown[]> => (await from.loadStates(sources)).map(({ streamId, acknowledgedBytes, closed }) => [streamId, acknowledgedBytes, closed]).sort();
    const expected = [['a', 7, true], ['a2', 0, false]];
    t.deepEqual(await byId(publisher, 'source of a'), expected);
    t.deepEqual(await byId(publisher, 'source of a'), expected, 'asked again');
    t.deepEqual(await byId(reopen(), 'source of a', 'source of nobody'), expected);
    t.deepEqual(await byId(publisher, 'source of b'), [['b', 0, false]], 'passed by when another was asked for');
    t.deepEqual(await byId(publisher), []);
  });

  test.serial('states of a source that was never seen are looked for in what is new only', async t => {
    const { publisher, reopen, prefix, reader } = await open(t);
    await publisher.publishStates(Array.from({ length: 500 }, (_, n) => madeState(`s${n}`, { source: 'one' })));
    t.is((await publisher.loadStates(['one'])).length, 500);
    const before = await reader.offsets(`${prefix}.streams`, 'latest');
    t.is(before.reduce((sum, offset) => sum + offset, 0n), 500n);
    const other = reopen();
    await other.publishStates([madeState('x', { source: 'another' })]);
    t.deepEqual((await publisher.loadStates(['another', 'third'])).map(({ streamId }) => streamId), ['x']);
    t.is((await publisher.loadStates(['one', 'another'])).length, 501);
  });

  test.serial('a state whose stream was taken out of the topic is not loaded; what is no state is passed over', async t => {
    const { publisher, reader, prefix } = await open(t);
    await publisher.publishStates([madeState('a'), madeState('a2', { source: 'source of a' })]);
    const partition = statePartition('source of a', 3);
    await reader.produce(`${prefix}.streams`, partition, [{ key: Buffer.from('a'), value: null, headers: {} }, { key: Buffer.from('x'), value: Buffer.from('{ no state'), headers: {} }], 'none');
    t.deepEqual((await publisher.loadStates(['source of a'])).map(({ streamId }) => streamId), ['a2']);
  });

  test.serial('many states at once: later ones stand in for earlier ones that were not on their way, and all resolve', async t => {
    const { publisher, reader, prefix } = await open(t);
    const publishing: Promise<void>[] = [];
    for (let round = 0; round < 20; round++) publishing.push(publisher.publishStates(Array.from({ length: 100 }, (_, n) => madeState(`s${n}`, { readBytes: round }))));
    await Promise.all(publishing);
    const loaded = await publisher.loadStates(Array.from({ length: 100 }, (_, n) => `source of s${n}`));
    t.is(loaded.length, 100);
    t.true(loaded.every(({ readBytes }) => readBytes === 19));
    const ends = await reader.offsets(`${prefix}.streams`, 'latest');
    t.true(ends.reduce((sum, end) => sum + end, 0n) < 1000n);
  });

  test.serial("heartbeats carry this clock, and with the next one the broker's", async t => {
    const { reader, prefix } = await open(t);
    const topic = `${prefix}.clock`;
    const clock = new KafkaClock({ kafka: reader, options: { topicPrefix: prefix, heartbeatIntervalMs: 5000, node: 'n1' } });
    await clock.beat();
    await kafka.createTopic(topic, { config: { 'message.timestamp.type': 'LogAppendTime' } });
    for (let n = 0; n < 3; n++) await clock.beat();
    const beats = (await recordsOf(reader, topic)).map(({ key, value, timestampMs }) => ({ key: Buffer.from(key!).toString(), timestampMs, ...(JSON.parse(Buffer.from(value!).toString()) as Heartbeat) }));
    t.is(beats.length, 3);
    t.is(beats[0]!.previous, null);
    t.deepEqual(beats.slice(1).map(({ previous }) => [previous!.sentNs, previous!.appendMs]), beats.slice(0, -1).map(({ sentNs, timestampMs }) => [sentNs, timestampMs]));
    t.true(beats.every(({ key, node, sentNs }) => key === 'n1' && node === 'n1' && sentNs.length === 19));
    t.true(beats.every(({ monotonicNs }, index) => index === 0 || BigInt(monotonicNs) > BigInt(beats[index - 1]!.monotonicNs)));
  });
}
