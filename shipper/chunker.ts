/**
 * Cuts the available bytes of a stream into chunks: whole physical lines, or one piece of a line that is too long for a chunk. Only bytes
 * decide (never how much arrived at once for a long line), so that reading again from the same place cuts a long line the same.
 */
import { zstdCompressSync, constants } from 'node:zlib';
import type { Chunk, Codec } from '#schemas/chunk.ts';
import { ownCopyOf } from './stream-reader.ts';

export interface ChunkLimits {
  /** Before compression. */
  chunkBytesMax: number;
  /** A longer line is cut here and its rest begins a new numbering of parts. Below `chunkBytesMax` it bounds the chunk as well. */
  lineBytesMax: number;
}

/** A long line that earlier pieces began. */
export interface OpenLine {
  /** Number of the next piece, from 1. */
  n: number;
  /** Bytes of this line in earlier pieces. */
  bytes: number;
  /** streamOffset of the first piece: the safe position while the line is open. */
  from: number;
}

export interface Cut {
  length: number;
  part: Chunk['part'];
  openLine: OpenLine | null;
}

/** How chunk values are compressed under a `compression` option; all but `zstd` leave it to whoever carries them. */
export function codecOf(compression: string): Codec {
  return compression === 'zstd' ? 'zstd' : 'none';
}

/** Bytes that have to be looked at to cut one chunk: one more than a chunk, because a newline right behind the limit belongs to its line. */
export function lookBytes(limits: ChunkLimits): number {
  return Math.min(limits.chunkBytesMax, limits.lineBytesMax) + 1;
}

/**
 * The next chunk of `bytes`, which lie at `streamOffset`; null while no chunk is complete. With `ended`, no more bytes will come and the last
 * line needs no newline.
 */
export function cutChunk(bytes: Buffer, streamOffset: number, openLine: OpenLine | null, ended: boolean, limits: ChunkLimits): Cut | null {
  const sizeMax = lookBytes(limits) - 1;
  if (bytes.length === 0) return null;
  if (openLine === null) {
    const length = bytes.subarray(0, sizeMax).lastIndexOf(10) + 1;
    if (length > 0) return { length, part: null, openLine: null };
    if (bytes.length <= sizeMax && ended) return { length: bytes.length, part: null, openLine: null };
    // A chunk-sized line whose newline is the very next byte still is whole.
    if (bytes.length > sizeMax && bytes[sizeMax] === 10) return { length: sizeMax + 1, part: null, openLine: null };
  }
  const line = openLine ?? { n: 1, bytes: 0, from: streamOffset };
  const pieceMax = Math.min(sizeMax, limits.lineBytesMax - line.bytes);
  const newline = bytes.subarray(0, pieceMax + 1).indexOf(10);
  if (newline >= 0) return { length: newline + 1, part: { n: line.n, of: line.n }, openLine: null };
  if (bytes.length <= pieceMax) return ended ? { length: bytes.length, part: { n: line.n, of: line.n }, openLine: null } : null;
  const cutHere = line.bytes + pieceMax >= limits.lineBytesMax;
  return {
    length: pieceMax,
    part: { n: line.n, of: cutHere ? line.n : null },
    openLine: cutHere ? { n: 1, bytes: 0, from: streamOffset + pieceMax } : { n: line.n + 1, bytes: line.bytes + pieceMax, from: line.from },
  };
}

const zstdParams = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 };

/**
 * The value of a chunk: its own memory, because whoever publishes it may transfer it to another thread, while `bytes` are a view of the reader's
 * buffer and are overwritten by the next read.
 */
export function chunkValue(bytes: Buffer, codec: Codec): Uint8Array {
  if (codec !== 'zstd') return ownCopyOf(bytes);
  // By default each piece of the result is 16 KiB of memory, however little of it is used; logs shrink to a fourth and less.
  const value = zstdCompressSync(bytes, { params: zstdParams, chunkSize: (bytes.length >> 2) + 256 });
  return value.buffer.byteLength > value.length + 512 ? ownCopyOf(value) : value;
}
