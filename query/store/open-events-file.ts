/** An events file of the embedded store, opened beside its writer. */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { namingDamage } from '#schemas/embedded/damage.ts';
import { layoutVersion } from '#schemas/embedded/layout.ts';
import { LeadlineError } from '#schemas/errors.ts';

/** SQLITE_READONLY_ROLLBACK: its writer was killed before it was a database in WAL mode, and only a writer may clean up. */
const killedAtBirth = 776;

/**
 * Null where there is nothing to read: the writer makes the tables in the file's first transaction, and retention may take a file at any time.
 * @throws LeadlineError STORE_VERSION, STORE_DAMAGED
 */
export function openEventsFile(path: string): DatabaseSync | null {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(path, { readOnly: true });
    database.exec('pragma cache_size = -4096; pragma busy_timeout = 2000');
    if (database.prepare("select 1 from sqlite_master where name = 'meta'").get() !== undefined) {
      const { value } = database.prepare("select value from meta where key = 'layoutVersion'").get() as { value: string };
      if (value !== String(layoutVersion)) throw new LeadlineError('STORE_VERSION', { path, found: value, expected: String(layoutVersion) });
      return database;
    }
  } catch (error) {
    if (error instanceof LeadlineError || (existsSync(path) && (error as { errcode?: unknown }).errcode !== killedAtBirth)) {
      database?.close();
      throw namingDamage(error, path);
    }
  }
  database?.close();
  return null;
}
