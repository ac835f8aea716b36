/** The zone of times that name none: an offset, or a name of the time zone database. */
import { LeadlineError } from '#schemas/errors.ts';

export interface Zone {
  /** Seconds east of UTC at a wall-clock moment, given as if it were UTC in seconds since the epoch. */
  offsetSeconds(localSeconds: number): number;
  /** True where an offset other than zero is inferred. */
  isAssumed?: true;
}

/** UTC, unless a line that was read as it was written says otherwise (`zoneByReading`). */
export const autoZone = 'auto';
/** So long before its reading a line may have been written, so far may the writer's clock be ahead, and nearer than this a time is plainly UTC. */
const evidence = { behindSecondsMax: 20, aheadSecondsMax: 2, plainSecondsMax: 420 };
const quarter = 900;
const hoursEastMax = 14;
const hoursWestMax = 12;
/** Offsets in use that are no whole hours, in minutes. */
const oddOffsets = new Set([-570, -210, -150, 210, 270, 330, 345, 390, 525, 570, 630, 765]);

/**
 * The zone of a line whose bytes were seen growing, so that it was read when it was written: where its time without a zone is off by just such an
 * offset as zones have, it is local time. A line by itself decides, so that a replay decides the same.
 */
export function zoneByReading(readMs: number): Zone {
  const readSeconds = readMs / 1000;
  return {
    isAssumed: true,
    offsetSeconds(localSeconds) {
      const ahead = localSeconds - readSeconds;
      if (Math.abs(ahead) < evidence.plainSecondsMax || ahead > (hoursEastMax + 1) * 3600 || ahead < -(hoursWestMax + 1) * 3600) return 0;
      const offset = Math.round(ahead / quarter) * quarter;
      const rest = ahead - offset;
      const isOffset = offset % 3600 === 0 ? offset <= hoursEastMax * 3600 && offset >= -hoursWestMax * 3600 : oddOffsets.has(offset / 60);
      return isOffset && rest <= evidence.aheadSecondsMax && rest >= -evidence.behindSecondsMax ? offset : 0;
    },
  };
}

const offsetShape = /^([+-])(\d{2}):?(\d{2})$/;
const hourSeconds = 3600;
const daySeconds = 24 * hourSeconds;
/** Clocks are set at quarters of an hour; so many quarters are remembered, two years of them. */
const quarterSeconds = 900;
const quartersMax = 65_536;

/** @param name `UTC`, `auto`, `+02:00`, `Europe/Berlin`. @throws LeadlineError BAD_TIME_ZONE */
export function zoneOf(name: string): Zone | null {
  let zone = zones.get(name);
  if (zone === undefined) {
    zone = readZoneName(name);
    zones.set(name, zone);
  }
  return zone;
}

/** Streams come in thousands, zones in ones. */
const zones = new Map<string, Zone | null>();

const region = /[A-Z][A-Za-z]{2,15}\/[A-Z][A-Za-z_/-]{2,30}(?![\w/.-])/y;
/** Names in a log are its writer's; those that are none are remembered as well, so many. */
const regionsMax = 256;
const regions = new Map<string, Zone | null>();

/** The zone that is named at `at` in a line, and where its name ends; null where no region stands there. */
export function regionAt(text: string, at: number): { zone: Zone; end: number } | null {
  const second = text.charCodeAt(at + 1);
  if (!(second >= 0x61 && second <= 0x7a)) return null;
  region.lastIndex = at;
  const name = region.exec(text)?.[0];
  if (name === undefined) return null;
  let zone = regions.get(name);
  if (zone === undefined) {
    try {
      zone = zoneOf(name);
    } catch {
      zone = null;
    }
    if (regions.size >= regionsMax) regions.clear();
    regions.set(name, zone);
  }
  return zone === null ? null : { zone, end: at + name.length };
}

function readZoneName(name: string): Zone | null {
  if (name === 'UTC' || name === 'Z' || name === autoZone) return null;
  const offset = offsetShape.exec(name);
  if (offset !== null) {
    const seconds = (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * hourSeconds + Number(offset[3]) * 60);
    return { offsetSeconds: () => seconds };
  }
  return namedZone(name);
}

function namedZone(name: string): Zone {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset', year: 'numeric' });
  } catch (error) {
    throw new LeadlineError('BAD_TIME_ZONE', { name }, { cause: error });
  }
  const offsetAt = (seconds: number): number => {
    const text = format.formatToParts(new Date(seconds * 1000)).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const match = /GMT([+-])(\d{2}):(\d{2})(?::(\d{2}))?/.exec(text);
    return match === null ? 0 : (match[1] === '-' ? -1 : 1) * (Number(match[2]) * hourSeconds + Number(match[3]) * 60 + Number(match[4] ?? 0));
  };
  let known = new Map<number, number>();
  return {
    offsetSeconds(localSeconds) {
      const quarter = Math.floor(localSeconds / quarterSeconds);
      let offset = known.get(quarter);
      if (offset === undefined) {
        const before = offsetAt(localSeconds - daySeconds);
        const after = offsetAt(localSeconds + daySeconds);
        // Where the clock is set back a wall time comes twice, and the earlier one is taken; where it is set forward, some never come.
        const valid = [before, after].filter(candidate => offsetAt(localSeconds - candidate) === candidate);
        offset = valid.length === 0 ? before : Math.max(...valid);
        if (known.size >= quartersMax) known = new Map();
        known.set(quarter, offset);
      }
      return offset;
    },
  };
}
