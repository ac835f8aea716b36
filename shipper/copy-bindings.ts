/**
 * Files that hold the bytes of another: `app.log.1` made by copytruncate, and compressed twins of streams that were read in part. A copy is never a
 * stream of its own; where its stream's file is gone or truncated, the rest is read from it.
 */
import type { Log } from '#lib/log.ts';
import { systemCodeOf } from '#schemas/errors.ts';
import type { StreamState } from '#schemas/transport.ts';
import type { Chain } from './chain.ts';
import type { CopyBinding } from './checkpoint-store.ts';
import { birthOf, judgeCopy } from './copies.ts';
import { sameFile } from './file-identity.ts';
import type { FileSource } from './file-source.ts';
import type { IndexedFile } from './indexed-file.ts';
import type { OpenFiles } from './open-files.ts';
import { resume } from './resume.ts';
import type { CopyCase } from './rotation.ts';
import { openReader, StreamReader } from './stream-reader.ts';
import { goneStreamOfState, type TailedStream } from './tailed-stream.ts';

interface Copy extends CopyBinding {
  source: string;
  file: IndexedFile;
  sizeBytes: number;
}

/** A file that would be a copy, were it not too short: whether it grows. */
interface Growing {
  sizeBytes: number;
  sinceMs: number;
}

/** One that has not grown for this long is as long as it will be. */
const growingMs = 2000;

/** `bound`: a copy (or perhaps one, undecided), with nothing to do. `read`: its stream goes on in it. `notNow`: it cannot be read, and may be one. */
export type Taken = 'notCopy' | 'bound' | 'read' | 'notNow';

export interface CopyBindingsParts {
  log: Log;
  files: OpenFiles;
  reopen: (stream: TailedStream, nowMs: number) => void;
  /** The stream's file has other bytes than what was read of it. */
  truncated: (stream: TailedStream) => void;
}

export class CopyBindings {
  /** By device and inode. */
  readonly #copies = new Map<string, Copy>();
  /** By device and inode. */
  readonly #growing = new Map<string, Growing>();
  readonly #parts: CopyBindingsParts;
  #remembered: readonly CopyBinding[] = [];
  /** A copy was bound that is not in the checkpoint yet; it has to be, before its bytes are sent. */
  changed = false;
  /** Compressed files have to be searched for the rest of a stream. */
  wantsTwins = false;
  /** Among the files judged since `keep` is one that may still become a copy. */
  mayGrow = false;

  constructor(parts: CopyBindingsParts) {
    this.#parts = parts;
  }

