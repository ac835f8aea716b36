/**
 * The event: what a line becomes, and the unit of every answer.
 *
 * Inside Leadline an event is a `LogEvent`; `eventToJson` gives the public JSON shape, in which 64-bit numbers are strings and every key is
 * present. Stored events hold what was known when they were parsed: aliases resolve at read, so a joined id never stands in a stored event.
 */

import { generatedIdOf, generatedSource } from './generated-id.ts';

/** Level names, weakest first. A level that was not read is `null`, never guessed. */
export const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Level = (typeof levels)[number];

/** 0 for `trace` to 5 for `fatal`; -1 for an unknown level, which therefore satisfies no `level>=`. */
export function levelRank(level: Level | null): number {
  return level === null ? -1 : levels.indexOf(level);
}

/** Where an event's time came from: the container runtime's stamp, the line itself, an earlier line of the stream, or the moment it was read. */
export const timeSources = ['runtime', 'line', 'inherited', 'read'] as const;
export type TimeSource = (typeof timeSources)[number];

export type Output = 'stdout' | 'stderr';

/** Id kinds, strongest first. The grouping kinds tie requests of one user or job together and never make them one request. */
export const linkingIdKinds = ['trace', 'request', 'correlation', 'span'] as const;
export const groupingIdKinds = ['session', 'user', 'job', 'connection'] as const;
export type LinkingIdKind = (typeof linkingIdKinds)[number];
export type GroupingIdKind = (typeof groupingIdKinds)[number];
export type IdKind = LinkingIdKind | GroupingIdKind;

/** An id as a line gave it. `value` is the spelling of the line; the canonical form is made where ids are compared (`schemas/canonical-id.ts`). */
export interface EventId {
  kind: IdKind;
  /** The field, header or label that carried it, as written: `http.req.id`, `TraceID`, `traceparent`. */
  name: string;
  value: string;
}

/** A half-open byte range `[from, to)` of a stream. */
export interface Piece {
  from: number;
  to: number;
}

export interface EventPart {
  n: number;
  /** Null while the number of parts is not known. */
  of: number | null;
}

export interface EventGap {
  cause: string;
  bytes: number;
  /** False where `bytes` is only a lower bound. */
  exact: boolean;
}

/** JSON values, as fields hold them. Numbers past 2^53 arrive as strings so that no digit is lost. */
export type FieldValue = string | number | boolean | null | FieldValue[];
/** Fields flattened with dots: `{ "http.req.method": "GET" }`. Arrays keep their members. */
export type Fields = Record<string, FieldValue>;

/** Who wrote a line. Null where neither the path, the environment nor the log says it. */
export interface Origin {
  service: string | null;
  container: string | null;
  pod: string | null;
  namespace: string | null;
  node: string | null;
}

/** A line without an id that somebody gave it. */
export function lacksRequestId({ requestId, gap }: Pick<LogEvent, 'requestId' | 'gap'>): boolean {
  return gap === null && requestId === null;
}

export interface LogEvent extends Origin {
  /** `streamId:streamOffset`; a gap's ends in `:gap`. The same bytes always give the same id. */
  eventId: string;
  /** Nanoseconds since the epoch. */
  timeNs: bigint;
  timeSource: TimeSource;
  level: Level | null;
  /** What a person reads: ANSI codes, time and level prefix taken off. */
  message: string;
  /** The application's own line without container framing and final newline, byte for byte. Several lines are joined by `\n`. */
  raw: Uint8Array;
  fields: Fields;
  /** The strongest present of trace, request and correlation ids, in the spelling of the line. */
  requestId: string | null;
  /** How `requestId` was found: `field:NAME`, `header:NAME`, `text:NAME`, `inherited`; `generated` where it is null and the line is a request all the same (`generated-id.ts`). */
  requestIdSource: string | null;
  /** 1 for what was read, less for what was inferred. */
  confidence: number | null;
  ids: EventId[];
  source: string;
  streamId: string;
  /** Start of the first piece, in bytes from the start of the stream. */
  streamOffset: number;
  /** End of the last piece. */
  streamOffsetEnd: number;
  /** All byte ranges of the event, in stream order; usually one. */
  pieces: Piece[];
  output: Output | null;
  part: EventPart | null;
  gap: EventGap | null;
  /** Set where a stack trace was recognised: the class or error name it reports. */
  exceptionType: string | null;
  template: string | null;
  /** Order of the stream among those of its source, given by the store when it first stores of it; not part of the public shape. */
  chainPosition?: number;
  /** Physical lines it was made of, 1 where absent; for the balance, not stored. */
  lineCount?: number;
  /** eventId of the unfinished line (`schemas/store.ts`) that this event tells or goes on with; for the store's writer, not stored. */
  begunAs?: string;
  /** Nothing lies in `[emptyFrom, streamOffset)`, nor ever will: it counts as stored with the event. For the store's writer, not stored. */
  emptyFrom?: number;
}

