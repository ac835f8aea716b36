/** Times as people write them in options and query strings. */
import { LeadlineError } from './errors.ts';

const nsPerMs = 1_000_000n;
const spanUnitsMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/** `15m`, `1.5h` in milliseconds; null for anything else. */
export function readSpanMs(text: string): number | null {
  const span = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text);
  return span === null ? null : Math.round(Number(span[1]) * spanUnitsMs[span[2]!]!);
}

/**
 * RFC 3339 (zone-less is UTC) with up to nine fractional digits, a date, or a span back from now (`15m`).
 * @returns nanoseconds since the epoch
 * @throws LeadlineError BAD_TIME naming the option.
 */
export function readTime(name: string, text: string, nowMs: number): bigint {
  const spanMs = readSpanMs(text);
  if (spanMs !== null) return BigInt(Math.round(nowMs - spanMs)) * nsPerMs;
  const match = /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?([Zz]|[+-]\d{2}:?\d{2})?)?$/.exec(text);
  if (match !== null) {
    const [, date, time = '00:00:00', fraction = '', zone = 'Z'] = match;
    const ms = Date.parse(`${date!}T${time}${zone.toUpperCase()}`);
    if (!Number.isNaN(ms)) return BigInt(ms) * nsPerMs + BigInt(fraction.padEnd(9, '0'));
  }
  throw new LeadlineError('BAD_TIME', { name, value: text });
}
