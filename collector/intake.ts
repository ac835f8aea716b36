/**
 * Where chunks come in: one collector behind any number of connections, each a `Transport`. In the same thread a connection is used as it is; over a
 * message port or HTTP it is what the other end's calls are carried to.
 */
import type { Acknowledgement, StreamState, Transport } from '#schemas/transport.ts';
import type { Chunk } from '#schemas/chunk.ts';
import { Collector } from './collector.ts';
import type { CollectorParts } from './parts.ts';
import type { RecordPosition } from './consumed-positions.ts';

/** Pause between two attempts to store while the disk is full. */
const stalledRetryMs = 500;

export class CollectorIntake {
  readonly collector: Collector;
  private readonly clock: CollectorParts['clock'];
  private readonly connections = new Set<Connection>();
  private timer: { timeout: NodeJS.Timeout; dueMs: number } | null = null;
  private stopped = false;
  /** The commit under way behind which the next is scheduled. */
  private awaited: Promise<void> | null = null;

  constructor(parts: Omit<CollectorParts, 'onAcknowledged'>) {
    this.clock = parts.clock;
    this.collector = new Collector({
      ...parts,
      onAcknowledged: acknowledgements => {
        for (const connection of this.connections) connection.acknowledged(acknowledgements);
      },
    });
  }

  connect(): Transport {
    const connection = new Connection(this, () => this.connections.delete(connection));
    this.connections.add(connection);
    return connection;
  }

  /** @param position the Kafka record the chunk came in, null for one that came otherwise */
  async accept(chunk: Chunk, position: RecordPosition | null = null): Promise<void> {
    await this.whileStalled();
    await this.whileFull();
    this.collector.accept(chunk, position);
    this.schedule();
  }

  publishStates(states: readonly StreamState[], position: RecordPosition | null = null): Promise<void> {
    const done = this.collector.acceptStates(states, position);
    this.schedule();
    return done;
  }

  /** Nothing up to this record of the partition needs to be read again. */
  pass(position: Omit<RecordPosition, 'timestampMs'>): void {
    this.collector.pass(position);
    this.schedule();
  }

  /** Resolves when the store takes events; at once where it does. */
  async whileStalled(): Promise<void> {
    while (this.collector.isStalled && !this.stopped) await this.clock.sleep(stalledRetryMs);
  }

  /** As much waits as one commit takes, and the one before it is not stored yet. */
  private async whileFull(): Promise<void> {
    while (this.collector.isFull && this.collector.storing !== null) await this.collector.storing;
  }

  /** After the last of the files that are read once: what they ended in the middle of is told as it is. */
  tellUnfinished(): void {
    this.collector.tellUnfinished();
    this.schedule();
  }

  /** Stores what is waiting, once, and stops. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer.timeout);
    this.timer = null;
    const { collector } = this;
    if (collector.storing !== null) await collector.storing;
    const first = collector.commit(true);
    if (first !== null) await first;
    // A batch that had failed went first; what came after it is still waiting.
    const second = collector.isStalled ? null : collector.commit(true);
    if (second !== null) await second;
  }

  private scheduleAfterStoring(): void {
    const { storing } = this.collector;
    if (storing === null || storing === this.awaited) return;
    this.awaited = storing;
    void storing.then(() => this.schedule());
  }

  private schedule(): void {
    if (this.stopped) return;
    this.scheduleAfterStoring();
    const nowMs = this.clock.nowMs();
    const dueInMs = this.collector.isStalled ? stalledRetryMs : this.collector.dueInMs(nowMs);
    if (dueInMs === null) return;
    if (this.timer !== null) {
      // A position that waits must not hold back an event that came after it.
      if (this.timer.dueMs <= nowMs + dueInMs) return;
      clearTimeout(this.timer.timeout);
    }
    const timeout = setTimeout(() => {
      this.timer = null;
      void this.collector.commit();
      this.schedule();
    }, dueInMs);
    this.timer = { timeout, dueMs: nowMs + dueInMs };
  }
}

/** One client's end: it hears of its own streams only. */
class Connection implements Transport {
  readonly troubledBy = null;
  onAcknowledged: (acknowledgements: readonly Acknowledgement[]) => void = () => undefined;
  private readonly intake: CollectorIntake;
  private readonly leave: () => void;
  /** Per stream: end of what was published, and whether its closing record was. */
  private readonly published = new Map<string, { end: number; closing: boolean }>();
  private readonly drained = new Set<() => void>();

  constructor(intake: CollectorIntake, leave: () => void) {
    this.intake = intake;
    this.leave = leave;
  }

  loadStates(sources: readonly string[]): Promise<StreamState[]> {
    return Promise.resolve(this.intake.collector.statesOf(sources));
  }

  partitionOf(): null {
    return null;
  }

  publishStates(states: readonly StreamState[]): Promise<void> {
    return this.intake.publishStates(states);
  }

  async publish(chunk: Chunk): Promise<void> {
    const before = this.published.get(chunk.streamId);
    const now = { end: Math.max(before?.end ?? 0, chunk.end), closing: chunk.kind === 'close' };
    this.published.set(chunk.streamId, now);
    try {
      await this.intake.accept(chunk);
    } catch (error) {
      // A refused chunk is never acknowledged: nobody shall wait for it.
      if (this.published.get(chunk.streamId) === now) {
        if (before === undefined) this.published.delete(chunk.streamId);
        else this.published.set(chunk.streamId, before);
      }
      throw error;
    }
  }

  acknowledged(acknowledgements: readonly Acknowledgement[]): void {
    const mine = acknowledgements.filter(({ streamId }) => this.published.has(streamId));
    if (mine.length === 0) return;
    for (const { streamId, to, closed } of mine) {
      const published = this.published.get(streamId)!;
      if (to >= published.end && (closed || !published.closing)) this.published.delete(streamId);
    }
    this.onAcknowledged(mine);
    if (this.published.size === 0) for (const resolve of [...this.drained]) resolve();
  }

  async drain(timeoutMs: number): Promise<boolean> {
    if (this.published.size === 0) return true;
    return new Promise(resolve => {
      const finish = (done: boolean): void => {
        clearTimeout(timer);
        this.drained.delete(succeed);
        resolve(done);
      };
      const succeed = (): void => finish(true);
      const timer = setTimeout(() => finish(this.published.size === 0), timeoutMs);
      this.drained.add(succeed);
    });
  }

  close(): Promise<void> {
    this.leave();
    return Promise.resolve();
  }
}
