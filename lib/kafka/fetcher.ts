/**
 * Long polls, one per leader at a time, each on a connection of its own. A call answers with the first leader that has something; the polls of the
 * others stay under way and serve the next call, so that a quiet leader neither delays a busy one nor is asked anew all the time.
 */
import type { Cluster } from './cluster.ts';
import { kafkaErrorOf } from './error-codes.ts';
import { readRecordBatches } from './record-batch-reader.ts';
import { fetchBody, fetchKind, type FetchedBytes } from './requests/fetch.ts';
import { KafkaError, type FetchedPartition } from './types.ts';

export interface Position {
  partition: number;
  offset: bigint;
}
export interface FetchLimits {
  bytesMax: number;
  maxWaitMs: number;
}

/** A broker answers an empty poll when `maxWaitMs` is over; this much later it is given up for this call. */
const answerGraceMs = 100;

interface Poll {
  asked: ReadonlyMap<number, bigint>;
  /** Null while under way. */
  fetched: FetchedPartition[] | null;
  done: Promise<void>;
}

export class Fetcher {
  private readonly cluster: Cluster;
  /** By topic, then by node. */
  private readonly polls = new Map<string, Map<number, Poll>>();
  private turn = 0;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  async fetch(topic: string, positions: readonly Position[], limits: FetchLimits): Promise<FetchedPartition[]> {
    const fetched: FetchedPartition[] = [];
    const byLeader = await this.byLeader(topic, positions, fetched);
    const polls = this.pollsOf(topic);
    for (const [node, asked] of byLeader) {
      if (!polls.has(node)) polls.set(node, this.poll(topic, node, asked, { ...limits, bytesMax: Math.ceil(limits.bytesMax / byLeader.size) }));
    }
    const wanted = new Map(positions.map(({ partition, offset }) => [partition, offset]));
    let isOver = false;
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>(resolve => {
      timer = setTimeout(() => {
        isOver = true;
        resolve();
      }, limits.maxWaitMs + answerGraceMs);
    });
    for (;;) {
      this.collect(polls, wanted, fetched);
      const underWay = [...byLeader.keys()].flatMap(node => polls.get(node) ?? []);
      // Errors alone are told when the wait is over: who asks again at once would ask in a tight loop.
      const hasNews = fetched.some(({ records, damaged, nextOffset, partition, error }) => records.length > 0 || damaged.length > 0 || (error === null && nextOffset !== positions.find(asked => asked.partition === partition)?.offset));
      if (isOver || hasNews || (underWay.length === 0 && fetched.every(({ error }) => error === null))) break;
      await Promise.race([over, ...underWay.map(({ done }) => done)]);
    }
    clearTimeout(timer);
    return fetched;
  }

  private pollsOf(topic: string): Map<number, Poll> {
    let polls = this.polls.get(topic);
    if (polls === undefined) this.polls.set(topic, (polls = new Map<number, Poll>()));
    return polls;
  }

  /** Partitions without a leader become errors. */
  private async byLeader(topic: string, positions: readonly Position[], errors: FetchedPartition[]): Promise<Map<number, Position[]>> {
    const byLeader = new Map<number, Position[]>();
    // Throws where the topic itself is the trouble.
    await this.cluster.topic(topic);
    for (const position of positions) {
      try {
        const node = await this.cluster.leader(topic, position.partition);
        const group = byLeader.get(node);
        if (group === undefined) byLeader.set(node, [position]);
        else group.push(position);
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        errors.push(nothingOf(position, error));
      }
    }
    return byLeader;
  }

  /** Takes what is done, of any leader, as far as it is what is wanted now. */
  private collect(polls: Map<number, Poll>, wanted: Map<number, bigint>, into: FetchedPartition[]): void {
    for (const [node, { asked, fetched }] of polls) {
      if (fetched === null) continue;
      polls.delete(node);
      for (const partition of fetched) {
        const offset = wanted.get(partition.partition);
        if (offset === undefined || asked.get(partition.partition) !== offset) continue;
        wanted.delete(partition.partition);
        into.push(partition);
      }
    }
  }

  private poll(topic: string, node: number, positions: readonly Position[], limits: FetchLimits): Poll {
    // The broker fills the answer in the order of asking: each partition gets to be the first.
    const first = this.turn++ % positions.length;
    const asked = [...positions.slice(first), ...positions.slice(0, first)];
    const poll: Poll = { asked: new Map(asked.map(({ partition, offset }) => [partition, offset])), fetched: null, done: Promise.resolve() };
    poll.done = this.ask(topic, node, asked, limits).then(
      fetched => {
        poll.fetched = fetched;
      },
      (error: unknown) => {
        this.cluster.noticed(topic, error);
        const failure = error instanceof KafkaError ? error : new KafkaError('UNREACHABLE', String(error), { cause: error });
        poll.fetched = asked.map(position => nothingOf(position, failure));
      },
    );
    return poll;
  }

  private async ask(topic: string, node: number, positions: readonly Position[], limits: FetchLimits): Promise<FetchedPartition[]> {
    const connection = await this.cluster.connection(node, `fetch ${topic}`);
    const answer = await connection.request(fetchKind, fetchBody(topic, positions, limits), limits.maxWaitMs);
    connection.muted(answer.throttleMs);
    if (answer.code !== 0) throw kafkaErrorOf(answer.code, `fetch from ${topic}`);
    const byPartition = new Map(answer.partitions.map(partition => [partition.partition, partition]));
    return positions.flatMap(position => {
      const bytes = byPartition.get(position.partition);
      return bytes === undefined ? [] : [this.read(topic, position, bytes)];
    });
  }

  private read(topic: string, position: Position, { partition, code, highWatermark, logStartOffset, batches }: FetchedBytes): FetchedPartition {
    if (code !== 0) {
      const error = kafkaErrorOf(code, `${topic} partition ${partition} at ${position.offset}`);
      this.cluster.noticed(topic, error);
      return { ...nothingOf(position, error), highWatermark, logStartOffset };
    }
    return { partition, ...readRecordBatches(batches, position.offset), highWatermark, logStartOffset, error: null };
  }
}

function nothingOf({ partition, offset }: Position, error: KafkaError): FetchedPartition {
  return { partition, records: [], damaged: [], nextOffset: offset, highWatermark: -1n, logStartOffset: -1n, error };
}
