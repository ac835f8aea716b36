/**
 * The embedded store's one writer: SQLite files in WAL mode with `synchronous=FULL`, one transaction per commit.
 *
 * Events go to the newest file's `BlockWriter`, in the same transaction as everything else that a commit says.
 */
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { invariant } from '#lib/assert.ts';
import type { Signal } from '#schemas/alert.ts';
import { namingDamage } from '#schemas/embedded/damage.ts';
import { createTables, eventsFileName, eventsFilesIn, eventsFolder, layoutVersion, writerPragmas, type EventsFileName } from '#schemas/embedded/layout.ts';
import { readStream, type StreamRow } from '#schemas/embedded/stream-row.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import type { ConsumedPosition, StoreBatch, StoredStream, StoreWriter, UnfinishedLine } from '#schemas/store.ts';
import { BlockWriter } from './block-writer.ts';
import { bigStatement, prepare, putStream, putUnfinished, unfinishedIn, type Statements } from './embedded-statements.ts';
import { prepareBatch, unfinishedRow, type BlockSize, type PreparedBatch } from './prepared-batch.ts';
import { storeError } from './store-error.ts';
import { StreamLedger, type StreamEntry } from './stream-ledger.ts';

export interface EmbeddedWriterOptions {
  dataDir: string;
  commitEventsMax: number;
  commitBytesMax: number;
  fileBytesMax: number;
  retentionMs: number;
  retentionBytesMax: number;
  /** False for a store that is thrown away afterwards: no fsync. */
  durable?: boolean;
  nowMs?: () => number;
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

export class EmbeddedWriter implements StoreWriter {
  private readonly options: Required<EmbeddedWriterOptions>;
  private readonly folder: string;
  private file!: { database: DatabaseSync; name: EventsFileName; statements: Statements; blocks: BlockWriter };
  private readonly ledger = new StreamLedger();
  private positionsByKey = new Map<string, ConsumedPosition>();
  private nextSequence = 1;
  private nextSignal = 1;

  /**
   * Opens or creates the store. The caller owns the directory (`StoreOwner`).
   * @throws LeadlineError STORE_VERSION, STORE_DAMAGED, STORE_FULL, DATA_DIR_NOT_WRITABLE.
   */
  constructor(options: EmbeddedWriterOptions) {
    this.options = { durable: true, nowMs: Date.now, ...options };
    this.folder = eventsFolder(options.dataDir);
    try {
      mkdirSync(this.folder, { recursive: true });
    } catch (error) {
      throw new LeadlineError('DATA_DIR_NOT_WRITABLE', { dir: options.dataDir, systemCode: systemCodeOf(error) ?? 'unknown' }, { cause: error });
    }
    this.withStoreErrors(() => {
      const newest = this.fileNames().at(-1);
      if (newest === undefined) this.openFile({ name: eventsFileName(dayOf(this.options.nowMs()), 1), day: dayOf(this.options.nowMs()), firstSequence: 1 });
      else {
        try {
          this.resume(newest);
        } catch (error) {
          throw namingDamage(error, join(this.folder, newest.name));
        }
      }
    });
  }

  append(batch: StoreBatch, positions: readonly ConsumedPosition[], signals: readonly Signal[]): void {
    this.withStoreErrors(() => {
      this.rollWhenDue();
      const change = this.ledger.plan(batch);
      this.write([prepareBatch(change, positions, signals, this.blockSize)]);
    });
  }

  /** Stores batches that were planned and prepared elsewhere, in one transaction. Their streams are nobody else's. @throws LeadlineError as `append` */
  appendPrepared(batches: readonly PreparedBatch[]): void {
    this.withStoreErrors(() => {
      this.rollWhenDue();
      this.write(batches);
    });
  }

