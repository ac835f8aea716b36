import type { FieldValue, Fields, Level } from '#schemas/event.ts';
import { addIdsOfField, IdList } from '../ids/extract.ts';
import { exceptionTypeOf } from './exception.ts';
import { levelOfGoogle, levelOfLetter, levelOfName, levelOfOtelNumber, levelOfPythonNumber, levelOfValue } from './level.ts';
import { fieldName, type FieldName, type FieldRoles } from './roles.ts';
import { notKnownWhen, readTimeOfValue, type TimeAssumed, type WhenRead } from './time.ts';

/** What is known of a structured line so far. Fields may come in any order; the strongest name wins, and a value that cannot be read does not count. */
export class Reading {
  fields: Fields = {};
  readonly ids = new IdList();
  count = 0;
  timeNs: bigint | null = null;
  timeAssumed: TimeAssumed | null = null;
  level: Level | null = null;
  message: string | null = null;
  exceptionType: string | null = null;
  /** True once a name of time, level or message was met, whatever its value. */
  hasCoreName = false;
  private timeRank = Infinity;
  private levelRank = Infinity;
  private isLevelNumber = false;
  private messageRank = Infinity;
  private exceptionRank = Infinity;
  private seconds: number | null = null;
  private nanos: number | null = null;
  private stack: string | null = null;
  private readonly when: WhenRead;

  constructor(when = notKnownWhen) {
    this.when = when;
  }

  /** A field whose name is known to mean nothing else: no id, time, level or message. */
  put(name: string, value: FieldValue): void {
    this.fields[name] = value;
  }

  add(name: string, value: FieldValue): void {
    this.addNamed(fieldName(null, name), value);
  }

  addNamed({ name, roles }: FieldName, value: FieldValue): void {
    // Plain assignment would replace the object's prototype instead of making a field.
    if (name === '__proto__') Object.defineProperty(this.fields, name, { value, enumerable: true, configurable: true, writable: true });
    else this.fields[name] = value;
    this.count++;
    if (!roles.isNone) this.read(name, roles, value);
  }

  /** Takes over an object that is nobody else's and has nothing nested in it. Only before any field was added. */
  adopt(fields: Fields): void {
    this.fields = fields;
    for (const name in fields) {
      const { roles } = fieldName(null, name);
      if (!roles.isNone) this.read(name, roles, fields[name]!);
    }
  }

  private read(name: string, roles: FieldRoles, value: FieldValue): void {
    if (roles.time !== null || roles.level !== null || roles.message !== null) this.addCore(roles, value);
    if (roles.id !== null) addIdsOfField(this.ids, roles.id, name, value);
    if (roles.exceptionType !== null && roles.exceptionType < this.exceptionRank && typeof value === 'string' && value !== '') {
      this.exceptionType = value;
      this.exceptionRank = roles.exceptionType;
    }
    if (roles.isStack && typeof value === 'string') this.stack ??= value;
    else if (roles.isStack && Array.isArray(value) && typeof value[0] === 'string') this.stack ??= value.join('\n');
    if (roles.timeSeconds && typeof value === 'number') this.seconds = value;
    if (roles.timeNanos && typeof value === 'number') this.nanos = value;
  }

  private addCore(roles: FieldRoles, value: FieldValue): void {
    this.hasCoreName = true;
    if (roles.time !== null && roles.time < this.timeRank) {
      // Of a field's time only the zone is assumed.
      const read = readTimeOfValue(value, this.when.zone === null ? notKnownWhen : { readMs: null, zone: this.when.zone });
      if (read !== null && read.timeNs !== null) {
        this.timeNs = read.timeNs;
        this.timeAssumed = read.assumed;
        this.timeRank = roles.time;
      }
    }
    if (roles.level !== null && roles.level < this.levelRank) {
      const level = levelOfScaled(roles.levelScale, value);
      if (level !== null) {
        this.level = level;
        this.levelRank = roles.level;
        this.isLevelNumber = typeof value === 'number';
      }
    }
    if (roles.message !== null && roles.message < this.messageRank && typeof value === 'string' && value !== '') {
      this.message = value;
      this.messageRank = roles.message;
    }
  }

  /** Called once, after the last field. */
  finish(): void {
    // A number under such a name is a level beside a time or a message; alone it is a game's or a tank's.
    if (this.isLevelNumber && this.timeRank === Infinity && this.messageRank === Infinity && this.seconds === null) this.level = null;
    if (this.timeNs === null && this.seconds !== null && this.seconds >= 1e8 && this.seconds < 1e11) {
      this.timeNs = BigInt(Math.trunc(this.seconds)) * 1_000_000_000n + BigInt(Math.trunc(this.nanos ?? 0));
    }
    if (this.exceptionType === null && this.stack !== null) this.exceptionType = exceptionTypeOf(this.stack);
    if (this.exceptionType === null && this.message !== null) this.exceptionType = exceptionTypeOf(this.message);
  }
}

function levelOfScaled(scale: FieldRoles['levelScale'], value: FieldValue): Level | null {
  if (scale === 'usual') return levelOfValue(value);
  if (scale === 'google') return levelOfGoogle(value);
  // MongoDB's `"s":"D2"`; a longer text under so short a name is something else.
  if (scale === 'letter') return typeof value === 'string' && value.length <= 2 ? levelOfLetter(value.charAt(0)) : null;
  // What Postgres says of itself is at LOG.
  if (scale === 'postgres') return value === 'LOG' ? 'info' : levelOfValue(value);
  // A number under this name is as often a job's rank as a severity.
  if (scale === 'names') return typeof value === 'string' ? levelOfName(value) : null;
  const number = typeof value === 'number' ? value : typeof value === 'string' && value !== '' ? Number(value) : NaN;
  return scale === 'otel' ? levelOfOtelNumber(number) : levelOfPythonNumber(number);
}
