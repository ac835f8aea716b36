/**
 * One open file: bytes from a streamOffset, and the proof, after each read and on the same descriptor, that they belong to what was read before.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { systemCodeOf } from '#schemas/errors.ts';
import type { TailHash } from '#schemas/transport.ts';
import { headAgrees, headBytesMax, tailBytesMax, tailHashOf } from './file-identity.ts';

/** Where a stream's bytes come from: its file, a copy of it, or a compressed twin. */
export interface ByteReader {
  /** Nothing is behind `size` but what is written later. */
  readonly isComplete: boolean;
  /** `size` is that of the stream's bytes; `nlink` 0 where no path leads to them any more. */
  stats(): { size: number; mtimeMs: number; nlink: number };
  /**
   * Fills `buffer` from `position`. `[lead, lead + length)` are the new bytes; the `lead` bytes before them (at most 1,024) lie before
   * `position` and are what the tail hash of `position` was made from.
   */
  read(buffer: Buffer, position: number): { lead: number; length: number };
  /**
   * Whether the file still is what it was: not smaller than `sizeBytes`, with this first line and this tail.
   * @returns false when it was truncated (and perhaps written again)
   */
  proves(sizeBytes: number, head: string, tail: TailHash | null): boolean;
  close(): void;
}

/** Reads until the buffer is full or the file ends. @returns bytes read */
export function readAt(fd: number, buffer: Buffer, position: number): number {
  let length = 0;
  while (length < buffer.length) {
    const got = readSync(fd, buffer, length, buffer.length - length, position + length);
    if (got === 0) break;
    length += got;
  }
  return length;
}

const proofBuffer = Buffer.alloc(Math.max(headBytesMax, tailBytesMax));

/** The first bytes of a file, at most 1,024. The caller owns them. */
export function firstBytesOf(fd: number): Buffer {
  const length = readAt(fd, proofBuffer.subarray(0, headBytesMax), 0);
  return ownCopyOf(proofBuffer.subarray(0, length));
}

/** A copy with memory of its own: one from Node's pool would keep 8 KiB alive for as long as its longest-lived neighbour. */
export function ownCopyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Whether the file's bytes before `tail.at` are still those the hash was made from; false where the file is shorter. */
export function tailAgrees(fd: number, tail: TailHash): boolean {
  const length = Math.min(tailBytesMax, tail.at);
  const buffer = proofBuffer.subarray(0, length);
  return readAt(fd, buffer, tail.at - length) === length && tailHashOf(buffer, tail.at).hash === tail.hash;
}

/** The hash of the bytes before `at` as they lie in the file now. */
export function tailHashAt(fd: number, at: number): TailHash {
  const length = Math.min(tailBytesMax, at);
  const buffer = proofBuffer.subarray(0, length);
  return tailHashOf(buffer.subarray(0, readAt(fd, buffer, at - length)), at);
}

/** Where the last line that ends before `at` ends, or 0. */
export function lineStartBefore(fd: number, at: number): number {
  const block = Buffer.allocUnsafe(64 * 1024);
  for (let to = at; to > 0; ) {
    const from = Math.max(0, to - block.length);
    const length = readAt(fd, block.subarray(0, to - from), from);
    const newline = block.subarray(0, length).lastIndexOf(10);
    if (newline >= 0) return from + newline + 1;
    to = from;
  }
  return 0;
}

export class StreamReader implements ByteReader {
  readonly fd: number;
  readonly isComplete = true;

  constructor(path: string) {
    this.fd = openSync(path, 'r');
  }

  stats(): { size: number; mtimeMs: number; nlink: number } {
    return fstatSync(this.fd);
  }

  /** Decimal text, exact. */
  inode(): string {
    return fstatSync(this.fd, { bigint: true }).ino.toString();
  }

  read(buffer: Buffer, position: number): { lead: number; length: number } {
    const lead = Math.min(tailBytesMax, position);
    const length = readAt(this.fd, buffer, position - lead);
    return { lead, length: Math.max(0, length - lead) };
  }

  proves(sizeBytes: number, head: string, tail: TailHash | null): boolean {
    if (this.stats().size < sizeBytes) return false;
    const length = readAt(this.fd, proofBuffer.subarray(0, head.length), 0);
    if (length < head.length || !headAgrees(head, proofBuffer.subarray(0, length))) return false;
    return tail === null || tailAgrees(this.fd, tail);
  }

  close(): void {
    closeSync(this.fd);
  }
}

/**
 * Null where the file cannot be opened now (the error is found again, and reported, where the stream is read), or where another has its path: between
 * a look at a path and its opening a rotation may come.
 */
export function openReader(path: string, inode: string): StreamReader | null {
  try {
    const reader = new StreamReader(path);
    if (reader.inode() === inode) return reader;
    reader.close();
    return null;
  } catch (error) {
    if (systemCodeOf(error) === null) throw error;
    return null;
  }
}
