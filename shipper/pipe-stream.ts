/** One pipe as a stream: its bytes in a bounded buffer, cut into chunks by size, by age and at the end. */
import type { Readable } from 'node:stream';
import type { Clock } from '#lib/clock.ts';
import type { Chunk, Codec, Framing } from '#schemas/chunk.ts';
import type { Origin } from '#schemas/event.ts';
import type { StreamState } from '#schemas/transport.ts';
import { AckTracker } from './ack-tracker.ts';
import { balanceOf, type StreamBalance } from './balance.ts';
import { chunkValue, cutChunk, lookBytes, type ChunkLimits, type OpenLine } from './chunker.ts';
import { headBytesMax, headOf, streamIdOf, streamName } from './file-identity.ts';
import { firstOpenPiece, framingOf, noOpenPieces, openPiecesAfter } from './framing.ts';
import type { Redact } from './stream-feed.ts';

/** A stream of bytes without a file behind it. */
export interface Pipe {
  stream: Readable;
  source: string;
  origin: Origin;
  /** What stands where a file has its path, for people: `-`, `stdout`. */
  path: string;
}

const noBytes = new Uint8Array(0);

export class PipeStream {
  readonly pipe: Pipe;
  readonly partition: number | null;
  readonly #limits: ChunkLimits;
  readonly #startNs: string;
  /** Bytes read and not yet sent; whoever fills it pauses the pipe while it is full. */
  readonly #buffer: Buffer;
  #length = 0;
  /** When the first byte of the buffer came. */
  #sinceMs = 0;
  #ended = false;
  #name: string | null = null;
  #generation = 0;
  #head: Buffer = Buffer.alloc(0);
  #framing: Framing = 'plain';
  #position = 0;
  #openLine: OpenLine | null = null;
  #pieces = noOpenPieces;
  tracker = new AckTracker(0, null);
  lastGrowthMs = 0;
  idleOwed = false;
  /** Its states were told, so that it may be sent. */
  announced = false;
  closeSent = false;
  closeAcknowledged = false;
  closed = false;
  changed = false;
  publishedMs = 0;

  /** @param startNs tells this run's stream from those of other runs: a pipe has no identity of its own */
  constructor(pipe: Pipe, partition: number | null, limits: ChunkLimits, startNs: string) {
    this.pipe = pipe;
    this.partition = partition;
    this.#limits = limits;
    this.#startNs = startNs;
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(lookBytes(limits), headBytesMax));
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  get isFull(): boolean {
    return this.#length === this.#buffer.length;
  }

  /** Inside a line (or a container's pieces of one) that is never acknowledged before its end. */
  get isInsideLine(): boolean {
    return this.#openLine !== null || firstOpenPiece(this.#pieces) !== null;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  get name(): string | null {
    return this.#name;
  }

  get streamId(): string | null {
    return this.#name === null ? null : streamIdOf(this.#name, this.#generation);
  }

  /** The bytes not yet sent; a view. */
  get unsent(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Takes bytes over. @returns how many; fewer than given when the buffer is full */
  take(bytes: Buffer, nowMs: number): number {
    const taken = bytes.copy(this.#buffer, this.#length);
    if (taken === 0) return 0;
    if (this.#length === 0) this.#sinceMs = nowMs;
    this.#length += taken;
    this.lastGrowthMs = nowMs;
    return taken;
  }

  /** No more bytes will come. */
  end(): void {
    this.#ended = true;
  }

  /** Names the stream when its first line is there. @returns whether it is named now */
  nameIt(): boolean {
    if (this.#name !== null) return true;
    const head = headOf(this.unsent, this.#ended);
    if (head === null) return false;
    this.#head = head;
    this.#framing = framingOf(this.unsent);
    this.#name = streamName(this.pipe.source, null, this.#startNs, head);
    return true;
  }

  /** Behind all that are known of this name, which only a clock that was set back to the nanosecond can have made. */
  setGeneration(generation: number): void {
    this.#generation = generation;
  }

  /** Whether a chunk is due: the buffer is full, its lines waited long enough, or nothing more comes. */
  isDue(nowMs: number, ageMsMax: number): boolean {
    if (this.#length === 0) return false;
    return this.#ended || this.isFull || (nowMs - this.#sinceMs >= ageMsMax && (this.#openLine !== null || this.unsent.includes(10)));
  }

  /** The next chunk of the buffer, or null while no line is complete. */
  cut(codec: Codec, redact: Redact | null, nowMs: number): Chunk | null {
    const cut = cutChunk(this.unsent, this.#position, this.#openLine, this.#ended, this.#limits);
    if (cut === null) return null;
    const bytes = this.#buffer.subarray(0, cut.length);
    const end = this.#position + cut.length;
    const redacted = redact?.(bytes) ?? null;
    const chunk = this.#chunk('lines', end, this.#sinceMs);
    chunk.codec = codec;
    chunk.part = cut.part;
    chunk.lengths = redacted?.lengths ?? null;
    chunk.value = chunkValue(redacted?.value ?? bytes, codec);
    this.#pieces = openPiecesAfter(bytes, this.#position, this.#framing, this.#pieces);
    this.#openLine = cut.openLine;
    this.tracker.sent(end, cut.openLine?.from ?? firstOpenPiece(this.#pieces) ?? end, { at: end, hash: '' });
    this.#position = end;
    this.#buffer.copyWithin(0, cut.length, this.#length);
    this.#length -= cut.length;
    this.#sinceMs = nowMs;
    this.idleOwed = true;
    this.changed = true;
    return chunk;
  }

  idle(nowMs: number): Chunk {
    this.idleOwed = false;
    return this.#chunk('idle', this.#position, nowMs);
  }

  close(nowMs: number): Chunk {
    this.closeSent = true;
    this.idleOwed = false;
    return this.#chunk('close', this.#position, nowMs);
  }

  get isAcknowledged(): boolean {
    return this.tracker.lowWaterMark >= this.#position;
  }

  state(): StreamState {
    return {
      streamId: this.streamId!, name: this.#name!, generation: this.#generation, source: this.pipe.source, sourceId: this.pipe.source, partition: this.partition, inode: null, birthTimeNs: this.#startNs,
      head: this.#head.toString('base64'), framing: this.#framing, origin: this.pipe.origin, path: this.pipe.path, previous: null, closed: this.closed, sizeBytes: this.#position + this.#length, readBytes: this.#position,
      acknowledgedBytes: this.tracker.safeOffset, droppedBytes: {}, gapBytes: 0, tailHash: null, bootId: null, readToEndMs: this.#length === 0 ? this.lastGrowthMs : null, copiesAfterNs: null, readMtimeMs: null, truncatedMs: null,
    };
  }

  balance(clock: Clock): StreamBalance {
    return balanceOf({
      streamId: this.streamId, source: this.pipe.source, path: this.pipe.path, phase: this.closed ? 'closed' : this.closeSent ? 'closing' : this.#name === null ? 'unnamed' : 'reading',
      writtenBytes: this.#position + this.#length, readBytes: this.#position, acknowledgedBytes: this.#position - this.tracker.inFlightBytes, inFlightBytes: this.tracker.inFlightBytes, droppedBytes: {},
      readToEndMs: this.#length === 0 ? clock.nowMs() : null,
    });
  }

  #chunk(kind: Chunk['kind'], end: number, readMs: number): Chunk {
    return {
      kind, source: this.pipe.source, streamId: this.streamId!, offset: this.#position, end, codec: 'none', framing: this.#framing, lengths: null, part: null, previous: null, gap: null,
      origin: this.pipe.origin, bootId: null, path: this.pipe.path, readMs, value: noBytes,
    };
  }
}
