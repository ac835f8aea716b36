/**
 * Lines that name what only one request of the window names: an order, an amount, a session that is at work on nothing else just then. The only
 * evidence there is for a whole service that logs no id.
 *
 * Each shape of value is judged by lines that have ids: whether the other lines with that value would have said the right request. Values in the same
 * container and values in others are judged apart, because a container repeats its own.
 */
import { Record, requestOf, type Claim, type Claims } from './claim.ts';
import { isRareShape, type ContentKey } from './content-keys.ts';
import { linesPerKeyMax } from './focus.ts';
import type { WindowLine } from './window-line.ts';

export interface Span {
  fromMs: number;
  toMs: number;
}

/** A request may be named this long before its first and after its last line by a value that nobody else has. */
const beforeMsMax = 1_000;
const afterMsMax = 10_000;
const rare = { right: 19, wrong: 1 };
const common = { right: 2, wrong: 1 };
const chainsMax = 3;

interface Carrier {
  line: WindowLine;
  request: string;
  confidence: number;
}

interface Vote {
  request: string;
  confidence: number;
  key: ContentKey;
  from: WindowLine;
  record: { right: number; all: number };
}

export class ContentEvidence {
  private readonly carriers = new Map<string, Carrier[]>();
  private readonly record = new Record();
  private readonly spans: ReadonlyMap<string, Span>;
  private readonly lines: readonly WindowLine[];
  /** Values that several requests have one after the other, as a session has them. Such a value names the one that is at work, and only while it is. */
  private readonly shared: ReadonlySet<string>;
  private readonly unjudged: ReadonlySet<string>;

  /** @param unjudged values that not every line is there of */
  constructor(lines: readonly WindowLine[], spans: ReadonlyMap<string, Span>, shared: ReadonlySet<string>, unjudged: ReadonlySet<string>) {
    this.lines = lines;
    this.spans = spans;
    this.shared = shared;
    this.unjudged = unjudged;
    for (const line of lines) {
      if (line.request !== null) this.carry(line, line.request, 1);
    }
    for (const line of lines) {
      if (line.request === null) continue;
      for (const { situation, request } of this.suggestions(line)) this.record.add(situation, request === line.request);
    }
  }

  claim(claims: Claims, confidenceMin: number): void {
    for (let round = 0; round < chainsMax; round++) {
      const decided: [WindowLine, Claim][] = [];
      for (const line of this.lines) {
        if (requestOf(line, claims) !== null) continue;
        const claim = this.decide(line);
        if (claim !== null && claim.confidence >= confidenceMin) decided.push([line, claim]);
      }
      if (decided.length === 0) return;
      for (const [line, claim] of decided) {
        claims.set(line, claim);
        this.carry(line, claim.request, claim.confidence);
      }
    }
  }

  private carry(line: WindowLine, request: string, confidence: number): void {
    for (const { value } of line.keys) {
      const carriers = this.carriers.get(value);
      if (carriers === undefined) this.carriers.set(value, [{ line, request, confidence }]);
      else if (carriers.length <= linesPerKeyMax) carriers.push({ line, request, confidence });
    }
  }

  /** What each of a line's values says, by the lines of its own container and by those of others. */
  private *suggestions(line: WindowLine): Generator<{ key: ContentKey; situation: string; carrier: Carrier; request: string }> {
    for (const key of line.keys) {
      const { value } = key;
      const carriers = this.carriers.get(value);
      if (carriers === undefined || carriers.length > linesPerKeyMax || this.unjudged.has(value)) continue;
      const isShared = this.shared.has(value);
      const isRare = isRareShape(key.shape);
      // An article, a port: its next request is only a matter of time.
      if (isShared && !isRare) continue;
      for (const isOwnLane of [true, false]) {
        const found = this.owner(carriers, line, isOwnLane, isShared, isRare);
        if (found !== null) yield { key, situation: `${key.shape} ${isOwnLane} ${isShared} ${found.apart}`, request: found.carrier.request, carrier: found.carrier };
      }
    }
  }

  /**
   * A line of the one request that has the value: the one that is at work now of a shared value, the only one in reach of a rare one, the only one at
   * all of any other.
   * @returns with how far the line is from those of the request that have it: 0 between them, then more with each factor of 8 from 1 ms on
   */
  private owner(carriers: readonly Carrier[], line: WindowLine, isOwnLane: boolean, isShared: boolean, isRare: boolean): { carrier: Carrier; apart: number } | null {
    const [beforeMs, afterMs] = isShared ? [0, 0] : [beforeMsMax, afterMsMax];
    let owner: Carrier | null = null;
    let fromMs = Infinity;
    let toMs = -Infinity;
    for (const carrier of carriers) {
      if (carrier.line === line || (isRare && !this.isAt(carrier.request, line.ms, beforeMs, afterMs))) continue;
      if (owner !== null && owner.request !== carrier.request) return null;
      const { ms, lane } = carrier.line;
      if ((lane === line.lane) !== isOwnLane) {
        owner ??= carrier;
        continue;
      }
      owner = carrier;
      fromMs = Math.min(fromMs, ms);
      toMs = Math.max(toMs, ms);
    }
    if (owner === null || fromMs === Infinity || !this.isAt(owner.request, line.ms, beforeMs, afterMs)) return null;
    const ms = Math.max(fromMs - line.ms, line.ms - toMs);
    return { carrier: owner, apart: ms <= 0 ? 0 : 1 + Math.max(0, Math.ceil(Math.log2(ms) / 3)) };
  }

  private isAt(request: string, ms: number, beforeMs: number, afterMs: number): boolean {
    const span = this.spans.get(request);
    return span !== undefined && ms >= span.fromMs - beforeMs && ms <= span.toMs + afterMs;
  }

  private decide(line: WindowLine): Claim | null {
    const votes = new Map<string, Vote[]>();
    for (const { key, situation, request, carrier } of this.suggestions(line)) {
      const prior = isRareShape(key.shape) ? rare : common;
      const vote: Vote = { request, confidence: this.record.confidence(situation, prior.right, prior.wrong) * carrier.confidence, key, from: carrier.line, record: this.record.of(situation) };
      const before = votes.get(request);
      if (before === undefined) votes.set(request, [vote]);
      else before.push(vote);
    }
    const ranked = [...votes.values()].map(each => each.sort((a, b) => b.confidence - a.confidence)).sort((a, b) => b[0]!.confidence - a[0]!.confidence);
    const [first, second] = ranked;
    if (first === undefined || (second !== undefined && second[0]!.confidence > 0.5)) return null;
    const best = first[0]!;
    const other = first.find(vote => vote.key.text !== best.key.text);
    const { right, all } = best.record;
    return {
      request: best.request, kind: 'content', from: best.from,
      // A second value of its own says the same: half of what was left to doubt.
      confidence: other === undefined || other.confidence < 0.5 ? best.confidence : 1 - (1 - best.confidence) * 0.5,
      because: `"${best.key.text}" stands in lines of this request${all === 0 ? ' and of no other' : `; such a value named the right request ${right} of ${all} times`}`,
    };
  }
}
