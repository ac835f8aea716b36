/** A field of an event by the name a query gives it. */
import { canonicalId } from '../canonical-id.ts';
import { decodeUtf8, formatTimeNs, type FieldValue, type LogEvent } from '../event.ts';

/** The event's own keys. Any other name, and these behind `fields.`, are names in `fields`. */
export const ownFields = ['service', 'container', 'pod', 'namespace', 'node', 'level', 'message', 'raw', 'requestId', 'requestIdSource', 'source', 'streamId', 'output', 'exceptionType', 'time', 'timeSource', 'template', 'eventId', 'id', 'confidence'] as const;
export type OwnField = (typeof ownFields)[number];

export function isOwnField(name: string): name is OwnField {
  return (ownFields as readonly string[]).includes(name);
}

/** How to read a field: compiled once per query, called once per event. Undefined and null both mean that the event has no such field. */
export function fieldReader(name: string): (event: LogEvent) => FieldValue | undefined {
  if (!isOwnField(name)) {
    const key = name.startsWith('fields.') ? name.slice('fields.'.length) : name;
    return event => event.fields[key];
  }
  switch (name) {
    case 'raw':
      return event => decodeUtf8(event.raw);
    case 'time':
      return event => formatTimeNs(event.timeNs);
    case 'id':
      return event => event.ids.map(id => id.value);
    default:
      return event => event[name];
  }
}

/** Whether any id of the event is the asked one, in any of its spellings. */
export function idTest(value: string): (event: LogEvent) => boolean {
  const canonical = canonicalId(value);
  return event => event.ids.some(id => (canonical === null ? id.value === value : canonicalId(id.value) === canonical));
}
