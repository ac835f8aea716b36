/** What a set of real logs expects and what was found, counted by kind, with every miss under its reason. No log content is kept. */

export const kinds = ['records', 'times', 'levels', 'messages', 'fields', 'ids', 'raw files'] as const;
export type Kind = (typeof kinds)[number];

export interface Count {
  right: number;
  of: number;
}

export interface Miss {
  kind: Kind;
  reason: string;
  count: number;
}

export class Tally {
  readonly set: string;
  readonly counts = new Map<Kind, Count>();
  private readonly missCounts = new Map<string, Miss>();
  /** The first few misses with their content, for whoever works on them; never part of a page. */
  readonly examples: string[] = [];

  constructor(set: string) {
    this.set = set;
  }

  /** @param reason why a miss of this kind is one, where it is known */
  check(kind: Kind, isRight: boolean, reason: string | null, example: () => string): void {
    const count = this.counts.get(kind) ?? { right: 0, of: 0 };
    this.counts.set(kind, count);
    count.of += 1;
    if (isRight) {
      count.right += 1;
      return;
    }
    const why = reason ?? unexplained;
    const key = `${kind}: ${why}`;
    const miss = this.missCounts.get(key) ?? { kind, reason: why, count: 0 };
    this.missCounts.set(key, miss);
    miss.count += 1;
    if (this.examples.length < 400) this.examples.push(`${this.set}, ${key}: ${example()}`);
  }

  equal(kind: Kind, found: unknown, expected: unknown, reason: string | null, where: string): void {
    this.check(kind, JSON.stringify(found) === JSON.stringify(expected), reason, () => `${where}: found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);
  }

  get misses(): Miss[] {
    return [...this.missCounts.values()];
  }

  get right(): number {
    return [...this.counts.values()].reduce((sum, { right }) => sum + right, 0);
  }

  get of(): number {
    return [...this.counts.values()].reduce((sum, { of }) => sum + of, 0);
  }
}

export const unexplained = 'not yet understood';
