/** Ten thousand combined lines, read beside a plain pattern of the format, and a few odd files. */
import { eventsOfFile, filesBelow, jsonOf } from '../files.ts';
import type { Tally } from '../tally.ts';

const combined = /^(\S+) \S+ (\S+) \[(\d{2})\/(\w{3})\/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{4})\] "(\S+) ([^"]*?)(?: HTTP\/([\d.]+))?" (\d{3}) (\d+|-) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"/;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function countAccessLogs(tally: Tally): void {
  const expected = (jsonOf('access-logs/expected.json') as Record<string, { lines: number; unparsed_line_numbers: number[]; status: Record<string, number>; methods: Record<string, number>; bytes_total: number; distinct_clients: number; out_of_order_lines: number }>)['apache_combined_10k.log.gz']!;
  const events = eventsOfFile(tally, 'access-logs/apache_combined_10k.log.gz');
  tally.equal('records', events.length, expected.lines, null, 'lines');
  const access = events.filter(({ fields }) => fields['http.response.status_code'] !== undefined);
  tally.equal('records', events.flatMap(({ fields }, index) => (fields['http.response.status_code'] === undefined ? [index + 1] : [])), expected.unparsed_line_numbers, null, 'unparsed');
  for (const [name, counts] of [['http.response.status_code', expected.status], ['http.request.method', expected.methods]] as const) {
    for (const [value, count] of Object.entries(counts)) tally.equal('fields', access.filter(({ fields }) => String(fields[name]) === value).length, count, null, `${name} ${value}`);
  }
  tally.equal('fields', access.reduce((sum, { fields }) => sum + Number(fields['http.response.body.bytes'] ?? 0), 0), expected.bytes_total, null, 'bytes');
  tally.equal('fields', new Set(access.map(({ fields }) => fields['source.address'])).size, expected.distinct_clients, null, 'clients');
  tally.equal('times', access.filter(({ timeNs }, index) => index > 0 && timeNs < access[index - 1]!.timeNs).length > 0, expected.out_of_order_lines > 0, null, 'out of order');
  for (const event of events) {
    const match = combined.exec(Buffer.from(event.raw).toString());
    if (match === null) continue;
    const [, client, , day, month, year, clock, zone, method, url, , status, bytes, , agent] = match;
    const time = Date.parse(`${year}-${String(months.indexOf(month!) + 1).padStart(2, '0')}-${day}T${clock}${zone!.slice(0, 3)}:${zone!.slice(3)}`);
    tally.equal('times', event.timeSource === 'line' ? Number(event.timeNs / 1_000_000n) : null, time, null, event.eventId);
    const { fields } = event;
    tally.equal('fields', [fields['source.address'], fields['http.request.method'], fields['url.original'], fields['http.response.status_code'], fields['http.response.body.bytes'] ?? '-', fields['user_agent.original'] ?? '-'], [client, method, url, Number(status), bytes === '-' ? '-' : Number(bytes), agent === '' ? '-' : agent], null, event.eventId);
    tally.equal('levels', event.level, null, null, event.eventId);
  }
  for (const name of filesBelow('access-logs').filter(file => file.endsWith('.log') && !file.includes('access_log.0.log'))) {
    for (const event of eventsOfFile(tally, name)) {
      tally.check('fields', typeof event.fields['http.response.status_code'] === 'number', null, () => `${name}: ${event.eventId}`);
      tally.equal('times', event.timeSource, 'line', null, `${name}: ${event.eventId}`);
    }
  }
}
