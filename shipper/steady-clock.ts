/** Time for schedules: follows the wall clock, but never goes back when that is set. */
import type { Clock } from '#lib/clock.ts';

export class SteadyClock {
  readonly #clock: Clock;
  #wallMs: number;
  #steadyMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wallMs = clock.nowMs();
    this.#steadyMs = this.#wallMs;
  }

  /** Milliseconds; equal to the wall clock until that is set back, then as much ahead as it was set back. */
  nowMs(): number {
    const wallMs = this.#clock.nowMs();
    this.#steadyMs += Math.max(0, wallMs - this.#wallMs);
    this.#wallMs = wallMs;
    return this.#steadyMs;
  }
}
