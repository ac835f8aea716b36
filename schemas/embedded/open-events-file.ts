/** An events file of the embedded store, opened beside its writer. */
import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { namingDamage } from './damage.ts';
import { eventsFilesIn, layoutVersion } from './layout.ts';
import { LeadlineError } from '../errors.ts';

/** SQLITE_READONLY_ROLLBACK: whoever wrote it was killed while it was no database in WAL mode yet, or any more, and only a writer may clean up. */
const needsRollback = 776;

/**
 * Null where there is nothing to read: the writer makes the tables in the file's first transaction, and retention may take a file at any time.
 * @throws LeadlineError STORE_VERSION, STORE_DAMAGED
 */
export function openEventsFile(path: string): DatabaseSync | null {
  let database: DatabaseSync | null = null;
  try {
    database = opened(path);
    if (database.prepare("select 1 from sqlite_master where name = 'meta'").get() !== undefined) {
      const { value } = database.prepare("select value from meta where key = 'layoutVersion'").get() as { value: string };
      if (value !== String(layoutVersion)) throw new LeadlineError('STORE_VERSION', { path, found: value, expected: String(layoutVersion) });
      return database;
    }
  } catch (error) {
    database?.close();
    // Retention may have taken it, and a file that was never begun may be in nobody's way.
    if (!existsSync(path) || (isNeedingRollback(error) && isNewest(path))) return null;
    throw namingDamage(error, path);
  }
  database.close();
  return null;
}

function opened(path: string): DatabaseSync {
  try {
    return readable(path);
  } catch (error) {
    if (!isNeedingRollback(error)) throw error;
    rollBack(path);
    return readable(path);
  }
}

function readable(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.exec('pragma cache_size = -4096; pragma busy_timeout = 2000');
    database.prepare('select count(*) from sqlite_master').get();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Opening it for writing is enough. Where that may not be, whoever reads it finds out. */
function rollBack(path: string): void {
  try {
    const database = new DatabaseSync(path);
    try {
      database.prepare('select count(*) from sqlite_master').get();
    } finally {
      database.close();
    }
  } catch {
    // Read-only, or its writer is at it.
  }
}

function isNeedingRollback(error: unknown): boolean {
  return (error as { errcode?: unknown }).errcode === needsRollback;
}

function isNewest(path: string): boolean {
  return eventsFilesIn(dirname(path)).at(-1)?.name === basename(path);
}
