/**
 * Lines of one worker, thread or connection. One that works for one request at a time writes that request's lines one after the other, so a line
 * between two of a request is the request's, and so are those before and after as long as nothing says that another request began.
 *
 * Whether the workers of a lane work so is looked up in the lane: where lines with ids show that they take turns, the tag says nothing.
 */
import { confidenceOf, Record, requestOf, type Claims, type EvidenceKind } from './claim.ts';
import type { WindowLine } from './window-line.ts';

/** Between two lines of one request by the same worker. */
const betweenMsMax = 60_000;
/** Beyond the first and last. */
const beyondMsMax = 10_000;
/** What is assumed of a worker tag before anything was seen of it. */
const between = { right: 19, wrong: 1 };
const pairsMin = 3;

/** Who wrote lines of which none is missing between those that are there. */
export interface Worker {
  /** For a person. */
  name: string;
  /** Tells it from others. */
  key: string;
}

/**
 * @param lane lines of one source, in order
 * @param workerOf who wrote a line or for whom it was written, or null
 * @param kind what the evidence counts as
 * @param confidenceMin less is left to other evidence
 */
export function claimByWorker(lane: readonly WindowLine[], claims: Claims, workerOf: (line: WindowLine) => Worker | null, kind: EvidenceKind, confidenceMin: number): void {
  const workers = new Map<string, { name: string; lines: WindowLine[] }>();
  for (const line of lane) {
    const worker = workerOf(line);
    if (worker === null) continue;
    const known = workers.get(worker.key);
    if (known === undefined) workers.set(worker.key, { name: worker.name, lines: [line] });
    else known.lines.push(line);
  }
  if (workers.size === 0) return;
  const record = new Record();
  for (const { lines } of workers.values()) judgeBetween(lines, record);
  const sure = record.confidence('between', between.right, between.wrong);
  for (const { name, lines } of workers.values()) claimBetween(name, lines, claims, sure, record.of('between'), kind, confidenceMin);
  // What lies between two lines of a request teaches which messages follow each other in one.
  const pairs = new Record();
  for (const { lines } of workers.values()) judgePairs(lines, claims, pairs);
  for (const { name, lines } of workers.values()) {
    for (let index = 1; index < lines.length; index++) extend(name, lines[index - 1]!, lines[index]!, claims, pairs, sure, false, kind, confidenceMin);
    for (let index = lines.length - 2; index >= 0; index--) extend(name, lines[index + 1]!, lines[index]!, claims, pairs, sure, true, kind, confidenceMin);
  }
}

/** Every line with an id whose neighbours with ids have one request between them. */
function judgeBetween(lines: readonly WindowLine[], record: Record): void {
  const known = lines.filter(line => line.request !== null);
  for (let index = 1; index + 1 < known.length; index++) {
    const [before, line, after] = [known[index - 1]!, known[index]!, known[index + 1]!];
    if (before.request === after.request && after.ms - before.ms <= betweenMsMax) record.add('between', line.request === before.request);
  }
}

function claimBetween(worker: string, lines: readonly WindowLine[], claims: Claims, sure: number, seen: { right: number; all: number }, kind: EvidenceKind, confidenceMin: number): void {
  let last = -1;
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    const request = requestOf(line, claims);
    if (request === null) continue;
    const before = last < 0 ? null : lines[last]!;
    if (before !== null && index - last > 1 && requestOf(before, claims) === request && line.ms - before.ms <= betweenMsMax) {
      const confidence = sure * Math.min(confidenceOf(before, claims), confidenceOf(line, claims));
      for (const inside of confidence < confidenceMin ? [] : lines.slice(last + 1, index)) {
        claims.set(inside, { request, kind, confidence, from: before, because: `it is ${worker}'s, between two lines of this request${seen.all === 0 ? '' : `; where lines have ids, that was right ${seen.right} of ${seen.all} times here`}` });
      }
    }
    last = index;
  }
}

const pairOf = (first: WindowLine, second: WindowLine): string => `${first.wording} ${second.wording}`;

function judgePairs(lines: readonly WindowLine[], claims: Claims, pairs: Record): void {
  for (let index = 1; index < lines.length; index++) {
    const [first, second] = [lines[index - 1]!, lines[index]!];
    const [a, b] = [requestOf(first, claims), requestOf(second, claims)];
    if (a !== null && b !== null) pairs.add(pairOf(first, second), a === b);
  }
}

/** From a line whose request is known to its neighbour. @param backwards where the neighbour is the earlier one */
function extend(worker: string, known: WindowLine, line: WindowLine, claims: Claims, pairs: Record, sure: number, backwards: boolean, kind: EvidenceKind, confidenceMin: number): void {
  const request = requestOf(known, claims);
  if (request === null || requestOf(line, claims) !== null || Math.abs(line.ms - known.ms) > beyondMsMax) return;
  const [first, second] = backwards ? [line, known] : [known, line];
  const seen = pairs.of(pairOf(first, second));
  if (seen.all < pairsMin) return;
  const confidence = pairs.confidence(pairOf(first, second), 1, 0.1) * sure ** 0.2 * confidenceOf(known, claims);
  if (confidence < confidenceMin) return;
  claims.set(line, { request, kind, confidence, from: known, because: `it is ${worker}'s, straight ${backwards ? 'before' : 'after'} a line of this request; these two messages were one request's ${seen.right} of ${seen.all} times` });
}
