/**
 * Lines between others of one container. Where only one request is at work there, a line between two of its lines is its own. With several at work
 * that is right or wrong with how close the lines lie and what they say, so it is looked up how often it was right with lines of the same container
 * that do have ids.
 */
import { Record, type Claim, type Claims } from './claim.ts';
import type { WindowLine } from './window-line.ts';

export interface Opened {
  /** Requests at work anywhere at a moment of the window, the one asked about left out. */
  othersAt(ms: number, request: string): number;
}

const pauseMsMax = 10_000;
/** Of a message's lines, those that must be between lines of one request; and how likely that may be by chance. */
const insideMin = 0.9;
const chanceMax = 0.1;
/** Assumed where no other request is at work anywhere, and where others are. */
const alone = { right: 19, wrong: 1 };
const together = { right: 1, wrong: 1 };

const bucketOf = (ms: number): number => Math.max(0, Math.round(Math.log2(Math.max(ms, 0.03125) * 32) / 2));

interface Neighbours {
  before: WindowLine | null;
  after: WindowLine | null;
}

interface Situation {
  key: string;
  request: string;
  from: WindowLine;
  prior: { right: number; wrong: number };
  says: string;
}

/** What the neighbours of a line with ids suggest, as situations that come again. */
function situationsOf(line: WindowLine, { before, after }: Neighbours, opened: Opened): Situation[] {
  const found: Situation[] = [];
  const near = (other: WindowLine | null): other is WindowLine => other !== null && other.placedStretch === line.placedStretch && Math.abs(other.ms - line.ms) <= pauseMsMax;
  if (near(before) && near(after) && before.request === after.request) {
    const gap = bucketOf(after.ms - before.ms);
    const request = before.request!;
    const isAlone = opened.othersAt(line.ms, request) === 0;
    const prior = isAlone ? alone : together;
    const says = `it stands between two lines of this request in the same container${isAlone ? ', and no other request was at work' : ''}`;
    found.push({ key: `between ${isAlone} ${gap}`, request, from: before, prior, says });
    found.push({ key: `between ${isAlone} ${gap}/${line.wording}`, request, from: before, prior, says });
    found.push({ key: `between all/${before.wording}/${line.wording}/${after.wording}`, request, from: before, prior: together, says });
  }
  const sides = 'its neighbour in the same container is a line of this request';
  if (near(before)) found.push({ key: `before ${bucketOf(line.ms - before.ms)}/${before.wording}/${line.wording}`, request: before.request!, from: before, prior: together, says: sides });
  if (near(after)) found.push({ key: `after ${bucketOf(after.ms - line.ms)}/${line.wording}/${after.wording}`, request: after.request!, from: after, prior: together, says: sides });
  return found;
}

/** @param lane lines of one source, in order, every one of each stretch @param windowMs how much time was looked at */
export function claimOnlyOpen(lane: readonly WindowLine[], claims: Claims, opened: Opened, confidenceMin: number, windowMs: number): void {
  const known = lane.filter(line => line.request !== null);
  if (known.length < 2 || known.length === lane.length) return;
  const record = new Record();
  for (let index = 0; index < known.length; index++) {
    const line = known[index]!;
    for (const { key, request } of situationsOf(line, { before: known[index - 1] ?? null, after: known[index + 1] ?? null }, opened)) record.add(key, request === line.request);
  }
  const afterOf: (WindowLine | null)[] = [];
  let after: WindowLine | null = null;
  for (let index = lane.length - 1; index >= 0; index--) {
    afterOf[index] = after;
    if (lane[index]!.request !== null) after = lane[index]!;
  }
  const decided = new Map<WindowLine, Claim>();
  let before: WindowLine | null = null;
  for (const [index, line] of lane.entries()) {
    if (line.request !== null) {
      before = line;
      continue;
    }
    if (claims.has(line)) continue;
    const claim = decide(situationsOf(line, { before, after: afterOf[index]! }, opened), record);
    if (claim !== null && claim.confidence >= confidenceMin) decided.set(line, claim);
  }
  const bound = requestBound(lane, decided, busyMs(known) / windowMs);
  for (const [line, claim] of decided) if (bound(line)) claims.set(line, claim);
}

function decide(situations: readonly Situation[], record: Record): Claim | null {
  const best = new Map<string, Claim>();
  for (const { key, request, from, prior, says } of situations) {
    const confidence = record.confidence(key, prior.right, prior.wrong);
    const known = best.get(request);
    if (known !== undefined && known.confidence >= confidence) continue;
    const { right, all } = record.of(key);
    best.set(request, { request, kind: 'onlyOpen', confidence, from, because: `${says}${all === 0 ? '' : `; in such places a line with an id was the request's own ${right} of ${all} times`}` });
  }
  const [first, second] = [...best.values()].sort((a, b) => b.confidence - a.confidence);
  if (first === undefined || (second !== undefined && second.confidence > 0.5)) return null;
  return first;
}

/** How long some request was at work here: from each line with an id to the next, where they are one request's. */
function busyMs(known: readonly WindowLine[]): number {
  let ms = 0;
  for (let index = 1; index < known.length; index++) if (known[index]!.request === known[index - 1]!.request) ms += Math.max(0, known[index]!.ms - known[index - 1]!.ms);
  return ms;
}

/**
 * Lines of housekeeping (a cache was filled, a probe was answered) stand between a request's lines by chance, the more often the busier the container is.
 * So a message that never has an id here must not be found where no request is at work, and be found among requests more often than by chance.
 * @param busy part of the time in which a request was at work here
 */
function requestBound(lane: readonly WindowLine[], decided: ReadonlyMap<WindowLine, Claim>, busy: number): (line: WindowLine) => boolean {
  const withId = new Set(lane.filter(line => line.request !== null).map(line => line.wording));
  const counts = new Map<number, { inside: number; all: number }>();
  for (const line of lane) {
    if (line.request !== null || withId.has(line.wording)) continue;
    const count = counts.get(line.wording) ?? { inside: 0, all: 0 };
    count.all += 1;
    if (decided.has(line)) count.inside += 1;
    counts.set(line.wording, count);
  }
  return line => {
    const count = counts.get(line.wording);
    return count === undefined || (count.inside >= insideMin * count.all && Math.min(1, busy) ** count.inside <= chanceMax);
  };
}
