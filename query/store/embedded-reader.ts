/**
 * Reads the embedded store beside its writer: every call opens what is new, sees each file's last commit, and works newest block first.
 * Runs in a reader thread (`reader-worker.ts`) or, for the command line on a store without a server, in the main one.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Signal } from '#schemas/alert.ts';
import { canonicalId, idHash } from '#schemas/canonical-id.ts';
import { numbersIn } from '#schemas/embedded/id-list.ts';
import { fromJsonWithBigints } from '#schemas/embedded/layout.ts';
import { readStream, type StreamRow } from '#schemas/embedded/stream-row.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { compareEvents, type LogEvent } from '#schemas/event.ts';
import type { Query } from '#schemas/query/ast.ts';
import type { CountAnswer, CountRequest, EventsPage, EventsRequest, FacetsAnswer, FacetsRequest, HistogramAnswer, HistogramRequest, ReadContext, SignalsPage, StoredStream, StoreReader, StoreStats, TailPage, TimeRange, WindowAnswer } from '#schemas/store.ts';
import { newestFirst, readCursor, writeCursor } from './cursor.ts';
import { ColumnsCache } from './columns-cache.ts';
import { EmbeddedCounts } from './embedded-counts.ts';
import { floorMs, type EventsFile } from './events-file.ts';
import { linesAround } from './lines-around.ts';
import { ReadWork } from './read-work.ts';
import { windowOf } from './window.ts';
import { earliest, latest, Sought, StoreFiles } from './store-files.ts';

/** Some 20 MB: what is around two requests of a system that writes 1,000 lines a second. */
const columnsLinesMax = 50_000;

export class EmbeddedReader implements StoreReader {
  readonly limitations = ['a search for digits, for a regular expression or for words of fewer than three letters looks at every block in its time range'];
  private readonly files: StoreFiles;
  private readonly counts: EmbeddedCounts;
  private readonly columns = new ColumnsCache(columnsLinesMax);

  /** @throws LeadlineError NO_STORE, STORE_VERSION. */
  constructor(dataDir: string) {
    this.files = new StoreFiles(dataDir);
    this.files.open();
    this.counts = new EmbeddedCounts(this.files);
  }

  count(request: CountRequest, context: ReadContext): Promise<CountAnswer> {
    return this.counts.count(request, context);
  }

  histogram(request: HistogramRequest, context: ReadContext): Promise<HistogramAnswer> {
    return this.counts.histogram(request, context);
  }

  facets(request: FacetsRequest, context: ReadContext): Promise<FacetsAnswer> {
    return this.counts.facets(request, context);
  }

  around(eventId: string, before: number, after: number, context: ReadContext): Promise<{ events: LogEvent[]; truncated: boolean } | null> {
    return linesAround(this.files.open(), eventId, before, after, context);
  }

  window(ranges: readonly TimeRange[], unlessAllHaveIds: boolean, context: ReadContext): Promise<WindowAnswer> {
    return windowOf(this.files.open(), ranges, unlessAllHaveIds, context, this.columns);
  }

