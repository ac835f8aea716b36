/** logfmt: `level=info msg="card declined" orderId=17`. */
import { Reading } from '../fields/reading.ts';
import { notKnownWhen } from '../fields/time.ts';
import { addIdsOfText } from '../ids/extract.ts';
import { withoutAnsi } from './ansi.ts';
import { textCharsMax, understoodOf, type Understood } from './understood.ts';

export const logfmtFieldsMax = 1000;

export interface LogfmtPair {
  key: string;
  /** Null for a key without `=`, and for `key=` with nothing behind it. */
  value: string | null;
  /** False for a word that has no `=`. */
  hasValue: boolean;
  quoted: boolean;
}

const quote = 0x22;
const equals = 0x3d;
const apostrophe = 0x27;

/**
 * The pairs of one line, or null where it is not logfmt: no key before `=`, a quote inside a key, a string without its end or with an escape that
 * is none, a bare value with `=` or a quote in it.
 * @param isMild real lines hold bare values with `=` and quotes, as addresses with a query do; then they are borne
 */
export function parseLogfmt(line: string, isMild = false): LogfmtPair[] | null {
  const pairs: LogfmtPair[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && line.charCodeAt(at) <= 0x20) at++;
    if (at >= line.length) return pairs;
    if (pairs.length >= logfmtFieldsMax) return null;
    const keyStart = at;
    // slog puts a name with a blank into quotes.
    const quotedKey = isMild && line.charCodeAt(at) === quote ? endOfString(line, at) : -1;
    if (quotedKey > 0 && line.charCodeAt(quotedKey) === equals) at = quotedKey;
    else for (let code = line.charCodeAt(at); at < line.length && code > 0x20 && code !== equals; code = line.charCodeAt(++at)) if (code === quote) return null;
    if (at === keyStart) return null;
    const key = quotedKey > 0 ? (unquote(line.slice(keyStart, at)) ?? '') : line.slice(keyStart, at);
    if (line.charCodeAt(at) !== equals) {
      pairs.push({ key, value: null, hasValue: false, quoted: false });
      continue;
    }
    at++;
    const single = isMild && line.charCodeAt(at) === apostrophe ? endOfSingle(line, at) : -1;
    if (single > 0) {
      pairs.push({ key, value: line.slice(at + 1, single - 1).replace(/\\(['\\])/g, '$1'), hasValue: true, quoted: true });
      at = single;
    } else if (line.charCodeAt(at) === quote) {
      const end = endOfString(line, at);
      const value = end < 0 ? null : unquote(line.slice(at, end));
      if (value === null) return null;
      pairs.push({ key, value, hasValue: true, quoted: true });
      at = end;
    } else {
      const valueStart = at;
      for (let code = line.charCodeAt(at); at < line.length && code > 0x20; code = line.charCodeAt(++at)) if (!isMild && (code === equals || code === quote)) return null;
      pairs.push({ key, value: at === valueStart ? null : line.slice(valueStart, at), hasValue: true, quoted: false });
    }
  }
}

/** Index behind the closing quote of the string that opens at `at`, or -1. */
function endOfString(line: string, at: number): number {
  for (let index = at + 1; index < line.length; index++) {
    const code = line.charCodeAt(index);
    if (code === 0x5c) index++;
    else if (code === quote) return index + 1;
  }
  return -1;
}

/** The same of `'a value'` as Python prints it, which a blank or the line's end must follow; -1 where the quote is a part of the value. */
function endOfSingle(line: string, at: number): number {
  for (let index = at + 1; index < line.length; index++) {
    const code = line.charCodeAt(index);
    if (code === 0x5c) index++;
    else if (code === apostrophe) return index + 1 === line.length || line.charCodeAt(index + 1) <= 0x20 ? index + 1 : -1;
  }
  return -1;
}

function unquote(text: string): string | null {
  if (!text.includes('\\')) return text.slice(1, -1);
  try {
    const value: unknown = JSON.parse(text.replace(/\\(?:x([0-9a-fA-F]{2})|')/g, (_, hex: string | undefined) => (hex === undefined ? "'" : `\\u00${hex}`)));
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}

const firstPair = /^[A-Za-z_@][\w.@/-]*=/;
const keyShape = /^[\w.@/:[\]-]+$/;
const decimal = /^-?(?:0|[1-9]\d{0,15})(?:\.\d{1,15})?$/;

/**
 * Null where the line is not logfmt. It is if it begins with a pair and either consists of at least two pairs and nothing else, or has at least two
 * of them and one is its time, level or message (then loose words are borne: loggers forget to quote).
 */
export function understandLogfmt(text: string, when = notKnownWhen): Understood | null {
  if (!firstPair.test(text) || text.length > textCharsMax) return null;
  const pairs = parseLogfmt(text, true);
  if (pairs === null) return null;
  const valued = pairs.filter(pair => pair.hasValue);
  if (valued.length < 2 || !valued.every(pair => keyShape.test(pair.key) || (pair.key.includes(' ') && pair.key.length <= 64))) return null;
  const reading = new Reading(when);
  for (const { key, value, quoted } of pairs) {
    // A number whose spelling it keeps is one, so that ranges work on it.
    const isNumber = value !== null && !quoted && decimal.test(value) && String(Number(value)) === value && Math.abs(Number(value)) <= Number.MAX_SAFE_INTEGER;
    reading.add(key, isNumber ? Number(value) : value);
  }
  if (valued.length < pairs.length && !reading.hasCoreName) return null;
  reading.finish();
  const { message } = reading;
  if (message !== null) addIdsOfText(reading.ids, message);
  return understoodOf('logfmt', reading, withoutAnsi(message ?? text));
}
