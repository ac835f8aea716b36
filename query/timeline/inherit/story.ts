/**
 * Lines of containers that name no id at all, by their place in the story of a request. Requests like one another write the same lines with ids; where
 * nearly each of them has just as many of some line without an id at one place of that story, such a line is that request's when it stands there again,
 * unless another request that is at work then has a place for it as well.
 *
 * Whether a request is the only one at work says less: what runs behind others (a queue, a batch) writes its lines while one request is at work that is
 * another's. Of a worker's lines in the demo two of three would be given wrong by that.
 *
 * Lines that come by themselves, such as a heartbeat, must not be taken for a request's because they are often enough there: so many in such places must
 * be unlikely by the part of the time that such places take up (a binomial test).
 */
import { binomialTail } from './binomial.ts';
import type { Claim } from './claim.ts';
import type { Span } from './content.ts';
import type { WindowColumns } from './window-columns.ts';

/** Requests like it. */
const requestsMin = 12;
/** Of those, that have just as many of the line there. */
const regularMin = 0.95;
const chanceMax = 0.01;
/** Places looked at for one timeline. */
const workMax = 200_000;
const quotedCharsMax = 60;
/** From the first line to the last. */
const wholeStory = -1;

/** Lines of a request with ids that follow each other in time, and what stands between them; or all of them. */
interface Place {
  name: number;
  fromMs: number;
  toMs: number;
  /** The line with an id that it begins with, and the one that it ends with. */
  first: number;
  last: number;
}

/** What is known of places of one name in requests that are alike. */
interface PlaceCount {
  requests: number;
  ms: number;
  /** By kind of line: how many places have so many of it, and how many lines that is. */
  kinds: Map<number, { lines: number; having: Map<number, number>; isByChance: boolean | null }>;
}

/** A request's line without an id, by index, and why it is. */
type Found = Map<number, Omit<Claim, 'request' | 'from'> & { from: number }>;

export class Stories {
  private readonly window: WindowColumns;
  private readonly coveredMs: number;
  /** Lines with ids by request: those of `number` from `starts[number]` on. */
  private readonly starts: Uint32Array;
  private readonly byRequest: Uint32Array;
  private readonly stories = new Map<number, number[]>();
  private readonly spans = new Map<number, Span>();
  /** Those of each request that is like others, itself among them. */
  private readonly alike = new Map<number, readonly number[]>();
  private readonly counts = new Map<readonly number[], Map<number, PlaceCount>>();
  /** Lines without an id of the kinds that are asked for, in the order of time. */
  private without: number[] = [];
  private readonly ofKind = new Map<number, number[]>();
  private work = 0;

  /** @param coveredMs how much time the window holds */
  constructor(window: WindowColumns, coveredMs: number) {
    this.window = window;
    this.coveredMs = coveredMs;
    const { length, request, requests } = window;
    this.starts = new Uint32Array(requests.length + 1);
    for (let index = 0; index < length; index++) if (request[index]! >= 0) this.starts[request[index]! + 1]! += 1;
    for (let number = 0; number < requests.length; number++) this.starts[number + 1]! += this.starts[number]!;
    const next = this.starts.slice();
    this.byRequest = new Uint32Array(this.starts.at(-1)!);
    for (let index = 0; index < length; index++) if (request[index]! >= 0) this.byRequest[next[request[index]!]!++] = index;
  }

  /** @param halves numbers of the request @param isClaimed whether a line is somebody's already */
  claims(halves: ReadonlySet<number>, isClaimed: (index: number) => boolean): Found {
    const found: Found = new Map();
    const common = [...halves].filter(number => this.alikeTo(number).length >= requestsMin && this.story(number).length > 1);
    if (common.length === 0 || !this.collect(common, isClaimed)) return found;
    for (const number of common) {
      for (const place of this.places(number)) {
        for (const [kind, indexes] of this.linesIn(place)) {
          const regular = this.regular(number, place.name, kind, indexes.length);
          if (regular === null) continue;
          for (const index of indexes) {
            if (isClaimed(index) || (found.get(index)?.confidence ?? 0) >= regular.confidence || this.isOfAnother(index, kind, halves)) continue;
            found.set(index, { kind: 'onlyOpen', confidence: regular.confidence, from: place.first, because: this.because(place, indexes.length, regular) });
          }
        }
      }
    }
    return this.work > workMax ? new Map<never, never>() : found;
  }

