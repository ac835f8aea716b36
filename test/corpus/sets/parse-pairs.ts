/** Samples with what others' patterns read out of them. */
import type { LogEvent } from '#schemas/event.ts';
import { jsonOf } from '../files.ts';
import { eventsOfText } from '../pipeline.ts';
import type { Tally } from '../tally.ts';

interface Tree {
  [name: string]: Tree | string | number | boolean | null | unknown[];
}

/** `{ a: { b: 1 } }` -> `[['a.b', 1]]`. */
function leaves(tree: Tree, prefix = ''): [name: string, value: unknown][] {
  return Object.entries(tree).flatMap(([name, value]) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? leaves(value, `${prefix}${name}.`) : [[`${prefix}${name}`, value] as [string, unknown]]));
}

/** Numbers and their text count as the same. */
const isSame = (found: unknown, expected: unknown): boolean => JSON.stringify(found) === JSON.stringify(expected) || (found !== undefined && found !== null && JSON.stringify(found).replace(/^"|"$/g, '') === JSON.stringify(expected).replace(/^"|"$/g, ''));

export function countGrokPairs(tally: Tally): void {
  const { pairs } = jsonOf('parse-pairs/grok-ecs.json') as { pairs: { pattern: string; message: string; expected_fields: Tree; absent_fields: string[] }[] };
  for (const { pattern, message, expected_fields, absent_fields } of pairs) {
    const events = eventsOfText(message);
    const [event] = events;
    tally.equal('records', events.length, 1, message.endsWith("\n'") ? newlineInside : null, `${pattern}: ${message}`);
    for (const [name, value] of leaves(expected_fields)) {
      const where = `${pattern}: ${name} of ${message.slice(0, 200)}`;
      if (name === 'message') tally.equal('messages', event!.message.trim(), (value as string[]).at(-1)!.trim(), message.endsWith("\n'") ? newlineInside : reasonOfGrok(pattern, name), where);
      else if (name === 'timestamp') tally.check('times', event!.fields['time'] === value || event!.timeSource === 'line', null, () => where);
      else if (name === 'log.level') tally.equal('levels', event!.level, levelOf(value as string), null, where);
      else tally.check('fields', isSame(event!.fields[grokNames[name] ?? name], value), reasonOfGrok(pattern, name), () => `${where}: found ${JSON.stringify(event!.fields[name])}, expected ${JSON.stringify(value)}`);
    }
    for (const name of absent_fields) tally.check('fields', !Object.keys(event!.fields).some(field => field === name || field.startsWith(`${name}.`)), null, () => `${pattern}: ${name} in ${message}`);
  }
}

/** ECS' names of today for what the patterns still call otherwise. */
const grokNames: Record<string, string> = { 'java.log.origin.class.name': 'log.logger', 'java.log.origin.thread.name': 'process.thread.name', 'system.syslog.version': 'log.syslog.version', 'event.code': 'log.syslog.msgid' };
const newlineInside = 'a newline inside the sample ends a line in a file';

function reasonOfGrok(pattern: string, name: string): string | null {
  if (pattern === 'JAVASTACKTRACEPART') return 'a stack frame is part of its event; the places of single frames are not fields';
  if (pattern === 'SYSLOGPAMSESSION' || pattern === 'CRONLOG') return 'what one program says in its sentences (PAM, cron) is left to patterns of the user';
  return name === 'system.syslog.structured_data' ? 'each parameter of the structured data is a field of its own' : null;
}

const levelNames: Record<string, string> = { severe: 'error', notice: 'info', critical: 'fatal', alert: 'fatal', emergency: 'fatal', ok: 'info' };
const levelOf = (name: string): string => levelNames[name.toLowerCase()] ?? name.toLowerCase();

export function countDatadogPairs(tally: Tally): void {
  const { pairs } = jsonOf('parse-pairs/datadog.json') as { pairs: { integration: string; sample: string; expected: { status: string | null; timestamp_ms: number | null; message: string | null; fields: Tree } }[] };
  for (const { integration, sample, expected } of pairs) {
    const events = eventsOfText(sample);
    const [event] = events;
    const where = `${integration}: ${sample.slice(0, 200)}`;
    tally.equal('records', events.length, 1, null, where);
    if (expected.status !== null) tally.equal('levels', event!.level, levelOf(expected.status), integration === 'dagster' ? 'the level is not in the sample; upstream derives it from the type of event' : null, where);
    if (expected.timestamp_ms !== null) tally.equal('times', event!.timeSource === 'line' ? Number(event!.timeNs / 1_000_000n) : null, expected.timestamp_ms, null, where);
    if (expected.message !== null && expected.message !== sample) tally.equal('messages', event!.message.trim(), expected.message.trim(), integration === 'aqua' ? 'no key of this object is one that names a message' : null, where);
    for (const [name, value] of leaves(expected.fields)) {
      const ours = datadogNames[name];
      if (ours === null) continue;
      tally.check('fields', has(event!, ours ?? name, value), datadogReasons[integration] ?? null, () => `${where}: ${name}: found ${JSON.stringify(event!.fields[ours ?? name])}, expected ${JSON.stringify(value)}`);
    }
  }
}

const has = ({ fields }: LogEvent, name: string, value: unknown): boolean => isSame(fields[name], value);

/** What is called otherwise here, and, null, what is the event's level or time. */
const datadogNames: Record<string, string | null> = {
  'http.status_code': 'status', 'http.method': 'request_method', 'http.url_details.path': 'path_info', 'http.url_details.queryString': 'query_string', 'http.version': 'http_version', 'http.accept': 'http_accept', 'error.msg': 'error', 'error.stack': 'backtrace',
  'dagster-plus.event_type': 'event_type', 'system.action': 'action', 'system.user': 'user', 'vulnerability.image_name': 'image', 'category': 'type',
  'level': null, 'loglevel': null, 'timestamp': null, 'status': null,
  'logger.name': 'log.logger', 'file_line': 'log.origin.file.line', 'file_name': 'log.origin.file.name', 'method_name': 'log.origin.function', 'class_name': 'log.logger', 'thread_id': 'process.thread.id',
  'syslog.appname': 'process.name', 'syslog.hostname': 'host.hostname', 'pid': 'process.pid',
};
const datadogReasons: Record<string, string> = {
  logstash: 'the array is not closed in the sample',
  aqua: 'pairs joined by commas are left in the message',
};
