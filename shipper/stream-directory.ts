/**
 * Which file is which stream: takes what a refresh of the index found and keeps, per source, its streams in their order. Files are matched by inode
 * and birth time first and as copies last; what a checkpoint or the transport knows is proven on the file's bytes before it is gone on with.
 */
import { sep } from 'node:path';
import type { Log } from '#lib/log.ts';
import type { StreamState, Transport } from '#schemas/transport.ts';
import type { StreamBalance } from './balance.ts';
import { Chain } from './chain.ts';
import type { WritableCheckpoint } from './checkpoint-store.ts';
import { msOf, showsTruncation } from './copies.ts';
import { CopyBindings } from './copy-bindings.ts';
import { CopyWaits } from './copy-waits.ts';
import type { FoundFile } from './discovery.ts';
import type { IndexedFiles } from './file-index.ts';
import { sameFile } from './file-identity.ts';
import { compareAge, type FileSource } from './file-source.ts';
import { fileKey, type IndexedFile } from './indexed-file.ts';
import type { Learned } from './learning.ts';
import type { OpenFiles } from './open-files.ts';
import { RestingSource } from './resting.ts';
import { resume } from './resume.ts';
import { sourceBalances } from './source-balances.ts';
import type { Tellable } from './state-teller.ts';
import { openReader } from './stream-reader.ts';
import { streamOfState, TailedStream } from './tailed-stream.ts';
import { UnmatchedStates } from './unmatched-states.ts';

/** Settled refreshes in a row that must miss a file nobody holds open before it counts as gone: one may look here while it is moved there. */
const missedRoundsMax = 2;
/** Others of its source wait for one that cannot be opened for this long. */
const heldMsMax = 30_000;
/** An empty file that is gone, and that nobody has written to for this long, is let go. */
const emptyGoneMs = 2000;

export interface DirectoryParts {
  sourceOf: (file: Pick<FoundFile, 'realPath' | 'matchPath'>) => FileSource;
  partitionOf: Transport['partitionOf'];
  files: OpenFiles;
  log: Log;
}

interface SourcedFile {
  file: IndexedFile;
  source: FileSource;
}

export class StreamDirectory {
  readonly copies: CopyBindings;
  readonly #parts: DirectoryParts;
  readonly #log: Log;
  /** All streams, closed ones as long as their file is there. */
  readonly #streams = new Set<TailedStream>();
  /** By device and inode; closed streams as long as their file is there. */
  readonly #byKey = new Map<string, TailedStream>();
  readonly #chains = new Map<string, Chain>();
  /** Sources with no chain, because there is nothing to do for them. */
  readonly #resting = new Map<string, RestingSource>();
  /** Streams of sources that may come to rest. */
  #quiet: TailedStream[] = [];
  /** Chains in which a stream of the last run has not been found yet. */
  readonly #waitingChains = new Set<Chain>();
  /** States that checkpoint and outside both have. */
  readonly #told = new WeakSet<StreamState>();
  readonly #unmatched = new UnmatchedStates();
  readonly #copyWaits = new CopyWaits();
  /** Chains in which the refresh that is being taken in changed something. */
  #touched = new Set<Chain>();
  #round = 0;
  /** Something was not where it was: the next refresh decides. */
  wantsAnotherRound = false;

  constructor(parts: DirectoryParts) {
    this.#parts = parts;
    this.#log = parts.log;
    this.copies = new CopyBindings({
      log: parts.log,
      files: parts.files,
      reopen: (stream, nowMs) => this.reopen(stream, nowMs),
      truncated: stream => {
        this.truncated(stream);
        this.#touched.add(this.chainOf(stream));
      },
    });
  }

  /** Of all sources that are not at rest. */
  get streams(): ReadonlySet<TailedStream> {
    return this.#streams;
  }

  /** Of all sources that are not at rest. */
  get chains(): ReadonlyMap<string, Chain> {
    return this.#chains;
  }

