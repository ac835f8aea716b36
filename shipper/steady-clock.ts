/** Time for schedules: the wall clock of the start, going on at its pace whatever the wall clock is set to meanwhile. */
import type { Clock } from '#lib/clock.ts';

export class SteadyClock {
  readonly #clock: Clock;
  readonly #aheadMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#aheadMs = clock.nowMs() - this.#rawMs();
  }

  /** Milliseconds since the epoch, as the wall clock at the start saw it. */
  nowMs(): number {
    return this.#rawMs() + this.#aheadMs;
  }

  #rawMs(): number {
    return this.#clock.steadyMs?.() ?? this.#clock.nowMs();
  }
}
