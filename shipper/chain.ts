/** One source: its streams in the order in which they are sent. */
import type { PreviousStream } from '#schemas/chunk.ts';
import type { StreamState } from '#schemas/transport.ts';
import { birthOf } from './copies.ts';
import { compareAge } from './file-source.ts';
import type { TailedStream } from './tailed-stream.ts';

/** Names remembered per source, for the generation of one that comes again. */
const namesMax = 1024;
/** Closed streams remembered per source for telling their copies; older ones are forgotten unless a copy of theirs is there. */
const closedStatesMax = 64;

/** Thousands of sources share it. */
const none: readonly never[] = [];

/** What a source at rest keeps of itself, beside its streams. As JSON has it. */
export interface ChainMemory {
  isNew: boolean;
  lastEnded: PreviousStream | null;
  youngestCopyNs: string | null;
  begunStreams: number;
  closedStates: readonly StreamState[];
  generations: [name: string, generation: number][];
}

export class Chain {
  readonly source: string;
  /** All its chunks travel in it, null where the transport has no partitions. */
  readonly partition: number | null;
  /** Whether nobody knew anything of the source when it was first seen. */
  readonly isNew: boolean;
  /** Not closed, oldest first; only the first may send. */
  streams: readonly TailedStream[] = none;
  /** Closed, with their files still there. */
  closedHere: readonly TailedStream[] = none;
  lastEnded: PreviousStream | null = null;
  /** Birth time of the youngest rotated file beside its files that was ever seen and is no stream's own; null where none was, or none has one. */
  youngestCopyNs: bigint | null = null;
  /** A stream that was open when the last run ended may come before these; the next refresh decides. */
  waitsForOlder = false;
  /** When it has to be looked at next. */
  dueMs = 0;
  /** Streams that nobody knew before this run. */
  begunStreams = 0;
  /** Bytes handed over in this run. */
  sentBytes = 0;
  /** Looks in a row that found growth, and all of it fitted into a chunk. */
  grownLooks = 0;
  /** When the last of them was. */
  grownMs = 0;
  /** Had more to send than fitted into a chunk. */
  isLoud = false;
  #closedStates: readonly StreamState[] = none;
  /** Which `lastEnded` is, where that was not closed in this run. */
  #endedBefore: TailedStream | null = null;
  /** The highest generation seen of each name. One name has no map: thousands of sources have no more. */
  #generations: Map<string, number> | { name: string; generation: number } | null = null;

  constructor(source: string, partition: number | null, states: readonly StreamState[], isNew = states.length === 0) {
    this.source = source;
    this.partition = partition;
    this.isNew = isNew;
    for (const state of states) {
      this.#sawGeneration(state.name, state.generation);
      if (state.closed) this.#closedStates = [...this.#closedStates, state];
    }
  }

  /** The source as it was when it told its `memory`; without its streams. */
  static of(source: string, partition: number | null, memory: ChainMemory): Chain {
    const chain = new Chain(source, partition, memory.closedStates, memory.isNew);
    chain.lastEnded = memory.lastEnded;
    chain.youngestCopyNs = memory.youngestCopyNs === null ? null : BigInt(memory.youngestCopyNs);
    chain.begunStreams = memory.begunStreams;
    for (const [name, generation] of memory.generations) chain.#sawGeneration(name, generation);
    return chain;
  }

  memory(): ChainMemory {
    const generations = this.#generations;
    return {
      isNew: this.isNew,
      lastEnded: this.lastEnded,
      youngestCopyNs: this.youngestCopyNs?.toString() ?? null,
      begunStreams: this.begunStreams,
      closedStates: this.#closedStates,
      generations: generations === null ? [] : generations instanceof Map ? [...generations] : [[generations.name, generations.generation]],
    };
  }

  /** The stream that sends now, or undefined. An empty file holds nobody up. */
  get current(): TailedStream | undefined {
    return this.streams.find((stream, index) => index === this.streams.length - 1 || !stream.isKnownEmpty);
  }

  /** Everything that can be had now was read, as of the last step: its last file holds an unfinished line at most. */
  get isReadToEnd(): boolean {
    const { current } = this;
    if (current === undefined) return true;
    if (this.isSuperseded(current)) return false;
    switch (current.phase) {
      case 'unnamed':
        return current.reader === null || current.lookedSizeBytes === current.sizeBytes;
      case 'reading':
        return current.readToEndMs !== null || current.reader === null;
      default:
        return current.phase === 'closed' || current.phase === 'refused';
    }
  }

  /** Whether another stream of the source comes after it. */
  isSuperseded(stream: TailedStream): boolean {
    return this.streams.at(-1) !== stream;
  }

  /** A rotated file that may hold the bytes of a stream of this source. */
  sawCopy(file: { birthTimeNs: string | null }): void {
    if (file.birthTimeNs === null) return;
    const bornNs = BigInt(file.birthTimeNs);
    if (this.youngestCopyNs === null || bornNs > this.youngestCopyNs) this.youngestCopyNs = bornNs;
  }

  /** The generation that a name begins with: behind all that are known. */
  nextGeneration(name: string): number {
    const known = this.#generations;
    if (known === null) return 0;
    return ((known instanceof Map ? known.get(name) : known.name === name ? known.generation : undefined) ?? -1) + 1;
  }

  /** A stream of the source has its name. */
  named(stream: TailedStream): void {
    this.#sawGeneration(stream.name!, stream.generation);
  }

