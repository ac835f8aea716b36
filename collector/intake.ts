/**
 * Where chunks come in: one collector behind any number of connections, each a `Transport`. In the same thread a connection is used as it is; over a
 * message port or HTTP it is what the other end's calls are carried to. What has to wait, waits in the order it came.
 */
import type { Acknowledgement, StreamState, Transport } from '#schemas/transport.ts';
import type { Chunk } from '#schemas/chunk.ts';
import { Collector } from './collector.ts';
import type { CollectorParts } from './parts.ts';
import { Connections, type ChunkTaker } from './connections.ts';
import type { RecordPosition } from './consumed-positions.ts';

/** A record that was handed over. */
export interface HandedOver {
  /** Resolves when the next may be handed over. */
  room: Promise<void>;
  /** Resolves when it is taken in. Rejects where it never can be: its partition then stays where it is until the record is released. */
  taken: Promise<void>;
}

/** Where a topic's records go. */
export interface RecordTaker {
  /** In the order of the calls. */
  hand(chunk: Chunk, position: RecordPosition): HandedOver;
  publishStates(states: readonly StreamState[], position: RecordPosition): Promise<void>;
  /** Nothing up to this record of the partition needs to be read again: there was none, or it is accounted for elsewhere. */
  pass(position: Omit<RecordPosition, 'timestampMs'>): void;
  /** A record that could not be taken in is accounted for elsewhere. */
  release(position: RecordPosition): void;
  /** Resolves when more may be fetched. */
  whileStalled(): Promise<void>;
}

const keyOf = ({ topicId, partition, recordOffset }: RecordPosition): string => `${topicId}:${partition}:${recordOffset}`;

/** Pause between two attempts to store while the disk is full. */
const stalledRetryMs = 500;

export class CollectorIntake implements ChunkTaker, RecordTaker {
  readonly collector: Collector;
  /** Before a chunk is taken in: for what has to be learned of its stream first. */
  beforeTaking: ((chunk: Chunk, position: RecordPosition | null) => Promise<void>) | null = null;
  /** After every commit, with the low-water marks that it made durable. */
  onStored: (acknowledgements: readonly Acknowledgement[]) => void = () => undefined;
  private readonly clock: CollectorParts['clock'];
  private readonly connections = new Connections();
  /** Whoever came first goes first, also where they have to wait. */
  private turn: Promise<unknown> = Promise.resolve();
  private readonly held = new Map<string, () => void>();
  private timer: { timeout: NodeJS.Timeout; dueMs: number } | null = null;
  private stopped = false;
  /** The commit under way behind which the next is scheduled. */
  private awaited: Promise<void> | null = null;

  constructor(parts: Omit<CollectorParts, 'onAcknowledged'>) {
    this.clock = parts.clock;
    this.collector = new Collector({
      ...parts,
      onAcknowledged: acknowledgements => {
        this.connections.acknowledged(acknowledgements);
        this.onStored(acknowledgements);
      },
    });
  }

  connect(): Transport {
    return this.connections.connect(this);
  }

  /** @param position the Kafka record the chunk came in, null for one that came otherwise */
  accept(chunk: Chunk, position: RecordPosition | null = null): Promise<void> {
    const taken = this.turn.then(() => this.takeIn(chunk, position));
    this.turn = taken.catch(() => undefined);
    return taken;
  }

  hand(chunk: Chunk, position: RecordPosition): HandedOver {
    const taken = this.accept(chunk, position);
    return { taken, room: taken.catch(() => new Promise<void>(resolve => this.held.set(keyOf(position), resolve))) };
  }

  release(position: RecordPosition): void {
    this.pass(position);
    this.held.get(keyOf(position))?.();
    this.held.delete(keyOf(position));
  }

  statesOf(sources: readonly string[]): Promise<StreamState[]> {
    return Promise.resolve(this.collector.statesOf(sources));
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

  private async takeIn(chunk: Chunk, position: RecordPosition | null): Promise<void> {
    await this.whileStalled();
    await this.whileFull();
    await this.beforeTaking?.(chunk, position);
    this.collector.accept(chunk, position);
    this.schedule();
  }

  /** The records of a partition up to this one went to other collectors. */
  elapse(position: RecordPosition): void {
    this.collector.elapse(position);
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
    if (collector.storing !== null) await collector.whenStored();
    const first = collector.commit(true);
    if (first !== null) await collector.whenStored();
    // A batch that had failed went first; what came after it is still waiting.
    const second = collector.isStalled ? null : collector.commit(true);
    if (second !== null) await collector.whenStored();
  }

  private scheduleAfterStoring(): void {
    const { storing } = this.collector;
    if (storing === null || storing === this.awaited) return;
    this.awaited = storing;
    void storing.then(() => this.schedule());
  }

  /** Stores nothing more: somebody else goes on with all of it. */
  abandon(): void {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer.timeout);
    this.collector.abandon();
    for (const resolve of this.held.values()) resolve();
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
