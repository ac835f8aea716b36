/** Requests newest first: those that have a line matching a query. */
import type { LogEvent } from '#schemas/event.ts';
import type { RequestsAnswer } from '#schemas/http-api.ts';
import { generatedIdOf } from '#schemas/generated-id.ts';
import { nothingScanned, type EventsRequest, type ReadContext, type StoreReader } from '#schemas/store.ts';
import { writeCursor } from './store/cursor.ts';
import { ClosureWalk, strongestIdOf, type ClosureLimits } from './timeline/closure.ts';
import { requestOf, summaryOf } from './timeline/timeline.ts';

const pageEvents = 500;
/** Pages of matching lines looked through for one answer. */
const pagesMax = 40;

/**
 * Looks through matching events newest first until `limit` requests are found. A request's place is that of its newest matching line; the cursor is
 * that of the event search, so that a page never repeats the lines of the one before, and a request that reaches over two pages may stand on both.
 */
export async function requestsOf(reader: StoreReader, request: EventsRequest, limits: ClosureLimits, context: ReadContext): Promise<RequestsAnswer> {
  const answer: RequestsAnswer = { requests: [], cursor: request.cursor, truncated: false, scanned: nothingScanned };
  // One walk for the whole answer: requests share nothing but what was read once need not be read again.
  const walk = new ClosureWalk(reader, limits, context);
  const seen = new Set<string>();
  for (let page = 0; page < pagesMax; page++) {
    const { events, cursor, truncated, scanned } = await reader.events({ ...request, cursor: answer.cursor, limit: pageEvents }, context);
    const { events: looked, bytes, blocks, passedOver, ms } = answer.scanned;
    answer.scanned = { events: looked + scanned.events, bytes: bytes + scanned.bytes, blocks: blocks + scanned.blocks, passedOver: passedOver + scanned.passedOver, ms: ms + scanned.ms };
    answer.truncated = truncated;
    for (const event of events) {
      const id = strongestIdOf(event);
      if (id === null || seen.has(id.canonical)) continue;
      seen.add(id.canonical);
      // A line that is a request by itself has no other lines.
      const found = generatedIdOf(event) === null ? await requestOf(walk, id.canonical) : { id: id.value, canonical: id.canonical, events: [event] };
      if (found === null || (seen.has(found.canonical) && found.canonical !== id.canonical)) continue;
      seen.add(found.canonical);
      answer.requests.push(summaryOf(found.id, found.events));
      if (answer.requests.length >= request.limit) return { ...answer, cursor: cursorBehind(events, event.eventId, cursor) };
    }
    answer.cursor = cursor;
    if (cursor === null || truncated) break;
  }
  return answer;
}

function cursorBehind(events: readonly LogEvent[], eventId: string, pageCursor: string | null): string | null {
  const index = events.findIndex(event => event.eventId === eventId);
  return index === events.length - 1 ? pageCursor : writeCursor(events[index]!);
}
