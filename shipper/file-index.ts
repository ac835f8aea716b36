/**
 * What the PATHs name, kept between looks: a look at a file that did not change costs one `stat` and no memory, and a folder is read again only when
 * its time of change moved, and every 30 s. What a look says about one path is a reason to refresh; only a refresh says where files are now.
 */
import { globSync, readdirSync, realpathSync, statSync, type Dirent } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import type { StreamProblem } from './balance.ts';
import { globCharacters, type DiscoveryOptions } from './discovery.ts';
import type { BirthTimeProbe } from './file-identity.ts';
import { IndexedFile, IndexedFolder, statOf } from './indexed-file.ts';
import { isCompressedName, logNameTest } from './log-names.ts';
import { meansAbsent } from './rotation.ts';
import type { Place } from './watched-folders.ts';

/** What a refresh found. The files are the index's own: they change with later looks. */
export interface IndexedFiles {
  files: readonly IndexedFile[];
  /** Compressed files, which are not tailed. */
  compressed: readonly IndexedFile[];
  problems: StreamProblem[];
  /** Folders (with all below them) and files that could not be looked at: a known file in one of these is not gone. */
  unseenPaths: string[];
  /** No folder changed while it was being read, so that what is not in `files` was nowhere at that time. */
  isSettled: boolean;
}

/** All folders are read at least this often, whatever their times say. */
const relistMs = 30_000;
/** Globs are expanded for at most a fiftieth of the time. */
const globCostFactor = 50;

export class FileIndex {
  readonly #paths: readonly string[];
  readonly #options: Omit<DiscoveryOptions, 'compressed'>;
  readonly #births: BirthTimeProbe;
  readonly #isLogName: (name: string) => boolean;
  readonly #folders = new Map<string, IndexedFolder>();
  readonly #named = new Map<string, IndexedFile>();
  readonly #globs = new Map<string, { paths: readonly string[]; againMs: number }>();
  /** Everything that is looked at, folders included; swept through in `#cursor` order. */
  #ring: (IndexedFile | IndexedFolder)[] = [];
  #cursor = 0;
  #nextRelistMs = 0;
  /** A PATH is a glob, or nothing is there: no look at what is known would find what comes. */
  wantsRegularRefresh = false;

  #found: { files: IndexedFile[]; compressed: IndexedFile[]; problems: StreamProblem[]; unseenPaths: string[]; isSettled: boolean } = { files: [], compressed: [], problems: [], unseenPaths: [], isSettled: true };
  /** Where files are, all links resolved: the folder as it was read, or null where only links or PATHs lead to files in it. */
  #places = new Map<string, IndexedFolder | null>();
  /** Files that a link or a PATH leads to, by where they are. */
  #elsewhere = new Map<string, IndexedFile>();
  #seen = new Set<string>();
  #visited = new Set<string>();
  #wholeRound = false;

  constructor(paths: readonly string[], options: Omit<DiscoveryOptions, 'compressed'>, births: BirthTimeProbe) {
    this.#paths = paths;
    this.#options = options;
    this.#births = births;
    this.#isLogName = logNameTest(options);
  }

  get size(): number {
    return this.#ring.length;
  }

