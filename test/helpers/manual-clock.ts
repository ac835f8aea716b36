/** Time that a test moves: sleepers wake in the order of their times, and what they do is done before time goes on. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock, SteadyTime } from '#lib/clock.ts';

const turnsPerWake = 20;

export class ManualClock implements Clock, SteadyTime {
  private wallMs = 1_795_262_400_000;
  private elapsedMs = 0;
  private sleepers: { atMs: number; wake: () => void }[] = [];

  nowMs(): number {
    return this.wallMs;
  }

  steadyMs(): number {
    return this.elapsedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      const sleeper = { atMs: this.elapsedMs + ms, wake: resolve };
      this.sleepers.push(sleeper);
      signal?.addEventListener('abort', () => {
        this.sleepers = this.sleepers.filter(each => each !== sleeper);
        resolve();
      }, { once: true });
    });
  }

  /** Somebody sets the clock. */
  set(byMs: number): void {
    this.wallMs += byMs;
  }

  /** Time passes, and nobody does anything meanwhile: the process is stopped. */
  stopFor(ms: number): void {
    this.wallMs += ms;
    this.elapsedMs += ms;
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.elapsedMs + ms;
    for (;;) {
      await settled();
      const next = this.sleepers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      this.stopFor(Math.max(0, (next?.atMs ?? untilMs) - this.elapsedMs));
      if (next === undefined) return;
      this.sleepers = this.sleepers.filter(each => each !== next);
      next.wake();
    }
  }
}

/** Everything that waits for nothing but a turn has had some. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < turnsPerWake; turns++) await turn();
}
