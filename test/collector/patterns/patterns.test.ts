import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { patternProblems, patternsOf } from '../../../collector/patterns/patterns.ts';
import { basePatterns } from '../../../collector/patterns/base-patterns.ts';
import { expand } from '../../../collector/patterns/grok.ts';
import { understandLine, type Understood } from '../../../collector/formats/understand.ts';
import { notKnownWhen } from '../../../collector/fields/time.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { compileLinearRegex } from '#lib/linear-regex.ts';
import { formatTimeNs } from '#schemas/event.ts';
import { testFolder } from '../../helpers/folder.ts';
import { allEvents, ingested, queriesOf } from '../../helpers/store.ts';

const understand = (patterns: readonly string[], line: string, service: string | null = 'cart', when = notKnownWhen): Understood => understandLine(Buffer.from(line), when, patternsOf(patterns)!.forService(service));

/** For each named part what it takes whole, and what it takes no whole of. */
const examples: Record<string, readonly [taken: readonly string[], refused: readonly string[]]> = {
  INT: [['7', '-7', '+12'], ['1.5', 'x']],
  NUMBER: [['7', '-1.5', '.5', '1e9', '1.5E-3'], ['1.2.3', 'e5']],
  BASE16NUM: [['0xDEADbeef', 'ff'], ['0x', 'xyz']],
  QUOTEDSTRING: [['"a \\" b"', "''", '`x`'], ['"a', 'a']],
  UUID: [['123e4567-e89b-12d3-a456-426614174000'], ['123e4567e89b12d3a456426614174000']],
  EMAILADDRESS: [['a.b+c@example.org'], ['@example.org', 'a b@c']],
  MAC: [['00:1a:2B:3c:4d:5e', '00-1a-2b-3c-4d-5e', '001a.2b3c.4d5e'], ['00:1a:2b:3c:4d']],
  IPV4: [['10.0.0.1', '255.255.255.255'], ['256.1.1.1', '1.2.3']],
  IPV6: [['::', '::1', 'fe80::1%eth0', '2001:db8::ff00:42:8329', '1:2:3:4:5:6:7:8', '::ffff:10.0.0.1'], ['1:2:3', 'g::1']],
  HOSTNAME: [['web-1.example.org', 'localhost'], ['-x', 'a b']],
  HOSTPORT: [['web-1:8080', '10.0.0.1:1'], ['web-1']],
  URI: [['https://u@example.org:8443/a/b?c=d#e', 'file:///etc/x'], ['/a/b', 'not a uri']],
  URIPATHPARAM: [['/a/b?c=d&e=f', '/'], ['a/b']],
  PATH: [['/var/log/x.log', 'C:\\temp\\x'], ['x']],
  TIMESTAMP_ISO8601: [['2026-11-21T10:29:23.123456Z', '2026-11-21 10:29:23,123', '2026-11-21T10:29:23+02:00', '2026-11-21 10:29'], ['21.11.2026 10:29:23', '2026-13-01 10:00']],
  HTTPDATE: [['21/Nov/2026:10:29:23 +0000'], ['21/11/2026:10:29:23']],
  SYSLOGTIMESTAMP: [['Nov 21 10:29:23', 'Nov  1 10:29:23'], ['Novem 1 10:29:23']],
  DATESTAMP_RFC2822: [['Sat, 21 Nov 2026 10:29:23 +0000'], ['21 Nov 2026']],
  DATESTAMP_OTHER: [['Sat Nov 21 10:29:23 CET 2026'], ['Sat Nov 21']],
  TIME: [['10:29:23', '23:59', '10:29:60'], ['24:00:00', '10:61']],
  LOGLEVEL: [['INFO', 'Warning', 'err', 'CRITICAL'], ['INF0', 'hello']],
  JAVACLASS: [['com.example.Foo$Bar', 'Foo'], ['com..Foo', '1Foo']],
  SYSLOGBASE: [['Nov 21 10:29:23 web-1 sshd[1234]:'], ['web-1 sshd:']],
  COMBINEDAPACHELOG: [['203.0.113.28 - ann [21/Nov/2026:10:29:23 +0000] "POST /x?y=1 HTTP/1.1" 200 512 "-" "curl/8.0"'], ['203.0.113.28 - -']],
};

test('every named part is a regular expression, and takes what its format says and nothing else', t => {
  for (const name of Object.keys(basePatterns)) t.notThrows(() => compileLinearRegex(expand(`%{${name}}`).source), name);
  for (const [name, [taken, refused]] of Object.entries(examples)) {
    const whole = compileLinearRegex(`^(?:${expand(`%{${name}}`).source})$`);
    for (const text of taken) t.true(whole.find(text), `${name} takes ${text}`);
    for (const text of refused) t.false(whole.find(text), `${name} does not take ${text}`);
  }
});

