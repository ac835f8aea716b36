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
import { windowLines, type WindowLine } from './window-line.ts';
import { claimByWorker } from './worker.ts';

export interface Inherited {
  event: LogEvent;
  claim: Claim;
}

/** A request is taken to be at work this long before its first and after its last line. */
const slackMs = 20;

/**
 * @param events all that happened in the window
 * @param rootOf canonical id -> canonical id of its request, for what is known
 * @param windowMs how much time was looked at
 * @returns the lines of `request` that carry no id, with a confidence of at least `confidenceMin`
 */
export function inherit(events: readonly LogEvent[], rootOf: ReadonlyMap<string, string>, request: string, confidenceMin: number, windowMs: number): Inherited[] {
  const found: Inherited[] = [];
  const { claims, wholeOf } = claimsOf(windowLines(events, rootOf), confidenceMin, windowMs);
  const whole = wholeOf(request);
  for (const [line, claim] of claims) if (claim.request === whole && claim.confidence >= confidenceMin) found.push({ event: line.event, claim });
  return found;
}

/**
 * @param lines of the window; their requests become those of the wholes they are halves of
 * @returns the claims, and what request each is a half of
 */
export function claimsOf(lines: readonly WindowLine[], confidenceMin: number, windowMs: number): { claims: Claims; wholeOf: (request: string) => string } {
  const claims: Claims = new Map();
  const shared = sharedValues(lines);
  const wholeOf = wholes(lines, shared);
  for (const line of lines) if (line.request !== null) line.request = wholeOf(line.request);
  const spans = spansOf(lines);
  const lanes = [...Map.groupBy(lines, line => line.lane).values()];
  const content = new ContentEvidence(lines, spans, shared);
  const byWorker = (): void => {
    for (const lane of lanes) {
      claimByWorker(lane, claims, line => line.tag, 'worker', confidenceMin);
      claimContinuations(lane, claims);
    }
  };
  byWorker();
  const opened = { othersAt: openAt(spans) };
  for (const lane of lanes) claimOnlyOpen(lane, claims, opened, confidenceMin, windowMs);
  content.claim(claims, confidenceMin);
  for (const lane of lanes) claimByWorker(lane, claims, sharedIdOf, 'content', confidenceMin);
  // Lines that what they say has found are lines of the request now, and their worker's other lines with them.
  byWorker();
  return { claims, wholeOf };
}

function spansOf(lines: readonly WindowLine[]): Map<string, Span> {
  const spans = new Map<string, Span>();
  for (const { request, ms } of lines) {
    if (request === null) continue;
    const span = spans.get(request);
    if (span === undefined) spans.set(request, { fromMs: ms, toMs: ms });
    else {
      if (ms < span.fromMs) span.fromMs = ms;
      if (ms > span.toMs) span.toMs = ms;
    }
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
