/**
 * Aliases: ids that a line proves to be the same request. An edge is derived from an event, never stored beside it, so the proof is always the
 * line itself and a line that leaves by retention takes its edges along.
 *
 * Ranks: trace before request and correlation before span. On one line the strongest id owns the others (a star), so that a request id per hop
 * under one trace is the normal case; where request and correlation are the strongest, they are peers. Grouping kinds make no edges.
 */
import { canonicalId } from './canonical-id.ts';
import { generatedIdOf, generatedSource } from './generated-id.ts';
import { linkingIdKinds, type EventId, type IdKind, type LogEvent } from './event.ts';

/** 0 for trace, 1 for request and correlation, 2 for span; null for grouping kinds. */
export function idRank(kind: IdKind): number | null {
  switch (kind) {
    case 'trace':
      return 0;
    case 'request':
    case 'correlation':
      return 1;
    case 'span':
      return 2;
    default:
      return null;
  }
}

/** An id of an event in canonical form, with the spelling and kind its line gave it. */
export interface CanonicalEventId extends EventId {
  canonical: string;
}

/** One line proves that `lower` belongs to the request of `higher`; `peers` where both have the same rank. */
export interface AliasEdge {
  lower: CanonicalEventId;
  higher: CanonicalEventId;
  peers: boolean;
  proofEventId: string;
}

const canonical = new WeakMap<LogEvent, readonly CanonicalEventId[]>();

/** The event's ids with a canonical form, a generated one among them; placeholders are no ids and are left out. */
export function canonicalIdsOf(event: LogEvent): readonly CanonicalEventId[] {
  // A walk over a request asks each of its events again and again.
  const known = canonical.get(event);
  if (known !== undefined) return known;
  const ids: CanonicalEventId[] = [];
  const generated = generatedIdOf(event);
  if (generated !== null) ids.push({ kind: 'request', name: generatedSource, value: generated, canonical: generated });
  for (const id of event.ids) {
    const canonical = canonicalId(id.value);
    if (canonical !== null) ids.push({ ...id, canonical });
  }
  canonical.set(event, ids);
  return ids;
}

/** A trace id of 64 bits that is the low half of one of 128, as tracers write it that know no longer ones. Alone it says nothing of the high half. */
function isLowHalf(low: CanonicalEventId, whole: CanonicalEventId): boolean {
  return low.kind === 'trace' && whole.kind === 'trace' && low.canonical.length === 16 && whole.canonical.length === 32 && whole.canonical.endsWith(low.canonical);
}

/**
 * The edges that an event proves: from its strongest id to each other one. None where two different ids of kind trace stand on the line;
 * the low half of one is not another.
 * @param joins kinds that stand above traces, because the user says that they tie several into one request
 */
export function edgesOf(event: LogEvent, joins: readonly string[] = []): AliasEdge[] {
  const ids = canonicalIdsOf(event).filter(id => idRank(id.kind) !== null || joins.includes(id.kind));
  if (ids.length < 2) return [];
  const placeOf = ({ kind }: EventId): number => (joins.includes(kind) ? -1 : linkingIdKinds.indexOf(kind as never));
  ids.sort((a, b) => placeOf(a) - placeOf(b));
  const first = ids[0]!;
  const higher = ids.find(id => id.kind === first.kind && isLowHalf(first, id)) ?? first;
  const rank = joins.includes(higher.kind) ? -1 : idRank(higher.kind)!;
  if (rank === 0 && ids.some(id => id.kind === 'trace' && id.canonical !== higher.canonical && !isLowHalf(id, higher))) return [];
  if (rank === 2) return [];
  const seen = new Set([higher.canonical]);
  const edges: AliasEdge[] = [];
  for (const lower of ids) {
    if (seen.has(lower.canonical)) continue;
    seen.add(lower.canonical);
    edges.push({ lower, higher, peers: !isLowHalf(lower, higher) && (joins.includes(lower.kind) ? -1 : idRank(lower.kind)) === rank, proofEventId: event.eventId });
  }
  return edges;
}
