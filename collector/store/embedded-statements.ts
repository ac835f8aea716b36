/** The SQL of the embedded store's writer. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { Block } from '#schemas/embedded/block.ts';
import type { UnfinishedLine } from '#schemas/store.ts';
import type { PreparedUnfinished } from './prepared-batch.ts';
import type { StreamEntry } from './stream-ledger.ts';

export interface Statements {
  begin: StatementSync;
  commit: StatementSync;
  rollback: StatementSync;
  putStream: StatementSync;
  putPosition: StatementSync;
  insertSignal: StatementSync;
  putUnfinished: StatementSync;
  deleteUnfinished: StatementSync;
  pageCount: StatementSync;
  pageSize: StatementSync;
}

export function putStream(statements: Statements, stream: StreamEntry): void {
  const { chainPosition, streamId, source, storedRanges, gaps, lines, events, gapBytes, watermarkNs, lastTimeNs, state } = stream;
  statements.putStream.run(chainPosition, streamId, source, JSON.stringify(storedRanges), JSON.stringify(gaps), lines, events, gapBytes, watermarkNs, lastTimeNs, state === null ? null : JSON.stringify(state));
}

export function putUnfinished(statements: Statements, { eventId, endedMs, lane, head, headBytes, raw }: PreparedUnfinished): void {
  statements.putUnfinished.run(eventId, lane, endedMs, headBytes, head, raw);
}

export function prepare(database: DatabaseSync): Statements {
  return {
    begin: database.prepare('begin immediate'),
    commit: database.prepare('commit'),
    rollback: database.prepare('rollback'),
    putStream: database.prepare('insert or replace into streams (chainPosition, streamId, source, ranges, gaps, lines, events, gapBytes, watermarkNs, lastTimeNs, state) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    putPosition: database.prepare('insert or replace into positions (topicId, partition, recordOffset) values (?, ?, ?)'),
    insertSignal: database.prepare('insert into signals (id, data) values (?, ?)'),
    putUnfinished: database.prepare('insert or replace into unfinished (eventId, lane, endedMs, headBytes, head, raw) values (?, ?, ?, ?, ?, ?)'),
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
  const rows = database.prepare('select lane, endedMs, headBytes, head, raw from unfinished').all() as unknown as { lane: string; endedMs: number; headBytes: number; head: Uint8Array; raw: Uint8Array }[];
  return rows.map(({ lane, endedMs, headBytes, head, raw }) => ({ event: new Block(head, headBytes, raw).event(0), endedMs, lane }));
}
