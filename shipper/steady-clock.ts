/** Time for schedules: the wall clock of the start, going on at its pace whatever the wall clock is set to meanwhile. */
import type { Clock, SteadyTime } from '#lib/clock.ts';

export class SteadyClock {
  readonly #clock: SteadyTime;
  readonly #aheadMs: number;

  constructor(clock: Clock & SteadyTime) {
    this.#clock = clock;
    this.#aheadMs = clock.nowMs() - clock.steadyMs();
  }

  /** Milliseconds since the epoch, as the wall clock at the start saw it. */
  nowMs(): number {
    return this.#clock.steadyMs() + this.#aheadMs;
  }
}
