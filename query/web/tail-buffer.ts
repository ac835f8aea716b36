/** The lines of a live tail: at most `lineMax` are kept, the oldest go first. While held, arriving lines wait under the same limit. */
export interface TailBuffer<Line> {
  shown: readonly Line[];
  waiting: readonly Line[];
  /** Lines this page gave up because of the limit, since the last clear. */
  forgotten: number;
}

export const tailLineMax = 2000;

export function emptyTail<Line>(): TailBuffer<Line> {
  return { shown: [], waiting: [], forgotten: 0 };
}

function bounded<Line>(lines: readonly Line[], lineMax: number): { kept: readonly Line[]; dropped: number } {
  const dropped = Math.max(0, lines.length - lineMax);
  return { kept: dropped === 0 ? lines : lines.slice(dropped), dropped };
}

export function addLines<Line>(tail: TailBuffer<Line>, arrived: readonly Line[], hold: boolean, lineMax = tailLineMax): TailBuffer<Line> {
  if (hold) {
    const { kept, dropped } = bounded([...tail.waiting, ...arrived], lineMax);
    return { shown: tail.shown, waiting: kept, forgotten: tail.forgotten + dropped };
  }
  const { kept, dropped } = bounded([...tail.shown, ...tail.waiting, ...arrived], lineMax);
  return { shown: kept, waiting: [], forgotten: tail.forgotten + dropped };
}
