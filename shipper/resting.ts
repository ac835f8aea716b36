/**
 * Sources of which nothing changed for long: all they have is acknowledged and told, and none of their files is open. Most of thousands are like that,
 * so what is known of one is a text instead of the objects that one at work needs, a third of their size. Whatever happens to a file of theirs makes
 * the objects again.
 */
import { isDeepStrictEqual } from 'node:util';
import { framings, type PreviousStream } from '#schemas/chunk.ts';
import type { StreamState } from '#schemas/transport.ts';
import { AckTracker } from './ack-tracker.ts';
import { balanceOf, type StreamBalance } from './balance.ts';
import { Chain, type ChainMemory } from './chain.ts';
import { kernelBootId, streamIdOf } from './file-identity.ts';
import type { FileSource } from './file-source.ts';
import { IndexedFile } from './indexed-file.ts';
import { sourceBalances } from './source-balances.ts';
import type { Tellable } from './state-teller.ts';
import { skippedCause, TailedStream } from './tailed-stream.ts';

type SourceOf = (file: IndexedFile) => FileSource;

/** What most streams have no need to say. */
interface More {
  previous?: PreviousStream;
  /** Where it is not that of the running kernel. */
  bootId?: string | null;
  droppedBytes?: Readonly<Record<string, number>>;
  gapBytes?: number;
  readToEndMs?: number | null;
  copiesAfterNs?: string;
  truncatedMs?: number;
  isTold?: false;
  /** With the stream that may grow, where its source had others. */
  memory?: ChainMemory;
}
type Numbers = [generation: number, framing: number, partition: number | null, sizeBytes: number, position: number, readMtimeMs: number | null, isNew: 0 | 1, begunStreams: number, more?: More];

const bootId = kernelBootId();

/** Times are kept as small integers: a number with a fraction, or as large as a date, is an object of its own. */
const tickMs = 100;
const zeroMs = Date.now();
const ticksOf = (ms: number): number => Math.floor((ms - zeroMs) / tickMs);
const longAgo = -(2 ** 30);
const msOf = (ticks: number): number => zeroMs + ticks * tickMs;

export class RestingSource implements Tellable {
  readonly source: string;
  /** Of its streams: closed ones whose file is there, and last the one that may grow. One has no list, as thousands have no more. */
  readonly #files: IndexedFile | readonly IndexedFile[];
  readonly #packed: string | readonly string[];
  readonly #sourceOf: SourceOf;
  /** Of all its files together, when it came to rest. */
  readonly #changes: number;
  #readToEnd: number;
  #published: number;
  /** The last refresh that saw a file of it, and how many it saw. */
  #round = 0;
  #seen = 0;

  private constructor(source: string, files: readonly IndexedFile[], packed: readonly string[], current: TailedStream, sourceOf: SourceOf) {
    this.source = source;
    this.#files = files.length === 1 ? files[0]! : files;
    this.#packed = packed.length === 1 ? packed[0]! : packed;
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
    return new RestingSource(chain.source, streams.map(stream => stream.file!), streams.map(stream => pack(stream, stream === current ? chain : null)), current, sourceOf);
  }

  get files(): readonly IndexedFile[] {
    return this.#files instanceof IndexedFile ? [this.#files] : this.#files;
  }

