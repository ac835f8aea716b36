/**
 * Times as logs write them, exact to the nanosecond. A time without a zone is of the zone that was configured, else UTC: containers run in UTC, and
 * a guess that is wrong the same way for every line can be seen and corrected, one that depends on the machine cannot. A time without a year or a
 * date takes it from when its bytes were read.
 */
import type { Zone } from './zone.ts';

export interface TimeRead {
  /** Nanoseconds since the epoch; null where year or date are missing and nothing tells them. */
  timeNs: bigint | null;
  /** Index behind the time in the text. */
  end: number;
  /** What was not written and taken from the time of reading; of several the first in this order: date, year, zone. */
  assumed: TimeAssumed | null;
}

export type TimeAssumed = 'year' | 'date' | 'zone';

/** What is known of a line's time from outside the line. */
export interface WhenRead {
  /** When the line's bytes were read, milliseconds since the epoch; null where that says nothing of when they were written. */
  readonly readMs: number | null;
  /** Of times that name none; null is UTC. */
  readonly zone: Zone | null;
}

export const notKnownWhen: WhenRead = { readMs: null, zone: null };

const nsPerSecond = 1_000_000_000n;

/** Days from 1970-01-01 in the proleptic Gregorian calendar (years counted from March, so that the leap day is the last of its year). */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear - 719_468;
}

const daysOfMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDate(year: number, month: number, day: number): boolean {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month >= 1 && month <= 12 && day >= 1 && day <= daysOfMonth[month - 1]! && (isLeap || month !== 2 || day < 29);
}

/** Any leap year: for dates that come without theirs. */
const someLeapYear = 2000;

/** A leap second (60) is the second after. */
function isClock(hour: number, minute: number, second: number): boolean {
  return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60;
}

/** Many lines have the same second, and making big integers is most of the work. */
let lastSecond = 0;
let lastSecondNs = 0n;

function toNs(year: number, month: number, day: number, secondOfDay: number, nanos: number): bigint {
  return nsOfSecond(daysSinceEpoch(year, month, day) * 86_400 + secondOfDay, nanos);
}

function nsOfSecond(second: number, nanos: number): bigint {
  if (second !== lastSecond) {
    lastSecond = second;
    lastSecondNs = BigInt(second) * nsPerSecond;
  }
  return nanos === 0 ? lastSecondNs : lastSecondNs + BigInt(nanos);
}

/** 0 to 9, or -1. */
function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - 48;
  return digit >= 0 && digit <= 9 ? digit : -1;
}

/** The two-digit number at `at`, or -1. */
function twoDigits(text: string, at: number): number {
  const tens = digitAt(text, at);
  const ones = digitAt(text, at + 1);
  return tens < 0 || ones < 0 ? -1 : tens * 10 + ones;
}

interface ClockRead {
  secondOfDay: number;
  nanos: number;
  end: number;
}

/** `HH:MM`, `HH:MM:SS` and a fraction after `.` or `,` (or `:`, if it is exactly three digits). Digits past the ninth are cut off. */
function readClock(text: string, at: number, secondsRequired: boolean): ClockRead | null {
  const hour = twoDigits(text, at);
  const minute = twoDigits(text, at + 3);
  if (hour < 0 || minute < 0 || text.charCodeAt(at + 2) !== colon) return null;
  let end = at + 5;
  let second = 0;
  let nanos = 0;
  if (text.charCodeAt(end) === colon && twoDigits(text, end + 1) >= 0) {
    second = twoDigits(text, end + 1);
    end += 3;
    const separator = text.charCodeAt(end);
    const isFraction = separator === dot || separator === comma || (separator === colon && digitAt(text, end + 3) >= 0 && digitAt(text, end + 4) < 0);
    if (isFraction && digitAt(text, end + 1) >= 0) {
      end++;
      let scale = 100_000_000;
      for (let digit = digitAt(text, end); digit >= 0; digit = digitAt(text, ++end)) {
        nanos += digit * scale;
        scale = Math.floor(scale / 10);
      }
    }
  } else if (secondsRequired) {
    return null;
  }
  if (digitAt(text, end) >= 0 || !isClock(hour, minute, second)) return null;
  return { secondOfDay: hour * 3600 + minute * 60 + second, nanos, end };
}

