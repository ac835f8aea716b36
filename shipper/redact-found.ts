/** Byte ranges that shall not leave, as they are found: kept in plain arrays, so that a find costs no object. */
export interface Kind {
  /** Stands in the replacement: `secrets`, `cards`, `emails`, `pattern1`. */
  name: string;
  /** Where a range begins or ends inside a JSON escape (`\n`): false widens it to the whole escape, true narrows it. */
  narrows: boolean;
  /** The same value in another spelling has the same hash. */
  canonical: (value: Buffer) => Buffer;
}

export class Found {
  /** Half-open `[from, to)`. */
  readonly from: number[] = [];
  readonly to: number[] = [];
  readonly kind: Kind[] = [];

  add(from: number, to: number, kind: Kind): void {
    if (to <= from) return;
    this.from.push(from);
    this.to.push(to);
    this.kind.push(kind);
  }

  get count(): number {
    return this.from.length;
  }

  clear(): void {
    this.from.length = 0;
    this.to.length = 0;
    this.kind.length = 0;
  }

  /** In order, each overlap made one range under the kind that begins first: no byte that anything found is left. */
  *merged(): Generator<{ from: number; to: number; kind: Kind }> {
    const order = this.from.map((_, index) => index).sort((a, b) => this.from[a]! - this.from[b]! || this.to[b]! - this.to[a]!);
    let range: { from: number; to: number; kind: Kind } | null = null;
    for (const index of order) {
      const next = { from: this.from[index]!, to: this.to[index]!, kind: this.kind[index]! };
      if (range !== null && next.from < range.to) {
        range.to = Math.max(range.to, next.to);
        continue;
      }
      if (range !== null) yield range;
      range = next;
    }
    if (range !== null) yield range;
  }
}

/** Adds what it finds in a chunk's whole lines. */
export type Finder = (bytes: Buffer, found: Found) => void;
