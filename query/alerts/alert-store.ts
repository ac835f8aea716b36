/**
 * `alerts.db`: episodes, what the detectors know, where they have read to, and the messages that still have to be sent. One process owns it,
 * the one that runs the detectors; others may read the episodes.
 *
 * A step of the loop is one transaction: what was read, what came of it, and the messages about it. A message is sent only after that, so a crash
 * can repeat a message under the same idempotency key and can never make a second episode.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { LeadlineError } from '#schemas/errors.ts';
import type { DetectorState } from './detector.ts';
import type { Episode } from './episode.ts';

const layoutVersion = 1;
/** Ids of signals remembered, so that one which comes twice counts once. */
const seenSignalsMax = 100_000;
/** Episodes kept; the oldest resolved ones go first. */
const episodesMax = 10_000;
/** Messages kept after they were sent or given up. */
const doneMessagesMax = 1000;
/** Messages that may wait for one target; further ones are given up. */
export const waitingMessagesMax = 1000;

export interface OutboxMessage {
  target: string;
  episodeId: string;
  idempotencyKey: string;
  /** JSON text. */
  body: string;
}

export interface WaitingMessage extends OutboxMessage {
  messageId: number;
}

export interface SavedDetector {
  rule: string;
  key: (string | null)[];
  state: DetectorState;
}

export class AlertStore {
  private readonly database: DatabaseSync;
  private readonly statements: Statements;

  constructor(path: string) {
    this.database = new DatabaseSync(path);
    this.database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000');
    const { user_version: found } = this.database.prepare('pragma user_version').get() as { user_version: number };
    if (found !== 0 && found !== layoutVersion) {
      this.database.close();
      throw new LeadlineError('STORE_VERSION', { path, found, expected: layoutVersion });
    }
    this.database.exec(tables);
    this.statements = prepare(this.database);
  }

  /** Runs `work` in one durable transaction; nothing of it stays where it throws. */
  transaction<T>(work: () => T): T {
    this.database.exec('begin immediate');
    try {
      const result = work();
      this.database.exec('commit');
      return result;
    } catch (error) {
      this.database.exec('rollback');
      throw error;
    }
  }

  cursor(): string | null {
    const row = this.statements.getCursor.get() as { value: string } | undefined;
    return row?.value ?? null;
  }

  putCursor(cursor: string | null): void {
    if (cursor === null) this.statements.deleteCursor.run();
    else this.statements.putCursor.run(cursor);
  }

  /** Remembers a signal. @returns false where it was seen before. */
  addSeen(signalId: string): boolean {
    return this.statements.addSeen.run(signalId).changes > 0;
  }

  detectors(): SavedDetector[] {
    const rows = this.statements.detectors.all() as { rule: string; key: string; data: string; times: Uint8Array }[];
    return rows.map(({ rule, key, data, times }) => ({
      rule,
      key: JSON.parse(key) as (string | null)[],
      state: { ...(fromJson(data) as Omit<DetectorState, 'timesNs'>), timesNs: new BigInt64Array(times.slice().buffer) },
    }));
  }

  putDetector({ rule, key, state }: SavedDetector): void {
    const { timesNs, ...rest } = state;
    this.statements.putDetector.run(rule, JSON.stringify(key), toJson(rest), new Uint8Array(timesNs.buffer, timesNs.byteOffset, timesNs.byteLength));
  }

  deleteDetector(rule: string, key: (string | null)[]): void {
    this.statements.deleteDetector.run(rule, JSON.stringify(key));
  }

  putEpisode(episode: Episode): void {
    this.statements.putEpisode.run(episode.episodeId, episode.rule, JSON.stringify(episode.key), episode.state, episode.openedNs, episode.lastNs, toJson(episode));
  }

  episode(episodeId: string): Episode | null {
    const row = this.statements.episode.get(episodeId) as { data: string } | undefined;
    return row === undefined ? null : (fromJson(row.data) as Episode);
  }

  /** Newest first, by when they opened in event time. */
  episodes(limit: number): Episode[] {
    return dataOf(this.statements.episodes.all(limit));
  }

  firingEpisodes(): Episode[] {
    return dataOf(this.statements.firing.all());
  }

  /** Episodes of a rule and key that touch `[fromNs, toNs]`. */
  overlapping(rule: string, key: (string | null)[], fromNs: bigint, toNs: bigint): Episode[] {
    return dataOf(this.statements.overlapping.all(rule, JSON.stringify(key), toNs, fromNs));
  }

  /** @returns false where too many messages wait for this target: it is then kept as given up. */
  addMessage({ target, episodeId, idempotencyKey, body }: OutboxMessage): boolean {
    const { count } = this.statements.countWaiting.get(target) as { count: number };
    const fits = count < waitingMessagesMax;
    this.statements.addMessage.run(target, episodeId, idempotencyKey, body, fits ? 'waiting' : 'givenUp');
    return fits;
  }

