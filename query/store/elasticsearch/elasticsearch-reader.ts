/** Reads what collectors store in Elasticsearch or OpenSearch. The server narrows down; the query's own predicate decides about every event that is given. */
import { pathOf, type ElasticServer } from '#lib/elasticsearch/server.ts';
import { canonicalId } from '#schemas/canonical-id.ts';
import { cutForLookUp, documentToEvent, type EventDocument } from '#schemas/elasticsearch/document.ts';
import { namesOf, type ElasticNames } from '#schemas/elasticsearch/names.ts';
import { documentToSignal, documentToStream, signalDocumentId, type SignalDocument, type StreamDocument } from '#schemas/elasticsearch/stream-document.ts';
import { lacksRequestId, type LogEvent } from '#schemas/event.ts';
import type { Query } from '#schemas/query/ast.ts';
import { compilePredicate } from '#schemas/query/predicate.ts';
import type { CountAnswer, CountRequest, EventsPage, EventsRequest, FacetsAnswer, FacetsRequest, HistogramAnswer, HistogramRequest, ReadContext, SignalsPage, StoredStream, StoreReader, StoreStats, TailPage, TimeRange, WindowAnswer } from '#schemas/store.ts';
import { newestFirst, readCursor, writeCursor } from '../cursor.ts';
import { windowPartOf } from '../line-digest.ts';
import { ReadWork } from '../read-work.ts';
import { ElasticsearchCounts } from './elasticsearch-counts.ts';
import { allOf, anyOf, partlyIndexed, serverFilter, term, timeClause } from './filter.ts';
import { pageMin, Searcher, sortValuesOf, type SearchAnswer } from './searcher.ts';
import { StoringOrder } from './storing-order.ts';

export interface ElasticsearchReaderOptions {
  server: ElasticServer;
  namespace: string;
  /** Pause between two refreshes that a tail asks for. */
  tailRefreshMs?: number;
}

const tailRefreshMsUsual = 500;
const idsPerSearch = 1000;
const streamsPerPage = 1000;
const windowPageMax = 5000;
const inStreamOrder = (order: 'asc' | 'desc'): object[] => [{ 'leadline.offset': { order } }, { 'leadline.gap_bytes': { order, missing: -1 } }];

export class ElasticsearchReader implements StoreReader {
  readonly limitations = [
    'an event is found by searches a second after it was stored',
    'a search for a regular expression, or for a part of the message without a letter or digit of ASCII, reads every event in its time range',
  ];
  private readonly server: ElasticServer;
  private readonly names: ElasticNames;
  private readonly searcher: Searcher;
  private readonly counts: ElasticsearchCounts;
  private readonly tail: StoringOrder;
  private readonly signals: StoringOrder;

  constructor({ server, namespace, tailRefreshMs = tailRefreshMsUsual }: ElasticsearchReaderOptions) {
    this.server = server;
    this.names = namesOf(namespace);
    this.searcher = new Searcher(server);
    this.counts = new ElasticsearchCounts(this.searcher, this.names.events);
    this.tail = new StoringOrder(this.searcher, this.names.events, tailRefreshMs);
    this.signals = new StoringOrder(this.searcher, this.names.signals, 0);
  }

  async events(request: EventsRequest, context: ReadContext): Promise<EventsPage> {
    const work = new ReadWork(context);
    const before = request.cursor === null ? null : readCursor(request.cursor);
    const { clause, isExact } = await this.filterOf(request.query, request.fromNs, request.toNs);
    const matches = compilePredicate(request.query);
    const kept: LogEvent[] = [];
    let truncated = false;
    // Where the page before ended at an event, a gap at the same place may be next.
    const after = before === null ? null : sortValuesOf({ ...before, gapBytes: Number.MAX_SAFE_INTEGER });
    for await (const page of this.searcher.pages(this.names.events, clause, after, isExact ? request.limit + 2 : Math.max(pageMin, 2 * request.limit), work, context)) {
      if (page === null) {
        truncated = true;
        break;
      }
      for (const event of page) if ((before === null || newestFirst(event, before) > 0) && matches(event)) kept.push(event);
      if (kept.length > request.limit) break;
    }
    const events = kept.slice(0, request.limit);
    const last = events.at(-1);
    return { events, cursor: (kept.length > request.limit || truncated) && last !== undefined ? writeCursor(last) : null, truncated, scanned: work.result() };
  }

