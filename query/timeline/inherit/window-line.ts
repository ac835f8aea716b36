/** A line as inference sees it: whose it is, what it says, and who wrote it. */
import { canonicalIdsOf, edgesOf, idRank } from '#schemas/alias.ts';
import type { IdKind, LogEvent } from '#schemas/event.ts';
import { generatedSource } from '#schemas/generated-id.ts';
import { strongestIdOf } from '../closure.ts';
import { contentKeysOf, type ContentKey } from './content-keys.ts';
import { remembered } from './remembered.ts';

export interface WindowLine {
  event: LogEvent;
  /** Milliseconds since the start of the window. */
  ms: number;
  /** Canonical id of the request that the line's own ids name, or null. */
  request: string | null;
  /** Kind of that id. */
  requestKind: IdKind | null;
  /** Who wrote it, and nobody else writes there: the source. */
  lane: string;
  /** Worker, thread or connection that the line names, or null. */
  tag: string | null;
  /** The message without what differs from line to line: a line that lost its id has the one it had with it. */
  template: string;
  keys: ContentKey[];
}

const templateCharsMax = 240;
/** Ids, times, amounts; and what stands where one is missing. */
const isVariable = /\d|^[-?]$/;

/** Not the event's own template, which says where an id was. */
export function templateOf({ message }: LogEvent): string {
  return message.slice(0, templateCharsMax).split(/\s+/).filter(word => word !== '' && !isVariable.test(word)).join(' ');
}

/** Field names that say which of several workers wrote a line. A process id does not: it is the same in all lines of most. */
const tagField = /(?:^|[._])(?:thread(?:[._]?(?:name|id))?|tid|worker(?:[._]?(?:name|id))?|goroutine(?:[._]?id)?|fiber(?:[._]?id)?|conn(?:ection)?(?:[._]?id)?)$/i;
/** `[http-nio-8080-exec-3]`, `(pool-1-thread-2)`, nginx' `31#31: *1234`. A number must be in it, or there is only one. */
const tagInText = /^(?:\[([^\]\s]{1,63}\d)\]|\(([^)\s]{1,63}\d)\)|(?:\d+#\d+: )?\*(\d{1,18}) )/;
const longHex = /^[0-9a-f-]{16,}$/i;
/** Workers that take turns with many requests by their nature. */
const sharedWorker = /event-?loop|\bnio-|dispatcher|tokio|reactor|^main(?:thread)?$/i;

const isTag = remembered(name => tagField.test(name));

export function tagOf({ fields, message }: LogEvent): string | null {
  for (const name in fields) {
    if (!isTag(name)) continue;
    const value = fields[name];
    if ((typeof value === 'string' && value !== '' && value.length <= 100) || typeof value === 'number') return usable(String(value));
  }
  const match = tagInText.exec(message);
  return match === null ? null : usable((match[1] ?? match[2] ?? match[3])!);
}

function usable(tag: string): string | null {
  return sharedWorker.test(tag) && !/exec-\d+$/.test(tag) ? null : longHex.test(tag) && !/^\d+$/.test(tag) ? null : tag;
}

/**
 * The lines of a window, in the order of their lanes. Ids that a line of the window ties to exactly one stronger id are that one's.
 * @param rootOf the request of an id that is known for sure already, by its canonical form
 */
export function windowLines(events: readonly LogEvent[], rootOf: ReadonlyMap<string, string>): WindowLine[] {
  const owners = new Map<string, string | null>();
  for (const event of events) {
    if (event.ids.length < 2) continue;
    for (const { lower, higher } of edgesOf(event)) {
      const known = owners.get(lower.canonical);
      if (known === undefined) owners.set(lower.canonical, higher.canonical);
      else if (known !== higher.canonical) owners.set(lower.canonical, null);
    }
  }
  const kinds = new Map<string, IdKind>();
  for (const event of events) if (event.ids.length > 0) for (const { canonical, kind } of canonicalIdsOf(event)) if (idRank(kind) !== null) kinds.set(canonical, kind);
  const requestOf = (canonical: string): string => {
    let at = canonical;
    for (let depth = 0; depth < 4; depth++) {
      const root = rootOf.get(at);
      if (root !== undefined) return root;
      const owner = owners.get(at);
      if (owner === undefined || owner === null) break;
      at = owner;
    }
    return at;
  };
  let startNs: bigint | null = null;
  for (const { timeNs } of events) if (startNs === null || timeNs < startNs) startNs = timeNs;
  const lines: WindowLine[] = [];
  for (const event of events) {
    if (event.gap !== null) continue;
    const own = event.ids.length === 0 && event.requestIdSource !== generatedSource ? null : ownIdOf(event, rootOf);
    const request = own === null ? null : requestOf(own);
    const { timeNs } = event;
    lines.push({
      event, ms: Number(timeNs - startNs!) / 1e6, request, requestKind: request === null ? null : (kinds.get(request) ?? null), lane: event.source, tag: tagOf(event), template: templateOf(event), keys: contentKeysOf(event, Number(timeNs / 1_000_000n)),
    });
  }
  return lines.sort((a, b) => (a.lane < b.lane ? -1 : a.lane > b.lane ? 1 : (a.event.chainPosition ?? 0) - (b.event.chainPosition ?? 0) || a.event.streamOffset - b.event.streamOffset));
}

/** An id of the line that is known already, else its strongest. */
function ownIdOf(event: LogEvent, rootOf: ReadonlyMap<string, string>): string | null {
  const known = canonicalIdsOf(event).find(id => rootOf.has(id.canonical));
  if (known !== undefined) return known.canonical;
  // An id that we made ties the line to nothing: it may well be another request's.
  return event.requestIdSource === generatedSource ? null : (strongestIdOf(event)?.canonical ?? null);
}
