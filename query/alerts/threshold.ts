/** The threshold rule as a pure function over event times. */

export interface ThresholdSpec {
  /** At least this many counted events ... */
  count: number;
  /** ... within any span of this length, both ends included. */
  windowMs: number;
}

/** One stretch of events that each make the count. Times are nanoseconds since the epoch. */
export interface EpisodeSpan {
  /** The first event of the window that opened it; may lie before the end of the span before. */
  firstNs: bigint;
  /** The event that made the count. */
  openedNs: bigint;
  /** The last event that made it. */
  lastNs: bigint;
  /** Events from `firstNs` to `lastNs`. */
  count: number;
  /** Most events in one window. */
  peak: number;
  /** The first later event that did not make the count, or null while there is none: then it ends when a window passes after `lastNs`. */
  brokenNs: bigint | null;
}

const nsPerMs = 1_000_000n;

export function windowNsOf({ windowMs }: ThresholdSpec): bigint {
  return BigInt(windowMs) * nsPerMs;
}

/**
 * The spans in a sorted list of times, oldest first.
 *
 * More times only make spans longer, or two of them one: an event put between two that make the count sees the same window as the later of
 * them, so it makes the count as well. Late events therefore never break an episode that was told.
 */
export function episodesOf(timesNs: ArrayLike<bigint>, spec: ThresholdSpec): EpisodeSpan[] {
  const windowNs = windowNsOf(spec);
  const spans: EpisodeSpan[] = [];
  let open: EpisodeSpan | null = null;
  let firstIndex = 0;
  let from = 0;
  for (let index = 0; index < timesNs.length; index++) {
    const timeNs = timesNs[index]!;
    while (timeNs - timesNs[from]! > windowNs) from++;
    const inWindow = index - from + 1;
    if (open !== null && timeNs - open.lastNs > windowNs) open = close(open, timeNs);
    if (inWindow < spec.count) {
      if (open !== null) open = close(open, timeNs);
      continue;
    }
    if (open === null) {
      firstIndex = from;
      open = { firstNs: timesNs[from]!, openedNs: timeNs, lastNs: timeNs, count: 0, peak: 0, brokenNs: null };
      spans.push(open);
    }
    open.lastNs = timeNs;
    open.count = index - firstIndex + 1;
    open.peak = Math.max(open.peak, inWindow);
  }
  return spans;
}

function close(span: EpisodeSpan, brokenNs: bigint): null {
  span.brokenNs = brokenNs;
  return null;
}

/** True when no event after the watermark can belong to the span any more. `null` means that no stream can bring one. */
export function isOver(span: Pick<EpisodeSpan, 'lastNs' | 'brokenNs'>, watermarkNs: bigint | null, spec: ThresholdSpec): boolean {
  if (watermarkNs === null) return true;
  if (span.brokenNs !== null && watermarkNs >= span.brokenNs) return true;
  return watermarkNs > span.lastNs + windowNsOf(spec);
}

/** Event time at which a span that is over ended: at the event that broke it or when a window had passed, whichever came first. */
export function endNsOf(span: Pick<EpisodeSpan, 'lastNs' | 'brokenNs'>, spec: ThresholdSpec): bigint {
  const passedNs = span.lastNs + windowNsOf(spec);
  return span.brokenNs !== null && span.brokenNs < passedNs ? span.brokenNs : passedNs;
}
