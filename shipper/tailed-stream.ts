import { invariant } from '#lib/assert.ts';
import type { Framing, PreviousStream } from '#schemas/chunk.ts';
import type { StreamState, TailHash } from '#schemas/transport.ts';
import { AckTracker } from './ack-tracker.ts';
import { balanceOf, type RotationPlace, type StreamBalance } from './balance.ts';
import type { OpenLine } from './chunker.ts';
import type { IndexedFile } from './indexed-file.ts';
import { streamIdOf } from './file-identity.ts';
import type { FileSource } from './file-source.ts';
import { firstOpenPiece, noOpenPieces, type OpenPieces } from './framing.ts';
import type { ByteReader } from './stream-reader.ts';

/**
 * - `unnamed`: the first line is not there yet; nothing may be sent.
 * - `announcing`: named, and on its way into the checkpoint and to the outside.
 * - `reading`: known outside (checkpoint and transport); its bytes are sent as they come.
 * - `draining`: it will not grow at its path again (truncated, its file gone); what can still be had is read.
 * - `closing`: its closing record is on the way. `closed`: acknowledged and told.
 * - `refused`: not a log; left alone.
 */
export type Phase = 'unnamed' | 'announcing' | 'reading' | 'draining' | 'closing' | 'closed' | 'refused';

/** Thousands of streams share these. */
const none: readonly never[] = [];
const nothing: Readonly<Record<string, number>> = {};

/** Cause of a drop: the first start was told to begin at the end. */
export const skippedCause = 'skipped';

/** A stream that is being tailed: what the loop knows of it. Only the shipper's files change it. */
export class TailedStream {
  source: FileSource;
  /** All chunks of the source travel in it; null where the transport has none. */
  partition: number | null = null;
  path: string;
  device: string | null;
  inode: string;
  birthTimeNs: string | null;

  phase: Phase = 'unnamed';
  /** Set before the first line is known where a truncation gave this stream a known name. */
  name: string | null = null;
  generation = 0;
  /** The first line's bytes as Latin-1 text: a buffer of its own would cost each stream three times that. */
  head = '';
  framing: Framing = 'plain';
  /** The first bytes (at most 1,024) as they were seen, kept until the position is behind the first line and the tail hash proves more. */
  seenStart: Buffer | null = null;
  previous: PreviousStream | null = null;
  bootId: string | null = null;

  /** Bytes at the start that nobody wanted (`from: end`); a gap record says so before the first chunk. */
  skippedBytes = 0;
  skipOwed = false;
  /** Size at the first start, of which only what follows the last whole line is wanted; 0 where all is. */
  unwantedBytes = 0;
  /** streamOffset of the next byte to read. */
  position = 0;
  /** At `position`. */
  tail: TailHash | null = null;
  openLine: OpenLine | null = null;
  pieces: Readonly<OpenPieces> = noOpenPieces;
  tracker = new AckTracker(0, null);
  reader: ByteReader | null = null;
  /** When bytes were last sent in this run. */
  sentMs = 0;
  /** The reader is on a copy of the file, not on the file itself. */
  readsCopy = false;

  /** Largest size seen. */
  sizeBytes = 0;
  lookedSizeBytes = -1;
  lookedMtimeMs = -1;
  mtimeMs = 0;
  lastGrowthMs = 0;
  /** Where the index has it, null where it was not seen at the last refresh. */
  file: IndexedFile | null = null;
  /** Under one of the PATHs, as far as anybody can say. */
  present = true;
  /** Has its place among the streams of its source. */
  isPlaced = false;
  /** Refreshes in a row that did not see it, although nothing changed while they looked. */
  missedRounds = 0;
  /** Of the last refresh that saw it. */
  seenRound = 0;
  /** Not seen since. */
  goneMs: number | null = null;
  /** Truncated or gone with bytes perhaps unread: a copy may still hold them; decided at the next refresh. */
  awaitsCopy = false;
  /** Whether compressed files were, or are being, searched for its rest. */
  twin: 'none' | 'searching' | 'searched' = 'none';
  twinPaths: readonly string[] = none;
  idleOwed = false;
  closeAcknowledged = false;
  droppedBytes: Readonly<Record<string, number>> = nothing;
  gapBytes = 0;
  readToEndMs: number | null = null;
  /** As in `StreamState`: which files can be copies of it. */
  copiesAfterNs: string | null = null;
  readMtimeMs: number | null = null;
  truncatedMs: number | null = null;
  /** Name, partition and generation are acknowledged outside. */
  isTold = false;
  /** Its announcement or its closed state is on the way. */
  isTelling = false;
  /** The published state is out of date. */
  changed = true;
  publishedMs = 0;

  constructor(source: FileSource, file: { path: string; device: string | null; inode: string; birthTimeNs: string | null }) {
    this.source = source;
    this.path = file.path;
    this.device = file.device;
    this.inode = file.inode;
    this.birthTimeNs = file.birthTimeNs;
  }

  get streamId(): string {
    invariant(this.name !== null, 'a stream without a name sends nothing');
    return streamIdOf(this.name, this.generation);
  }

  /** Known to the checkpoint and the transport, or was when this run began. */
  get isAnnounced(): boolean {
    return this.phase !== 'unnamed' && this.phase !== 'announcing' && this.phase !== 'refused';
  }

  /** Has all that a state tells. */
  get isNamed(): boolean {
    return this.phase === 'announcing' || this.isAnnounced;
  }

  /** Looked at, and without a byte. */
  get isKnownEmpty(): boolean {
    return this.phase === 'unnamed' && this.sizeBytes === 0 && this.lookedSizeBytes === 0;
  }

