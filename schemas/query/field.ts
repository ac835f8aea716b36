/** A field of an event by the name a query gives it. */
import { formatTimeNs, type FieldValue, type LogEvent } from '../event.ts';
import { generatedIdOf } from '../generated-id.ts';

/** Undefined where the event has no such field. An event's own key that is null is none, while a field may hold null. */
export type FieldReader = (event: LogEvent) => FieldValue | undefined;

const ownReaders = {
  eventId: event => event.eventId,
  time: event => formatTimeNs(event.timeNs),
  timeNs: event => event.timeNs.toString(),
  timeSource: event => event.timeSource,
  service: event => event.service ?? undefined,
  container: event => event.container ?? undefined,
  pod: event => event.pod ?? undefined,
  namespace: event => event.namespace ?? undefined,
  node: event => event.node ?? undefined,
  level: event => event.level ?? undefined,
  message: event => event.message,
  // Bytes that are not UTF-8 read as U+FFFD: a search should find the rest of such a line.
  raw: event => Buffer.from(event.raw.buffer, event.raw.byteOffset, event.raw.byteLength).toString(),
  requestId: event => event.requestId ?? generatedIdOf(event) ?? undefined,
  requestIdSource: event => event.requestIdSource ?? undefined,
  confidence: event => event.confidence ?? undefined,
  // Any id of the event, whatever its kind.
  id: event => idsOf(event),
  source: event => event.source,
  streamId: event => event.streamId,
  streamOffset: event => event.streamOffset,
  streamOffsetEnd: event => event.streamOffsetEnd,
  output: event => event.output ?? undefined,
  part: event => event.part?.n,
  // The cause, so that `gap:*` finds all gaps.
  gap: event => event.gap?.cause,
  exceptionType: event => event.exceptionType ?? undefined,
  template: event => event.template ?? undefined,
} as const satisfies Record<string, FieldReader>;

export type OwnField = keyof typeof ownReaders;

/** The event's own keys. Any other name, and these behind `fields.`, are names in `fields`. */
export const ownFields = Object.keys(ownReaders) as OwnField[];

export function isOwnField(name: string): name is OwnField {
  return Object.hasOwn(ownReaders, name);
}

/** How to read a field: made once per query, called once per event. */
export function fieldReader(name: string): FieldReader {
  if (isOwnField(name)) return ownReaders[name];
  // `hasOwn`, or every event would have a field named `constructor`.
  if (!name.startsWith('fields.')) return event => (Object.hasOwn(event.fields, name) ? event.fields[name] : undefined);
  const shortName = name.slice('fields.'.length);
  return event => {
    if (Object.hasOwn(event.fields, name)) return event.fields[name];
    return Object.hasOwn(event.fields, shortName) ? event.fields[shortName] : undefined;
  };
}

function idsOf(event: LogEvent): FieldValue | undefined {
  const values = event.ids.map(id => id.value);
  const requestId = event.requestId ?? generatedIdOf(event);
  if (requestId !== null && !values.includes(requestId)) values.push(requestId);
  return values.length === 0 ? undefined : values;
}
