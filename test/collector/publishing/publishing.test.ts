import { join } from 'node:path';
import test from 'ava';
import { KafkaError, type OutgoingRecord } from '#lib/kafka/types.ts';
import { quietLog } from '#lib/log.ts';
import { signalOfJson, type Signal, type SignalJson } from '#schemas/alert.ts';
import type { EventJson } from '#schemas/event.ts';
import { EventPublisher } from '../../../collector/publishing/event-publisher.ts';
import { SignalOutbox, SignalPublisher } from '../../../collector/publishing/signal-publisher.ts';
import { TailGroups } from '../../../collector/publishing/tail-groups.ts';
import { madeEvent, madeSignal } from '../../contract/made-up.ts';
import { testFolder } from '../../helpers/folder.ts';
import { eventually } from '../../helpers/leadline.ts';
import { MemoryKafka } from '../../helpers/memory-kafka.ts';

const topic = 'leadline.events';
const clock = { nowMs: () => Date.now(), sleep: (ms: number, signal?: AbortSignal) => new Promise<void>(resolve => (signal?.aborted === true ? resolve() : setTimeout(resolve, Math.min(ms, 5)))) };
const partsOf = (kafka: MemoryKafka): { kafka: MemoryKafka; brokers: string[]; topic: string; log: typeof quietLog; clock: typeof clock } => ({ kafka, brokers: ['memory:9092'], topic, log: quietLog, clock });
const made = (partitions = 3): MemoryKafka => {
  const kafka = new MemoryKafka();
  kafka.make(topic, partitions);
  return kafka;
};
const until = (is: () => boolean | Promise<boolean>): Promise<boolean> => eventually(async () => is(), Boolean, 2);
const eventsIn = (kafka: MemoryKafka): EventJson[] => kafka.records(topic).map(({ value }) => JSON.parse(Buffer.from(value!).toString()) as EventJson);
const refusal = new KafkaError('NOT_ENOUGH_REPLICAS', 'the copies are away');

test('events are published while somebody tails, by service and in order, as their public JSON', async t => {
  const kafka = made();
  const tailGroups = { isTailed: false };
  const publisher = new EventPublisher({ ...partsOf(kafka), options: { publishEvents: false, publishBytesMax: 1e6 }, tailGroups });
  const events = Array.from({ length: 30 }, (_, n) => madeEvent('a', n, n + 1, { service: [`cart`, 'pay', null][n % 3]! }));
  publisher.offer(events);
  tailGroups.isTailed = true;
  publisher.offer(events);
  await until(() => publisher.published === 30);
  t.is(eventsIn(kafka).length, 30);
  for (const service of ['cart', 'pay', null]) t.deepEqual(eventsIn(kafka).filter(event => event.service === service).map(({ eventId }) => eventId), events.filter(event => event.service === service).map(({ eventId }) => eventId));
  t.is(publisher.leftOut, 0);
  await publisher.stop(1000);
});

test('what the topic takes too slowly is left out and counted, and comes again when there is room', async t => {
  const kafka = made(1);
  kafka.produceFailures.set(topic, refusal);
  const publisher = new EventPublisher({ ...partsOf(kafka), options: { publishEvents: false, publishBytesMax: 3000 }, tailGroups: { isTailed: true } });
  publisher.offer(Array.from({ length: 20 }, (_, n) => madeEvent('a', n, n + 1)));
  const { leftOut } = publisher;
  t.true(leftOut > 0 && leftOut < 20);
  await until(() => publisher.troubledBy !== null);
  kafka.produceFailures.clear();
  await until(() => publisher.published === 20 - leftOut);
  publisher.offer([madeEvent('a', 100, 101)]);
  await until(() => publisher.published === 21 - leftOut);
  t.is(eventsIn(kafka).length, 21 - leftOut);
  t.is(publisher.troubledBy, null);
  await publisher.stop(1000);
});

test('with publishEvents nothing is left out: whoever offers waits for room', async t => {
  const kafka = made(1);
  kafka.produceFailures.set(topic, refusal);
  const publisher = new EventPublisher({ ...partsOf(kafka), options: { publishEvents: true, publishBytesMax: 2000 }, tailGroups: { isTailed: false } });
  publisher.offer(Array.from({ length: 20 }, (_, n) => madeEvent('a', n, n + 1)));
  let isRoom = false;
  const room = publisher.whenRoom().then(() => (isRoom = true));
  await until(() => publisher.troubledBy !== null);
  t.false(isRoom);
  kafka.produceFailures.clear();
  await room;
  await until(() => publisher.published === 20);
  t.is(publisher.leftOut, 0);
  await publisher.stop(1000);
});

