/**
 * The store contract. One suite (`test/contract/store.ts`) runs against every implementation, with a naive in-memory model as the oracle.
 *
 * Writing: one owner, one transaction per `append`. Reading: any number of readers, each call asynchronous, cancellable and within a budget.
 */
import type { Signal } from './alert.ts';
import type { LeadlineError } from './errors.ts';
import type { IdKind, LogEvent, Piece } from './event.ts';
import type { Query } from './query/ast.ts';
import type { StreamState } from './transport.ts';

export interface StoreBatch {
  /** Closed events, in the order they shall be tailed. Their pieces are what becomes stored; a gap's bytes never count as stored. */
  events: LogEvent[];
  states: StreamState[];
  /** Lines that streams ended in the middle of. Their pieces become stored with the batch, and no reader sees them yet. */
  unfinished?: UnfinishedLine[];
  /**
   * False where no collector before this one can have sent any of it to the store: every record it came in lies at or above the end that the topic had
   * when this collector took its partition over, and none is a dead letter's. Read by an `AsyncStoreWriter`, which looks before it writes unless told so.
   */
  mayBeStored?: boolean;
}

/**
 * A docker or CRI line in the middle of which its stream ended, as when the runtime rotated between two pieces. The stream that names this one as its
 * previous goes on with it. Kept until an event whose `begunAs` names it is stored: the whole line, or, where nobody went on, what there is of it.
 */
export interface UnfinishedLine {
  /** What it is where nobody goes on with it. */
  event: LogEvent;
  /** When its stream ended, milliseconds by the clock of `lane`. */
  endedMs: number;
  /** Whose later records tell that nobody will go on with it: `topicId:partition` with Kafka's time, or a boot id, or `*` for any, with the time of reading. */
  lane: string;
}

/** What was consumed when the batch was made: Kafka's topic id, partition and recordOffset. Empty in process. */
export interface ConsumedPosition {
  topicId: string;
  partition: number;
  recordOffset: string;
}

export interface StoredStream {
  streamId: string;
  source: string;
  /** Union of the physical lines stored: disjoint, ascending. */
  storedRanges: Piece[];
  lines: number;
  events: number;
  gapBytes: number;
  /** Byte ranges known to be lost: they hold no low-water mark back, and never count as stored. */
  gaps: Piece[];
  /** Highest event time stored of it, or null. */
  watermarkNs: bigint | null;
  /** Time of its last stored event, for lines that bring none. */
  lastTimeNs: bigint | null;
  state: StreamState | null;
}

export interface StoreWriter {
  /**
   * Stores a batch in one transaction; returns when it is durable. Idempotent by byte ranges: events whose bytes are stored already are left out.
   * An event that tells an unfinished line (`begunAs` is its own eventId) is stored where that is still kept, and left out where not.
   * @throws LeadlineError STORE_FULL (nothing changed, try again later), EVENT_OVERLAPS_STORED for an event stored in part only.
   */
  append(batch: StoreBatch, positions: readonly ConsumedPosition[], signals: readonly Signal[]): void;
  /** All streams, to go on from after a start. */
  streams(): StoredStream[];
  lastKnown(streamId: string): StoredStream | null;
  positions(): ConsumedPosition[];
  /** All lines that streams ended in the middle of and that nobody has gone on with. */
  unfinished(): UnfinishedLine[];
  /** Lets files go that are older than the retention or over its size. Returns what was let go. */
  retain(nowMs: number): { files: number; bytes: number };
  close(): void;
}

/**
 * A writer whose store is a server that several collectors write to at a time, each the streams of its own partitions. What is known of a stream is what
 * was read of it last: `load` reads it afresh, and has to be called before the first chunk of a stream after each assignment of its partition.
 *
 * A new owner of a partition first waits `settledAfterMs`, so that nothing of the one before is still on its way, and only then takes the topic's end
 * (`mayBeStored`).
 */
