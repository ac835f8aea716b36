/**
 * Which lines of a window are looked at closely to say what is one request's: those nearest in time to its own, as many as tell what is usual there, and,
 * however far away, all that name what its lines name, with all that name what these name in turn. What else a window holds cannot change the answer.
 */
import { tokenOf } from '../../store/line-tokens.ts';
import { isRareShape } from './content-keys.ts';
import type { WindowColumns } from './window-columns.ts';
import type { WindowLine } from './window-line.ts';

/** Lines nearest to the request's. */
const nearestMax = 1_000;
/** Of the request's containers, whose lines are looked at only for their place among others: that costs less. */
const nearestOfLanesMax = 4_000;
/** A value on more lines than this names no request. */
export const linesPerKeyMax = 500;
/** Lines that are found by what they name, in all. */
const namedMax = 3_000;
/** From the request's own lines to those that they lead to, and on from there. */
const hopsMax = 4;
/** A value that is common and that more requests than this have is none's own: a line of each is enough to see it. */
const ownersMax = 4;

export interface Focus {
  /** Whose content counts, in the order of their lanes. */
  lines: WindowLine[];
  /** Whose place counts, every one of each stretch of its lane, in the order of their lanes. */
  placed: WindowLine[];
  /** Values of which every line is there. */
  values: ReadonlySet<string>;
  /** Values that cannot be judged: too many lines have them. */
  unjudged: ReadonlySet<string>;
  /** `lane tag` of workers of which every line is there. */
  workers: ReadonlySet<string>;
  /** How much time those stretches take up, in the request's own lanes and in others; and all that was read. */
  ownLanesMs: number;
  othersMs: number;
  coveredMs: number;
  ownLanes: ReadonlySet<number>;
}

export const workerKey = (lane: number, tag: string): string => `${lane} ${tag}`;

export function focusOn(window: WindowColumns): Focus {
  const own: number[] = [];
  const ownLanes = new Set<number>();
  for (let index = 0; index < window.length; index++) {
    if (window.request[index] !== window.own) continue;
    own.push(index);
    ownLanes.add(window.lane[index]!);
  }
  const near = new Nearness(own.map(index => window.ms[index]!));
  const away = window.ms.subarray(0, window.length).map(ms => near.away(ms));
  const reach = Math.min(window.reachMs, nearest(away, nearestMax));
  const ownReach = Math.min(window.reachMs, Math.max(reach, nearest(away.filter((_, index) => ownLanes.has(window.lane[index]!)), nearestOfLanesMax)));
  const [stretches, ownStretches] = [near.stretches(reach), near.stretches(ownReach)];
  const found = new Map<number, WindowLine>();
  const placed: WindowLine[] = [];
  for (let index = 0; index < window.length; index++) {
    const isOwn = ownLanes.has(window.lane[index]!);
    if (away[index]! > (isOwn ? ownReach : reach)) continue;
    const line = window.line(index);
    const nearest = near.nearest(window.ms[index]!);
    line.placedStretch = (isOwn ? ownStretches : stretches)[nearest]!;
    placed.push(line);
    if (away[index]! > reach) continue;
    line.stretch = stretches[nearest]!;
    found.set(index, line);
  }
  const named = new Named(window, found);
  let leading = own;
  for (let hop = 0; hop < hopsMax && leading.length > 0; hop++) leading = named.follow(leading);
  return {
    lines: inLanes([...found.values()]), placed: inLanes(placed), values: named.values, unjudged: named.unjudged, workers: named.workers,
    ownLanes, ownLanesMs: near.coveredMs(ownReach), othersMs: near.coveredMs(reach), coveredMs: near.coveredMs(window.reachMs),
  };
}

/** By lane, and there in the order in which they were written. */
function inLanes(lines: WindowLine[]): WindowLine[] {
  return lines.sort((a, b) => a.lane - b.lane || (a.event.chainPosition ?? 0) - (b.event.chainPosition ?? 0) || a.event.streamOffset - b.event.streamOffset);
}

/** The distance within which so many lie, at least; any where there are fewer. */
function nearest(away: Float64Array, count: number): number {
  return away.length <= count ? Infinity : away.slice().sort()[count - 1]!;
}

/** How far lines are from the request's own. */
class Nearness {
  private readonly times: Float64Array;

  /** @param times at least one */
  constructor(times: readonly number[]) {
    this.times = Float64Array.from(times).sort();
  }

