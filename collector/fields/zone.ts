/** The zone of times that name none: an offset, or a name of the time zone database. */
import { LeadlineError } from '#schemas/errors.ts';

export interface Zone {
  /** Seconds east of UTC at a wall-clock moment, given as if it were UTC in seconds since the epoch. */
  offsetSeconds(localSeconds: number): number;
}

const offsetShape = /^([+-])(\d{2}):?(\d{2})$/;
const hourSeconds = 3600;
const daySeconds = 24 * hourSeconds;
/** Clocks are set at quarters of an hour; so many quarters are remembered, two years of them. */
const quarterSeconds = 900;
const quartersMax = 65_536;

/** @param name `UTC`, `+02:00`, `Europe/Berlin`. @throws LeadlineError BAD_TIME_ZONE */
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

function readZoneName(name: string): Zone | null {
  if (name === 'UTC' || name === 'Z') return null;
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
