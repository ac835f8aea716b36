/** The transport contract over Kafka: publisher, a real broker, the collector's subscriber. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { systemClock } from '#lib/clock.ts';
import { quietLog } from '#lib/log.ts';
import { defaultOptions } from '#schemas/options.ts';
import { topicName } from '#schemas/topics.ts';
import { KafkaSubscriber } from '../../collector/kafka-subscriber.ts';
import { KafkaPublisher } from '../../shipper/kafka-publisher.ts';
import { kafkaClient } from '../helpers/kafka-records.ts';
import { kafkaMissing, TestKafka } from '../helpers/kafka.ts';
import { proofSkipped } from '../helpers/skipped.ts';
import { transportContract } from './transport.ts';

const missing = kafkaMissing();
let prefixes = 0;

if (missing !== null) proofSkipped('the transport contract over Kafka', missing);
else {
  const starting = TestKafka.start();
  test.after.always(async () => (await starting).stop());

  transportContract(
    'Kafka',
    async intake => {
      const kafka = await starting;
      const prefix = `contract${++prefixes}`;
      const options = { ...defaultOptions(), kafka: [...kafka.brokers], topicPrefix: prefix };
      await kafka.createTopic(topicName(prefix, 'chunks'), { partitions: 3 });
      await kafka.createTopic(topicName(prefix, 'streams'), { partitions: 3, config: { 'cleanup.policy': 'compact' } });
      await kafka.createTopic(topicName(prefix, 'dead-letters'));
      const client = kafkaClient(kafka.brokers);
      const transport = new KafkaPublisher({ kafka: client, options });
      const subscriber = new KafkaSubscriber({ kafka: client, intake, storedPositions: () => [], options, log: quietLog, clock: systemClock });
      const running = subscriber.run();

      const arrived = async (): Promise<void> => {
        const ends = new Map<string, bigint>();
        for (const kind of ['chunks', 'streams'] as const) {
          const topic = topicName(prefix, kind);
          for (const [partition, end] of (await client.offsets(topic, 'latest')).entries()) ends.set(`${topic} ${partition}`, end);
        }
        const isThere = (): boolean => {
          const { partitions } = subscriber.report();
          return partitions.length === ends.size && partitions.every(({ topic, partition, position }) => BigInt(position) >= ends.get(`${topic} ${partition}`)!) && intake.collector.dueInMs(systemClock.nowMs()) === null;
        };
        while (!isThere()) await sleep(10);
      };
      return {
        transport,
        arrived,
        async close() {
          subscriber.stop();
          await running;
          await transport.close();
          await client.close();
        },
      };
    },
    'carried',
  );
}
