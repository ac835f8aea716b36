/** What the writers say they wrote: every file from its beginning to its end, with its bytes. */
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { isBanner } from './numbered-line.ts';
import type { Life } from './writer-protocol.ts';

/** Enough for the banner and the first numbered line behind it. */
const startBytes = 16 * 1024;
const mark = /\S+ INFO (\S+) (\d+) /g;

/** The first numbered line that begins in these bytes: `writer n`; null where none does. It names a file, because no two begin with the same number. */
export function firstNumbered(bytes: Buffer): string | null {
  for (const match of bytes.subarray(0, startBytes).toString('latin1').matchAll(mark)) if (!isBanner(match[0])) return `${match[1]!} ${match[2]!}`;
  return null;
}

/** Number of the last numbered line that begins in these bytes, or null. */
export function lastNumbered(bytes: Buffer): number | null {
  let last: number | null = null;
  for (const match of bytes.toString('latin1').matchAll(mark)) if (!isBanner(match[0])) last = Number(match[2]);
  return last;
}

export class Lives {
  readonly all: readonly Life[];
  readonly #folder: string;
  readonly #byStart = new Map<string, Life>();

  constructor(folder: string) {
    this.#folder = folder;
    const list = join(folder, 'lives.ndjson');
    this.all = existsSync(list) ? readFileSync(list, 'utf8').split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Life) : [];
    for (const life of this.all) {
      const start = firstNumbered(this.bytes(life, 0, startBytes));
      if (start !== null) this.#byStart.set(start, life);
    }
  }

  /** The file that begins with this numbered line. */
  beginningWith(start: string): Life | null {
    return this.#byStart.get(start) ?? null;
  }

  bytes(life: Life, from: number, to: number): Buffer {
    const bytes = Buffer.alloc(Math.max(0, Math.min(to, life.bytes) - from));
    const fd = openSync(join(this.#folder, life.kept), 'r');
    try {
      readSync(fd, bytes, 0, bytes.length, from);
    } finally {
      closeSync(fd);
    }
    return bytes;
  }

  /** Numbers of all lines that begin in a file. */
  numbersOf(life: Life): Set<number> {
    const numbers = new Set<number>();
    for (const match of this.bytes(life, 0, life.bytes).toString('latin1').matchAll(mark)) if (!isBanner(match[0])) numbers.add(Number(match[2]));
    return numbers;
  }

  bannerLines(writer: string): number {
    return this.all.reduce((sum, life) => sum + (life.writer === writer ? life.bannerLines : 0), 0);
  }
}
