/** Who writes and rotates the log files, on a real disk, and keeps the plain model of it. */
import { appendFileSync, copyFileSync, existsSync, fstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { framed } from './framed-lines.ts';
import { banner, Lives, type Framing, type Life, type Output } from './lives.ts';

export const sources = ['app', 'other', 'pod', 'dock', 'live'] as const;
/** `app` and `other` are plain files with the same first line; `live` is a link whose target changes. */
export type Source = (typeof sources)[number];

const framingOf: Record<Source, Framing> = { app: 'plain', other: 'plain', pod: 'cri', dock: 'docker', live: 'plain' };
const pieceBytes = 900;

/** A rotated file and whose bytes it has. */
interface Rotated {
  life: Life;
  isCopy: boolean;
  isCompressed: boolean;
}

export class Writer {
  readonly lives = new Lives();
  readonly logs: string;
  readonly #targets: string;
  readonly #current = new Map<Source, Life>();
  /** Newest first: index 0 is `.1`. */
  readonly #rotated = new Map<Source, Rotated[]>();
  #target = 0;

  readonly #staysOpen: boolean;

  /** @param staysOpen what the shipper has open when a file goes stays open; not so where others need the descriptor */
  constructor(root: string, staysOpen: boolean) {
    this.#staysOpen = staysOpen;
    this.logs = join(root, 'logs');
    this.#targets = join(root, 'targets');
    mkdirSync(this.logs);
    mkdirSync(this.#targets);
  }

  #path(source: Source): string {
    return join(this.logs, `${source}.log`);
  }

  #rotatedPath(source: Source, index: number): string {
    const { isCompressed } = this.#rotated.get(source)![index]!;
    return `${this.#path(source)}.${index + 1}${isCompressed ? '.gz' : ''}`;
  }

  /** The life that is being written, begun where there is none. */
  #life(source: Source): Life {
    let life = this.#current.get(source);
    if (life === undefined) {
      life = this.lives.begin(source, framingOf[source]);
      this.#current.set(source, life);
      if (source === 'live') this.#newTarget();
    }
    return life;
  }

  #newTarget(): void {
    this.#target += 1;
    const target = join(this.#targets, `run-${this.#target}.log`);
    writeFileSync(target, '');
    rmSync(this.#path('live'), { force: true });
    symlinkSync(target, this.#path('live'));
  }

  /** What is written by one call. `banner` begins the life with the line that others begin with, too. */
  write(source: Source, { lines, bytes, unfinished, output, begin }: { lines: number; bytes: number; unfinished: boolean; output: Output; begin: boolean }): void {
    const life = this.#life(source);
    let text = '';
    if (begin && life.mayBeginAlike && life.framing === 'plain' && life.lines.length === 0 && life.open.stdout === '') {
      this.lives.finishLine(life, banner);
      text += `${banner}\n`;
    }
    for (let line = 0; line < lines; line += 1) text += this.#line(life, bytes, output, true);
    if (unfinished) text += this.#line(life, bytes, output, false);
    this.#append(life, this.#path(source), text);
  }

  #append(life: Life, path: string, text: string): void {
    life.bytes += text.length;
    appendFileSync(path, Buffer.from(text, 'latin1'));
  }

  #line(life: Life, bytes: number, output: Output, isFinished: boolean): string {
    const text = this.lives.freshText(life.source, bytes, life.framing === 'plain');
    const of = life.framing === 'plain' ? 'stdout' : output;
    let written = '';
    let rest = text;
    // A runtime cuts long lines into pieces, each on a line of its own.
    for (; life.framing !== 'plain' && rest.length > pieceBytes; rest = rest.slice(pieceBytes)) written += framed(life.framing, rest.slice(0, pieceBytes), of, false);
    written += framed(life.framing, rest, of, isFinished);
    if (isFinished) this.lives.finishLine(life, text, of);
    else life.open[of] += text;
    return written;
  }

  #shift(source: Source): void {
    const rotated = this.#rotated.get(source) ?? [];
    this.#rotated.set(source, rotated);
    for (let index = rotated.length - 1; index >= 0; index -= 1) {
      const from = this.#rotatedPath(source, index);
      renameSync(from, from.replace(/\.(\d+)(\.gz)?$/, (_, number: string, gz: string | undefined) => `.${Number(number) + 1}${gz ?? ''}`));
    }
  }

  /** Also of an empty file; whoever writes goes on into a new one. */
  rename(source: Source): void {
    const life = this.#current.get(source);
    if (life === undefined || source === 'live') return;
    this.#shift(source);
    renameSync(this.#path(source), `${this.#path(source)}.1`);
    this.#rotated.get(source)!.unshift({ life, isCopy: false, isCompressed: false });
    this.#current.delete(source);
  }

  /** The program that had the file open when it was renamed writes on. */
  writeLate(source: Source, bytes: number): void {
    const newest = this.#rotated.get(source)?.[0];
    if (newest === undefined || newest.isCopy || newest.isCompressed || newest.life.isOver) return;
    this.#append(newest.life, this.#rotatedPath(source, 0), this.#line(newest.life, bytes, 'stdout', true));
  }

  /** @param meanwhile lines are written between the copy and the truncation */
  copyTruncate(source: Source, meanwhile: boolean, mayBeginAlike: (life: Life) => boolean): void {
    const life = this.#current.get(source);
    if (life === undefined || source === 'live') return;
    this.#shift(source);
    copyFileSync(this.#path(source), `${this.#path(source)}.1`);
    if (meanwhile && life.open.stdout === '' && life.open.stderr === '') {
      this.write(source, { lines: 2, bytes: 60, unfinished: false, output: 'stdout', begin: false });
      for (const line of life.lines.slice(-2)) line.mayBeLost = true;
    }
    truncateSync(this.#path(source), 0);
    life.isCopied = true;
    this.#rotated.get(source)!.unshift({ life, isCopy: true, isCompressed: false });
    this.#endAndBegin(source, life, mayBeginAlike(life));
  }

  /** In place, with no copy. @param mayBeginAlike whether what comes may begin with the line that stood there first */
  truncate(source: Source, regrow: 'no' | 'less' | 'beyond', mayBeginAlike: (life: Life) => boolean): void {
    const life = this.#current.get(source);
    if (life === undefined) return;
    const sizeBytes = statSync(this.#path(source)).size;
    truncateSync(this.#path(source), 0);
    const next = this.#endAndBegin(source, life, mayBeginAlike(life));
    this.lives.putAtRisk(life);
    if (regrow === 'no') return;
    this.write(source, { lines: 1, bytes: 60, unfinished: false, output: 'stdout', begin: next.mayBeginAlike });
    if (regrow === 'beyond') this.write(source, { lines: Math.ceil(sizeBytes / 300) + 1, bytes: 320, unfinished: false, output: 'stdout', begin: false });
  }

  #endAndBegin(source: Source, life: Life, mayBeginAlike: boolean): Life {
    this.lives.end(life);
    const next = this.lives.begin(source, framingOf[source]);
    next.mayBeginAlike = mayBeginAlike;
    this.#current.set(source, next);
    return next;
  }

  /** Deleted; what the shipper has open it can still read. */
  remove(source: Source): void {
    const life = this.#current.get(source);
    if (life === undefined) return;
    this.lives.end(life);
    this.#unlink(life, this.#path(source), source === 'live');
    this.#current.delete(source);
  }

  /** The oldest rotated file that is not yet compressed, or the newest. @param isKnown whether the shipper has announced the life's stream */
  compress(source: Source, newest: boolean, isKnown: (life: Life) => boolean): void {
    const rotated = this.#rotated.get(source) ?? [];
    const index = newest ? rotated.findIndex(each => !each.isCompressed) : rotated.findLastIndex(each => !each.isCompressed);
    const file = rotated[index];
    if (file === undefined) return;
    const path = this.#rotatedPath(source, index);
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)));
    this.lives.end(file.life);
    if (!isKnown(file.life) || file.isCopy) this.#unlink(file.life, path, false);
    else unlinkSync(path);
    file.isCompressed = true;
  }

  /** The link gets another target; the old one lies where nobody looks. */
  relink(): void {
    const life = this.#current.get('live');
    if (life === undefined) return;
    this.lives.end(life);
    if (!this.#staysOpen || !isOpenHere(this.#path('live'))) this.lives.putAtRisk(life);
    life.isUnlinked = true;
    this.#current.set('live', this.lives.begin('live', 'plain'));
    this.#newTarget();
  }

  #unlink(life: Life, path: string, isLink: boolean): void {
    if (!this.#staysOpen || !isOpenHere(path)) this.lives.putAtRisk(life);
    life.isUnlinked = true;
    unlinkSync(path);
    if (isLink) rmSync(path, { force: true });
  }

  /** Whoever had deleted files open is gone. */
  readerDied(): void {
    for (const life of this.lives.all) if (life.isUnlinked) this.lives.putAtRisk(life);
  }

  /** Finishes what is begun and gives each rotated file a successor, without which nobody can say that it ended. */
  finish(): void {
    for (const source of sources) {
      const life = this.#current.get(source);
      if (life === undefined && !this.lives.all.some(each => each.source === source)) continue;
      this.write(source, { lines: 1, bytes: 40, unfinished: false, output: 'stdout', begin: false });
      const now = this.#current.get(source)!;
      if (now.open.stderr !== '') this.#append(now, this.#path(source), this.#line(now, 40, 'stderr', true));
    }
    for (const life of this.lives.all) if (![...this.#current.values()].includes(life)) this.lives.end(life);
  }

  dump(): string {
    return readdirSync(this.logs).map(name => `${name} ${existsSync(join(this.logs, name)) ? statSync(join(this.logs, name)).size : 'broken'}`).join(', ');
  }
}

/** Whether this process, and so the shipper in it, has the file open. */
function isOpenHere(path: string): boolean {
  const { ino, dev } = statSync(path);
  return readdirSync('/proc/self/fd').some(fd => {
    try {
      const stats = fstatSync(Number(fd));
      return stats.ino === ino && stats.dev === dev;
    } catch {
      return false; // the one that listed the folder
    }
  });
}
