/** The oracle: the store contract in the most naive way, everything in one array. */
import { addRanges, coverage } from '#lib/byte-ranges.ts';
import type { Signal } from '#schemas/alert.ts';
import { canonicalId } from '#schemas/canonical-id.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { compareEvents, lacksRequestId, type LogEvent } from '#schemas/event.ts';
import { compilePredicate } from '#schemas/query/predicate.ts';
import type { Query } from '#schemas/query/ast.ts';
import { fieldReader } from '#schemas/query/field.ts';
import { windowPartOf } from '../../query/store/line-digest.ts';
import { nothingScanned, type ConsumedPosition, type CountAnswer, type CountRequest, type EventsPage, type EventsRequest, type Facet, type FacetValue, type FacetsAnswer, type FacetsRequest, type HistogramAnswer, type HistogramBar, type HistogramRequest, type ReadContext, type SignalsPage, type StoreBatch, type StoredStream, type StoreReader, type StoreStats, type StoreWriter, type TailPage, type TimeRange, type UnfinishedLine, type WindowAnswer } from '#schemas/store.ts';

export class MemoryStore implements StoreWriter {
  /** In the order of storing. */
  readonly stored: LogEvent[] = [];
  readonly signals: Signal[] = [];
  private byStream = new Map<string, StoredStream>();
  private consumed = new Map<string, ConsumedPosition>();
  /** Every line that a stream ended in the middle of, told or gone on with or neither, by eventId. */
  readonly begun = new Map<string, LogEvent>();
  private unfinishedById = new Map<string, UnfinishedLine>();
  /** The next appends fail with it, as a full disk makes them. */
  failure: LeadlineError | null = null;

  append(batch: StoreBatch, positions: readonly ConsumedPosition[], signals: readonly Signal[]): void {
    if (this.failure !== null) throw this.failure;
    const streams = structuredClone(this.byStream);
    const streamOf = (streamId: string, source: string): StoredStream => {
      const known = streams.get(streamId) ?? { streamId, source, storedRanges: [], gaps: [], lines: 0, events: 0, gapBytes: 0, watermarkNs: null, lastTimeNs: null, state: null };
      streams.set(streamId, known);
      return known;
    };
    const unfinished = new Map(this.unfinishedById);
    for (const line of batch.unfinished ?? []) {
      const { event } = line;
      const stream = streamOf(event.streamId, event.source);
      const covered = event.pieces.map(piece => coverage(piece, stream.storedRanges));
      if (covered.every(state => state === 'all')) continue;
      if (covered.some(state => state !== 'none')) throw new LeadlineError('EVENT_OVERLAPS_STORED', { streamId: event.streamId, from: event.streamOffset, to: event.streamOffsetEnd });
      stream.storedRanges = addRanges(stream.storedRanges, event.pieces);
      stream.lines += event.lineCount ?? 1;
      if (event.begunAs !== undefined) unfinished.delete(event.begunAs);
      unfinished.set(event.eventId, line);
    }
    const added: LogEvent[] = [];
    for (const event of batch.events) {
      const stream = streamOf(event.streamId, event.source);
      if (event.begunAs === event.eventId) {
        if (!unfinished.delete(event.eventId)) continue;
      } else if (event.gap !== null) {
        if (stream.gaps.some(gap => gap.from === event.streamOffset)) continue;
        stream.gaps.push({ from: event.streamOffset, to: event.streamOffsetEnd });
        stream.gapBytes += event.gap.bytes;
      } else {
        if (event.emptyFrom !== undefined) stream.storedRanges = addRanges(stream.storedRanges, [{ from: event.emptyFrom, to: event.streamOffset }]);
        const covered = event.pieces.map(piece => coverage(piece, stream.storedRanges));
        if (covered.every(state => state === 'all')) continue;
        if (covered.some(state => state !== 'none')) throw new LeadlineError('EVENT_OVERLAPS_STORED', { streamId: event.streamId, from: event.streamOffset, to: event.streamOffsetEnd });
        stream.storedRanges = addRanges(stream.storedRanges, event.pieces);
        stream.lines += event.lineCount ?? 1;
        if (event.begunAs !== undefined) unfinished.delete(event.begunAs);
      }
      stream.events += 1;
      stream.lastTimeNs = event.timeNs;
      if (stream.watermarkNs === null || event.timeNs > stream.watermarkNs) stream.watermarkNs = event.timeNs;
      added.push({ ...event, chainPosition: [...streams.keys()].indexOf(event.streamId) + 1 });
    }
    for (const state of batch.states) streamOf(state.streamId, state.source).state = state;
    this.stored.push(...added);
    this.signals.push(...signals);
    this.byStream = streams;
    this.unfinishedById = unfinished;
    for (const { event } of batch.unfinished ?? []) if (!this.begun.has(event.eventId)) this.begun.set(event.eventId, event);
    for (const position of positions) this.consumed.set(`${position.topicId}:${position.partition}`, position);
  }

