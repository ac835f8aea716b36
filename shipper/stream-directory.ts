/**
 * Which file is which stream: takes what a scan found and keeps, per source, its streams in their order. Files are matched by inode and birth
 * time first and as copies last; what a checkpoint or the transport knows is proven on the file's bytes before it is gone on with.
 */
import { sep } from 'node:path';
import type { Log } from '#lib/log.ts';
import type { PreviousStream } from '#schemas/chunk.ts';
import { systemCodeOf } from '#schemas/errors.ts';
import type { StreamState, Transport } from '#schemas/transport.ts';
import { judgeCopy } from './copies.ts';
import type { CopyBinding } from './checkpoint-store.ts';
import type { Discovered, FoundFile } from './discovery.ts';
import { sameFile } from './file-identity.ts';
import { compareAge, type FileSource } from './file-source.ts';
import { resume } from './stream-feed.ts';
import { StreamReader } from './stream-reader.ts';
import { streamOfState, TailedStream } from './tailed-stream.ts';

/** One source: its streams that are not closed, oldest first; only the first may send. */
export interface Chain {
  streams: TailedStream[];
  /** Names and generations known when the source was first seen. */
  states: StreamState[];
  lastEnded: PreviousStream | null;
  /** Where the source's chunks travel, null where the transport has no partitions. */
  partition: number | null;
}

interface Copy extends CopyBinding {
  sizeBytes: number;
}

const keyOf = (file: { device: string | null; inode: string }): string => `${file.device ?? ''}:${file.inode}`;

export class StreamDirectory {
  /** By device and inode; closed streams as long as their file is there. */
  readonly #byKey = new Map<string, TailedStream>();
  readonly #chains = new Map<string, Chain>();
  readonly #copies = new Map<string, Copy>();
  /** Open in the checkpoint or outside, with no file found yet that could be theirs. */
  #unmatched: StreamState[] = [];
  readonly #sourceOf: (file: FoundFile) => FileSource;
  readonly #partitionOf: Transport['partitionOf'];
  readonly #log: Log;
  #boundCopies: readonly CopyBinding[] = [];
  /** A copy was bound that is not in the checkpoint yet; it has to be, before its bytes are sent. */
  copiesChanged = false;

  constructor(sourceOf: (file: FoundFile) => FileSource, partitionOf: Transport['partitionOf'], log: Log) {
    this.#sourceOf = sourceOf;
    this.#partitionOf = partitionOf;
    this.#log = log;
  }

  get chains(): ReadonlyMap<string, Chain> {
    return this.#chains;
  }

