/**
 * Heartbeats: what this machine's clock says, beside the broker's clock at the append, so that the clocks of machines can be compared. What the
 * broker said of one travels with the next. A heartbeat that fails is left out; nothing waits for one.
 */
import { hostname } from 'node:os';
import { KafkaError, type Kafka } from '#lib/kafka/types.ts';
import { quietLog, type Log } from '#lib/log.ts';
import type { Options } from '#schemas/options.ts';
import { topicName } from '#schemas/topics.ts';
import { kernelBootId } from './file-identity.ts';

/** The value of a record of PREFIX.clock, as JSON; its key is the node. Nanoseconds are decimal text. */
export interface Heartbeat {
  node: string;
  /** Of the running kernel; null where it cannot be told. */
  bootId: string | null;
  /** Wall clock, since the epoch. */
  sentNs: string;
  /** A clock that no one sets, since some time in the past. */
  monotonicNs: string;
  /** The one before, where it was answered: sent at `sentNs`, appended at `appendMs` of the broker's clock, answered `roundTripNs` later. */
  previous: { sentNs: string; appendMs: number; roundTripNs: string } | null;
}

const partition = 0;
const epochOfMonotonicNs = BigInt(Math.round(performance.timeOrigin * 1000)) * 1000n;

export interface KafkaClockParts {
  kafka: Kafka;
  options: Pick<Options, 'topicPrefix' | 'heartbeatIntervalMs' | 'node'>;
  log?: Log;
}

export class KafkaClock {
  private readonly kafka: Kafka;
  private readonly topic: string;
  private readonly intervalMs: number;
  private readonly node: string;
  private readonly bootId = kernelBootId();
  private readonly log: Log;
  private timer: NodeJS.Timeout | null = null;
  private previous: Heartbeat['previous'] = null;
  private isUnderWay = false;
  private isStopped = false;
  private saidProblem: string | null = null;

  constructor({ kafka, options, log = quietLog }: KafkaClockParts) {
    this.kafka = kafka;
    this.topic = topicName(options.topicPrefix, 'clock');
    this.intervalMs = options.heartbeatIntervalMs;
    this.node = options.node ?? hostname();
    this.log = log;
  }

  /** Sends the first at once; an interval of 0 sends none. Keeps no process alive. */
  start(): void {
    if (this.intervalMs === 0 || this.timer !== null) return;
    this.timer = setInterval(() => void this.beat(), this.intervalMs);
    this.timer.unref();
    void this.beat();
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    this.isStopped = true;
  }

  /** One heartbeat, unless the one before is still under way. */
  async beat(): Promise<void> {
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    const sentNs = String(wallNs());
    const startNs = process.hrtime.bigint();
    const heartbeat: Heartbeat = { node: this.node, bootId: this.bootId, sentNs, monotonicNs: String(startNs), previous: this.previous };
    this.previous = null;
    try {
      const { appendTimeMs } = await this.kafka.produce(this.topic, partition, [{ key: Buffer.from(this.node), value: Buffer.from(JSON.stringify(heartbeat)), headers: {} }], 'none');
      if (appendTimeMs !== null) this.previous = { sentNs, appendMs: appendTimeMs, roundTripNs: String(process.hrtime.bigint() - startNs) };
      this.saidProblem = null;
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      if (this.isStopped) return;
      if (this.saidProblem !== error.code) this.log.warn({ event: 'heartbeatFailed', topic: this.topic, code: error.code }, `no heartbeat for the comparison of clocks: ${error.message}`);
      this.saidProblem = error.code;
    } finally {
      this.isUnderWay = false;
    }
  }
}

/** The wall clock as it is set now, finer than milliseconds. */
function wallNs(): bigint {
  const fineNs = epochOfMonotonicNs + BigInt(Math.round(performance.now() * 1e6));
  const coarseNs = BigInt(Date.now()) * 1_000_000n;
  // A clock that was set since the start: the fine one knows nothing of it.
  const apartNs = fineNs > coarseNs ? fineNs - coarseNs : coarseNs - fineNs;
  return apartNs > 2_000_000n ? coarseNs : fineNs;
}
