/**
 * The embedded store's directory and tables: what its writer and its readers agree on.
 *
 *     owner.db            held under an exclusive lock by the one process that may write
 *     events/2026-11-21-0000000000000001.db   one per UTC day of storing or per `fileBytesMax`, named by day and first event sequence
 *     alerts.db, checkpoint.json              of the alert loop and the shipper
 *     shipper.db          held under an exclusive lock by the one process that may write the checkpoint
 *
 * Every event has a sequence, ascending in the order of storing over all files. A block holds consecutive sequences and is named by the first; so
 * small blocks can be joined into a larger one while tail cursors, which speak of sequences, stay true. `tier` 0 and up are such small ones, of single
 * commits and of several; a sealed block has tier `sealedTier` and stays as it is.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Another number means another layout; there is no migration. */
export const layoutVersion = 3;

export const eventsFolder = (dataDir: string): string => join(dataDir, 'events');
export const ownerFile = (dataDir: string): string => join(dataDir, 'owner.db');
/** Where the owner says how it can be reached: `{ pid, url }`. Only a hint; the lock decides. */
export const ownerNote = (dataDir: string): string => join(dataDir, 'owner.json');
export const shipperLockFile = (dataDir: string): string => join(dataDir, 'shipper.db');
/** As `ownerNote`, of a shipper. */
export const shipperNote = (dataDir: string): string => join(dataDir, 'shipper.json');
export const checkpointFile = (dataDir: string): string => join(dataDir, 'checkpoint.json');
export const alertsFile = (dataDir: string): string => join(dataDir, 'alerts.db');

export function eventsFileName(day: string, firstSequence: number): string {
  return `${day}-${String(firstSequence).padStart(16, '0')}.db`;
}

export interface EventsFileName {
  name: string;
  day: string;
  firstSequence: number;
}

/** The parts of an events file's name, or null for any other file. Names sort in the order of storing. */
export function readEventsFileName(name: string): EventsFileName | null {
  const match = /^(\d{4}-\d{2}-\d{2})-(\d{16})\.db$/.exec(name);
  return match === null ? null : { name, day: match[1]!, firstSequence: Number(match[2]) };
}

/** The events files in this folder, oldest first. */
export function eventsFilesIn(folder: string): EventsFileName[] {
  return readdirSync(folder).sort().map(readEventsFileName).filter(name => name !== null);
}

export const sealedTier = 9;

/**
 * What is looked at for every query is apart from what is unpacked: `blocks` is small and scanned, `data` holds the events, `blockStreams` which bytes
 * of which streams they are. Of sealed blocks only: `words` their words and `wordGroups` those of several after each other; the hashes of their ids, a
 * list per block in `idLists` until it is merged into a run, which lies in `idBuckets`. A run's number is never given again, because readers remember
 * runs by it. `idFilters`: which of the runs of the second level may have an id. `counts`: events per service, minute and level; `*` stands for all services together.
 */
export const createTables = `
  create table if not exists meta (key text primary key, value text) without rowid;
  create table if not exists blocks (id integer primary key, n integer not null, tier integer not null, tMin integer not null, tMax integer not null, levels integer not null, services text not null, rawBytes integer not null);
  create table if not exists data (id integer primary key, codec integer not null, headBytes integer not null, head blob not null, raw blob not null);
  create table if not exists blockStreams (id integer primary key, data blob not null);
  create table if not exists words (id integer primary key, textBytes integer not null, data blob not null);
  create table if not exists wordGroups (id integer primary key, lastId integer not null, unknown integer not null, textBytes integer not null, data blob not null);
  create table if not exists idLists (id integer primary key, data blob not null);
  create table if not exists idRuns (run integer primary key autoincrement, level integer not null, bucketBits integer not null, blocks blob not null);
  create table if not exists idBuckets (id integer primary key, data blob not null);
  create table if not exists idFilters (prefix integer primary key, data blob not null);
  create table if not exists counts (service text not null, minute integer not null, level integer not null, n integer not null, primary key (service, minute, level)) without rowid;
  create table if not exists streams (chainPosition integer primary key, streamId text not null unique, source text not null, ranges text not null, gaps text not null, lines integer not null, events integer not null, gapBytes integer not null, watermarkNs integer, lastTimeNs integer, state text);
  create table if not exists unfinished (eventId text primary key, lane text not null, endedMs integer not null, headBytes integer not null, head blob not null, raw blob not null) without rowid;
  create table if not exists positions (topicId text not null, partition integer not null, recordOffset text not null, primary key (topicId, partition)) without rowid;
  create table if not exists signals (id integer primary key, data text not null);
`;

export const writerPragmas = `
  pragma page_size = 4096;
  pragma journal_mode = wal;
  pragma synchronous = full;
  pragma wal_autocheckpoint = 4000;
  pragma cache_size = -6144;
  pragma temp_store = memory;
`;

export const minuteMs = 60_000;
/** Of the counts of all services together. */
export const allServices = '*';

/** As `counts` names a service: no service of any name is `allServices`, or none. */
export function serviceKey(service: string | null): string {
  return service === null ? '' : `=${service}`;
}

/** One bit per level rank, and bit 6 for events without a level. */
export function levelBit(rank: number): number {
  return rank < 0 ? 1 << 6 : 1 << rank;
}

/**
 * Beside the levels of a block: whether an event in it lacks a request id, which is looked for around a timeline. Blocks of before that was noted have
 * neither bit, and may hold any.
 */
export const lacksIdsBit = 1 << 7;
export const allHaveIdsBit = 1 << 8;

/** JSON with bigints, as signals hold them: `{ "$n": "123" }`. */
export function toJsonWithBigints(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? { $n: member.toString() } : member));
}

export function fromJsonWithBigints(text: string): unknown {
  return JSON.parse(text, (_, member: unknown) => (typeof member === 'object' && member !== null && '$n' in member ? BigInt(member.$n as string) : member));
}