  streams(): StoredStream[] {
    return [...this.byStream.values()];
  }

  lastKnown(streamId: string): StoredStream | null {
    return this.byStream.get(streamId) ?? null;
  }

  positions(): ConsumedPosition[] {
    return [...this.consumed.values()];
  }

  unfinished(): UnfinishedLine[] {
    return [...this.unfinishedById.values()];
  }

  /** As a store whose positions were wiped. */
  forgetPositions(): void {
    this.consumed.clear();
  }

  retain(): { files: number; bytes: number } {
    return { files: 0, bytes: 0 };
  }

  close(): void {
    // Nothing is held.
  }
}

export class MemoryReader implements StoreReader {
  readonly limitations = [];
  private readonly store: MemoryStore;

  constructor(store: MemoryStore) {
    this.store = store;
  }

  // Everything below is immediate; `async` makes a refusal a rejection.
  /* eslint-disable @typescript-eslint/require-await */

  async events(request: EventsRequest, context: ReadContext): Promise<EventsPage> {
    context.signal.throwIfAborted();
    const matches = compilePredicate(request.query);
    const all = this.store.stored
      .filter(event => (request.fromNs === null || event.timeNs >= request.fromNs) && (request.toNs === null || event.timeNs < request.toNs) && matches(event))
      .sort((a, b) => compareEvents(b, a));
    const skip = request.cursor === null ? 0 : numberOf(request.cursor);
    const end = skip + request.limit;
    return { events: all.slice(skip, end), cursor: end < all.length ? String(end) : null, truncated: false, scanned: { ...nothingScanned, events: this.store.stored.length } };
  }

  async ids(canonicalIds: readonly string[], context: ReadContext): Promise<{ events: LogEvent[]; truncated: boolean }> {
    context.signal.throwIfAborted();
    const found = this.store.stored.filter(event => event.ids.some(id => canonicalIds.includes(canonicalId(id.value) ?? '')));
    return { events: found.slice(0, context.budget.eventsMax), truncated: found.length > context.budget.eventsMax };
  }

  async after(cursor: string | null, query: Query, limit: number, context: ReadContext): Promise<TailPage> {
    context.signal.throwIfAborted();
    const { stored } = this.store;
    if (cursor === null) return { events: [], cursors: [], cursor: String(stored.length), atEnd: true };
    const matches = compilePredicate(query);
    const events: LogEvent[] = [];
    const cursors: string[] = [];
    let at = numberOf(cursor);
    while (at < stored.length && events.length < limit) {
      const event = stored[at++]!;
      if (!matches(event)) continue;
      events.push(event);
      cursors.push(String(at));
    }
    return { events, cursors, cursor: String(at), atEnd: at === stored.length };
  }

  private matching({ query, fromNs, toNs }: CountRequest): LogEvent[] {
    const matches = compilePredicate(query);
    return this.store.stored.filter(event => (fromNs === null || event.timeNs >= fromNs) && (toNs === null || event.timeNs < toNs) && matches(event));
  }

  async count(request: CountRequest, context: ReadContext): Promise<CountAnswer> {
    context.signal.throwIfAborted();
    return { count: this.matching(request).length, truncated: false, scanned: { ...nothingScanned, events: this.store.stored.length } };
  }

