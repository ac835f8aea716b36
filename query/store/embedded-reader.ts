/**
 * Reads the embedded store beside its writer: every call opens what is new, sees each file's last commit, and works newest block first.
 * Runs in a reader thread (`reader-worker.ts`) or, for the command line on a store without a server, in the main one.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Signal } from '#schemas/alert.ts';
import { canonicalId, idHash } from '#schemas/canonical-id.ts';
import { Block } from '#schemas/embedded/block-codec.ts';
import { namingDamage } from '#schemas/embedded/damage.ts';
import { eventsFilesIn, eventsFolder, fromJsonWithBigints, levelBit, type EventsFileName } from '#schemas/embedded/layout.ts';
import { readStream, type StreamRow } from '#schemas/embedded/stream-row.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { compareEvents, levelRank, type LogEvent } from '#schemas/event.ts';
import type { Query } from '#schemas/query/ast.ts';
import { compilePredicate } from '#schemas/query/predicate.ts';
import { queryNeeds } from '#schemas/query/needs.ts';
import type { EventsPage, EventsRequest, ReadContext, Scanned, SignalsPage, StoredStream, StoreReader, StoreStats, TailPage } from '#schemas/store.ts';
import { newestFirst, readCursor, writeCursor } from './cursor.ts';
import { openEventsFile } from './open-events-file.ts';

/** A block's row without its data. Times are bigint because they pass 2^53. */
interface BlockHead {
  file: OpenFile;
  id: number;
  n: number;
  tMin: bigint;
  tMax: bigint;
  levels: number;
  services: string[];
}

interface OpenFile {
  name: EventsFileName;
  database: DatabaseSync;
  heads: StatementSync;
  headsAfter: StatementSync;
  blockOf: StatementSync;
  block: StatementSync;
  sequences: StatementSync;
}

const cacheBytesMax = 24 * 1024 * 1024;
/** How long one turn of the event loop may be held before a cancelled query is noticed. */
const turnMsMax = 10;

export class EmbeddedReader implements StoreReader {
  readonly limitations = ['no indexes for words yet: a search looks at every block in its time range'];
  private readonly folder: string;
  private readonly files = new Map<string, OpenFile>();
  private readonly cache = new Map<string, Block>();
  private cacheBytes = 0;

  /** @throws LeadlineError NO_STORE, STORE_VERSION. */
  constructor(dataDir: string) {
    this.folder = eventsFolder(dataDir);
    if (!existsSync(this.folder)) throw new LeadlineError('NO_STORE', { dir: dataDir });
    this.open();
  }

  async events(request: EventsRequest, context: ReadContext): Promise<EventsPage> {
    const work = new Work(context);
    const predicate = compilePredicate(request.query);
    const needs = queryNeeds(request.query);
    const before = request.cursor === null ? null : readCursor(request.cursor);
    const from = latest(request.fromNs, needs.timeFromNs);
    const to = earliest(request.toNs, needs.timeToNs);
    const levels = needs.levels === null ? ~0 : [...needs.levels].reduce((bits, level) => bits | levelBit(levelRank(level)), 0);
    const heads = this.open()
      .flatMap(file => this.heads(file, from, to))
      .filter(head => (head.levels & levels) !== 0 && (needs.services === null || head.services.some(service => needs.services!.has(service))))
      .filter(head => before === null || head.tMin <= before.timeNs)
      .sort((a, b) => (a.tMax > b.tMax ? -1 : a.tMax < b.tMax ? 1 : 0));

    const kept: LogEvent[] = [];
    const enough = request.limit + 1;
    let truncated = false;
    /** Once enough are kept: nothing older than this can come among them. */
    let oldestKept: bigint | null = null;
    for (const head of heads) {
      if (oldestKept !== null && head.tMax < oldestKept) break;
      if (!(await work.goesOn())) {
        truncated = true;
        break;
      }
      const found = this.blockAt(head.file, head.id);
      if (found === null) continue;
      const { block, firstRow } = found;
      work.scanned(block);
      for (let row = firstRow + head.n - 1; row >= firstRow; row--) {
        const timeNs = block.timeNs(row);
        if ((from !== null && timeNs < from) || (to !== null && timeNs >= to)) continue;
        if ((levelBit(block.levelRank(row)) & levels) === 0) continue;
        if (before !== null && timeNs > before.timeNs) continue;
        if (oldestKept !== null && timeNs < oldestKept) continue;
        const event = block.event(row);
        if (before !== null && newestFirst(event, before) <= 0) continue;
        if (predicate(event)) kept.push(event);
        if (kept.length >= 2 * enough) oldestKept = keepNewest(kept, enough);
      }
      oldestKept = keepNewest(kept, enough);
    }
    const events = kept.slice(0, request.limit);
    const more = kept.length > request.limit || truncated;
    const last = events.at(-1);
    return { events, cursor: more && last !== undefined ? writeCursor(last) : null, truncated, scanned: work.result() };
  }