test('a record that the topic finds too large is left out, the others are not', async t => {
  const kafka = made(1);
  const publisher = new EventPublisher({ ...partsOf(kafka), kafka: new TooLarge(kafka), options: { publishEvents: true, publishBytesMax: 1e7 }, tailGroups: { isTailed: false } });
  publisher.offer(Array.from({ length: 9 }, (_, n) => madeEvent('a', n, n + 1, { message: n === 4 ? 'x'.repeat(5000) : 'short' })));
  await until(() => publisher.published === 8 && publisher.leftOut === 1);
  t.deepEqual(eventsIn(kafka).map(({ streamOffset }) => streamOffset), [0, 1, 2, 3, 5, 6, 7, 8]);
  await publisher.stop(1000);
});

test('a stop waits for what is under way, and no longer than it may', async t => {
  const kafka = made(1);
  kafka.produceFailures.set(topic, refusal);
  const publisher = new EventPublisher({ ...partsOf(kafka), options: { publishEvents: true, publishBytesMax: 1e6 }, tailGroups: { isTailed: false } });
  publisher.offer([madeEvent('a', 0, 1)]);
  await publisher.stop(5);
  kafka.produceFailures.clear();
  publisher.offer([madeEvent('a', 1, 2)]);
  t.is(eventsIn(kafka).length, 0);
});

test('somebody tails while a group of that name has members; what was seen last holds while the brokers are away', async t => {
  let groups: { id: string; state: string }[] | null = [];
  const tails = new TailGroups({ groups: () => (groups === null ? Promise.reject(new KafkaError('UNREACHABLE', 'away')) : Promise.resolve(groups)), topicPrefix: 'leadline', log: quietLog, clock, lookIntervalMs: 1 });
  const running = tails.run();
  for (const [id, state, expected] of [['leadline-tail-x', 'Stable', true], ['leadline-tail-x', 'Empty', false], ['leadline-tail-y', 'PreparingRebalance', true], ['other-tail-x', 'Stable', false], ['leadline-tails', 'Stable', false]] as const) {
    groups = [{ id, state }];
    t.true(await until(() => tails.isTailed === expected), `${id} ${state}`);
    groups = null;
    await new Promise(resolve => setTimeout(resolve, 10));
    t.is(tails.isTailed, expected);
  }
  tails.stop();
  await running;
});

test('signals leave the outbox in order, and a new start goes on where it was; one that was killed sends some twice', async t => {
  const kafka = made();
  const cursorPath = join(testFolder(t), 'signals.cursor');
  const stored: Signal[] = Array.from({ length: 1200 }, (_, n) => madeSignal(String(n), { key: [n % 2 === 0 ? 'cart' : null] }));
  const signalsAfter = (cursor: string | null, limit: number): Promise<{ signals: Signal[]; cursor: string }> => {
    const from = Number(cursor ?? 0);
    const signals = stored.slice(from, from + limit);
    return Promise.resolve({ signals, cursor: String(from + signals.length) });
  };
  const published = (): string[] => kafka.records(topic).map(({ value }) => (JSON.parse(Buffer.from(value!).toString()) as SignalJson).signalId);
  const start = (): { outbox: SignalOutbox; running: Promise<void> } => {
    const outbox = new SignalOutbox({ publisher: new SignalPublisher(partsOf(kafka)), signalsAfter, cursorPath, clock });
    return { outbox, running: outbox.run() };
  };
  const first = start();
  await until(() => published().length === 1200);
  stored.push(madeSignal('1200'));
  first.outbox.wake();
  await until(() => published().length === 1201);
  first.outbox.stop();
  await first.running;
  stored.push(madeSignal('1201'));
  kafka.produceFailures.set(topic, refusal);
  const second = start();
  second.outbox.stop();
  await second.running;
  kafka.produceFailures.clear();
  const third = start();
  await until(() => published().includes('1201'));
  third.outbox.stop();
  await third.running;
  t.deepEqual([...new Set(published())].sort(), stored.map(({ signalId }) => signalId).sort());
  t.true(published().length <= 1203);
  const [record] = kafka.records(topic);
  t.deepEqual(signalOfJson(JSON.parse(Buffer.from(record!.value!).toString()) as SignalJson), stored.find(({ key }) => JSON.stringify(['errors', ...key]) === Buffer.from(record!.key!).toString()));
});

/** Takes batches of 3,000 bytes at most. */
class TooLarge extends MemoryKafka {
  private readonly inner: MemoryKafka;

  constructor(inner: MemoryKafka) {
    super();
    this.inner = inner;
  }

  override topic(name: string): ReturnType<MemoryKafka['topic']> {
    return this.inner.topic(name);
  }

  override produce(name: string, partition: number, records: readonly OutgoingRecord[]): ReturnType<MemoryKafka['produce']> {
    if (records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0) > 3000) return Promise.reject(new KafkaError('MESSAGE_TOO_LARGE', 'too large'));
    return this.inner.produce(name, partition, records);
  }
}
