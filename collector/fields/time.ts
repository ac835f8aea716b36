/**
 * Times as logs write them, exact to the nanosecond. A time without a zone is of the zone that was configured, else UTC: containers run in UTC, and
 * a guess that is wrong the same way for every line can be seen and corrected, one that depends on the machine cannot. A time without a year or a
 * date takes it from when its bytes were read.
 */
import { colon, dash, digitAt, dot, isClock, namedZones, readClock, readZone, slash, space, twoDigits, withHalfDay, type ClockRead } from './clock.ts';
import { epochNs, epochOfNumber, epochOfScientific, nsOfSecond, nsPerSecond } from './epoch.ts';
import { regionAt, type Zone } from './zone.ts';

export { epochNs };

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

function toNs(year: number, month: number, day: number, secondOfDay: number, nanos: number): bigint {
  return nsOfSecond(daysSinceEpoch(year, month, day) * 86_400 + secondOfDay, nanos);
}

function withZone(text: string, year: number, month: number, day: number, clock: ClockRead, when: WhenRead, assumed: TimeAssumed | null = null): TimeRead | null {
  if (!isDate(year, month, day)) return null;
  const zone = readZone(text, clock.end);
  if (zone?.offsetSeconds === centralSeconds && text.startsWith(' CST', clock.end)) return ofChinaWhereAhead(toNs(year, month, day, clock.secondOfDay - centralSeconds, clock.nanos), zone.end, when, assumed);
  // PHP names the region: `22-Aug-2022 05:18:16 Europe/Berlin`.
  const region = zone === null && text.charCodeAt(clock.end) === space ? regionAt(text, clock.end + 1) : null;
  if (region !== null) return { timeNs: toNs(year, month, day, clock.secondOfDay - region.zone.offsetSeconds(daysSinceEpoch(year, month, day) * secondsOfDay + clock.secondOfDay), clock.nanos), end: region.end, assumed };
  if (zone !== null || when.zone === null) return { timeNs: toNs(year, month, day, clock.secondOfDay - (zone?.offsetSeconds ?? 0), clock.nanos), end: zone?.end ?? clock.end, assumed };
  const offsetSeconds = when.zone.offsetSeconds(daysSinceEpoch(year, month, day) * secondsOfDay + clock.secondOfDay);
  return { timeNs: toNs(year, month, day, clock.secondOfDay - offsetSeconds, clock.nanos), end: clock.end, assumed: assumed ?? (offsetSeconds !== 0 && when.zone.isAssumed === true ? 'zone' : null) };
}

const centralSeconds = -6 * 3600;
const chinaSeconds = 8 * 3600;

/** `CST` is America's central time and China's: China's where the other has not come yet when the line is read. */
function ofChinaWhereAhead(timeNs: bigint, end: number, { readMs }: WhenRead, assumed: TimeAssumed | null): TimeRead {
  const isAhead = readMs !== null && timeNs > BigInt(readMs + 3_600_000) * 1_000_000n;
  return isAhead ? { timeNs: timeNs - BigInt(chinaSeconds - centralSeconds) * nsPerSecond, end, assumed: assumed ?? 'zone' } : { timeNs, end, assumed };
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
  if (century < 0 || yearOfCentury < 0 || month < 0 || day < 0 || text.charCodeAt(at + 7) !== separator) return century < 0 ? null : readUnpadded(text, at, when);
  let between = text.charCodeAt(at + 10);
  let clockAt = at + 11;
  // loguru's documentation has ` at ` between them.
  if (between === space && text.charCodeAt(clockAt) === 0x61 && text.startsWith('at ', clockAt)) clockAt += 3;
  // Airflow has a comma and a blank.
  if (between === 0x2c && text.charCodeAt(clockAt) === space) between = space;
  // Some put each of the two into brackets of its own.
  if (between === 0x5d && text.charCodeAt(at - 1) === 0x5b && (text.startsWith('[', clockAt) || text.startsWith(' [', clockAt))) {
    clockAt = text.indexOf('[', clockAt) + 1;
    between = space;
  }
  if (between !== 0x54 && between !== 0x74 && between !== space && between !== 0x5f && between !== colon && between !== dash) return null;
  let clock = readClock(text, text.charCodeAt(clockAt) === space ? clockAt + 1 : clockAt, false);
  // MariaDB fills an hour of one digit up with a blank.
  if (clock === null && text.charCodeAt(at + 11) === space && text.charCodeAt(at + 13) === colon) {
    clock = readClock(`0${text.slice(at + 12, at + 19)}`, 0, true);
    if (clock !== null) clock.end = at + 19;
  }
  if (clock === null) return readUnpadded(text, at, when);
  return withZone(text, century * 100 + yearOfCentury, month, day, withHalfDay(text, clock), when);
}

