/**
 * The checkpoint on disk: what is known of every stream whose story is not over. Written to a temporary file, synced, renamed and the folder
 * synced, so that a crash leaves the old or the new one. It is never believed without its checksum and never silently reset.
 */
import { hash } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import type { StreamState } from '#schemas/transport.ts';

export const checkpointVersion = 1;

/** A file that was found to be a copy of a stream, so that it is not read as one of its own. */
export interface CopyBinding {
  inode: string;
  birthTimeNs: string | null;
  streamId: string;
}

export interface Checkpoint {
  streams: StreamState[];
  copies: CopyBinding[];
}

/**
 * @returns the checkpoint, null where there is none yet.
 * @throws LeadlineError CHECKPOINT_DAMAGED; whoever catches it takes positions from the transport.
 */
export async function loadCheckpoint(path: string): Promise<Checkpoint | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null;
    throw new LeadlineError('CHECKPOINT_DAMAGED', { path, problem: systemCodeOf(error) ?? 'unreadable' }, { cause: error });
  }
  const damaged = (problem: string): LeadlineError => new LeadlineError('CHECKPOINT_DAMAGED', { path, problem });
  // Two lines: a header with the checksum of the second, and the second.
  const newline = text.indexOf('\n');
  const body = text.slice(newline + 1);
  let header: { version?: unknown; sha256?: unknown };
  try {
    header = JSON.parse(text.slice(0, Math.max(newline, 0))) as typeof header;
  } catch {
    throw damaged('its header cannot be read');
  }
  if (header.version !== checkpointVersion) throw damaged(`version ${String(header.version)}, expected ${checkpointVersion}`);
  if (header.sha256 !== hash('sha256', body, 'hex')) throw damaged('its checksum does not fit');
  return JSON.parse(body) as Checkpoint;
}

/** Resolves when the checkpoint would survive a power failure. One call at a time. @throws LeadlineError CHECKPOINT_NOT_SAVED */
export async function saveCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  try {
    await writeCheckpoint(path, checkpoint);
  } catch (error) {
    throw new LeadlineError('CHECKPOINT_NOT_SAVED', { path, systemCode: systemCodeOf(error) ?? String(error) }, { cause: error });
  }
}

async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const body = JSON.stringify(checkpoint);
  const temporary = `${path}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ version: checkpointVersion, sha256: hash('sha256', body, 'hex') })}\n${body}`);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
