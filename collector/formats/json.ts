/** JSON lines, of whatever logger: bunyan, pino, logrus, zap, zerolog, slog, Serilog, Python, ECS, GCP, OpenTelemetry. Read by shape, not by logger. */
import type { FieldValue } from '#schemas/event.ts';
import { levelOfSyslogSeverity } from '../fields/level.ts';
import { Reading } from '../fields/reading.ts';
import { fieldName, type FieldName } from '../fields/roles.ts';
import { notKnownWhen, type WhenRead } from '../fields/time.ts';
import { addIdsOfText } from '../ids/extract.ts';
import { moreExact } from './access-log.ts';
import { withoutAnsi } from './ansi.ts';
import { readTextPrefix } from './text-prefix.ts';
import { textCharsMax, understoodOf, type Understood } from './understood.ts';

/** A deeper object stays as JSON text. */
export const jsonDepthMax = 20;
/** Past it, what an object still holds goes into one field `_rest` as JSON text. */
export const jsonFieldsMax = 1000;

/** `text` is the line without surrounding space. Null where it is not one JSON object. */
export function understandJson(text: string, when = notKnownWhen): Understood | null {
  if (text.charCodeAt(0) !== 0x7b || text.charCodeAt(text.length - 1) !== 0x7d) return null;
  let reading = new Reading(when);
  try {
    // Numbers that JavaScript cannot hold are rare and keeping their digits is slow, so only a line that has one is read again for them.
    const object = JSON.parse(text) as object;
    if (isFlat(object)) reading.adopt(object);
    else if (!flatten(reading, null, object, 1)) {
      reading = new Reading(when);
      flatten(reading, null, JSON.parse(text, keepDigits) as object, 1);
    }
  } catch {
    // Broken, or nested so deep that even its text cannot be made: such a line is text.
    return null;
  }
  reading.finish();
  const { fields } = reading;
  if (fields['msec'] !== undefined) reading.timeNs = moreExact(reading.timeNs, fields['msec']);
  // Two formats whose level a name alone does not tell. Serilog's compact format leaves the level out where it is Information; journald's priority is a number in text.
  if (reading.level === null && fields['@t'] !== undefined && fields['@l'] === undefined && (fields['@m'] !== undefined || fields['@mt'] !== undefined)) reading.level = 'info';
  if (reading.level === null && fields['__REALTIME_TIMESTAMP'] !== undefined && typeof fields['PRIORITY'] === 'string') reading.level = levelOfSyslogSeverity(Number(fields['PRIORITY']));
  if (reading.level === null && reading.message !== null) readInnerLine(reading, reading.message, when);
  const { message } = reading;
  if (message !== null) addIdsOfText(reading.ids, message.length > textCharsMax ? message.slice(0, textCharsMax) : message);
  return understoodOf('json', reading, withoutAnsi(message ?? text));
}

/** What a log router put whole into one member: JSON, or a line of text with a time and a level. */
function readInnerLine(reading: Reading, message: string, when: WhenRead): void {
  const first = message.charCodeAt(0);
  if (first === 0x7b) {
    const inner = understandJson(message.trimEnd(), when);
    if (inner === null || (inner.level === null && inner.timeNs === null)) return;
    reading.level = inner.level;
    reading.timeNs ??= inner.timeNs;
    reading.exceptionType ??= inner.exceptionType;
    reading.message = inner.message;
    for (const { kind, name, value } of inner.ids) reading.ids.add(kind, name, value, 'field');
  } else if (first === 0x5b || (first >= 0x30 && first <= 0x39)) {
    const { level, timeText } = readTextPrefix(message, when);
    if (timeText !== null) reading.level = level;
  }
}

/** Called by JSON.parse for each value, with the number as it stood in the text. */
function keepDigits(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? String(value);
  if (!Number.isFinite(value)) return source;
  const isWhole = /^-?\d+$/.test(source);
  return isWhole ? source : value;
}

/** True where every member is plain and exact, as in most lines: the object can be used as it is. */
function isFlat(object: object): object is Record<string, string | number | boolean | null> {
  let count = 0;
  for (const key in object) {
    const value: unknown = (object as Record<string, unknown>)[key];
    if ((typeof value === 'object' && value !== null) || (typeof value === 'number' && !isHeldExactly(value)) || ++count > jsonFieldsMax) return false;
  }
  return true;
}

/** False where a number was met that may have lost digits. */
function flatten(reading: Reading, above: FieldName | null, object: object, depth: number): boolean {
  let isExact = true;
  let rest: Record<string, unknown> | null = null;
  for (const key in object) {
    const value: unknown = (object as Record<string, unknown>)[key];
    if (rest !== null || reading.count >= jsonFieldsMax) {
      rest ??= Object.create(null) as Record<string, unknown>;
      rest[key] = value;
      continue;
    }
    const name = fieldName(above, key);
    if (typeof value !== 'object' || value === null) {
      if (typeof value === 'number' && !isHeldExactly(value)) isExact = false;
      reading.addNamed(name, value as FieldValue);
    } else if (Array.isArray(value)) {
      const members = membersOf(value, depth + 1);
      if (Array.isArray(members) && members.some(member => typeof member === 'number' && !isHeldExactly(member))) isExact = false;
      reading.addNamed(name, members);
    } else if (depth >= jsonDepthMax || isEmpty(value)) {
      reading.addNamed(name, JSON.stringify(value));
    } else if (!flatten(reading, name, value, depth + 1)) {
      isExact = false;
    }
  }
  if (rest !== null) reading.addNamed(fieldName(above, '_rest'), JSON.stringify(rest));
  return isExact;
}

/** Fractions count as exact: logs print them from such numbers. */
function isHeldExactly(value: number): boolean {
  return Number.isSafeInteger(value) || !(Number.isInteger(value) || !Number.isFinite(value));
}

function isEmpty(object: object): boolean {
  for (const key in object) if (Object.hasOwn(object, key)) return false;
  return true;
}

/** Arrays keep their members; an object among them is JSON text, as are arrays too long or too deep to be worth taking apart. */
function membersOf(array: readonly unknown[], depth: number): FieldValue {
  if (array.length > jsonFieldsMax || depth > jsonDepthMax) return JSON.stringify(array);
  return array.map(member => {
    if (Array.isArray(member)) return membersOf(member, depth + 1);
    return typeof member === 'object' && member !== null ? JSON.stringify(member) : (member as FieldValue);
  });
}