/**
 * The total order of events: time, source, position in the source's chain of streams, streamOffset.
 * @returns negative where `a` comes first.
 */
export function compareEvents(a: LogEvent, b: LogEvent): number {
  if (a.timeNs !== b.timeNs) return a.timeNs < b.timeNs ? -1 : 1;
  if (a.source !== b.source) return a.source < b.source ? -1 : 1;
  const position = (a.chainPosition ?? 0) - (b.chainPosition ?? 0);
  if (position !== 0) return position;
  if (a.streamOffset !== b.streamOffset) return a.streamOffset - b.streamOffset;
  return a.eventId < b.eventId ? -1 : a.eventId > b.eventId ? 1 : 0;
}

/** Why a line without an id was given to a request. */
export interface Evidence {
  /** `worker`, `continuation`, `onlyOpen` or `content`. */
  kind: string;
  /** In words for a person. */
  because: string;
  /** The line of the request that it was concluded from. */
  eventId: string;
}

/** The public JSON shape of an event. Every key is always there, but `evidence`, which only inferred lines have. */
export interface EventJson extends Origin {
  eventId: string;
  /** RFC 3339 in UTC with nine fractional digits. */
  time: string;
  timeNs: string;
  timeSource: TimeSource;
  level: Level | null;
  message: string;
  /** Present unless the line is not valid UTF-8; then `rawBase64` stands in its place. */
  raw?: string;
  rawBase64?: string;
  fields: Fields;
  requestId: string | null;
  requestIdSource: string | null;
  confidence: number | null;
  ids: EventId[];
  source: string;
  streamId: string;
  streamOffset: number;
  streamOffsetEnd: number;
  output: Output | null;
  part: EventPart | null;
  gap: EventGap | null;
  exceptionType: string | null;
  correctedTimeNs: string | null;
  clockErrorNs: string | null;
  template: string | null;
  evidence?: Evidence;
}

const nsPerSecond = 1_000_000_000n;

/** RFC 3339 in UTC with all nine fractional digits: `2022-08-22T05:18:16.154772363Z`. */
export function formatTimeNs(timeNs: bigint): string {
  let seconds = timeNs / nsPerSecond;
  let remainder = timeNs % nsPerSecond;
  if (remainder < 0n) {
    remainder += nsPerSecond;
    seconds -= 1n;
  }
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, -5)}.${remainder.toString().padStart(9, '0')}Z`;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes as text, or null where they are not valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

export function eventToJson(event: LogEvent): EventJson {
  const text = decodeUtf8(event.raw);
  const generated = generatedIdOf(event);
  const raw = text === null ? { rawBase64: Buffer.from(event.raw).toString('base64') } : { raw: text };
  return {
    eventId: event.eventId,
    time: formatTimeNs(event.timeNs),
    timeNs: event.timeNs.toString(),
    timeSource: event.timeSource,
    service: event.service,
    container: event.container,
    pod: event.pod,
    namespace: event.namespace,
    node: event.node,
    level: event.level,
    message: event.message,
    ...raw,
    fields: event.fields,
    requestId: generated ?? event.requestId,
    requestIdSource: event.requestIdSource,
    confidence: generated === null ? event.confidence : 1,
    ids: generated === null ? event.ids : [{ kind: 'request', name: generatedSource, value: generated }, ...event.ids],
    source: event.source,
    streamId: event.streamId,
    streamOffset: event.streamOffset,
    streamOffsetEnd: event.streamOffsetEnd,
    output: event.output,
    part: event.part,
    gap: event.gap,
    exceptionType: event.exceptionType,
    correctedTimeNs: null,
    clockErrorNs: null,
    template: event.template,
  };
}
