/**
 * A transport whose answers get lost, late and out of order, and what outlives its shipper: the records in the order they arrived, and the stream
 * states. Every rule that can be seen from here is checked at each call, and a broken one is kept in words.
 */
import { zstdDecompressSync } from 'node:zlib';
import { addRange, type ByteRange } from '#lib/byte-ranges.ts';
import type { Chunk } from '#schemas/chunk.ts';
import type { Acknowledgement, StreamState, Transport } from '#schemas/transport.ts';

export interface TopicRecord {
  chunk: Chunk;
  bytes: Buffer;
}

/** What survives every crash. */
export class Topic {
  readonly records: TopicRecord[] = [];
  readonly states = new Map<string, StreamState>();
  /** Every state a stream ever had here, oldest first. */
  readonly history = new Map<string, StreamState[]>();
  /** Bytes of each stream as they were published, arrived or not. */
  readonly published = new Map<string, Buffer>();
  readonly broken: string[] = [];
  /** Streams whose closing record is acknowledged and that did not go on since. */
  readonly closed = new Set<string>();
  /** Where a closing record ended each, once it was acknowledged: up to there no piece is open, also when the record is sent again. */
  readonly closedAt = new Map<string, number>();
  /** `streamId:streamOffset` where a line was sent as finished without its newline, at the end of a stream; and the ends of gaps. */
  readonly ends = new Set<string>();
  /** Of each stream, what some shipper was told is safe. */
  readonly acknowledged = new Map<string, ByteRange[]>();

  tell(state: StreamState): void {
    const copy = structuredClone(state);
    this.states.set(state.streamId, copy);
    this.history.set(state.streamId, [...(this.history.get(state.streamId) ?? []), copy]);
  }

  /** The same place of a stream always has the same bytes, and nothing is left out between two. */
  notePublished({ chunk, bytes }: TopicRecord): void {
    if (chunk.kind !== 'lines') return;
    if (bytes.at(-1) !== 10 && (chunk.part === null || chunk.part.n === chunk.part.of)) this.ends.add(`${chunk.streamId}:${chunk.end}`);
    const before = this.published.get(chunk.streamId) ?? Buffer.alloc(0);
    const overlap = Math.min(before.length - chunk.offset, bytes.length);
    if (overlap > 0 && !before.subarray(chunk.offset, chunk.offset + overlap).equals(bytes.subarray(0, overlap))) this.broken.push(`stream ${chunk.streamId}: other bytes at ${chunk.offset} than were published before`);
    if (chunk.offset > before.length && !this.#isGap(chunk.streamId, before.length, chunk.offset)) this.broken.push(`stream ${chunk.streamId}: bytes ${before.length} to ${chunk.offset} were left out`);
    if (bytes.length !== chunk.end - chunk.offset) this.broken.push(`stream ${chunk.streamId}: the chunk at ${chunk.offset} has ${bytes.length} bytes`);
    const padded = Buffer.concat([before.subarray(0, chunk.offset), Buffer.alloc(Math.max(0, chunk.offset - before.length)), bytes]);
    this.published.set(chunk.streamId, before.length > padded.length ? Buffer.concat([padded, before.subarray(padded.length)]) : padded);
  }

  noteGap({ streamId, offset, end }: Chunk): void {
    this.gaps.push({ streamId, from: offset, to: end });
    for (const at of [offset, end]) this.ends.add(`${streamId}:${at}`);
  }

  readonly gaps: { streamId: string; from: number; to: number }[] = [];

  #isGap(streamId: string, from: number, to: number): boolean {
    return this.gaps.some(gap => gap.streamId === streamId && gap.from <= from && gap.to >= to);
  }
}

/** Where the process is killed: inside the nth call of the transport from now on, before or after the call did its work. */
export interface Fuse {
  calls: number;
  afterWork: boolean;
}

export interface TransportParts {
  topic: Topic;
  /** What else is known of the sources, as a store in the same process knows it; null for a broker. */
  storeStates: ((sources: readonly string[]) => StreamState[]) | null;
  takeStates: ((states: readonly StreamState[]) => Promise<void>) | null;
  /** Whether checkpoint files on disk know the stream, asked before each publish. */
  isInCheckpoint: (streamId: string) => boolean;
  fuse: Fuse | null;
  /** At the beginning of every call: what others do while the shipper waits for an answer. */
  onCall: () => void;
}

export class FaultyTransport implements Transport {
  readonly troubledBy = null;
  onAcknowledged: (acknowledgements: readonly Acknowledgement[]) => void = () => undefined;
  /** Published and not acknowledged; in order. */
  pending: TopicRecord[] = [];
  /** Resolves when the fuse has burnt down. */
  readonly killed: Promise<'killed'>;
  readonly #parts: TransportParts;
  readonly #arrived = new Set<TopicRecord>();
  /** What this run has sent and not had acknowledged, by stream; and the order of first sending, by source. */
  readonly #unacknowledged = new Map<string, number>();
  readonly #begun = new Map<string, string[]>();
  #kill: () => void = () => undefined;
  #isDead = false;
  #calls = 0;

