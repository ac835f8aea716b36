/** Every question the API and the command line ask, answered over a store reader in the shapes of `schemas/http-api.ts`. */
import { eventToJson, type LogEvent } from '#schemas/event.ts';
import type { ContextBody, EventBody, EventsAnswer, FacetsBody, HistogramBody, RequestsAnswer, StreamsAnswer, TemplatesBody, TimelineBody } from '#schemas/http-api.ts';
import type { Options } from '#schemas/options.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import type { EventsRequest, ReadContext, ReadProgress, SignalsPage, StoredStream, StoreReader } from '#schemas/store.ts';
import { readTime } from '#schemas/time-text.ts';
import { contextOf, facetsOf, histogramOf } from './explore.ts';
import { requestsOf } from './requests.ts';
import { streamsAnswer } from './streams.ts';
import { templatesOf } from './templates.ts';
import { timelineOf } from './timeline/timeline.ts';

export interface SearchParameters {
  query?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
}

type RangeParameters = Pick<SearchParameters, 'query' | 'since' | 'until'>;

export interface TailAnswer {
  events: EventBody[];
  cursors: string[];
  cursor: string;
  atEnd: boolean;
}

type QueryLimits = Pick<Options, 'queryMsMax' | 'queryEventsMax' | 'queryBytesMax' | 'timelineEventsMax' | 'joinEventsMax' | 'joinSpanMsMax' | 'joinKinds' | 'inferenceEventsMax' | 'inferenceMsMax' | 'inferenceConfidenceMin'>;

export class Queries {
  private readonly reader: StoreReader;
  private readonly limits: QueryLimits;
  private readonly nowMs: () => number;
  private readonly onProgress: ((progress: ReadProgress) => void) | null;

  /** @param onProgress is told how far a count has come */
  constructor(reader: StoreReader, limits: QueryLimits, nowMs: () => number = Date.now, onProgress: ((progress: ReadProgress) => void) | null = null) {
    this.reader = reader;
    this.limits = limits;
    this.nowMs = nowMs;
    this.onProgress = onProgress;
  }

  timeline(asked: string, { inferred = true }: { inferred?: boolean | undefined }, signal: AbortSignal): Promise<TimelineBody> {
    return timelineOf(this.reader, asked, this.limits, this.context(signal), inferred);
  }

  requests(parameters: SearchParameters, signal: AbortSignal): Promise<RequestsAnswer> {
    return requestsOf(this.reader, this.request(parameters, 50), this.limits, this.context(signal));
  }

  async events(parameters: SearchParameters, signal: AbortSignal): Promise<EventsAnswer> {
    const request = this.request(parameters, 100);
    const page = await this.reader.events(request, this.context(signal));
    return { events: page.events.map(eventBody), cursor: page.cursor, truncated: page.truncated, scanned: page.scanned, hint: null };
  }

  histogram({ step, by, ...parameters }: RangeParameters & { step?: string | undefined; by?: 'level' | 'service' | undefined }, signal: AbortSignal): Promise<HistogramBody> {
    return histogramOf(this.reader, this.request(parameters, 1), step, by ?? null, this.nowMs(), this.context(signal));
  }

  facets({ fields, limit, ...parameters }: RangeParameters & { fields?: string | undefined; limit?: number | undefined }, signal: AbortSignal): Promise<FacetsBody> {
    return facetsOf(this.reader, this.request(parameters, 1), fields ?? 'service,level,exceptionType', limit ?? 10, this.context(signal));
  }

  templates({ limit, ...parameters }: RangeParameters & { limit?: number | undefined }, signal: AbortSignal): Promise<TemplatesBody> {
    return templatesOf(this.reader, this.request(parameters, 1), limit ?? 50, this.context(signal));
  }

  linesAround(eventId: string, { before = 20, after = 20 }: { before?: number | undefined; after?: number | undefined }, signal: AbortSignal): Promise<ContextBody> {
    return contextOf(this.reader, eventId, before, after, this.context(signal));
  }

  async tail(cursor: string | null, query: string, limit: number, signal: AbortSignal): Promise<TailAnswer> {
    const page = await this.reader.after(cursor, parseQuery(query), limit, this.context(signal));
    return { events: page.events.map(eventBody), cursors: page.cursors, cursor: page.cursor, atEnd: page.atEnd };
  }

  streams(limitsReached: StreamsAnswer['limits'], signal: AbortSignal): Promise<StreamsAnswer> {
    return streamsAnswer(this.reader, limitsReached, this.context(signal));
  }

  storedStreams(signal: AbortSignal): Promise<StoredStream[]> {
    return this.reader.streams(this.context(signal));
  }

  signalsAfter(cursor: string | null, limit: number, signal: AbortSignal): Promise<SignalsPage> {
    return this.reader.signalsAfter(cursor, limit, this.context(signal));
  }

  close(): Promise<void> {
    return this.reader.close();
  }

  private context(signal: AbortSignal): ReadContext {
    return { signal, ...(this.onProgress === null ? {} : { onProgress: this.onProgress }), budget: { eventsMax: this.limits.queryEventsMax, bytesMax: this.limits.queryBytesMax, msMax: this.limits.queryMsMax } };
  }

  private request(parameters: SearchParameters, limitDefault: number): EventsRequest {
    const nowMs = this.nowMs();
    const time = (name: 'since' | 'until'): bigint | null => (parameters[name] === undefined || parameters[name] === '' ? null : readTime(name, parameters[name], nowMs));
    return { query: parseQuery(parameters.query ?? ''), fromNs: time('since'), toNs: time('until'), limit: parameters.limit ?? limitDefault, cursor: parameters.cursor === undefined || parameters.cursor === '' ? null : parameters.cursor };
  }
}

/** The event as the API gives it. */
function eventBody(event: LogEvent): EventBody {
  return eventToJson(event);
}
