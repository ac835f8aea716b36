/**
 * Times and lengths as a person reads them. Epoch nanoseconds stay bigints or text; only differences inside one timeline become numbers.
 */

/** Minutes east of UTC at a moment (milliseconds since the epoch). Given by tests; the page uses the browser's zone. */
export type ZoneOffset = (epochMs: number) => number;
const browserZone: ZoneOffset = epochMs => -new Date(epochMs).getTimezoneOffset();

const two = (value: number): string => value.toString().padStart(2, '0');

/** Nanoseconds since the epoch of an RFC 3339 time in UTC or with an offset, all nine digits kept; null where it is not one. */
export function parseTimeNs(time: string): bigint | null {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(time);
  if (match === null) return null;
  const epochMs = Date.parse(`${match[1]!}${match[3]!}`);
  return Number.isNaN(epochMs) ? null : BigInt(epochMs) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}

/** `+02:00`; `UTC` for no offset. */
export function formatOffset(offsetMinutes: number): string {
  if (offsetMinutes === 0) return 'UTC';
  const size = Math.abs(offsetMinutes);
  return `${offsetMinutes < 0 ? '−' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

export interface LocalTime {
  date: string;
  /** To the second. */
  clock: string;
  /** Nine digits. */
  fraction: string;
  zone: string;
}

/** The moment in the reader's zone, in parts; null where the text is not a time. */
export function localTime(time: string, zone: ZoneOffset = browserZone): LocalTime | null {
  const timeNs = parseTimeNs(time);
  if (timeNs === null) return null;
  const fraction = ((timeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const epochMs = Number((timeNs - fraction) / 1_000_000n);
  const offsetMinutes = zone(epochMs);
  const shifted = new Date(epochMs + offsetMinutes * 60_000).toISOString();
  return { date: shifted.slice(0, 10), clock: shifted.slice(11, 19), fraction: fraction.toString().padStart(9, '0'), zone: formatOffset(offsetMinutes) };
}

/** `2022-08-22 07:18:16.154`, without the date where it is `today` (a local date). Text that is no time comes back as it is. */
export function formatTime(time: string, today: string, zone: ZoneOffset = browserZone): string {
  const local = localTime(time, zone);
  if (local === null) return time;
  const clock = `${local.clock}.${local.fraction.slice(0, 3)}`;
  return local.date === today ? clock : `${local.date} ${clock}`;
}

/** Everything the moment has: date, nine digits, zone. */
export function formatTimeInFull(time: string, zone: ZoneOffset = browserZone): string {
  const local = localTime(time, zone);
  return local === null ? time : `${local.date} ${local.clock}.${local.fraction} ${local.zone}`;
}

/** The reader's date at a moment: what `formatTime` may leave out. */
export function localDate(epochMs: number, zone: ZoneOffset = browserZone): string {
  return new Date(epochMs + zone(epochMs) * 60_000).toISOString().slice(0, 10);
}

export const formatCount = (value: number): string => value.toLocaleString('en-US');

/** Three figures in the unit that fits: `0.042 ms`, `12.3 ms`, `1.24 s`, `3 min 5 s`, `2 h 3 min`, `4 d 2 h`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 0) return `−${formatDuration(-durationMs)}`;
  if (durationMs === 0) return '0 ms';
  if (durationMs < 0.9995) return `${durationMs.toFixed(3)} ms`;
  if (durationMs < 9.995) return `${durationMs.toFixed(2)} ms`;
  if (durationMs < 99.95) return `${durationMs.toFixed(1)} ms`;
  if (durationMs < 999.5) return `${durationMs.toFixed(0)} ms`;
  const seconds = durationMs / 1000;
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return pair(Math.floor(whole / 60), 'min', whole % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(seconds / 3600);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(major: number, majorUnit: string, minor: number, minorUnit: string): string {
  return minor === 0 ? `${major} ${majorUnit}` : `${major} ${majorUnit} ${minor} ${minorUnit}`;
}

/** A distance inside a timeline, in milliseconds to the microsecond: `1,234.567`; from 1,000 s on in `h:mm:ss.mmm`. */
export function formatMs(distanceNs: number): string {
  const sign = distanceNs < 0 ? '−' : '';
  const size = Math.abs(distanceNs);
  if (size < 1e12) return sign + (size / 1e6).toLocaleString('en-US', { minimumFractionDigits: 3, maximumFractionDigits: 3 });
  const totalMs = Math.round(size / 1e6);
  const seconds = Math.floor(totalMs / 1000);
  return `${sign}${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${(totalMs % 1000).toString().padStart(3, '0')}`;
}

/** A mark on the axis with as many decimals as tell it from its neighbours `stepNs` away: `491.5 ms`, `85 s`, `2 min 5 s`. */
export function formatMark(offsetNs: number, stepNs: number): string {
  if (offsetNs === 0) return '0';
  if (stepNs >= 1e9 && offsetNs >= 100e9) return formatDuration(offsetNs / 1e6);
  const [unitNs, unit] = stepNs >= 1e9 || offsetNs >= 100e9 ? [1e9, 's'] : [1e6, 'ms'];
  const decimals = Math.min(9, Math.max(0, -Math.floor(Math.log10(stepNs / unitNs) + 1e-9)));
  return `${(offsetNs / unitNs).toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })} ${unit}`;
}

/** `482 B`, `12.1 kB`, `3.4 MB`: thousands, as disks are sold. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let unit = 0;
  let value = Math.abs(bytes);
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const figures = unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1);
  return `${bytes < 0 ? '−' : ''}${figures} ${units[unit]!}`;
}