export interface AsyncStoreWriter {
  /** So many batches may be appended before the first is durable. */
  readonly batchesMax: number;
  /** Makes the store ready and reads what is known of all streams. @throws LeadlineError where that cannot be done. */
  open(): Promise<void>;
  load(streamIds: readonly string[]): Promise<void>;
  /**
   * Looks how far the events of these streams reach in the store. What is beyond is then not looked for before it is written, although it may come again
   * (`mayBeStored`). Right only where nobody else has anything of them under way.
   */
  findEnds(streamIds: readonly string[]): Promise<void>;
  /** Reads positions afresh. */
  loadPositions(partitions: readonly Pick<ConsumedPosition, 'topicId' | 'partition'>[]): Promise<void>;
  /** Streams that belong to another collector from now on. */
  forget(streamIds: Iterable<string>): void;
  /**
   * Stores a batch; resolves when it is durable: events, then what is stored of their streams, then signals, then positions. It may be called again before:
   * events of several batches travel side by side, and all else keeps the order of the calls. Idempotent as `StoreWriter.append` is. It tries for as long as
   * it takes (`stalledBy` says why); what the server refuses for good goes to `onRefused`, and its bytes stay uncovered: those events are returned.
   * @throws LeadlineError EVENT_OVERLAPS_STORED, with nothing changed; CANCELLED after `close`.
   */
  append(batch: StoreBatch, positions: readonly ConsumedPosition[], signals: readonly Signal[]): Promise<LogEvent[]>;
  streams(): StoredStream[];
  lastKnown(streamId: string): StoredStream | null;
  positions(): ConsumedPosition[];
  unfinished(): UnfinishedLine[];
  retain(nowMs: number): Promise<{ files: number; bytes: number }>;
  /** Gives up what is under way: what has not resolved may or may not be stored. */
  close(): Promise<void>;
  /** Why nothing can be stored at the moment, or null. */
  readonly stalledBy: LeadlineError | null;
  readonly settledAfterMs: number;
}

/** Work that a read may do. It ends early with `truncated: true`, never with an error. */
export interface ReadBudget {
  eventsMax: number;
  /** Of raw lines. */
  bytesMax: number;
  msMax: number;
}

export interface ReadContext {
  signal: AbortSignal;
  budget: ReadBudget;
  /** Told now and then by reads that count, with what they counted so far; the newest events are counted first. */
  onProgress?: (progress: ReadProgress) => void;
  /** Pause between two of them, 100 ms without it. */
  progressIntervalMs?: number;
}

export interface ReadProgress {
  count: number;
  scanned: Scanned;
}

export interface Scanned {
  events: number;
  /** Of their raw lines. */
  bytes: number;
  /** Blocks looked into, and those passed over because a filter said that they hold no match; 0 where a store has none. */
  blocks: number;
  passedOver: number;
  ms: number;
}

export const nothingScanned: Scanned = { events: 0, bytes: 0, blocks: 0, passedOver: 0, ms: 0 };

export interface EventsRequest {
  query: Query;
  /** Half-open `[fromNs, toNs)` in event time, either end open. */
  fromNs: bigint | null;
  toNs: bigint | null;
  limit: number;
  /** Where the page before ended, or null for the newest. */
  cursor: string | null;
}

export interface EventsPage {
  /** Newest first: descending by (time, source, position in the chain, streamOffset). */
  events: LogEvent[];
  cursor: string | null;
  truncated: boolean;
  scanned: Scanned;
}

/** Half-open `[fromNs, toNs)` in event time. */
export interface TimeRange {
  fromNs: bigint;
  toNs: bigint;
}

/** What is asked of very many lines at once, by row. Arrays that end in `Ends` say where a row's part of another one ends; it begins where that of the row before ends. */
export interface LineColumns {
  length: number;
  /** Since the epoch, with fractions. */
  ms: Float64Array;
  /** 0 for a gap, of which nothing more is told. */
  isLine: Uint8Array;
  /** Has an id that we made. */
  isGenerated: Uint8Array;
  ids: readonly { canonical: string; kind: IdKind }[];
  idNumber: ReadonlyMap<string, number>;
  /** Of each id the number of the one that owns it by what lines prove (`alias.ts`), -1 where none is known, -2 where several are. */
  owner: Int32Array;
  idEnds: Uint32Array;
  /** Of each row's ids, of all kinds, in its order, one that we made before the others. */
  idNumbers: Uint32Array;
  /** Number of its strongest linking id that is not made by us, or -1. */
  strongest: Int32Array;
  tokenEnds: Uint32Array;
  /** Hashes of what the lines name (`tokenOf`). */
  tokens: Uint32Array;
  source: Uint32Array;
  sources: readonly string[];
  template: Uint32Array;
  templates: readonly (string | null)[];
}

/** Events that lie together in a store. */
export interface WindowPart {
  /** Of all of them, also of those that were not asked for. */
  columns(): LineColumns;
  /** Those that were asked for. */
  rows: readonly number[];
  event(row: number): LogEvent;
}

export interface WindowAnswer {
  /** Events of the ranges, in no order. */
  parts: WindowPart[];
  /** True where the budget ended the read: `parts` are then empty. */
  truncated: boolean;
  scanned: Scanned;
}

