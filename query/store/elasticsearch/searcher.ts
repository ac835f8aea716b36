/** One search after another, each within what is left of the read's budget. */
import { pathOf, type ElasticAnswer, type ElasticFlavour, type ElasticRequest, type ElasticServer } from '#lib/elasticsearch/server.ts';
import { documentToEvent, type EventDocument } from '#schemas/elasticsearch/document.ts';
import { backingIndicesIn, isResolved } from '#schemas/elasticsearch/backing-indices.ts';
import { answerTrouble, isServersOwn, noAnswerTrouble } from '#schemas/elasticsearch/trouble.ts';
import type { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { ReadContext } from '#schemas/store.ts';
import type { EventPlace } from '../cursor.ts';
import type { ReadWork } from '../read-work.ts';

export interface Hit<D = EventDocument> {
  _index: string;
  _id: string;
  _seq_no?: number;
  _source: D;
  sort?: unknown[];
}

export interface SearchAnswer<D = EventDocument> {
  timed_out: boolean;
  _shards?: { failed: number; failures?: { reason?: { type?: string; reason?: string } }[] };
  hits: { total?: { value: number }; hits: Hit<D>[] };
  aggregations?: Record<string, unknown>;
}

/** The total order of events, newest first. A gap comes behind the line that fills it. */
export const newestFirstSort = [
  { 'leadline.time_ns': { order: 'desc' } },
  { 'leadline.source': { order: 'desc' } },
  { 'leadline.chain': { order: 'desc' } },
  { 'leadline.offset': { order: 'desc' } },
  { 'leadline.gap_bytes': { order: 'desc', missing: -1 } },
] as const;

/** What `search_after` takes for an event's place in that order; numbers past 2^53 as text. */
export const sortValuesOf = ({ timeNs, source, chainPosition, streamOffset, gapBytes }: Omit<EventPlace, 'eventId'> & { gapBytes: number }): unknown[] => [timeNs.toString(), source, chainPosition, streamOffset, gapBytes];

export const placeOf = (event: LogEvent): unknown[] => sortValuesOf({ timeNs: event.timeNs, source: event.source, chainPosition: event.chainPosition ?? 0, streamOffset: event.streamOffset, gapBytes: event.gap?.bytes ?? -1 });

/** A search has not more than the query; a while longer lets it say that it was cut. */
const graceMs = 2000;
export const pageMin = 100;
const pageMax = 2000;
/** Of an answer's documents, about. */
const pageBytes = 8 * 1024 * 1024;

export class Searcher {
  readonly server: ElasticServer;

  constructor(server: ElasticServer) {
    this.server = server;
  }

  /** @throws LeadlineError where there is no answer */
  async flavour(): Promise<ElasticFlavour> {
    try {
      return await this.server.flavour();
    } catch (error) {
      throw noAnswerTrouble(error, this.server.nodes);
    }
  }

  /** @throws LeadlineError where there is no answer, or it is a refusal */
  async ask(request: ElasticRequest, what: string): Promise<ElasticAnswer> {
    let answer: ElasticAnswer;
    try {
      answer = await this.server.request(request);
    } catch (error) {
      throw noAnswerTrouble(error, this.server.nodes);
    }
    // That there is no such index is for the server to say; something in between says nothing of what is stored.
    if (answer.status >= 400 && !(answer.status === 404 && isServersOwn(answer.body))) throw answerTrouble(answer, this.server.nodes, what);
    return answer;
  }

  /** Of a data stream, oldest first; none before its first document. @throws LeadlineError */
  async backingIndices(dataStream: string, signal: AbortSignal): Promise<string[]> {
    const answer = await this.ask({ method: 'GET', path: pathOf('_resolve', 'index', dataStream), signal }, 'list backing indices');
    if (answer.status === 404) return [];
    if (!isResolved(answer.body)) throw this.notTheServers('list backing indices');
    return backingIndicesIn(answer.body, dataStream);
  }

  /** An answer that the server itself would not have given. */
  notTheServers(what: string): LeadlineError {
    return answerTrouble({ status: 503, body: 'its answer is none of Elasticsearch' }, this.server.nodes, what);
  }

  /** Null where the time was up before there was a whole answer. @throws LeadlineError */
  async search<D = EventDocument>(target: string, body: object, work: ReadWork, context: ReadContext, preference?: string): Promise<SearchAnswer<D> | null> {
    const leftMs = Math.max(1, Math.min(Math.ceil(work.leftMs), this.server.requestTimeoutMs));
    const answer = await this.ask({ method: 'POST', path: pathOf(target, '_search'), query: { ignore_unavailable: true, allow_no_indices: true, ...(preference === undefined ? {} : { preference }) }, body: { timeout: `${leftMs}ms`, track_total_hits: false, ...body }, timeoutMs: leftMs + graceMs, signal: context.signal }, 'search');
    const found = answer.body as SearchAnswer<D>;
    if (answer.status >= 400 || !Array.isArray((found as Partial<SearchAnswer<D>> | null)?.hits?.hits)) throw this.notTheServers('search');
    const failure = found._shards?.failures?.[0]?.reason;
    // An answer without a part of the store would look like a whole one.
    if ((found._shards?.failed ?? 0) > 0) throw answerTrouble({ status: 503, body: { error: { type: failure?.type, reason: failure?.reason } } }, this.server.nodes, 'search');
    return found.timed_out ? null : found;
  }

  /** The same for what has no way to say that it was cut. @throws LeadlineError, also where the time was up */
  async searchWhole<D = EventDocument>(target: string, body: object, work: ReadWork, context: ReadContext): Promise<SearchAnswer<D>> {
    const answer = await this.search<D>(target, body, work, context);
    if (answer === null) throw answerTrouble({ status: 503, body: 'the time for it was up' }, this.server.nodes, 'search');
    return answer;
  }

  /**
   * Events that a filter lets through, newest first, in pages. The last page is followed by nothing; where the budget ends it early, by `null`.
   * @param first how many the first page holds; later ones hold what fits
   */
  async *pages(target: string, filter: object, after: unknown[] | null, first: number, work: ReadWork, context: ReadContext): AsyncGenerator<LogEvent[] | null> {
    let size = Math.min(Math.max(first, 1), pageMax);
    for (let from = after; ; ) {
      if (!(await work.goesOn())) {
        yield null;
        return;
      }
      const answer = await this.search(target, { size, sort: newestFirstSort, query: filter, ...(from === null ? {} : { search_after: from }) }, work, context);
      if (answer === null) {
        yield null;
        return;
      }
      const events = answer.hits.hits.map(hit => documentToEvent(hit._id, hit._source));
      const bytes = events.reduce((sum, { raw }) => sum + raw.length, 0);
      work.scannedEvents(events.length, bytes);
      yield events;
      if (events.length < size) return;
      from = placeOf(events.at(-1)!);
      size = Math.min(pageMax, Math.max(pageMin, Math.floor((pageBytes * events.length) / Math.max(1, 3 * bytes))));
    }
  }
}
