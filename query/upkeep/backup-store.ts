/**
 * `leadline store backup`: a copy of an embedded store, made while its writer goes on. Each file is copied as one look at it saw it; the one that is
 * being written comes last, because it holds what is known of all streams, and that must not be ahead of the events.
 *
 * The shipper's checkpoint is not copied: it may be further than the events of the copy, and where it is, the shipper would not send what the copy
 * lacks. Without it positions come from the store.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { syncPath } from '#lib/sync-path.ts';
import { alertsFile, eventsFolder } from '#schemas/embedded/layout.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { openEventsFile } from '#schemas/embedded/open-events-file.ts';
import { checkStore } from './check-store.ts';
import { eventsFilesOf } from './events-files.ts';

export interface BackedUp {
  files: number;
  events: number;
  bytes: number;
}

/**
 * Resolves when the copy is on the disk, read again and found to be whole. What is half done has another name and is removed.
 * @throws LeadlineError NO_STORE, STORE_VERSION, BACKUP_EXISTS, BACKUP_FAILED
 */
export async function backupStore(dataDir: string, target: string): Promise<BackedUp> {
  const folder = resolve(target);
  if (existsSync(folder) && !isEmptyFolder(folder)) throw new LeadlineError('BACKUP_EXISTS', { dir: target });
  const unfinished = join(dirname(folder), `.${basename(folder)}.unfinished`);
  try {
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(eventsFolder(unfinished), { recursive: true });
    copyEvents(dataDir, unfinished);
    if (existsSync(alertsFile(dataDir))) copyDatabase(new DatabaseSync(alertsFile(dataDir), { readOnly: true }), alertsFile(unfinished));
    const done = await proven(unfinished, dataDir);
    for (const path of [eventsFolder(unfinished), unfinished]) syncPath(path);
    if (existsSync(folder)) rmSync(folder, { recursive: true });
    renameSync(unfinished, folder);
    syncPath(dirname(folder));
    return done;
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (error instanceof LeadlineError) throw error;
    throw new LeadlineError('BACKUP_FAILED', { dir: target, problem: error instanceof Error ? error.message : String(error) }, { cause: error });
  }
}

/** A file that was the newest when it was copied is copied again where it is not any more: it went on meanwhile. */
function copyEvents(from: string, to: string): void {
  const whole = new Set<string>();
  for (let newest: string | null = null; ; ) {
    const names = eventsFilesOf(from).map(({ name }) => name);
    if (names.at(-1) === newest) return;
    newest = names.at(-1)!;
    for (const name of names) {
      if (whole.has(name)) continue;
      const copy = join(eventsFolder(to), name);
      rmSync(copy, { force: true });
      const database = openEventsFile(join(eventsFolder(from), name));
      if (database === null) continue; // gone with its age, or not begun
      copyDatabase(database, copy);
      if (name !== newest) whole.add(name);
    }
  }
}

function copyDatabase(database: DatabaseSync, path: string): void {
  try {
    database.prepare('vacuum into ?').run(path);
  } finally {
    database.close();
  }
  syncPath(path);
}

/** @param from where a damage that shows in the copy lies */
async function proven(folder: string, from: string): Promise<BackedUp> {
  const done: BackedUp = { files: 0, events: 0, bytes: 0 };
  for await (const { name, events, problems } of checkStore(folder)) {
    if (problems.length > 0) throw new LeadlineError('STORE_DAMAGED', { path: join(eventsFolder(from), name), problem: problems[0] });
    done.files += 1;
    done.events += events;
    done.bytes += statSync(join(eventsFolder(folder), name)).size;
  }
  return done;
}

function isEmptyFolder(path: string): boolean {
  return statSync(path).isDirectory() && readdirSync(path).length === 0;
}
