/** The SQL of the embedded store's writer. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { Block, encodeBlock } from '#schemas/embedded/block-codec.ts';
import type { StoredStream, UnfinishedLine } from '#schemas/store.ts';

export interface Statements {
  begin: StatementSync;
  commit: StatementSync;
  rollback: StatementSync;
  insertHot: StatementSync;
  deleteHotFrom: StatementSync;
  insertId: StatementSync;
  putStream: StatementSync;
  putPosition: StatementSync;
  insertSignal: StatementSync;
  putUnfinished: StatementSync;
  deleteUnfinished: StatementSync;
  pageCount: StatementSync;
  pageSize: StatementSync;
}

export type StreamEntry = StoredStream & { chainPosition: number };

export function putStream(statements: Statements, stream: StreamEntry): void {
  const { chainPosition, streamId, source, storedRanges, gaps, lines, events, gapBytes, watermarkNs, lastTimeNs, state } = stream;
  statements.putStream.run(chainPosition, streamId, source, JSON.stringify(storedRanges), JSON.stringify(gaps), lines, events, gapBytes, watermarkNs, lastTimeNs, state === null ? null : JSON.stringify(state));
}

export function putUnfinished(statements: Statements, { event, endedMs, lane }: UnfinishedLine): void {
  const { data, plainBytes } = encodeBlock([event]);
  statements.putUnfinished.run(event.eventId, lane, endedMs, plainBytes, data);
}

export function prepare(database: DatabaseSync): Statements {
  return {
    begin: database.prepare('begin immediate'),
    commit: database.prepare('commit'),
    rollback: database.prepare('rollback'),
    insertHot: database.prepare('insert into hot (id, n, sealed, codec, plainBytes, tMin, tMax, levels, services, data) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    deleteHotFrom: database.prepare('delete from hot where id >= ?'),
    insertId: database.prepare('insert or ignore into ids (hash, sequence) values (?, ?)'),
    putStream: database.prepare('insert or replace into streams (chainPosition, streamId, source, ranges, gaps, lines, events, gapBytes, watermarkNs, lastTimeNs, state) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    putPosition: database.prepare('insert or replace into positions (topicId, partition, recordOffset) values (?, ?, ?)'),
    insertSignal: database.prepare('insert into signals (id, data) values (?, ?)'),
    putUnfinished: database.prepare('insert or replace into unfinished (eventId, lane, endedMs, plainBytes, data) values (?, ?, ?, ?, ?)'),
    deleteUnfinished: database.prepare('delete from unfinished where eventId = ?'),
    pageCount: database.prepare('pragma page_count'),
    pageSize: database.prepare('pragma page_size'),
  };
}

export function bigStatement(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  return statement;
}

export function unfinishedIn(database: DatabaseSync): UnfinishedLine[] {
  const rows = database.prepare('select lane, endedMs, plainBytes, data from unfinished').all() as unknown as { lane: string; endedMs: number; plainBytes: number; data: Uint8Array }[];
  return rows.map(({ lane, endedMs, plainBytes, data }) => ({ event: new Block(data, plainBytes).event(0), endedMs, lane }));
}
