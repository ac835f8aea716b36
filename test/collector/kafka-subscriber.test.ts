import test, { type ExecutionContext } from 'ava';
import { KafkaError, type OutgoingRecord } from '#lib/kafka/types.ts';
import { quietLog } from '#lib/log.ts';
import { defaultOptions, type Options } from '#schemas/options.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { CollectorIntake } from '../../collector/intake.ts';
import { KafkaSubscriber } from '../../collector/kafka-subscriber.ts';
import { madeChunk, madeState, recordOf } from '../contract/made-up.ts';
import { eventually } from '../helpers/leadline.ts';
import { MemoryKafka } from '../helpers/memory-kafka.ts';
import { MemoryStore } from '../helpers/memory-store.ts';
import { chunkRecord, stateRecord } from '../helpers/published.ts';

const chunks = 'leadline.chunks';
const streams = 'leadline.streams';
const deadLetters = 'leadline.dead-letters';
const json = (n: number): string => `{"n":${n}}\n`;
/** As real as it need be: pauses are short, time is the machine's. */
const clock = { nowMs: () => Date.now(), sleep: (ms: number, signal?: AbortSignal) => new Promise<void>(resolve => (signal?.aborted === true ? resolve() : setTimeout(resolve, Math.min(ms, 5)))) };

interface Collecting {
  intake: CollectorIntake;
  subscriber: KafkaSubscriber;
  said: string[];
  /** Ends it as a kill does: nothing more is stored. */
  kill: () => Promise<void>;
  /** Ends it as SIGTERM does. */
  stop: () => Promise<void>;
}

function topicsOf(kafka: MemoryKafka, partitions = 2): MemoryKafka {
  for (const topic of [chunks, streams, deadLetters]) kafka.make(topic, partitions);
  return kafka;
}

function collecting(t: ExecutionContext, kafka: MemoryKafka, store: MemoryStore, given: Partial<Options> = {}): Collecting {
  const options: Options = { ...defaultOptions(), kafka: ['memory:9092'], commitIntervalMs: 1, ...given };
  const said: string[] = [];
  const say = (fields: object, message: string): void => void said.push(`${(fields as { event: string }).event}: ${message}`);
  const log = { ...quietLog, info: say, warn: say, error: say };
  const intake = new CollectorIntake({ writer: store, options, rules: [], log, clock, onCommitted: () => undefined });
  const subscriber = new KafkaSubscriber({ kafka, intake, storedPositions: () => store.positions(), options, log, clock });
  const ended = subscriber.run();
  let isOver = false;
  const stop = async (): Promise<void> => {
    if (isOver) return;
    isOver = true;
    subscriber.stop();
    await ended;
    await intake.stop();
  };
  const kill = async (): Promise<void> => {
    if (isOver) return;
    isOver = true;
    const { failure } = store;
    store.failure = new LeadlineError('STORE_FULL', { dir: 'killed' });
    subscriber.stop();
    await intake.stop();
    await ended;
    store.failure = failure;
  };
  t.teardown(kill);
  return { intake, subscriber, said, kill, stop };
}

const send = (kafka: MemoryKafka, partition: number, record: OutgoingRecord & { timestampMs?: number }): bigint => kafka.append(chunks, partition, record);
const idsOf = (store: MemoryStore): string[] => store.stored.map(({ eventId }) => eventId).sort();
const positionsOf = (kafka: MemoryKafka, store: MemoryStore, topic = chunks): (string | undefined)[] => [0, 1, 2].map(partition => store.positions().find(position => position.topicId === kafka.topicId(topic) && position.partition === partition)?.recordOffset);
const until = (is: () => boolean): Promise<boolean> => eventually(() => Promise.resolve(is()), Boolean, 2);

test('chunks and states of all partitions are stored with their positions, and a new start goes on behind them', async t => {
  const kafka = topicsOf(new MemoryKafka());
  const store = new MemoryStore();
  send(kafka, 0, chunkRecord(madeChunk('a', 0, json(1))));
  send(kafka, 1, chunkRecord(madeChunk('b', 0, json(1), { source: 'käse' })));
  kafka.append(streams, 1, stateRecord(madeState('a', { closed: true, sizeBytes: 8 })));
  kafka.append(streams, 1, { key: Buffer.from('gone'), value: null });
  const first = collecting(t, kafka, store);
  await until(() => store.stored.length === 2 && store.lastKnown('a')?.state !== null);
  await first.stop();
  t.deepEqual([positionsOf(kafka, store), positionsOf(kafka, store, streams)], [['1', '1', undefined], [undefined, '2', undefined]]);
  t.like(store.lastKnown('a')?.state, { closed: true, sizeBytes: 8 });
  t.is(store.stored.find(({ streamId }) => streamId === 'b')?.source, 'käse');
  t.is(first.subscriber.report().troubledBy, null);

  send(kafka, 0, chunkRecord(madeChunk('a', 8, json(2))));
  const second = collecting(t, kafka, store);
  await until(() => store.stored.length === 3);
  t.is(second.intake.collector.counts.chunks, 1, 'what is stored is not fetched again');
  await second.stop();
  t.deepEqual(positionsOf(kafka, store), ['2', '1', undefined]);
});

