/** Kafka's codecs. gzip and zstd are Node's; lz4 and snappy come from a WebAssembly module that is loaded when the first such batch is met. */
import { createRequire } from 'node:module';
import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { kafkaCodecs, type KafkaCodec } from './types.ts';

/** What one batch may grow to; a larger one is damage or an attack. */
export const decompressedBytesMax = 256 * 1024 * 1024;
/** Output is collected in pieces of this size: Node's default of 16 KiB costs more in joining than in decompressing. */
const chunkSize = 1024 * 1024;
const snappyBlockBytes = 64 * 1024;
/** What the Java client writes before snappy blocks: a magic, then two version numbers. */
const xerialHeader = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
const xerialMagicBytes = 8;

const requireHere = createRequire(import.meta.url);
type WasmUtils = typeof import('@platformatic/wasm-utils');
let loaded: WasmUtils | null = null;
const wasm = (): WasmUtils => (loaded ??= requireHere('@platformatic/wasm-utils') as WasmUtils);

/** By the number in a batch's attributes; null for one that Kafka has not. */
export function codecOf(number: number): KafkaCodec | null {
  return kafkaCodecs[number] ?? null;
}

export function codecNumber(codec: KafkaCodec): number {
  return kafkaCodecs.indexOf(codec);
}

export function compress(codec: KafkaCodec, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case 'none':
      return bytes;
    case 'gzip':
      return gzipSync(bytes, { level: constants.Z_BEST_SPEED });
    case 'zstd':
      return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
    case 'lz4':
      return wasm().lz4Compress(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    case 'snappy':
      return snappyCompress(bytes);
  }
}

/** Throws where the bytes are not what the codec says, or grow beyond `decompressedBytesMax`. */
export function decompress(codec: KafkaCodec, bytes: Buffer): Buffer {
  switch (codec) {
    case 'none':
      return bytes;
    case 'gzip':
      return gunzipSync(bytes, { chunkSize, maxOutputLength: decompressedBytesMax });
    case 'zstd':
      return zstdDecompress(bytes);
    case 'lz4':
      return wasm().lz4Decompress(bytes);
    case 'snappy':
      return snappyDecompress(bytes);
  }
}

/** Frames one after the other: Node gives the first and says nothing of the others. */
function zstdDecompress(bytes: Buffer): Buffer {
  const frames: Buffer[] = [];
  let left = bytes;
  let bytesDone = 0;
  do {
    // `info` is not in Node's types for zstd.
    const { buffer, engine } = zstdDecompressSync(left, { chunkSize, maxOutputLength: decompressedBytesMax - bytesDone, info: true }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    frames.push(buffer);
    bytesDone += buffer.length;
    left = left.subarray(engine.bytesWritten);
  } while (left.length > 0);
  return frames.length === 1 ? frames[0]! : Buffer.concat(frames);
}

function snappyCompress(bytes: Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [xerialHeader];
  for (let at = 0; at < bytes.length; at += snappyBlockBytes) {
    const block = wasm().snappyCompress(Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(snappyBlockBytes, bytes.length - at)));
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(block.length);
    pieces.push(length, block);
  }
  return Buffer.concat(pieces);
}

/** In the Java client's blocks, or bare as others write it. */
function snappyDecompress(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, xerialMagicBytes).equals(xerialHeader.subarray(0, xerialMagicBytes))) return snappyBlock(bytes, 0);
  const blocks: Buffer[] = [];
  let bytesDone = 0;
  for (let at = xerialHeader.length; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const block = bytes.subarray(at + 4, at + 4 + length);
    if (block.length < length) throw new Error(`a snappy block of ${length} bytes is cut after ${block.length}`);
    blocks.push(snappyBlock(block, bytesDone));
    bytesDone += blocks.at(-1)!.length;
    at += 4 + length;
  }
  return blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks);
}

/** A block begins with its length, which is checked before anything is allocated for it. */
function snappyBlock(block: Buffer, bytesDone: number): Buffer {
  let length = 0;
  for (let index = 0; index < 5; index++) {
    const byte = block[index] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) break;
  }
  if (bytesDone + length > decompressedBytesMax) throw new Error(`snappy data of ${bytesDone + length} bytes is more than ${decompressedBytesMax}`);
  return wasm().snappyDecompress(block);
}
