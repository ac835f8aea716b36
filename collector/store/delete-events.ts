/**
 * `leadline store delete`: takes what an id stands for out of an embedded store. A file that has any of it is written anew, by the code that writes
 * files, and put in the place of the old one: nothing is left in free pages, in words, in counts or in the index of ids.
 *
 * An event that is deleted leaves a gap event of its place and size, so that its bytes are not taken for missing and read again, and a timeline says
 * that something was here.
 */
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { invariant } from '#lib/assert.ts';
import { breath } from '#lib/breath.ts';
import { syncPath } from '#lib/sync-path.ts';
import { canonicalId } from '#schemas/canonical-id.ts';
import { Block } from '#schemas/embedded/block.ts';
import { BlockEncoder } from '#schemas/embedded/block-encoder.ts';
import { namingDamage } from '#schemas/embedded/damage.ts';
import { createTables, eventsFilesIn, eventsFolder, layoutVersion, writerPragmas } from '#schemas/embedded/layout.ts';
import { openEventsFile } from '#schemas/embedded/open-events-file.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import { BlockWriter } from './block-writer.ts';
import type { BlockSize } from './prepared-batch.ts';
import { storeError } from './store-error.ts';

export interface Deleted {
  files: number;
  events: number;
  /** Of their lines. */
  bytes: number;
}

/** Every file is read three times: for spellings, to be written anew, and to see that nothing is left. */
export interface DeleteProgress {
  bytesDone: number;
  bytes: number;
  name: string;
}

/** Tables that are taken over as they are. */
const takenOver = ['streams', 'positions'];

/**
 * Deletes the events that carry an id, in any of its spellings, and those whose line holds it as text, in any case. The caller owns the store.
 * @throws LeadlineError NO_STORE, STORE_VERSION, STORE_DAMAGED, STORE_FULL; files that were done before stay done, and it can be asked again.
 */
export async function deleteEvents(dataDir: string, spellings: Spellings, size: BlockSize, onProgress: (progress: DeleteProgress) => void): Promise<Deleted> {
  const folder = eventsFolder(dataDir);
  const names = existsSync(folder) ? eventsFilesIn(folder).map(({ name }) => name) : [];
  if (names.length === 0) throw new LeadlineError('NO_STORE', { dir: dataDir });
  const deleted: Deleted = { files: 0, events: 0, bytes: 0 };
  const sizes = new Map(names.map(name => [name, statSync(join(folder, name)).size]));
  const bytes = 3 * [...sizes.values()].reduce((sum, size) => sum + size, 0);
  let bytesDone = 0;
  const passed = (name: string): void => {
    bytesDone += sizes.get(name)!;
    onProgress({ bytesDone, bytes, name });
  };
  // Other spellings that lines give it stand in further lines as text.
  for (const name of names) {
    for await (const event of eventsOf(join(folder, name))) spellings.learn(event);
    passed(name);
  }
  for (const name of names) {
    const path = join(folder, name);
    try {
      const found = await rewritten(path, spellings, size);
      passed(name);
      if (found.events === 0 && !found.others) continue;
      deleted.files += 1;
      deleted.events += found.events;
      deleted.bytes += found.bytes;
    } catch (error) {
      for (const suffix of ['', '-wal', '-shm']) rmSync(newPath(path) + suffix, { force: true });
      throw storeError(namingDamage(error, path), dataDir);
    }
  }
  for (const name of names) {
    for await (const event of eventsOf(join(folder, name))) invariant(!spellings.isIn(event), `nothing of the id is left in ${name}`);
    passed(name);
  }
  return deleted;
}

/** Everything that an id is spelled as. */
export class Spellings {
  private readonly canonical: string;
  private readonly texts = new Set<string>();

  /** @throws LeadlineError NOT_AN_ID for nothing, and for what stands in place of an id in logs */
  constructor(id: string) {
    const canonical = canonicalId(id);
    if (canonical === null) throw new LeadlineError('NOT_AN_ID', { id });
    this.canonical = canonical;
    this.texts.add(id.trim().toLowerCase());
  }

  learn(event: LogEvent): void {
    for (const { value } of event.ids) if (canonicalId(value) === this.canonical) this.texts.add(value.toLowerCase());
  }

  isIn(event: LogEvent): boolean {
    const { requestId } = event;
    if (event.ids.some(({ value }) => canonicalId(value) === this.canonical) || (requestId !== null && canonicalId(requestId) === this.canonical)) return true;
    const line = Buffer.from(event.raw).toString('utf8');
    // What was read out of a line stands in it, but for escapes.
    return this.isInText(line) || this.isInText(event.message) || (line.includes('\\') && this.isInText(JSON.stringify(event.fields)));
  }

  isInText(text: string): boolean {
    const lower = text.toLowerCase();
    for (const spelling of this.texts) if (lower.includes(spelling)) return true;
    return false;
  }