  /** Looks that found any of its files changed. Asked at each look, and makes nothing. */
  get #changesNow(): number {
    return this.#files instanceof IndexedFile ? this.#files.changes : changesOf(this.#files);
  }

  /** A look found one of its files where it was. @returns whether one is not as it was when the source came to rest */
  saw(nowMs: number): boolean {
    if (this.#changesNow !== this.#changes) return true;
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
    return this.#round === round && this.#seen === (this.#files instanceof IndexedFile ? 1 : this.#files.length);
  }

  /** Of thousands, every few seconds: read off where there is one stream. */
  *balances(): Generator<StreamBalance> {
    if (typeof this.#packed !== 'string') {
      yield* sourceBalances([this.unpack()], new Map());
      return;
    }
    const { name, numbers: [generation, , , sizeBytes, position, , , begunStreams, { droppedBytes = {} } = {}] } = partsOf(this.#packed);
    const readBytes = position - (droppedBytes[skippedCause] ?? 0);
    const counted = { streamId: streamIdOf(name, generation), source: this.source, path: this.files[0]!.path, phase: this.phase, writtenBytes: Math.max(sizeBytes, position), readBytes, acknowledgedBytes: readBytes, inFlightBytes: 0, droppedBytes: { ...droppedBytes }, readToEndMs: this.readToEndMs };
    yield balanceOf(counted, { newerStreams: 0, begunStreams, keptStreams: 0, isThere: true });
  }

  /** Its streams as they were; nothing else knows of these. */
  unpack(): Chain {
    const { files } = this;
    const streams = (typeof this.#packed === 'string' ? [this.#packed] : this.#packed).map((packed, index) => unpack(packed, files[index]!, { ...this.#sourceOf(files[index]!), source: this.source }));
    const current = streams.pop()!;
    const { stream, memory } = current;
    const chain = Chain.of(this.source, stream.partition, memory);
    for (const closed of streams) {
      closed.stream.phase = 'closed';
      chain.keepClosed(closed.stream);
    }
    stream.phase = 'reading';
    stream.readToEndMs = this.readToEndMs;
    stream.publishedMs = this.publishedMs;
    chain.add(stream);
    stream.isPlaced = true;
    return chain;
  }

  get phase(): 'reading' {
    return 'reading';
  }

  get isTold(): true {
    return true;
  }

  get isAnnounced(): true {
    return true;
  }

  get isTelling(): false {
    return false;
  }

  get lastGrowthMs(): number {
    return this.#files instanceof IndexedFile ? this.#files.mtimeMs : this.#files.at(-1)!.mtimeMs;
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

  /** @returns that of the stream that may grow */
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
  return stream.reader === null && stream.seenStart === null && !stream.readsCopy && !stream.awaitsCopy && stream.twin === 'none' && !stream.isInsideLine
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

/** 16 bytes of the name, 32 of the tail hash, a JSON list, and the first line, all as Latin-1 text. */
function pack(stream: TailedStream, chain: Chain | null): string {
  const more: More = {};
  if (stream.previous !== null) more.previous = stream.previous;
  if (stream.bootId !== bootId) more.bootId = stream.bootId;
  if (Object.keys(stream.droppedBytes).length > 0) more.droppedBytes = stream.droppedBytes;
  if (stream.gapBytes > 0) more.gapBytes = stream.gapBytes;
  if (chain === null) more.readToEndMs = stream.readToEndMs;
  if (stream.copiesAfterNs !== null) more.copiesAfterNs = stream.copiesAfterNs;
  if (stream.truncatedMs !== null) more.truncatedMs = stream.truncatedMs;
  if (!stream.isTold) more.isTold = false;
  const memory = chain?.memory() ?? usualMemory(stream, true, 0);
  if (chain !== null && !isDeepStrictEqual(memory, usualMemory(stream, memory.isNew, memory.begunStreams))) more.memory = memory;
  const numbers: Numbers = [stream.generation, framings.indexOf(stream.framing), stream.partition, stream.sizeBytes, stream.position, stream.readMtimeMs, memory.isNew ? 1 : 0, memory.begunStreams];
  if (Object.keys(more).length > 0) numbers.push(more);
  const json = Buffer.from(JSON.stringify(numbers));
  const head = Buffer.from(stream.head, 'latin1');
  // Made as one text: a text put together from others keeps them all.
  return Buffer.concat([Buffer.from(stream.name!, 'hex'), Buffer.from(stream.tail!.hash, 'hex'), json, lineEnd, head]).toString('latin1');
}

const nameBytes = 16;
const jsonFrom = nameBytes + 32;
const lineEnd = Buffer.from('\n');

function partsOf(packed: string): { bytes: Buffer; name: string; numbers: Numbers; headFrom: number } {
  const bytes = Buffer.from(packed, 'latin1');
  // What is behind it, the first line, may be anything; in JSON a newline is written otherwise.
  const jsonTo = bytes.indexOf(lineEnd, jsonFrom);
  return { bytes, name: bytes.toString('hex', 0, nameBytes), numbers: JSON.parse(bytes.toString('utf8', jsonFrom, jsonTo)) as Numbers, headFrom: jsonTo + 1 };
}

function unpack(packed: string, file: IndexedFile, source: FileSource): { stream: TailedStream; memory: ChainMemory } {
  const { bytes, name, numbers, headFrom } = partsOf(packed);
  const [generation, framing, partition, sizeBytes, position, readMtimeMs, isNew, begunStreams, more = {}] = numbers;
  const stream = new TailedStream(source, file);
  stream.name = name;
  stream.generation = generation;
  stream.framing = framings[framing]!;
  stream.partition = partition;
  stream.sizeBytes = sizeBytes;
  stream.position = position;
  stream.head = bytes.toString('latin1', headFrom);
  stream.tail = { at: position, hash: bytes.toString('hex', nameBytes, jsonFrom) };
  stream.tracker = new AckTracker(position, stream.tail);
  stream.file = file;
  stream.mtimeMs = file.mtimeMs;
  stream.lastGrowthMs = file.mtimeMs;
  stream.changed = false;
  stream.previous = more.previous ?? null;
  stream.bootId = more.bootId === undefined ? bootId : more.bootId;
  if (more.droppedBytes !== undefined) stream.droppedBytes = more.droppedBytes;
  stream.skippedBytes = more.droppedBytes?.[skippedCause] ?? 0;
  stream.gapBytes = more.gapBytes ?? 0;
  stream.readToEndMs = more.readToEndMs ?? null;
  stream.copiesAfterNs = more.copiesAfterNs ?? null;
  stream.readMtimeMs = readMtimeMs;
  stream.truncatedMs = more.truncatedMs ?? null;
  stream.isTold = more.isTold ?? true;
  return { stream, memory: more.memory ?? usualMemory(stream, isNew === 1, begunStreams) };
}

/** Of a source whose one stream is all that was ever known. */
function usualMemory(stream: TailedStream, isNew: boolean, begunStreams: number): ChainMemory {
  return { isNew, lastEnded: null, youngestCopyNs: null, begunStreams, closedStates: [], generations: [[stream.name!, stream.generation]] };
}
