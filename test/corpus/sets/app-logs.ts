/** lnav's small files, with the times and levels that lnav expects of them. */
import type { LogEvent } from '#schemas/event.ts';
import { bytesOf, eventsByLine, eventsOfFile, filesBelow, jsonOf } from '../files.ts';
import type { Tally } from '../tally.ts';

interface Expected {
  format?: string;
  levels?: string[];
  timestamps_iso_utc?: string[];
  file_mtime_assumed?: string;
  records_csv?: { log_line: string; log_time: string; log_level: string }[];
}

const levelNames: Record<string, string> = { warning: 'warn', critical: 'fatal', debug2: 'debug', debug3: 'debug', debug4: 'debug', debug5: 'debug' };
const levelOf = (name: string): string => levelNames[name] ?? name;

const reasons: Record<string, string> = {
  'syslog.0 levels': 'lnav guesses a level from words of the sentence ("failed"); syslog lines without a priority have none here',
  'access_log.0 levels': 'lnav gives access lines a level by their status; none is written in them',
  'json2.json levels': 'the numbers 0 and 10 mean info and error only by a format file of that application; here 0 is syslog\'s and 10 bunyan\'s',
  'json3.json levels': 'a level by HTTP status, from a format file of that application',
  'json.json levels': 'lnav calls a line whose time cannot be read invalid; its level is read here',
  'rollover.0 times': 'lnav counts the days back from the file\'s end; a line is dated here when it is read, before the rest of the file is known',
};

export function countAppLogs(tally: Tally): void {
  for (const file of filesBelow('app-logs').filter(name => name.includes('lnav_'))) {
    const key = file.slice('app-logs/lnav_'.length);
    const { levels, timestamps_iso_utc, file_mtime_assumed, records_csv } = expectedOf(key);
    const mtime = file_mtime_assumed === undefined ? undefined : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(file_mtime_assumed)!;
    const readMs = mtime === undefined ? undefined : Date.UTC(Number(mtime[1]), Number(mtime[2]) - 1, Number(mtime[3]), Number(mtime[4]), Number(mtime[5]));
    const bytes = bytesOf(file);
    const events = eventsOfFile(tally, file, readMs === undefined ? {} : { readMs });
    compare(tally, key, bytes, events, levels, timestamps_iso_utc);
    if (records_csv !== undefined) compareRecords(tally, key, events, records_csv);
  }
  // Lines of two containers, by their own prefixes.
  const composed = eventsOfFile(tally, 'app-logs/lnav_docker_compose.0');
  for (const event of composed) tally.equal('fields', [event.container, event.service], Buffer.from(event.raw).includes('web-1 ') ? ['web-1', 'web'] : ['redis-1', 'redis'], null, `docker_compose.0: ${event.eventId}`);
  const access = expectedOf('access_log.0');
  compare(tally, 'access_log.0', bytesOf('access-logs/lnav_access_log.0.log'), eventsOfFile(tally, 'access-logs/lnav_access_log.0.log'), access.levels, access.timestamps_iso_utc);
}

function expectedOf(key: string): Expected {
  return (jsonOf('app-logs/expected.json') as Record<string, Expected>)[key] ?? {};
}

/** One expectation for each physical line. */
function compare(tally: Tally, key: string, bytes: Buffer, events: readonly LogEvent[], levels: string[] | undefined, times: string[] | undefined): void {
  const byLine = eventsByLine(bytes, events);
  levels?.forEach((level, index) => {
    tally.equal('levels', byLine.get(index + 1)?.level, levelOf(level), reasons[`${key} levels`] ?? null, `${key}:${index + 1}`);
  });
  times?.forEach((time, index) => {
    const event = byLine.get(index + 1);
    tally.equal('times', event === undefined || event.timeSource === 'read' ? null : msOf(event), time.slice(0, 23), reasons[`${key} times`] ?? null, `${key}:${index + 1}`);
  });
}

/** lnav lists what it takes for records; a line that it does not list is one here too, and not looked at. */
function compareRecords(tally: Tally, key: string, events: readonly LogEvent[], records: { log_time: string; log_level: string }[]): void {
  let at = 0;
  for (const { log_time, log_level } of records) {
    const time = log_time.replace(' ', 'T').slice(0, 23);
    // lnav gives a record without a time that of the record before.
    const found = events.findIndex((event, index) => index >= at && msOf(event) === time);
    tally.equal('times', found >= 0, true, null, `${key} ${log_time}`);
    if (found < 0) continue;
    at = found + 1;
    const wanted = log_level === 'invalid' || log_level === 'stats' ? null : levelOf(log_level);
    tally.equal('levels', events[found]!.level, wanted, reasons[`${key} levels`] ?? null, `${key} ${log_time}`);
  }
}

const msOf = ({ timeNs }: LogEvent): string => new Date(Number(timeNs / 1_000_000n)).toISOString().slice(0, 23);
