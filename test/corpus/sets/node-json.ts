/** bunyan's own corpus, and Node's diagnostic reports. */
import { compareEvents } from '#schemas/event.ts';
import { eventsOfFile, filesBelow, jsonOf } from '../files.ts';
import type { Tally } from '../tally.ts';

export function countNodeJson(tally: Tally): void {
  const expected = jsonOf('node-json/bunyan/expected.json') as Record<string, unknown>;
  const iso = (timeNs: bigint): string => new Date(Number(timeNs / 1_000_000n)).toISOString();
  for (const name of ['simple.log', 'extrafield.log']) {
    const [wanted] = expected[name] as [Record<string, unknown>];
    const [event] = eventsOfFile(tally, `node-json/bunyan/${name}`);
    tally.equal('times', iso(event!.timeNs), wanted['time'], null, name);
    tally.equal('levels', event!.level, wanted['level'], null, name);
    tally.equal('messages', event!.message, wanted['msg'], null, name);
    for (const [field, value] of Object.entries(wanted)) if (!['time', 'level', 'msg'].includes(field)) tally.equal('fields', event!.fields[field], value, null, `${name} ${field}`);
  }
  const bogus = eventsOfFile(tally, 'node-json/bunyan/bogus.log').map(({ raw }) => Buffer.from(raw).toString());
  tally.equal('records', bogus, ['not a JSON line', '{"hi": "there"}'], null, 'bogus.log');
  const all = eventsOfFile(tally, 'node-json/bunyan/all.log');
  const names: Record<string, string> = { WARN: 'warn', ERROR: 'error', LVL55: 'error', FATAL: 'fatal' };
  for (const line of expected['all.log --level 40 (upstream test)'] as string[]) {
    const match = /^(\w+) (\d{4}-\S+)$/.exec(line);
    if (match === null) tally.check('records', all.some(({ raw }) => Buffer.from(raw).toString() === line), null, () => line);
    else tally.equal('levels', all.find(({ timeNs }) => iso(timeNs) === match[2])?.level, names[match[1]!], null, line);
  }
  const merged = ['log1.log', 'log2.log'].flatMap(name => eventsOfFile(tally, `node-json/bunyan/${name}`).map(event => ({ ...event, source: name }))).sort(compareEvents);
  tally.equal('times', merged.map(({ timeNs, fields }) => [iso(timeNs), fields['name']]), expected['merge(log1.log,log2.log) by time (upstream test "multiple logs")'], null, 'merge');
  for (const name of ['withreq.log', 'clientreqres.log', 'log1.log.gz']) for (const event of eventsOfFile(tally, `node-json/bunyan/${name}`)) tally.check('levels', event.level !== null && event.timeSource === 'line', null, () => `${name}: ${event.eventId}`);
  for (const name of filesBelow('node-json/diagnostic-reports')) {
    const events = eventsOfFile(tally, name);
    tally.equal('records', [events.length, events[0]?.fields['header.event']], [1, (jsonOf(name) as { header: { event: string } }).header.event], null, name);
  }
}
