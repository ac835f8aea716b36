/**
 * The id of a request that nobody gave one: made of the place of the line that tells of it, so that it needs no room in a store, the same bytes have the
 * same one whenever they are read, and its line is found by it. An event says only that it has one (`requestIdSource` is `generated`).
 */
import type { LogEvent } from './event.ts';

export const generatedSource = 'generated';

const plainPrefix = 'gen-';
const hexPrefix = 'genx-';
/** In canonical form ids are in small letters. */
const isPlain = /^[a-z0-9.-]+:\d+$/;

/** Null where the event has an id of its own, or is no request. */
export function generatedIdOf({ requestIdSource, eventId }: Pick<LogEvent, 'requestIdSource' | 'eventId'>): string | null {
  if (requestIdSource !== generatedSource) return null;
  return isPlain.test(eventId) ? plainPrefix + eventId.replace(':', '-') : hexPrefix + Buffer.from(eventId).toString('hex');
}

/** The event that an id was made of; null where it is no such id. */
export function eventIdOfGenerated(id: string): string | null {
  if (id.startsWith(hexPrefix) && /^(?:[0-9a-f]{2})+$/.test(id.slice(hexPrefix.length))) return Buffer.from(id.slice(hexPrefix.length), 'hex').toString();
  const at = id.lastIndexOf('-');
  const eventId = `${id.slice(plainPrefix.length, at)}:${id.slice(at + 1)}`;
  return id.startsWith(plainPrefix) && isPlain.test(eventId) ? eventId : null;
}