  async ids(canonicalIds: readonly string[], context: ReadContext): Promise<{ events: LogEvent[]; truncated: boolean }> {
    const work = new Work(context);
    const wanted = new Set(canonicalIds);
    const events: LogEvent[] = [];
    for (const file of this.open().reverse()) {
      const sequences = new Set<number>();
      for (const canonical of wanted) {
        for (const row of file.sequences.all(idHash(canonical)) as unknown as { sequence: number }[]) sequences.add(row.sequence);
      }
      let found: { block: Block; firstRow: number; sequence: number } | null = null;
      for (const sequence of [...sequences].sort((a, b) => b - a)) {
        if (events.length >= context.budget.eventsMax || !(await work.goesOn())) return { events, truncated: true };
        let row: number = found === null ? -1 : found.firstRow + sequence - found.sequence;
        if (found === null || row < 0) {
          const at = this.blockAt(file, sequence);
          if (at === null) continue;
          found = { ...at, sequence };
          row = at.firstRow;
        }
        const event: LogEvent = found.block.event(row);
        // Hashes can collide: the id's text decides.
        if (event.ids.some(id => wanted.has(canonicalId(id.value) ?? ''))) events.push(event);
        work.events += 1;
      }
    }
    return { events, truncated: false };
  }

  async after(cursor: string | null, query: Query, limit: number, context: ReadContext): Promise<TailPage> {
    const work = new Work(context);
    const files = this.open();
    if (cursor === null) return { events: [], cursors: [], cursor: String(this.endSequence(files)), atEnd: true };
    let sequence = readSequence(cursor);
    const predicate = compilePredicate(query);
    const events: LogEvent[] = [];
    const cursors: string[] = [];
    for (const [index, file] of files.entries()) {
      const next = files[index + 1]?.name.firstSequence ?? Number.MAX_SAFE_INTEGER;
      if (next <= sequence) continue;
      for (const head of file.headsAfter.all(sequence) as unknown as { id: number; n: number }[]) {
        const found = this.blockAt(file, head.id);
        if (found === null) continue;
        const { block, firstRow } = found;
        for (let row = Math.max(0, sequence - head.id); row < head.n; row++) {
          const event = block.event(firstRow + row);
          sequence = head.id + row + 1;
          if (!predicate(event)) continue;
          events.push(event);
          cursors.push(String(sequence));
          if (events.length >= limit) return { events, cursors, cursor: String(sequence), atEnd: false };
        }
        work.scanned(block);
        if (!(await work.goesOn())) return { events, cursors, cursor: String(sequence), atEnd: false };
      }
    }
    return { events, cursors, cursor: String(sequence), atEnd: true };
  }

  signalsAfter(cursor: string | null, limit: number, context: ReadContext): Promise<SignalsPage> {
    context.signal.throwIfAborted();
    let last = cursor === null ? 0 : readSequence(cursor);
    const signals: Signal[] = [];
    for (const file of this.open()) {
      const rows = file.database.prepare('select id, data from signals where id > ? order by id limit ?').all(last, limit - signals.length) as unknown as { id: number; data: string }[];
      for (const row of rows) {
        signals.push(fromJsonWithBigints(row.data) as Signal);
        last = row.id;
      }
      if (signals.length >= limit) break;
    }
    return Promise.resolve({ signals, cursor: String(last) });
  }

  streams(context: ReadContext): Promise<StoredStream[]> {
    context.signal.throwIfAborted();
    const newest = this.open().at(-1);
    if (newest === undefined) return Promise.resolve([]);
    const statement = newest.database.prepare('select * from streams order by chainPosition');
    statement.setReadBigInts(true);
    return Promise.resolve((statement.all() as unknown as StreamRow[]).map(readStream));
  }

  stats(context: ReadContext): Promise<StoreStats> {
    context.signal.throwIfAborted();
    const stats: StoreStats = { files: 0, bytes: 0, events: 0, oldestNs: null, newestNs: null };
    for (const file of this.open()) {
      stats.files += 1;
      for (const suffix of ['', '-wal']) stats.bytes += statSync(join(this.folder, file.name.name + suffix), { throwIfNoEntry: false })?.size ?? 0;
      const statement = file.database.prepare('select sum(n) as events, min(tMin) as oldest, max(tMax) as newest from hot');
      statement.setReadBigInts(true);
      const row = statement.get() as unknown as { events: bigint | null; oldest: bigint | null; newest: bigint | null };
      stats.events += Number(row.events ?? 0n);
      stats.oldestNs = earliest(stats.oldestNs, row.oldest);
      stats.newestNs = latest(stats.newestNs, row.newest);
    }
    return Promise.resolve(stats);
  }

  close(): Promise<void> {
    for (const file of this.files.values()) file.database.close();
    this.files.clear();
    this.cache.clear();
    return Promise.resolve();
  }

