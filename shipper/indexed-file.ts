/** Files and folders as the index remembers them between two looks. */
import { realpathSync, statSync, type BigIntStats, type Stats } from 'node:fs';
import { sep } from 'node:path';
import { systemCodeOf } from '#schemas/errors.ts';
import type { FoundFile } from './discovery.ts';
import { factsOf } from './file-identity.ts';
import type { RestingSource } from './resting.ts';
import { meansAbsent } from './rotation.ts';

const quietly = { throwIfNoEntry: false } as const;

/**
 * - `same`, `changed`: the file that was there, with the same or another size or time. `other`: another file has the path.
 * - `absent`: none has. `unseen`: an error, which says nothing.
 */
export type Seen = 'same' | 'changed' | 'other' | 'absent' | 'unseen';

/** Null where there is nothing. @throws the system error for what cannot be looked at */
export function statOf(path: string): Stats | null {
  return statSync(path, quietly) ?? null;
}

/** A path that named a file at the last look. Numbers as `Stats` has them stand beside the exact ones, because a look compares only them: 2 us. */
export class IndexedFile implements FoundFile {
  readonly path: string;
  /** A link, or a path that was named itself: it may lead to another file without its folder changing. */
  readonly isLink: boolean;
  realPath = '';
  /** The folder PATH it was found below, null where a PATH names it. */
  root: string | null = null;
  device = '';
  inode = '';
  birthTimeNs: string | null = null;
  sizeBytes = 0;
  mtimeMs = 0;
  /** Whose file it is, where that source is at rest. Then the path, once it names another file, is another `IndexedFile`. */
  resting: RestingSource | null = null;
  /** Looks that found another size or time. */
  changes = 0;
  /** Of a file that nobody reads: its source knows of it. */
  isKnown = false;
  #dev = 0;
  #ino = 0;
  #birthMs: number | null = null;

  constructor(path: string, isLink: boolean) {
    this.path = path;
    this.isLink = isLink;
  }

  identify(stats: BigIntStats, birthTimeTrusted: boolean, realPath: string): void {
    const facts = factsOf(stats, birthTimeTrusted);
    // One text for both, as thousands of files have them.
    this.realPath = realPath === this.path ? this.path : realPath;
    this.device = facts.device;
    this.inode = facts.inode;
    this.birthTimeNs = facts.birthTimeNs;
    this.sizeBytes = facts.sizeBytes;
    this.mtimeMs = facts.mtimeMs;
    this.isKnown = false;
    this.#dev = Number(stats.dev);
    this.#ino = Number(stats.ino);
    this.#birthMs = birthTimeTrusted ? Number(stats.birthtimeNs / 1_000_000_000n) * 1000 + Number(stats.birthtimeNs % 1_000_000_000n) / 1e6 : null;
  }

  /** Device and inode: unique in this run among files that are there. Made when it is asked for, as of thousands it seldom is. */
  get key(): string {
    return fileKey(this);
  }

  get matchPath(): string {
    if (this.root === null) return this.realPath;
    return this.path.slice(this.root.length + (this.root.endsWith(sep) ? 0 : 1));
  }

  look(): Seen {
    let stats: Stats | undefined;
    try {
      stats = statSync(this.path, quietly);
    } catch (error) {
      return meansAbsent(systemCodeOf(error)) ? 'absent' : 'unseen';
    }
    if (stats === undefined) return 'absent';
    if (stats.ino !== this.#ino || stats.dev !== this.#dev || (this.#birthMs !== null && stats.birthtimeMs !== this.#birthMs)) return 'other';
    if (stats.size === this.sizeBytes && stats.mtimeMs === this.mtimeMs) return 'same';
    this.sizeBytes = stats.size;
    this.mtimeMs = stats.mtimeMs;
    this.changes += 1;
    return 'changed';
  }
}

export function fileKey(file: { device: string | null; inode: string }): string {
  return `${file.device ?? ''}:${file.inode}`;
}

/** Times of change are as fine as the kernel's tick (10 ms at most): what changed this shortly before it was read may have changed again within it. */
const tickMs = 12;
/** Some file systems keep whole seconds, or even ones. */
const coarseTickMs = 2100;

export class IndexedFolder {
  readonly path: string;
  /** All links resolved. */
  realPath = '';
  files = new Map<string, IndexedFile>();
  folders: readonly string[] = [];
  /** Nothing changed in it since, or while, it was read, as far as its time of change can tell. */
  isSettled = false;
  #mtimeMs = -1;
  #ino = -1;
  #dev = -1;
  #readMs = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** Device and inode. */
  get identity(): string {
    return `${this.#dev}:${this.#ino}`;
  }

  isOutOfDate(stats: Stats): boolean {
    return !this.isSettled || stats.mtimeMs !== this.#mtimeMs || stats.ino !== this.#ino || stats.dev !== this.#dev;
  }

  hasChanged(): boolean {
    try {
      const stats = statSync(this.path, quietly);
      return stats === undefined || this.isOutOfDate(stats);
    } catch {
      return true;
    }
  }

  /** @param again resolve the links in its path also where it is the folder it was */
  beginListing(stats: Stats, again: boolean): void {
    if (again || stats.ino !== this.#ino || stats.dev !== this.#dev) this.realPath = realpathSync(this.path);
    this.#mtimeMs = stats.mtimeMs;
    this.#ino = stats.ino;
    this.#dev = stats.dev;
    this.#readMs = Date.now();
  }

  endListing(stats: Stats | null): void {
    const isCoarse = this.#mtimeMs % 1000 === 0;
    const ageMs = this.#readMs - this.#mtimeMs;
    // A time in the future is another machine's clock.
    this.isSettled = stats !== null && stats.mtimeMs === this.#mtimeMs && stats.ino === this.#ino && (ageMs < -coarseTickMs || ageMs > (isCoarse ? coarseTickMs : tickMs));
  }

  forgetListing(): void {
    this.isSettled = false;
    this.#mtimeMs = -1;
  }
}
