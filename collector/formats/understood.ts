import type { EventId, Fields, Level } from '#schemas/event.ts';
import type { Reading } from '../fields/reading.ts';
import type { TimeAssumed } from '../fields/time.ts';

export type LineFormat = 'json' | 'logfmt' | 'access' | 'text' | 'pattern';

/** What one line, or one event of several lines, says. */
export interface Understood {
  format: LineFormat;
  /** True where nothing can follow that belongs to this line, so that it need not be held. */
  complete: boolean;
  /** The line's own time, nanoseconds since the epoch. Null where it has none, or one without a year or date that nothing tells (the field `time` has it as written). */
  timeNs: bigint | null;
  /** What of the time was not written and is taken from when the line was read. */
  timeAssumed: TimeAssumed | null;
  level: Level | null;
  /** The first line of text without time, level and terminal colours; of a structured line its message, or the whole line where it has none. */
  message: string;
  fields: Fields;
  ids: EventId[];
  requestId: string | null;
  requestIdSource: string | null;
  exceptionType: string | null;
}

/** Lines of text longer than this are read to here; the message keeps its length. JSON is always read whole. */
export const textCharsMax = 65_536;

export function understoodOf(format: LineFormat, reading: Reading, message: string): Understood {
  const { ids } = reading;
  ids.finish();
  return {
    format,
    complete: format !== 'text',
    timeNs: reading.timeNs,
    timeAssumed: reading.timeAssumed,
    level: reading.level,
    message,
    fields: reading.fields,
    ids: ids.ids,
    requestId: ids.requestId,
    requestIdSource: ids.requestIdSource,
    exceptionType: reading.exceptionType,
  };
}