  /** All streams, closed ones included while their file is there. */
  streams(): TailedStream[] {
    const all = new Set(this.#byKey.values());
    for (const { streams } of this.#chains.values()) for (const stream of streams) all.add(stream);
    return [...all];
  }

  unmatchedStates(): readonly StreamState[] {
    return this.#unmatched;
  }

  copies(): CopyBinding[] {
    return [...this.#copies.values()].map(({ inode, birthTimeNs, streamId }) => ({ inode, birthTimeNs, streamId }));
  }

  /** Copies that an earlier run recognised; given before the first scan. */
  rememberCopies(copies: readonly CopyBinding[]): void {
    this.#boundCopies = copies;
  }

  /** Sources of these files that `know` was not yet called for. */
  unknownSources(files: readonly FoundFile[]): string[] {
    const sources = new Set<string>();
    for (const file of files) if (!this.#byKey.has(keyOf(file))) sources.add(this.#sourceOf(file).source);
    return [...sources].filter(source => !this.#chains.has(source));
  }

  /** What checkpoint and transport know of these sources; before the first file of one is matched. */
  know(sources: readonly string[], states: readonly StreamState[]): void {
    const partitions = new Map<string, number>();
    for (const { source, partition } of states) if (partition !== null) partitions.set(source, partition);
    for (const source of sources) this.#newChain(source, partitions.get(source) ?? null);
    for (const state of states) {
      if (state.inode === null) continue; // ingested, not tailed
      this.#chains.get(state.source)?.states.push(state);
      this.#unmatched.push(state);
    }
  }

  /** @returns the chains in which something changed */
  reconcile(found: Discovered, nowMs: number): Set<Chain> {
    const touched = new Set<Chain>();
    const seen = new Set<TailedStream>();
    const unknown: FoundFile[] = [];
    for (const file of found.files) {
      const stream = this.#byKey.get(keyOf(file));
      if (stream !== undefined && sameFile(stream, file)) {
        if (file.path !== stream.path) this.#log.info({ event: 'fileRotated', path: file.path, from: stream.path }, 'file was renamed');
        stream.locate(file, file.path === stream.path ? stream.source : this.#sourceOf(file));
        seen.add(stream);
        if (file.sizeBytes !== stream.lookedSizeBytes || file.mtimeNs !== stream.lookedMtimeNs) {
          const chain = stream.phase === 'closed' ? this.#lookAtClosed(stream, file, nowMs) : this.#chainOf(stream);
          if (chain !== null) touched.add(chain);
        } else if (stream.readToEndMs !== null && stream.phase === 'reading') stream.readToEndMs = nowMs;
      } else unknown.push(file);
    }
    const keys = new Set(unknown.map(keyOf));
    for (const key of this.#copies.keys()) if (!keys.has(key)) this.#copies.delete(key);
    const strange = unknown.filter(file => !this.#matchKnown(file, seen, touched, nowMs));
    for (const stream of this.streams()) if (!seen.has(stream)) this.#missed(stream, found.unseenPaths, touched, nowMs);
    this.#endUnmatched(found, touched, nowMs);
    // Oldest first: of several files with one first line, the first copy after the truncation is the true one.
    const aged = strange.map(file => ({ ...file, ...this.#sourceOf(file) })).sort(compareAge);
    for (const file of aged) this.#takeStrange(file, touched, nowMs);
    for (const stream of this.streams()) {
      // Whoever waited for a copy has seen all files now.
      if (stream.awaitsCopy) stream.awaitsCopy = false;
    }
    for (const chain of touched) this.#sort(chain);
    return touched;
  }

  /** The file was truncated in place: its bytes from now on are the next generation's, and what was not read may be in a copy. */
  truncated(stream: TailedStream): void {
    this.#log.info({ event: 'fileTruncated', path: stream.path, streamId: stream.streamId, unreadBytes: Math.max(0, stream.sizeBytes - stream.position) }, 'file was truncated in place');
    const chain = this.#chainOf(stream);
    const next = this.#nextGeneration(stream, chain);
    chain.streams.splice(chain.streams.indexOf(stream) + 1, 0, next);
    this.#detach(stream);
    stream.awaitsCopy = true;
    this.#byKey.set(keyOf(next), next);
  }

  /** Its closing record and closed state are acknowledged. */
  closed(stream: TailedStream): void {
    const chain = this.#chainOf(stream);
    chain.streams = chain.streams.filter(each => each !== stream);
    chain.lastEnded = { streamId: stream.streamId, end: stream.position };
    const index = chain.states.findIndex(state => state.streamId === stream.streamId);
    if (index >= 0) chain.states[index] = stream.state();
    else chain.states.push(stream.state());
    stream.reader?.close();
    stream.reader = null;
  }

  /** Takes a stream out that never sent anything. */
  drop(stream: TailedStream): void {
    const chain = this.#chainOf(stream);
    chain.streams = chain.streams.filter(each => each !== stream);
    stream.reader?.close();
    stream.reader = null;
    if (this.#byKey.get(keyOf(stream)) === stream && !stream.present) this.#byKey.delete(keyOf(stream));
  }

  /** The generation a newly named stream begins with: behind all that are known of its name. */
  generationFor(name: string, stream: TailedStream): number {
    return this.#chainOf(stream).states.reduce((next, state) => (state.name === name ? Math.max(next, state.generation + 1) : next), 0);
  }

  /** The source's chain. */
  chainOf(stream: TailedStream): Chain {
    return this.#chainOf(stream);
  }

  #newChain(source: string, partition: number | null): Chain {
    const chain: Chain = { streams: [], states: [], lastEnded: null, partition: this.#partitionOf(source, partition) };
    this.#chains.set(source, chain);
    return chain;
  }

  #chainOf(stream: TailedStream): Chain {
    return this.#chains.get(stream.source.source) ?? this.#newChain(stream.source.source, null);
  }

  #sort(chain: Chain): void {
    const order = (stream: TailedStream): Parameters<typeof compareAge>[0] => ({ chain: stream.source.chain, rotation: stream.source.rotation, mtimeNs: stream.mtimeNs, path: stream.path });
    chain.streams.sort((a, b) => (a.inode === b.inode && a.birthTimeNs === b.birthTimeNs ? a.generation - b.generation : compareAge(order(a), order(b))));
  }

  #nextGeneration(stream: TailedStream, chain: Chain): TailedStream {
    const next = new TailedStream(stream.source, stream);
    next.name = stream.name;
    next.generation = Math.max(stream.generation + 1, ...chain.states.filter(state => state.name === stream.name).map(state => state.generation + 1), ...chain.streams.filter(each => each.name === stream.name).map(each => each.generation + 1));
    next.partition = chain.partition;
    next.bootId = stream.bootId;
    next.mtimeNs = stream.mtimeNs;
    return next;
  }

  /** Its file holds other bytes or is gone. */
  #detach(stream: TailedStream): void {
    stream.reader?.close();
    stream.reader = null;
    stream.phase = 'draining';
    stream.present = false;
    stream.changed = true;
  }

  /** A closed stream's file changed: it grew (then the stream goes on), or its bytes are others now. */
  #lookAtClosed(stream: TailedStream, file: FoundFile, nowMs: number): Chain | null {
    const chain = this.#chainOf(stream);
    const reader = this.#open(file.path);
    if (reader === null) return null;
    stream.lookedSizeBytes = file.sizeBytes;
    stream.lookedMtimeNs = file.mtimeNs;
    const proven = reader.proves(stream.position, stream.head, stream.tail);
    if (proven) resume(stream, reader);
    reader.close();
    if (proven) {
      if (file.sizeBytes <= stream.position) return null;
      this.#reopen(stream, nowMs);
    } else {
      const next = this.#nextGeneration(stream, chain);
      this.#byKey.set(keyOf(next), next);
      chain.streams.push(next);
    }
    return chain;
  }

  #reopen(stream: TailedStream, nowMs: number): void {
    this.#log.info({ event: 'streamReopened', path: stream.path, streamId: stream.streamId }, 'a stream that had ended grew again');
    stream.phase = 'reading';
    stream.closeAcknowledged = false;
    stream.changed = true;
    stream.lookedSizeBytes = -1;
    stream.lastGrowthMs = nowMs;
    const chain = this.#chainOf(stream);
    if (!chain.streams.includes(stream)) chain.streams.unshift(stream);
  }

  /** By inode and birth time, the newest generation whose bytes are there. @returns whether the file is spoken for */
  #matchKnown(file: FoundFile, seen: Set<TailedStream>, touched: Set<Chain>, nowMs: number): boolean {
    const candidates = this.#unmatched.filter(state => sameFile(state, file)).sort((a, b) => b.generation - a.generation);
    if (candidates.length === 0) return false;
    const reader = this.#open(file.path);
    if (reader === null) return true; // reported; matched at a later scan
    const source = this.#sourceOf(file);
    for (const state of candidates) {
      const stream = streamOfState(state, { ...source, source: state.source, sourceId: state.sourceId });
      if (!reader.proves(Math.max(stream.sizeBytes, state.acknowledgedBytes), stream.head, stream.tail)) continue;
      this.#unmatched = this.#unmatched.filter(each => each !== state);
      stream.locate(file, source);
      stream.lastGrowthMs = Math.min(nowMs, Number(file.mtimeNs / 1_000_000n));
      resume(stream, reader);
      reader.close();
      this.#replaceKey(file, stream);
      seen.add(stream);
      const chain = this.#chainOf(stream);
      touched.add(chain);
      if (!state.closed) chain.streams.push(stream);
      else if (file.sizeBytes > stream.position) this.#reopen(stream, nowMs);
      else {
        stream.lookedSizeBytes = file.sizeBytes;
        stream.lookedMtimeNs = file.mtimeNs;
        chain.lastEnded ??= { streamId: stream.streamId, end: stream.position };
      }
      return true;
    }
    reader.close();
    // Ours, but truncated while nobody looked. With birth times kept on neither side another file may have got the inode; a generation is right for both.
    const newest = candidates[0]!;
    const stream = streamOfState(newest, { ...source, source: newest.source, sourceId: newest.sourceId });
    stream.locate(file, source);
    this.#unmatched = this.#unmatched.filter(each => each !== newest);
    const chain = this.#chainOf(stream);
    const next = this.#nextGeneration(stream, chain);
    if (!newest.closed) {
      this.#detach(stream);
      stream.awaitsCopy = true;
      chain.streams.push(stream);
      seen.add(stream);
    }
    this.#replaceKey(file, next);
    next.lastGrowthMs = Math.min(nowMs, Number(file.mtimeNs / 1_000_000n));
    chain.streams.push(next);
    seen.add(next);
    touched.add(chain);
    return true;
  }

  /** The stream that had this inode before has lost its file: inode numbers are used again at once. */
  #replaceKey(file: FoundFile, stream: TailedStream): void {
    const before = this.#byKey.get(keyOf(file));
    if (before !== undefined && before !== stream) before.device = null;
    this.#byKey.set(keyOf(file), stream);
  }

  #missed(stream: TailedStream, unseenPaths: readonly string[], touched: Set<Chain>, nowMs: number): void {
    if (!stream.present) {
      touched.add(this.#chainOf(stream));
      return;
    }
    if (unseenPaths.some(unseen => stream.path === unseen || stream.path.startsWith(unseen.endsWith(sep) ? unseen : unseen + sep))) return;
    stream.present = false;
    stream.goneMs ??= nowMs;
    if (stream.phase === 'closed' || stream.phase === 'refused') {
      // Its story is told; forget it.
      if (this.#byKey.get(keyOf(stream)) === stream) this.#byKey.delete(keyOf(stream));
      return;
    }
    this.#log.info({ event: 'fileGone', path: stream.path }, 'file is not at its path any more');
    touched.add(this.#chainOf(stream));
  }

  /** Streams that were open when the last run ended and whose files are gone: what remains is to say so. */
  #endUnmatched(found: Discovered, touched: Set<Chain>, nowMs: number): void {
    const waiting: StreamState[] = [];
    for (const state of this.#unmatched) {
      if (state.closed) continue;
      const path = state.path ?? '';
      if (found.unseenPaths.some(unseen => path === unseen || path.startsWith(unseen + sep))) {
        waiting.push(state);
        continue;
      }
      const stream = streamOfState(state, { source: state.source, sourceId: state.sourceId, origin: state.origin, chain: chainOf(path, this.#sourceOf), rotation: null });
      this.#detach(stream);
      stream.awaitsCopy = true;
      stream.goneMs = nowMs;
      const chain = this.#chainOf(stream);
      chain.streams.push(stream);
      touched.add(chain);
    }
    this.#unmatched = [...waiting, ...this.#unmatched.filter(state => state.closed)];
  }

  /** A file that no stream is known for: a copy of one, or a stream of its own. */
  #takeStrange(file: FoundFile, touched: Set<Chain>, nowMs: number): void {
    const key = keyOf(file);
    const source = this.#sourceOf(file);
    const bound = this.#copies.get(key);
    if (bound !== undefined && sameFile(bound, file) && bound.sizeBytes === file.sizeBytes && !this.#isWanted(bound.streamId)) return;
    const chain = this.#chains.get(source.source) ?? this.#newChain(source.source, null);
    if (source.rotation !== null) {
      try {
        if (this.#bindCopy(file, source, chain, touched, nowMs)) return;
      } catch (error) {
        if (systemCodeOf(error) === null) throw error;
        return; // cannot be read now; looked at again at the next scan
      }
    }
    this.#copies.delete(key);
    const stream = new TailedStream(source, file);
    stream.mtimeNs = file.mtimeNs;
    stream.lastGrowthMs = Math.min(nowMs, Number(file.mtimeNs / 1_000_000n));
    this.#replaceKey(file, stream);
    chain.streams.push(stream);
    touched.add(chain);
    this.#log.debug({ event: 'fileFound', path: file.path }, 'file found');
  }

  /** Whether a stream waits for a copy to read on from. */
  #isWanted(streamId: string): boolean {
    return this.streams().some(stream => stream.awaitsCopy && stream.streamId === streamId);
  }

  /** @returns whether the file is (or may yet prove to be) a copy and must not be read as a stream of its own */
  #bindCopy(file: FoundFile, source: FileSource, chain: Chain, touched: Set<Chain>, nowMs: number): boolean {
    const open = chain.streams.filter(stream => stream.isAnnounced || stream.phase === 'unnamed');
    const present = [...this.#byKey.values()].filter(stream => stream.phase === 'closed' && stream.source.source === source.source);
    const told = chain.states.filter(state => state.closed && !present.some(stream => stream.streamId === state.streamId)).map(state => streamOfState(state, { ...source, source: state.source, sourceId: state.sourceId }));
    const remembered = this.#boundCopies.find(copy => sameFile(copy, file))?.streamId;
    for (const stream of [...open, ...present, ...told]) {
      if (stream.phase === 'unnamed') continue;
      const own = stream.present && !stream.readsCopy && told.every(each => each !== stream) ? this.#open(stream.path) : null;
      const original = own !== null && own.stats().ino.toString() === stream.inode && own.proves(stream.sizeBytes, stream.head, stream.tail) ? own : null;
      const verdict = judgeCopy(file, source, stream, original ?? (stream.readsCopy && this.#copies.get(keyOf(file))?.streamId !== stream.streamId ? stream.reader : null), stream.streamId === remembered);
      own?.close();
      if (verdict === 'notCopy') continue;
      if (verdict === 'undecided') return stream.present;
      if (this.#copies.get(keyOf(file))?.streamId !== stream.streamId) this.copiesChanged = true;
      this.#copies.set(keyOf(file), { inode: file.inode, birthTimeNs: file.birthTimeNs, streamId: stream.streamId, sizeBytes: file.sizeBytes });
      this.#log.info({ event: 'copyFound', path: file.path, streamId: stream.streamId, unreadBytes: Math.max(0, file.sizeBytes - stream.position) }, 'file is a copy of a stream');
      const wanted = stream.awaitsCopy || stream.readsCopy || stream.phase === 'closed';
      if (verdict === 'copy' && original === null && wanted) this.#readCopy(stream, file, touched, nowMs);
      return true;
    }
    return false;
  }

  #readCopy(stream: TailedStream, file: FoundFile, touched: Set<Chain>, nowMs: number): void {
    if (stream.readsCopy && stream.reader !== null && stream.phase !== 'closed') return; // its reader sees the growth itself
    const reader = this.#open(file.path);
    if (reader === null) return;
    if (stream.phase === 'closed') this.#reopen(stream, nowMs);
    stream.reader?.close();
    stream.reader = reader;
    stream.readsCopy = true;
    stream.phase = 'draining';
    stream.lookedSizeBytes = -1;
    stream.lastGrowthMs = Math.min(nowMs, Number(file.mtimeNs / 1_000_000n));
    resume(stream, reader);
    touched.add(this.#chainOf(stream));
  }

  /** Null where it cannot be opened now; errors are found again, and reported, where the stream is read. */
  #open(path: string): StreamReader | null {
    try {
      return new StreamReader(path);
    } catch (error) {
      if (systemCodeOf(error) === null) throw error;
      return null;
    }
  }
}

/** The chain of a path whose file is gone. */
function chainOf(path: string, sourceOf: (file: FoundFile) => FileSource): string {
  return sourceOf({ path, realPath: path, matchPath: path, device: '', inode: '', birthTimeNs: null, sizeBytes: 0, mtimeNs: 0n }).chain;
}
