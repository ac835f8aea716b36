/**
 * How a newly polled list meets the one on screen. While the reader points at the list or has scrolled, no row moves: known rows get their
 * new numbers in place, new ones wait and are counted.
 */
export interface Identified {
  id: string;
}

export interface HeldRows<Row extends Identified> {
  rows: Row[];
  /** Rows of the newest answer that are not shown. */
  waiting: number;
}

export function meetPoll<Row extends Identified>(shown: readonly Row[], polled: readonly Row[], hold: boolean): HeldRows<Row> {
  if (!hold || shown.length === 0) return { rows: [...polled], waiting: 0 };
  const newest = new Map(polled.map(row => [row.id, row]));
  const rows = shown.map(row => newest.get(row.id) ?? row);
  for (const row of shown) newest.delete(row.id);
  // Only what is above the first shown row is new; older rows that slid into the answer below it are not.
  const firstKnown = polled.findIndex(row => !newest.has(row.id));
  return { rows, waiting: firstKnown === -1 ? polled.length : firstKnown };
}
