/**
 * Sources of which nothing changed for long: all they have is acknowledged and told, and none of their files is open. Most of thousands are like that,
 * so what is known of one is a text instead of the objects that one at work needs, a third of their size. Whatever happens to a file of theirs makes
 * the objects again.
 */
import type { Framing, PreviousStream } from '#schemas/chunk.ts';
import type { StreamState } from '#schemas/transport.ts';
import { AckTracker } from './ack-tracker.ts';
import { Chain, type ChainMemory } from './chain.ts';
import type { FileSource } from './file-source.ts';
import { firstOpenPiece } from './framing.ts';
import type { IndexedFile } from './indexed-file.ts';
import type { Tellable } from './state-teller.ts';
import { skippedCause, TailedStream } from './tailed-stream.ts';

type SourceOf = (file: IndexedFile) => FileSource;

/** A stream without what its file tells. */
type PackedStream = [
  name: string, generation: number, head: string, framing: Framing, previous: PreviousStream | null, bootId: string | null, sizeBytes: number, position: number, tailHash: string,
  droppedBytes: Readonly<Record<string, number>> | 0, gapBytes: number, readToEndMs: number | null, copiesAfterNs: string | null, readMtimeMs: number | null, truncatedMs: number | null, isTold: boolean,
];

interface PackedChain {
  partition: number | null;
  memory: ChainMemory;
  streams: PackedStream[];
}

/** Times are kept as small integers: a number with a fraction, or as large as a date, is an object of its own. */
const tickMs = 100;
const zeroMs = Date.now();
const ticksOf = (ms: number): number => Math.floor((ms - zeroMs) / tickMs);
const longAgo = -(2 ** 30);
const msOf = (ticks: number): number => zeroMs + ticks * tickMs;

export class RestingSource implements Tellable {
  readonly source: string;
  /** Of its streams: closed ones whose file is there, and last the one that may grow. One file has no list, as thousands have no more. */
  readonly #files: IndexedFile | readonly IndexedFile[];
  readonly #text: string;
  readonly #sourceOf: SourceOf;
  /** Of all its files together, when it came to rest. */
  readonly #changes: number;
  #readToEnd: number;
  #published: number;
  /** The last refresh that saw a file of it, and how many it saw. */
  #round = 0;
  #seen = 0;
  readonly phase = 'reading';
  readonly isTold = true;
  readonly isTelling = false;
  readonly isAnnounced = true;

  private constructor(chain: Chain, files: readonly IndexedFile[], current: TailedStream, text: string, sourceOf: SourceOf) {
    this.source = chain.source;
    this.#files = files.length === 1 ? files[0]! : files;
    this.#text = text;
    this.#sourceOf = sourceOf;
    this.#changes = changesOf(files);
    this.#readToEnd = ticksOf(current.readToEndMs!);
    this.#published = ticksOf(current.publishedMs);
  }

  /** @returns null where the source cannot rest now */
  static of(chain: Chain, sourceOf: SourceOf): RestingSource | null {
    const [current] = chain.streams;
    if (current === undefined || chain.streams.length > 1 || chain.waitsForOlder || !isAtRest(current)) return null;
    const streams = [...chain.closedHere, current];
    if (!streams.every(stream => isWhole(stream) && isFileAsTold(stream, chain, sourceOf))) return null;
    const packed: PackedChain = { partition: chain.partition, memory: chain.memory(), streams: streams.map(pack) };
    return new RestingSource(chain, streams.map(stream => stream.file!), current, JSON.stringify(packed), sourceOf);
  }

  get files(): readonly IndexedFile[] {
    return this.#files instanceof Array ? this.#files : [this.#files];
  }

