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
/** Words with a digit or an @ in them. */
const token = /[A-Za-z_.+%/-]*[\d@][\w@.+%/-]*/g;
const wordBefore = /([A-Za-z_.-]{1,32})[^\w]{1,4}$/;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const hex = /^(?=.*[a-f])(?=.*\d)[0-9a-f]{12,}$/i;
const mail = /^[\w.+%-]+@[\w-]+(?:\.[\w-]+)+$/;
const address = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const decimal = /^-?\d+\.\d+$/;
const number = /^\d+$/;
/** Dates, times, versions. */
const isTime = /^\d{4}-\d\d-\d\d|^\d\d?:\d\d|^\d\d\/[A-Z][a-z]{2}\/\d{4}|^v?\d+(?:\.\d+){1,3}$/;
const hasDigit = /\d/;
const fieldsOfTheLogger = /^(?:time|timestamp|@timestamp|ts|level|severity|msg|message|log|logger|name|hostname|host|pid|v|version|caller|thread.*|.*\.(?:took|took_ms|bytes|size|duration.*))$|(?:^|[._])(?:duration|elapsed|took|latency|took_ms|durationms|duration_ms|delayms|bytes|status|user_agent|size|port|line)$/i;

const isOfTheLogger = remembered(name => fieldsOfTheLogger.test(name));
const none: readonly string[] = [];

/** Bits of chance in a value of this shape, for what is assumed of it before anything was seen. */
export function isRareShape(shape: string): boolean {
  return shape === 'uuid' || shape === 'hex' || shape === 'long' || shape === 'mail';
}

export function contentKeysOf(event: LogEvent, ms: number): ContentKey[] {
  const keys = new Map<string, ContentKey>();
  const own = event.ids.length === 0 ? none : event.ids.filter(id => idRank(id.kind) !== null).map(id => id.value.toLowerCase());
  const add = (text: string, name: string): void => {
    if (keys.size >= keysPerLineMax) return;
    const value = text.toLowerCase();
    if (own.includes(value) || keys.has(value)) return;
    const shape = shapeOf(value, ms);
    if (shape !== null) keys.set(value, { text, value, shape, name });
  };
  const addText = (text: string, field: string): void => {
    const searched = text.length > charsMax ? text.slice(0, charsMax) : text;
    token.lastIndex = 0;
    for (let match = token.exec(searched); match !== null; match = token.exec(searched)) {
      if (match[0].length < 4 || match[0].length > 100) continue;
      const trimmed = match[0].replace(/^[./+%-]+|[./+%-]+$/g, '');
      if (trimmed.length < 4 || trimmed.length > 80) continue;
      const name = `${field} ${wordBefore.exec(searched.slice(Math.max(0, match.index - 36), match.index))?.[1] ?? ''}`;
      if (trimmed.includes('/')) for (const part of trimmed.split('/')) add(part, `${name}/`);
      add(trimmed, name);
    }
  };
  addText(event.message, 'message');
  for (const name in event.fields) {
    if (isOfTheLogger(name)) continue;
    const value = event.fields[name];
    if (typeof value === 'string') {
      if (value !== event.message) addText(value, name);
    } else if (typeof value === 'number' && Math.abs(value) >= 1000) add(String(value), name);
  }
  return [...keys.values()];
}

/** Null where it is nothing that could tell requests apart. */
function shapeOf(value: string, nowMs: number): string | null {
  const { length } = value;
  if (length < 4) return null;
  if (mail.test(value)) return 'mail';
  if (!hasDigit.test(value)) return null;
  if (uuid.test(value)) return 'uuid';
  if (hex.test(value)) return 'hex';
  if (address.test(value)) return 'address';
  if (decimal.test(value)) {
    if (isEpoch(Number(value), nowMs)) return null;
    const digits = value.replace(/\D/g, '').replace(/^0+|0+$/g, '').length;
    return digits < 5 ? null : digits >= 9 ? 'long' : `decimal${digits}`;
  }
  if (isTime.test(value)) return null;
  if (number.test(value)) {
    if (isEpoch(Number(value), nowMs)) return null;
    return length >= 12 ? 'long' : `number${length}`;
  }
  if (value.includes('/')) return `path${Math.min(9, Math.ceil(length / 8))}`;
  return length < 5 ? null : `word${Math.min(length, 20)}`;
}

/** A time since the epoch, in whatever unit, within a day of the line. */
function isEpoch(value: number, nowMs: number): boolean {
  for (const perMs of [0.001, 1, 1000, 1_000_000]) if (Math.abs(value / perMs - nowMs) < 86_400_000) return true;
  return false;
}