const unpadded = /(\d{4})[-/](\d{1,2})[-/](\d{1,2}),? (?=\d{1,2}:\d{2}:\d{2})/y;

/** `2022/8/22 5:18:16 AM`, as .NET and others write numbers. */
function readUnpadded(text: string, at: number, when: WhenRead): TimeRead | null {
  const date = matchAt(unpadded, text, at);
  const clock = date === null ? null : readLooseClock(text, at + date[0].length);
  return date === null || clock === null ? null : withZone(text, Number(date[1]), Number(date[2]), Number(date[3]), clock, when);
}

/** A clock with an hour of one digit or two, and AM or PM. */
function readLooseClock(text: string, at: number): ClockRead | null {
  const isShort = text.charCodeAt(at + 1) === colon;
  const clock = isShort ? readClock(`0${text.slice(at, at + 18)}`, 0, true) : readClock(text, at, true);
  if (clock !== null && isShort) clock.end += at - 1;
  return clock === null ? null : withHalfDay(text, clock);
}

const months = new Map(['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].map((name, index) => [name, index + 1]));
const monthOf = (name: string): number => months.get(name.toLowerCase()) ?? 0;
/** Two-digit years as POSIX reads them: 69 to 99 are 1969 to 1999. */
const fullYear = (digits: string): number => (digits.length === 4 ? Number(digits) : Number(digits) + (Number(digits) < 69 ? 2000 : 1900));

const weekday = '(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +)?';
const compact = /(\d{8})[.T_ -]?(?:(\d{6})(?:[.,](\d{1,9}))?(?!\d)|(?=\d{2}:\d{2}:\d{2}))/y;
const shortCompact = /(\d{6}) (\d{6})(?= )/y;
/** MySQL before 5.7: `161209  8:08:33`. */
const shortDate = /(\d{2})(\d{2})(\d{2}) {1,2}(?=\d{1,2}:\d{2}:\d{2}(?!\d))/y;
const twoDigitYear = /(\d{2})\/(\d{2})\/(\d{2}) /y;
const dayMonthYear = new RegExp(`${weekday}(\\d{1,2})[/ -]([A-Za-z]{3})[a-z]*(?: (?=\\d{2}:\\d{2}:\\d{2})|[/ -](\\d{4}|\\d{2})(?:[: ]|, ) ?)`, 'y');
/** `Sun Dec 04 04:47:44 2005`, `Jul 09, 2015 3:23:29 PM`, `Dec 10 06:55:46`, `Aug 16 2022 05:18:16`. */
const monthDay = new RegExp(`${weekday}([A-Z][a-z]{2})[a-z]* +(\\d{1,2})(?:,? (\\d{4}),?)? (?:at )?`, 'y');
const trailingYear = / (?:([A-Z]{3,4}) )?(\d{4})(?![\d:])/y;
const halfDayClock = /(\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?[ \u202f]?([AP])M/y;
const epoch = /(?:(1\d{9})(?:\.(\d{1,9})|(\d{3}))?|1\.\d{9,17}e\+09)(?=[\s\]:|,]|$)/y;
/** `11/28/2026 18:14:08`, or the day first. */
const slashedDate = /(\d{1,2})\/(\d{1,2})\/(\d{4})[ ,]{1,2}(?=\d)/y;
/** `08-22 05:18:16`, and geth's `08-22|05:18:16`. */
const monthDayClock = /(\d{2})-(\d{2})[ |](?=\d{2}:\d{2}:\d{2})/y;
/** zerolog's console: to the minute, so that the moment is not told. */
const kitchenClock = /(?:[1-9]|1[0-2]):[0-5]\d[AP]M(?![\w:])/y;

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
  if (match[2] === undefined) {
    const read = readClock(text, at + match[0].length, true);
    const numbers = [Number(date.slice(0, 4)), Number(date.slice(4, 6)), Number(date.slice(6))] as const;
    return read === null || numbers[0] < 1970 || numbers[0] > 2200 ? null : withZone(text, ...numbers, read, when);
  }
  const clock = match[2];
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
  const clockAt = text.charCodeAt(at + 10) === 0x2c ? at + 12 : at + 11;
  if (day < 0 || month < 0 || century < 0 || yearOfCentury < 0 || text.charCodeAt(at + 5) !== dot || text.charCodeAt(clockAt - 1) !== space) return null;
  const clock = readClock(text, clockAt, true);
  return clock === null ? null : withZone(text, century * 100 + yearOfCentury, month, day, clock, when);
}

/**
 * Day and month in either order. Where the numbers do not tell it is the later one of the two that is no more than a day past the reading, for what
 * is read as it is written; the date is assumed then.
 */
function readSlashedDate(text: string, at: number, when: WhenRead): TimeRead | null {
  const date = matchAt(slashedDate, text, at);
  if (date === null) return null;
  const clock = readLooseClock(text, at + date[0].length);
  if (clock === null) return null;
  const [first, second, year] = [Number(date[1]), Number(date[2]), Number(date[3])];
  const monthFirst = withZone(text, year, first, second, clock, when);
  const dayFirst = first === second ? null : withZone(text, year, second, first, clock, when);
  if (monthFirst === null || dayFirst === null) return monthFirst ?? dayFirst;
  const latest = when.readMs === null ? null : BigInt(when.readMs) * 1_000_000n + BigInt(aheadSecondsMax.year) * nsPerSecond;
  if (latest === null) return { timeNs: null, end: monthFirst.end, assumed: null };
  const [earlier, later] = monthFirst.timeNs! < dayFirst.timeNs! ? [monthFirst, dayFirst] : [dayFirst, monthFirst];
  return { ...(later.timeNs! <= latest ? later : earlier), assumed: 'date' };
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
  if (third === colon || text.charCodeAt(at + 1) === colon) {
    const clock = readClock(text, at, true);
    if (clock !== null) return withoutDate(text, withHalfDay(text, clock), when);
    const loose = readLooseClock(text, at);
    if (loose !== null && text.charCodeAt(loose.end - 1) === 0x4d) return withoutDate(text, loose, when);
    const kitchen = matchAt(kitchenClock, text, at);
    if (kitchen !== null) return { timeNs: null, end: at + kitchen[0].length, assumed: null };
  }
  if (third === slash || text.charCodeAt(at + 1) === slash) {
    const slashed = readSlashedDate(text, at, when);
    if (slashed !== null) return slashed;
  }
  if (digitAt(text, at + 2) >= 0) {
    const compactRead = readCompact(text, at, when) ?? readShortDate(text, at, when);
    if (compactRead !== null) return compactRead;
    const number = matchAt(epoch, text, at);
    return number === null ? null : { timeNs: number[0].endsWith('e+09') ? epochOfScientific(number[0]) : epochNs(number[0]), end: at + number[0].length, assumed: null };
  }
  if (third === dash) {
    const date = matchAt(monthDayClock, text, at);
    const clock = date === null ? null : readClock(text, at + date[0].length, true);
    return date === null || clock === null ? readNamedMonth(text, at, when) : withoutYear(text, Number(date[1]), Number(date[2]), clock, when);
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
