/**
 * The embedded store's one writer: SQLite files in WAL mode with `synchronous=FULL`, one transaction per commit.
 *
 * Events go to the newest file's `BlockWriter`, in the same transaction as everything else that a commit says.
 */
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { invariant } from '#lib/assert.ts';
import { addRanges, coverage, type ByteRange } from '#lib/byte-ranges.ts';
import type { Signal } from '#schemas/alert.ts';
import { namingDamage } from '#schemas/embedded/damage.ts';
import { createTables, eventsFileName, eventsFilesIn, eventsFolder, layoutVersion, toJsonWithBigints, writerPragmas, type EventsFileName } from '#schemas/embedded/layout.ts';
import { readStream, type StreamRow } from '#schemas/embedded/stream-row.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { ConsumedPosition, StoreBatch, StoredStream, StoreWriter, UnfinishedLine } from '#schemas/store.ts';
import { BlockWriter, type BlockSize } from './block-writer.ts';
import { bigStatement, prepare, putStream, putUnfinished, unfinishedIn, type Statements, type StreamEntry } from './embedded-statements.ts';
import { storeError } from './store-error.ts';

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

/** Streams that a batch changes, copied before they are, so that a failed commit leaves the known ones as they were. */
type ChangedStreams = Map<string, StreamEntry>;

/** Unfinished lines that a batch adds (or, null, tells), by eventId. */
type ChangedUnfinished = Map<string, UnfinishedLine | null>;