test('time, level, message, ids and typed fields come from the fields of the first pattern that matches', t => {
  const patterns = ['^nothing %{WORD:x}$', String.raw`^%{TIMESTAMP_ISO8601:time} \[%{DATA:thread}\] %{LOGLEVEL:level} req=%{NOTSPACE:request_id} took=%{NUMBER:took:float} n=%{INT:[http][status]:int} ok=%{WORD:ok:boolean} %{GREEDYDATA:message}`];
  const found = understand(patterns, '2026-11-21 10:29:23.5 [main] WARN req=4bf92f35-77b3 took=12.50 n=503 ok=true order 7 failed, traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
  t.is(found.format, 'pattern');
  t.is(formatTimeNs(found.timeNs!), '2026-11-21T10:29:23.500000000Z');
  t.is(found.level, 'warn');
  t.true(found.message.startsWith('order 7 failed'));
  t.like(found.fields, { thread: 'main', took: 12.5, 'http.status': 503, ok: true });
  t.deepEqual(found.ids.map(({ kind, value }) => [kind, value]), [['trace', '4bf92f3577b34da6a3ce929d0e0e4736'], ['request', '4bf92f35-77b3'], ['span', '00f067aa0ba902b7']]);
  t.false(found.complete, 'a stack trace may follow');
});

test('plain regular expressions with named groups, parts of the user, and names that may not be met', t => {
  t.like(understand([String.raw`^(?<level>\w+)\|(?P<order.id>\d+)\|(?<message>.*)$`], 'error|7|no money'), { level: 'error', message: 'no money', fields: { level: 'error', 'order.id': '7', message: 'no money' } });
  t.like(understand(['ORDER := ORD-%{POSINT}', '^%{ORDER:order} (?:paid %{INT:cents:int}|%{WORD:outcome})$'], 'ORD-17 refused').fields, { order: 'ORD-17', outcome: 'refused' });
  t.deepEqual(Object.keys(understand(['^(?<a>x)|(?<b>y)$'], 'y').fields), ['b']);
  t.is(understand(['^%{WORD:__proto__} %{GREEDYDATA:x}'], 'a b').format, 'pattern');
});

test('a pattern is for the services that its glob fits; what none matches is read as before', t => {
  const patterns = ['cart* => ^%{WORD:a}$', '*-db => ^(?<b>.*)$'];
  t.is(understand(patterns, 'word', 'cart-2').fields['a'], 'word');
  t.is(understand(patterns, 'word', 'user-db').fields['b'], 'word');
  t.is(patternsOf(patterns)!.forService('pay'), null);
  t.is(patternsOf(patterns)!.forService(null), null);
  t.is(understand(patterns, '{"level":"info","msg":"x"}', 'cart').format, 'json');
});

test('a time in two parts, and one without its year', t => {
  t.is(formatTimeNs(understand(['^(?<date>%{YEAR}-%{MONTHNUM}-%{MONTHDAY}) +x (?<time>%{TIME}) %{GREEDYDATA:message}'], '2026-11-21 x 10:29:23 hello').timeNs!), '2026-11-21T10:29:23.000000000Z');
  const found = understand(['^%{SYSLOGTIMESTAMP:timestamp} %{GREEDYDATA:message}'], 'Nov 21 10:29:23 hello', null, { readMs: Date.UTC(2026, 10, 22), zone: null });
  t.deepEqual([formatTimeNs(found.timeNs!), found.timeAssumed, found.message], ['2026-11-21T10:29:23.000000000Z', 'year', 'hello']);
});

test('of several lines the first is matched, and the trace behind it gives its exception', t => {
  const found = understand(['^%{LOGLEVEL:level} ~ %{GREEDYDATA:message}'], 'ERROR ~ it broke\r\njava.lang.IllegalStateException: no\n\tat a.B.c(D.java:1)');
  t.deepEqual([found.level, found.message, found.exceptionType], ['error', 'it broke', 'java.lang.IllegalStateException']);
});

for (const [pattern, problem] of [
  ['%{NUMBR:x}', /^at character 1 of it: there is no named part %\{NUMBR\}; did you mean %\{NUMBER\}\?$/],
  ['cart => a %{WORD:x:integer}', /^at character 3 of it: "integer" is no type: write one of string, int/],
  ['a %{', /^at character 3 of it: %\{ begins a named part/],
  ['%{WORD}', /takes nothing out of a line/],
  ['(?<x>a', /no regular expression of RE2's syntax \(.*missing closing \)/],
  ['(?<=a)(?<x>b)', /^look-around and atomic groups are not/],
  ['A := %{B}', /no named part %\{B\}/],
] as const) {
  test(`${pattern} is told to be wrong, and where`, t => {
    t.regex(patternProblems([pattern])[0]?.problem ?? '', problem);
    t.is(t.throws(() => patternsOf([pattern]), { instanceOf: LeadlineError })?.code, 'BAD_PATTERN');
  });
}

test('parts that name each other end', t => {
  t.regex(patternProblems(['A := x%{B}', 'B := %{A}', '%{A:a}'])[0]!.problem, /circle/);
});

test('an ingested file is read by the patterns of its service, also where lines are joined', async t => {
  const folder = testFolder(t);
  const lines = ['WARN ~ order=7 ~ no money', 'java.lang.IllegalStateException: no', '\tat a.B.c(D.java:1)', 'INFO ~ order=8 ~ paid'];
  const logs = join(folder, 'logs');
  mkdirSync(logs);
  for (const name of ['cart.log', 'pay.log']) writeFileSync(join(logs, name), lines.map(line => `${line}\n`).join(''));
  await ingested([logs], join(folder, 'data'), { patterns: ['cart => ^%{LOGLEVEL:level} ~ order=%{INT:order:int} ~ %{GREEDYDATA:message}'] });
  const queries = queriesOf(t, join(folder, 'data'));
  const found = async (query: string): Promise<string[]> => (await allEvents(queries, query)).map(({ service, message, exceptionType }) => `${service!}: ${message} ${exceptionType ?? '-'}`).sort();
  t.deepEqual(await found('order>=7'), ['cart: no money java.lang.IllegalStateException', 'cart: paid -']);
  t.is((await found('service:pay order:*')).length, 0);
});