  /** Those of one source stand together. One at a time: of thousands of streams all at once would be megabytes. */
  *balances(): Generator<StreamBalance> {
    yield* sourceBalances(this.#chains.values(), this.copies.copiedBySource());
    for (const resting of this.#resting.values()) yield* resting.balances();
  }

  /** What may have to be told outside. */
  *toTell(): Generator<Tellable> {
    yield* this.#streams;
    yield* this.#resting.values();
  }

  get restingCount(): number {
    return this.#resting.size;
  }

  /** Whether `know` was called for the source. */
  knows(source: string): boolean {
    return this.#chains.has(source) || this.#resting.has(source);
  }

  /** Open in the checkpoint or outside, with no file found yet that could be theirs. */
  unmatchedStates(): StreamState[] {
    return this.#unmatched.states();
  }

  chainOf(stream: TailedStream): Chain {
    return this.#chain(stream.source.source);
  }

  /** What the checkpoint holds; asked for while it is written. */
  checkpoint(): WritableCheckpoint {
    return { streams: this.#states(), copies: this.copies.all() };
  }

  /** Those at rest first: one that is woken meanwhile is met again among the others. */
  *#states(): Generator<StreamState> {
    for (const resting of this.#resting.values()) yield* resting.states();
    for (const stream of this.#streams) if (stream.isNamed) yield stream.state();
    yield* this.#unmatched.states();
  }

  /** Sources of these files that `know` was not yet called for. */
  unknownSources(files: readonly IndexedFile[]): Set<string> {
    const sources = new Set<string>();
    for (const file of files) {
      if (file.resting !== null || this.#streamOf(file) !== null) continue;
      const { source } = this.#parts.sourceOf(file);
      if (!this.knows(source)) sources.add(source);
    }
    return sources;
  }

  /** What checkpoint and transport know of these sources; before the first file of one is matched. */
  know(sources: Iterable<string>, { states, told }: Learned): void {
    for (const state of told) this.#told.add(state);
    const bySource = Map.groupBy(states.filter(state => state.inode !== null), state => state.source); // without an inode: ingested or a pipe
    const partitions = new Map<string, number>();
    for (const { source, partition } of states) if (partition !== null) partitions.set(source, partition);
    for (const source of sources) {
      const known = bySource.get(source) ?? [];
      this.#chains.set(source, new Chain(source, this.#parts.partitionOf(source, partitions.get(source) ?? null), known));
      for (const state of known) if (!state.closed) this.#unmatched.add(state);
    }
  }

  /** Takes in where all files are. Files of sources that nobody was asked for yet are left for later. @returns the chains in which something changed */
  reconcile(found: IndexedFiles, nowMs: number): ReadonlySet<Chain> {
    this.#round += 1;
    this.#copyWaits.refreshed(found);
    this.#touched = new Set();
    this.wantsAnotherRound = false;
    const unknown: SourcedFile[] = [];
    this.#wakeMissed(found);
    for (const file of found.files) {
      if (file.resting !== null) {
        const chain = this.saw(file, nowMs);
        if (chain !== null) this.#touched.add(chain);
        continue;
      }
      const stream = this.#streamOf(file);
      if (stream !== null) {
        this.#sawAgain(stream, file, nowMs);
        continue;
      }
      const source = this.#parts.sourceOf(file);
      if (this.knows(source.source)) unknown.push({ file, source });
    }
    for (const { source } of unknown) this.#chain(source.source); // none is at rest
    this.copies.keep(unknown.map(({ file }) => file));
    const spokenFor = new Set<StreamState>();
    // What is on record as a stream of its own is nobody's copy.
    const rotated = Map.groupBy(unknown.filter(({ file, source }) => source.rotation !== null && this.#candidatesOf(file, source).length === 0), ({ source }) => source.source);
    const strange = unknown.filter(each => !this.#matchKnown(each, rotated, spokenFor, nowMs));
    for (const stream of this.#streams) if (stream.seenRound !== this.#round) this.#missed(stream, found, nowMs);
    this.#endUnmatched(found, spokenFor, nowMs);
    // Oldest first: of several files with one first line, the first copy after the truncation is the true one.
    const aged = strange.map(({ file, source }) => ({ file, path: file.path, mtimeMs: file.mtimeMs, source })).sort((a, b) => compareAge({ ...a, ...a.source }, { ...b, ...b.source }));
    for (const { file, source } of aged) this.#takeStrange(file, source, nowMs);
    const packed = found.compressed.map(file => ({ file, source: this.#parts.sourceOf(file) }));
    for (const { file, source } of packed) this.#sawPacked(file, source);
    this.copies.offerPacked(packed, this.#streams);
    this.wantsAnotherRound ||= this.copies.mayGrow;
    // Whoever waited for a copy has seen all files now that can be seen.
    for (const stream of this.#streams) if (stream.awaitsCopy) this.#stopWaiting(stream, found, nowMs);
    for (const chain of this.#touched) chain.sort();
    return this.#touched;
  }

  /** A look at a file that a stream is known for. @returns its chain where there is something to do */
  saw(file: IndexedFile, nowMs: number): Chain | null {
    if (file.resting !== null) {
      if (!file.resting.saw(nowMs)) return null;
      this.#wake(file.resting);
    }
    const stream = this.#byKey.get(file.key);
    if (stream?.file !== file) return null;
    if (file.sizeBytes === stream.lookedSizeBytes && file.mtimeMs === stream.lookedMtimeMs) {
      if (stream.readToEndMs === null || stream.phase !== 'reading') return null;
      stream.readToEndMs = nowMs;
      if (stream.reader === null) this.#quiet.push(stream);
      return null;
    }
    if (stream.phase === 'closed') return this.#lookAtClosed(stream, file, nowMs);
    if (stream.phase === 'refused') return null;
    const chain = this.chainOf(stream);
    if (chain.current !== stream) this.#sawWaiting(stream, file, nowMs);
    return chain;
  }

  /** It is not its turn yet: what is there is known to wait, and to be missing should it vanish. Larger may also be what came after a truncation. */
  #sawWaiting(stream: TailedStream, file: IndexedFile, nowMs: number): void {
    if (file.sizeBytes === stream.sizeBytes) return;
    const isSmaller = file.sizeBytes < stream.sizeBytes;
    const reader = isSmaller || !stream.isNamed ? null : openReader(file.path, stream.inode);
    const isOther = isSmaller || reader?.proves(stream.sizeBytes, stream.head, stream.tail) === false;
    reader?.close();
    if (isOther) {
      if (stream.phase === 'reading') this.truncated(stream);
      return;
    }
    stream.sizeBytes = file.sizeBytes;
    stream.lastGrowthMs = nowMs;
  }

  /** Sources of which a look has just found nothing new, and for which nobody has anything to do (`isAtWork`), come to rest. */
  rest(isAtWork: (chain: Chain) => boolean): void {
    const quiet = this.#quiet;
    if (quiet.length === 0) return;
    this.#quiet = [];
    // What is looked for may be of any source.
    if (!this.#unmatched.isEmpty) return;
    const copied = this.copies.copiedBySource();
    for (const { source } of quiet) {
      const chain = this.#chains.get(source.source);
      if (chain === undefined || isAtWork(chain) || copied.has(chain.source)) continue;
      const resting = RestingSource.of(chain, this.#parts.sourceOf);
      if (resting === null) continue;
      for (const file of resting.files) {
        this.#streams.delete(this.#byKey.get(file.key)!);
        this.#byKey.delete(file.key);
        file.resting = resting;
      }
      this.#chains.delete(chain.source);
      this.#resting.set(chain.source, resting);
    }
  }

  #wake(resting: RestingSource): Chain {
    const chain = resting.unpack();
    for (const file of resting.files) file.resting = null;
    this.#resting.delete(resting.source);
    this.#chains.set(resting.source, chain);
    for (const stream of [...chain.closedHere, ...chain.streams]) {
      stream.seenRound = this.#round;
      this.#streams.add(stream);
      this.#byKey.set(stream.file!.key, stream);
    }
    return chain;
  }

  /** Wakes the sources at rest of which a refresh does not find all files. */
  #wakeMissed(found: IndexedFiles): void {
    for (const { resting } of found.files) resting?.found(this.#round);
    for (const resting of this.#resting.values()) {
      if (resting.isWhole(this.#round)) continue;
      const { closedHere, streams } = this.#wake(resting);
      for (const stream of [...closedHere, ...streams]) stream.seenRound = 0;
    }
  }

  /** A compressed file that may hold the bytes of a stream. */
  #sawPacked(file: IndexedFile, source: FileSource): void {
    if (file.isKnown || !this.knows(source.source)) return;
    file.isKnown = true;
    this.#chain(source.source).sawCopy(file);
  }

  /** The source of the stream that a file holds, or null where none is known for it. */
  chainAt(file: IndexedFile): Chain | null {
    const stream = this.#byKey.get(file.key);
    return stream?.file === file ? this.chainOf(stream) : null;
  }

  /** The file was truncated in place: its bytes from now on are the next generation's, and what was not read may be in a copy. @returns that generation */
  truncated(stream: TailedStream): TailedStream {
    this.#log.info({ event: 'fileTruncated', path: stream.path, streamId: stream.streamId, unreadBytes: Math.max(0, stream.sizeBytes - stream.position) }, 'file was truncated in place');
    stream.truncatedMs = stream.reader?.stats().mtimeMs ?? stream.file?.mtimeMs ?? null;
    const chain = this.chainOf(stream);
    const next = this.#nextGeneration(stream, chain);
    chain.addBehind(stream, next);
    this.#parts.files.pass(stream, next);
    this.#awaitCopy(stream);
    this.#byKey.set(fileKey(next), next);
    return next;
  }

  /** Its closing record and closed state are acknowledged. */
  closed(stream: TailedStream): void {
    const chain = this.chainOf(stream);
    const isHere = stream.present && this.#byKey.get(fileKey(stream)) === stream;
    chain.closed(stream, isHere);
    chain.trim(streamId => this.copies.isBound(streamId));
    if (!isHere) this.#streams.delete(stream);
    this.#letGo(stream);
  }

  /** Takes a stream out that never sent anything. */
  drop(stream: TailedStream): void {
    const chain = this.chainOf(stream);
    chain.streams = chain.streams.filter(each => each !== stream);
    this.#letGo(stream);
    if (stream.present) return; // refused: not looked at again while it is there
    this.#streams.delete(stream);
    if (this.#byKey.get(fileKey(stream)) === stream) this.#byKey.delete(fileKey(stream));
  }

  /** A stream that had ended grew. */
  reopen(stream: TailedStream, nowMs: number): void {
    this.#log.info({ event: 'streamReopened', path: stream.path, streamId: stream.streamId }, 'a stream that had ended grew again');
    stream.phase = 'reading';
    stream.takeBackGap();
    stream.closeAcknowledged = false;
    stream.changed = true;
    stream.lookedSizeBytes = -1;
    stream.lastGrowthMs = nowMs;
    this.#streams.add(stream);
    const chain = this.chainOf(stream);
    chain.reopened(stream);
    chain.found(stream.streamId);
    if (!chain.streams.includes(stream)) {
      chain.add(stream);
      chain.sort();
    }
    this.#touched.add(chain);
  }

  /** @param state what was known of it. Known before sent: where not both sides know it, or its partition is another, it is announced again */
  #cameToLife(stream: TailedStream, state: StreamState): void {
    stream.isTold = this.#told.has(state) && stream.partition === this.chainOf(stream).partition;
  }

  #chain(source: string): Chain {
    let chain = this.#chains.get(source);
    const resting = chain === undefined ? this.#resting.get(source) : undefined;
    if (resting !== undefined) return this.#wake(resting);
    if (chain === undefined) this.#chains.set(source, (chain = new Chain(source, this.#parts.partitionOf(source, null), [])));
    return chain;
  }

  /** The stream that is known for this very file, and not for one that had its inode before. */
  #streamOf(file: IndexedFile): TailedStream | null {
    const stream = this.#byKey.get(file.key);
    return stream !== undefined && sameFile(stream, file) ? stream : null;
  }

  #letGo(stream: TailedStream): void {
    this.#parts.files.close(stream);
  }

  #sawAgain(stream: TailedStream, file: IndexedFile, nowMs: number): void {
    if (file.path !== stream.path) this.#log.info({ event: 'fileRotated', path: file.path, from: stream.path }, 'file was renamed');
    stream.locate(file, file.path === stream.path && !file.isLink ? stream.source : this.#parts.sourceOf(file));
    stream.seenRound = this.#round;
    const chain = this.saw(file, nowMs);
    if (chain !== null) this.#touched.add(chain);
  }

  #nextGeneration(stream: TailedStream, chain: Chain): TailedStream {
    const next = new TailedStream(stream.source, stream);
    next.name = stream.name;
    next.generation = Math.max(stream.generation + 1, chain.nextGeneration(stream.name!));
    next.partition = chain.partition;
    next.bootId = stream.bootId;
    next.mtimeMs = stream.mtimeMs;
    next.file = stream.file;
    next.seenRound = this.#round;
    chain.named(next);
    chain.begunStreams += 1;
    this.#streams.add(next);
    return next;
  }

  /** Its file was truncated: where the bytes are that were not read, a refresh that is still to come can tell. */
  #awaitCopy(stream: TailedStream): void {
    this.#detach(stream);
    stream.awaitsCopy = true;
    this.#copyWaits.begin(stream);
  }

  /** Its file holds other bytes or is gone. */
  #detach(stream: TailedStream): void {
    this.#letGo(stream);
    stream.file = null;
    stream.phase = 'draining';
    stream.present = false;
    stream.changed = true;
  }

  /** A closed stream's file changed: it grew (then the stream goes on), or its bytes are others now. */
  #lookAtClosed(stream: TailedStream, file: IndexedFile, nowMs: number): Chain | null {
    const chain = this.chainOf(stream);
    const reader = openReader(file.path, stream.inode);
    if (reader === null) return null;
    stream.lookedSizeBytes = file.sizeBytes;
    stream.lookedMtimeMs = file.mtimeMs;
    const proven = reader.proves(stream.position, stream.head, stream.tail);
    if (proven) resume(stream, reader);
    else stream.truncatedMs = reader.stats().mtimeMs;
    reader.close();
    if (proven) {
      if (file.sizeBytes <= stream.position) return null;
      this.reopen(stream, nowMs);
      return chain;
    }
    const next = this.#nextGeneration(stream, chain);
    this.#byKey.set(fileKey(next), next);
    chain.forget(stream);
    stream.present = false;
    this.#streams.delete(stream);
    chain.add(next);
    return chain;
  }

  /** States of the last run whose file this is by inode and birth time, newest generation first. */
  #candidatesOf(file: IndexedFile, source: FileSource): StreamState[] {
    const closed = (this.#chains.get(source.source)?.closedStates ?? []).filter(state => sameFile(state, file));
    return [...this.#unmatched.candidatesOf(file), ...closed].sort((a, b) => b.generation - a.generation);
  }

  /**
   * By inode and birth time, the newest generation whose bytes are there.
   * @param rotated files that may be copies
   * @returns whether the file is spoken for
   */
  #matchKnown({ file, source }: SourcedFile, rotated: ReadonlyMap<string, readonly SourcedFile[]>, spokenFor: Set<StreamState>, nowMs: number): boolean {
    const candidates = this.#candidatesOf(file, source);
    if (candidates.length === 0) return false;
    const reader = openReader(file.path, file.inode);
    if (reader === null) {
      for (const state of candidates) spokenFor.add(state);
      this.wantsAnotherRound = true;
      return true; // matched at a later refresh
    }
    const sourceOf = (state: StreamState): FileSource => ({ ...source, source: state.source, sourceId: state.sourceId });
    for (const state of candidates) {
      const stream = streamOfState(state, sourceOf(state));
      // It was seen to be another's by now, or a copy says so.
      if (stream.truncatedMs !== null || (source.rotation === null && rotated.get(source.source)?.some(each => showsTruncation(each, stream, reader)) === true)) continue;
      if (!reader.proves(Math.max(stream.sizeBytes, state.acknowledgedBytes), stream.head, stream.tail)) continue;
      resume(stream, reader);
      reader.close();
      this.#adopt(stream, state, file, source, nowMs);
      return true;
    }
    const truncatedMs = reader.stats().mtimeMs;
    reader.close();
    // Ours, but truncated while nobody looked. With birth times kept on neither side another file may have got the inode; a generation is right for both.
    const newest = candidates[0]!;
    const stream = streamOfState(newest, sourceOf(newest));
    stream.locate(file, source);
    stream.truncatedMs ??= truncatedMs;
    this.#unmatched.remove(newest);
    const chain = this.chainOf(stream);
    const next = this.#nextGeneration(stream, chain);
    next.lastGrowthMs = Math.min(nowMs, file.mtimeMs);
    this.#replaceKey(file, next);
    if (!newest.closed) {
      this.#awaitCopy(stream);
      stream.seenRound = this.#round;
      this.#streams.add(stream);
      this.#cameToLife(stream, newest);
      chain.add(stream);
    }
    chain.add(next);
    this.#touched.add(chain);
    return true;
  }

  /** The file is the stream's, as its bytes proved. */
  #adopt(stream: TailedStream, state: StreamState, file: IndexedFile, source: FileSource, nowMs: number): void {
    this.#unmatched.remove(state);
    stream.locate(file, source);
    stream.lastGrowthMs = Math.min(nowMs, file.mtimeMs);
    stream.seenRound = this.#round;
    this.#streams.add(stream);
    this.#replaceKey(file, stream);
    const chain = this.chainOf(stream);
    this.#touched.add(chain);
    // No copy either of what comes later.
    if (source.rotation !== null) chain.sawCopy(file);
    chain.found(stream.streamId);
    this.#cameToLife(stream, state);
    if (!state.closed) chain.add(stream);
    else if (file.sizeBytes > stream.position) this.reopen(stream, nowMs);
    else {
      stream.lookedSizeBytes = file.sizeBytes;
      stream.lookedMtimeMs = file.mtimeMs;
      chain.keepClosed(stream);
      chain.endedBefore(stream);
    }
  }

  /** The stream that had this inode before has lost its file: inode numbers are used again at once. */
  #replaceKey(file: IndexedFile, stream: TailedStream): void {
    const before = this.#byKey.get(file.key);
    if (before !== undefined && before !== stream) before.device = null;
    this.#byKey.set(file.key, stream);
  }

  #missed(stream: TailedStream, found: IndexedFiles, nowMs: number): void {
    stream.file = null;
    const open = stream.reader?.stats() ?? null;
    // What an empty file was given before it went holds up those behind it.
    if (stream.phase === 'unnamed') stream.sizeBytes = Math.max(stream.sizeBytes, open?.size ?? 0);
    if (!stream.present) {
      this.#touched.add(this.chainOf(stream));
      if (stream.isKnownEmpty && nowMs - stream.goneMs! >= emptyGoneMs) this.drop(stream);
      return;
    }
    if (isUnseen(stream.path, found.unseenPaths)) return;
    const isDeleted = open?.nlink === 0;
    if (found.isSettled) stream.missedRounds += 1;
    if (stream.missedRounds < missedRoundsMax && !isDeleted) {
      this.wantsAnotherRound = true;
      return;
    }
    stream.present = false;
    stream.goneMs ??= nowMs;
    if (stream.phase === 'closed' || stream.phase === 'refused') {
      // Its story is told; forget it.
      this.chainOf(stream).forget(stream);
      this.#streams.delete(stream);
      if (this.#byKey.get(fileKey(stream)) === stream) this.#byKey.delete(fileKey(stream));
      return;
    }
    if (stream.reader === null && stream.isAnnounced) stream.awaitsCopy = true;
    // Truncated before it was deleted: what is open is the next generation's.
    if (stream.reader !== null && stream.isNamed && !stream.readsCopy && !stream.reader.proves(stream.sizeBytes, stream.head, stream.tail)) {
      const next = this.truncated(stream);
      next.present = false;
      next.goneMs = nowMs;
    }
    this.#log.info({ event: 'fileGone', path: stream.path }, 'file is not at its path any more');
    this.#touched.add(this.chainOf(stream));
  }

  /** Streams that were open when the last run ended and whose files are gone: what remains is to look for a copy, and to say so. */
  #endUnmatched(found: IndexedFiles, spokenFor: ReadonlySet<StreamState>, nowMs: number): void {
    for (const chain of this.#waitingChains) {
      chain.waitsForOlder = false;
      this.#touched.add(chain);
    }
    this.#waitingChains.clear();
    for (const unmatched of this.#unmatched.all()) {
      const { state } = unmatched;
      const path = state.path ?? '';
      if (isUnseen(path, found.unseenPaths)) continue;
      if (spokenFor.has(state)) {
        // Renamed a moment ago, or not to be opened: the others of its source wait for the former, not for ever.
        unmatched.heldSinceMs ??= nowMs;
        if (nowMs - unmatched.heldSinceMs < heldMsMax) this.#wait(this.#chain(state.source));
        continue;
      }
      if (found.isSettled) unmatched.missedRounds += 1;
      if (unmatched.missedRounds < missedRoundsMax) {
        this.wantsAnotherRound = true;
        this.#wait(this.#chain(state.source));
        continue;
      }
      this.#unmatched.remove(state);
      const { chain: pathChain } = this.#parts.sourceOf({ realPath: path, matchPath: path });
      const stream = streamOfState(state, { source: state.source, sourceId: state.sourceId, origin: state.origin, chain: pathChain, rotation: null });
      this.#detach(stream);
      stream.awaitsCopy = true;
      stream.goneMs = nowMs;
      stream.seenRound = this.#round;
      this.#streams.add(stream);
      this.#cameToLife(stream, state);
      const chain = this.chainOf(stream);
      chain.add(stream);
      this.#touched.add(chain);
    }
  }

  #wait(chain: Chain): void {
    chain.waitsForOlder = true;
    this.#waitingChains.add(chain);
  }

  /** A file that no stream is known for: a copy of one, or a stream of its own. */
  #takeStrange(file: IndexedFile, source: FileSource, nowMs: number): void {
    const chain = this.#chain(source.source);
    if (source.rotation !== null) {
      chain.sawCopy(file);
      const taken = this.copies.take(file, source, chain, this.#unmatched.of(source.source), nowMs);
      if (taken !== 'notCopy') {
        if (taken === 'read') this.#touched.add(chain);
        if (taken === 'notNow' && this.#copyWaits.unread(chain, nowMs)) {
          this.#wait(chain);
          this.wantsAnotherRound = true;
        }
        return;
      }
    }
    // One text for all that have it, as thousands have.
    const stream = new TailedStream({ ...source, source: chain.source, sourceId: source.sourceId === chain.source ? chain.source : source.sourceId }, file);
    stream.file = file;
    stream.seenRound = this.#round;
    stream.mtimeMs = file.mtimeMs;
    stream.lastGrowthMs = Math.min(nowMs, file.mtimeMs);
    this.#streams.add(stream);
    this.#replaceKey(file, stream);
    chain.add(stream);
    chain.begunStreams += 1;
    this.#touched.add(chain);
    // Of a file that a PATH names itself, or a glob, nobody sees where it is renamed to: what is open can be read all the same, whenever its turn comes.
    if (file.root === null) this.#parts.files.readerOf(stream, nowMs);
    this.#log.debug({ event: 'fileFound', path: file.path }, 'file found');
  }

  #stopWaiting(stream: TailedStream, found: IndexedFiles, nowMs: number): void {
    if (stream.twin === 'searching') return;
    const chain = this.chainOf(stream);
    if (this.#copyWaits.mayCome(stream, chain, isUnseen(stream.path, found.unseenPaths), nowMs)) {
      this.wantsAnotherRound = true;
      return;
    }
    stream.awaitsCopy = false;
    if (stream.truncatedMs !== null && chain.youngestCopyNs !== null) stream.truncatedMs = Math.max(stream.truncatedMs, msOf(chain.youngestCopyNs));
    this.#touched.add(chain);
  }
}

function isUnseen(path: string, unseenPaths: readonly string[]): boolean {
  return unseenPaths.some(unseen => path === unseen || path.startsWith(unseen.endsWith(sep) ? unseen : unseen + sep));
}
