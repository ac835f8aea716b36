/** One request's lines in order, and the summary of a request for lists. */
import { compareEvents, eventToJson, formatTimeNs, levelRank, type LogEvent } from '#schemas/event.ts';
import type { RequestSummary, TimelineBody } from '#schemas/http-api.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { ReadContext, StoreReader } from '#schemas/store.ts';
import { ClosureWalk, closureOf, type ClosureLimits } from './closure.ts';
import { inferLines, type InferenceLimits } from './inference.ts';

const nsPerMs = 1_000_000;
const errorRank = levelRank('error');
const titleLengthMax = 120;

/** Services in the order of their first line. */
export function servicesInOrder(events: readonly LogEvent[]): string[] {
  return [...new Set(events.map(event => event.service ?? event.source))];
}

/** @param events of one request, in order; at least one */
export function summaryOf(id: string, events: readonly LogEvent[]): RequestSummary {
  const from = events[0]!.timeNs;
  const to = events.at(-1)!.timeNs;
  return {
    id,
    services: servicesInOrder(events),
    from: formatTimeNs(from),
    to: formatTimeNs(to),
    durationMs: Number(to - from) / nsPerMs,
    lines: events.length,
    errors: events.filter(event => levelRank(event.level) >= errorRank).length,
    title: titleOf(events),
  };
}

/** What the request was, in words a person knows: the first method and path, else the first message. */
export function titleOf(events: readonly LogEvent[]): string {
  for (const event of events) {
    const method = textField(event, /(?:^|[._])method$/i);
    const path = textField(event, /(?:^|[._])(?:path|url|uri|target|route)$/i);
    if (method !== null && path !== null && /^[A-Z]{3,7}$/.test(method)) return `${method} ${path}`.slice(0, titleLengthMax);
  }
  return (events[0]?.message ?? '').slice(0, titleLengthMax);
}

function textField(event: LogEvent, name: RegExp): string | null {
  for (const [key, value] of Object.entries(event.fields)) if (typeof value === 'string' && value !== '' && name.test(key)) return value;
  return null;
}

/**
 * The timeline of the request that `asked` belongs to, found without a time range.
 * @param inferred whether lines that carry no id are looked for
 * @throws LeadlineError REQUEST_NOT_FOUND.
 */
export async function timelineOf(reader: StoreReader, asked: string, limits: ClosureLimits & InferenceLimits, context: ReadContext, inferred = true): Promise<TimelineBody> {
  const closure = await closureOf(reader, asked, limits, context);
  switch (closure.kind) {
    case 'unknown':
      throw new LeadlineError('REQUEST_NOT_FOUND', { id: asked });
    case 'grouping': {
      const requests: RequestSummary[] = [];
      for (const root of closure.roots) {
        const request = await closureOf(reader, root.value, limits, context);
        if (request.kind === 'request' && request.events.length > 0) requests.push(summaryOf(root.value, [...request.events].sort(compareEvents)));
      }
      return { id: asked, asked, ids: [], joins: [], services: [], from: null, to: null, events: [], gaps: [], clocks: [], grouping: { kind: closure.idKind, requests }, truncated: closure.truncated !== null, truncatedBecause: closure.truncated, inference: null };
    }
    case 'request': {
      const direct = closure.events.filter(event => event.gap === null);
      const inference = !inferred || direct.length === 0 ? null : await inferLines(reader, direct, closure.ids.map(({ canonical }) => canonical), closure.root, limits, context);
      const evidence = new Map(inference?.lines.map(({ event, json }) => [event, json]));
      const lines = [...direct, ...evidence.keys()].sort(compareEvents);
      return {
        id: closure.root.value,
        asked,
        ids: closure.ids.map(({ kind, name, value }) => ({ kind, name, value })),
        joins: closure.joins.map(({ lower, higher, proofEventId }) => ({ kind: lower.kind, value: lower.value, owner: higher.value, proofEventId })),
        services: servicesInOrder(lines),
        from: lines.length === 0 ? null : formatTimeNs(lines[0]!.timeNs),
        to: lines.length === 0 ? null : formatTimeNs(lines.at(-1)!.timeNs),
        events: lines.map(event => evidence.get(event) ?? eventToJson(event)),
        gaps: closure.events.filter(event => event.gap !== null).sort(compareEvents).map(eventToJson),
        clocks: [],
        grouping: null,
        truncated: closure.truncated !== null,
        truncatedBecause: closure.truncated,
        inference: inference === null ? null : { lines: inference.lines.length, events: inference.events, ms: Math.round(inference.ms * 10) / 10, cutBecause: inference.cutBecause },
      };
    }
  }
}

/** The root of an event's request: its id and lines in order, or null where the event carries no id of one request. */
export async function requestOf(walk: ClosureWalk, canonical: string): Promise<{ id: string; canonical: string; events: LogEvent[] } | null> {
  const closure = await walk.from(canonical);
  if (closure.kind !== 'request' || closure.events.length === 0) return null;
  return { id: closure.root.value, canonical: closure.root.canonical, events: [...closure.events].sort(compareEvents) };
}
