/** The Kafka client: produce, fetch and look up, one attempt each, over our own requests and kafkajs' connections. */
import { Cluster } from './cluster.ts';
import { kafkaErrorOf } from './error-codes.ts';
import { Fetcher, type FetchLimits, type Position } from './fetcher.ts';
import { encodeRecordBatch } from './record-batch.ts';
import { listOffsetsBody, listOffsetsKind } from './requests/list-offsets.ts';
import { produceBody, produceKind, type ProducedPartition } from './requests/produce.ts';
import { KafkaError, type FetchedPartition, type Kafka, type KafkaClientOptions, type KafkaCodec, type KafkaTopic, type OutgoingRecord, type ProduceAnswer } from './types.ts';

/** A leader that has not answered for this long may be one no more: others are asked who leads. */
const suspectAfterMs = 3000;
/** The broker gives up waiting for its followers before we give up on the broker. */
const brokerTimeoutShare = 0.8;

export class KafkaClient implements Kafka {
  readonly cluster: Cluster;
  private readonly requestTimeoutMs: number;
  private readonly fetcher: Fetcher;

  constructor(options: KafkaClientOptions) {
    this.requestTimeoutMs = options.requestTimeoutMs;
    this.cluster = new Cluster(options);
    this.fetcher = new Fetcher(this.cluster);
  }

  async topic(name: string): Promise<KafkaTopic> {
    const { id, partitions } = await this.cluster.topic(name);
    return { name, id, partitions: partitions.length };
  }

  async produce(topic: string, partition: number, records: readonly OutgoingRecord[], codec: KafkaCodec): Promise<ProduceAnswer> {
    const batch = encodeRecordBatch(records, Date.now(), codec);
    try {
      const { code, baseOffset, appendTimeMs, message } = await this.produceOnce(topic, partition, batch);
      if (code !== 0) throw kafkaErrorOf(code, `${topic} partition ${partition}`, message);
      return { baseOffset, appendTimeMs: appendTimeMs < 0n ? null : Number(appendTimeMs) };
    } catch (error) {
      this.cluster.noticed(topic, error);
      throw error;
    }
  }

  fetch(topic: string, positions: readonly Position[], limits: FetchLimits): Promise<FetchedPartition[]> {
    return this.fetcher.fetch(topic, positions, limits);
  }

  async offsets(topic: string, which: 'earliest' | 'latest'): Promise<bigint[]> {
    try {
      const { partitions } = await this.cluster.topic(topic);
      const byLeader = new Map<number, number[]>();
      for (const { partition } of partitions) {
        const node = await this.cluster.leader(topic, partition);
        byLeader.set(node, [...(byLeader.get(node) ?? []), partition]);
      }
      const offsets: bigint[] = partitions.map(() => -1n);
      await Promise.all(
        [...byLeader].map(async ([node, asked]) => {
          const connection = await this.cluster.connection(node, 'ask');
          for (const { partition, code, offset } of await connection.request(listOffsetsKind, listOffsetsBody(topic, asked, which))) {
            if (code !== 0) throw kafkaErrorOf(code, `offsets of ${topic} partition ${partition}`);
            offsets[partition] = offset;
          }
        }),
      );
      return offsets;
    } catch (error) {
      this.cluster.noticed(topic, error);
      throw error;
    }
  }

  close(): Promise<void> {
    this.cluster.close();
    return Promise.resolve();
  }

  private async produceOnce(topic: string, partition: number, batch: readonly Uint8Array[]): Promise<ProducedPartition> {
    const leader = await this.cluster.leader(topic, partition);
    const connection = await this.cluster.connection(leader, 'ask');
    const suspecting = setInterval(() => {
      const learned = this.cluster.learn(topic).then(({ partitions }) => {
        const now = partitions[partition]?.leader ?? -1;
        if (now !== leader && now !== -1) connection.end(new KafkaError('TIMED_OUT', `node ${leader} does not answer and leads ${topic} partition ${partition} no more`, { unknownOutcome: true }));
      });
      learned.catch(() => undefined);
    }, suspectAfterMs);
    try {
      const answer = await connection.request(produceKind, produceBody(topic, partition, batch, Math.ceil(this.requestTimeoutMs * brokerTimeoutShare)));
      connection.muted(answer.throttleMs);
      return answer;
    } finally {
      clearInterval(suspecting);
    }
  }
}
