/**
 * Inference when a timeline is asked: reads what happened while the request was at work, and a little before and after, and lets `inherit/` decide.
 * Nothing of it is stored, so a line that came late counts at once and another version of the rules needs nothing rewritten.
 */
import type { CanonicalEventId } from '#schemas/alias.ts';
import { eventToJson, type EventJson, type LogEvent } from '#schemas/event.ts';
import type { ReadContext, StoreReader, TimeRange, WindowPart } from '#schemas/store.ts';
import { inherit } from './inherit/inherit.ts';
import { WindowColumns } from './inherit/window-columns.ts';

export interface InferenceLimits {
  inferenceEventsMax: number;
  inferenceMsMax: number;
  /** Percent. */
  inferenceConfidenceMin: number;
}

export interface InferredLine {
  event: LogEvent;
  json: EventJson;
}

export interface Inference {
  lines: InferredLine[];
  /** Events looked at. */
  events: number;
  ms: number;
  /** Why less was looked at than should have been, or null. */
  cutBecause: string | null;
}

const nsPerMs = 1_000_000n;
/** Lines that may be the request's lie this near to one of its own; where so much is written that this is too much to look at, nearer. */
const reachesMs = [100n, 1_000n, 3_000n, 10_000n];
const reachMs = reachesMs.at(-1)!;
/** What is looked at besides, to see what is usual, where the lines so far are too few for that. */
const surroundingsMs = [15_000n, 30_000n, 60_000n];
const surroundingsEventsMax = 5_000;

/** @param events direct lines of the request, at least one @param ids canonical forms of its ids @param root its strongest id */
export async function inferLines(reader: StoreReader, events: readonly LogEvent[], ids: readonly string[], root: CanonicalEventId, limits: InferenceLimits, context: ReadContext): Promise<Inference> {
  const startedMs = performance.now();
  const elapsed = (): number => performance.now() - startedMs;
  const budget = (read: number): ReadContext => ({ ...context, budget: { ...context.budget, eventsMax: limits.inferenceEventsMax - read, msMax: limits.inferenceMsMax - elapsed() } });
  let ranges: TimeRange[] = [];
  let parts: WindowPart[] = [];
  let found = 0;
  let looked = 0;
  let readMs = 0;
  let reached = 0n;
  for (const beyondMs of [...reachesMs, ...surroundingsMs]) {
    const isSurroundings = beyondMs > reachMs;
    if (isSurroundings && (found === 0 || looked >= surroundingsEventsMax || elapsed() > limits.inferenceMsMax / 4)) break;
    const wider = rangesAround(events, beyondMs);
    // All of it is read from the first line without an id on; before, there is nothing to decide.
    const more = await reader.window(found === 0 ? wider : without(wider, ranges), found === 0, budget(found));
    looked += more.scanned.events;
    if (more.truncated) break;
    parts = [...parts, ...more.parts];
    for (const { rows } of more.parts) found += rows.length;
    if (!isSurroundings) reached = beyondMs;
    ranges = wider;
    readMs = Number(beyondMs);
  }
  const limit = `${limits.inferenceEventsMax} lines, or more than ${limits.inferenceMsMax} ms of work, lie`;
  if (reached === 0n) return { lines: [], events: looked, ms: elapsed(), cutBecause: `lines without an id are left out: more than ${limit} around the request` };
  const cutBecause = reached === reachMs ? null : `lines without an id were looked for only ${Number(reached) / 1000} s around the lines with one: more than ${limit} within ${Number(reachMs) / 1000} s`;
  const inherited = found === 0 ? [] : inherit(new WindowColumns(parts, new Set([...ids, root.canonical]), root, readMs), limits.inferenceConfidenceMin / 100);
  const lines = inherited.map(({ event, claim }): InferredLine => ({
    event,
    json: { ...eventToJson(event), ids: event.ids, requestId: root.value, requestIdSource: 'inherited', confidence: Math.floor(claim.confidence * 1000) / 1000, evidence: { kind: claim.kind, because: claim.because, eventId: claim.from.event.eventId } },
  }));
  return { lines, events: looked, ms: elapsed(), cutBecause };
}

/** Ranges within reach of the events, ascending, none touching another. */
function rangesAround(events: readonly LogEvent[], ms: bigint): TimeRange[] {
  const reach = ms * nsPerMs;
  const times = events.map(event => event.timeNs).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const ranges: TimeRange[] = [];
  for (const timeNs of times) {
    const last = ranges.at(-1);
    if (last !== undefined && timeNs - reach <= last.toNs) last.toNs = timeNs + reach;
    else ranges.push({ fromNs: timeNs - reach, toNs: timeNs + reach });
  }
  return ranges;
}

/** What of the wider ranges is not in the narrower ones, each of which lies in one of them. */
function without(wider: readonly TimeRange[], narrower: readonly TimeRange[]): TimeRange[] {
  const left: TimeRange[] = [];
  for (const { fromNs, toNs } of wider) {
    let at = fromNs;
    for (const inner of narrower) {
      if (inner.toNs <= at || inner.fromNs >= toNs) continue;
      if (inner.fromNs > at) left.push({ fromNs: at, toNs: inner.fromNs });
      at = inner.toNs;
    }
    if (at < toNs) left.push({ fromNs: at, toNs });
  }
  return left;
}
