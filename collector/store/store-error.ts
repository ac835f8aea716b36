/** What SQLite and the file system say when the store cannot be written, in the catalogue's words. */
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';

const sqliteFull = 13;
const sqliteCorrupt = 11;
const sqliteNotADatabase = 26;
const sqliteIoError = 10;
const sqliteReadOnly = 8;
const sqliteCannotOpen = 14;

/** @returns a LeadlineError for what a person can do something about, else the error as it came. */
export function storeError(error: unknown, dir: string): unknown {
  const code = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : null;
  switch (code) {
    case sqliteFull:
      return new LeadlineError('STORE_FULL', { dir }, { cause: error });
    case sqliteCorrupt:
    case sqliteNotADatabase:
      return new LeadlineError('STORE_DAMAGED', { path: dir, problem: (error as Error).message }, { cause: error });
    case sqliteIoError:
      return new LeadlineError('STORE_WRITE_FAILED', { dir, problem: (error as Error).message }, { cause: error });
    case sqliteReadOnly:
    case sqliteCannotOpen:
      return new LeadlineError('DATA_DIR_NOT_WRITABLE', { dir, systemCode: (error as Error).message }, { cause: error });
    default:
      return systemCodeOf(error) === 'ENOSPC' ? new LeadlineError('STORE_FULL', { dir }, { cause: error }) : error;
  }
}
