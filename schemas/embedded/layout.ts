/**
 * The embedded store's directory and tables: what its writer and its readers agree on.
 *
 *     owner.db            held under an exclusive lock by the one process that may write
 *     events/2026-11-21-0000000000000001.db   one per UTC day of storing or per `fileBytesMax`, named by day and first event sequence
 *     alerts.db, checkpoint.json              of the alert loop and the shipper
 *     shipper.db          held under an exclusive lock by the one process that may write the checkpoint
 *
 * Every event has a sequence, ascending in the order of storing over all files. A `hot` row holds consecutive sequences and is named by the first;
 * so small rows can become one large row (a block) while postings and tail cursors, which speak of sequences, stay true.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Another number means another layout; there is no migration. */
export const layoutVersion = 2;

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

/** A `hot` row with `sealed = 0` is small: the next commits are joined with it into one. */
export const createTables = `
  create table if not exists meta (key text primary key, value text) without rowid;
  create table if not exists hot (id integer primary key, n integer not null, sealed integer not null, codec integer not null, plainBytes integer not null, tMin integer not null, tMax integer not null, levels integer not null, services text not null, data blob not null);
  create table if not exists ids (hash integer not null, sequence integer not null, primary key (hash, sequence)) without rowid;
  create table if not exists streams (chainPosition integer primary key, streamId text not null unique, source text not null, ranges text not null, gaps text not null, lines integer not null, events integer not null, gapBytes integer not null, watermarkNs integer, lastTimeNs integer, state text);
  create table if not exists unfinished (eventId text primary key, lane text not null, endedMs integer not null, plainBytes integer not null, data blob not null) without rowid;
  create table if not exists positions (topicId text not null, partition integer not null, recordOffset text not null, primary key (topicId, partition)) without rowid;
  create table if not exists signals (id integer primary key, data text not null);
`;

export const writerPragmas = `
  pragma page_size = 8192;
  pragma journal_mode = wal;
  pragma synchronous = full;
  pragma wal_autocheckpoint = 1000;
  pragma cache_size = -16384;
  pragma temp_store = memory;
`;

/** One bit per level rank, and bit 6 for events without a level. */
export function levelBit(rank: number): number {
  return rank < 0 ? 1 << 6 : 1 << rank;
}

/** JSON with bigints, as signals hold them: `{ "$n": "123" }`. */
export function toJsonWithBigints(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? { $n: member.toString() } : member));
}

export function fromJsonWithBigints(text: string): unknown {
  return JSON.parse(text, (_, member: unknown) => (typeof member === 'object' && member !== null && '$n' in member ? BigInt(member.$n as string) : member));
}
