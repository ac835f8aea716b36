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
  topicId?: string;
}

/** A broker answers an empty poll when `maxWaitMs` is over; this much later it is given up for this call. */
const answerGraceMs = 100;
/** An answer that nobody came for is forgotten after this time. */
const unclaimedMsMax = 10_000;

interface Poll {
  node: number;
  /** Which of the connections to the node it is under way on: a broker answers one request of a connection after the other. */
  lane: number;
  topicId: string;
  asked: ReadonlyMap<number, bigint>;
  /** Null while under way. */
  fetched: FetchedPartition[] | null;
  answeredMs: number;
  done: Promise<void>;
}

export class Fetcher {
  private readonly cluster: Cluster;
  /** By topic. A call finds its own by the positions they asked for. */
  private readonly polls = new Map<string, Poll[]>();
  private turn = 0;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  async fetch(topic: string, positions: readonly Position[], limits: FetchLimits): Promise<FetchedPartition[]> {
    const fetched: FetchedPartition[] = [];
    // Throws where the topic itself is the trouble.
    const { id } = await this.cluster.topic(topic);
    if (limits.topicId !== undefined && limits.topicId !== id) throw new KafkaError('UNKNOWN_TOPIC_ID', `topic ${topic} was deleted and made again`);
    const byLeader = await this.byLeader(topic, positions, fetched);
    const bytesMax = Math.ceil(limits.bytesMax / Math.max(1, byLeader.size));
    const wanted = new Map([...byLeader.values()].flat().map(({ partition, offset }) => [partition, offset]));
    const from = new Map(wanted);
    const untilMs = performance.now() + limits.maxWaitMs + answerGraceMs;
    const asked = new Set<number>();
    for (;;) {
      fetched.push(...this.collect(topic, id, wanted));
      for (const [node, group] of byLeader) {
        const left = group.filter(({ partition }) => wanted.has(partition));
        if (asked.has(node) || left.length === 0 || this.underWay(topic, id, wanted).some(poll => poll.node === node)) continue;
        asked.add(node);
        this.poll(topic, node, left, { topicId: id, maxWaitMs: limits.maxWaitMs, bytesMax });
      }
      if (fetched.some(({ partition, nextOffset, error }) => error !== null || nextOffset !== from.get(partition))) break;
      const polls = this.underWay(topic, id, wanted);
      const leftMs = untilMs - performance.now();
      if (polls.length === 0 || leftMs <= 0) break;
      await settledWithin(leftMs, polls);
    }
    return fetched;
  }

  private pollsOf(topic: string): Poll[] {
    const polls = this.polls.get(topic) ?? [];
    this.polls.set(topic, polls);
    return polls;
  }

  private underWay(topic: string, topicId: string, wanted: ReadonlyMap<number, bigint>): Poll[] {
    return this.pollsOf(topic).filter(poll => poll.fetched === null && isFor(poll, topicId, wanted));
  }

  /** Partitions without a leader become errors. */
  private async byLeader(topic: string, positions: readonly Position[], errors: FetchedPartition[]): Promise<Map<number, Position[]>> {
    const byLeader = new Map<number, Position[]>();
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

  /** Takes what has been answered, by any leader, of what is wanted now. */
  private collect(topic: string, topicId: string, wanted: Map<number, bigint>): FetchedPartition[] {
    const taken: FetchedPartition[] = [];
    const oldestMs = performance.now() - unclaimedMsMax;
    const left = this.pollsOf(topic).filter(poll => {
      const { fetched, asked, answeredMs } = poll;
      if (fetched === null) return true;
      if (!isFor(poll, topicId, wanted)) return answeredMs > oldestMs;
      for (const partition of fetched) {
        const offset = wanted.get(partition.partition);
        if (offset === undefined || asked.get(partition.partition) !== offset) continue;
        wanted.delete(partition.partition);
        taken.push(partition);
      }
      return false;
    });
    this.polls.set(topic, left);
    return taken;
  }

  private poll(topic: string, node: number, positions: readonly Position[], limits: Required<FetchLimits>): void {
    // The broker fills the answer in the order of asking: each partition gets to be the first.
    const first = this.turn++ % positions.length;
    const asked = [...positions.slice(first), ...positions.slice(0, first)];
    const taken = new Set(this.pollsOf(topic).flatMap(other => (other.node === node && other.fetched === null ? [other.lane] : [])));
    let lane = 0;
    while (taken.has(lane)) lane++;
    const poll: Poll = { node, lane, topicId: limits.topicId, asked: new Map(asked.map(({ partition, offset }) => [partition, offset])), fetched: null, answeredMs: 0, done: Promise.resolve() };
    const answered = (fetched: FetchedPartition[]): void => {
      poll.fetched = fetched;
      poll.answeredMs = performance.now();
    };
    poll.done = this.ask(topic, poll, asked, limits).then(answered, (error: unknown) => {
      this.cluster.noticed(topic, error);
      const failure = error instanceof KafkaError ? error : new KafkaError('UNREACHABLE', String(error), { cause: error });
      answered(asked.map(position => nothingOf(position, failure)));
    });
    this.pollsOf(topic).push(poll);
  }

  private async ask(topic: string, { node, lane }: Poll, positions: readonly Position[], limits: Required<FetchLimits>): Promise<FetchedPartition[]> {
    const connection = await this.cluster.connection(node, `fetch ${topic} ${lane}`);
    const answer = await connection.request(fetchKind, fetchBody(limits.topicId, positions, limits), limits.maxWaitMs);
    connection.muted(answer.throttleMs);
    if (answer.code !== 0) throw kafkaErrorOf(answer.code, `fetch from ${topic}`);
    const byPartition = new Map(answer.partitions.map(partition => [partition.partition, partition]));
    return positions.flatMap(position => {
      const bytes = byPartition.get(position.partition);
      return bytes === undefined ? [] : [this.read(topic, position, bytes)];
    });
  }

  private read(topic: string, position: Position, { partition, code, highWatermark, logStartOffset, aborted, batches }: FetchedBytes): FetchedPartition {
    if (code !== 0) {
      const error = kafkaErrorOf(code, `${topic} partition ${partition} at ${position.offset}`);
      this.cluster.noticed(topic, error);
      return { ...nothingOf(position, error), highWatermark, logStartOffset };
    }
    return { partition, ...readRecordBatches(batches, position.offset, aborted, highWatermark), highWatermark, logStartOffset, error: null };
  }
}

function nothingOf({ partition, offset }: Position, error: KafkaError): FetchedPartition {
  return { partition, records: [], damaged: [], nextOffset: offset, highWatermark: -1n, logStartOffset: -1n, error };
}

function isFor({ asked, topicId: askedId }: Poll, topicId: string, wanted: ReadonlyMap<number, bigint>): boolean {
  if (askedId !== topicId) return false;
  for (const [partition, offset] of asked) if (wanted.get(partition) === offset) return true;
  return false;
}

/** Resolves when the first of them is answered, or after `waitMs`. */
async function settledWithin(waitMs: number, polls: readonly Poll[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>(resolve => {
    timer = setTimeout(resolve, waitMs);
  });
  await Promise.race([over, ...polls.map(({ done }) => done)]);
  clearTimeout(timer);
}