  /** A look found one of its files where it was. @returns whether one is not as it was when the source came to rest */
  saw(nowMs: number): boolean {
    if (changesOf(this.files) !== this.#changes) return true;
    this.#readToEnd = ticksOf(nowMs);
    return false;
  }

  /** A refresh found one of its files. */
  found(round: number): void {
    if (this.#round !== round) this.#seen = 0;
    this.#round = round;
    this.#seen += 1;
  }

  /** Whether the refresh found all of them. */
  isWhole(round: number): boolean {
    return this.#round === round && this.#seen === this.files.length;
  }

  /** Its streams as they were; nothing else knows of these. */
  unpack(): Chain {
    const { partition, memory, streams } = JSON.parse(this.#text) as PackedChain;
    const chain = Chain.of(this.source, partition, memory);
    const { files } = this;
    for (const [index, packed] of streams.entries()) {
      const isCurrent = index === files.length - 1;
      const stream = unpack(packed, files[index]!, { ...this.#sourceOf(files[index]!), source: this.source }, partition);
      if (isCurrent) {
        stream.phase = 'reading';
        stream.readToEndMs = this.readToEndMs;
        stream.publishedMs = this.publishedMs;
        chain.add(stream);
        stream.isPlaced = true;
      } else {
        stream.phase = 'closed';
        chain.keepClosed(stream);
      }
    }
    return chain;
  }

  get lastGrowthMs(): number {
    return this.files.at(-1)!.mtimeMs;
  }

  get readToEndMs(): number {
    return msOf(this.#readToEnd);
  }

  get publishedMs(): number {
    return msOf(this.#published);
  }

  set publishedMs(ms: number) {
    this.#published = ticksOf(ms);
  }

  get changed(): boolean {
    return false;
  }

  /** What could not be told is told at the next turn. */
  set changed(changed: boolean) {
    if (changed) this.#published = longAgo;
  }

  state(): StreamState {
    return this.unpack().streams[0]!.state();
  }

  /** Of all its streams. */
  *states(): Generator<StreamState> {
    const { closedHere, streams } = this.unpack();
    for (const stream of closedHere) yield stream.state();
    for (const stream of streams) yield stream.state();
  }
}

function changesOf(files: readonly IndexedFile[]): number {
  let changes = 0;
  for (const file of files) changes += file.changes;
  return changes;
}

/** The stream that may grow has nothing to do, and nobody has anything to do for it. */
function isAtRest(stream: TailedStream): boolean {
  return stream.phase === 'reading' && stream.readToEndMs !== null && stream.isTold && !stream.isTelling && !stream.changed && !stream.idleOwed && !stream.skipOwed && stream.truncatedMs === null;
}

/** All that is known of it is in its state: what is sent is acknowledged, no line or piece is open, and no file of it either. */
function isWhole(stream: TailedStream): boolean {
  const { tracker, position, tail } = stream;
  return stream.reader === null && stream.seenStart === null && !stream.readsCopy && !stream.awaitsCopy && stream.twin === 'none' && stream.openLine === null && firstOpenPiece(stream.pieces) === null
    && position > 0 && tail?.at === position && tracker.safeOffset === position && tracker.inFlightBytes === 0;
}

/** Where its file is tells the rest. */
function isFileAsTold(stream: TailedStream, chain: Chain, sourceOf: SourceOf): boolean {
  const { file } = stream;
  if (file === null || file.isLink || !stream.present || stream.partition !== chain.partition || stream.lookedSizeBytes !== file.sizeBytes || stream.lookedMtimeMs !== file.mtimeMs) return false;
  if (stream.path !== file.path || stream.device !== file.device || stream.inode !== file.inode || stream.birthTimeNs !== file.birthTimeNs) return false;
  const source = sourceOf(file);
  return source.source === stream.source.source && source.sourceId === stream.source.sourceId && source.chain === stream.source.chain && source.rotation === stream.source.rotation && JSON.stringify(source.origin) === JSON.stringify(stream.source.origin);
}

function pack(stream: TailedStream): PackedStream {
  const hasDropped = Object.keys(stream.droppedBytes).length > 0;
  return [
    stream.name!, stream.generation, stream.head, stream.framing, stream.previous, stream.bootId, stream.sizeBytes, stream.position, stream.tail!.hash,
    hasDropped ? stream.droppedBytes : 0, stream.gapBytes, stream.phase === 'closed' ? stream.readToEndMs : null, stream.copiesAfterNs, stream.readMtimeMs, stream.truncatedMs, stream.isTold,
  ];
}

function unpack(packed: PackedStream, file: IndexedFile, source: FileSource, partition: number | null): TailedStream {
  const [name, generation, head, framing, previous, bootId, sizeBytes, position, tailHash, droppedBytes, gapBytes, readToEndMs, copiesAfterNs, readMtimeMs, truncatedMs, isTold] = packed;
  const stream = new TailedStream(source, file);
  const tail = { at: position, hash: tailHash };
  Object.assign(stream, { name, generation, head, framing, previous, bootId, sizeBytes, position, tail, gapBytes, readToEndMs, copiesAfterNs, readMtimeMs, truncatedMs, isTold, file, partition, changed: false });
  stream.tracker = new AckTracker(position, tail);
  if (droppedBytes !== 0) {
    stream.droppedBytes = droppedBytes;
    stream.skippedBytes = droppedBytes[skippedCause] ?? 0;
  }
  stream.mtimeMs = file.mtimeMs;
  stream.lastGrowthMs = file.mtimeMs;
  return stream;
}
