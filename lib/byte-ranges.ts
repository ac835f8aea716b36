/**
 * Sets of bytes as ascending, disjoint, half-open ranges `[from, to)` that do not touch. All functions are pure; all results are in that form.
 */
export interface ByteRange {
  from: number;
  to: number;
}

/** The union with one more range. Appending at the end, the usual case, costs no search. */
export function addRange(ranges: readonly ByteRange[], added: ByteRange): ByteRange[] {
  if (added.to <= added.from) return [...ranges];
  const last = ranges.at(-1);
  if (last === undefined || last.to < added.from) return [...ranges, { ...added }];
  if (last.from <= added.from) return [...ranges.slice(0, -1), { from: last.from, to: Math.max(last.to, added.to) }];
  const result: ByteRange[] = [];
  let { from, to } = added;
  let placed = false;
  for (const range of ranges) {
    if (range.to < from) result.push(range);
    else if (range.from > to) {
      if (!placed) result.push({ from, to });
      placed = true;
      result.push(range);
    } else {
      from = Math.min(from, range.from);
      to = Math.max(to, range.to);
    }
  }
  if (!placed) result.push({ from, to });
  return result;
}

export function addRanges(ranges: readonly ByteRange[], added: readonly ByteRange[]): ByteRange[] {
  return added.reduce<ByteRange[]>(addRange, [...ranges]);
}

/** The parts of `range` that are in none of `ranges`. */
export function subtractRanges(range: ByteRange, ranges: readonly ByteRange[]): ByteRange[] {
  const result: ByteRange[] = [];
  let from = range.from;
  for (const other of ranges) {
    if (other.to <= from) continue;
    if (other.from >= range.to) break;
    if (other.from > from) result.push({ from, to: other.from });
    from = other.to;
  }
  if (from < range.to) result.push({ from, to: range.to });
  return result;
}

/** The parts of all of `ranges` that are in none of `removed`. */
export function withoutRanges(ranges: readonly ByteRange[], removed: readonly ByteRange[]): ByteRange[] {
  return ranges.flatMap(range => subtractRanges(range, removed));
}

/** How much of `[from, to)` the ranges hold: all, none, or some of it. An empty range counts as held by all. */
export function coverage(range: ByteRange, ranges: readonly ByteRange[]): 'all' | 'none' | 'some' {
  const missing = sizeOf(subtractRanges(range, ranges));
  return missing === 0 ? 'all' : missing === range.to - range.from ? 'none' : 'some';
}

export function sizeOf(ranges: readonly ByteRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0);
}

/** Everything before this is in the set: the end of the range that begins at 0, or 0. */
export function lowWaterMark(ranges: readonly ByteRange[]): number {
  const first = ranges[0];
  return first?.from === 0 ? first.to : 0;
}
