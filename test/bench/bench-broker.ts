/** The broker of the benches: one node, compiled and collected for throughput, and what is asked of its topics. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { KafkaClient } from '#lib/kafka/kafka-client.ts';
import type { FetchedRecord, Kafka } from '#lib/kafka/types.ts';
import { TestKafka } from '../helpers/kafka.ts';
import { allRecords } from '../helpers/topic-bytes.ts';
import { MeasuredProcess } from './measured-process.ts';

const chunkBytesMost = 2_000_000;

export class BenchBroker {
  readonly broker: TestKafka;
  readonly kafka: Kafka;

  private constructor(broker: TestKafka) {
    this.broker = broker;
    this.kafka = new KafkaClient({ brokers: broker.brokers, clientId: 'bench', tls: null, login: null, requestTimeoutMs: 30_000 });
  }

  static async start(): Promise<BenchBroker> {
    return new BenchBroker(await TestKafka.start({ portsFrom: 26_000, heap: '1g', jvmFlags: ['-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20'], properties: { 'broker.session.timeout.ms': '30000' } }));
  }

  get process(): MeasuredProcess {
    return new MeasuredProcess(this.broker.pidOf(1)!);
  }

  /** `PREFIX.chunks`, and beside it what a shipper of ours needs. */
  async createTopics(prefix: string, config: Readonly<Record<string, string>> = {}): Promise<string> {
    await this.broker.createTopic(`${prefix}.chunks`, { partitions: 6, config });
    await this.broker.createTopic(`${prefix}.streams`, { partitions: 3, config: { 'cleanup.policy': 'compact' } });
    await this.broker.createTopic(`${prefix}.clock`, { config: { 'message.timestamp.type': 'LogAppendTime' } });
    return `${prefix}.chunks`;
  }

  async deleteTopics(prefix: string): Promise<void> {
    for (const kind of ['chunks', 'streams', 'clock']) await this.broker.deleteTopic(`${prefix}.${kind}`);
  }

  async records(topic: string): Promise<number> {
    return Number((await this.kafka.offsets(topic, 'latest')).reduce((sum, end) => sum + end, 0n));
  }

  /** What the topic takes on disk, in MB. */
  topicMb(topic: string): number {
    const data = this.broker.dataFolder(1);
    const folders = readdirSync(data).filter(name => name.startsWith(`${topic}-`) && !name.endsWith('-delete'));
    return folders.flatMap(folder => readdirSync(join(data, folder)).filter(name => name.endsWith('.log')).map(name => statSync(join(data, folder, name)).size)).reduce((sum, size) => sum + size, 0) / 1e6;
  }

  /** The furthest `ll-end` of the last records of all partitions. */
  async furthestEnd(topic: string): Promise<number> {
    const ends = await this.kafka.offsets(topic, 'latest');
    const positions = ends.flatMap((end, partition) => (end > 0n ? [{ partition, offset: end - 1n }] : []));
    let furthest = 0;
    for (const position of positions) {
      const [fetched] = await this.kafka.fetch(topic, [position], { bytesMax: chunkBytesMost, maxWaitMs: 100 });
      for (const record of fetched?.records ?? []) furthest = Math.max(furthest, Number(record.headers['ll-end'] ?? 0));
    }
    return furthest;
  }

  allRecords(topic: string): AsyncGenerator<FetchedRecord> {
    return allRecords(this.kafka, topic);
  }

  async stop(): Promise<void> {
    await this.kafka.close();
    await this.broker.stop();
  }
}