test('killed again and again while records come, once with its positions wiped: every line once', async t => {
  const kafka = topicsOf(new MemoryKafka());
  const store = new MemoryStore();
  const ends = new Map<string, number>();
  const expected: string[] = [];
  for (let round = 0; round < 12; round++) {
    const current = collecting(t, kafka, store, { commitEventsMax: 3 });
    for (let n = 0; n < 20; n++) {
      const stream = `s${n % 5}`;
      const offset = ends.get(stream) ?? 0;
      const text = `${json(n)}text ${n}\n`;
      expected.push(`${stream}:${offset}`, `${stream}:${offset + json(n).length}`);
      send(kafka, n % 5 < 3 ? 0 : 1, chunkRecord(madeChunk(stream, offset, text)));
      if (n % 7 === 0) send(kafka, n % 5 < 3 ? 0 : 1, chunkRecord(madeChunk(stream, offset, text)));
      ends.set(stream, offset + text.length);
      if (n % 4 === 0) await clock.sleep(2);
    }
    const before = store.stored.length;
    await until(() => store.stored.length > before);
    await current.kill();
    if (round === 6) store.forgetPositions();
  }
  for (const [stream, end] of ends) send(kafka, Number(stream.slice(1)) < 3 ? 0 : 1, chunkRecord(recordOf('close', stream, end)));
  const last = collecting(t, kafka, store);
  await until(() => store.stored.length >= expected.length);
  await last.stop();
  t.deepEqual(idsOf(store), expected.sort());
  t.deepEqual(positionsOf(kafka, store).slice(0, 2), [0, 1].map(partition => String(kafka.endOf(chunks, partition))));
});

test('partitions that are added while it runs are read from their beginning', async t => {
  const kafka = topicsOf(new MemoryKafka(), 1);
  const store = new MemoryStore();
  collecting(t, kafka, store);
  send(kafka, 0, chunkRecord(madeChunk('a', 0, json(1))));
  await until(() => store.stored.length === 1);
  kafka.widen(chunks, 3);
  send(kafka, 2, chunkRecord(madeChunk('b', 0, json(1))));
  await until(() => store.stored.length === 2);
  t.deepEqual(idsOf(store), ['a:0', 'b:0']);
});

test('a topic deleted and made again is read from its beginning, though the old offset lies in its range; it is said', async t => {
  const kafka = topicsOf(new MemoryKafka());
  const store = new MemoryStore();
  const first = collecting(t, kafka, store);
  for (let n = 0; n < 3; n++) send(kafka, 0, chunkRecord(madeChunk('a', 8 * n, json(n))));
  await until(() => store.stored.length === 3);
  kafka.make(chunks, 2);
  await until(() => first.said.some(text => text.startsWith('topicRecreated: leadline.chunks was deleted and made again')));
  for (let n = 3; n < 8; n++) send(kafka, 0, chunkRecord(madeChunk('a', 8 * n, json(n))));
  await until(() => store.stored.length === 8);
  await first.stop();
  // The same while nobody was reading.
  kafka.make(chunks, 2);
  for (let n = 8; n < 20; n++) send(kafka, 0, chunkRecord(madeChunk('a', 8 * n + (n > 9 ? n - 10 : 0), json(n))));
  const second = collecting(t, kafka, store);
  await until(() => store.stored.length === 20);
  await second.stop();
  t.deepEqual(positionsOf(kafka, store).slice(0, 1), ['12']);
  t.is(store.stored.filter(({ gap }) => gap !== null).length, 0);
});

