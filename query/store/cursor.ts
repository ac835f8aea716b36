/** Where a page of a search ended: the place of its last event in the total order, as opaque text. */
import { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';

export interface EventPlace {
  timeNs: bigint;
  source: string;
  chainPosition: number;
  streamOffset: number;
  eventId: string;
}

export function writeCursor(event: LogEvent): string {
  return Buffer.from(JSON.stringify([event.timeNs.toString(), event.source, event.chainPosition ?? 0, event.streamOffset, event.eventId])).toString('base64url');
}

/** @throws LeadlineError BAD_CURSOR. */
export function readCursor(cursor: string): EventPlace {
  try {
    const place = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as [string, string, number, number, string];
    return { timeNs: BigInt(place[0]), source: place[1], chainPosition: place[2], streamOffset: place[3], eventId: place[4] };
  } catch (error) {
    throw new LeadlineError('BAD_CURSOR', { value: cursor }, { cause: error });
  }
}

/** Negative where `event` comes before `place` when read newest first; 0 for the place itself. */
export function newestFirst(event: LogEvent, place: EventPlace): number {
  if (event.timeNs !== place.timeNs) return event.timeNs > place.timeNs ? -1 : 1;
  if (event.source !== place.source) return event.source > place.source ? -1 : 1;
  const position = (event.chainPosition ?? 0) - place.chainPosition;
  if (position !== 0) return position > 0 ? -1 : 1;
  if (event.streamOffset !== place.streamOffset) return event.streamOffset > place.streamOffset ? -1 : 1;
  return event.eventId > place.eventId ? -1 : event.eventId < place.eventId ? 1 : 0;
}
