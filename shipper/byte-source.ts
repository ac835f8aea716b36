/**
 * The bytes of a finished file from its start, decompressed: plain, gzip (several members too), zstd (several frames too), or a pipe. What is
 * broken at the end of an archive takes nothing away from what came before it.
 */
import { closeSync, openSync } from 'node:fs';
import type { Readable, Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { StreamProblem } from './balance.ts';
import { readAt } from './stream-reader.ts';

export interface ByteSource {
  /** Fills the buffer from its start. @returns bytes filled; fewer than the buffer holds only at the end */
  read(buffer: Buffer): number | Promise<number>;
  /** Bytes of the file as it lies on disk that were used so far. */
  readonly diskBytes: number;
  /** What was found broken; complete at the end. */
  readonly problem: StreamProblem | null;
  close(): void;
}

type Packing = 'plain' | 'gzip' | 'zstd';

/** By its first bytes; the name has to agree, so that a log is never decompressed by chance. */
function packingOf(path: string, fd: number): Packing {
  const magic = Buffer.alloc(4);
  const length = readAt(fd, magic, 0);
  if (path.endsWith('.gz') && length >= 2 && magic.readUInt16BE(0) === 0x1f8b) return 'gzip';
  if (path.endsWith('.zst') && length === 4 && (magic.readUInt32LE(0) === frameMagic || isSkippable(magic.readUInt32LE(0)))) return 'zstd';
  return 'plain';
}

/** @throws the system error of opening the file */
export function openByteSource(path: string): ByteSource {
  const fd = openSync(path, 'r');
  try {
    switch (packingOf(path, fd)) {
      case 'gzip':
        return new PackedSource(path, fd, () => createGunzip(), singleRun());
      case 'zstd':
        return new PackedSource(path, fd, () => createZstdDecompress(), zstdFrames(fd));
      case 'plain':
        return new PlainSource(fd);
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

class PlainSource implements ByteSource {
  readonly problem = null;
  diskBytes = 0;
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  read(buffer: Buffer): number {
    const length = readAt(this.#fd, buffer, this.diskBytes);
    this.diskBytes += length;
    return length;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Hands out pieces that arrive in their own sizes. */
class PieceQueue {
  readonly #pieces: Buffer[] = [];
  #used = 0;

  push(piece: Buffer): void {
    this.#pieces.push(piece);
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** @returns bytes copied to `buffer` from `at` on */
  take(buffer: Buffer, at: number): number {
    let length = 0;
    while (at + length < buffer.length) {
      const piece = this.#pieces[0];
      if (piece === undefined) break;
      const copied = piece.copy(buffer, at + length, this.#used);
      length += copied;
      this.#used += copied;
      if (this.#used === piece.length) {
        this.#pieces.shift();
        this.#used = 0;
      }
    }
    return length;
  }
}

/** A run of compressed bytes `[from, to)` that one engine decompresses. */
interface Run {
  from: number;
  to: number;
  /** False where the file ends inside it. */
  complete: boolean;
}

// Small pieces bound what one of them can blow up to: 1,032 times for deflate, 16 MB.
const packedBytes = 16 * 1024;

class PackedSource implements ByteSource {
  problem: StreamProblem | null = null;
  diskBytes = 0;
  readonly #path: string;
  readonly #fd: number;
  readonly #newEngine: () => Transform;
  readonly #runs: Iterator<Run>;
  readonly #queue = new PieceQueue();
  #engine: Transform | null = null;
  #run: Run | null = null;
  #ended = false;

  constructor(path: string, fd: number, newEngine: () => Transform, runs: Iterator<Run>) {
    this.#path = path;
    this.#fd = fd;
    this.#newEngine = newEngine;
    this.#runs = runs;
  }

  async read(buffer: Buffer): Promise<number> {
    let length = 0;
    for (;;) {
      length += this.#queue.take(buffer, length);
      if (length === buffer.length || this.#ended) return length;
      await this.#feed();
    }
  }

  async #feed(): Promise<void> {
    if (this.#run === null) {
      const next = this.#runs.next();
      if (next.done === true) {
        this.#ended = true;
        return;
      }
      this.#run = next.value;
      this.diskBytes = next.value.from;
      this.#engine = this.#newEngine();
      this.#engine.on('data', (piece: Buffer) => this.#queue.push(piece));
      this.#engine.on('error', () => undefined); // `#step` waits for it
    }
    const engine = this.#engine!;
    const packed = Buffer.allocUnsafe(Math.min(packedBytes, this.#run.to - this.diskBytes));
    const length = readAt(this.#fd, packed, this.diskBytes);
    this.diskBytes += length;
    const atEnd = length === 0;
    const failure = await step(engine, atEnd ? null : packed.subarray(0, length));
    if (failure !== null) {
      const truncated = !this.#run.complete || ('code' in failure && failure.code === 'Z_BUF_ERROR');
      this.#report(truncated);
      this.#ended = true;
    } else if (atEnd) {
      if (!this.#run.complete) {
        this.#report(true);
        this.#ended = true;
      }
      this.#run = null;
    }
  }

  #report(truncated: boolean): void {
    this.problem = truncated
      ? { path: this.#path, code: 'ARCHIVE_TRUNCATED', message: `${this.#path}: the archive ends in its middle. What it has was read; fetch it again and ingest it once more for the rest.` }
      : { path: this.#path, code: 'ARCHIVE_DAMAGED', message: `${this.#path}: the archive is damaged at about byte ${this.diskBytes}. What came before was read; fetch it again and ingest it once more for the rest.` };
  }

  close(): void {
    this.#engine?.destroy();
    closeSync(this.#fd);
  }
}

/** Hands one piece (null: the end) to an engine. @returns its failure, or null when it has given everything it can */
function step(engine: Transform, piece: Buffer | null): Promise<Error | null> {
  return new Promise(resolve => {
    const settle = (failure: Error | null): void => {
      engine.off('error', settle);
      engine.off('end', ended);
      resolve(failure);
    };
    const ended = (): void => settle(null);
    engine.once('error', settle);
    if (piece === null) {
      engine.once('end', ended);
      if (engine.readableEnded) ended();
      else engine.end();
    } else {
      engine.write(piece, error => {
        if (error === null || error === undefined) settle(null);
      });
    }
  });
}

/** gzip: one engine reads all members. */
function singleRun(): Iterator<Run> {
  return [{ from: 0, to: Number.MAX_SAFE_INTEGER, complete: true }].values();
}

const frameMagic = 0xfd2fb528;
const isSkippable = (magic: number): boolean => magic >>> 4 === 0x184d2a5;

/**
 * The frames of a zstd file, found by walking their block headers (RFC 8878, 3.1). Needed because Node stops after the first frame without a
 * word, and appended rotations are many.
 */
function* zstdFrames(fd: number): Generator<Run> {
  const header = Buffer.alloc(18);
  for (let from = 0; ; ) {
    const length = readAt(fd, header, from);
    if (length === 0) return;
    const magic = length >= 8 ? header.readUInt32LE(0) : 0;
    if (isSkippable(magic)) {
      from += 8 + header.readUInt32LE(4);
      continue;
    }
    const to = length < 8 || magic !== frameMagic ? null : zstdFrameEnd(fd, header, from);
    yield { from, to: to ?? Number.MAX_SAFE_INTEGER, complete: to !== null };
    if (to === null) return;
    from = to;
  }
}

/** Where the frame that begins at `from` ends, or null where the file ends before it. */
function zstdFrameEnd(fd: number, header: Buffer, from: number): number | null {
  const descriptor = header[4]!;
  const singleSegment = (descriptor & 0x20) !== 0;
  const contentSizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6]!;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3]!;
  let at = from + 5 + (singleSegment ? 0 : 1) + dictionaryIdBytes + contentSizeBytes;
  const block = Buffer.alloc(3);
  for (;;) {
    if (readAt(fd, block, at) < 3) return null;
    const bits = block.readUIntLE(0, 3);
    const rle = ((bits >>> 1) & 3) === 1;
    at += 3 + (rle ? 1 : bits >>> 3);
    if ((bits & 1) === 1) break;
  }
  if ((descriptor & 4) !== 0) at += 4;
  // The last byte has to be there: a file cut inside its last block has a whole header.
  return readAt(fd, block.subarray(0, 1), at - 1) === 1 ? at : null;
}

/** A pipe: bytes as they come, never twice. */
export class PipeSource implements ByteSource {
  readonly problem = null;
  diskBytes = 0;
  readonly #queue = new PieceQueue();
  readonly #pieces: AsyncIterator<Buffer>;
  readonly #pipe: Readable;

  constructor(pipe: Readable) {
    this.#pipe = pipe;
    this.#pieces = pipe[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async read(buffer: Buffer): Promise<number> {
    let length = 0;
    for (;;) {
      length += this.#queue.take(buffer, length);
      if (length === buffer.length) break;
      const next = await this.#pieces.next();
      if (next.done === true) break;
      this.#queue.push(Buffer.from(next.value));
    }
    this.diskBytes += length;
    return length;
  }

  close(): void {
    this.#pipe.destroy();
  }
}
