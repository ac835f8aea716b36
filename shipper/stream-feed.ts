/**
 * From one open file to the transport, one chunk at a time. All streams share one read buffer: nothing read stays in memory but a chunk's value,
 * and that belongs to the transport.
 */
import type { Clock } from '#lib/clock.ts';
import type { Chunk, Codec } from '#schemas/chunk.ts';
import { chunkValue, cutChunk, lookBytes, type ChunkLimits } from './chunker.ts';
import { tailBytesMax, tailHashOf } from './file-identity.ts';
import { firstOpenPiece, openPiecesAfter } from './framing.ts';
import type { Outbox } from './outbox.ts';
import type { ByteReader } from './stream-reader.ts';
import { skippedCause, type TailedStream } from './tailed-stream.ts';

/** `sent`: a chunk went out and there may be more. `atEnd`: nothing that can be sent is left. */
export type Fed = 'sent' | 'atEnd' | 'truncated';

/** What was last seen of a file. */
export interface Look {
  sizeBytes: number;
  mtimeMs: number;
}

/** Replaces what must not leave; `lengths` are those of the physical lines it was given, newline included. Null where nothing was replaced. */
export type Redact = (bytes: Buffer) => { value: Buffer; lengths: number[] } | null;

const noBytes = new Uint8Array(0);

export class StreamFeed {
  readonly #limits: ChunkLimits;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #codec: Codec;
  readonly #redact: Redact | null;
  readonly #buffer: Buffer;

  constructor(parts: { limits: ChunkLimits; outbox: Outbox; clock: Clock; codec: Codec; redact: Redact | null }) {
    this.#limits = parts.limits;
    this.#outbox = parts.outbox;
    this.#clock = parts.clock;
    this.#codec = parts.codec;
    this.#redact = parts.redact;
    this.#buffer = Buffer.allocUnsafeSlow(tailBytesMax + lookBytes(parts.limits));
  }

  /**
   * Reads and sends the next chunk.
   * @param ended no more bytes will come: the last line needs no newline
   * @returns the bytes that went out with it
   */
  feed(stream: TailedStream, reader: ByteReader, look: Look, ended: boolean): Fed {
    if (stream.skipOwed) this.#sendSkip(stream);
    const { sizeBytes, mtimeMs } = look;
    const { lead, length } = reader.read(this.#buffer, stream.position);
    // Only now, with the bytes in hand, can it be said that they belong to what was read before.
    if (!reader.proves(Math.max(sizeBytes, stream.position + length), stream.head, stream.tail)) return 'truncated';
    stream.lookedSizeBytes = sizeBytes;
    stream.lookedMtimeMs = mtimeMs;
    stream.sizeBytes = Math.max(stream.sizeBytes, reader.isComplete ? sizeBytes : 0, stream.position + length);
    const available = this.#buffer.subarray(lead, lead + length);
    const isLast = ended && reader.isComplete && stream.position + length >= sizeBytes;
    const cut = cutChunk(available, stream.position, stream.openLine, isLast, this.#limits);
    const nowMs = this.#clock.nowMs();
    if (cut === null) {
      if (reader.isComplete) stream.readToEndMs = nowMs;
      return 'atEnd';
    }
    const bytes = available.subarray(0, cut.length);
    const end = stream.position + cut.length;
    const chunk = this.#chunk(stream, 'lines', stream.position, end, nowMs);
    chunk.codec = this.#codec;
    chunk.part = cut.part;
    // Offsets, tail and positions stay those of the file; only the value is another.
    const redacted = this.#redact?.(bytes) ?? null;
    chunk.lengths = redacted?.lengths ?? null;
    chunk.value = chunkValue(redacted?.value ?? bytes, this.#codec);
    stream.pieces = openPiecesAfter(bytes, stream.position, stream.framing, stream.pieces);
    stream.openLine = cut.openLine;
    stream.tail = tailHashOf(this.#buffer.subarray(0, lead + cut.length), end);
    stream.tracker.sent(end, cut.openLine?.from ?? firstOpenPiece(stream.pieces) ?? end, stream.tail);
    stream.position = end;
    // Not the look's: what was read may have been written since.
    if (!stream.readsCopy) stream.readMtimeMs = reader.stats().mtimeMs;
    if (end > stream.head.length) stream.seenStart = null;
    stream.idleOwed = true;
    // A short read that was used up saw the end; the next look says whether there is more.
    const sawEnd = reader.isComplete && cut.length === length && end >= sizeBytes;
    stream.readToEndMs = sawEnd ? nowMs : null;
    stream.changed = true;
    this.#outbox.inFlightBytes += cut.length;
    this.#outbox.hand(chunk, stream);
    return sawEnd && !ended ? 'atEnd' : 'sent';
  }

  sendIdle(stream: TailedStream): void {
    stream.idleOwed = false;
    this.#outbox.hand(this.#chunk(stream, 'idle', stream.position, stream.position, this.#clock.nowMs()), stream);
  }

  /** Says that bytes behind the position were destroyed before they were read, and counts them. */
  sendGap(stream: TailedStream, cause: string, bytes: number): void {
    if (stream.skipOwed) this.#sendSkip(stream);
    // A run before this one may have counted it and been killed before the stream's end was told.
    const uncounted = Math.max(0, bytes - stream.lostBytes);
    if (uncounted > 0) stream.droppedBytes = { ...stream.droppedBytes, [cause]: (stream.droppedBytes[cause] ?? 0) + uncounted };
    stream.gapBytes += uncounted;
    const chunk = this.#chunk(stream, 'gap', stream.position, stream.position + bytes, this.#clock.nowMs());
    chunk.gap = { cause, bytes, exact: false };
    this.#outbox.hand(chunk, stream);
  }

  sendClose(stream: TailedStream): void {
    if (stream.skipOwed) this.#sendSkip(stream);
    stream.phase = 'closing';
    stream.idleOwed = false;
    stream.changed = true;
    this.#outbox.hand(this.#chunk(stream, 'close', stream.position, stream.position, this.#clock.nowMs()), stream);
  }

  /** Says that the bytes before the first position were left out on purpose. */
  #sendSkip(stream: TailedStream): void {
    stream.skipOwed = false;
    const chunk = this.#chunk(stream, 'gap', 0, stream.skippedBytes, this.#clock.nowMs());
    chunk.gap = { cause: skippedCause, bytes: stream.skippedBytes, exact: true };
    this.#outbox.hand(chunk, stream);
  }

  #chunk(stream: TailedStream, kind: Chunk['kind'], offset: number, end: number, readMs: number): Chunk {
    return {
      kind, source: stream.source.source, streamId: stream.streamId, offset, end, codec: 'none', framing: stream.framing, lengths: null, part: null, previous: stream.previous, gap: null,
      origin: stream.source.origin, bootId: stream.bootId, path: stream.path, readMs, value: noBytes,
    };
  }
}
