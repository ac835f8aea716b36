/** Times as numbers since the epoch. */
export const nsPerSecond = 1_000_000_000n;

/** Many lines have the same second, and making big integers is most of the work. */
let lastSecond = 0;
let lastSecondNs = 0n;

export function nsOfSecond(second: number, nanos: number): bigint {
  if (second !== lastSecond) {
    lastSecond = second;
    lastSecondNs = BigInt(second) * nsPerSecond;
  }
  return nanos === 0 ? lastSecondNs : lastSecondNs + BigInt(nanos);
}

const decimalShape = /^(-?\d{1,20})(?:\.(\d+))?$/;

/**
 * An epoch time by magnitude: below 1e11 seconds, below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds; its fraction counts too.
 * Null below 1e8 (March 1973), which are durations and counters, and for what is no decimal number.
 */
export function epochNs(decimal: string): bigint | null {
  const match = decimalShape.exec(decimal);
  if (match === null) return null;
  const whole = Number(match[1]);
  if (!(whole >= 1e8) || whole >= 1e19) return null;
  const fractionDigits = whole < 1e11 ? 9 : whole < 1e14 ? 6 : whole < 1e17 ? 3 : 0;
  const fraction = (match[2] ?? '').slice(0, fractionDigits).padEnd(fractionDigits, '0');
  return BigInt(match[1]! + fraction);
}

/** `1.6611454961547723e+09`, as zap prints seconds on a console. */
export function epochOfScientific(text: string): bigint | null {
  const digits = text.replace('.', '').slice(0, text.indexOf('e') - 1);
  return epochNs(`${digits.slice(0, 10)}.${digits.slice(10)}`);
}

/** The same of a number. Whole milliseconds and seconds, which are nearly all, need no text in between. */
export function epochOfNumber(value: number): bigint | null {
  if (!Number.isFinite(value) || value < 1e8) return null;
  if (Number.isInteger(value) && value < 1e14) return value < 1e11 ? nsOfSecond(value, 0) : nsOfSecond(Math.floor(value / 1000), (value % 1000) * 1_000_000);
  if (value < 2 ** 30 || value >= 2 ** 31) return epochNs(String(value));
  // Seconds of these years hold seven digits behind the point; of all numbers that read the same, the shortest was written.
  const whole = Math.floor(value);
  const micros = Math.round((value - whole) * 1e6);
  return nsOfSecond(whole, whole + micros / 1e6 === value ? micros * 1000 : Math.round((value - whole) * 1e7) * 100);
}
