/**
 * A log under rotation: its writer, its file, and what logrotate, a container runtime or an application does to the files from time to time.
 *
 * What is destroyed by the rotation itself before anybody could read it is not a fault of the shipper, so the careful forms wait until the bytes
 * are acknowledged, as people who delete logs do; the harsh ones do not, and what is missing afterwards has to stand in a gap record.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Chance } from './chance.ts';
import { within } from './within.ts';
import type { WriterHandle } from './writer-process.ts';

export const rotationKinds = ['rename', 'copytruncate', 'recreate', 'truncate', 'relink'] as const;
export type RotationKind = (typeof rotationKinds)[number];

/** How far a shipper is, as it says itself. */
export interface Shipped {
  /** Of each stream at a path (a truncated file has had several); none where it does not know it or does not answer. */
  acknowledgedBytes(path: string): Promise<readonly number[]>;
  /** Of all streams at a path together; null where it knows none or does not answer. */
  unshippedBytes(path: string): Promise<number | null>;
}

export interface RotationStyle {
  kind: RotationKind;
  /** Rotated files get the time instead of a number. */
  dated: boolean;
  /** Share of rotated files that are compressed. */
  gzShare: number;
}

export interface RotationOptions {
  chance: Chance;
  /** Bytes may be destroyed before they are read. */
  harsh: boolean;
  shipped: Shipped;
  /** Given up after this: the log was not shipped in time, and nothing was done. */
  waitMsMax: number;
}

export type RotationOutcome = { done: true; how: string } | { done: false; why: string };

const keptRotations = 5;
const begunMsMax = 3000;

