/** What a value in a comparison can be: a number, a duration, a size, a time, a version. */
import { LeadlineError } from '../errors.ts';
import { readTime } from '../time-text.ts';

const durationUnitsMs: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizeUnits: Record<string, number> = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3, tib: 1024 ** 4 };

export type ComparedValue = { type: 'number'; value: number } | { type: 'duration'; ms: number } | { type: 'size'; bytes: number } | { type: 'time'; ns: bigint } | { type: 'version'; parts: number[] };

/** The value a comparison is made with, or null where the text is none of them. */
export function readComparedValue(text: string): ComparedValue | null {
  const number = numberOf(text);
  if (number !== null) return { type: 'number', value: number };
  const ms = durationMsOf(text);
  if (ms !== null) return { type: 'duration', ms };
  const bytes = sizeOf(text);
  if (bytes !== null) return { type: 'size', bytes };
  const parts = versionOf(text);
  if (parts !== null) return { type: 'version', parts };
  const ns = timeNsOf(text);
  return ns === null ? null : { type: 'time', ns };
}

export function numberOf(text: string): number | null {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : null;
}

/** `250ms`, `1.5s`, `2m`, and Go's `1m30.5s`, in milliseconds. */
export function durationMsOf(text: string): number | null {
  if (!/^[+-]?(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d))+$/.test(text)) return null;
  let ms = 0;
  for (const [, value, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g)) ms += Number(value) * durationUnitsMs[unit!]!;
  return text.startsWith('-') ? -ms : ms;
}

export function sizeOf(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s?(b|[kmgt]i?b)$/i.exec(text);
  return match === null ? null : Number(match[1]) * sizeUnits[match[2]!.toLowerCase()]!;
}

export function versionOf(text: string): number[] | null {
  const match = /^v?(\d+(?:\.\d+){1,4})(?:[-+].*)?$/.exec(text);
  return match === null ? null : match[1]!.split('.').map(Number);
}

export function timeNsOf(text: string): bigint | null {
  try {
    return readTime('time', text, 0);
  } catch (error) {
    if (error instanceof LeadlineError) return null;
    throw error;
  }
}

/** Negative where `a` is the older version. */
export function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
