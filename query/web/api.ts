/**
 * The query service's answers. A refusal is an answer; only a server that cannot be reached is thrown, as `ConnectionLost`, after the page's
 * connection strip has been told.
 */
import { signal } from '@preact/signals';
import type { AlertBody, AlertsAnswer, ErrorBody, EventsAnswer, RequestsAnswer, StreamsAnswer, TimelineBody } from '#schemas/http-api.ts';

export type Answer<Body> = { ok: true; body: Body } | { ok: false; status: number; error: ErrorBody };

export class ConnectionLost extends Error {
  constructor(cause: unknown) {
    super('The Leadline server does not answer.', { cause });
    this.name = 'ConnectionLost';
  }
}

export const connectionLost = signal(false);
/** Counts recoveries: a view that failed to load loads again when it rises. */
export const recoveries = signal(0);

function connected(yes: boolean): void {
  if (yes && connectionLost.value) recoveries.value += 1;
  connectionLost.value = !yes;
}

function isErrorBody(body: unknown): body is ErrorBody {
  return typeof body === 'object' && body !== null && 'code' in body && 'message' in body && typeof body.code === 'string' && typeof body.message === 'string';
}

/** What a proxy says when the server behind it is gone. */
const gatewayStatuses = [502, 503, 504];

async function get(path: string, params: Record<string, string | null>, abort: AbortSignal): Promise<Answer<unknown>> {
  const query = new URLSearchParams(Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== null && entry[1] !== ''));
  let response: Response;
  let text: string;
  try {
    response = await fetch(query.size === 0 ? path : `${path}?${query.toString()}`, { signal: abort, headers: { accept: 'application/json' } });
    text = await response.text();
  } catch (error) {
    if (abort.aborted) throw error;
    connected(false);
    throw new ConnectionLost(error);
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = null;
  }
  if (gatewayStatuses.includes(response.status) && !isErrorBody(body)) {
    connected(false);
    throw new ConnectionLost(response.status);
  }
  connected(true);
  if (response.ok && body !== null) return { ok: true, body };
  return { ok: false, status: response.status, error: isErrorBody(body) ? body : { code: 'UNREADABLE_ANSWER', message: `The server answered ${response.status} with something that is not JSON.` } };
}

export const requestsPerPage = 50;
export const eventsPerPage = 100;

export const getRequests = (query: string, cursor: string | null, abort: AbortSignal) =>
  get('/api/v1/requests', { limit: requestsPerPage.toString(), query, cursor }, abort) as Promise<Answer<RequestsAnswer>>;
/** @param inferred lines that carry no id, too: they are looked for, which takes longer */
export const getTimeline = (id: string, inferred: boolean, abort: AbortSignal) =>
  get(`/api/v1/timelines/${encodeURIComponent(id)}`, { inferred: inferred ? null : 'false' }, abort) as Promise<Answer<TimelineBody>>;
export const getEvents = (asked: { query: string; since: string; until: string; cursor: string | null }, abort: AbortSignal) =>
  get('/api/v1/events', { limit: eventsPerPage.toString(), ...asked }, abort) as Promise<Answer<EventsAnswer>>;
export const getAlerts = (abort: AbortSignal) => get('/api/v1/alerts', {}, abort) as Promise<Answer<AlertsAnswer>>;
export const getAlert = (id: string, abort: AbortSignal) => get(`/api/v1/alerts/${encodeURIComponent(id)}`, {}, abort) as Promise<Answer<AlertBody>>;
export const getStreams = (abort: AbortSignal) => get('/api/v1/streams', {}, abort) as Promise<Answer<StreamsAnswer>>;

/** Whether the server takes a query, asked with the least work. An event stream's refusal does not show its reason. */
export const checkQuery = (query: string, abort: AbortSignal) => get('/api/v1/events', { limit: '1', query }, abort);

export function tailAddress(query: string): string {
  return query === '' ? '/api/v1/tail' : `/api/v1/tail?${new URLSearchParams({ query }).toString()}`;
}
