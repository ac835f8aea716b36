import type { LogEvent } from '#schemas/event.ts';
import { percentile } from '../report.ts';
import type { StoreData } from '../store-data.ts';

/** By name of the figure, as it stands in the report. */
export type Measured = Record<string, string>;

export interface BenchStore {
  readonly name: string;
  /** Resolves when it is durable, as far as the store has that. */
  append(events: LogEvent[]): Promise<void> | void;
  /** After the last append: what it has left to do. @returns seconds to count with the appends */
  settle(): Promise<number> | number;
  /** CPU of other processes for the last `events`, microseconds an event. */
  foreignCpuUs(events: number): number;
  measure(data: StoreData): Promise<Measured>;
  close(): Promise<void> | void;
}

export async function medianMs(times: number, work: () => unknown): Promise<string> {
  const took: number[] = [];
  for (let time = 0; time < times; time++) took.push(await tookMs(work));
  const median = percentile(took, 0.5);
  return median.toFixed(median < 10 ? 1 : 0);
}

export async function tookMs(work: () => unknown): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

export function spread(took: readonly number[]): string {
  return [percentile(took, 0.5), percentile(took, 0.99), Math.max(...took)].map(ms => ms.toFixed(ms < 10 ? 2 : 1)).join(' / ');
}

/** Every n-th, so many of them at most, spread over all. */
export function spreadOver<T>(items: readonly T[], count: number): T[] {
  return Array.from({ length: Math.min(count, items.length) }, (_, index) => items[Math.floor((index * items.length) / Math.min(count, items.length))]!);
}

export function mustBe(found: unknown, expected: unknown, what: string): void {
  if (found !== expected) throw new Error(`${what}: ${String(found)}, and should be ${String(expected)}`);
}
