/** A time of day and a zone, as written. */

/** A leap second (60) is the second after. */
export function isClock(hour: number, minute: number, second: number): boolean {
  return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60;
}

/** 0 to 9, or -1. */
export function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - 48;
  return digit >= 0 && digit <= 9 ? digit : -1;
}

/** The two-digit number at `at`, or -1. */
export function twoDigits(text: string, at: number): number {
  const tens = digitAt(text, at);
  const ones = digitAt(text, at + 1);
  return tens < 0 || ones < 0 ? -1 : tens * 10 + ones;
}

export interface ClockRead {
  secondOfDay: number;
  nanos: number;
  end: number;
}

/** `HH:MM`, `HH:MM:SS` and a fraction after `.` or `,` (or `:`, if it is exactly three digits). Digits past the ninth are cut off. */
export function readClock(text: string, at: number, secondsRequired: boolean): ClockRead | null {
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

export const colon = 0x3a;
export const dot = 0x2e;
const comma = 0x2c;
export const dash = 0x2d;
const plus = 0x2b;
export const slash = 0x2f;
export const space = 0x20;

/** Hours east of UTC. Only names that logs of one kind or another really end times with; an unknown name is not part of the time. */
export const namedZones = new Map([
  ['UTC', 0], ['GMT', 0], ['EST', -5], ['EDT', -4], ['CST', -6], ['CDT', -5], ['MST', -7], ['MDT', -6], ['PST', -8], ['PDT', -7],
  ['WET', 0], ['WEST', 1], ['BST', 1], ['CET', 1], ['CEST', 2], ['EET', 2], ['EEST', 3], ['SAST', 2], ['MSK', 3], ['IST', 5.5], ['HKT', 8], ['SGT', 8],
  ['JST', 9], ['KST', 9], ['AEST', 10], ['AEDT', 11], ['NZST', 12], ['NZDT', 13],
]);

const shortZoneEnd = /^(?:[\]>:]| [[<(]| [A-Z]{2})/;
const zoneName = /^ \([A-Z][A-Za-z ]{2,48}\)/;

/** The same clock where `AM` or `PM` follows. An hour that is none of a half day's is one of the whole day. */
export function withHalfDay(text: string, clock: ClockRead): ClockRead {
  const at = text.charCodeAt(clock.end) === space ? clock.end + 1 : clock.end;
  const half = text.charCodeAt(at);
  if ((half !== 0x41 && half !== 0x50) || text.charCodeAt(at + 1) !== 0x4d || /[A-Za-z0-9]/.test(text.charAt(at + 2))) return clock;
  const hour = Math.floor(clock.secondOfDay / 3600);
  const ofDay = hour < 1 || hour > 12 ? hour : (hour % 12) + (half === 0x50 ? 12 : 0);
  return { secondOfDay: clock.secondOfDay + (ofDay - hour) * 3600, nanos: clock.nanos, end: at + 2 };
}

const utc = { offsetSeconds: 0, end: 0 };

/** The zone at `at`, in seconds east of UTC: `Z`, `+02:00`, `+0200`, `+02`, ` -0700`, ` PDT`. Null where there is none. The object is used again. */
export function readZone(text: string, at: number): { offsetSeconds: number; end: number } | null {
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
    // Postgres where a zone has no name: ` +03 [77] LOG:`.
    if (start > at && hours >= 0 && hours <= 14 && shortZoneEnd.test(text.slice(start + 3, start + 7))) return { offsetSeconds: (sign === dash ? -1 : 1) * hours * 3600, end: start + 3 };
  } else if (start > at && sign >= 0x41 && sign <= 0x57) {
    for (const length of [3, 4]) {
      const hours = namedZones.get(text.slice(start, start + length));
      if (hours === undefined || /[A-Za-z0-9]/.test(text.charAt(start + length))) continue;
      // JavaScript's `GMT+0200 (Central European Summer Time)`.
      const offset = hours === 0 ? readZone(text, start + length) : null;
      if (offset !== null && offset.end > start + length + 3) return { offsetSeconds: offset.offsetSeconds, end: offset.end + (zoneName.exec(text.slice(offset.end, offset.end + 64))?.[0].length ?? 0) };
      return { offsetSeconds: hours * 3600, end: start + length };
    }
  }
  return null;
}
