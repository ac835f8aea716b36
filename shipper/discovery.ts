/**
 * Which files the PATHs name, looked at once and afresh: files, folders (recursively) and globs. Links are followed and a file reached twice is
 * taken once; a folder that cannot be read says nothing about its files. What tailing keeps of this between looks is `file-index.ts`.
 */
import { globSync, readdirSync, realpathSync, statSync, type BigIntStats } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import { factsOf, type BirthTimeProbe, type FileFacts } from './file-identity.ts';
import { isCompressedName, logNameTest } from './log-names.ts';
import { meansAbsent } from './rotation.ts';
import type { StreamProblem } from './balance.ts';

export interface FoundFile extends FileFacts {
  /** Absolute, links in it not resolved. */
  path: string;
  /** Absolute, all links resolved. */
  realPath: string;
  /** What the path patterns are matched against: relative to the folder PATH, the real path where the PATH (or a glob) names the file. */
  matchPath: string;
}

export interface DiscoveryOptions {
  include: readonly string[];
  exclude: readonly string[];
  /** Absolute; nothing in them is taken. Our own data directory is one. */
  skipFolders?: readonly string[];
  /** Take `.gz` and `.zst` (`ingest`); tailing leaves them out and reports them. */
  compressed: boolean;
}

export interface Discovered {
  files: FoundFile[];
  /** Paths left out because they are compressed. */
  compressedPaths: string[];
  /** Unreadable folders and files, and folders without logs. */
  problems: StreamProblem[];
  /** Folders (with all below them) and files that could not be looked at: a known file in one of these is not gone. */
  unseenPaths: string[];
}

export const globCharacters = /[*?[\]{}]/;

/** @throws LeadlineError PATH_NOT_FOUND for the first PATH without wildcards that does not exist. */
export function checkPaths(paths: readonly string[]): void {
  for (const path of paths) {
    try {
      statSync(path);
    } catch (error) {
      if (meansAbsent(systemCodeOf(error)) && !globCharacters.test(path)) throw new LeadlineError('PATH_NOT_FOUND', { path }, { cause: error });
    }
  }
}

export function discover(paths: readonly string[], options: DiscoveryOptions, births: BirthTimeProbe): Discovered {
  const walk = new Walk(options, births);
  for (const path of paths) walk.addPath(path);
  return walk.finish();
}

class Walk {
  readonly #options: DiscoveryOptions;
  readonly #isLogName: (name: string) => boolean;
  readonly #births: BirthTimeProbe;
  readonly #found: { stats: BigIntStats; path: string; matchPath: string | null; realPath: string }[] = [];
  readonly #seenFiles = new Set<string>();
  readonly #result: Discovered = { files: [], compressedPaths: [], problems: [], unseenPaths: [] };

  constructor(options: DiscoveryOptions, births: BirthTimeProbe) {
    this.#options = options;
    this.#isLogName = logNameTest(options);
    this.#births = births;
  }

  addPath(path: string): void {
    const absolute = resolve(path);
    let stats = this.#stat(absolute);
    if (stats !== null) {
      this.#addNamed(absolute, stats);
      return;
    }
    if (!globCharacters.test(path)) return;
    for (const match of globSync(path).map(each => resolve(each)).sort()) {
      stats = this.#stat(match);
      if (stats !== null) this.#addNamed(match, stats);
    }
  }

  finish(): Discovered {
    // Only now is it known which devices keep birth times.
    for (const { stats, path, matchPath, realPath } of this.#found) {
      this.#result.files.push({ ...factsOf(stats, this.#births.trusts(stats.dev)), path, realPath, matchPath: matchPath ?? realPath });
    }
    return this.#result;
  }

  #addNamed(path: string, stats: BigIntStats): void {
    if (!stats.isDirectory()) {
      this.#addFile(path, null, stats);
      return;
    }
    const before = this.#seenFiles.size + this.#result.compressedPaths.length;
    this.#walkFolder(path, path, new Set());
    if (this.#seenFiles.size + this.#result.compressedPaths.length === before && !this.#result.unseenPaths.includes(path)) {
      this.#report(new LeadlineError('NO_LOGS_IN_FOLDER', { path, include: this.#options.include.join(', ') }), path);
    }
  }

  #walkFolder(folder: string, root: string, above: ReadonlySet<string>): void {
    if (this.#options.skipFolders?.includes(folder) === true) return;
    const stats = this.#stat(folder);
    if (stats === null) return;
    this.#births.learn(stats);
    const key = `${stats.dev}:${stats.ino}`;
    if (above.has(key)) return; // a link back up
    let names: string[];
    try {
      names = readdirSync(folder).sort();
    } catch (error) {
      this.#unseen(folder, error);
      return;
    }
    const inside = new Set(above).add(key);
    for (const name of names) {
      if (name.startsWith('.')) continue;
      const path = join(folder, name);
      const entry = this.#stat(path);
      if (entry === null) continue;
      if (entry.isDirectory()) this.#walkFolder(path, root, inside);
      else if (this.#isLogName(name)) this.#addFile(path, path.slice(root.length + (root.endsWith(sep) ? 0 : 1)), entry);
    }
  }

  /** @param matchPath null for a file that was named itself: its real path then */
  #addFile(path: string, matchPath: string | null, stats: BigIntStats): void {
    if (!stats.isFile()) return;
    const key = `${stats.dev}:${stats.ino}`;
    if (this.#seenFiles.has(key)) return;
    if (!this.#options.compressed && isCompressedName(basename(path))) {
      this.#result.compressedPaths.push(path);
      return;
    }
    this.#seenFiles.add(key);
    this.#births.learn(stats);
    try {
      if (matchPath === null) this.#births.learn(statSync(dirname(path), { bigint: true }));
      this.#found.push({ stats, path, matchPath, realPath: realpathSync(path) });
    } catch (error) {
      if (!meansAbsent(systemCodeOf(error))) this.#unseen(path, error);
    }
  }

  #stat(path: string): BigIntStats | null {
    try {
      return statSync(path, { bigint: true });
    } catch (error) {
      if (!meansAbsent(systemCodeOf(error))) this.#unseen(path, error);
      return null;
    }
  }

  #unseen(path: string, error: unknown): void {
    this.#result.unseenPaths.push(path);
    this.#report(new LeadlineError('PATH_NOT_READABLE', { path, systemCode: systemCodeOf(error) ?? 'unknown' }), path);
  }

  #report(error: LeadlineError, path: string): void {
    this.#result.problems.push({ path, code: error.code, message: error.message });
  }
}