  async events(request: EventsRequest, context: ReadContext): Promise<EventsPage> {
    const work = new ReadWork(context);
    const sought = new Sought(request.query, request.fromNs, request.toNs);
    const before = request.cursor === null ? null : readCursor(request.cursor);
    const beforeMs = before === null ? Infinity : floorMs(before.timeNs);
    const kept: LogEvent[] = [];
    const enough = request.limit + 1;
    let truncated = false;
    /** Once enough are kept: nothing older than this can come among them. */
    let oldestKept: bigint | null = null;
    for (const { head, mayHold } of this.files.heads(sought)) {
      if (oldestKept !== null && head.tMaxMs < floorMs(oldestKept)) break;
      if (head.tMinMs > beforeMs) continue;
      if (!(await work.goesOn())) {
        truncated = true;
        break;
      }
      const looked = this.files.look(head, mayHold, sought.search, work);
      if (looked === null) continue;
      const { rows, block } = looked;
      for (let index = rows.length - 1; index >= 0; index--) {
        const row = rows[index]!;
        if (!sought.mayMatch(block, row)) continue;
        const timeNs = block.timeNs(row);
        if ((before !== null && timeNs > before.timeNs) || (oldestKept !== null && timeNs < oldestKept)) continue;
        if (!sought.matches(block.view(row))) continue;
        const event = block.event(row);
        if (before === null || newestFirst(event, before) > 0) kept.push(event);
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
    const work = new ReadWork(context);
    const wanted = new Set(canonicalIds);
    const events: LogEvent[] = [];
    const isWanted = (value: string): boolean => wanted.has(canonicalId(value) ?? '');
    for (const file of this.files.open().reverse()) {
      const { sealed, small } = file.idPlaces(wanted);
      const hashes = [...wanted].map(idHash);
      const places = [...small.reverse().map(head => ({ id: head.id, numbers: null, n: head.n })), ...sealed.map(({ id, numbers }) => ({ id, numbers, n: 0 }))];
      for (const { id, numbers, n } of places) {
        if (events.length >= context.budget.eventsMax || !(await work.goesOn())) return { events, truncated: true };
        const found = file.blockAt(id);
        if (found === null) continue;
        const { block, row: first } = found;
        // A small block does not know its ids, and may have been joined with others meanwhile.
        const candidates = numbers ?? hashes.flatMap(hash => numbersIn(block.idList(), hash));
        for (const row of block.rowsWithIds(block.idsLike(candidates, isWanted)).reverse()) {
          if (numbers === null && (row < first || row >= first + n)) continue;
          if (events.length >= context.budget.eventsMax) return { events, truncated: true };
          const event = block.event(row);
          // The id may be its request id only.
          if (event.ids.some(({ value }) => isWanted(value))) events.push(event);
          work.events += 1;
        }
      }
    }
    return { events, truncated: false };
  }

  async after(cursor: string | null, query: Query, limit: number, context: ReadContext): Promise<TailPage> {
    const work = new ReadWork(context);
    const files = this.files.open();
    if (cursor === null) return { events: [], cursors: [], cursor: String(this.endSequence(files)), atEnd: true };
    let sequence = readSequence(cursor);
    const sought = new Sought(query, null, null);
    const events: LogEvent[] = [];
    const cursors: string[] = [];
    for (const [index, file] of files.entries()) {
      const next = files[index + 1]?.name.firstSequence ?? Number.MAX_SAFE_INTEGER;
      while (sequence < next) {
        sequence = Math.max(sequence, file.name.firstSequence);
        const head = file.headAt(sequence);
        if (head === null) break;
        if (!sought.mayBeIn(head)) {
          sequence = head.id + head.n;
          continue;
        }
        const found = file.blockAt(sequence);
        if (found === null) break;
        const { block } = found;
        for (let { row } = found; row < block.length; row++) {
          sequence += 1;
          if (!sought.mayMatch(block, row) || !sought.matches(block.view(row))) continue;
          events.push(block.event(row));
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
    for (const file of this.files.open()) {
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
    const newest = this.files.open().at(-1);
    if (newest === undefined) return Promise.resolve([]);
    const statement = newest.database.prepare('select * from streams order by chainPosition');
    statement.setReadBigInts(true);
    return Promise.resolve((statement.all() as unknown as StreamRow[]).map(readStream));
  }

  stats(context: ReadContext): Promise<StoreStats> {
    context.signal.throwIfAborted();
    const stats: StoreStats = { files: 0, bytes: 0, events: 0, oldestNs: null, newestNs: null, unfilteredBlocks: 0 };
    for (const file of this.files.open()) {
      stats.files += 1;
      for (const suffix of ['', '-wal']) stats.bytes += statSync(join(this.files.folder, file.name.name + suffix), { throwIfNoEntry: false })?.size ?? 0;
      const { events, oldestNs, newestNs, withoutWords } = file.totals();
      stats.events += events;
      stats.oldestNs = earliest(stats.oldestNs, oldestNs);
      stats.newestNs = latest(stats.newestNs, newestNs);
      stats.unfilteredBlocks += withoutWords;
    }
    return Promise.resolve(stats);
  }

  close(): Promise<void> {
    this.files.close();
    return Promise.resolve();
  }

  private endSequence(files: readonly EventsFile[]): number {
    const newest = files.at(-1);
    if (newest === undefined) return 1;
    const last = newest.heads.at(-1);
    return last === undefined ? newest.name.firstSequence : last.id + last.n;
  }
}

/** Sorts newest first and cuts. Returns the time of the last one kept where there are enough, else null. */
function keepNewest(events: LogEvent[], enough: number): bigint | null {
  events.sort((a, b) => compareEvents(b, a));
  if (events.length > enough) events.length = enough;
  return events[enough - 1]?.timeNs ?? null;
}

function readSequence(cursor: string): number {
  const sequence = Number(cursor);
  if (!Number.isSafeInteger(sequence) || sequence < 0) throw new LeadlineError('BAD_CURSOR', { value: cursor });
  return sequence;
}