  all(): CopyBinding[] {
    return [...this.#copies.values()].map(({ inode, birthTimeNs, streamId }) => ({ inode, birthTimeNs, streamId }));
  }

  /** Per source the streams whose bytes lie in a copy. */
  copiedBySource(): Map<string, Set<string>> {
    const copied = new Map<string, Set<string>>();
    for (const { source, streamId } of this.#copies.values()) copied.set(source, (copied.get(source) ?? new Set()).add(streamId));
    return copied;
  }

  /** Copies that an earlier run recognised; given before the first refresh. */
  remember(copies: readonly CopyBinding[]): void {
    this.#remembered = copies;
  }

  isBound(streamId: string): boolean {
    for (const copy of this.#copies.values()) if (copy.streamId === streamId) return true;
    return this.#remembered.some(copy => copy.streamId === streamId);
  }

  /** Forgets the copies that are not among these files any more. */
  keep(files: readonly IndexedFile[]): void {
    this.mayGrow = false;
    if (this.#copies.size === 0 && this.#growing.size === 0) return;
    const keys = new Set(files.map(file => file.key));
    for (const known of [this.#copies, this.#growing]) for (const key of known.keys()) if (!keys.has(key)) known.delete(key);
  }

  /**
   * Judges a file with a rotation suffix that no stream is known for.
   * @param missing streams of the last run whose file was not found yet, or cannot be opened: a copy of one waits for what comes of it
   */
  take(file: IndexedFile, source: FileSource, chain: Chain, missing: readonly StreamState[], nowMs: number): Taken {
    const bound = this.#copies.get(file.key);
    if (bound !== undefined && sameFile(bound, file) && bound.sizeBytes === file.sizeBytes && !chain.streams.some(stream => stream.awaitsCopy && stream.streamId === bound.streamId)) return 'bound';
    try {
      const taken = this.#bind(file, source, chain, nowMs);
      if (taken === 'notCopy' && missing.some(state => this.#mayBeCopyOf(state, file, source, chain))) return 'bound';
      if (taken === 'notCopy') this.#copies.delete(file.key);
      return taken;
    } catch (error) {
      if (systemCodeOf(error) === null) throw error;
      return 'notNow';
    }
  }

  /** Compressed files beside streams that wait for a copy. */
  offerPacked(files: readonly { file: IndexedFile; source: FileSource }[], streams: Iterable<TailedStream>): void {
    if (files.length === 0) return;
    for (const stream of streams) {
      if (!stream.awaitsCopy || stream.twin !== 'none') continue;
      const twins = files.filter(({ file, source }) => source.source === stream.source.source && source.chain === stream.source.chain && !birthOf(file, stream).isOlder);
      if (twins.length === 0) continue;
      stream.twin = 'searching';
      this.wantsTwins = true;
      stream.twinPaths = twins.map(({ file }) => file.path);
    }
  }

  /** @returns whether the file is (or may yet prove to be) a copy and must not be read as a stream of its own */
  #bind(file: IndexedFile, source: FileSource, chain: Chain, nowMs: number): Taken {
    const told = chain.closedStates.map(state => goneStreamOfState(state, { ...source, source: state.source, sourceId: state.sourceId }));
    const remembered = this.#remembered.find(copy => sameFile(copy, file))?.streamId;
    const streams = [...chain.streams, ...chain.closedHere, ...told].filter(({ phase }) => phase !== 'unnamed' && phase !== 'refused');
    const isOf = ({ streamId }: TailedStream): boolean => streamId === remembered;
    for (const stream of [...streams.filter(isOf), ...streams.filter(each => !isOf(each))]) {
      const known = this.#copies.get(file.key);
      const { verdict, holdsStream } = this.#judge(file, source, stream, stream.present && !told.includes(stream), isOf(stream));
      if (verdict === 'notNow') return isOf(stream) ? 'bound' : 'notNow';
      if (verdict === 'copyOfTruncated' && holdsStream && stream.source.rotation === null) {
        stream.sizeBytes = Math.max(stream.position, file.sizeBytes);
        this.#parts.truncated(stream);
        return this.#bind(file, source, chain, nowMs);
      }
      if (verdict === 'notCopy' || verdict === 'copyOfTruncated' || (verdict === 'tooShort' && !this.#isGrowing(file, nowMs))) continue;
      if (verdict === 'tooShort') return 'bound';
      if (verdict === 'undecided') return stream.present ? 'bound' : 'notCopy';
      if (known?.streamId !== stream.streamId) this.changed = true;
      this.#copies.set(file.key, { source: chain.source, file, inode: file.inode, birthTimeNs: file.birthTimeNs, streamId: stream.streamId, sizeBytes: file.sizeBytes });
      this.#parts.log.info({ event: 'copyFound', path: file.path, streamId: stream.streamId, unreadBytes: Math.max(0, file.sizeBytes - stream.position) }, 'file is a copy of a stream');
      const wanted = stream.awaitsCopy || stream.readsCopy || stream.phase === 'closed' || !stream.present;
      return verdict === 'copy' && !holdsStream && wanted && this.#read(stream, file, nowMs) ? 'read' : 'bound';
    }
    return 'notCopy';
  }

  /**
   * @param hasFile the stream has a file of its own
   * @returns `holdsStream`: that begins with the stream's bytes
   */
  #judge(file: IndexedFile, source: FileSource, stream: TailedStream, hasFile: boolean, isRemembered: boolean): { verdict: CopyCase | 'notNow'; holdsStream: boolean } {
    const original = hasFile && !stream.readsCopy ? openReader(stream.path, stream.inode) : null;
    let other: StreamReader | null = null;
    try {
      const holdsStream = original?.proves(stream.sizeBytes, stream.head, stream.tail) === true;
      other = holdsStream ? null : this.#otherCopy(stream, file);
      return { verdict: judgeCopy(file, source, stream, holdsStream ? original : null, other, isRemembered), holdsStream };
    } finally {
      original?.close();
      other?.close();
    }
  }

  /** Another copy of the stream that can be read. */
  #otherCopy(stream: TailedStream, file: IndexedFile): StreamReader | null {
    for (const copy of this.#copies.values()) {
      if (copy.streamId !== stream.streamId || copy.file.key === file.key) continue;
      const reader = openReader(copy.file.path, copy.inode);
      if (reader !== null) return reader;
    }
    return null;
  }

  #isGrowing(file: IndexedFile, nowMs: number): boolean {
    let seen = this.#growing.get(file.key);
    if (seen?.sizeBytes !== file.sizeBytes) this.#growing.set(file.key, (seen = { sizeBytes: file.sizeBytes, sinceMs: nowMs }));
    const isGrowing = nowMs - seen.sinceMs < growingMs;
    this.mayGrow ||= isGrowing;
    return isGrowing;
  }

  #mayBeCopyOf(state: StreamState, file: IndexedFile, source: FileSource, chain: Chain): boolean {
    const verdict = judgeCopy(file, source, goneStreamOfState(state, { ...source, source: state.source, sourceId: state.sourceId }), null, null, false);
    return verdict === 'undecided' ? chain.waitsForOlder : verdict !== 'notCopy' && verdict !== 'tooShort' && verdict !== 'copyOfTruncated';
  }

  #read(stream: TailedStream, file: IndexedFile, nowMs: number): boolean {
    if (stream.readsCopy && stream.reader !== null && stream.phase !== 'closed') return false; // its reader sees the growth itself
    const reader = openReader(file.path, file.inode);
    if (reader === null) {
      this.#copies.delete(file.key); // judged again at the next refresh
      return false;
    }
    if (stream.phase === 'closed') this.#parts.reopen(stream, nowMs);
    else stream.takeBackGap();
    this.#parts.files.hold(stream, reader);
    stream.readsCopy = true;
    stream.phase = 'draining';
    stream.lookedSizeBytes = -1;
    stream.lastGrowthMs = Math.min(nowMs, file.mtimeMs);
    resume(stream, reader);
    return true;
  }
}
