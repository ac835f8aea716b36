/**
 * A transport that keeps what it is given in memory, with the faults of a real one under the test's hand: acknowledgements come when and in which
 * order the test says, and a crash loses what was published and not acknowledged, or keeps it with the acknowledgement lost.
 */
import type { Chunk } from '#schemas/chunk.ts';
import { zstdDecompressSync } from 'node:zlib';
import type { Acknowledgement, StreamState, Transport } from '#schemas/transport.ts';

export interface StoredChunk {
  chunk: Chunk;
  bytes: Buffer;
}

/** What survives a crash of the shipper. */
export class MemoryStore {
  readonly chunks: StoredChunk[] = [];
  readonly states = new Map<string, StreamState>();

  /** The bytes of every stream, in the order the streams were first stored, overlaps proven equal. Throws where two chunks contradict each other or, unless told to end there, where a range is missing. */
  streams(holes: 'refused' | 'end' = 'refused'): Map<string, Buffer> {
    const result = new Map<string, Buffer>(this.chunks.filter(({ chunk }) => chunk.kind === 'lines').map(({ chunk }) => [chunk.streamId, Buffer.alloc(0)]));
    for (const { chunk, bytes } of [...this.chunks].sort((a, b) => a.chunk.offset - b.chunk.offset || a.chunk.end - b.chunk.end)) {
      if (chunk.kind !== 'lines') continue;
      const before = result.get(chunk.streamId) ?? Buffer.alloc(0);
      if (chunk.offset > before.length && holes === 'refused') throw new Error(`stream ${chunk.streamId}: bytes ${before.length} to ${chunk.offset} are missing`);
      if (chunk.offset > before.length) continue;
      const overlap = Math.min(before.length - chunk.offset, bytes.length);
      if (!before.subarray(chunk.offset, chunk.offset + overlap).equals(bytes.subarray(0, overlap))) throw new Error(`stream ${chunk.streamId}: two chunks disagree at ${chunk.offset}`);
      result.set(chunk.streamId, Buffer.concat([before, bytes.subarray(overlap)]));
    }
    return result;
  }

  kinds(streamId: string): string[] {
    return this.chunks.filter(({ chunk }) => chunk.streamId === streamId).map(({ chunk }) => chunk.kind);
  }
}

export class MemoryTransport implements Transport {
  readonly troubledBy = null;
  onAcknowledged: (acknowledgements: readonly Acknowledgement[]) => void = () => undefined;
  readonly store: MemoryStore;
  /** Published, not acknowledged. */
  pending: StoredChunk[] = [];
  /** Acknowledge at once. */
  readonly prompt: boolean;
  /** Loaded states tell what is stored, as a store in the same process does; a broker tells only what was published. */
  readonly storeTells: boolean;
  readonly #arrived = new Set<StoredChunk>();
  /** How many partitions there are now, null for a transport without. */
  readonly partitions: number | null;
  #crashed = false;

  constructor(store: MemoryStore, prompt: boolean, storeTells = true, partitions: number | null = null) {
    this.store = store;
    this.prompt = prompt;
    this.storeTells = storeTells;
    this.partitions = partitions;
  }

  loadStates(sources: readonly string[]): Promise<StreamState[]> {
    const stored = this.storeTells ? this.store.streams('end') : null;
    const loaded = (state: StreamState): StreamState => ({ ...structuredClone(state), acknowledgedBytes: Math.max(state.acknowledgedBytes, stored?.get(state.streamId)?.length ?? 0) });
    return Promise.resolve([...this.store.states.values()].filter(state => sources.includes(state.source)).map(loaded));
  }

  partitionOf(source: string, known: number | null): number | null {
    return this.partitions === null ? null : (known ?? source.length % this.partitions);
  }

  publishStates(states: readonly StreamState[]): Promise<void> {
    if (!this.#crashed) for (const state of states) this.store.states.set(state.streamId, structuredClone(state));
    return Promise.resolve();
  }

  publish(chunk: Chunk): Promise<void> {
    if (this.#crashed) return Promise.resolve();
    if (!this.store.states.has(chunk.streamId)) throw new Error(`stream ${chunk.streamId} was sent before it was known`);
    if (this.partitions !== null && this.store.states.get(chunk.streamId)?.partition === null) throw new Error(`the partition of stream ${chunk.streamId} was not known before it was sent`);
    // The value is given away: the copy proves that nobody writes to it later.
    const bytes = Buffer.from(chunk.codec === 'zstd' ? zstdDecompressSync(chunk.value) : chunk.value);
    const stored = { chunk, bytes };
    this.pending.push(stored);
    if (this.prompt) this.acknowledge(0);
    return Promise.resolve();
  }

  /** Acknowledges the pending chunk at this index (a negative one counts from the end). All before it have arrived too: order is kept, only acknowledgements are not. */
  acknowledge(index: number): void {
    const at = index < 0 ? this.pending.length + index : index;
    const stored = this.pending[at];
    if (stored === undefined) return;
    this.#arrive(at + 1);
    this.pending.splice(at, 1);
    const { streamId, offset, end, kind } = stored.chunk;
    this.onAcknowledged([{ streamId, from: offset, to: kind === 'gap' ? offset : end, closed: kind === 'close' }]);
  }

  #arrive(count: number): void {
    for (const stored of this.pending.slice(0, count)) {
      if (this.#arrived.has(stored)) continue;
      this.#arrived.add(stored);
      this.store.chunks.push(stored);
    }
  }

  acknowledgeAll(): void {
    while (this.pending.length > 0) this.acknowledge(0);
  }

  /** The shipper is gone. Of what is pending, the first `arrived` chunks had arrived and only their acknowledgements are lost. */
  crash(arrived: number): void {
    this.#crashed = true;
    this.onAcknowledged = () => undefined;
    this.#arrive(arrived);
    this.pending = [];
  }

  drain(): Promise<boolean> {
    if (!this.#crashed) this.acknowledgeAll();
    return Promise.resolve(true);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