test('records that expired before they were read: said, counted, and a gap per stream', async t => {
  const kafka = topicsOf(new MemoryKafka());
  const store = new MemoryStore();
  send(kafka, 0, chunkRecord(madeChunk('a', 0, json(0))));
  const first = collecting(t, kafka, store);
  await until(() => store.stored.length === 1);
  await first.stop();
  for (let n = 1; n < 6; n++) send(kafka, 0, chunkRecord(madeChunk('a', 8 * n, json(n))));
  kafka.expire(chunks, 0, 4n);
  const second = collecting(t, kafka, store);
  await until(() => store.stored.length === 4);
  t.deepEqual(store.stored.map(({ eventId, gap }) => [eventId, gap?.bytes]), [['a:0', undefined], ['a:8:gap', 24], ['a:32', undefined], ['a:40', undefined]]);
  t.is(second.subscriber.report().outOfRange, 1);
  t.true(second.said.some(text => text.includes('leadline.chunks partition 0: records 1 to 4 were deleted before they were read. Reading goes on at 4')));
});

test('a log that ends before the position, as after an unclean election: nothing of what came since is passed over', async t => {
  const kafka = topicsOf(new MemoryKafka());
  const store = new MemoryStore();
  const current = collecting(t, kafka, store);
  for (let n = 0; n < 6; n++) send(kafka, 0, chunkRecord(madeChunk('a', 8 * n, json(n))));
  await until(() => store.stored.length === 6);
  await current.stop();
  kafka.loseEnd(chunks, 0, 2n);
  send(kafka, 0, chunkRecord(madeChunk('b', 0, json(7))));
  const again = collecting(t, kafka, store);
  await until(() => store.stored.length === 7);
  send(kafka, 0, chunkRecord(madeChunk('a', 48, json(8))));
  await until(() => store.stored.length === 8);
  await again.stop();
  t.is(again.subscriber.report().outOfRange, 1);
  t.is(store.stored.filter(({ gap }) => gap !== null).length, 0);
  t.is(positionsOf(kafka, store)[0], '4');
});

test('what cannot be decoded goes to the dead letters as it was, and its partition goes on', async t => {
  const kafka = topicsOf(new MemoryKafka());
  const store = new MemoryStore();
  const good = chunkRecord(madeChunk('a', 0, json(1)));
  send(kafka, 0, good);
  const poison: OutgoingRecord[] = [
    { ...good, headers: { ...good.headers, 'll-v': '9' } },
    { ...good, headers: { ...good.headers, 'll-offset': 'minus' } },
    { key: Buffer.from('k'), value: Buffer.from([1, 2, 3]), headers: { mine: 'kept' } },
    chunkRecord(madeChunk('a', 8, 'this is not zstd', { codec: 'zstd', end: 58 })),
  ];
  for (const record of poison) send(kafka, 0, record);
  kafka.appendDamaged(chunks, 0, 3);
  send(kafka, 0, chunkRecord(madeChunk('a', 58, json(2))));
  kafka.append(streams, 0, { key: Buffer.from('s'), value: Buffer.from('{"streamId":"s"}') });
  const current = collecting(t, kafka, store);
  await until(() => kafka.records(deadLetters).length === 6 && store.stored.length === 3);
  await current.stop();
  t.deepEqual(store.stored.map(({ eventId }) => eventId), ['a:0', 'a:8:gap', 'a:58']);
  t.deepEqual([positionsOf(kafka, store)[0], positionsOf(kafka, store, streams)[0]], ['9', '1']);
  t.is(current.subscriber.report().deadLetters, 6);
  const letters = kafka.records(deadLetters).sort((a, b) => Number(a.headers['ll-dead-offset']) - Number(b.headers['ll-dead-offset']));
  const ofChunks = letters.filter(({ headers }) => headers['ll-dead-topic'] === chunks);
  t.deepEqual(ofChunks.map(({ headers }) => [headers['ll-dead-partition'], headers['ll-dead-offset'], headers['ll-dead-offset-end']]), [['0', '1', undefined], ['0', '2', undefined], ['0', '3', undefined], ['0', '4', undefined], ['0', '5', '8']]);
  t.true(poison.every((record, index) => Buffer.from(ofChunks[index]!.value!).equals(record.value!) && Buffer.from(ofChunks[index]!.key!).equals(record.key!)));
  t.is(ofChunks[2]?.headers['mine'], 'kept');
  t.deepEqual(ofChunks.map(({ headers }) => /ll-v must be 1|ll-offset must be a whole number|ll-v is missing|zstd value is damaged|its checksum is wrong/.exec(headers['ll-dead-reason']!)?.[0]), ['ll-v must be 1', 'll-offset must be a whole number', 'll-v is missing', 'zstd value is damaged', 'its checksum is wrong']);
  t.is(letters.find(({ headers }) => headers['ll-dead-topic'] === streams)?.value?.toString(), '{"streamId":"s"}');
});