  /** The text with another word in the place of each; null where it holds none. */
  without(text: string): string | null {
    if (!this.isInText(text)) return null;
    const pattern = [...this.texts].sort((a, b) => b.length - a.length).map(spelling => spelling.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|');
    return text.replace(new RegExp(pattern, 'giu'), '(deleted)');
  }
}

/** What is left of an event: where it was, whose, and how long. */
function erased(event: LogEvent): LogEvent {
  const bytes = event.streamOffsetEnd - event.streamOffset;
  const { timeNs, timeSource, service, container, pod, namespace, node, source, streamId, streamOffset, streamOffsetEnd, pieces, chainPosition } = event;
  return {
    eventId: `${streamId}:${streamOffset}:gap`, timeNs, timeSource, service, container, pod, namespace, node, level: null, message: `${bytes} bytes were deleted here`, raw: new Uint8Array(0), fields: {}, requestId: null, requestIdSource: null, confidence: null,
    ids: [], source, streamId, streamOffset, streamOffsetEnd, pieces, output: null, part: null, gap: { cause: 'deleted', bytes, exact: true }, exceptionType: null, template: null, ...(chainPosition === undefined ? {} : { chainPosition }),
  };
}

const newPath = (path: string): string => `${path}.new`;

async function rewritten(path: string, spellings: Spellings, size: BlockSize): Promise<{ events: number; bytes: number; others: boolean }> {
  const found = { events: 0, bytes: 0, others: false };
  const from = openEventsFile(path);
  if (from === null) return found;
  try {
    for await (const event of eventsIn(from)) if (spellings.isIn(event)) found.events += 1;
    found.others = othersIn(from, spellings);
    if (found.events === 0 && !found.others) return found;
    const target = newPath(path);
    for (const suffix of ['', '-wal', '-shm']) rmSync(target + suffix, { force: true });
    const to = new DatabaseSync(target);
    try {
      to.exec(writerPragmas);
      to.exec(createTables);
      copyOthers(from, to, spellings);
      found.bytes = await copyEvents(from, to, spellings, size);
      // One file, complete in itself, before it takes the other's name; its log goes with its last connection.
      to.exec('pragma wal_checkpoint(truncate)');
    } finally {
      to.close();
    }
  } finally {
    from.close();
  }
  syncPath(newPath(path));
  // What the old file's log still holds is in the new one. A log must never stay behind beside another file, so the old one goes on without: that is
  // refused where somebody else has it open.
  const old = new DatabaseSync(path);
  old.exec('pragma wal_checkpoint(truncate); pragma journal_mode = delete');
  old.close();
  renameSync(newPath(path), path);
  syncPath(dirname(path));
  return found;
}

/** Blocks keep their first sequence and their number of events: tail cursors stay true. @returns bytes of the lines that are gone */
async function copyEvents(from: DatabaseSync, to: DatabaseSync, spellings: Spellings, size: BlockSize): Promise<number> {
  let bytes = 0;
  const writer = new BlockWriter(to, size);
  for (const { id, tier, headBytes, head, raw } of blocksOf(from)) {
    const block = new Block(head, headBytes, raw);
    const events = Array.from({ length: block.length }, (_, row) => block.event(row)).map(event => {
      if (!spellings.isIn(event)) return event;
      bytes += event.raw.length;
      return erased(event);
    });
    to.exec('begin immediate');
    writer.rewrite(id, tier, events);
    to.exec('commit');
    writer.committed();
    await breath();
  }
  return bytes;
}

function othersIn(from: DatabaseSync, spellings: Spellings): boolean {
  for (const { data } of from.prepare('select data from signals').iterate() as unknown as Iterable<{ data: string }>) if (spellings.isInText(data)) return true;
  for (const row of from.prepare('select headBytes, head, raw from unfinished').all() as unknown as DataRow[]) if (spellings.isIn(new Block(row.head, row.headBytes, row.raw).event(0))) return true;
  return false;
}

function copyOthers(from: DatabaseSync, to: DatabaseSync, spellings: Spellings): void {
  to.exec('begin immediate');
  for (const { key, value } of from.prepare('select key, value from meta').all() as unknown as { key: string; value: string }[]) to.prepare('insert or replace into meta values (?, ?)').run(key, key === 'layoutVersion' ? String(layoutVersion) : value);
  for (const table of takenOver) {
    const read = from.prepare(`select * from ${table}`);
    read.setReadBigInts(true);
    for (const row of read.iterate()) {
      const columns = Object.keys(row);
      to.prepare(`insert into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`).run(...Object.values(row));
    }
  }
  // A signal is read once; its time is what counts of it, and a new one keeps its number.
  const signal = to.prepare('insert into signals (id, data) values (?, ?)');
  for (const { id, data } of from.prepare('select id, data from signals').iterate() as unknown as Iterable<{ id: number; data: string }>) {
    if (!spellings.isInText(data)) signal.run(id, data);
  }
  const unfinished = to.prepare('insert into unfinished (eventId, lane, endedMs, headBytes, head, raw) values (?, ?, ?, ?, ?, ?)');
  for (const row of from.prepare('select eventId, lane, endedMs, headBytes, head, raw from unfinished').all() as unknown as (DataRow & { eventId: string; lane: string; endedMs: number })[]) {
    const event = new Block(row.head, row.headBytes, row.raw).event(0);
    // It stays an unfinished line, with nothing in it: its stream goes on with it.
    const { head, headBytes, raw } = spellings.isIn(event) ? new BlockEncoder().encode([{ ...erased(event), eventId: event.eventId, gap: null }]) : row;
    unfinished.run(row.eventId, row.lane, row.endedMs, headBytes, head, raw);
  }
  to.exec('commit');
}

interface DataRow {
  headBytes: number;
  head: Uint8Array;
  raw: Uint8Array;
}

function blocksOf(database: DatabaseSync): Iterable<DataRow & { id: number; tier: number }> {
  return database.prepare('select id, tier, headBytes, head, raw from blocks join data using (id) order by id').iterate() as unknown as Iterable<DataRow & { id: number; tier: number }>;
}

async function* eventsIn(database: DatabaseSync): AsyncGenerator<LogEvent> {
  for (const { headBytes, head, raw } of blocksOf(database)) {
    const block = new Block(head, headBytes, raw);
    for (let row = 0; row < block.length; row++) yield block.view(row);
    await breath();
  }
}

async function* eventsOf(path: string): AsyncGenerator<LogEvent> {
  const database = openEventsFile(path);
  if (database === null) return;
  try {
    yield* eventsIn(database);
  } finally {
    database.close();
  }
}