  constructor(parts: TransportParts) {
    this.#parts = parts;
    this.killed = new Promise(resolve => (this.#kill = () => resolve('killed')));
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  #call<T>(work: () => T): Promise<T> {
    const never = new Promise<T>(() => undefined);
    if (this.#isDead) return never;
    this.#calls += 1;
    const { fuse, onCall } = this.#parts;
    onCall();
    if (fuse === null || this.#calls < fuse.calls) return Promise.resolve(work());
    if (fuse.afterWork) work();
    this.#isDead = true;
    this.#kill();
    return never;
  }

  loadStates(sources: readonly string[]): Promise<StreamState[]> {
    return this.#call(() => this.known(sources));
  }

  /** What a start is told of these sources. */
  known(sources: readonly string[]): StreamState[] {
    if (this.#parts.storeStates !== null) return this.#parts.storeStates(sources);
    return [...this.#parts.topic.states.values()].filter(state => sources.includes(state.source)).map(state => structuredClone(state));
  }

  partitionOf(source: string, known: number | null): number | null {
    return this.#parts.storeStates !== null ? null : (known ?? source.length % 3);
  }

  publishStates(states: readonly StreamState[]): Promise<void> {
    return this.#call(async () => {
      for (const state of states) {
        if (state.closed && !this.#parts.topic.closed.has(state.streamId)) this.#break(`stream ${state.streamId} is told as closed, and its closing record is not acknowledged`);
        this.#parts.topic.tell(state);
      }
      await this.#parts.takeStates?.(states);
    }).then(done => done);
  }

  publish(chunk: Chunk): Promise<void> {
    return this.#call(() => {
      // The value is given away: the copy proves that nobody writes to it later.
      const record = { chunk, bytes: Buffer.from(chunk.codec === 'zstd' ? zstdDecompressSync(chunk.value) : chunk.value) };
      this.#checkKnown(chunk);
      this.#checkOrder(chunk);
      if (chunk.kind === 'gap') this.#parts.topic.noteGap(chunk);
      this.#parts.topic.closed.delete(chunk.streamId);
      this.#parts.topic.notePublished(record);
      this.#unacknowledged.set(chunk.streamId, (this.#unacknowledged.get(chunk.streamId) ?? 0) + 1);
      this.pending.push(record);
    });
  }

  #break(problem: string): void {
    this.#parts.topic.broken.push(problem);
  }

  /** Known before sent. */
  #checkKnown({ streamId }: Chunk): void {
    if (!this.#parts.topic.states.has(streamId)) this.#break(`stream ${streamId} was sent before it was known outside`);
    // Before its first chunk; a checkpoint that was lost later is written again in its time.
    if (!this.#parts.topic.published.has(streamId) && !this.#parts.isInCheckpoint(streamId)) this.#break(`stream ${streamId} was sent before it was in the checkpoint`);
  }

  /** An older stream of a source is acknowledged, its closing record included, before the next one starts. */
  #checkOrder({ source, streamId }: Chunk): void {
    const begun = this.#begun.get(source) ?? [];
    if (begun.includes(streamId)) return;
    for (const older of begun) if ((this.#unacknowledged.get(older) ?? 0) > 0) this.#break(`stream ${streamId} began while ${older} of the same source was not acknowledged`);
    this.#begun.set(source, [...begun, streamId]);
  }

  /** Acknowledges the pending record at this index (a negative one counts from the end). All before it have arrived too: order is kept, only answers are not. */
  acknowledge(index: number): void {
    const at = index < 0 ? this.pending.length + index : index;
    const record = this.pending[at];
    if (record === undefined || this.#isDead) return;
    this.#arrive(at + 1);
    this.pending.splice(at, 1);
    const { streamId, offset, end, kind } = record.chunk;
    this.#unacknowledged.set(streamId, this.#unacknowledged.get(streamId)! - 1);
    if (kind === 'close') {
      this.#parts.topic.closed.add(streamId);
      this.#parts.topic.closedAt.set(streamId, end);
    }
    // A store in the same process answers by itself.
    if (this.#parts.storeStates === null) this.acknowledged([{ streamId, from: offset, to: end, closed: kind === 'close' }]);
  }

  acknowledged(acknowledgements: readonly Acknowledgement[]): void {
    const { acknowledged } = this.#parts.topic;
    for (const { streamId, from, to } of acknowledgements) acknowledged.set(streamId, addRange(acknowledged.get(streamId) ?? [], { from, to }));
    this.onAcknowledged(acknowledgements);
  }

  /** The first `count` pending records arrive and their answers are lost: they will be sent, and arrive, once more. */
  loseAnswers(count: number): void {
    if (this.#isDead) return;
    for (const record of this.pending.slice(0, count)) this.#parts.topic.records.push(record);
  }

  #arrive(count: number): void {
    for (const record of this.pending.slice(0, count)) {
      if (this.#arrived.has(record)) continue;
      this.#arrived.add(record);
      this.#parts.topic.records.push(record);
    }
  }

  acknowledgeAll(): void {
    while (this.pending.length > 0 && !this.#isDead) this.acknowledge(0);
  }

  /** The shipper is gone. Of what is pending, the first `arrived` records had arrived and only their answers are lost. */
  crash(arrived: number): void {
    this.#isDead = true;
    this.onAcknowledged = () => undefined;
    this.#arrive(arrived);
    this.pending = [];
  }

  drain(): Promise<boolean> {
    this.acknowledgeAll();
    return Promise.resolve(true);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
