/** Times in queries: the spellings of `readTime`, as an instant or as the span that a shorter spelling stands for. */
import { readTime } from '../time-text.ts';

/** A half-open span `[fromNs, toNs)`. */
export interface TimeSpan {
  fromNs: bigint;
  toNs: bigint;
}

const shape = /^\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}(:\d{2})?(?:[.,](\d{1,9}))?(?:[Zz]|[+-]\d{2}:?\d{2})?)?$/;
const timeOfDay = /[Tt ]/;
const dayNs = 86_400_000_000_000n;
const minuteNs = 60_000_000_000n;

/**
 * An absolute time, or null. A date is its first instant, in UTC.
 * Times that 64 bits of nanoseconds cannot hold (before 1678, after 2261) are none.
 */
export function readInstantNs(text: string): bigint | null {
  if (!shape.test(text)) return null;
  try {
    const ns = readTime('time', text, 0);
    return BigInt.asIntN(64, ns) === ns ? ns : null;
  } catch {
    return null;
  }
}

/** An absolute time, or a span back from `nowMs` with or without a minus before it: `-15m`, `2h`. */
export function readPointInTimeNs(text: string, nowMs: number): bigint | null {
  const back = /^-?(\d+(?:\.\d+)?(?:ms|s|m|h|d|w))$/.exec(text);
  if (back === null) return readInstantNs(text);
  const ns = readTime('time', back[1]!, nowMs);
  return BigInt.asIntN(64, ns) === ns ? ns : null;
}

/** The whole day, minute, second or fraction of a second that the text names. */
export function readTimeSpan(text: string): TimeSpan | null {
  const found = shape.exec(text);
  const fromNs = readInstantNs(text);
  if (found === null || fromNs === null) return null;
  const [, seconds, fraction = ''] = found;
  const lengthNs = !timeOfDay.test(text) ? dayNs : seconds === undefined ? minuteNs : 10n ** BigInt(9 - fraction.length);
  const toNs = fromNs + lengthNs;
  return BigInt.asIntN(64, toNs) === toNs ? { fromNs, toNs } : null;
}
