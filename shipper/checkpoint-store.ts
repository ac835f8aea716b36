/**
 * The checkpoint on disk: what is known of every stream whose story is not over. Written to a temporary file, synced, renamed and the folder
 * synced, so that a crash leaves the old or the new one. It is never believed without its checksum and never silently reset.
 */
import { createHash, hash } from 'node:crypto';
import { existsSync, renameSync, unlinkSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
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

export interface WritableCheckpoint {
  streams: Iterable<StreamState>;
  copies: readonly CopyBinding[];
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

/**
 * Resolves when the checkpoint would survive a power failure. One call at a time. States are asked for one after the other while it is written.
 * @param mayReplace asked last: false leaves the old file
 * @throws LeadlineError CHECKPOINT_NOT_SAVED
 */
export async function saveCheckpoint(path: string, checkpoint: WritableCheckpoint, mayReplace: () => boolean = () => true): Promise<void> {
  try {
    await writeCheckpoint(path, checkpoint, mayReplace);
  } catch (error) {
    throw new LeadlineError('CHECKPOINT_NOT_SAVED', { path, systemCode: systemCodeOf(error) ?? String(error) }, { cause: error });
  }
}

/** States written at once: about 100 kB of text, so that 10,000 streams neither fill memory nor hold up the loop. */
const portionMax = 128;

const headerOf = (sha256: string): string => `${JSON.stringify({ version: checkpointVersion, sha256 })}\n`;

async function writeCheckpoint(path: string, { streams, copies }: WritableCheckpoint, mayReplace: () => boolean): Promise<void> {
  const temporary = `${path}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  // Never into a file that somebody else may still be writing.
  if (existsSync(temporary)) unlinkSync(temporary);
  const file = await open(temporary, 'wx', 0o600);
  try {
    const digest = createHash('sha256');
    // The header holds the checksum of what follows it and always has the same length.
    let at = headerOf('0'.repeat(64)).length;
    const write = async (text: string): Promise<void> => {
      const bytes = Buffer.from(text);
      digest.update(bytes);
      for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
      at += bytes.length;
    };
    let text = '{"streams":[';
    let count = 0;
    for (const state of streams) {
      text += count === 0 ? JSON.stringify(state) : `,${JSON.stringify(state)}`;
      count += 1;
      if (count % portionMax !== 0) continue;
      await write(text);
      text = '';
    }
    await write(`${text}],"copies":${JSON.stringify(copies)}}`);
    await file.write(Buffer.from(headerOf(digest.digest('hex'))), 0, null, 0);
    await file.datasync();
  } finally {
    await file.close();
  }
  if (!mayReplace()) return;
  // Not a moment between the question and the deed.
  renameSync(temporary, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