  private write(batches: readonly PreparedBatch[]): void {
    if (batches.every(({ streams, positions, signals }) => streams.length === 0 && positions.length === 0 && signals.length === 0)) return;
    const { statements, blocks } = this.file;
    let { nextSequence, nextSignal } = this;
    statements.begin.run();
    try {
      for (const batch of batches) {
        blocks.add(nextSequence, batch);
        for (const block of batch.blocks) nextSequence += block.n;
        for (const stream of batch.streams) putStream(statements, stream);
        for (const { row } of batch.unfinished) putUnfinished(statements, row);
        for (const eventId of batch.told) statements.deleteUnfinished.run(eventId);
        for (const { topicId, partition, recordOffset } of batch.positions) statements.putPosition.run(topicId, partition, recordOffset);
        for (const signal of batch.signals) statements.insertSignal.run(nextSignal++, signal);
      }
      statements.commit.run();
    } catch (error) {
      this.rollback();
      throw error;
    }
    blocks.committed();
    this.nextSequence = nextSequence;
    this.nextSignal = nextSignal;
    for (const { streams, unfinished, told, positions } of batches) {
      for (const stream of streams) this.ledger.put(stream);
      for (const { line } of unfinished) this.ledger.putUnfinished(line.event.eventId, line);
      for (const eventId of told) this.ledger.putUnfinished(eventId, null);
      for (const position of positions) this.positionsByKey.set(`${position.topicId}:${position.partition}`, position);
    }
  }

  /** That a stream was given in this store. */
  get lastChainPosition(): number {
    return this.ledger.lastChainPosition;
  }

  streams(): StreamEntry[] {
    return this.ledger.streams();
  }

  streamsOf(source: string): StreamEntry[] {
    return this.ledger.streamsOf(source);
  }

  lastKnown(streamId: string): StoredStream | null {
    return this.ledger.get(streamId);
  }

  positions(): ConsumedPosition[] {
    return [...this.positionsByKey.values()];
  }

  unfinished(): UnfinishedLine[] {
    return this.ledger.unfinished();
  }

  /** @returns `forgotten`: the streams of which no row is kept any more */
  retain(nowMs: number): { files: number; bytes: number; forgotten: string[] } {
    const files = this.fileNames().map(file => ({ ...file, bytes: this.fileBytes(file.name) }));
    let total = files.reduce((sum, file) => sum + file.bytes, 0);
    const oldestDay = dayOf(nowMs - this.options.retentionMs);
    const gone = { files: 0, bytes: 0, forgotten: [] as string[] };
    for (const file of files.slice(0, -1)) {
      if (file.day >= oldestDay && total <= this.options.retentionBytesMax) break;
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(this.folder, file.name + suffix), { force: true });
      total -= file.bytes;
      gone.files += 1;
      gone.bytes += file.bytes;
    }
    if (gone.files > 0) gone.forgotten = this.forgetStreams();
    return gone;
  }

  close(): void {
    this.file.database.close();
  }

  /** Rows of closed streams, none of whose events are kept, are forgotten; the row is what recognises a stream that is read again. */
  private forgetStreams(): string[] {
    const oldest = this.fileNames()[0];
    const forgotten: string[] = [];
    if (oldest === undefined) return forgotten;
    const keptSinceMs = Date.parse(`${oldest.day}T00:00:00Z`);
    for (const stream of this.ledger.streams()) {
      const seenMs = stream.state?.readToEndMs ?? null;
      if (stream.state?.closed !== true || seenMs === null || seenMs >= keptSinceMs) continue;
      this.file.database.prepare('delete from streams where streamId = ?').run(stream.streamId);
      this.ledger.forget(stream.streamId);
      forgotten.push(stream.streamId);
    }
    return forgotten;
  }

  /** A new file at midnight UTC and at `fileBytesMax`. Its first transaction takes the stream table over, because no commit spans two files. */
  private rollWhenDue(): void {
    const today = dayOf(this.options.nowMs());
    const full = this.nextSequence > this.file.name.firstSequence && this.pagesBytes() >= this.options.fileBytesMax;
    // A clock that went back must not open an older day: files sort by name in the order of storing.
    if (today <= this.file.name.day && !full) return;
    if (this.nextSequence === this.file.name.firstSequence) return;
    const before = this.file.database;
    const day = today > this.file.name.day ? today : this.file.name.day;
    this.finishFile();
    this.openFile({ name: eventsFileName(day, this.nextSequence), day, firstSequence: this.nextSequence });
    try {
      before.exec('pragma wal_checkpoint(truncate)');
    } catch {
      // What found no room in the file stays in its log, where readers find it.
    }
    before.close();
  }

  /** Nothing is added to the file any more: what is small is joined, so that a look-up finds little to look through. */
  private finishFile(): void {
    const { statements, blocks } = this.file;
    statements.begin.run();
    try {
      blocks.finish();
      statements.commit.run();
    } catch (error) {
      this.rollback();
      throw error;
    }
    blocks.committed();
  }

