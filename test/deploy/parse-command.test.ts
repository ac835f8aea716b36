import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import type { TriedEvent, TriedSummary } from '../../deploy/parse-command.ts';
import { rows, runCommand } from '../helpers/command.ts';
import { testFolder } from '../helpers/folder.ts';

const lines = [
  '{"time":"2026-11-21T10:29:23Z","level":30,"msg":"order 7 received","req_id":"4bf92f35-77b3-4da6-a3ce-929d0e0e4736"}',
  '2026-11-21 10:29:24 ERROR it broke TraceID: 4bf92f3577b34da6a3ce929d0e0e4736',
  'java.lang.IllegalStateException: no',
  '\tat a.B.c(D.java:1)',
  'hello there',
].map(line => `${line}\n`).join('');
type Row = Partial<TriedEvent> & { summary?: TriedSummary };

test('each event with what it was understood from, and a summary', async t => {
  const path = join(testFolder(t), 'cart.log.gz');
  writeFileSync(path, gzipSync(lines));
  const ended = await runCommand(['parse', '--try', path]);
  t.is(ended.code, 0, ended.stderr);
  const [json, trace, plain, last] = rows<Row>(ended);
  t.like(json, { line: 1, lines: 1, format: 'json', timeSource: 'line', timeFrom: 'field time "2026-11-21T10:29:23Z"', level: 'info', levelFrom: 'field level "30"', template: 'order <*> received', joined: null });
  t.deepEqual(json!.ids, [{ kind: 'request', name: 'req_id', value: '4bf92f35-77b3-4da6-a3ce-929d0e0e4736', canonical: '4bf92f3577b34da6a3ce929d0e0e4736', from: 'field', shape: 'plain' }]);
  t.like(trace, { line: 2, lines: 3, format: 'text', level: 'error', levelFrom: 'the beginning of the line: "ERROR"', exceptionType: 'java.lang.IllegalStateException', joined: 'a stack trace of java.lang.IllegalStateException' });
  t.like(trace!.ids![0], { name: 'TraceID', from: 'text', shape: 'hex' });
  t.like(plain, { line: 5, timeSource: 'inherited', timeFrom: 'the line has none: that of the line above', level: null, levelFrom: 'the line says none' });
  t.deepEqual(last, { summary: { lines: 5, events: 3, formats: { json: 1, text: 2 }, withoutTime: [5], withoutLevel: [5], withRequestId: 2, templates: 3 } });
});

test('standard input, the framing of a container, patterns of a service, and a number of lines', async t => {
  const cri = Array.from({ length: 5 }, (_, n) => `2022-08-22T05:18:16.15477236${n}Z stderr F hello ${n}\n`).join('');
  const ended = await runCommand(['parse', '--try', '-', '--lines', '2', '--service', 'cart', '--patterns', 'pay => ^(?<x>.*)$', '--patterns', 'cart => ^%{WORD:greeting} %{INT:n:int}$'], { input: `${cri}rest` });
  const [first, , last] = rows<Row>(ended);
  t.like(first, { format: 'pattern', pattern: 'cart => ^%{WORD:greeting} %{INT:n:int}$', timeSource: 'runtime', output: 'stderr', fields: { greeting: 'hello', n: 0 } });
  t.like(last!.summary, { lines: 2, events: 2, formats: { pattern: 2 } });
  t.is(rows<Row>(await runCommand(['parse', '--try', '-', '--lines', '0'], { input: `${cri}rest` })).at(-1)!.summary!.lines, 6);
});

test('what cannot be tried is said', async t => {
  for (const [args, code, said] of [
    [['--try', '/no/such/file'], 2, /there is no such file/],
    [['--try', '/tmp'], 2, /is a folder\. Name a file in it/],
    [['--try', '-', '--lines', 'x'], 2, /--lines: "x" is not a number/],
    [['--try', '-', '--patterns', '%{NOPE:x}'], 2, /there is no named part %\{NOPE\}/],
    [[], 2, /--try/],
    [['--try', '-'], 1, /^$/],
  ] as const) {
    const ended = await runCommand(['parse', ...args]);
    t.is(ended.code, code, args.join(' '));
    t.regex(ended.stderr, said);
  }
});
