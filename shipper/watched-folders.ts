/**
 * Which folders the system is asked to tell of. A hint saves a quiet file its wait for the sweep; a busy one is looked at every few milliseconds anyhow.
 * So a folder that speaks much is not listened to for a while, and where nothing can be watched nothing is lost but that time.
 */
import { basename } from 'node:path';
import type { Log } from '#lib/log.ts';
import { systemCodeOf } from '#schemas/errors.ts';
import type { FolderWatch, watchFolder } from './chokidar-watch.ts';
import type { Problems } from './problems.ts';

export interface WatchedFoldersParts {
  problems: Problems;
  log: Log;
  idlePollIntervalMs: number;
  /** Something happened to a name in a folder. */
  onHint: (folder: string, name: string, isRename: boolean) => void;
}

/** 25 kB of memory each. */
export const watchedFoldersMax = 512;
/** An event that comes alone wakes the process, which is most of its 150 us. So a folder may take 0.15 % of a core, and all together 1 %. */
export const folderEventsPerSecondMax = 10;
export const eventsPerSecondMax = 60;
/** A folder that spoke too much is watched again after this long; what grew last is by then no longer active. */
export const unwatchedMs = 60_000;
/** To begin a watch costs 0.4 ms. */
const startsPerLookMax = 8;
/** inotify calls the folder's own end by the folder's name. What has its path later is another one. */
const replacedMs = 1000;
/** The machine has no watch to give: asked again after this long. */
const refusedMs = 60_000;
/** Limits of the machine, of the user or of the kernel's build; all else concerns one folder. */
const refusals: readonly (string | null)[] = ['ENOSPC', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOSYS'];

/** A folder to be watched. */
export interface Place {
  /** Absolute, all links resolved. */
  path: string;
  /** Another one where another folder has the path; empty where nobody looked. */
  identity: string;
}

interface Folder {
  identity: string;
  watch: FolderWatch | null;
  isReady: boolean;
  /** Left alone until then. */
  dueMs: number;
  /** Events in the present second. */
  second: number;
  events: number;
}

export class WatchedFolders {
  readonly #parts: WatchedFoldersParts;
  readonly #folders = new Map<string, Folder>();
  #watchFolder: typeof watchFolder | null = null;
  #isLoading = false;
  #isClosed = false;
  #nowMs = 0;
  #second = 0;
  #secondEndMs = 0;
  #events = 0;
  #refusedUntilMs = 0;
  /** The folder that was refused, under which that stands as a problem. */
  #refusedPath: string | null = null;
  /** The first folder beyond the limit, likewise. */
  #beyondPath: string | null = null;

  constructor(parts: WatchedFoldersParts) {
    this.#parts = parts;
  }

  /** How many are watched now. */
  get size(): number {
    let size = 0;
    for (const folder of this.#folders.values()) if (folder.isReady) size += 1;
    return size;
  }

  /** From now on these are of interest, the first ones most. They are watched by and by. */
  follow(places: readonly Place[]): void {
    const { problems, idlePollIntervalMs } = this.#parts;
    const wanted = new Map(places.slice(0, watchedFoldersMax).map(({ path, identity }) => [path, identity]));
    for (const [path, folder] of this.#folders) {
      if (wanted.get(path) === folder.identity) continue;
      this.#unwatch(folder);
      this.#folders.delete(path);
    }
    for (const [path, identity] of wanted) if (!this.#folders.has(path)) this.#folders.set(path, { identity, watch: null, isReady: false, dueMs: 0, second: 0, events: 0 });
    const beyond = places[watchedFoldersMax]?.path ?? null;
    if (this.#beyondPath !== null && beyond === null) problems.over('WATCHED_FOLDERS_MAX', this.#beyondPath);
    else if (this.#beyondPath === null && beyond !== null) {
      problems.report({ path: beyond, code: 'WATCHED_FOLDERS_MAX', message: `${places.length} folders hold logs and ${watchedFoldersMax} of them are watched: in the others files that were quiet, and new ones, are looked at every ${idlePollIntervalMs / 1000} s` });
    }
    this.#beyondPath = beyond === null ? null : (this.#beyondPath ?? beyond);
  }

  /** Begins what is due. Every look calls this. */
  tend(nowMs: number): void {
    this.#nowMs = nowMs;
    if (nowMs >= this.#secondEndMs) {
      this.#second += 1;
      this.#secondEndMs = nowMs + 1000;
      this.#events = 0;
    }
    if (this.#isClosed || nowMs < this.#refusedUntilMs) return;
    let starts = 0;
    for (const [path, folder] of this.#folders) {
      if (folder.watch !== null || nowMs < folder.dueMs) continue;
      if (this.#watchFolder === null) {
        this.#load();
        return;
      }
      this.#begin(path, folder, this.#watchFolder);
      starts += 1;
      // One alone where others were refused.
      if (starts >= startsPerLookMax || this.#refusedPath !== null) return;
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const folder of this.#folders.values()) this.#unwatch(folder);
    this.#folders.clear();
  }

  #load(): void {
    if (this.#isLoading) return;
    this.#isLoading = true;
    import('./chokidar-watch.ts').then(
      loaded => (this.#watchFolder = loaded.watchFolder),
      (error: unknown) => this.#refused([...this.#folders.keys()][0] ?? '', error instanceof Error ? error.message : String(error)),
    );
  }

  #begin(path: string, folder: Folder, begin: typeof watchFolder): void {
    const watch = begin(path, {
      onEvent: (name, isRename) => {
        if (folder.watch === watch) this.#heard(path, folder, name, isRename);
      },
      onReady: () => {
        if (folder.watch !== watch) return;
        folder.isReady = true;
        if (this.#refusedPath !== null) this.#parts.problems.over('WATCH_NOT_AVAILABLE', this.#refusedPath);
        this.#refusedPath = null;
      },
      onError: error => {
        if (folder.watch !== watch) return;
        this.#rest(folder, refusedMs);
        const systemCode = systemCodeOf(error);
        if (refusals.includes(systemCode)) this.#refused(path, systemCode!);
        else this.#parts.log.debug({ event: 'folderNotWatched', path, systemCode }, error instanceof Error ? error.message : String(error));
      },
    });
    folder.watch = watch;
  }

  #heard(path: string, folder: Folder, name: string, isRename: boolean): void {
    if (folder.second !== this.#second) {
      folder.second = this.#second;
      folder.events = 0;
    }
    folder.events += 1;
    this.#events += 1;
    if (folder.events > folderEventsPerSecondMax || this.#events > eventsPerSecondMax) {
      this.#rest(folder, unwatchedMs);
      this.#parts.log.debug({ event: 'folderUnwatched', path }, 'a busy folder is left to the looks');
    } else if (isRename && name === basename(path)) this.#rest(folder, replacedMs);
    // The last one too: what it tells of may be the only quiet file among many busy ones.
    this.#parts.onHint(path, name, isRename);
  }

  #rest(folder: Folder, restMs: number): void {
    this.#unwatch(folder);
    folder.dueMs = this.#nowMs + restMs;
  }

  #refused(path: string, why: string): void {
    this.#refusedUntilMs = this.#nowMs + refusedMs;
    if (this.#refusedPath !== null) return;
    this.#refusedPath = path;
    this.#parts.problems.report({ path, code: 'WATCH_NOT_AVAILABLE', message: `watching is not available here (${why}${why === 'ENOSPC' ? ', see fs.inotify.max_user_watches' : why === 'EMFILE' ? ', see fs.inotify.max_user_instances' : ''}): files that were quiet are looked at every ${this.#parts.idlePollIntervalMs / 1000} s` });
  }

  #unwatch(folder: Folder): void {
    folder.watch?.close();
    folder.watch = null;
    folder.isReady = false;
  }
}