  private openFile(name: EventsFileName): void {
    const database = this.openDatabase(name.name);
    try {
      database.exec('begin immediate');
      database.exec(createTables);
      database.prepare("insert or replace into meta values ('layoutVersion', ?), ('nextSignal', ?)").run(String(layoutVersion), String(this.nextSignal));
      const statements = prepare(database);
      for (const stream of this.ledger.streams()) putStream(statements, stream);
      for (const line of this.ledger.unfinished()) putUnfinished(statements, unfinishedRow(line));
      for (const { topicId, partition, recordOffset } of this.positionsByKey.values()) statements.putPosition.run(topicId, partition, recordOffset);
      database.exec('commit');
      this.file = { database, name, statements, blocks: new BlockWriter(database, this.blockSize) };
    } catch (error) {
      // The file before it stays the one that is written to; the next attempt begins this one anew.
      database.close();
      throw error;
    }
  }

  /** Goes on with the newest file after a start. */
  private resume(name: EventsFileName): void {
    const database = this.openDatabase(name.name);
    const hasMeta = database.prepare("select 1 from sqlite_master where name = 'meta'").get() !== undefined;
    if (!hasMeta) {
      // A crash between creating the file and its first transaction: the file before it is the newest.
      database.close();
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(this.folder, name.name + suffix), { force: true });
      const newest = this.fileNames().at(-1);
      if (newest !== undefined) this.resume(newest);
      else this.openFile({ name: eventsFileName(dayOf(this.options.nowMs()), 1), day: dayOf(this.options.nowMs()), firstSequence: 1 });
      return;
    }
    const version = (database.prepare("select value from meta where key = 'layoutVersion'").get() as { value: string }).value;
    if (version !== String(layoutVersion)) {
      database.close();
      throw new LeadlineError('STORE_VERSION', { path: join(this.folder, name.name), found: version, expected: String(layoutVersion) });
    }
    this.file = { database, name, statements: prepare(database), blocks: new BlockWriter(database, this.blockSize) };
    for (const row of bigStatement(database, 'select * from streams').all() as unknown as StreamRow[]) {
      this.ledger.put({ ...readStream(row), chainPosition: Number(row.chainPosition) });
    }
    for (const position of database.prepare('select topicId, partition, recordOffset from positions').all() as unknown as ConsumedPosition[]) this.positionsByKey.set(`${position.topicId}:${position.partition}`, position);
    for (const line of unfinishedIn(database)) this.ledger.putUnfinished(line.event.eventId, line);
    const last = database.prepare('select id, n from blocks order by id desc limit 1').get() as { id: number; n: number } | undefined;
    this.nextSequence = last === undefined ? name.firstSequence : last.id + last.n;
    const lastSignal = database.prepare('select max(id) as id from signals').get() as { id: number | null };
    const kept = database.prepare("select value from meta where key = 'nextSignal'").get() as { value: string };
    this.nextSignal = Math.max((lastSignal.id ?? 0) + 1, Number(kept.value));
  }

  private openDatabase(name: string): DatabaseSync {
    const database = new DatabaseSync(join(this.folder, name));
    try {
      database.exec(writerPragmas);
      if (!this.options.durable) database.exec('pragma synchronous = off');
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  }

  private get blockSize(): BlockSize {
    return { eventsMax: this.options.commitEventsMax, rawBytes: this.options.commitBytesMax };
  }

  private fileNames(): EventsFileName[] {
    return eventsFilesIn(this.folder);
  }

  /** Size of the newest file's data. The write-ahead log beside it is left out: at a low rate it grows by pages that are written again and again. */
  private pagesBytes(): number {
    const { statements } = this.file;
    return (statements.pageCount.get() as { page_count: number }).page_count * (statements.pageSize.get() as { page_size: number }).page_size;
  }

  private fileBytes(name: string): number {
    return ['', '-wal'].reduce((sum, suffix) => sum + (statSync(join(this.folder, name + suffix), { throwIfNoEntry: false })?.size ?? 0), 0);
  }

  private rollback(): void {
    try {
      this.file.statements.rollback.run();
    } catch {
      // SQLite rolled back by itself, as it does on a full disk.
    }
    this.file.blocks.rolledBack();
    invariant(!this.file.database.isTransaction, 'a failed commit left a transaction open');
  }

  private withStoreErrors<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeError(error, this.options.dataDir);
    }
  }
}