/** With a last range of its own, which may be made longer. */
function copied(ranges: readonly ByteRange[]): ByteRange[] {
  const copy = [...ranges];
  const last = copy.at(-1);
  if (last !== undefined) copy[copy.length - 1] = { ...last };
  return copy;
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

export class EmbeddedWriter implements StoreWriter {
  private readonly options: Required<EmbeddedWriterOptions>;
  private readonly folder: string;
  private file!: { database: DatabaseSync; name: EventsFileName; statements: Statements; blocks: BlockWriter };
  private streamsById = new Map<string, StreamEntry>();
  private positionsByKey = new Map<string, ConsumedPosition>();
  private unfinishedById = new Map<string, UnfinishedLine>();
  private nextSequence = 1;
  private nextChainPosition = 1;
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
      const changed: ChangedStreams = new Map();
      const unfinished: ChangedUnfinished = new Map();
      for (const line of batch.unfinished ?? []) if (this.takesBytes(line.event, this.changedStream(changed, line.event.streamId, line.event.source), unfinished)) unfinished.set(line.event.eventId, line);
      const events = this.newEvents(batch.events, changed, unfinished);
      for (const state of batch.states) this.changedStream(changed, state.streamId, state.source).state = state;
      if (changed.size === 0 && positions.length === 0 && signals.length === 0) return;

      const { statements, blocks } = this.file;
      statements.begin.run();
      try {
        blocks.add(this.nextSequence, events);
        for (const stream of changed.values()) putStream(statements, stream);
        for (const [eventId, line] of unfinished) {
          if (line === null) statements.deleteUnfinished.run(eventId);
          else putUnfinished(statements, line);
        }
        for (const { topicId, partition, recordOffset } of positions) statements.putPosition.run(topicId, partition, recordOffset);
        signals.forEach((signal, index) => statements.insertSignal.run(this.nextSignal + index, toJsonWithBigints(signal)));
        statements.commit.run();
      } catch (error) {
        this.rollback();
        throw error;
      }
      blocks.committed();
      this.nextSequence += events.length;
      this.nextSignal += signals.length;
      for (const stream of changed.values()) this.streamsById.set(stream.streamId, stream);
      for (const [eventId, line] of unfinished) {
        if (line === null) this.unfinishedById.delete(eventId);
        else this.unfinishedById.set(eventId, line);
      }
      for (const position of positions) this.positionsByKey.set(`${position.topicId}:${position.partition}`, position);
      this.nextChainPosition = Math.max(this.nextChainPosition, ...[...changed.values()].map(stream => stream.chainPosition + 1));
    });
  }

  streams(): StoredStream[] {
    return [...this.streamsById.values()];
  }

  lastKnown(streamId: string): StoredStream | null {
    return this.streamsById.get(streamId) ?? null;
  }

  positions(): ConsumedPosition[] {
    return [...this.positionsByKey.values()];
  }

  unfinished(): UnfinishedLine[] {
    return [...this.unfinishedById.values()];
  }

  retain(nowMs: number): { files: number; bytes: number } {
    const files = this.fileNames().map(file => ({ ...file, bytes: this.fileBytes(file.name) }));
    let total = files.reduce((sum, file) => sum + file.bytes, 0);
    const oldestDay = dayOf(nowMs - this.options.retentionMs);
    const gone = { files: 0, bytes: 0 };
    for (const file of files.slice(0, -1)) {
      if (file.day >= oldestDay && total <= this.options.retentionBytesMax) break;
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(this.folder, file.name + suffix), { force: true });
      total -= file.bytes;
      gone.files += 1;
      gone.bytes += file.bytes;
    }
    if (gone.files > 0) this.forgetStreams();
    return gone;
  }

  close(): void {
    this.file.database.close();
  }

  /** Rows of closed streams, none of whose events are kept, are forgotten; the row is what recognises a stream that is read again. */
  private forgetStreams(): void {
    const oldest = this.fileNames()[0];
    if (oldest === undefined) return;
    const keptSinceMs = Date.parse(`${oldest.day}T00:00:00Z`);
    for (const stream of this.streamsById.values()) {
      const seenMs = stream.state?.readToEndMs ?? null;
      if (stream.state?.closed !== true || seenMs === null || seenMs >= keptSinceMs) continue;
      this.file.database.prepare('delete from streams where streamId = ?').run(stream.streamId);
      this.streamsById.delete(stream.streamId);
    }
  }

  /** Leaves out what is stored; gives the rest its place in the chain. */
  private newEvents(events: readonly LogEvent[], changed: ChangedStreams, unfinished: ChangedUnfinished): LogEvent[] {
    return events.filter(event => {
      const stream = this.changedStream(changed, event.streamId, event.source);
      if (event.begunAs === event.eventId) {
        if (!this.isUnfinished(event.eventId, unfinished)) return false;
        unfinished.set(event.eventId, null);
      } else if (event.gap !== null) {
        const gapRange = { from: event.streamOffset, to: event.streamOffsetEnd };
        if (stream.gaps.some(gap => gap.from === gapRange.from)) return false;
        stream.gaps = [...stream.gaps, gapRange];
        stream.gapBytes += event.gap.bytes;
      } else if (!this.takesBytes(event, stream, unfinished)) return false;
      stream.events += 1;
      stream.lastTimeNs = event.timeNs;
      if (stream.watermarkNs === null || event.timeNs > stream.watermarkNs) stream.watermarkNs = event.timeNs;
      event.chainPosition = stream.chainPosition;
      return true;
    });
  }

  /** Makes an event's bytes stored, and what it goes on with told. False where they were stored before. @throws LeadlineError EVENT_OVERLAPS_STORED */
  private takesBytes(event: LogEvent, stream: StreamEntry, unfinished: ChangedUnfinished): boolean {
    const { pieces } = event;
    const last = stream.storedRanges.at(-1);
    // The usual case: right behind what is stored. The last range is this commit's own.
    if (pieces.length === 1 && last?.to === pieces[0]!.from && event.streamOffsetEnd > event.streamOffset) last.to = pieces[0]!.to;
    else {
      if (event.streamOffsetEnd > event.streamOffset) {
        const covered = pieces.map(piece => coverage(piece, stream.storedRanges));
        if (covered.every(state => state === 'all')) return false;
        if (covered.some(state => state !== 'none')) throw new LeadlineError('EVENT_OVERLAPS_STORED', { streamId: event.streamId, from: event.streamOffset, to: event.streamOffsetEnd });
      }
      stream.storedRanges = copied(addRanges(stream.storedRanges, pieces));
    }
    stream.lines += event.lineCount ?? 1;
    if (event.begunAs !== undefined) unfinished.set(event.begunAs, null);
    return true;
  }

  private isUnfinished(eventId: string, changed: ChangedUnfinished): boolean {
    const line = changed.get(eventId);
    return line === undefined ? this.unfinishedById.has(eventId) : line !== null;
  }

  private changedStream(changed: ChangedStreams, streamId: string, source: string): StreamEntry {
    let stream = changed.get(streamId);
    if (stream === undefined) {
      const known = this.streamsById.get(streamId);
      stream = known === undefined ? { streamId, source, storedRanges: [], gaps: [], lines: 0, events: 0, gapBytes: 0, watermarkNs: null, lastTimeNs: null, state: null, chainPosition: this.nextChainPosition + changed.size } : { ...known, storedRanges: copied(known.storedRanges) };
      changed.set(streamId, stream);
    }
    return stream;
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
      for (const stream of this.streamsById.values()) putStream(statements, stream);
      for (const line of this.unfinishedById.values()) putUnfinished(statements, line);
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
      const stream = { ...readStream(row), chainPosition: Number(row.chainPosition) };
      this.streamsById.set(stream.streamId, stream);
      this.nextChainPosition = Math.max(this.nextChainPosition, stream.chainPosition + 1);
    }
    for (const position of database.prepare('select topicId, partition, recordOffset from positions').all() as unknown as ConsumedPosition[]) this.positionsByKey.set(`${position.topicId}:${position.partition}`, position);
    for (const line of unfinishedIn(database)) this.unfinishedById.set(line.event.eventId, line);
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