  /**
   * Looks at the next `count` files and folders.
   * @param saw called for every file that is where it was
   * @returns whether a path names another file now, or a folder changed: time for a refresh
   */
  sweep(count: number, saw: (file: IndexedFile) => void): boolean {
    let isStale = false;
    for (let looked = Math.min(count, this.#ring.length); looked > 0; looked -= 1) {
      if (this.#cursor >= this.#ring.length) this.#cursor = 0;
      const item = this.#ring[this.#cursor]!;
      this.#cursor += 1;
      if (item instanceof IndexedFolder) {
        if (item.hasChanged()) isStale = true;
        continue;
      }
      switch (item.look()) {
        case 'same':
        case 'changed':
          saw(item);
          break;
        case 'other':
        case 'absent':
          isStale = true;
          break;
        case 'unseen':
          break; // an error says nothing
      }
    }
    return isStale;
  }

  /** When folders have to be read again whatever their times say. */
  get nextRelistMs(): number {
    return this.#nextRelistMs;
  }

  /** Where all files are now. */
  refresh(nowMs: number): IndexedFiles {
    this.#found = { files: [], compressed: [], problems: [], unseenPaths: [], isSettled: true };
    this.#seen = new Set();
    this.#visited = new Set();
    this.#wholeRound = nowMs >= this.#nextRelistMs;
    if (this.#wholeRound) this.#nextRelistMs = nowMs + relistMs;
    this.wantsRegularRefresh = false;
    for (const path of this.#paths) this.#addPath(path, nowMs);
    for (const path of this.#folders.keys()) if (!this.#visited.has(path)) this.#folders.delete(path);
    for (const path of this.#named.keys()) if (!this.#visited.has(path)) this.#named.delete(path);
    this.#ring = [...this.#found.files, ...this.#folders.values()];
    this.#locate();
    this.#seen = new Set();
    this.#visited = new Set();
    return this.#found;
  }

  /** Folders in which a change means something, all links resolved: those with files first. */
  get places(): readonly Place[] {
    const places = [...this.#places];
    const holdsFiles = ([, folder]: readonly [string, IndexedFolder | null]): boolean => folder === null || folder.files.size > 0;
    return [...places.filter(holdsFiles), ...places.filter(place => !holdsFiles(place))].map(([path, folder]) => ({ path, identity: folder?.identity ?? '' }));
  }

  /** What a name in one of `places` means: a file that is known there, one that may have come (a refresh would tell), or nothing. */
  named(place: string, name: string): IndexedFile | 'unknown' | 'nothing' {
    const folder = this.#places.get(place);
    if (folder === undefined) return 'nothing';
    const file = folder?.files.get(name) ?? this.#elsewhere.get(join(place, name));
    if (file !== undefined) return file;
    return (folder === null ? this.wantsRegularRefresh : this.#isLogName(name)) ? 'unknown' : 'nothing';
  }

  #locate(): void {
    this.#places = new Map();
    this.#elsewhere = new Map();
    for (const folder of this.#folders.values()) if (folder.realPath !== '') this.#places.set(folder.realPath, folder);
    for (const file of this.#found.files) {
      if (!file.isLink) continue;
      this.#elsewhere.set(file.realPath, file);
      const place = dirname(file.realPath);
      if (!this.#places.has(place)) this.#places.set(place, null);
    }
  }

  #addPath(path: string, nowMs: number): void {
    if (this.#addNamed(resolve(path))) return;
    this.wantsRegularRefresh = true;
    if (!globCharacters.test(path)) return;
    for (const match of this.#expand(path, nowMs)) this.#addNamed(match);
  }

  #expand(glob: string, nowMs: number): readonly string[] {
    const known = this.#globs.get(glob);
    if (known !== undefined && nowMs < known.againMs && !this.#wholeRound) return known.paths;
    const beganMs = performance.now();
    const paths = globSync(glob).map(each => resolve(each)).sort();
    this.#globs.set(glob, { paths, againMs: nowMs + globCostFactor * (performance.now() - beganMs) });
    return paths;
  }

  /** @returns whether there is something at the path */
  #addNamed(path: string): boolean {
    const stats = this.#attempt(path, () => statOf(path));
    if (stats === null) return false;
    if (!stats.isDirectory()) {
      this.#addNamedFile(path);
      return true;
    }
    const before = this.#seen.size + this.#found.compressed.length;
    this.#walk(path, path, new Set());
    if (this.#seen.size + this.#found.compressed.length === before && !this.#found.unseenPaths.includes(path)) {
      this.#report(new LeadlineError('NO_LOGS_IN_FOLDER', { path, include: this.#options.include.join(', ') }), path);
    }
    return true;
  }

  #addNamedFile(path: string): void {
    this.#visited.add(path);
    const known = this.#named.get(path);
    if (known === undefined) this.#attempt(dirname(path), () => this.#births.learn(statSync(dirname(path), { bigint: true })));
    const file = this.#fileAt(path, known, true, null);
    if (file === null) return;
    this.#named.set(path, file);
    this.#take(file);
  }

  #walk(path: string, root: string, above: ReadonlySet<string>): void {
    if (this.#options.skipFolders?.includes(path) === true) return;
    const stats = this.#attempt(path, () => statOf(path));
    if (stats === null) return;
    const key = `${stats.dev}:${stats.ino}`;
    if (above.has(key)) return; // a link back up
    let folder = this.#folders.get(path);
    if (folder === undefined) this.#folders.set(path, (folder = new IndexedFolder(path)));
    this.#visited.add(path);
    const isRead = folder.isOutOfDate(stats) || this.#wholeRound;
    if (isRead && !this.#list(folder)) return;
    if (!folder.isSettled) this.#found.isSettled = false;
    for (const file of folder.files.values()) {
      // What a link leads to changes without the link's folder.
      if (!isRead && file.isLink && this.#fileAt(file.path, file, true, folder) === null) continue;
      file.root = root;
      this.#take(file);
    }
    const inside = new Set(above).add(key);
    for (const name of folder.folders) this.#walk(join(path, name), root, inside);
  }

  /** Reads a folder and looks at everything in it. @returns false where it cannot be read */
  #list(folder: IndexedFolder): boolean {
    const { path } = folder;
    const listed = this.#attempt(path, () => {
      this.#births.learn(statSync(path, { bigint: true }));
      folder.beginListing(statSync(path), this.#wholeRound);
      return readdirSync(path, { withFileTypes: true });
    });
    if (listed === null) {
      folder.forgetListing();
      return false;
    }
    const files = new Map<string, IndexedFile>();
    const folders: string[] = [];
    for (const entry of listed.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue;
      const kind = kindOf(entry, join(path, entry.name));
      if (kind === 'folder') folders.push(entry.name);
      if (kind !== 'file' || !(folder.files.has(entry.name) || this.#isLogName(entry.name))) continue;
      const file = this.#fileAt(join(path, entry.name), folder.files.get(entry.name), !entry.isFile(), folder);
      if (file !== null) files.set(entry.name, file);
    }
    folder.files = files;
    folder.folders = folders;
    const after = this.#attempt(path, () => statOf(path));
    folder.endListing(after);
    return true;
  }

  /** The file at a path as it is now, or null where there is none. */
  #fileAt(path: string, known: IndexedFile | undefined, isLink: boolean, folder: IndexedFolder | null): IndexedFile | null {
    return this.#attempt(path, () => {
      if (known !== undefined && !(isLink && this.#wholeRound)) {
        const seen = known.look();
        if (seen === 'same' || seen === 'changed') return known;
      }
      const stats = statSync(path, { bigint: true });
      if (!stats.isFile()) return null;
      this.#births.learn(stats);
      const file = known === undefined || known.resting !== null ? new IndexedFile(path, isLink) : known;
      file.identify(stats, this.#births.trusts(stats.dev), isLink || folder === null ? realpathSync(path) : join(folder.realPath, basename(path)));
      return file;
    });
  }

  #take(file: IndexedFile): void {
    if (this.#seen.has(file.key)) return;
    if (isCompressedName(file.path)) {
      this.#found.compressed.push(file);
      return;
    }
    this.#seen.add(file.key);
    this.#found.files.push(file);
  }

  /** What `look` says, or null where there is nothing; what cannot be looked at is noted. */
  #attempt<T>(path: string, look: () => T): T | null {
    try {
      return look();
    } catch (error) {
      const systemCode = systemCodeOf(error);
      if (systemCode === null) throw error;
      if (!meansAbsent(systemCode)) {
        this.#found.unseenPaths.push(path);
        this.#report(new LeadlineError('PATH_NOT_READABLE', { path, systemCode }), path);
      }
      return null;
    }
  }

  #report(error: LeadlineError, path: string): void {
    this.#found.problems.push({ path, code: error.code, message: error.message });
  }
}

/** A link, and a name on a file system that does not say, is what it leads to. */
function kindOf(entry: Dirent, path: string): 'file' | 'folder' | 'neither' {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'folder';
  if (entry.isFIFO() || entry.isSocket() || entry.isCharacterDevice() || entry.isBlockDevice()) return 'neither';
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? 'neither' : stats.isDirectory() ? 'folder' : stats.isFile() ? 'file' : 'neither';
}
