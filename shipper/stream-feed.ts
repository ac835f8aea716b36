/**
 * From one open file to the transport, one chunk at a time. All streams share one read buffer: nothing read stays in memory but a chunk's value,
 * and that belongs to the transport.
 */
import type { Clock } from '#lib/clock.ts';
import type { Chunk, Codec } from '#schemas/chunk.ts';
import type { Transport } from '#schemas/transport.ts';
import { chunkValue, cutChunk, lookBytes, type ChunkLimits } from './chunker.ts';
import { tailBytesMax, tailHashOf } from './file-identity.ts';
import { firstOpenPiece, openPiecesAfter } from './framing.ts';
import { fileCase } from './rotation.ts';
import { firstBytesOf, readAt, tailHashAt, type StreamReader } from './stream-reader.ts';
import { skippedCause, type TailedStream } from './tailed-stream.ts';

/** `sent`: a chunk went out and there may be more. `blocked`: too much is in flight. `atEnd`: nothing that can be sent is left. */
export type Fed = 'sent' | 'blocked' | 'atEnd' | 'truncated';

/** Replaces what must not leave; `lengths` are those of the physical lines it was given, newline included. Null where nothing was replaced. */
export type Redact = (bytes: Buffer) => { value: Buffer; lengths: number[] } | null;

const noBytes = new Uint8Array(0);

export class StreamFeed {
  readonly #limits: ChunkLimits;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #codec: Codec;
  readonly #buffer: Buffer;
  readonly #redact: Redact | null;

  constructor(parts: { limits: ChunkLimits; transport: Transport; clock: Clock; codec: Codec; redact: Redact | null }) {
    this.#limits = parts.limits;
    this.#transport = parts.transport;
    this.#clock = parts.clock;
    this.#codec = parts.codec;
    this.#redact = parts.redact;
    this.#buffer = Buffer.allocUnsafeSlow(tailBytesMax + lookBytes(parts.limits));
  }

  /**
   * Looks at the file and sends its next chunk.
   * @param ended no more bytes will come: the last line needs no newline
   * @param mayRead false where the limit on bytes in flight is reached
   */
  async feed(stream: TailedStream, ended: boolean, mayRead: boolean): Promise<Fed> {
    if (stream.skipOwed) await this.#sendSkip(stream);
    const reader = stream.reader!;
    const nowMs = this.#clock.nowMs();
    const { size, mtimeNs } = reader.stats();
    const sizeBytes = Number(size);
    const look = { seen: 'file', samePath: true, sameFile: true, sizeBytes, headAgrees: null, tailAgrees: null } as const;
    // A copy has its own size, which may be less than was seen of the original.
    if (!stream.readsCopy && fileCase(stream, look) === 'truncated') return 'truncated';
    const unchanged = sizeBytes === stream.lookedSizeBytes && mtimeNs === stream.lookedMtimeNs;
    if (sizeBytes > stream.sizeBytes && stream.lookedSizeBytes >= 0) stream.lastGrowthMs = nowMs;
    stream.sizeBytes = Math.max(stream.sizeBytes, sizeBytes);
    stream.mtimeNs = mtimeNs;
    // Nothing new since a look that found the end; a change of time alone may be a truncation regrown to the same size.
    if (unchanged && !ended && stream.readToEndMs !== null) return this.#atEnd(stream, nowMs);
    const insideLine = stream.openLine !== null || firstOpenPiece(stream.pieces) !== null;
    if (!mayRead && !insideLine && !ended) return 'blocked';

    const { lead, length } = reader.read(this.#buffer, stream.position);
    // Only now, with the bytes in hand, can it be said that they belong to what was read before.
    if (!reader.proves(Math.max(sizeBytes, stream.position + length), stream.head, stream.tail)) return 'truncated';
    stream.lookedSizeBytes = sizeBytes;
    stream.lookedMtimeNs = mtimeNs;
    const available = this.#buffer.subarray(lead, lead + length);
    const isLast = ended && stream.position + length >= sizeBytes;
    const cut = cutChunk(available, stream.position, stream.openLine, isLast, this.#limits);
    if (cut === null) return this.#atEnd(stream, nowMs);

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
    if (end > stream.head.length) stream.seenStart = null;
    stream.idleOwed = true;
    stream.readToEndMs = null;
    stream.changed = true;
    await this.#transport.publish(chunk);
    return 'sent';
  }

  #atEnd(stream: TailedStream, nowMs: number): Fed {
    stream.readToEndMs = nowMs;
    return 'atEnd';
  }

  async sendIdle(stream: TailedStream): Promise<void> {
    stream.idleOwed = false;
    await this.#transport.publish(this.#chunk(stream, 'idle', stream.position, stream.position, this.#clock.nowMs()));
  }

  /** Says that bytes behind the position were destroyed before they were read, and counts them. */
  async sendGap(stream: TailedStream, cause: string, bytes: number): Promise<void> {
    if (stream.skipOwed) await this.#sendSkip(stream);
    stream.droppedBytes[cause] = (stream.droppedBytes[cause] ?? 0) + bytes;
    stream.gapBytes += bytes;
    const chunk = this.#chunk(stream, 'gap', stream.position, stream.position + bytes, this.#clock.nowMs());
    chunk.gap = { cause, bytes, exact: false };
    await this.#transport.publish(chunk);
  }

  /** Says that the bytes before the first position were left out on purpose. */
  async #sendSkip(stream: TailedStream): Promise<void> {
    stream.skipOwed = false;
    const chunk = this.#chunk(stream, 'gap', 0, stream.skippedBytes, this.#clock.nowMs());
    chunk.gap = { cause: skippedCause, bytes: stream.skippedBytes, exact: true };
    await this.#transport.publish(chunk);
  }

  async sendClose(stream: TailedStream): Promise<void> {
    if (stream.skipOwed) await this.#sendSkip(stream);
    stream.phase = 'closing';
    stream.idleOwed = false;
    stream.changed = true;
    await this.#transport.publish(this.#chunk(stream, 'close', stream.position, stream.position, this.#clock.nowMs()));
  }

  #chunk(stream: TailedStream, kind: Chunk['kind'], offset: number, end: number, readMs: number): Chunk {
    return {
      kind, source: stream.source.source, streamId: stream.streamId, offset, end, codec: 'none', framing: stream.framing, lengths: null, part: null, previous: stream.previous, gap: null,
      origin: stream.source.origin, bootId: stream.bootId, path: stream.path, readMs, value: noBytes,
    };
  }
}

/** Makes a stream go on at its position in this file, which was just proven to be its. */
export function resume(stream: TailedStream, reader: StreamReader): void {
  const { position } = stream;
  stream.seenStart = position <= stream.head.length ? firstBytesOf(reader.fd) : null;
  if (position === 0) return;
  stream.tail = tailHashAt(reader.fd, position);
  const before = Buffer.alloc(1);
  readAt(reader.fd, before, position - 1);
  // Only a line that was cut (too long, or closed without its newline) is acknowledged up to its middle.
  stream.openLine = before[0] === 10 ? null : { n: 1, bytes: 0, from: position };
}
