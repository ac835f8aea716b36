/**
 * Which rows of a long list are drawn. All rows have one height; one may be open with a detail of any height below it.
 */
export interface RowWindow {
  /** Half-open range `[start, end)` of the rows to draw. */
  start: number;
  end: number;
  /** Pixels from the list's top to row `start`. */
  topPx: number;
  totalPx: number;
}

export interface RowHeights {
  count: number;
  rowPx: number;
  /** Index of the open row, or -1. */
  open: number;
  detailPx: number;
}

/** Pixels from the list's top to a row. */
export function rowTop({ rowPx, open, detailPx }: RowHeights, index: number): number {
  return index * rowPx + (open !== -1 && index > open ? detailPx : 0);
}

function rowAt(heights: RowHeights, y: number): number {
  const { rowPx, open, detailPx } = heights;
  if (open === -1 || y < (open + 1) * rowPx) return Math.floor(y / rowPx);
  return y < (open + 1) * rowPx + detailPx ? open : Math.floor((y - detailPx) / rowPx);
}

/**
 * @param fromPx top of what can be seen, from the list's top; may be negative.
 * @param overscan rows drawn beyond each edge, so that a quick scroll does not show white.
 */
export function rowWindow(heights: RowHeights, fromPx: number, heightPx: number, overscan = 12): RowWindow {
  const { count, rowPx, open, detailPx } = heights;
  const clamp = (index: number): number => Math.min(count, Math.max(0, index));
  const start = clamp(rowAt(heights, Math.max(0, fromPx)) - overscan);
  const end = clamp(rowAt(heights, Math.max(0, fromPx + heightPx)) + 1 + overscan);
  return { start, end, topPx: rowTop(heights, start), totalPx: count * rowPx + (open === -1 ? 0 : detailPx) };
}