const colon = 0x3a;
const dot = 0x2e;
const comma = 0x2c;
const dash = 0x2d;
const plus = 0x2b;
const slash = 0x2f;
const space = 0x20;

/** Hours east of UTC. Only names that logs of one kind or another really end times with; an unknown name is not part of the time. */
const namedZones = new Map([
  ['UTC', 0], ['GMT', 0], ['EST', -5], ['EDT', -4], ['CST', -6], ['CDT', -5], ['MST', -7], ['MDT', -6], ['PST', -8], ['PDT', -7],
  ['WET', 0], ['WEST', 1], ['CET', 1], ['CEST', 2], ['EET', 2], ['EEST', 3], ['JST', 9],
]);

const utc = { offsetSeconds: 0, end: 0 };

/** The zone at `at`, in seconds east of UTC: `Z`, `+02:00`, `+0200`, `+02`, ` -0700`, ` PDT`. Null where there is none. The object is used again. */
function readZone(text: string, at: number): { offsetSeconds: number; end: number } | null {
  const first = text.charCodeAt(at);
  if (first === 0x5a || first === 0x7a) {
    utc.end = at + 1;
    return utc;
  }
  const start = first === space ? at + 1 : at;
  const sign = text.charCodeAt(start);
  if (sign === plus || sign === dash) {
    const hours = twoDigits(text, start + 1);
    const colons = text.charCodeAt(start + 3) === colon ? 1 : 0;
    const minutes = twoDigits(text, start + 3 + colons);
    const isNumber = hours >= 0 && hours <= 18 && (minutes >= 0 ? minutes <= 59 && digitAt(text, start + 5 + colons) < 0 : colons === 0 && start === at && digitAt(text, start + 3) < 0);
    if (isNumber) return { offsetSeconds: (sign === dash ? -1 : 1) * (hours * 3600 + Math.max(minutes, 0) * 60), end: minutes >= 0 ? start + 5 + colons : start + 3 };
  } else if (start > at && sign >= 0x41 && sign <= 0x57) {
    for (const length of [3, 4]) {
      const hours = namedZones.get(text.slice(start, start + length));
      if (hours !== undefined && !/[A-Za-z0-9]/.test(text.charAt(start + length))) return { offsetSeconds: hours * 3600, end: start + length };
    }
  }
  return null;
}

function withZone(text: string, year: number, month: number, day: number, clock: ClockRead, when: WhenRead, assumed: TimeAssumed | null = null): TimeRead | null {
  if (!isDate(year, month, day)) return null;
  const zone = readZone(text, clock.end);
  if (zone !== null || when.zone === null) return { timeNs: toNs(year, month, day, clock.secondOfDay - (zone?.offsetSeconds ?? 0), clock.nanos), end: zone?.end ?? clock.end, assumed };
  const offsetSeconds = when.zone.offsetSeconds(daysSinceEpoch(year, month, day) * secondsOfDay + clock.secondOfDay);
  return { timeNs: toNs(year, month, day, clock.secondOfDay - offsetSeconds, clock.nanos), end: clock.end, assumed: assumed ?? (offsetSeconds !== 0 && when.zone.isAssumed === true ? 'zone' : null) };
}

const secondsOfDay = 86_400;
/** A line may be dated so much past its reading: clocks differ, and a zone may be missing. */
const aheadSecondsMax = { year: secondsOfDay, date: 600 };

/** Month and day without a year: the last such day that is not past the time of reading. */
function withoutYear(text: string, month: number, day: number, clock: ClockRead, when: WhenRead): TimeRead | null {
  if (!isDate(someLeapYear, month, day)) return null;
  const end = readZone(text, clock.end)?.end ?? clock.end;
  if (when.readMs === null) return { timeNs: null, end, assumed: null };
  const latest = when.readMs / 1000 + aheadSecondsMax.year;
  let year = new Date(latest * 1000).getUTCFullYear();
  // 29 February comes every fourth or eighth year.
  for (let tries = 0; tries < 9; tries++, year--) {
    if (!isDate(year, month, day) || daysSinceEpoch(year, month, day) * secondsOfDay + clock.secondOfDay > latest) continue;
    return withZone(text, year, month, day, clock, when, 'year');
  }
  return { timeNs: null, end, assumed: null };
}