  /** Its closed state is told. @param isHere its file is still there */
  closed(stream: TailedStream, isHere: boolean): void {
    this.streams = this.streams.filter(each => each !== stream);
    this.lastEnded = { streamId: stream.streamId, end: stream.position };
    this.#endedBefore = null;
    if (isHere) this.keepClosed(stream);
    else this.#remember(stream.state());
  }

  /** A stream that an earlier run closed was found again: of several the youngest is the one before what comes next. */
  endedBefore(stream: TailedStream): void {
    if (this.lastEnded !== null && (this.#endedBefore === null || byAge(this.#endedBefore, stream) > 0)) return;
    this.#endedBefore = stream;
    this.lastEnded = { streamId: stream.streamId, end: stream.position };
  }

  /** The file of a closed stream is gone. */
  forget(stream: TailedStream): void {
    if (!this.closedHere.includes(stream)) return;
    this.reopened(stream);
    if (stream.phase === 'closed') this.#remember(stream.state());
  }

  /** A closed stream whose file is there. */
  keepClosed(stream: TailedStream): void {
    this.closedHere = [...this.closedHere, stream];
  }

  reopened(stream: TailedStream): void {
    if (this.closedHere.length > 0) this.closedHere = this.closedHere.filter(each => each !== stream);
  }

  /** A stream whose place among the others `sort` finds. */
  add(stream: TailedStream): void {
    stream.isPlaced = false;
    this.streams = [...this.streams, stream];
  }

  /** The next generation of a stream: right behind it. */
  addBehind(stream: TailedStream, next: TailedStream): void {
    const index = this.streams.indexOf(stream) + 1;
    next.isPlaced = true;
    this.streams = [...this.streams.slice(0, index), next, ...this.streams.slice(index)];
  }

  /** Closed streams without a file of their own, newest last. */
  get closedStates(): readonly StreamState[] {
    return this.#closedStates;
  }

  /** A known closed stream's file was found: it is remembered by the file now. */
  found(streamId: string): void {
    this.#closedStates = this.#closedStates.filter(state => state.streamId !== streamId);
  }

  /** Forgets the oldest closed streams beyond the limit. @param isNeeded whether a copy of that stream is there */
  trim(isNeeded: (streamId: string) => boolean): void {
    let surplus = this.#closedStates.length - closedStatesMax;
    if (surplus <= 0) return;
    this.#closedStates = this.#closedStates.filter(state => {
      if (surplus <= 0 || isNeeded(state.streamId)) return true;
      surplus -= 1;
      return false;
    });
  }

  /**
   * Puts streams that came since the last call where they belong. The others keep their order: a stream that is ahead stays ahead, also when its file
   * is gone and its name says nothing any more.
   */
  sort(): void {
    const fresh = this.streams.filter(stream => !stream.isPlaced).sort(byAge);
    if (fresh.length === 0) return;
    const placed = this.streams.filter(stream => stream.isPlaced);
    for (const stream of fresh) {
      const younger = placed.findIndex(each => isYounger(each, stream));
      placed.splice(younger < 0 ? placed.length : younger, 0, stream);
      stream.isPlaced = true;
    }
    this.streams = placed.slice(); // as large as it has to be
  }

  #sawGeneration(name: string, generation: number): void {
    const highest = Math.max(generation, this.nextGeneration(name) - 1);
    const known = this.#generations;
    if (known === null || (!(known instanceof Map) && known.name === name)) {
      this.#generations = { name, generation: highest };
      return;
    }
    const generations = known instanceof Map ? known : new Map([[known.name, known.generation]]);
    generations.delete(name);
    generations.set(name, highest);
    if (generations.size > namesMax) generations.delete(generations.keys().next().value!);
    this.#generations = generations;
  }

  #remember(state: StreamState): void {
    this.#closedStates = [...this.#closedStates.filter(each => each.streamId !== state.streamId), state];
  }
}

function byAge(a: TailedStream, b: TailedStream): number {
  if (a.inode === b.inode && a.birthTimeNs === b.birthTimeNs) return a.generation - b.generation;
  return compareAge({ ...a.source, mtimeMs: a.mtimeMs, path: a.path }, { ...b.source, mtimeMs: b.mtimeMs, path: b.path });
}

/** Whether a stream that has its place comes after one that has none yet. */
function isYounger(placed: TailedStream, fresh: TailedStream): boolean {
  // The name of a truncated file says nothing of when its bytes were written; what was copied since it began came later.
  if (fresh.truncatedMs !== null && isRotatedFile(placed)) return !birthOf(placed, fresh).isOlder;
  if (placed.truncatedMs !== null && isRotatedFile(fresh)) return birthOf(fresh, placed).isOlder;
  const isGenerationOf = placed.inode === fresh.inode && placed.birthTimeNs === fresh.birthTimeNs;
  // Of a file that is gone the name says nothing; that it was found gone says that what was there before stays ahead of what comes.
  if (fresh.file !== null || fresh.readsCopy || isGenerationOf) return (placed.file !== null || isGenerationOf) && byAge(fresh, placed) < 0;
  if (placed.previous !== null) return placed.previous.streamId === fresh.streamId;
  return fresh.birthTimeNs === null || placed.birthTimeNs === null || BigInt(placed.birthTimeNs) > BigInt(fresh.birthTimeNs);
}

function isRotatedFile(stream: TailedStream): boolean {
  return stream.file !== null && stream.source.rotation !== null && stream.birthTimeNs !== null && stream.truncatedMs === null;
}
