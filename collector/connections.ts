/** The ends of those who publish: each a `Transport` that hears of its own streams. */
import type { Chunk } from '#schemas/chunk.ts';
import type { Acknowledgement, StreamState, Transport } from '#schemas/transport.ts';

/** What takes in whatever comes over connections. */
export interface ChunkTaker {
  /** Resolves when it is taken in, in the order of the calls. @throws LeadlineError for what never can be */
  accept(chunk: Chunk): Promise<void>;
  publishStates(states: readonly StreamState[]): Promise<void>;
  statesOf(sources: readonly string[]): Promise<StreamState[]>;
}

/** All connections of one taker. */
export class Connections {
  private readonly connections = new Set<Connection>();

  connect(taker: ChunkTaker): Transport {
    const connection = new Connection(taker, () => this.connections.delete(connection));
    this.connections.add(connection);
    return connection;
  }

  acknowledged(acknowledgements: readonly Acknowledgement[]): void {
    for (const connection of this.connections) connection.acknowledged(acknowledgements);
  }
}

/** One client's end: it hears of its own streams only. */
class Connection implements Transport {
  readonly troubledBy = null;
  onAcknowledged: (acknowledgements: readonly Acknowledgement[]) => void = () => undefined;
  private readonly taker: ChunkTaker;
  private readonly leave: () => void;
  /** Per stream: end of what was published, and whether its closing record was. */
  private readonly published = new Map<string, { end: number; closing: boolean }>();
  private readonly drained = new Set<() => void>();

  constructor(taker: ChunkTaker, leave: () => void) {
    this.taker = taker;
    this.leave = leave;
  }

  loadStates(sources: readonly string[]): Promise<StreamState[]> {
    return this.taker.statesOf(sources);
  }

  partitionOf(): null {
    return null;
  }

  publishStates(states: readonly StreamState[]): Promise<void> {
    return this.taker.publishStates(states);
  }

  async publish(chunk: Chunk): Promise<void> {
    const before = this.published.get(chunk.streamId);
    const now = { end: Math.max(before?.end ?? 0, chunk.end), closing: chunk.kind === 'close' };
    this.published.set(chunk.streamId, now);
    try {
      await this.taker.accept(chunk);
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
