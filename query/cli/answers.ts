/** Where a read command gets its answers: a running server, or a store opened here. */
import { LeadlineError, systemCodeOf, errorCatalogue, type ErrorCode } from '#schemas/errors.ts';
import type { AlertBody, AlertsAnswer, ErrorBody, EventsAnswer, StreamsAnswer, TimelineBody } from '#schemas/http-api.ts';
import type { Queries, SearchParameters, TailAnswer } from '../queries.ts';

export interface Answers {
  /** @param inferred whether lines that carry no id are looked for */
  timeline(id: string, inferred: boolean): Promise<TimelineBody>;
  events(parameters: SearchParameters): Promise<EventsAnswer>;
  /** A page of what was stored behind the cursor; null begins now. */
  tail(cursor: string | null, query: string): Promise<TailAnswer>;
  streams(): Promise<StreamsAnswer>;
  alerts(): Promise<AlertBody[]>;
  /** For messages: the server's address or the directory. */
  readonly name: string;
  close(): Promise<void>;
}

const tailPage = 500;

export class StoreAnswers implements Answers {
  readonly name: string;
  private readonly queries: Queries;
  private readonly alertList: () => AlertBody[];
  private readonly controller = new AbortController();

  constructor(name: string, queries: Queries, alertList: () => AlertBody[]) {
    this.name = name;
    this.queries = queries;
    this.alertList = alertList;
  }

  timeline = (id: string, inferred: boolean): Promise<TimelineBody> => this.queries.timeline(id, { inferred }, this.controller.signal);
  events = (parameters: SearchParameters): Promise<EventsAnswer> => this.queries.events(parameters, this.controller.signal);
  tail = (cursor: string | null, query: string): Promise<TailAnswer> => this.queries.tail(cursor, query, tailPage, this.controller.signal);
  streams = (): Promise<StreamsAnswer> => this.queries.streams([], this.controller.signal);
  alerts = (): Promise<AlertBody[]> => Promise.resolve(this.alertList());
  close = (): Promise<void> => this.queries.close();
}

export class HttpAnswers implements Answers {
  readonly name: string;
  private readonly base: URL;
  private readonly apiKey: string | null;

  /** @param url the server's address @throws LeadlineError BAD_OPTION */
  constructor(url: string, apiKey: string | null) {
    const base = URL.parse(url);
    if (base === null || !/^https?:$/.test(base.protocol)) throw new LeadlineError('BAD_OPTION', { option: '--server', problem: `"${url}" is not an http address`, fix: 'Write, for instance, http://127.0.0.1:4680' });
    this.base = base;
    this.name = url;
    this.apiKey = apiKey;
  }

  timeline = (id: string, inferred: boolean): Promise<TimelineBody> => this.get(`/api/v1/timelines/${encodeURIComponent(id)}${inferred ? '' : '?inferred=false'}`);
  events = (parameters: SearchParameters): Promise<EventsAnswer> => this.get(`/api/v1/events?${queryString(parameters)}`);
  streams = (): Promise<StreamsAnswer> => this.get('/api/v1/streams');
  alerts = async (): Promise<AlertBody[]> => (await this.get<AlertsAnswer>('/api/v1/alerts')).alerts;
  close = (): Promise<void> => Promise.resolve();

  /** Server-sent events, as pages: what has arrived since the last one. */
  async tail(cursor: string | null, query: string): Promise<TailAnswer> {
    this.stream ??= new EventStream(() => this.open(`/api/v1/tail?${new URLSearchParams({ query }).toString()}`, this.stream?.lastId ?? cursor));
    return this.stream.next();
  }
  private stream: EventStream | null = null;

  /** Any of the server's JSON answers. @throws LeadlineError SERVER_UNREACHABLE and what the server says */
  async get<T>(path: string): Promise<T> {
    const response = await this.open(path, null);
    const text = await response.text();
    if (response.ok) return JSON.parse(text) as T;
    throw errorOf(this.name, response.status, text);
  }

  private async open(path: string, lastEventId: string | null): Promise<Response> {
    try {
      return await fetch(new URL(path, this.base), {
        headers: { ...(this.apiKey === null ? {} : { authorization: `Bearer ${this.apiKey}` }), ...(lastEventId === null ? {} : { 'last-event-id': lastEventId }) },
      });
    } catch (error) {
      throw new LeadlineError('SERVER_UNREACHABLE', { url: this.name, systemCode: systemCodeOf((error as Error).cause) ?? String(error) }, { cause: error });
    }
  }
}

/** Reads one server-sent event stream and opens it again, behind the last event, when it breaks. */
class EventStream {
  lastId: string | null = null;
  private readonly open: () => Promise<Response>;
  private lines: AsyncIterator<string> | null = null;

  constructor(open: () => Promise<Response>) {
    this.open = open;
  }

  async next(): Promise<TailAnswer> {
    for (;;) {
      this.lines ??= linesOf(await this.open());
      let data: string | null = null;
      for (;;) {
        const line = await this.lines.next();
        if (line.done === true) {
          this.lines = null;
          break;
        }
        if (line.value.startsWith('id: ')) this.lastId = line.value.slice(4);
        else if (line.value.startsWith('data: ')) data = line.value.slice(6);
        else if (line.value === '' && data !== null) return { events: [JSON.parse(data) as TailAnswer['events'][number]], cursors: [this.lastId ?? ''], cursor: this.lastId ?? '', atEnd: false };
      }
    }
  }
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  if (!response.ok) throw errorOf('the server', response.status, await response.text());
  let rest = '';
  try {
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch {
    // The connection broke: whoever reads opens it again.
  }
}

function queryString(parameters: SearchParameters): string {
  return new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '').map(([name, value]) => [name, String(value)])).toString();
}

/** The server's error as ours, so that the exit code is the same with and without a server. */
export function errorOf(url: string, status: number, text: string): LeadlineError {
  let body: Partial<ErrorBody> = {};
  try {
    body = JSON.parse(text) as ErrorBody;
  } catch {
    // Not a Leadline server, or a proxy in between.
  }
  const message = body.message ?? text.slice(0, 200);
  if (body.code !== undefined && body.code in errorCatalogue) {
    const error = new LeadlineError(body.code as ErrorCode, { message });
    error.message = message;
    return error;
  }
  return new LeadlineError('SERVER_REFUSED', { url, status, message });
}