  /** The position lies between two pieces of a line. */
  get isInsideLine(): boolean {
    return this.openLine !== null || firstOpenPiece(this.pieces) !== null;
  }

  get droppedTotal(): number {
    return Object.values(this.droppedBytes).reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Begins behind the bytes that were there at the first start; `tail` is of that position. */
  skip(tail: TailHash): void {
    this.skippedBytes = tail.at;
    this.skipOwed = true;
    this.droppedBytes = { [skippedCause]: tail.at };
    this.gapBytes = tail.at;
    this.position = tail.at;
    this.tail = tail;
    this.tracker = new AckTracker(tail.at, tail);
    if (tail.at > this.head.length) this.seenStart = null;
  }

  /** Of the gaps that were told, those behind the position: bytes that were not had, as far as anybody knew. */
  get lostBytes(): number {
    return this.gapBytes - this.skippedBytes;
  }

  /** It goes on where it was thought to end: what is still missing at its end is counted then. */
  takeBackGap(): void {
    const { skippedBytes } = this;
    this.droppedBytes = skippedBytes > 0 ? { [skippedCause]: skippedBytes } : nothing;
    this.gapBytes = skippedBytes;
  }

  /** Takes over where the file was seen now. */
  locate(file: IndexedFile, source: FileSource): void {
    this.file = file;
    if (file.path !== this.path) this.changed = true;
    this.path = file.path;
    this.device = file.device;
    this.birthTimeNs ??= file.birthTimeNs;
    this.mtimeMs = file.mtimeMs;
    if (this.phase === 'unnamed') this.sizeBytes = file.sizeBytes;
    this.source = { ...this.source, chain: source.chain, rotation: source.rotation };
    this.present = true;
    this.missedRounds = 0;
    this.goneMs = null;
  }

  state(): StreamState {
    return {
      streamId: this.streamId,
      name: this.name!,
      generation: this.generation,
      source: this.source.source,
      sourceId: this.source.sourceId,
      partition: this.partition,
      inode: this.inode,
      birthTimeNs: this.birthTimeNs,
      head: Buffer.from(this.head, 'latin1').toString('base64'),
      framing: this.framing,
      origin: this.source.origin,
      path: this.path,
      previous: this.previous,
      closed: this.phase === 'closed',
      sizeBytes: this.sizeBytes,
      readBytes: this.position,
      acknowledgedBytes: this.tracker.safeOffset,
      droppedBytes: { ...this.droppedBytes },
      gapBytes: this.gapBytes,
      tailHash: this.tracker.tail,
      bootId: this.bootId,
      readToEndMs: this.readToEndMs,
      copiesAfterNs: this.copiesAfterNs,
      readMtimeMs: this.readMtimeMs,
      truncatedMs: this.truncatedMs,
    };
  }

  balance(rotation: RotationPlace): StreamBalance {
    return balanceOf({
      streamId: this.isNamed ? this.streamId : null,
      source: this.source.source,
      path: this.path,
      phase: this.phase,
      writtenBytes: Math.max(this.sizeBytes, this.position),
      readBytes: this.position - this.skippedBytes,
      acknowledgedBytes: this.position - this.skippedBytes - this.tracker.inFlightBytes,
      inFlightBytes: this.tracker.inFlightBytes,
      droppedBytes: { ...this.droppedBytes },
      readToEndMs: this.readToEndMs,
    }, rotation);
  }
}

/** A stream as its state tells it, at its acknowledged position; whether a file still holds it is for the caller to prove. */
export function streamOfState(state: StreamState, source: FileSource): TailedStream {
  const stream = new TailedStream(source, { path: state.path ?? '', device: null, inode: state.inode ?? '', birthTimeNs: state.birthTimeNs });
  stream.partition = state.partition;
  stream.phase = state.closed ? 'closed' : 'reading';
  stream.name = state.name;
  stream.generation = state.generation;
  stream.head = Buffer.from(state.head, 'base64').toString('latin1');
  stream.framing = state.framing;
  stream.previous = state.previous;
  stream.bootId = state.bootId;
  stream.position = state.acknowledgedBytes;
  stream.tail = state.tailHash;
  stream.tracker = new AckTracker(state.acknowledgedBytes, state.tailHash);
  stream.sizeBytes = Math.max(state.sizeBytes, state.acknowledgedBytes);
  stream.droppedBytes = Object.keys(state.droppedBytes).length === 0 ? nothing : { ...state.droppedBytes };
  stream.gapBytes = state.gapBytes;
  stream.skippedBytes = state.droppedBytes[skippedCause] ?? 0;
  // Told again unless bytes behind it were acknowledged; twice does no harm.
  stream.skipOwed = stream.skippedBytes > 0 && state.acknowledgedBytes <= stream.skippedBytes;
  stream.readToEndMs = state.readToEndMs;
  stream.copiesAfterNs = state.copiesAfterNs ?? null;
  // Of a position that somebody else knows to be further nobody knows when it was written.
  stream.readMtimeMs = state.acknowledgedBytes <= state.readBytes ? (state.readMtimeMs ?? null) : null;
  stream.truncatedMs = state.truncatedMs ?? null;
  // Gaps are told and counted at the end of what is gone on with, where also what somebody else had of it counts.
  if (!state.closed || stream.sizeBytes - stream.position < stream.lostBytes) stream.takeBackGap();
  // Whether an idle record followed the last bytes is not known; one too many does no harm.
  stream.idleOwed = state.acknowledgedBytes > 0;
  return stream;
}

/** A stream of which no file is there. */
export function goneStreamOfState(state: StreamState, source: FileSource): TailedStream {
  const stream = streamOfState(state, source);
  stream.present = false;
  return stream;
}
