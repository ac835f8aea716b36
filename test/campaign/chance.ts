/** Chance with a seed: the same seed draws the same plan. (mulberry32: 32 bits of state, good enough to choose faults by.) */

export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In `[0, 1)`. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number in `[from, to)`. */
  below(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from));
  }

  happens(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(0, items.length)]!;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const mixed = [...items];
    for (let last = mixed.length - 1; last > 0; last--) {
      const other = this.below(0, last + 1);
      [mixed[last], mixed[other]] = [mixed[other]!, mixed[last]!];
    }
    return mixed;
  }

  /** Chance of its own for a part of a plan, so that a change in one part leaves the others as they were. */
  fork(name: string): Chance {
    let seed = this.#state;
    for (const character of name) seed = (Math.imul(seed, 31) + character.codePointAt(0)!) >>> 0;
    return new Chance(seed);
  }
}