export class RotatedLog {
  readonly writer: WriterHandle;
  readonly style: RotationStyle;
  /** The path that is written to and tailed. */
  readonly path: string;
  #rotations = 0;
  /** Lines written before the file was truncated last. */
  #linesBefore = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(writer: WriterHandle, style: RotationStyle) {
    this.writer = writer;
    this.style = style;
    this.path = writer.spec.path;
  }

  /** What has to be there before the writer opens its file. */
  static prepare(path: string, style: RotationStyle): void {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    if (style.kind === 'relink') symlinkSync(targetOf(path, 0), path);
  }

  /** One at a time, in the order they were asked for. */
  rotate(options: RotationOptions): Promise<RotationOutcome> {
    const outcome = this.#last.then(() => this.#rotate(options));
    this.#last = outcome.catch(() => undefined);
    return outcome;
  }

  #rotate(options: RotationOptions): Promise<RotationOutcome> {
    this.#rotations += 1;
    switch (this.style.kind) {
      case 'rename':
        return this.#rename(options);
      case 'copytruncate':
        return this.#copytruncate(options);
      case 'recreate':
        return this.#recreate(options);
      case 'truncate':
        return this.#truncate(options);
      case 'relink':
        return this.#relink(options);
    }
  }

  async #rename({ chance, shipped, waitMsMax }: RotationOptions): Promise<RotationOutcome> {
    const problem = await this.#makeRoom(shipped, waitMsMax);
    if (problem !== null) return { done: false, why: problem };
    const to = this.#rotatedName();
    renameSync(this.path, to);
    // The application goes on writing to the old file until it is told.
    await pause(chance.pick([0, 0, 20, 150]));
    const withoutNewline = chance.happens(0.3);
    await this.writer.tell({ do: 'reopen', withoutNewline, harsh: false });
    const compressed = chance.happens(this.style.gzShare) && (await isBegun(to, shipped));
    if (compressed) compress(to);
    return { done: true, how: `${this.style.dated ? 'dated' : 'numbered'}${compressed ? ', compressed' : ''}` };
  }

  async #copytruncate({ shipped, waitMsMax }: RotationOptions): Promise<RotationOutcome> {
    const problem = await this.#makeRoom(shipped, waitMsMax);
    if (problem !== null) return { done: false, why: problem };
    // What is written between copy and truncation is destroyed by copytruncate itself.
    await this.writer.tell({ do: 'pause' });
    if (this.writer.n === this.#linesBefore) {
      // Nobody can tell it from the next one, of which it is the beginning.
      await this.writer.tell({ do: 'resume' });
      return { done: false, why: 'no line yet but those that all files begin with' };
    }
    await this.writer.tell({ do: 'keep', harsh: false });
    copyFileSync(this.path, this.#rotatedName());
    truncateSync(this.path);
    this.#linesBefore = this.writer.n;
    await this.writer.tell({ do: 'renew' });
    return { done: true, how: this.style.dated ? 'dated' : 'numbered' };
  }

  async #recreate({ chance, harsh, shipped, waitMsMax }: RotationOptions): Promise<RotationOutcome> {
    if (!harsh) {
      await this.writer.tell({ do: 'pause' });
      if (!(await this.#waitShipped(shipped, waitMsMax))) {
        await this.writer.tell({ do: 'resume' });
        return { done: false, why: 'not shipped in time' };
      }
    }
    rmSync(this.path);
    await pause(chance.pick([0, 0, 30, 400]));
    await this.writer.tell({ do: 'reopen', withoutNewline: false, harsh });
    return { done: true, how: harsh ? 'with unread bytes' : 'after it was shipped' };
  }

  async #truncate({ harsh, shipped, waitMsMax }: RotationOptions): Promise<RotationOutcome> {
    await this.writer.tell({ do: 'pause' });
    if (!harsh && !(await this.#waitShipped(shipped, waitMsMax))) {
      await this.writer.tell({ do: 'resume' });
      return { done: false, why: 'not shipped in time' };
    }
    await this.writer.tell({ do: 'keep', harsh });
    truncateSync(this.path);
    await this.writer.tell({ do: 'renew' });
    return { done: true, how: harsh ? 'with unread bytes' : 'after it was shipped' };
  }

  async #relink({ chance, harsh, shipped, waitMsMax }: RotationOptions): Promise<RotationOutcome> {
    if (!harsh) {
      await this.writer.tell({ do: 'pause' });
      if (!(await this.#waitShipped(shipped, waitMsMax))) {
        await this.writer.tell({ do: 'resume' });
        return { done: false, why: 'not shipped in time' };
      }
    }
    const temporary = `${dirname(this.path)}/.link`;
    rmSync(temporary, { force: true });
    symlinkSync(targetOf(this.path, this.#rotations), temporary);
    renameSync(temporary, this.path);
    await pause(chance.pick([0, 0, 50]));
    await this.writer.tell({ do: 'reopen', withoutNewline: false, harsh });
    return { done: true, how: harsh ? 'with unread bytes' : 'after it was shipped' };
  }

  async #waitShipped(shipped: Shipped, waitMsMax: number): Promise<boolean> {
    const size = statSync(this.path).size;
    return within(waitMsMax, 100, async () => (await shipped.acknowledgedBytes(this.path)).includes(size));
  }

  /** A copy is no stream of its own: what it holds was sent under its original, whose later bytes wait until it is all acknowledged. */
  async #isShipped(path: string, shipped: Shipped, waitMsMax: number): Promise<boolean> {
    if (this.style.kind === 'copytruncate') return within(waitMsMax, 50, async () => (await shipped.unshippedBytes(this.path)) === 0);
    return (await shipped.acknowledgedBytes(path)).includes(statSync(path).size);
  }

  #rotatedName(): string {
    if (!this.style.dated) return `${this.path}.1`;
    for (let atMs = Date.now(); ; atMs += 1000) {
      const stamp = new Date(atMs).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
      const name = `${this.path}.${stamp}`;
      if (!existsSync(name) && !existsSync(`${name}.gz`)) return name;
    }
  }

  /** Shifts `.1` to `.2` and so on, and deletes the oldest. @returns why not, or null */
  async #makeRoom(shipped: Shipped, waitMsMax: number): Promise<string | null> {
    const folder = dirname(this.path);
    const base = this.path.slice(folder.length + 1);
    const rotated = readdirSync(folder).filter(name => name.startsWith(`${base}.`)).map(name => ({ name, number: Number(/\.(\d+)(?:\.gz)?$/.exec(name)?.[1] ?? 0) }));
    rotated.sort(this.style.dated ? (a, b) => (a.name < b.name ? 1 : -1) : (a, b) => a.number - b.number);
    for (const { name } of rotated.slice(keptRotations - 1)) {
      const path = join(folder, name);
      // A compressed one was shipped before, or is read from its twin; as large as the file was is not known here.
      if (!name.endsWith('.gz') && !(await this.#isShipped(path, shipped, waitMsMax))) return `${name} is not shipped yet`;
      if (name.endsWith('.gz') && rotated.length < 4 * keptRotations) continue;
      rmSync(path);
    }
    if (this.style.dated) return null;
    for (const { name, number } of rotated.reverse()) {
      const from = join(folder, name);
      if (existsSync(from)) renameSync(from, join(folder, `${base}.${number + 1}${name.endsWith('.gz') ? '.gz' : ''}`));
    }
    return null;
  }
}

function targetOf(path: string, rotations: number): string {
  const folder = join(dirname(dirname(path)), '.targets');
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return join(folder, `${path.slice(dirname(dirname(path)).length + 1).replaceAll('/', '-')}.${rotations}`);
}

/** A file that is compressed before anybody saw it is nobody's twin: it would be reported, not read. Of one that was begun the rest is found in its twin. */
function isBegun(path: string, shipped: Shipped): Promise<boolean> {
  return within(begunMsMax, 50, async () => (await shipped.acknowledgedBytes(path)).some(bytes => bytes > 0));
}

/** As gzip does: the twin is whole before the original goes. */
function compress(path: string): void {
  const temporary = join(dirname(path), '.compressing');
  writeFileSync(temporary, gzipSync(readFileSync(path), { level: 1 }));
  renameSync(temporary, `${path}.gz`);
  rmSync(path);
}
