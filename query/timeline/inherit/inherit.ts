/**
 * Which request a line without an id belongs to, for all lines of a window at once: two requests may claim the same line, and who asks for one of them
 * must not change whose it is. A step: no store, no clock.
 *
 * In the order of evidence: same worker, continuation of the line above, the only request at work there, what the lines say. A line that one kind
 * decides is decided; a kind that finds two with a claim gives it to nobody and leaves it to the next.
 */
import type { LogEvent } from '#schemas/event.ts';
import type { Claim, Claims } from './claim.ts';
import { ContentEvidence, type Span } from './content.ts';
import { claimContinuations } from './continuation.ts';
import { claimOnlyOpen } from './only-open.ts';
import { sharedIdOf, sharedValues, wholes } from './shared-values.ts';
import { focusOn, workerKey, type Focus } from './focus.ts';
import { Stories } from './story.ts';
import type { WindowColumns } from './window-columns.ts';
import type { WindowLine } from './window-line.ts';
import { claimByWorker, type Worker } from './worker.ts';

export interface Inherited {
  event: LogEvent;
  claim: Claim;
}

/** A request is taken to be at work this long before its first and after its last line. */
const slackMs = 20;

/**
 * @param window all that was read around the request
 * @returns the lines of the request asked for that carry no id, with a confidence of at least `confidenceMin`
 */
export function inherit(window: WindowColumns, confidenceMin: number): Inherited[] {
  const focus = focusOn(window);
  const { lines } = focus;
  const shared = sharedValues(lines);
  const wholeOf = wholes(lines, shared);
  for (const line of new Set([...lines, ...focus.placed])) if (line.request !== null) line.request = wholeOf(line.request);
  const claims = claimsOf(focus, spansOf(window, wholeOf), shared, confidenceMin);
  const whole = wholeOf(window.requests[window.own]!.canonical);
  claimByStory(window, focus, claims, whole, wholeOf, confidenceMin);
  const found: Inherited[] = [];
  for (const [line, claim] of claims) if (claim.request === whole && claim.confidence >= confidenceMin) found.push({ event: line.event, claim });
  return found;
}

function claimsOf(focus: Focus, spans: ReadonlyMap<string, Span>, shared: ReadonlySet<string>, confidenceMin: number): Claims {
  const claims: Claims = new Map();
  const { lines } = focus;
  const lanes = [...Map.groupBy(lines, line => line.lane).values()];
  const content = new ContentEvidence(lines, spans, shared, focus.unjudged);
  const byWorker = (): void => {
    for (const lane of lanes) {
      claimByWorker(lane, claims, line => whollyThere(line, line.tag, line.tag !== null && focus.workers.has(workerKey(line.lane, line.tag))), 'worker', confidenceMin);
      claimContinuations(lane, claims);
    }
  };
  byWorker();
  const opened = { othersAt: openAt(spans) };
  for (const [lane, placed] of Map.groupBy(focus.placed, line => line.lane)) claimOnlyOpen(placed, claims, opened, confidenceMin, focus.ownLanes.has(lane) ? focus.ownLanesMs : focus.othersMs);
  content.claim(claims, confidenceMin);
  for (const lane of lanes) {
    claimByWorker(lane, claims, line => {
      const id = sharedIdOf(line);
      return whollyThere(line, id, id !== null && focus.values.has(id.toLowerCase()) && !focus.unjudged.has(id.toLowerCase()));
    }, 'content', confidenceMin);
  }
  // Lines that what they say has found are lines of the request now, and their worker's other lines with them.
  byWorker();
  return claims;
}

/** What other evidence has not decided. */
function claimByStory(window: WindowColumns, { coveredMs }: Focus, claims: Claims, whole: string, wholeOf: (request: string) => string, confidenceMin: number): void {
  const halves = new Set<number>();
  for (const [number, { canonical }] of window.requests.entries()) if (wholeOf(canonical) === whole) halves.add(number);
  for (const [index, claim] of new Stories(window, coveredMs).claims(halves, index => claims.has(window.line(index)))) {
    if (claim.confidence >= confidenceMin) claims.set(window.line(index), { ...claim, request: whole, from: window.line(claim.from) });
  }
}

/** A worker in a stretch of which every line is there is one that is known there only. */
function whollyThere({ stretch }: WindowLine, worker: string | null, isEverywhere: boolean): Worker | null {
  return worker === null || (stretch < 0 && !isEverywhere) ? null : { name: worker, key: isEverywhere ? worker : `${worker} ${stretch}` };
}

/** From each request's first line to its last, over all lines of the window. */
function spansOf({ length, ms, request, requests }: WindowColumns, wholeOf: (request: string) => string): Map<string, Span> {
  const ofNumber: (Span | undefined)[] = [];
  for (let index = 0; index < length; index++) {
    const number = request[index]!;
    if (number < 0) continue;
    const span = ofNumber[number];
    if (span === undefined) ofNumber[number] = { fromMs: ms[index]!, toMs: ms[index]! };
    else {
      if (ms[index]! < span.fromMs) span.fromMs = ms[index]!;
      if (ms[index]! > span.toMs) span.toMs = ms[index]!;
    }
  }
  const spans = new Map<string, Span>();
  for (const [number, span] of ofNumber.entries()) {
    if (span === undefined) continue;
    const whole = wholeOf(requests[number]!.canonical);
    const known = spans.get(whole);
    spans.set(whole, known === undefined ? span : { fromMs: Math.min(known.fromMs, span.fromMs), toMs: Math.max(known.toMs, span.toMs) });
  }
  return spans;
}

/** How many requests other than one are at work at a moment. */
function openAt(spans: ReadonlyMap<string, Span>): (ms: number, request: string) => number {
  const starts = [...spans.values()].map(({ fromMs }) => fromMs - slackMs).sort((a, b) => a - b);
  const ends = [...spans.values()].map(({ toMs }) => toMs + slackMs).sort((a, b) => a - b);
  return (ms, request) => {
    const open = countUpTo(starts, ms) - countUpTo(ends, ms);
    const own = spans.get(request);
    return own !== undefined && ms >= own.fromMs - slackMs && ms < own.toMs + slackMs ? open - 1 : open;
  };
}

function countUpTo(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