test('without a place for dead letters their partition waits and says so, the others go on; then nothing is missing', async t => {
  const kafka = topicsOf(new MemoryKafka());
  const store = new MemoryStore();
  kafka.remove(deadLetters);
  send(kafka, 0, { key: null, value: Buffer.from('poison'), headers: {} });
  send(kafka, 0, chunkRecord(madeChunk('a', 0, json(1))));
  send(kafka, 1, chunkRecord(madeChunk('b', 0, json(1))));
  const current = collecting(t, kafka, store);
  await until(() => store.stored.length === 1 && current.subscriber.report().troubledBy?.startsWith('Kafka has') === true);
  t.deepEqual(idsOf(store), ['b:0']);
  t.is(current.subscriber.report().troubledBy, 'Kafka has no topic leadline.dead-letters. Make it with leadline topics apply --kafka memory:9092.');
  await clock.sleep(20);
  t.is(positionsOf(kafka, store)[0] ?? '0', '0', 'the poison is not passed');
  kafka.make(deadLetters, 1);
  await until(() => store.stored.length === 2);
  t.is(kafka.records(deadLetters).length, 1);
  await until(() => current.subscriber.report().troubledBy === null);
});

test('a dead letter that its topic finds too large names the record and leaves its bytes', async t => {
  const kafka = topicsOf(new MemoryKafka());
  const store = new MemoryStore();
  const produce = kafka.produce.bind(kafka);
  kafka.produce = (topic, partition, records) => ((records[0]?.value?.length ?? 0) > 10 ? Promise.reject(new KafkaError('MESSAGE_TOO_LARGE', 'too large')) : produce(topic, partition, records));
  send(kafka, 0, { key: null, value: Buffer.alloc(100), headers: {} });
  const current = collecting(t, kafka, store);
  await until(() => kafka.records(deadLetters).length === 1);
  t.like(kafka.records(deadLetters)[0], { value: null, headers: { 'll-dead-bytes': '100', 'll-dead-offset': '0' } });
  t.true(current.said.some(text => text.startsWith('deadLetterCut')));
});

test('while the store is full nothing is fetched or passed; when there is room everything is stored once', async t => {
  const kafka = topicsOf(new MemoryKafka());
  const store = new MemoryStore();
  store.failure = new LeadlineError('STORE_FULL', { dir: 'here' });
  const current = collecting(t, kafka, store, { commitEventsMax: 1 });
  const asked = (): number => kafka.fetches.get(chunks) ?? 0;
  const before = asked();
  await until(() => asked() > before);
  const atStall = asked();
  send(kafka, 0, chunkRecord(madeChunk('a', 0, json(0))));
  await until(() => current.intake.collector.isStalled);
  for (let n = 1; n < 10; n++) send(kafka, 0, chunkRecord(madeChunk('a', 8 * n, json(n))));
  for (let n = 0; n < 20; n++) await clock.sleep(5);
  t.is(asked(), atStall);
  t.deepEqual(store.positions(), []);
  store.failure = null;
  await until(() => store.stored.length === 10);
  await current.stop();
  t.is(positionsOf(kafka, store)[0], '10');
});

test('brokers that do not answer, topics that are missing, a partition without a leader: said, tried again, and gone on without a new start', async t => {
  const kafka = new MemoryKafka();
  const store = new MemoryStore();
  const current = collecting(t, kafka, store);
  const trouble = (): string | null => current.subscriber.report().troubledBy;
  await until(() => trouble()?.startsWith('Kafka has no topic leadline.') === true);
  topicsOf(kafka);
  send(kafka, 0, chunkRecord(madeChunk('a', 0, json(1))));
  await until(() => store.stored.length === 1 && trouble() === null);
  kafka.failure = new KafkaError('TIMED_OUT', 'no answer within 30 s');
  await until(() => trouble()?.startsWith('No answer from Kafka at memory:9092 (no answer within 30 s).') === true);
  kafka.failure = null;
  send(kafka, 0, chunkRecord(madeChunk('a', 8, json(2))));
  await until(() => store.stored.length === 2 && trouble() === null);
  kafka.partitionFailures.set(`${chunks}:1`, new KafkaError('NOT_LEADER_OR_FOLLOWER', 'elsewhere'));
  send(kafka, 1, chunkRecord(madeChunk('b', 0, json(3))));
  await until(() => trouble()?.includes('NOT_LEADER_OR_FOLLOWER') === true);
  send(kafka, 0, chunkRecord(madeChunk('a', 16, json(3))));
  await until(() => store.stored.length === 3);
  kafka.partitionFailures.clear();
  await until(() => store.stored.length === 4 && trouble() === null);
  t.is(current.said.filter(text => text.startsWith('kafkaTroubled: No answer')).length, 2, 'said once by the reader of each topic');
});