  /** The message to be sent next to a target, or null. Messages of one target go out in order. */
  nextMessage(target: string): WaitingMessage | null {
    return (this.statements.nextMessage.get(target) as WaitingMessage | undefined) ?? null;
  }

  waitingTargets(): string[] {
    return (this.statements.waitingTargets.all() as { target: string }[]).map(({ target }) => target);
  }

  finishMessage(messageId: number, status: 'sent' | 'givenUp'): void {
    this.statements.finishMessage.run(status, messageId);
  }

  /** Messages by status, for one target or all. */
  countMessages(status: 'waiting' | 'sent' | 'givenUp'): number {
    return (this.statements.countMessages.get(status) as { count: number }).count;
  }

  /** Lets go of what is over the limits. */
  trim(): void {
    this.statements.trimSeen.run(seenSignalsMax);
    this.statements.trimEpisodes.run(episodesMax);
    this.statements.trimMessages.run(doneMessagesMax);
  }

  close(): void {
    this.database.close();
  }
}

/** The episodes in an `alerts.db` that another process may own; newest first. */
export function readEpisodes(path: string, limit: number): Episode[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return dataOf(database.prepare(selectEpisodes).all(limit));
  } finally {
    database.close();
  }
}

const tables = `
  create table if not exists cursor (id integer primary key check (id = 1), value text not null);
  create table if not exists seen (id integer primary key autoincrement, signalId text not null unique);
  create table if not exists detectors (rule text not null, key text not null, data text not null, times blob not null, primary key (rule, key)) without rowid;
  create table if not exists episodes (
    id integer primary key autoincrement, episodeId text not null unique, rule text not null, key text not null, state text not null,
    openedNs integer not null, lastNs integer not null, data text not null);
  create index if not exists episodesByKey on episodes (rule, key, openedNs);
  create index if not exists episodesByTime on episodes (openedNs);
  create index if not exists firingEpisodes on episodes (state) where state = 'firing';
  create table if not exists outbox (
    id integer primary key autoincrement, target text not null, episodeId text not null, idempotencyKey text not null, body text not null,
    status text not null);
  create index if not exists waitingMessages on outbox (target, id) where status = 'waiting';
  pragma user_version = ${layoutVersion};`;

const selectEpisodes = 'select data from episodes order by openedNs desc, id desc limit ?';

type Statements = ReturnType<typeof prepare>;

function prepare(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    getCursor: sql('select value from cursor'),
    putCursor: sql('insert into cursor (id, value) values (1, ?) on conflict (id) do update set value = excluded.value'),
    deleteCursor: sql('delete from cursor'),
    addSeen: sql('insert into seen (signalId) values (?) on conflict (signalId) do nothing'),
    trimSeen: sql('delete from seen where id <= (select max(id) from seen) - ?'),
    detectors: sql('select rule, key, data, times from detectors'),
    putDetector: sql(`insert into detectors (rule, key, data, times) values (?, ?, ?, ?)
      on conflict (rule, key) do update set data = excluded.data, times = excluded.times`),
    deleteDetector: sql('delete from detectors where rule = ? and key = ?'),
    putEpisode: sql(`insert into episodes (episodeId, rule, key, state, openedNs, lastNs, data) values (?, ?, ?, ?, ?, ?, ?)
      on conflict (episodeId) do update set state = excluded.state, openedNs = excluded.openedNs, lastNs = excluded.lastNs, data = excluded.data`),
    episode: sql('select data from episodes where episodeId = ?'),
    episodes: sql(selectEpisodes),
    firing: sql("select data from episodes where state = 'firing'"),
    overlapping: sql('select data from episodes where rule = ? and key = ? and openedNs <= ? and lastNs >= ? order by openedNs'),
    trimEpisodes: sql("delete from episodes where state = 'resolved' and id <= (select max(id) from episodes) - ?"),
    addMessage: sql('insert into outbox (target, episodeId, idempotencyKey, body, status) values (?, ?, ?, ?, ?)'),
    countWaiting: sql("select count(*) as count from outbox where target = ? and status = 'waiting'"),
    nextMessage: sql("select id as messageId, target, episodeId, idempotencyKey, body from outbox where target = ? and status = 'waiting' order by id limit 1"),
    waitingTargets: sql("select distinct target from outbox where status = 'waiting'"),
    finishMessage: sql('update outbox set status = ? where id = ?'),
    countMessages: sql('select count(*) as count from outbox where status = ?'),
    trimMessages: sql("delete from outbox where status <> 'waiting' and id <= (select max(id) from outbox) - ?"),
  };
}

function dataOf(rows: unknown[]): Episode[] {
  return (rows as { data: string }[]).map(({ data }) => fromJson(data) as Episode);
}

/** JSON in which keys that end in `Ns` hold bigints, as text. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? member.toString() : member));
}

function fromJson(text: string): unknown {
  return JSON.parse(text, (key, member: unknown) => (key.endsWith('Ns') && typeof member === 'string' ? BigInt(member) : member));
}
