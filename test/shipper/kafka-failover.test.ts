/** Three nodes, six partitions, leaders that move, die and stand still while sources publish: nothing is missing and every source keeps its order. */
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { KafkaClient } from '#lib/kafka/kafka-client.ts';
import { systemClock } from '#lib/clock.ts';
import { quietLog } from '#lib/log.ts';
import { defaultOptions } from '#schemas/options.ts';
import { KafkaPublisher } from '../../shipper/kafka-publisher.ts';
import { madeChunk, madeState } from '../contract/made-up.ts';
import { bytesOfStream, chunksOf, eventually, kafkaClient } from '../helpers/kafka-records.ts';
import { kafkaMissing, TestKafka } from '../helpers/kafka.ts';
import { proofSkipped } from '../helpers/skipped.ts';

const missing = kafkaMissing();
const patienceMs = 60_000;
const sources = 12;
const partitions = 6;

if (missing !== null) proofSkipped('leaders that move, die and stand still', missing);
else {
  let kafka: TestKafka;
  let prefixes = 0;
  test.before(async () => {
    kafka = await TestKafka.start({ nodes: 3 });
  });
  test.after.always(async () => {
    await (kafka as TestKafka | undefined)?.stop();
  });

  interface Traffic {
    publisher: KafkaPublisher;
    reader: KafkaClient;
    topic: string;
    /** Ends the writers, then checks that every byte of every source is there. */
    finish: () => Promise<void>;
  }

  /** Every source publishes a small chunk every few milliseconds, and a state with it now and then. */
  async function traffic(t: ExecutionContext, requestTimeoutMs: number): Promise<Traffic> {
    const prefix = `failover${++prefixes}`;
    const topic = `${prefix}.chunks`;
    await kafka.createTopic(topic, { partitions });
    await kafka.createTopic(`${prefix}.streams`, { partitions: 3, config: { 'cleanup.policy': 'compact' } });
    const client = kafkaClient(kafka.brokers, { requestTimeoutMs });
    const reader = kafkaClient(kafka.brokers);
    const publisher = new KafkaPublisher({ kafka: client, options: { ...defaultOptions(), kafka: [...kafka.brokers], topicPrefix: prefix }, log: quietLog, clock: systemClock });
    const acknowledged = new Map<string, number>();
    publisher.onAcknowledged = more => {
      for (const { streamId, from, to } of more) {
        t.true(from <= (acknowledged.get(streamId) ?? 0), 'acknowledgements leave no hole');
        acknowledged.set(streamId, Math.max(to, acknowledged.get(streamId) ?? 0));
      }
    };
    await publisher.loadStates([]);
    let isOver = false;
    const written = new Map<string, Buffer>();
    const writers = Array.from({ length: sources }, async (_, n) => {
      const streamId = `s${n}`;
      publisher.partitionOf(`source of ${streamId}`, n % partitions);
      const parts: Buffer[] = [];
      let count = 0;
      let offset = 0;
      for (let round = 1; !isOver; round++) {
        // Now and then more than one batch holds: the next must not go before the one that is tried again.
        const burst = round % 60 === 0 ? 600 : 1;
        for (let n = 0; n < burst; n++) {
          const bytes = Buffer.from(`${streamId} line ${count++}\n`);
          parts.push(bytes);
          await publisher.publish(madeChunk(streamId, offset, bytes));
          offset += bytes.length;
        }
        if (round % 50 === 0) await publisher.publishStates([madeState(streamId, { readBytes: offset })]);
        await sleep(5);
      }
      written.set(streamId, Buffer.concat(parts));
    });
    return {
      publisher,
      reader,
      topic,
      async finish() {
        isOver = true;
        await Promise.all(writers);
        t.true(await publisher.drain(patienceMs), publisher.troubledBy ?? 'drained');
        const chunks = await chunksOf(reader, topic);
        for (const [streamId, bytes] of written) {
          t.true(bytesOfStream(chunks, streamId).equals(bytes), `${streamId}: ${bytes.length} bytes`);
          t.is(acknowledged.get(streamId), bytes.length);
        }
        t.is((await publisher.loadStates([...written.keys()].map(streamId => `source of ${streamId}`))).length, sources);
        t.is(publisher.troubledBy, null);
        await publisher.close();
        await client.close();
        await reader.close();
      },
    };
  }

  test.serial('leaders that move all the time: 0 missing, order kept', async t => {
    const { topic, publisher, finish } = await traffic(t, 5000);
    for (let round = 0; round < 2; round++) {
      for (let partition = 0; partition < partitions; partition++) await kafka.moveLeader(topic, partition, ((partition + round) % 3) + 1);
    }
    await finish();
    t.true(publisher.counts.retries > 0, 'leaders moved under it');
  });

  test.serial('each node is killed in turn: 0 missing, order kept', async t => {
    const { finish } = await traffic(t, 5000);
    for (const node of [1, 2, 3]) {
      kafka.kill9(node);
      await sleep(3000);
      await kafka.startNode(node);
      await sleep(1000);
    }
    await finish();
  });

  test.serial('each node stands still in turn: the others take over before the request time-out, 0 missing, order kept', async t => {
    const { topic, reader, finish } = await traffic(t, 60_000);
    for (const node of [1, 2, 3]) {
      kafka.pause(node);
      const before = await eventually(() => reader.offsets(topic, 'latest'));
      // Further than any window: every partition has a new leader that takes records.
      for (let waitedMs = 0; ; waitedMs += 200) {
        const now = await eventually(() => reader.offsets(topic, 'latest'));
        if (now.every((end, partition) => end > before[partition]! + 20n)) break;
        if (waitedMs > 30_000) throw new Error(`no records went past node ${node}`);
        await sleep(200);
      }
      kafka.resume(node);
      await sleep(4000);
    }
    await finish();
  });
}