/** A time of day without a date: the last such moment that is not past the time of reading. */
function withoutDate(text: string, clock: ClockRead, when: WhenRead): TimeRead {
  const zone = readZone(text, clock.end);
  const end = zone?.end ?? clock.end;
  if (when.readMs === null) return { timeNs: null, end, assumed: null };
  const readSeconds = when.readMs / 1000;
  const offsetSeconds = zone?.offsetSeconds ?? when.zone?.offsetSeconds(readSeconds) ?? 0;
  const latest = readSeconds + aheadSecondsMax.date;
  const ofDay = clock.secondOfDay - offsetSeconds;
  const second = Math.floor((latest - ofDay) / secondsOfDay) * secondsOfDay + ofDay;
  return { timeNs: BigInt(second) * nsPerSecond + BigInt(clock.nanos), end, assumed: 'date' };
}

/** `2022-08-22T05:18:16.154772363Z` and its relatives: `/` or `.` between the date's parts, space, `_`, `:` or `-` before the clock, any fraction, any zone. */
export function readIsoTime(text: string, at: number, when = notKnownWhen): TimeRead | null {
  const separator = text.charCodeAt(at + 4);
  if (separator !== dash && separator !== slash && separator !== dot) return null;
  const century = twoDigits(text, at);
  const yearOfCentury = twoDigits(text, at + 2);
  const month = twoDigits(text, at + 5);
  const day = twoDigits(text, at + 8);
  if (century < 0 || yearOfCentury < 0 || month < 0 || day < 0 || text.charCodeAt(at + 7) !== separator) return null;
  const between = text.charCodeAt(at + 10);
  if (between !== 0x54 && between !== 0x74 && between !== space && between !== 0x5f && between !== colon && between !== dash) return null;
  let clock = readClock(text, text.charCodeAt(at + 11) === space ? at + 12 : at + 11, false);
  // MariaDB fills an hour of one digit up with a blank.
  if (clock === null && text.charCodeAt(at + 11) === space && text.charCodeAt(at + 13) === colon) {
    clock = readClock(`0${text.slice(at + 12, at + 19)}`, 0, true);
    if (clock !== null) clock.end = at + 19;
  }
  return clock === null ? null : withZone(text, century * 100 + yearOfCentury, month, day, clock, when);
}

