/** What SQLite says of a file that is none of its databases any more. */
import { LeadlineError } from '../errors.ts';

const sqliteCorrupt = 11;
const sqliteNotADatabase = 26;

/** The failure as ours, with the file's path, where it means that the file is damaged; any other as it is. */
export function namingDamage(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : null;
  if (code !== sqliteCorrupt && code !== sqliteNotADatabase) return error;
  return new LeadlineError('STORE_DAMAGED', { path, problem: (error as Error).message }, { cause: error });
}
