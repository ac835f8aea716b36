/**
 * Ownership of an embedded store's directory, or of a shipper's checkpoint: an exclusive SQLite lock on a file of its own, held for as long as the
 * process lives and free at once after kill -9. A file with a process id would be wrong in containers, where every process is number 1.
 */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ownerFile, ownerNote } from '#schemas/embedded/layout.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';

export interface OwnerNote {
  pid: number;
  url: string | null;
}

export interface OwnerFiles {
  lock: string;
  note: string;
}

export class StoreOwner {
  private readonly notePath: string;
  private readonly database: DatabaseSync;

  /** @throws LeadlineError STORE_OWNED where another process holds it, DATA_DIR_NOT_WRITABLE, DATA_DIR_IS_FILE. */
  constructor(dataDir: string, files: OwnerFiles = { lock: ownerFile(dataDir), note: ownerNote(dataDir) }) {
    this.notePath = files.note;
    makeDataDir(dataDir);
    try {
      this.database = new DatabaseSync(files.lock);
    } catch (error) {
      throw new LeadlineError('DATA_DIR_NOT_WRITABLE', { dir: dataDir, systemCode: systemCodeOf(error) ?? (error as Error).message }, { cause: error });
    }
    try {
      // Nothing is ever written: a journal on disk would only keep an owner from a full one.
      this.database.exec('pragma journal_mode = memory; begin exclusive');
    } catch (error) {
      this.database.close();
      if (isBusy(error)) throw new LeadlineError('STORE_OWNED', { dir: dataDir, owner: describe(readOwnerNote(dataDir, files.note)) }, { cause: error });
      throw new LeadlineError('DATA_DIR_NOT_WRITABLE', { dir: dataDir, systemCode: (error as Error).message }, { cause: error });
    }
    try {
      this.note(null);
    } catch (error) {
      // SQLite takes a lock on a database it may only read, too.
      this.database.close();
      throw new LeadlineError('DATA_DIR_NOT_WRITABLE', { dir: dataDir, systemCode: systemCodeOf(error) ?? (error as Error).message }, { cause: error });
    }
  }

  /** Says where the owner can be reached, for read commands and `ingest`. Only a hint: on a full disk there is none, and the lock is held all the same. */
  note(url: string | null): void {
    try {
      writeFileSync(this.notePath, `${JSON.stringify({ pid: process.pid, url } satisfies OwnerNote)}\n`);
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOSPC') throw error;
    }
  }

  release(): void {
    rmSync(this.notePath, { force: true });
    this.database.close();
  }
}

/** One level after the other: where a parent cannot be made, as under /proc, Node's recursive mkdir goes round for ever. */
function makeDataDir(dataDir: string): void {
  const missing: string[] = [];
  try {
    let folder = resolve(dataDir);
    for (; !isThere(folder, dataDir); folder = dirname(folder)) missing.unshift(folder);
    for (const each of missing) {
      try {
        mkdirSync(each);
      } catch (error) {
        // Another process may have made it meanwhile.
        if (systemCodeOf(error) !== 'EEXIST') throw error;
      }
    }
  } catch (error) {
    if (error instanceof LeadlineError) throw error;
    throw new LeadlineError('DATA_DIR_NOT_WRITABLE', { dir: dataDir, systemCode: systemCodeOf(error) ?? 'unknown' }, { cause: error });
  }
}

function isThere(folder: string, dataDir: string): boolean {
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats?.isDirectory() === false) throw new LeadlineError('DATA_DIR_IS_FILE', { dir: dataDir, file: folder });
  return stats !== undefined;
}

/** The note of whoever owns the directory, or null. It may be stale: only an answer from its address proves an owner. */
export function readOwnerNote(dataDir: string, notePath = ownerNote(dataDir)): OwnerNote | null {
  try {
    return JSON.parse(readFileSync(notePath, 'utf8')) as OwnerNote;
  } catch {
    return null;
  }
}

function describe(note: OwnerNote | null): string {
  if (note === null) return '';
  return note.url === null ? ` (process ${note.pid})` : ` (process ${note.pid}, ${note.url})`;
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (error.errcode === 5 || error.errcode === 261);
}