  async window(ranges: readonly TimeRange[], unlessAllHaveIds: boolean, context: ReadContext): Promise<WindowAnswer> {
    const work = new ReadWork(context);
    const { eventsMax } = context.budget;
    const found = new Map<string, LogEvent>();
    for (const { fromNs, toNs } of ranges) {
      for await (const page of this.searcher.pages(this.names.events, timeClause(fromNs, toNs)!, null, Math.min(eventsMax + 1, windowPageMax), work, { ...context, budget: { ...context.budget, eventsMax: eventsMax + 1 } })) {
        for (const event of page ?? []) if (event.timeNs >= fromNs && event.timeNs < toNs) found.set(event.eventId, event);
        if (page === null || found.size > eventsMax) return { parts: [], truncated: true, scanned: work.result() };
      }
    }
    const events = [...found.values()];
    const isLeftOut = unlessAllHaveIds && !events.some(lacksRequestId);
    return { parts: isLeftOut ? [] : [windowPartOf(events)], truncated: false, scanned: work.result() };
  }

  async ids(canonicalIds: readonly string[], context: ReadContext): Promise<{ events: LogEvent[]; truncated: boolean }> {
    const work = new ReadWork(context);
    const { eventsMax } = context.budget;
    const wanted = new Set(canonicalIds);
    const found = new Map<string, LogEvent>();
    const forms = [...new Set(canonicalIds.map(id => cutForLookUp(id)!))];
    for (let at = 0; at < forms.length; at += idsPerSearch) {
      const filter = { terms: { 'leadline.ids': forms.slice(at, at + idsPerSearch) } };
      for await (const page of this.searcher.pages(this.names.events, filter, null, Math.min(eventsMax + 1, 1000), work, { ...context, budget: { ...context.budget, eventsMax: eventsMax + 1 } })) {
        if (page === null) return { events: [...found.values()], truncated: true };
        for (const event of page) {
          if (!event.ids.some(({ value }) => wanted.has(canonicalId(value) ?? '')) || found.has(event.eventId)) continue;
          if (found.size >= eventsMax) return { events: [...found.values()], truncated: true };
          found.set(event.eventId, event);
        }
      }
    }
    return { events: [...found.values()], truncated: false };
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

  async around(eventId: string, before: number, after: number, context: ReadContext): Promise<{ events: LogEvent[]; truncated: boolean } | null> {
    const work = new ReadWork(context);
    const asked = await this.searcher.searchWhole(this.names.events, { size: 1, query: { ids: { values: [eventId] } } }, work, context);
    const hit = asked.hits.hits[0];
    if (hit === undefined) return null;
    const event = documentToEvent(hit._id, hit._source);
    let truncated = false;
    const side = async (count: number, order: 'asc' | 'desc'): Promise<LogEvent[]> => {
      const lines: LogEvent[] = [];
      let from: unknown[] = [event.streamOffset, event.gap?.bytes ?? -1];
      while (lines.length < count) {
        const size = Math.min(count - lines.length, streamsPerPage);
        const answer = (await work.goesOn()) ? await this.searcher.search(this.names.events, { size, sort: inStreamOrder(order), search_after: from, query: term('leadline.stream_id', event.streamId) }, work, context) : null;
        if (answer === null) {
          truncated = true;
          break;
        }
        const page = answer.hits.hits.map(each => documentToEvent(each._id, each._source));
        work.scannedEvents(page.length, page.reduce((sum, { raw }) => sum + raw.length, 0));
        lines.push(...page);
        const last = page.at(-1);
        if (page.length < size || last === undefined) break;
        from = [last.streamOffset, last.gap?.bytes ?? -1];
      }
      return lines;
    };
    const earlier = await side(before, 'desc');
    const later = await side(after, 'asc');
    return { events: [...earlier.reverse(), event, ...later], truncated };
  }

  async after(cursor: string | null, query: Query, limit: number, context: ReadContext): Promise<TailPage> {
    const work = new ReadWork(context);
    if (cursor === null) return { events: [], cursors: [], cursor: await this.tail.end(context), atEnd: true };
    const { clause } = await this.filterOf(query, null, null);
    const matches = compilePredicate(query);
    const accept = ({ _id, _source }: { _id: string; _source: EventDocument }): LogEvent | null => {
      const event = documentToEvent(_id, _source);
      return matches(event) ? event : null;
    };
    const { found, ...page } = await this.tail.read<EventDocument, LogEvent>(cursor, clause, accept, limit, work, context);
    return { events: found, ...page };
  }

  async signalsAfter(cursor: string | null, limit: number, context: ReadContext): Promise<SignalsPage> {
    const page = await this.signals.read<SignalDocument, ReturnType<typeof documentToSignal>>(cursor ?? '0', { match_all: {} }, ({ _source }) => documentToSignal(_source), limit, new ReadWork(context), context);
    return { signals: page.found, cursor: page.cursor };
  }

  /** A stream whose last signals are not published yet promises nothing: alerting takes its watermark for a word that it has read them. */
  async streams(context: ReadContext): Promise<StoredStream[]> {
    const streams: StoredStream[] = [];
    const work = new ReadWork(context);
    for (let from: unknown[] | null = null; ; ) {
      const answer: SearchAnswer<StreamDocument> = await this.searcher.searchWhole<StreamDocument>(this.names.streams, { size: streamsPerPage, sort: [{ chain: { order: 'asc', unmapped_type: 'long' } }, { stream_id: { order: 'asc', unmapped_type: 'keyword' } }], query: term('kind', 'stream'), ...(from === null ? {} : { search_after: from }) }, work, context);
      const hits: SearchAnswer<StreamDocument>['hits']['hits'] = answer.hits.hits;
      const page = hits.map(({ _source }) => documentToStream(_source));
      const published = await this.publishedOf(page.flatMap(({ outbox }) => outbox.map(({ signalId }) => signalDocumentId(signalId))), context);
      for (const { streamId, source, storedRanges, gaps, lines, events, gapBytes, watermarkNs, lastTimeNs, state, outbox } of page) {
        const isTold = outbox.every(({ signalId }) => published.has(signalDocumentId(signalId)));
        streams.push({ streamId, source, storedRanges, gaps, lines, events, gapBytes, watermarkNs: isTold ? watermarkNs : null, lastTimeNs, state: isTold || state === null ? state : { ...state, readToEndMs: null } });
      }
      if (hits.length < streamsPerPage) return streams;
      from = hits.at(-1)!.sort!;
    }
  }

  /** Those of the ids that are documents, without waiting for a refresh. */
  private async publishedOf(ids: readonly string[], { signal }: ReadContext): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const docs = (await this.searcher.backingIndices(this.names.signals, signal)).flatMap(_index => ids.map(_id => ({ _index, _id, _source: false })));
    if (docs.length === 0) return new Set();
    const answer = await this.searcher.ask({ method: 'POST', path: '/_mget', body: { docs }, signal }, 'look for signals');
    const { docs: found } = answer.body as { docs?: { _id: string; found?: boolean }[] };
    if (!Array.isArray(found)) throw this.searcher.notTheServers('look for signals');
    return new Set(found.filter(each => each.found === true).map(({ _id }) => _id));
  }