  /** The files there are now, oldest first; those that retention took are let go. */
  private open(): OpenFile[] {
    const names = eventsFilesIn(this.folder);
    const present = new Set(names.map(({ name }) => name));
    for (const [name, file] of this.files) {
      if (present.has(name)) continue;
      file.database.close();
      this.files.delete(name);
    }
    for (const name of names) {
      if (this.files.has(name.name)) continue;
      try {
        this.openFile(name);
      } catch (error) {
        throw namingDamage(error, join(this.folder, name.name));
      }
    }
    return names.map(({ name }) => this.files.get(name)).filter(file => file !== undefined);
  }

  private openFile(name: EventsFileName): void {
    const path = join(this.folder, name.name);
    const database = openEventsFile(path);
    if (database === null) return;
    const heads = database.prepare('select id, n, tMin, tMax, levels, services from hot where tMax >= ? and tMin < ?');
    heads.setReadBigInts(true);
    this.files.set(name.name, {
      name,
      database,
      heads,
      headsAfter: database.prepare('select id, n from hot where id + n > ? order by id'),
      blockOf: database.prepare('select id, n from hot where id <= ? order by id desc limit 1'),
      block: database.prepare('select n, plainBytes, data from hot where id = ?'),
      sequences: database.prepare('select sequence from ids where hash = ?'),
    });
  }

  private heads(file: OpenFile, from: bigint | null, to: bigint | null): BlockHead[] {
    const rows = file.heads.all(from ?? -(2n ** 63n), to ?? 2n ** 63n - 1n) as unknown as { id: bigint; n: bigint; tMin: bigint; tMax: bigint; levels: bigint; services: string }[];
    return rows.map(row => ({ file, id: Number(row.id), n: Number(row.n), tMin: row.tMin, tMax: row.tMax, levels: Number(row.levels), services: JSON.parse(row.services) as string[] }));
  }

  /**
   * The block that holds a sequence, from a small cache, and the sequence's row in it. Asked for by sequence because small rows are joined into
   * one while queries run: what was a row of its own a moment ago may now be a part of another.
   */
  private blockAt(file: OpenFile, sequence: number): { block: Block; firstRow: number } | null {
    const head = file.blockOf.get(sequence) as { id: number; n: number } | undefined;
    if (head === undefined || sequence >= head.id + head.n) return null;
    const key = `${file.name.name}:${head.id}:${head.n}`;
    let block = this.cache.get(key);
    if (block === undefined) {
      const row = file.block.get(head.id) as { n: number; plainBytes: number; data: Uint8Array };
      block = new Block(row.data, row.plainBytes);
      this.cacheBytes += block.byteLength;
    }
    this.cache.delete(key);
    this.cache.set(key, block);
    for (const [oldKey, old] of this.cache) {
      if (this.cacheBytes <= cacheBytesMax || oldKey === key) break;
      this.cache.delete(oldKey);
      this.cacheBytes -= old.byteLength;
    }
    return { block, firstRow: sequence - head.id };
  }

  private endSequence(files: readonly OpenFile[]): number {
    const newest = files.at(-1);
    if (newest === undefined) return 1;
    const last = newest.blockOf.get(Number.MAX_SAFE_INTEGER) as { id: number; n: number } | undefined;
    return last === undefined ? newest.name.firstSequence : last.id + last.n;
  }
}

/** Counts what one query does and stops it when it is cancelled or has done enough. */
class Work {
  events = 0;
  private bytes = 0;
  private readonly startedMs = performance.now();
  private turnMs = performance.now();
  private readonly context: ReadContext;

  constructor(context: ReadContext) {
    this.context = context;
    context.signal.throwIfAborted();
  }

  scanned(block: Block): void {
    this.events += block.length;
    this.bytes += block.rawBytes;
  }

  /** False when the budget is used up. @throws the signal's reason when the query was cancelled. */
  async goesOn(): Promise<boolean> {
    const now = performance.now();
    if (now - this.turnMs > turnMsMax) {
      await nextTurn();
      this.turnMs = performance.now();
    }
    this.context.signal.throwIfAborted();
    return this.events < this.context.budget.eventsMax && now - this.startedMs < this.context.budget.msMax;
  }

  result(): Scanned {
    return { events: this.events, bytes: this.bytes, ms: Math.round((performance.now() - this.startedMs) * 10) / 10 };
  }
}

/** Sorts newest first and cuts. Returns the time of the last one kept where there are enough, else null. */
function keepNewest(events: LogEvent[], enough: number): bigint | null {
  events.sort((a, b) => compareEvents(b, a));
  if (events.length > enough) events.length = enough;
  return events[enough - 1]?.timeNs ?? null;
}

function latest(a: bigint | null, b: bigint | null): bigint | null {
  return a === null ? b : b === null ? a : a > b ? a : b;
}

function earliest(a: bigint | null, b: bigint | null): bigint | null {
  return a === null ? b : b === null ? a : a < b ? a : b;
}

function readSequence(cursor: string): number {
  const sequence = Number(cursor);
  if (!Number.isSafeInteger(sequence) || sequence < 0) throw new LeadlineError('BAD_CURSOR', { value: cursor });
  return sequence;
}
