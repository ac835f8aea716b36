/**
 * Where a moment lies on the chart. A stretch in which no container wrote for more than a tenth of the request is folded to a fixed width,
 * so that the busy parts get the room; the fold shows its length, because a hidden wait is what one often looks for.
 */

/** Part of the axis: `[fromNs, toNs]` since the first line lies on `[fromX, toX]` pixels. */
export interface AxisSegment {
  fromNs: number;
  toNs: number;
  fromX: number;
  toX: number;
  folded: boolean;
}

export interface TimeAxis {
  segments: AxisSegment[];
  width: number;
}

export interface Fold {
  fromNs: number;
  toNs: number;
}

/** A longer stretch than this share of the whole is idle time worth folding. */
export const foldShare = 0.1;
/** A shorter one is where a quick request spent its time, not idle: it stays to scale. */
export const foldNsMin = 100_000_000;
const foldWidthMax = 44;

/**
 * The stretches to fold, in order. None where nothing but folds would remain: a request of two lines is best drawn to scale.
 * @param offsetsNs ascending, since the first line.
 */
export function findFolds(offsetsNs: ArrayLike<number>): Fold[] {
  const count = offsetsNs.length;
  if (count < 3) return [];
  const first = offsetsNs[0]!;
  const spanNs = offsetsNs[count - 1]! - first;
  const folds: Fold[] = [];
  let leftNs = spanNs;
  for (let i = 1; i < count; i += 1) {
    const gapNs = offsetsNs[i]! - offsetsNs[i - 1]!;
    if (gapNs <= spanNs * foldShare || gapNs < foldNsMin) continue;
    folds.push({ fromNs: offsetsNs[i - 1]!, toNs: offsetsNs[i]! });
    leftNs -= gapNs;
  }
  return leftNs > 0 ? folds : [];
}

/**
 * Lays `[0, spanNs]` on `[0, width]` pixels. Folds share at most half of the width; the rest is to one scale.
 * Without length (one line, or all at the same nanosecond) everything lies in the middle.
 */
export function layAxis(spanNs: number, folds: readonly Fold[], width: number): TimeAxis {
  if (spanNs <= 0) return { segments: [{ fromNs: 0, toNs: 0, fromX: width / 2, toX: width / 2, folded: false }], width };
  const foldWidth = folds.length === 0 ? 0 : Math.min(foldWidthMax, (width * 0.5) / folds.length);
  const foldedNs = folds.reduce((sum, fold) => sum + fold.toNs - fold.fromNs, 0);
  const scale = (width - foldWidth * folds.length) / (spanNs - foldedNs);
  const segments: AxisSegment[] = [];
  let atNs = 0;
  let atX = 0;
  const advance = (toNs: number, folded: boolean): void => {
    if (toNs === atNs) return;
    const toX = folded ? atX + foldWidth : atX + (toNs - atNs) * scale;
    segments.push({ fromNs: atNs, toNs, fromX: atX, toX, folded });
    atNs = toNs;
    atX = toX;
  };
  for (const fold of folds) {
    advance(fold.fromNs, false);
    advance(fold.toNs, true);
  }
  advance(spanNs, false);
  return { segments, width };
}

/** The segment that holds a position, the last one that begins at or before it. */
function segmentAt(segments: readonly AxisSegment[], start: (segment: AxisSegment) => number, value: number): AxisSegment {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (start(segments[middle]!) <= value) low = middle;
    else high = middle - 1;
  }
  return segments[low]!;
}

export function xOf(axis: TimeAxis, offsetNs: number): number {
  const segment = segmentAt(axis.segments, each => each.fromNs, offsetNs);
  if (segment.toNs === segment.fromNs) return segment.fromX;
  const share = Math.min(1, Math.max(0, (offsetNs - segment.fromNs) / (segment.toNs - segment.fromNs)));
  return segment.fromX + share * (segment.toX - segment.fromX);
}

export function offsetNsAt(axis: TimeAxis, x: number): number {
  const segment = segmentAt(axis.segments, each => each.fromX, x);
  if (segment.toX === segment.fromX) return segment.fromNs;
  const share = Math.min(1, Math.max(0, (x - segment.fromX) / (segment.toX - segment.fromX)));
  return segment.fromNs + share * (segment.toNs - segment.fromNs);
}

export interface AxisMarks {
  /** Distance between two marks, 0 where there are none. */
  stepNs: number;
  marks: { offsetNs: number; x: number }[];
}

/** Round distances (1, 2 or 5 times a power of ten) at which the unfolded parts carry a mark, at least `spacingPx` apart. */
export function axisMarks(axis: TimeAxis, spacingPx: number): AxisMarks {
  const scaled = axis.segments.filter(segment => !segment.folded && segment.toX > segment.fromX);
  const widest = scaled[0];
  if (widest === undefined) return { stepNs: 0, marks: [] };
  const wantedNs = (spacingPx * (widest.toNs - widest.fromNs)) / (widest.toX - widest.fromX);
  const power = 10 ** Math.floor(Math.log10(wantedNs));
  const stepNs = [1, 2, 5, 10].map(factor => factor * power).find(step => step >= wantedNs) ?? 10 * power;
  const marks: { offsetNs: number; x: number }[] = [];
  for (const segment of scaled) {
    for (let n = Math.ceil(segment.fromNs / stepNs); n * stepNs <= segment.toNs; n += 1) marks.push({ offsetNs: n * stepNs, x: xOf(axis, n * stepNs) });
  }
  return { stepNs, marks };
}
