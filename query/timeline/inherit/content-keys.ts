/**
 * Values in a line that may stand for one request: order numbers, addresses, amounts, session ids. Each has a shape, and shapes are judged, not
 * values: whether ten letters and digits name an order or an article is seen from how often they were right.
 */
import { idRank } from '#schemas/alias.ts';
import type { LogEvent } from '#schemas/event.ts';
import { remembered } from './remembered.ts';

export interface ContentKey {
  text: string;
  /** The same in lower case, by which lines are compared. */
  value: string;
  /** `uuid`, `word10`, `number8`, ... */
  shape: string;
  /** The field it stands in, or the word before it in a text. */
  name: string;
}

const keysPerLineMax = 24;
const charsMax = 4000;
/** Of a word with a digit or an @ in it, before and after what does not count at its ends. */
const wordCharsMin = 4;
const wordCharsMax = 100;
const keyCharsMax = 80;
/** Of the word before it. */
const nameCharsMax = 32;
const nameAwayMax = 4;

/** What a character is, by its code. */
const isWord = 1;
const isDigit = 2;
const isAt = 4;
/** May stand in a value besides letters, digits and _, and does not count at its ends. */
const isEdge = 8;
const isHexLetter = 16;
/** May stand in the name before a value. */
const isName = 32;
const isSlash = 64;
const isDot = 128;
const isMinus = 256;
const codes = new Uint16Array(128);
for (let code = 0; code < codes.length; code++) {
  const char = String.fromCharCode(code);
  codes[code] = (/\w/.test(char) ? isWord : 0) | (/\d/.test(char) ? isDigit : 0) | (char === '@' ? isAt : 0) | (/[./+%-]/.test(char) ? isEdge : 0) | (/[a-f]/i.test(char) ? isHexLetter : 0) | (/[A-Za-z_.-]/.test(char) ? isName : 0) | (char === '/' ? isSlash : 0) | (char === '.' ? isDot : 0) | (char === '-' ? isMinus : 0);
}
const inValue = isWord | isAt | isEdge;
const codeAt = (text: string, index: number): number => codes[text.charCodeAt(index)] ?? 0;

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const uuidChars = 36;
const hexCharsMin = 12;
const mail = /^[\w.+%-]+@[\w-]+(?:\.[\w-]+)+$/;
const address = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const decimal = /^-?\d+\.\d+$/;
/** Dates, versions. */
const isTime = /^\d{4}-\d\d-\d\d|^v?\d+(?:\.\d+){1,3}$/;
const fieldsOfTheLogger = /^(?:time|timestamp|@timestamp|ts|level|severity|msg|message|log|logger|name|hostname|host|pid|v|version|caller|thread.*|.*\.(?:took|took_ms|bytes|size|duration.*))$|(?:^|[._])(?:duration|elapsed|took|latency|took_ms|durationms|duration_ms|delayms|bytes|status|user_agent|size|port|line)$/i;

const isOfTheLogger = remembered(name => fieldsOfTheLogger.test(name));
const none: readonly string[] = [];

/** Bits of chance in a value of this shape, for what is assumed of it before anything was seen. */
export function isRareShape(shape: string): boolean {
  return shape === 'uuid' || shape === 'hex' || shape === 'long' || shape === 'mail';
}

export function contentKeysOf(event: LogEvent, ms: number): ContentKey[] {
  const own = event.ids.length === 0 ? none : event.ids.filter(id => idRank(id.kind) !== null).map(id => id.value.toLowerCase());
  const keys = new KeysOfLine(own, ms);
  const { message, fields } = event;
  keys.addText(message, 'message');
  for (const name in fields) {
    if (isOfTheLogger(name)) continue;
    const value = fields[name];
    if (typeof value === 'string') {
      if (value !== message) keys.addText(value, name);
    } else if (typeof value === 'number' && Math.abs(value) >= 1000) keys.add(String(value), name);
  }
  return keys.found;
}

class KeysOfLine {
  readonly found: ContentKey[] = [];
  private readonly own: readonly string[];
  private readonly ms: number;

  constructor(own: readonly string[], ms: number) {
    this.own = own;
    this.ms = ms;
  }

  add(text: string, name: string): void {
    if (this.found.length >= keysPerLineMax || text.length < wordCharsMin) return;
    const value = text.toLowerCase();
    if (this.own.includes(value) || this.found.some(key => key.value === value)) return;
    const shape = shapeOf(value, this.ms);
    if (shape !== null) this.found.push({ text, value, shape, name });
  }

