/** How often each line of a writer was seen: a mark per number, so that a doubled line never hides a lost one, and a lost end is seen too. */
export class LineMarks {
  #seen = new Uint8Array(1024);
  #highest = 0;

  mark(n: number): void {
    if (n >= this.#seen.length) {
      const larger = new Uint8Array(Math.max(n + 1, this.#seen.length * 2));
      larger.set(this.#seen);
      this.#seen = larger;
    }
    this.#seen[n] = Math.min(255, this.#seen[n]! + 1);
    if (n > this.#highest) this.#highest = n;
  }

  /** Numbers from 1 to `last` that were not seen. */
  missing(last: number): number[] {
    const missing: number[] = [];
    for (let n = 1; n <= last; n++) if ((this.#seen[n] ?? 0) === 0) missing.push(n);
    return missing;
  }

  /** Numbers seen more than once. */
  doubled(): number[] {
    const doubled: number[] = [];
    for (let n = 1; n <= this.#highest; n++) if (this.#seen[n]! > 1) doubled.push(n);
    return doubled;
  }

  /** Numbers seen that were never written. */
  beyond(last: number): number {
    return Math.max(0, this.#highest - last);
  }
}

/** `4-9, 12, 20-21`: the first few runs of ascending numbers, for a report. */
export function runsOf(numbers: readonly number[], runsMax = 8): string {
  const runs: string[] = [];
  for (let at = 0; at < numbers.length; ) {
    let end = at;
    while (end + 1 < numbers.length && numbers[end + 1] === numbers[end]! + 1) end += 1;
    if (runs.length === runsMax) {
      runs.push(`... (${numbers.length} in all)`);
      break;
    }
    runs.push(end === at ? `${numbers[at]!}` : `${numbers[at]!}-${numbers[end]!}`);
    at = end + 1;
  }
  return runs.join(', ');
}
