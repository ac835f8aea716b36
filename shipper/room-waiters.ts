/** Sources that have something to send and found no room for it, in the order in which they did. */
import type { Chain } from './chain.ts';

/** Let try again so many at a time: of thousands, most would find the room taken. */
const triedAgainMax = 64;

export class RoomWaiters {
  readonly #waiting = new Set<Chain>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  add(chain: Chain): void {
    this.#waiting.add(chain);
  }

  /** There is room: makes the first of them due. @returns whether others wait on */
  letTryAgain(): boolean {
    let left = triedAgainMax;
    for (const chain of this.#waiting) {
      if (left === 0) return true;
      left -= 1;
      chain.dueMs = 0;
      this.#waiting.delete(chain);
    }
    return false;
  }
}
