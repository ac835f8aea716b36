/** Times in nanoseconds as two numbers, without a bigint per event: whole milliseconds (rounded down) and the nanoseconds within one. */
const nsPerMs = 1_000_000;
const high = 2 ** 32;
const highRemainder = high % nsPerMs;
const nsPerMsBig = 1_000_000n;

const scratch = new BigInt64Array(1);
const halves = new Int32Array(scratch.buffer);

export interface SplitTime {
  ms: number;
  ns: number;
}

/** Fills `into`, so that nothing is made per call. The 64 bits are taken in halves: neither is past what a number holds exactly. */
export function splitTime(timeNs: bigint, into: SplitTime): SplitTime {
  scratch[0] = timeNs;
  const low = halves[0]! >>> 0;
  const top = halves[1]!;
  let ns = ((top % nsPerMs) * highRemainder + low) % nsPerMs;
  if (ns < 0) ns += nsPerMs;
  // Nearer to the whole millisecond than a double's step at 2^63 is long.
  into.ms = Math.round((top * high + (low - ns)) / nsPerMs);
  into.ns = ns;
  return into;
}

export function joinTime(ms: number, ns: number): bigint {
  return BigInt(ms) * nsPerMsBig + BigInt(ns);
}
