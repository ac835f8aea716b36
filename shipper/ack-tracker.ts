import { addRange, type ByteRange } from '#lib/byte-ranges.ts';
import type { TailHash } from '#schemas/transport.ts';

/** Thousands of streams have nothing in flight. */
const none: readonly never[] = [];

interface Mark {
  end: number;
  /** Where reading can safely begin again when everything before `end` is acknowledged: before an unfinished line or an open piece. */
  safe: number;
  tail: TailHash;
}

/**
 * Turns acknowledgements, in any order, into the one position that is safe to checkpoint.
 *
 * Invariant: every byte before `safeOffset` was acknowledged. Why not "highest acknowledged": a crash would then skip the hole below it.
 * The caller feeds only `[from, to)` of this stream and one `sent` per chunk, in stream order.
 */
export class AckTracker {
  #acknowledged: readonly ByteRange[] = none;
  #safe: number;
  #tail: TailHash | null;
  #marks: readonly Mark[] = none;
  #base: number;
  #sentEnd: number;

  constructor(acknowledged: number, tail: TailHash | null) {
    this.#base = acknowledged;
    this.#safe = acknowledged;
    this.#sentEnd = acknowledged;
    this.#tail = tail;
  }

  sent(end: number, safe: number, tail: TailHash): void {
    this.#sentEnd = end;
    this.#marks = [...this.#marks, { end, safe, tail }];
  }

  /** @returns whether `safeOffset` moved. */
  acknowledged(from: number, to: number): boolean {
    this.#acknowledged = addRange(this.#acknowledged, { from: Math.max(from, this.#base), to });
    const low = this.lowWaterMark;
    const last = this.#acknowledged.at(-1);
    if (low === this.#sentEnd && low > this.#base && last !== undefined && last.to <= low) {
      // All is acknowledged, as it mostly is: nothing to remember.
      this.#base = low;
      this.#acknowledged = none;
    }
    // Between the ends of two chunks nobody here knows whether a line or a piece is open: only the ends count.
    let safe = this.#safe;
    let passed = 0;
    for (const mark of this.#marks) {
      if (mark.end > low) break;
      passed += 1;
      safe = mark.safe;
    }
    // The last passed mark stays: it says what is safe while nothing further is acknowledged.
    let tail = this.#tail;
    for (const mark of this.#marks.slice(0, passed)) if (mark.end <= safe) tail = mark.tail;
    const unneeded = this.#marks.findIndex(mark => mark.end > safe);
    this.#marks = unneeded < 0 ? none : this.#marks.slice(unneeded);
    if (safe <= this.#safe) return false;
    this.#safe = safe;
    this.#tail = tail;
    return true;
  }

  /** The end of the stream: what is open counts as finished, so everything acknowledged is safe. */
  finish(): void {
    this.#marks = this.#marks.map(mark => ({ ...mark, safe: mark.end }));
    this.acknowledged(0, 0);
  }

  /** Everything before this is acknowledged. */
  get lowWaterMark(): number {
    const first = this.#acknowledged[0];
    // A store may name more than was sent in this run; it counts when it is sent again.
    return first !== undefined && first.from <= this.#base ? Math.min(Math.max(first.to, this.#base), this.#sentEnd) : this.#base;
  }

  get safeOffset(): number {
    return this.#safe;
  }

  /** At or before `safeOffset`. */
  get tail(): TailHash | null {
    return this.#tail;
  }

  get inFlightBytes(): number {
    let acknowledged = 0;
    for (const range of this.#acknowledged) acknowledged += Math.max(0, Math.min(range.to, this.#sentEnd) - range.from);
    return this.#sentEnd - this.#base - acknowledged;
  }
}
