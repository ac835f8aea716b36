/** The topics of events and signals on a real broker: who reads events makes them come, and every signal arrives, whatever happens to the broker. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { Kafka, logLevel } from 'kafkajs';
import { systemClock } from '#lib/clock.ts';
import { KafkaAdmin } from '#lib/kafka/kafka-admin.ts';
import type { KafkaClient } from '#lib/kafka/kafka-client.ts';
import { quietLog } from '#lib/log.ts';
import type { Signal, SignalJson } from '#schemas/alert.ts';
import type { EventJson } from '#schemas/event.ts';
import { EventPublisher } from '../../collector/publishing/event-publisher.ts';
import { SignalOutbox, SignalPublisher } from '../../collector/publishing/signal-publisher.ts';
import { TailGroups } from '../../collector/publishing/tail-groups.ts';
import { madeEvent, madeSignal } from '../contract/made-up.ts';
import { KafkaPublishing } from '../../deploy/kafka-publishing.ts';
import { testFolder } from '../helpers/folder.ts';
import { kafkaClient, recordsOf } from '../helpers/kafka-records.ts';
import { kafkaMissing, TestKafka } from '../helpers/kafka.ts';
import { eventually } from '../helpers/leadline.ts';
import { MemoryReader, MemoryStore } from '../helpers/memory-store.ts';
import { proofSkipped } from '../helpers/skipped.ts';

const missing = kafkaMissing();
const until = (is: () => boolean | Promise<boolean>): Promise<boolean> => eventually(async () => is(), Boolean, 20);

if (missing !== null) proofSkipped('events and signals on a real broker', missing);
else {
  let kafka: TestKafka;
  let client: KafkaClient;
  test.before(async () => {
    kafka = await TestKafka.start({ portsFrom: 31_000 });
    client = kafkaClient(kafka.brokers, { requestTimeoutMs: 2000 });
  });
  test.after.always(async () => {
    await client?.close();
    await kafka?.stop();
  });

  test.serial('events are published while a group tails them, and no more when its last member has left', async t => {
    const topic = 'leadline.events';
    await kafka.createTopic(topic, { partitions: 6 });
    const parts = { kafka: client, brokers: kafka.brokers, topic, log: quietLog, clock: systemClock };
    const tailGroups = new TailGroups({ groups: () => new KafkaAdmin(client).groups(), topicPrefix: 'leadline', log: quietLog, clock: systemClock, lookIntervalMs: 50 });
    const looking = tailGroups.run();
    const publisher = new EventPublisher({ ...parts, options: { publishEvents: false, publishBytesMax: 16_000_000 }, tailGroups });
    const events = (from: number): ReturnType<typeof madeEvent>[] => Array.from({ length: 3000 }, (_, n) => madeEvent('a', from + n, from + n + 1, { service: `service ${n % 7}` }));
    publisher.offer(events(0));
    t.is(publisher.published, 0);
    const consumer = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).consumer({ groupId: 'leadline-tail-1' });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const heard: EventJson[] = [];
    await consumer.run({ eachMessage: ({ message }) => Promise.resolve(void heard.push(JSON.parse(message.value!.toString()) as EventJson)) });
    await until(() => tailGroups.isTailed);
    publisher.offer(events(3000));
    // Read back with our own client: kafkajs cannot unpack zstd.
    await until(() => publisher.published === 3000);
    const records = await recordsOf(client, topic);
    t.is(records.length, 3000);
    for (const partition of new Set(records.map(each => each.partition))) {
      const mine = records.filter(each => each.partition === partition).map(({ value }) => JSON.parse(Buffer.from(value!).toString()) as EventJson);
      for (const service of new Set(mine.map(each => each.service))) {
        const offsets = mine.filter(each => each.service === service).map(({ streamOffset }) => streamOffset);
        t.deepEqual(offsets, offsets.toSorted((a, b) => a - b));
      }
    }
    await consumer.disconnect();
    await until(() => !tailGroups.isTailed);
    publisher.offer(events(6000));
    t.is(publisher.published, 3000);
    tailGroups.stop();
    await looking;
    await publisher.stop(1000);
  });

  test.serial('a collector that publishes: signals of its store arrive, events while somebody tails, and a new start sends no signal again', async t => {
    for (const kind of ['events', 'signals']) await kafka.createTopic(`whole.${kind}`, { partitions: 2 });
    const dataDir = testFolder(t);
    const store = new MemoryStore();
    const options = { kafka: [...kafka.brokers], topicPrefix: 'whole', dataDir, publishEvents: true, publishBytesMax: 1_000_000 };
    const start = (): Promise<KafkaPublishing> => KafkaPublishing.start({ brokers: kafka.brokers, clientId: 'test', tls: null, login: null, requestTimeoutMs: 2000 }, { options, reader: new MemoryReader(store), log: quietLog, lookIntervalMs: 50 });
    const commit = (publishing: KafkaPublishing, from: number): void => {
      const events = Array.from({ length: 10 }, (_, n) => madeEvent('a', from + n, from + n + 1));
      store.append({ events, states: [] }, [], [madeSignal(`s${from}`)]);
      publishing.committed(events);
    };
    let publishing = await start();
    for (let from = 0; from < 100; from += 10) commit(publishing, from);
    await until(() => publishing.report().publishedEvents === 100 && publishing.report().publishedSignals === 10);
    await publishing.stop(1000);
    publishing = await start();
    commit(publishing, 100);
    await until(() => publishing.report().publishedSignals === 1 && publishing.report().publishedEvents === 10);
    t.deepEqual(publishing.report(), { publishedEvents: 10, unpublishedEvents: 0, publishedSignals: 1, troubledBy: null });
    await publishing.stop(1000);
    t.is((await recordsOf(client, 'whole.events')).length, 110);
    t.is((await recordsOf(client, 'whole.signals')).length, 11);
  });

  test.serial('the broker is killed and comes back while signals leave the outbox: each arrives', async t => {
    const topic = 'leadline.signals';
    await kafka.createTopic(topic, { partitions: 3 });
    const stored: Signal[] = [];
    const outbox = new SignalOutbox({
      publisher: new SignalPublisher({ kafka: client, brokers: kafka.brokers, topic, log: quietLog, clock: systemClock }),
      signalsAfter: (cursor, limit) => {
        const from = Number(cursor ?? 0);
        const signals = stored.slice(from, from + limit);
        return Promise.resolve({ signals, cursor: String(from + signals.length) });
      },
      cursorPath: join(testFolder(t), 'signals.cursor'),
      clock: systemClock,
    });
    const running = outbox.run();
    const add = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n++) {
        stored.push(madeSignal(String(stored.length), { key: [`service ${n % 5}`] }));
        outbox.wake();
        if (n % 20 === 0) await pause(5);
      }
    };
    await add(300);
    kafka.kill9(1);
    await add(300);
    await kafka.startNode(1);
    await add(300);
    const ids = async (): Promise<Set<string>> => new Set((await recordsOf(client, topic)).map(({ value }) => (JSON.parse(Buffer.from(value!).toString()) as SignalJson).signalId));
    await until(async () => (await ids()).size === stored.length);
    outbox.stop();
    await running;
    t.deepEqual([...(await ids())].sort(), stored.map(({ signalId }) => signalId).sort());
  });
}
