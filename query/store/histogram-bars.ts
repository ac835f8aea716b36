import type { HistogramBar } from '#schemas/store.ts';

/** Counts by step of time and key. */
export class HistogramBars {
  total = 0;
  private readonly stepMs: number;
  private readonly byKey = new Map<string | null, Map<number, number>>();

  constructor(stepMs: number) {
    this.stepMs = stepMs;
  }

  /** @param ms a time in the step */
  add(ms: number, key: string | null, n: number): void {
    this.total += n;
    let steps = this.byKey.get(key);
    if (steps === undefined) this.byKey.set(key, (steps = new Map<number, number>()));
    const step = Math.floor(ms / this.stepMs);
    steps.set(step, (steps.get(step) ?? 0) + n);
  }

  sorted(): HistogramBar[] {
    const bars = [...this.byKey].flatMap(([key, steps]) => [...steps].map(([step, count]) => ({ fromMs: step * this.stepMs, key, count })));
    return bars.sort((a, b) => a.fromMs - b.fromMs || (a.key === null ? -1 : b.key === null ? 1 : a.key < b.key ? -1 : 1));
  }
}
