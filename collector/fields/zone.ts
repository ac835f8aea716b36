/** The zone of times that name none: an offset, or a name of the time zone database. */
import { LeadlineError } from '#schemas/errors.ts';

export interface Zone {
  /** Seconds east of UTC at a wall-clock moment, given as if it were UTC in seconds since the epoch. */
  offsetSeconds(localSeconds: number): number;
}

const offsetShape = /^([+-])(\d{2}):?(\d{2})$/;
/** Offsets change on the hour at most; so many hours are remembered, several years of them. */
const hoursMax = 65_536;
const hourSeconds = 3600;

/** @param name `UTC`, `+02:00`, `Europe/Berlin`. @throws LeadlineError BAD_TIME_ZONE */
export function zoneOf(name: string): Zone | null {
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
      const hour = Math.floor(localSeconds / hourSeconds);
      let offset = known.get(hour);
      if (offset === undefined) {
        // The wall clock's own offset at that moment; where the clock is set back and a wall time comes twice, the earlier.
        const guess = offsetAt(localSeconds - offsetAt(localSeconds));
        offset = Math.max(guess, offsetAt(localSeconds - guess));
        if (known.size >= hoursMax) known = new Map();
        known.set(hour, offset);
      }
      return offset;
    },
  };
}