test('a source that moved to another partition: its records out of order are stored once, each', async t => {
  const kafka = topicsOf(new MemoryKafka());
  const store = new MemoryStore();
  send(kafka, 1, chunkRecord(madeChunk('a', 16, json(2))));
  const current = collecting(t, kafka, store);
  await until(() => store.stored.length === 2);
  send(kafka, 0, chunkRecord(madeChunk('a', 0, json(0))));
  send(kafka, 0, chunkRecord(madeChunk('a', 8, json(1))));
  send(kafka, 0, chunkRecord(madeChunk('a', 16, json(2))));
  send(kafka, 1, chunkRecord(madeChunk('a', 24, json(3))));
  await until(() => store.stored.length === 5);
  await current.stop();
  t.deepEqual(idsOf(store), ['a:0', 'a:0:gap', 'a:16', 'a:24', 'a:8']);
  t.deepEqual(store.lastKnown('a')?.storedRanges, [{ from: 0, to: 32 }]);
});

test('offsets that no record has are passed', async t => {
  const kafka = topicsOf(new MemoryKafka());
  const store = new MemoryStore();
  kafka.skip(chunks, 0, 5);
  send(kafka, 0, chunkRecord(madeChunk('a', 0, json(1))));
  kafka.skip(chunks, 0, 7);
  const current = collecting(t, kafka, store);
  await until(() => store.stored.length === 1 && current.subscriber.report().partitions.some(({ position }) => position === '13'));
  await current.stop();
  t.is(positionsOf(kafka, store)[0], '13');
});

test('a topic of others with holes in its offsets, as compaction and transactions leave them: no more stored ranges than one, and nothing is refused', async t => {
  const kafka = topicsOf(new MemoryKafka());
  const store = new MemoryStore();
  kafka.make('logs', 1);
  const given = { topic: ['logs'], format: 'lines', storedRangesMax: 5 };
  const current = collecting(t, kafka, store, given);
  for (let n = 0; n < 20; n++) {
    kafka.append('logs', 0, { value: Buffer.from(`line ${n}`) });
    kafka.skip('logs', 0, 1 + (n % 3));
  }
  await until(() => store.stored.length === 20 || current.subscriber.report().deadLetters > 0);
  t.is(current.subscriber.report().deadLetters, 0);
  const [stream] = store.streams();
  t.is(stream?.storedRanges.length, 1);
  await current.stop();
  store.forgetPositions();
  kafka.append('logs', 0, { value: Buffer.from('the last') });
  const second = collecting(t, kafka, store, given);
  await until(() => store.stored.some(({ message }) => message === 'the last'));
  await second.stop();
  t.is(store.stored.length, 21, 'each once');
});

test('a record that turns out to be poison when it is parsed holds its partition until its letter is away', async t => {
  const kafka = topicsOf(new MemoryKafka());
  const store = new MemoryStore();
  kafka.remove(deadLetters);
  send(kafka, 0, chunkRecord(madeChunk('a', 0, json(1), { codec: 'zstd' })));
  send(kafka, 0, chunkRecord(madeChunk('b', 0, json(1))));
  const current = collecting(t, kafka, store);
  await until(() => current.subscriber.report().troubledBy?.startsWith('Kafka has') === true);
  for (let n = 0; n < 20; n++) await clock.sleep(5);
  t.is(positionsOf(kafka, store)[0] ?? '0', '0');
  kafka.make(deadLetters, 1);
  await until(() => positionsOf(kafka, store)[0] === '2');
  t.is(kafka.records(deadLetters).length, 1);
});

test('a topic of others that was made again has other records under the same offsets', async t => {
  const kafka = topicsOf(new MemoryKafka());
  const store = new MemoryStore();
  const given = { topic: ['logs'], format: 'lines' };
  kafka.make('logs', 1);
  const current = collecting(t, kafka, store, given);
  for (const line of ['one', 'two']) kafka.append('logs', 0, { value: Buffer.from(line) });
  await until(() => store.stored.length === 2);
  kafka.make('logs', 1);
  for (const line of ['three', 'four']) kafka.append('logs', 0, { value: Buffer.from(line) });
  await until(() => store.stored.length === 4 || current.subscriber.report().partitions.some(({ topic, position }) => topic === 'logs' && position === '2' && store.positions().filter(({ recordOffset }) => recordOffset === '2').length === 2));
  await current.stop();
  t.deepEqual(store.stored.map(({ message }) => message), ['one', 'two', 'three', 'four']);
});