  async stats(context: ReadContext): Promise<StoreStats> {
    const work = new ReadWork(context);
    const { events } = this.names;
    const { signal } = context;
    const edge = async (order: 'asc' | 'desc'): Promise<SearchEdge> => {
      const answer = await this.searcher.searchWhole(events, { size: 1, sort: [{ 'leadline.time_ns': { order, unmapped_type: 'long' } }], track_total_hits: order === 'asc', query: { match_all: {} } }, work, context);
      const source = answer.hits.hits[0]?._source;
      return { timeNs: source === undefined ? null : BigInt(source.leadline.time_ns), count: answer.hits.total?.value ?? 0 };
    };
    const [oldest, newest] = [await edge('asc'), await edge('desc')];
    const indices = await this.searcher.backingIndices(events, signal);
    const sizes = await this.searcher.ask({ method: 'GET', path: pathOf(events, '_stats', 'store'), query: { ignore_unavailable: true }, signal }, 'read the size of the store');
    const bytes = (sizes.body as { _all?: { total?: { store?: { size_in_bytes?: number } } } })._all?.total?.store?.size_in_bytes ?? 0;
    return { files: indices.length, bytes, events: oldest.count, oldestNs: oldest.timeNs, newestNs: newest.timeNs, unfilteredBlocks: 0 };
  }

  close(): Promise<void> {
    return this.server.close();
  }

  /** With what is not wholly in the index. */
  private async filterOf(query: Query, fromNs: bigint | null, toNs: bigint | null): Promise<{ clause: object; isExact: boolean }> {
    const { clause, isExact } = serverFilter(query, await this.searcher.flavour());
    const range = timeClause(fromNs, toNs);
    const wide = 'match_all' in clause ? clause : anyOf([clause, partlyIndexed]);
    return { clause: range === null ? wide : allOf([range, wide]), isExact };
  }
}

interface SearchEdge {
  timeNs: bigint | null;
  count: number;
}
