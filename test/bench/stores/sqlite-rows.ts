/** What one would write without thinking: a row an event, an index of ids, and FTS5. */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { LogEvent } from '#schemas/event.ts';
import { memoryMbOf } from '../measured-process.ts';
import { commonWord, rareWords, type StoreData } from '../store-data.ts';
import { medianMs, mustBe, spread, spreadOver, tookMs, type BenchStore, type Measured } from './bench-store.ts';

export class SqliteRows implements BenchStore {
  readonly name = 'SQLite rows, FTS5';
  private readonly folder: string;
  private readonly database: DatabaseSync;
  private readonly insert: ReturnType<DatabaseSync['prepare']>;
  private readonly insertId: ReturnType<DatabaseSync['prepare']>;
  private readonly insertText: ReturnType<DatabaseSync['prepare']>;
  private next = 1;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder);
    this.database = new DatabaseSync(join(folder, 'rows.db'));
    this.database.exec(`
      pragma page_size = 8192; pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 4000; pragma cache_size = -65536;
      create table events (id integer primary key, timeNs integer, level text, service text, raw blob);
      create index byTime on events (timeNs);
      create table ids (value text, id integer, primary key (value, id)) without rowid;
      create virtual table words using fts5 (message, content = '', detail = 'full');
    `);
    this.insert = this.database.prepare('insert into events values (?, ?, ?, ?, ?)');
    this.insertId = this.database.prepare('insert or ignore into ids values (?, ?)');
    this.insertText = this.database.prepare('insert into words (rowid, message) values (?, ?)');
  }

  append(events: LogEvent[]): void {
    this.database.exec('begin');
    for (const { timeNs, level, service, raw, ids, message } of events) {
      const id = this.next++;
      this.insert.run(id, timeNs, level, service, raw);
      for (const { value } of ids) this.insertId.run(value, id);
      this.insertText.run(id, message);
    }
    this.database.exec('commit');
  }

  settle(): number {
    return 0;
  }

  foreignCpuUs(): number {
    return 0;
  }

  async measure(data: StoreData): Promise<Measured> {
    const bytes = readdirSync(this.folder).reduce((sum, name) => sum + statSync(join(this.folder, name)).size, 0);
    const byId = this.database.prepare('select raw from ids join events using (id) where value = ? order by timeNs');
    const search = this.database.prepare('select raw from words join events on events.id = words.rowid where words match ? order by words.rowid desc limit 100');
    const count = this.database.prepare('select count(*) as n from words where words match ?');
    const took: number[] = [];
    for (const { traceId, lines } of spreadOver(data.sampled, 1000)) took.push(await tookMs(() => mustBe(byId.all(traceId).length, lines, `lines of ${traceId}`)));
    return {
      'B an event on disk': (bytes / data.count).toFixed(1),
      'peak memory, MB': memoryMbOf(process.pid, 'VmHWM')!.toFixed(0),
      'trace id -> timeline, ms': spread(took),
      'rare word, all counted, ms': await medianMs(5, () => count.get(`"${rareWords}"`)),
      'rare word, newest 100, ms': await medianMs(5, () => search.all(`"${rareWords}"`)),
      'common word, newest 100, ms': await medianMs(5, () => search.all(commonWord)),
      'histogram by level, ms': await medianMs(1, () => this.database.prepare('select timeNs / 3600000000000 as hour, level, count(*) from events group by 1, 2').all()),
    };
  }

  close(): void {
    this.database.close();
  }
}
