/** Numbers, durations and sizes as people and programs write them. All readers return null for anything else. */

/** What logs hold is never longer; a long text is no quantity and costs nothing. */
const charactersMax = 64;

const numberShape = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const unitMs = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const durationShape = /^([+-]?)((?:\d+(?:\.\d+)?(?:e[+-]?\d+)? ?(?:ns|us|µs|μs|ms|s|m|h|d|w) ?)+)$/;
const durationStep = /(\d+(?:\.\d+)?(?:e[+-]?\d+)?) ?(ns|us|µs|μs|ms|s|m|h|d|w)/g;
const sizeShape = /^(\d+(?:\.\d+)?(?:e[+-]?\d+)?) ?([kmgtp]?)(i?)b$/i;
const sizePowers = ['', 'k', 'm', 'g', 't', 'p'];

/** Finite numbers only. */
export function readNumber(text: string): number | null {
  if (text.length > charactersMax || !numberShape.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** `250ms`, `1.5s`, `1h30m`. @returns milliseconds */
export function readDurationMs(text: string): number | null {
  if (text.length > charactersMax) return null;
  const shape = durationShape.exec(text);
  if (shape === null) return null;
  let ms = 0;
  for (const [, amount, unit] of shape[2]!.matchAll(durationStep)) ms += Number(amount) * unitMs[unit as keyof typeof unitMs];
  if (!Number.isFinite(ms)) return null;
  return shape[1] === '-' && ms !== 0 ? -ms : ms;
}

/** `10kb` is 10,000 bytes and `10KiB` is 10,240; case does not count. */
export function readSizeBytes(text: string): number | null {
  if (text.length > charactersMax) return null;
  const shape = sizeShape.exec(text);
  if (shape === null) return null;
  const power = sizePowers.indexOf(shape[2]!.toLowerCase());
  if (power === 0 && shape[3] !== '') return null;
  const bytes = Number(shape[1]) * (shape[3] === '' ? 1000 : 1024) ** power;
  return Number.isFinite(bytes) ? bytes : null;
}

const integerShape = /^[+-]?\d+$/;

/**
 * Compares two numbers, of which either may be text. Integers past 2^53, which text keeps digit by digit, are compared digit by digit.
 * @returns negative where `a` is less; null where `a` is no number
 */
export function compareNumbers(a: number | string, b: string): number | null {
  const first = typeof a === 'number' ? a : readNumber(a);
  if (first === null) return null;
  const second = Number(b);
  const bothLarge = Math.abs(first) > Number.MAX_SAFE_INTEGER && Math.abs(second) > Number.MAX_SAFE_INTEGER;
  if (bothLarge && typeof a === 'string' && integerShape.test(a) && integerShape.test(b)) {
    const difference = BigInt(a.replace('+', '')) - BigInt(b.replace('+', ''));
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }
  return first < second ? -1 : first > second ? 1 : 0;
}