const months = new Map(['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].map((name, index) => [name, index + 1]));
const monthOf = (name: string): number => months.get(name.toLowerCase()) ?? 0;
/** Two-digit years as POSIX reads them: 69 to 99 are 1969 to 1999. */
const fullYear = (digits: string): number => (digits.length === 4 ? Number(digits) : Number(digits) + (Number(digits) < 69 ? 2000 : 1900));

const weekday = '(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +)?';
const compact = /(\d{8})[.T_ -]?(\d{6})(?:[.,](\d{1,9}))?(?!\d)/y;
const shortCompact = /(\d{6}) (\d{6})(?= )/y;
/** MySQL before 5.7: `161209  8:08:33`. */
const shortDate = /(\d{2})(\d{2})(\d{2}) {1,2}(?=\d{1,2}:\d{2}:\d{2}(?!\d))/y;
const twoDigitYear = /(\d{2})\/(\d{2})\/(\d{2}) /y;
const dayMonthYear = new RegExp(`${weekday}(\\d{1,2})[/ -]([A-Za-z]{3})[a-z]*(?: (?=\\d{2}:\\d{2}:\\d{2})|[/ -](\\d{4}|\\d{2})[: ] ?)`, 'y');
/** `Sun Dec 04 04:47:44 2005`, `Jul 09, 2015 3:23:29 PM`, `Dec 10 06:55:46`, `Aug 16 2022 05:18:16`. */
const monthDay = new RegExp(`${weekday}([A-Z][a-z]{2})[a-z]* +(\\d{1,2})(?:,? (\\d{4}),?)? (?:at )?`, 'y');
const trailingYear = / (?:([A-Z]{3,4}) )?(\d{4})(?![\d:])/y;
const halfDayClock = /(\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?[ \u202f]?([AP])M/y;
const epoch = /(1\d{9})(?:\.(\d{1,9})|(\d{3}))?(?=[\s\]:|,]|$)/y;

function matchAt(expression: RegExp, text: string, at: number): RegExpExecArray | null {
  expression.lastIndex = at;
  return expression.exec(text);
}

const nanosOf = (fraction: string | undefined): number => (fraction === undefined ? 0 : Number(fraction.padEnd(9, '0').slice(0, 9)));

function readHalfDayClock(text: string, at: number): ClockRead | null {
  const match = matchAt(halfDayClock, text, at);
  if (match === null) return readClock(text, at, true);
  const hour = (Number(match[1]) % 12) + (match[5] === 'P' ? 12 : 0);
  if (!isClock(hour, Number(match[2]), Number(match[3]))) return null;
  return { secondOfDay: hour * 3600 + Number(match[2]) * 60 + Number(match[3]), nanos: nanosOf(match[4]), end: at + match[0].length };
}

function readNamedMonth(text: string, at: number, when: WhenRead): TimeRead | null {
  const dayFirst = matchAt(dayMonthYear, text, at);
  if (dayFirst !== null && monthOf(dayFirst[2]!) > 0) {
    const clock = readHalfDayClock(text, at + dayFirst[0].length);
    if (clock === null) return null;
    // Redis before 6 writes `25 Apr 05:32:35.018`.
    if (dayFirst[3] === undefined) return withoutYear(text, monthOf(dayFirst[2]!), Number(dayFirst[1]), clock, when);
    return withZone(text, fullYear(dayFirst[3]), monthOf(dayFirst[2]!), Number(dayFirst[1]), clock, when);
  }
  const monthFirst = matchAt(monthDay, text, at);
  if (monthFirst === null || monthOf(monthFirst[1]!) === 0) return null;
  const month = monthOf(monthFirst[1]!);
  const day = Number(monthFirst[2]);
  const clock = readHalfDayClock(text, at + monthFirst[0].length);
  if (clock === null || !isDate(someLeapYear, month, day)) return null;
  if (monthFirst[3] !== undefined) return withZone(text, Number(monthFirst[3]), month, day, clock, when);
  const year = matchAt(trailingYear, text, clock.end);
  const offsetHours = year?.[1] === undefined ? null : namedZones.get(year[1]);
  if (year === null || offsetHours === undefined || !isDate(Number(year[2]), month, day)) return withoutYear(text, month, day, clock, when);
  const named = offsetHours === null ? when : { readMs: null, zone: { offsetSeconds: () => offsetHours * 3600 } };
  const read = withZone('', Number(year[2]), month, day, clock, named);
  return read === null ? null : { ...read, end: clock.end + year[0].length };
}

function readCompact(text: string, at: number, when: WhenRead): TimeRead | null {
  const match = matchAt(compact, text, at) ?? matchAt(shortCompact, text, at);
  if (match === null) return null;
  const date = match[1]!;
  const clock = match[2]!;
  const year = fullYear(date.slice(0, -4));
  const [month, day] = [twoDigits(date, date.length - 4), twoDigits(date, date.length - 2)];
  const [hour, minute, second] = [twoDigits(clock, 0), twoDigits(clock, 2), twoDigits(clock, 4)];
  if (!isDate(year, month, day) || !isClock(hour, minute, second) || year < 1970 || year > 2200) return null;
  return withZone(text, year, month, day, { secondOfDay: hour * 3600 + minute * 60 + second, nanos: nanosOf(match[3]), end: at + match[0].length }, when);
}

function readShortDate(text: string, at: number, when: WhenRead): TimeRead | null {
  const date = matchAt(shortDate, text, at);
  if (date === null) return null;
  const clockAt = at + date[0].length;
  const isShort = text.charCodeAt(clockAt + 1) === colon;
  const clock = readClock(isShort ? `0${text.slice(clockAt, clockAt + 7)}` : text.slice(clockAt, clockAt + 8), 0, true);
  return clock === null ? null : withZone(text, fullYear(date[1]!), Number(date[2]), Number(date[3]), { ...clock, end: clockAt + (isShort ? 7 : 8) }, when);
}

/** `22.08.2022 05:18:16`: with dots the day is always first. */
function readDottedDate(text: string, at: number, when: WhenRead): TimeRead | null {
  const [day, month, century, yearOfCentury] = [twoDigits(text, at), twoDigits(text, at + 3), twoDigits(text, at + 6), twoDigits(text, at + 8)];
  if (day < 0 || month < 0 || century < 0 || yearOfCentury < 0 || text.charCodeAt(at + 5) !== dot || text.charCodeAt(at + 10) !== space) return null;
  const clock = readClock(text, at + 11, true);
  return clock === null ? null : withZone(text, century * 100 + yearOfCentury, month, day, clock, when);
}

/** The time that begins at `at`, or null. Looks at no more than some 60 characters. */
export function readTime(text: string, at: number, when = notKnownWhen): TimeRead | null {
  if (digitAt(text, at) < 0) {
    const first = text.charCodeAt(at);
    return first >= 0x41 && first <= 0x57 && text.charCodeAt(at + 1) >= 0x61 ? readNamedMonth(text, at, when) : null;
  }
  const iso = readIsoTime(text, at, when);
  if (iso !== null) return iso;
  const third = text.charCodeAt(at + 2);
  if (third === dot) return readDottedDate(text, at, when);
  if (third === colon) {
    const clock = readClock(text, at, true);
    return clock === null ? null : withoutDate(text, clock, when);
  }
  if (digitAt(text, at + 2) >= 0) {
    const compactRead = readCompact(text, at, when) ?? readShortDate(text, at, when);
    if (compactRead !== null) return compactRead;
    const number = matchAt(epoch, text, at);
    return number === null ? null : { timeNs: epochNs(number[0]), end: at + number[0].length, assumed: null };
  }
  const sparkDate = third === slash ? matchAt(twoDigitYear, text, at) : null;
  if (sparkDate !== null) {
    const clock = readClock(text, at + sparkDate[0].length, true);
    return clock === null ? null : withZone(text, fullYear(sparkDate[1]!), Number(sparkDate[2]), Number(sparkDate[3]), clock, when);
  }
  return readNamedMonth(text, at, when);
}

/** Month and day as glog writes them, `0822` before the clock at `at`: a year from the time of reading. `year` where it was written. */
export function readMonthDayClock(text: string, at: number, year: number | null, month: number, day: number, when: WhenRead): TimeRead | null {
  const clock = readClock(text, at, true);
  if (clock === null) return null;
  return year === null ? withoutYear(text, month, day, clock, when) : withZone(text, year, month, day, clock, when);
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

/** The same of a number. Whole milliseconds and seconds, which are nearly all, need no text in between. */
function epochOfNumber(value: number): bigint | null {
  if (!Number.isFinite(value) || value < 1e8) return null;
  if (Number.isInteger(value) && value < 1e14) return value < 1e11 ? nsOfSecond(value, 0) : nsOfSecond(Math.floor(value / 1000), (value % 1000) * 1_000_000);
  if (value < 2 ** 30 || value >= 2 ** 31) return epochNs(String(value));
  // Seconds of these years hold seven digits behind the point; of all numbers that read the same, the shortest was written.
  const whole = Math.floor(value);
  const micros = Math.round((value - whole) * 1e6);
  return nsOfSecond(whole, whole + micros / 1e6 === value ? micros * 1000 : Math.round((value - whole) * 1e7) * 100);
}

/** The time a field holds: text in any shape above, or a number since the epoch. Null where the value is no time, or has no date. */
export function timeOfValue(value: unknown, when = notKnownWhen): bigint | null {
  return readTimeOfValue(value, when)?.timeNs ?? null;
}

/** The same with what was assumed of it. */
export function readTimeOfValue(value: unknown, when: WhenRead): Pick<TimeRead, 'timeNs' | 'assumed'> | null {
  if (typeof value === 'number') return { timeNs: epochOfNumber(value), assumed: null };
  if (typeof value !== 'string' || value.length < 8 || value.length > 64) return null;
  const text = value.trim();
  const read = readTime(text, 0, when);
  // Java's ZonedDateTime adds the zone's name: `2022-08-22T05:18:16+02:00[Europe/Berlin]`.
  if (read !== null && (read.end === text.length || text.charCodeAt(read.end) === 0x5b)) return read;
  return { timeNs: epochNs(text), assumed: null };
}