  /** All lines of those kinds that stand in these requests' stories and are nobody's yet. @returns whether there are any */
  private collect(numbers: readonly number[], isClaimed: (index: number) => boolean): boolean {
    const { length, request, ms, template } = this.window;
    const spans = numbers.map(number => this.span(number));
    const isFree = (index: number): boolean => request[index]! < 0 && template[index]! >= 0;
    for (let index = 0; index < length; index++) {
      if (isFree(index) && spans.some(({ fromMs, toMs }) => ms[index]! >= fromMs && ms[index]! <= toMs) && !this.ofKind.has(this.kindOf(index)) && !isClaimed(index)) this.ofKind.set(this.kindOf(index), []);
    }
    if (this.ofKind.size === 0) return false;
    for (let index = 0; index < length; index++) {
      const ofKind = isFree(index) ? this.ofKind.get(this.kindOf(index)) : undefined;
      if (ofKind === undefined) continue;
      ofKind.push(index);
      this.without.push(index);
    }
    this.without.sort(this.inOrder);
    return true;
  }

  private readonly inOrder = (a: number, b: number): number => this.window.ms[a]! - this.window.ms[b]! || a - b;

  /** Its lines with ids, in the order of time. */
  private story(number: number): readonly number[] {
    let story = this.stories.get(number);
    if (story === undefined) this.stories.set(number, (story = [...this.byRequest.subarray(this.starts[number], this.starts[number + 1])].sort(this.inOrder)));
    return story;
  }

  private span(number: number): Span {
    const known = this.spans.get(number);
    if (known !== undefined) return known;
    const { ms } = this.window;
    let [fromMs, toMs] = [Infinity, -Infinity];
    for (let at = this.starts[number]!; at < this.starts[number + 1]!; at++) {
      const lineMs = ms[this.byRequest[at]!]!;
      if (lineMs < fromMs) fromMs = lineMs;
      if (lineMs > toMs) toMs = lineMs;
    }
    const span = { fromMs, toMs };
    this.spans.set(number, span);
    return span;
  }

  /** The requests whose lines with ids are of just the same kinds. */
  private alikeTo(number: number): readonly number[] {
    const known = this.alike.get(number);
    if (known !== undefined) return known;
    const { requests } = this.window;
    this.work += requests.length;
    const kinds = new Set(this.story(number).map(index => this.kindOf(index)));
    const alike: number[] = [];
    for (let other = 0; other < requests.length; other++) {
      const from = this.starts[other]!;
      const to = this.starts[other + 1]!;
      if (to - from < kinds.size) continue;
      let at = from;
      while (at < to && kinds.has(this.kindOf(this.byRequest[at]!))) at += 1;
      if (at < to) continue;
      if (other === number || new Set(Array.from(this.byRequest.subarray(from, to), index => this.kindOf(index))).size === kinds.size) alike.push(other);
    }
    for (const each of alike) this.alike.set(each, alike);
    return alike;
  }

  private kindOf(index: number): number {
    return this.window.lane[index]! * (this.window.templates.length + 1) + this.window.template[index]! + 1;
  }

  /** In lines that follow each other at once nothing stands between. */
  private places(number: number): Place[] {
    const { ms } = this.window;
    const lines = this.story(number);
    const place = (first: number, last: number, name: number): Place => ({ name, fromMs: ms[first]!, toMs: ms[last]!, first, last });
    const places: Place[] = [];
    const kinds = this.window.lanes * (this.window.templates.length + 1);
    for (let at = 1; at < lines.length; at++) places.push(place(lines[at - 1]!, lines[at]!, this.kindOf(lines[at - 1]!) * kinds + this.kindOf(lines[at]!)));
    // Last, because a step says more.
    places.push(place(lines[0]!, lines.at(-1)!, wholeStory));
    return places.filter(({ fromMs, toMs }) => toMs > fromMs);
  }