  /** The words of a text with a digit or an @ in them; of paths also their parts. */
  addText(text: string, field: string): void {
    const length = Math.min(text.length, charsMax);
    for (let at = 0; at < length; ) {
      if ((codeAt(text, at) & inValue) === 0) {
        at += 1;
        continue;
      }
      const start = at;
      let seen = 0;
      for (; at < length; at++) {
        const code = codeAt(text, at);
        if ((code & inValue) === 0) break;
        seen |= code;
      }
      if ((seen & (isDigit | isAt)) === 0 || at - start < wordCharsMin || at - start > wordCharsMax) continue;
      let from = start;
      let to = at;
      while (from < to && (codeAt(text, from) & isEdge) !== 0) from += 1;
      while (to > from && (codeAt(text, to - 1) & isEdge) !== 0) to -= 1;
      if (to - from < wordCharsMin || to - from > keyCharsMax) continue;
      const trimmed = text.slice(from, to);
      const name = `${field} ${nameBefore(text, start)}`;
      if ((seen & isSlash) !== 0 && trimmed.includes('/')) for (const part of trimmed.split('/')) this.add(part, `${name}/`);
      this.add(trimmed, name);
    }
  }
}

/** The word that ends a few other characters before `end`: `order` of `order #1234`. Full stops and dashes may be of it or between. */
function nameBefore(text: string, end: number): string {
  const first = Math.max(0, end - nameCharsMax - nameAwayMax);
  // Where the word may end: as far before as it can, for the longest.
  let nameEnd = -1;
  for (let at = end - 1; at >= Math.max(first + 1, end - nameAwayMax) && (codeAt(text, at) & isWord) === 0; at--) if ((codeAt(text, at - 1) & isName) !== 0) nameEnd = at;
  if (nameEnd < 0) return '';
  let from = nameEnd - 1;
  while (from > first && nameEnd - from < nameCharsMax && (codeAt(text, from - 1) & isName) !== 0) from -= 1;
  while (nameEnd + 1 < end && nameEnd + 1 - from <= nameCharsMax && (codeAt(text, nameEnd) & isName) !== 0) nameEnd += 1;
  return text.slice(from, nameEnd);
}

/** @param value in small letters @returns null where it is nothing that could tell requests apart */
function shapeOf(value: string, nowMs: number): string | null {
  const { length } = value;
  if (length < wordCharsMin) return null;
  let seen = 0;
  let every = ~0;
  let isNumeric = true;
  let isHex = true;
  for (let index = 0; index < length; index++) {
    const code = codeAt(value, index);
    seen |= code;
    every &= code;
    if ((code & (isDigit | isDot | isMinus)) === 0) isNumeric = false;
    if ((code & (isDigit | isHexLetter)) === 0) isHex = false;
  }
  if ((seen & isAt) !== 0 && mail.test(value)) return 'mail';
  if ((seen & isDigit) === 0) return null;
  if (length === uuidChars && (seen & isMinus) !== 0 && uuid.test(value)) return 'uuid';
  if (isHex && (seen & isHexLetter) !== 0 && length >= hexCharsMin) return 'hex';
  if (isNumeric && (seen & isDot) !== 0) {
    if (address.test(value)) return 'address';
    if (decimal.test(value)) {
      if (isEpoch(Number(value), nowMs)) return null;
      const digits = value.replace(/\D/g, '').replace(/^0+|0+$/g, '').length;
      return digits < 5 ? null : digits >= 9 ? 'long' : `decimal${digits}`;
    }
  }
  if ((seen & (isDot | isMinus)) !== 0 && isTime.test(value)) return null;
  if ((every & isDigit) !== 0) {
    if (isEpoch(Number(value), nowMs)) return null;
    return length >= 12 ? 'long' : `number${length}`;
  }
  if ((seen & isSlash) !== 0) return `path${Math.min(9, Math.ceil(length / 8))}`;
  return length < 5 ? null : `word${Math.min(length, 20)}`;
}

/** A time since the epoch, in whatever unit, within a day of the line. */
function isEpoch(value: number, nowMs: number): boolean {
  for (const perMs of [0.001, 1, 1000, 1_000_000]) if (Math.abs(value / perMs - nowMs) < 86_400_000) return true;
  return false;
}