  /** Which of its lines is nearest. */
  nearest(ms: number): number {
    const { times } = this;
    let low = 0;
    let high = times.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (times[middle]! < ms) low = middle + 1;
      else high = middle;
    }
    return low > 0 && ms - times[low - 1]! < Math.abs(times[low]! - ms) ? low - 1 : low;
  }

  away(ms: number): number {
    return Math.abs(this.times[this.nearest(ms)]! - ms);
  }

  /** For each of its lines the number of the stretch it stands in: lines within reach of it and of the next are in one. */
  stretches(reach: number): number[] {
    let stretch = 0;
    return Array.from(this.times, (ms, index) => (index > 0 && ms - this.times[index - 1]! > 2 * reach ? (stretch += 1) : stretch));
  }

  coveredMs(reach: number): number {
    let covered = 2 * reach;
    for (let index = 1; index < this.times.length; index++) covered += Math.min(2 * reach, this.times[index]! - this.times[index - 1]!);
    return covered;
  }
}

/** Follows what lines name to other lines that name it. */
class Named {
  readonly values = new Set<string>();
  readonly unjudged = new Set<string>();
  readonly workers = new Set<string>();
  private readonly window: WindowColumns;
  private readonly found: Map<number, WindowLine>;
  private readonly followed = new Set<number>();
  private left = namedMax;

  /** @param found lines that are looked at already; more are added */
  constructor(window: WindowColumns, found: Map<number, WindowLine>) {
    this.window = window;
    this.found = found;
  }

  /** @returns those lines without an id that were found so, to be followed next */
  follow(leading: readonly number[]): number[] {
    const { window } = this;
    const sought = new Map<number, Sought>();
    const soughtBy = (token: number): Sought => {
      let by = sought.get(token);
      if (by === undefined) sought.set(token, (by = { values: new Map(), workers: new Set(), lanes: new Set(), places: [] }));
      return by;
    };
    for (const index of leading) {
      const line = window.line(index);
      this.followed.add(index);
      for (const { value, shape } of line.keys) {
        if (this.values.has(value)) continue;
        const token = tokenOf(value);
        if (token === null) continue;
        this.values.add(value);
        soughtBy(token).values.set(value, isRareShape(shape));
      }
      const { lane, tag } = line;
      const token = tag === null ? null : tokenOf(tag);
      if (tag === null || token === null || this.workers.has(workerKey(lane, tag))) continue;
      this.workers.add(workerKey(lane, tag));
      const by = soughtBy(token);
      by.workers.add(workerKey(lane, tag));
      by.lanes.add(lane);
    }
    window.linesWith(sought, (index, { places }) => {
      if (places.at(-1) !== index && places.length <= namedMax) places.push(index);
    });
    const next = new Set<number>();
    const take = (index: number): void => {
      if (!this.found.has(index)) {
        this.found.set(index, window.line(index));
        this.left -= 1;
      }
      if (window.request[index]! < 0 && !this.followed.has(index)) next.add(index);
    };
    // Of what is rare first: it says most, and there may be too much of the rest.
    for (const each of [...sought.values()].sort((a, b) => a.places.length - b.places.length)) {
      this.takeNamed(each, take);
      this.takeWorkers(each, take);
    }
    return [...next];
  }

  private takeNamed({ values, places }: Sought, take: (index: number) => void): void {
    const { window } = this;
    for (const [value, isRare] of values) {
      if (places.length > linesPerKeyMax || this.left < places.length) {
        this.unjudged.add(value);
        continue;
      }
      for (const index of isRare ? places : oneOfEach(places, window.request)) if (window.line(index).keys.some(key => key.value === value)) take(index);
    }
  }

  private takeWorkers({ workers, lanes, places }: Sought, take: (index: number) => void): void {
    if (workers.size === 0) return;
    const { window } = this;
    const there = places.filter(index => lanes.has(window.lane[index]!));
    if (places.length > namedMax || this.left < there.length) {
      for (const worker of workers) this.workers.delete(worker);
      return;
    }
    for (const index of there) {
      const { lane, tag } = window.line(index);
      if (tag !== null && workers.has(workerKey(lane, tag))) take(index);
    }
  }
}

/** What is looked for by one token. */
interface Sought {
  /** Whether each is of a rare shape. */
  values: Map<string, boolean>;
  workers: Set<string>;
  /** Of the workers. */
  lanes: Set<number>;
  /** Lines that have the token, some more than count. */
  places: number[];
}

/** All of them, or a line of each of some requests where more have it than one could be of. */
function oneOfEach(indexes: readonly number[], request: Int32Array): readonly number[] {
  const first = new Map<number, number>();
  for (const index of indexes) if (request[index]! >= 0 && !first.has(request[index]!)) first.set(request[index]!, index);
  return first.size > ownersMax ? [...first.values()].slice(0, ownersMax + 1) : indexes;
}