  async histogram(request: HistogramRequest, context: ReadContext): Promise<HistogramAnswer> {
    context.signal.throwIfAborted();
    const bars = new Map<string, HistogramBar>();
    const stepNs = BigInt(request.stepMs) * 1_000_000n;
    for (const event of this.matching(request)) {
      const key = request.by === null ? null : event[request.by];
      const from = event.timeNs - (((event.timeNs % stepNs) + stepNs) % stepNs);
      const name = JSON.stringify([String(from), key]);
      const bar = bars.get(name) ?? { fromMs: Number(from / 1_000_000n), key, count: 0 };
      bar.count += 1;
      bars.set(name, bar);
    }
    const sorted = [...bars.values()].sort((a, b) => a.fromMs - b.fromMs || (a.key === null ? -1 : b.key === null ? 1 : a.key < b.key ? -1 : 1));
    return { bars: sorted, truncated: false, scanned: { ...nothingScanned, events: this.store.stored.length } };
  }

  async facets(request: FacetsRequest, context: ReadContext): Promise<FacetsAnswer> {
    context.signal.throwIfAborted();
    const events = this.matching(request);
    const facets = request.fields.map((field): Facet => {
      const read = fieldReader(field);
      const counts = new Map<string, FacetValue>();
      let having = 0;
      for (const event of events) {
        const value = read(event);
        if (value === undefined) continue;
        having += 1;
        for (const text of new Set((Array.isArray(value) ? value.flat(9) : [value]).map(String))) {
          const key = JSON.stringify([text, request.perService === true ? event.service : null]);
          const before = counts.get(key);
          const times = [...(before?.seen === undefined ? [] : [before.seen.firstNs, before.seen.lastNs]), event.timeNs].sort((a, b) => (a < b ? -1 : 1));
          counts.set(key, { value: text, count: (before?.count ?? 0) + 1, ...(request.perService === true ? { seen: { service: event.service, firstNs: times[0]!, lastNs: times.at(-1)! } } : {}) });
        }
      }
      const values = [...counts.values()].sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : a.value > b.value ? 1 : (a.seen?.service ?? '') < (b.seen?.service ?? '') ? -1 : 1));
      return { field, values: values.slice(0, request.valuesMax), distinct: values.length, events: having, uncounted: 0 };
    });
    return { facets, count: events.length, truncated: false, scanned: { ...nothingScanned, events: this.store.stored.length } };
  }

  async around(eventId: string, before: number, after: number, context: ReadContext): Promise<{ events: LogEvent[]; truncated: boolean } | null> {
    context.signal.throwIfAborted();
    const found = this.store.stored.find(event => event.eventId === eventId);
    if (found === undefined) return null;
    const stream = this.store.stored.filter(({ streamId }) => streamId === found.streamId).sort((a, b) => a.streamOffset - b.streamOffset || (a.eventId < b.eventId ? -1 : 1));
    const at = stream.indexOf(found);
    return { events: stream.slice(Math.max(0, at - before), at + after + 1), truncated: false };
  }

  async window(ranges: readonly TimeRange[], unlessAllHaveIds: boolean, context: ReadContext): Promise<WindowAnswer> {
    context.signal.throwIfAborted();
    const found = this.store.stored.filter(({ timeNs }) => ranges.some(({ fromNs, toNs }) => timeNs >= fromNs && timeNs < toNs));
    const events = unlessAllHaveIds && !found.some(lacksRequestId) ? [] : found;
    const truncated = events.length > context.budget.eventsMax;
    return { parts: truncated ? [] : [windowPartOf(events)], truncated, scanned: { ...nothingScanned, events: events.length } };
  }

  async signalsAfter(cursor: string | null, limit: number, context: ReadContext): Promise<SignalsPage> {
    context.signal.throwIfAborted();
    const from = cursor === null ? 0 : numberOf(cursor);
    const signals = this.store.signals.slice(from, from + limit);
    return { signals, cursor: String(from + signals.length) };
  }

  async streams(context: ReadContext): Promise<StoredStream[]> {
    context.signal.throwIfAborted();
    return this.store.streams();
  }

  async stats(context: ReadContext): Promise<StoreStats> {
    context.signal.throwIfAborted();
    const times = this.store.stored.map(event => event.timeNs).sort((a, b) => (a < b ? -1 : 1));
    return { files: 1, bytes: 0, events: times.length, oldestNs: times[0] ?? null, newestNs: times.at(-1) ?? null, unfilteredBlocks: 0 };
  }

  async close(): Promise<void> {
    // Nothing is held.
  }
}

function numberOf(cursor: string): number {
  const value = Number(cursor);
  if (!Number.isSafeInteger(value)) throw new LeadlineError('BAD_CURSOR', { value: cursor });
  return value;
}
