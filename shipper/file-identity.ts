/**
 * Which stream a file is. A name is made from what stays the same when a file is renamed, remounted or found again without a checkpoint, and a
 * hash over the bytes before a position proves that the file still holds what was read of it.
 */
import { createHash, hash } from 'node:crypto';
import { readFileSync, type BigIntStats } from 'node:fs';
import { hostname } from 'node:os';
import type { TailHash } from '#schemas/transport.ts';

/** First line's bytes that take part in a name, and bytes before a position that take part in its hash. 64 would be too few: most lines end alike. */
export const headBytesMax = 1024;
export const tailBytesMax = 1024;

/** What a `stat` says of a file, in the shape names and checkpoints use. */
export interface FileFacts {
  /** With the inode unique in this run; not part of any name, because it changes on remount. */
  device: string;
  /** Decimal text: inode numbers pass 2^53. */
  inode: string;
  /** Null where the file system does not keep it. */
  birthTimeNs: string | null;
  sizeBytes: number;
  /** As `Stats.mtimeMs` has it, a quarter of a microsecond fine. */
  mtimeMs: number;
}

/** One text for all files of a device. */
const deviceTexts = new Map<bigint, string>();

function deviceText(device: bigint): string {
  let text = deviceTexts.get(device);
  if (text === undefined) deviceTexts.set(device, (text = device.toString()));
  return text;
}

export function factsOf(stats: BigIntStats, birthTimeTrusted: boolean): FileFacts {
  return { device: deviceText(stats.dev), inode: stats.ino.toString(), birthTimeNs: birthTimeTrusted ? stats.birthtimeNs.toString() : null, sizeBytes: Number(stats.size), mtimeMs: mtimeMsOf(stats) };
}

/** What `Stats.mtimeMs` is for the same file, to the bit. */
export function mtimeMsOf(stats: BigIntStats): number {
  return Number(stats.mtimeNs / 1_000_000_000n) * 1000 + Number(stats.mtimeNs % 1_000_000_000n) / 1e6;
}

/** Equal inode, and equal birth time where both sides know one. */
export function sameFile(a: { inode: string | null; birthTimeNs: string | null }, b: { inode: string | null; birthTimeNs: string | null }): boolean {
  return a.inode !== null && a.inode === b.inode && (a.birthTimeNs === null || b.birthTimeNs === null || a.birthTimeNs === b.birthTimeNs);
}

/**
 * Finds out, device by device, whether birth times mean anything. Where a file system keeps none, Node gives 0 or the change time; one file or
 * folder on the device whose birth time is neither is the proof that it keeps them.
 */
export class BirthTimeProbe {
  readonly #trustedDevices = new Set<bigint>();

  learn(stats: BigIntStats): void {
    if (stats.birthtimeNs !== 0n && stats.birthtimeNs !== stats.ctimeNs) this.#trustedDevices.add(stats.dev);
  }

  trusts(device: bigint): boolean {
    return this.#trustedDevices.has(device);
  }
}

/**
 * The name of a stream, 32 hex digits: the first 128 bits of SHA-256 over four fields, each preceded by its length in bytes as an unsigned
 * 32-bit big-endian number: source id, inode, birth time in nanoseconds (both decimal, both empty where they do not count), and the first
 * line's bytes without newline, at most 1,024.
 */
export function streamName(sourceId: string, inode: string | null, birthTimeNs: string | null, head: Uint8Array): string {
  const digest = createHash('sha256');
  for (const field of [Buffer.from(sourceId), Buffer.from(inode ?? ''), Buffer.from(birthTimeNs ?? ''), head]) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    digest.update(length).update(field);
  }
  return digest.digest().toString('hex', 0, 16);
}

export function streamIdOf(name: string, generation: number): string {
  return `${name}.${generation}`;
}

/** The bytes that name a file, or null while they are not all there: up to its first newline, 1,024 bytes, or everything when it has ended. */
export function headOf(firstBytes: Buffer, ended: boolean): Buffer | null {
  const newline = firstBytes.subarray(0, headBytesMax).indexOf(10);
  if (newline >= 0) return Buffer.from(firstBytes.subarray(0, newline));
  if (firstBytes.length >= headBytesMax) return Buffer.from(firstBytes.subarray(0, headBytesMax));
  return ended && firstBytes.length > 0 ? Buffer.from(firstBytes) : null;
}

/** Whether a file that begins with `firstBytes` begins with this first line, given as Latin-1 text; compared over the shorter of the two. */
export function headAgrees(head: string, firstBytes: Buffer): boolean {
  const length = Math.min(head.length, firstBytes.length);
  return firstBytes.toString('latin1', 0, length) === (length === head.length ? head : head.slice(0, length));
}

/** The hash over the last 1,024 of `bytesBefore`, which are the bytes that end at `at`. */
export function tailHashOf(bytesBefore: Uint8Array, at: number): TailHash {
  const tail = bytesBefore.length > tailBytesMax ? bytesBefore.subarray(bytesBefore.length - tailBytesMax) : bytesBefore;
  return { at, hash: hash('sha256', tail, 'hex') };
}

const firstLineOf = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8').trim() || null;
  } catch {
    return null;
  }
};

/** Stands for this machine in source ids. In a container without one, the host name, which there is the container's. */
export function machineId(): string {
  return firstLineOf('/etc/machine-id') ?? hostname();
}

/** The running kernel's id: containers that share it share one clock. Null where there is no /proc. */
export function kernelBootId(): string | null {
  return firstLineOf('/proc/sys/kernel/random/boot_id');
}