  /** Lines without an id, by kind. */
  private linesIn({ fromMs, toMs }: Place): Map<number, number[]> {
    const { without, window: { ms } } = this;
    const found = new Map<number, number[]>();
    let at = 0;
    for (let end = without.length; at < end; ) {
      const middle = (at + end) >>> 1;
      if (ms[without[middle]!]! < fromMs) at = middle + 1;
      else end = middle;
    }
    for (; at < without.length && ms[without[at]!]! <= toMs; at++) {
      this.work += 1;
      const kind = this.kindOf(without[at]!);
      const lines = found.get(kind);
      if (lines === undefined) found.set(kind, [without[at]!]);
      else lines.push(without[at]!);
    }
    return found;
  }

  /** In how many of the requests like it so many lines of this kind stand there, where that is nearly all and no chance. */
  private regular(number: number, place: number, kind: number, lines: number): { requests: number; all: number; confidence: number } | null {
    const alike = this.alikeTo(number);
    if (alike.length < requestsMin) return null;
    let counts = this.counts.get(alike);
    if (counts === undefined) this.counts.set(alike, (counts = this.count(alike)));
    const count = counts.get(place);
    const ofKind = count?.kinds.get(kind);
    if (count === undefined || ofKind === undefined) return null;
    const having = ofKind.having.get(lines) ?? 0;
    if (count.requests < requestsMin || having < regularMin * count.requests) return null;
    ofKind.isByChance ??= binomialTail(this.ofKind.get(kind)!.length, Math.min(1, count.ms / this.aliveMs(kind)), ofKind.lines) > chanceMax;
    // Itself left out, and one of each assumed (Laplace's rule of succession).
    return ofKind.isByChance ? null : { requests: having - 1, all: count.requests - 1, confidence: having / (count.requests + 1) };
  }

  private count(alike: readonly number[]): Map<number, PlaceCount> {
    const counts = new Map<number, PlaceCount>();
    for (const number of alike) {
      if (this.work > workMax) break;
      for (const place of this.places(number)) {
        this.work += 1;
        let count = counts.get(place.name);
        if (count === undefined) counts.set(place.name, (count = { requests: 0, ms: 0, kinds: new Map() }));
        count.requests += 1;
        count.ms += place.toMs - place.fromMs;
        for (const [kind, { length }] of this.linesIn(place)) {
          let ofKind = count.kinds.get(kind);
          if (ofKind === undefined) count.kinds.set(kind, (ofKind = { lines: 0, having: new Map(), isByChance: null }));
          ofKind.lines += length;
          ofKind.having.set(length, (ofKind.having.get(length) ?? 0) + 1);
        }
      }
    }
    return counts;
  }

  /** For how long lines of a kind might have been written: a container that was not there yet wrote none. */
  private aliveMs(kind: number): number {
    let [fromMs, toMs] = [Infinity, -Infinity];
    for (const index of this.ofKind.get(kind)!) {
      fromMs = Math.min(fromMs, this.window.ms[index]!);
      toMs = Math.max(toMs, this.window.ms[index]!);
    }
    return Math.max(1, Math.min(this.coveredMs, toMs - fromMs));
  }

  private isOfAnother(index: number, kind: number, halves: ReadonlySet<number>): boolean {
    const at = this.window.ms[index]!;
    const isThere = ({ fromMs, toMs }: Span): boolean => at >= fromMs && at <= toMs;
    for (let number = 0; number < this.window.requests.length && this.work <= workMax; number++) {
      if (halves.has(number) || !isThere(this.span(number)) || this.alikeTo(number).length < requestsMin) continue;
      for (const place of this.places(number)) if (isThere(place) && this.regular(number, place.name, kind, this.linesIn(place).get(kind)?.length ?? 0) !== null) return true;
    }
    return false;
  }

  private because({ name, first, last }: Place, lines: number, { requests, all }: { requests: number; all: number }): string {
    const quoted = (index: number): string => {
      const template = this.window.template[index]!;
      const text = template < 0 ? '' : this.window.templates[template]!;
      return `"${text.length > quotedCharsMax ? `${text.slice(0, quotedCharsMax)}...` : text}"`;
    };
    const where = name === wholeStory ? 'in them' : `between ${quoted(first)} and ${quoted(last)}`;
    return `${requests} of ${all} other requests like this one have ${lines === 1 ? 'one such line' : `${lines} such lines`} ${where}, and no other request that was at work has a place for it`;
  }
}
