/** The oracle: the store contract in the most naive way, everything in one array. */
import { addRanges, coverage } from '#lib/byte-ranges.ts';
import type { Signal } from '#schemas/alert.ts';
import { canonicalId } from '#schemas/canonical-id.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { compareEvents, type LogEvent } from '#schemas/event.ts';
import { compilePredicate } from '#schemas/query/predicate.ts';
import type { Query } from '#schemas/query/ast.ts';
import type { ConsumedPosition, EventsPage, EventsRequest, ReadContext, SignalsPage, StoreBatch, StoredStream, StoreReader, StoreStats, StoreWriter, TailPage } from '#schemas/store.ts';

const nothingScanned = { events: 0, bytes: 0, ms: 0 };

export class MemoryStore implements StoreWriter, StoreReader {
  readonly limitations = [];
  private readonly stored: LogEvent[] = [];
  private readonly signals: Signal[] = [];
  private readonly byStream = new Map<string, StoredStream>();
  private consumed: ConsumedPosition[] = [];

  append(batch: StoreBatch, positions: readonly ConsumedPosition[], signals: readonly Signal[]): void {
    const streams = new Map([...this.byStream].map(([id, stream]) => [id, structuredClone(stream)]));
    const added: LogEvent[] = [];
    const streamOf = (streamId: string, source: string): StoredStream => {
      const known = streams.get(streamId) ?? { streamId, source, storedRanges: [], gaps: [], lines: 0, events: 0, gapBytes: 0, watermarkNs: null, lastTimeNs: null, state: null };
      streams.set(streamId, known);
      return known;
    };
    for (const event of batch.events) {
      const stream = streamOf(event.streamId, event.source);
      if (event.gap !== null) {
        if (stream.gaps.some(gap => gap.from === event.streamOffset)) continue;
        stream.gaps.push({ from: event.streamOffset, to: event.streamOffsetEnd });
        stream.gapBytes += event.gap.bytes;
      } else {
        const covered = event.pieces.map(piece => coverage(piece, stream.storedRanges));
        if (covered.every(state => state === 'all')) continue;
        if (covered.some(state => state !== 'none')) throw new LeadlineError('EVENT_OVERLAPS_STORED', { streamId: event.streamId, from: event.streamOffset, to: event.streamOffsetEnd });
        stream.storedRanges = addRanges(stream.storedRanges, event.pieces);
        stream.lines += event.lineCount ?? 1;
      }
      stream.events += 1;
      stream.lastTimeNs = event.timeNs;
      if (stream.watermarkNs === null || event.timeNs > stream.watermarkNs) stream.watermarkNs = event.timeNs;
      added.push({ ...event, chainPosition: [...streams.keys()].indexOf(event.streamId) + 1 });
    }
    for (const state of batch.states) streamOf(state.streamId, state.source).state = state;
    this.stored.push(...added);
    this.signals.push(...signals);
    this.byStream.clear();
    for (const [id, stream] of streams) this.byStream.set(id, stream);
    for (const position of positions) this.consumed = [...this.consumed.filter(other => other.topicId !== position.topicId || other.partition !== position.partition), position];
  }

  lastKnown(streamId: string): StoredStream | null {
    return this.byStream.get(streamId) ?? null;
  }

  positions(): ConsumedPosition[] {
    return this.consumed;
  }

  retain(): { files: number; bytes: number } {
    return { files: 0, bytes: 0 };
  }

  events(request: EventsRequest, _context: ReadContext): Promise<EventsPage> {
    const matches = compilePredicate(request.query);
    const all = this.stored
      .filter(event => (request.fromNs === null || event.timeNs >= request.fromNs) && (request.toNs === null || event.timeNs < request.toNs) && matches(event))
      .sort((a, b) => compareEvents(b, a));
    const skip = request.cursor === null ? 0 : Number(request.cursor);
    const events = all.slice(skip, skip + request.limit);
    return Promise.resolve({ events, cursor: skip + request.limit < all.length ? String(skip + request.limit) : null, truncated: false, scanned: nothingScanned });
  }

  ids(canonicalIds: readonly string[], _context: ReadContext): Promise<{ events: LogEvent[]; truncated: boolean }> {
    return Promise.resolve({ events: this.stored.filter(event => event.ids.some(id => canonicalIds.includes(canonicalId(id.value) ?? ''))), truncated: false });
  }

  after(cursor: string | null, query: Query, limit: number, _context: ReadContext): Promise<TailPage> {
    if (cursor === null) return Promise.resolve({ events: [], cursors: [], cursor: String(this.stored.length), atEnd: true });
    const matches = compilePredicate(query);
    const events: LogEvent[] = [];
    const cursors: string[] = [];
    let at = Number(cursor);
    while (at < this.stored.length && events.length < limit) {
      const event = this.stored[at++]!;
      if (!matches(event)) continue;
      events.push(event);
      cursors.push(String(at));
    }
    return Promise.resolve({ events, cursors, cursor: String(at), atEnd: at === this.stored.length });
  }

  signalsAfter(cursor: string | null, limit: number, _context: ReadContext): Promise<SignalsPage> {
    const from = cursor === null ? 0 : Number(cursor);
    const signals = this.signals.slice(from, from + limit);
    return Promise.resolve({ signals, cursor: String(from + signals.length) });
  }

  streams(): StoredStream[] & Promise<StoredStream[]> {
    return Object.assign(Promise.resolve([...this.byStream.values()]), [...this.byStream.values()]) as never;
  }

  stats(_context: ReadContext): Promise<StoreStats> {
    const times = this.stored.map(event => event.timeNs);
    return Promise.resolve({ files: 1, bytes: 0, events: this.stored.length, oldestNs: times.length === 0 ? null : times.reduce((a, b) => (a < b ? a : b)), newestNs: times.length === 0 ? null : times.reduce((a, b) => (a > b ? a : b)) });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