export interface TailPage {
  events: LogEvent[];
  /** For each event, the cursor behind it. */
  cursors: string[];
  /** Behind the last event looked at, matching or not. */
  cursor: string;
  /** False where more is waiting. */
  atEnd: boolean;
}

export interface StoreStats {
  files: number;
  bytes: number;
  events: number;
  oldestNs: bigint | null;
  newestNs: bigint | null;
  /** Blocks of which no filter is kept, because it had grown too large: every search looks into them. */
  unfilteredBlocks: number;
}

export interface SignalsPage {
  signals: Signal[];
  cursor: string;
}

/** Which events to count. */
export interface CountRequest {
  query: Query;
  /** Half-open `[fromNs, toNs)` in event time, either end open. */
  fromNs: bigint | null;
  toNs: bigint | null;
}

export interface CountAnswer {
  count: number;
  /** True where work ended early: the count is then at least this. */
  truncated: boolean;
  scanned: Scanned;
}

export interface HistogramRequest extends CountRequest {
  /** Width of a bar in whole milliseconds; bars begin at its multiples since the epoch. */
  stepMs: number;
  /** One count per bar and value of this, or one per bar. */
  by: 'level' | 'service' | null;
}

export interface HistogramBar {
  fromMs: number;
  /** The level or service; null for events without one, and where `by` is null. */
  key: string | null;
  /** At least 1: what holds nothing is no bar. */
  count: number;
}

export interface HistogramAnswer {
  /** Ascending by time, then by key (none first). */
  bars: HistogramBar[];
  truncated: boolean;
  scanned: Scanned;
}

export interface FacetsRequest extends CountRequest {
  /** Names as in queries. */
  fields: string[];
  /** Values per field at most, those that most events have. */
  valuesMax: number;
  /** Counts a value of each service apart, and says when it was first and last seen. */
  perService?: boolean;
}

export interface FacetValue {
  value: string;
  count: number;
  /** Only where asked for `perService`. */
  seen?: { service: string | null; firstNs: bigint; lastNs: bigint };
}

export interface Facet {
  field: string;
  /** Descending by count, then by value, then by service (none first). A value of an array counts once per event. */
  values: FacetValue[];
  /** Different values there are, as far as they were told apart. */
  distinct: number;
  /** Events that have the field. */
  events: number;
  /** Events whose value was not counted, because too many different ones had come before it. */
  uncounted: number;
}

export interface FacetsAnswer {
  facets: Facet[];
  count: number;
  truncated: boolean;
  scanned: Scanned;
}

/** Different values of one field that are told apart. */
export const facetValuesMax = 10_000;

export interface StoreReader {
  events(request: EventsRequest, context: ReadContext): Promise<EventsPage>;
  /** Events that carry any of these canonical ids, in no order, each once. Stops at `eventsMax` of the budget and says so. */
  ids(canonicalIds: readonly string[], context: ReadContext): Promise<{ events: LogEvent[]; truncated: boolean }>;
  count(request: CountRequest, context: ReadContext): Promise<CountAnswer>;
  histogram(request: HistogramRequest, context: ReadContext): Promise<HistogramAnswer>;
  facets(request: FacetsRequest, context: ReadContext): Promise<FacetsAnswer>;
  /**
   * The lines around an event in its stream, itself among them, in stream order: at most so many before and after it; null where it is not stored.
   * Ends early, with fewer lines, where the budget is used up.
   */
  around(eventId: string, before: number, after: number, context: ReadContext): Promise<{ events: LogEvent[]; truncated: boolean } | null>;
  /**
   * All events of some time ranges, which do not overlap, each event once. With `unlessAllHaveIds` nothing is read where none of them lacks a request
   * id: what has ids is then passed over without being looked at.
   */
  window(ranges: readonly TimeRange[], unlessAllHaveIds: boolean, context: ReadContext): Promise<WindowAnswer>;
  /** In the order of storing, for tail. `null` means from now on: no events, the cursor of the end. */
  after(cursor: string | null, query: Query, limit: number, context: ReadContext): Promise<TailPage>;
  /** In the order of storing. `null` begins at the oldest kept. */
  signalsAfter(cursor: string | null, limit: number, context: ReadContext): Promise<SignalsPage>;
  streams(context: ReadContext): Promise<StoredStream[]>;
  stats(context: ReadContext): Promise<StoreStats>;
  /** What this store cannot do, in words. */
  readonly limitations: readonly string[];
  close(): Promise<void>;
}
