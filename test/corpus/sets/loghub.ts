/** Seven systems of 2,000 lines each, with each line's header fields and content. */
import { bytesOf, csvRows, eventsByLine, eventsOfFile } from '../files.ts';
import type { Tally } from '../tally.ts';

type Row = Record<string, string>;

const levelNames: Record<string, string> = { notice: 'info', info: 'info', warn: 'warn', error: 'error', fatal: 'fatal', debug: 'debug' };
const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const month = (name: string): string => String(monthNames.indexOf(name) + 1).padStart(2, '0');
const two = (number: string): string => number.trim().padStart(2, '0');

/** The time as the row has it, to the second; the year where none is written is that of the reading. */
const timeOf: Record<string, (row: Row) => string> = {
  Apache: ({ Time }) => `${Time!.slice(20)}-${month(Time!.slice(4, 7))}-${Time!.slice(8, 10)}T${Time!.slice(11, 19)}`,
  Hadoop: ({ Date: date, Time }) => `${date}T${Time!.slice(0, 8)}`,
  HDFS: ({ Date: date, Time }) => `20${date!.slice(0, 2)}-${date!.slice(2, 4)}-${date!.slice(4, 6)}T${Time!.slice(0, 2)}:${Time!.slice(2, 4)}:${Time!.slice(4, 6)}`,
  Linux: row => `2005-${month(row['Month']!)}-${two(row['Date']!)}T${row['Time']}`,
  OpenSSH: row => `2017-${month(row['Date']!)}-${two(row['Day']!)}T${row['Time']}`,
  Zookeeper: ({ Date: date, Time }) => `${date}T${Time!.slice(0, 8)}`,
  Spark: ({ Date: date, Time }) => `20${date!.replaceAll('/', '-')}T${Time}`,
};
const readMs: Record<string, number> = { Linux: Date.UTC(2005, 8, 1), OpenSSH: Date.UTC(2017, 11, 31) };
/** Column -> our field. */
const columns: Record<string, Record<string, string>> = {
  Apache: {},
  Hadoop: { Process: 'process.thread.name', Component: 'log.logger' },
  HDFS: { Pid: 'process.pid', Component: 'log.logger' },
  Linux: { Level: 'host.hostname', Component: 'process.name', PID: 'process.pid' },
  OpenSSH: { Component: 'host.hostname', Pid: 'process.pid' },
  Zookeeper: {},
  Spark: { Component: 'log.logger' },
};

export function countLoghub(tally: Tally): void {
  for (const [system, names] of Object.entries(columns)) {
    const file = `loghub/${system}/${system}_2k.log.gz`;
    const bytes = bytesOf(file);
    const ms = readMs[system];
    const events = eventsOfFile(tally, file, ms === undefined ? {} : { readMs: ms });
    const byLine = eventsByLine(bytes, events);
    const rows = csvRows(bytesOf(`loghub/${system}/${system}_2k.log_structured.csv.gz`).toString());
    tally.equal('records', events.length, rows.length, null, system);
    for (const row of rows) {
      const event = byLine.get(Number(row['LineId']))!;
      const where = `${system}:${row['LineId']}: ${row['Content']}`;
      tally.equal('times', event.timeSource === 'line' ? new Date(Number(event.timeNs / 1_000_000n)).toISOString().slice(0, 19) : null, timeOf[system]!(row), null, where);
      const level = system === 'Linux' ? undefined : row['Level'];
      tally.equal('levels', event.level, level === undefined ? null : levelNames[level.toLowerCase()], null, where);
      tally.equal('messages', event.message.trim(), row['Content']!.trim(), reasonOf(system, event.message), where);
      for (const [column, name] of Object.entries(names)) if (row[column] !== '') tally.equal('fields', String(event.fields[name] ?? ''), row[column], reasonOf(system, event.message), `${where}: ${column}`);
    }
  }
}

function reasonOf(system: string, message: string): string | null {
  if (system === 'Apache') return 'the client in brackets is a field, as the httpd patterns of parse-pairs want it';
  if (system === 'Spark' && message.startsWith('Remoting: ')) return 'a word without a dot before a colon may begin a sentence, so it is not taken for a logger';
  return null;
}
