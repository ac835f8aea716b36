/** Reads a topic from its beginning to its end with kafkajs' own consumer: nothing of ours stands between the auditor and the broker. */
import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs';

export interface TopicRecord {
  partition: number;
  key: string;
  headers: Record<string, string>;
  value: Buffer;
  timestampMs: number;
}

/** A broker that has just started may still be loading what a consumer needs. */
const attempts = 10;

/** Partitions come side by side, the records of each in their order. @returns how many records there were */
export async function readTopic(brokers: readonly string[], topic: string, onRecord: (record: TopicRecord) => void): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    let given = false;
    try {
      return await readOnce(brokers, topic, record => {
        given = true;
        onRecord(record);
      });
    } catch (error) {
      // Once records were given, none may come again.
      if (given || attempt === attempts) throw error;
      await pause(1000);
    }
  }
}

async function readOnce(brokers: readonly string[], topic: string, onRecord: (record: TopicRecord) => void): Promise<number> {
  const kafka = new Kafka({ clientId: 'auditor', brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { retries: 30 } });
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const unread = new Set(ends.filter(({ low, high }) => BigInt(high) > BigInt(low)).map(({ partition }) => partition));
  const endOf = new Map(ends.map(({ partition, high }) => [partition, BigInt(high)]));
  if (unread.size === 0) return 0;
  const consumer = kafka.consumer({ groupId: `auditor-${Date.now()}`, maxBytesPerPartition: 8 * 1024 * 1024, maxBytes: 32 * 1024 * 1024 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let records = 0;
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    consumer
      .run({
        autoCommit: false,
        eachBatch({ batch, ...given }) {
          for (const message of batch.messages) {
            onRecord(recordOf(batch.partition, message));
            records += 1;
            given.resolveOffset(message.offset);
          }
          if (BigInt(batch.lastOffset()) + 1n >= endOf.get(batch.partition)!) unread.delete(batch.partition);
          if (unread.size === 0) resolve();
          return Promise.resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return records;
}

function recordOf(partition: number, message: KafkaMessage): TopicRecord {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers ?? {})) headers[name] = Buffer.isBuffer(value) ? value.toString() : String(value);
  return { partition, key: message.key?.toString() ?? '', headers, value: message.value ?? Buffer.alloc(0), timestampMs: Number(message.timestamp) };
}
