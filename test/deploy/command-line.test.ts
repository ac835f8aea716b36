/** What people get wrong on the command line, and what they then read. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { optionNames, options } from '#schemas/options.ts';
import { rows, runCommand, said, startCommand } from '../helpers/command.ts';
import { testFolder } from '../helpers/folder.ts';
import { eventually } from '../helpers/leadline.ts';

const mistakes: [args: string[], sentence: string][] = [
  [['serach', 'x'], 'there is no command "serach". Did you mean search?'],
  [['zzzzzzzz'], 'there is no command "zzzzzzzz". Known are up, ingest, ship,'],
  [['alerts', 'lst'], 'there is no command "alerts lst". Did you mean leadline alerts list?'],
  [['up', '--pol-interval-ms', '30'], 'up: there is no option --pol-interval-ms. Did you mean --poll-interval-ms?'],
  [['ingest', 'x', '--pol-interval-ms', '30'], 'ingest: there is no option --pol-interval-ms. Did you mean --poll-interval-ms? --poll-interval-ms is one of up, ship, check, not of ingest.'],
  [['ship'], 'ship: PATH is missing. Write: leadline ship PATH...'],
  [['ship', 'x'], 'leadline: --kafka or --to: it is not said where the lines go. Write --kafka HOST:PORT for Kafka, or --to URL'],
  [['ship', 'x', '--kafka', 'a', '--to', 'http://b'], '--kafka and --to: lines go one way, and both are given.'],
  [['ship', 'nope.log', '--kafka', 'a'], 'nope.log: there is no such file or folder.'],
  [['ship', '-', 'x', '--kafka', 'a'], 'standard input (-) is shipped alone'],
  [['ship', 'x', '--kafka', 'a', '--from', 'start'], '--from: "start" is not one of its values. Write one of beginning, end.'],
  [['ship', 'x', '--kafka', 'a', '--redact', 'cards'], '--redact-key: is needed with --redact.'],
  [['run', '--kafka', 'a'], 'run: COMMAND is missing. Write: leadline run COMMAND...'],
  [['run', '--', 'ls'], '--kafka or --to: it is not said where the lines go.'],
  [['topics', 'aply'], 'there is no command "topics aply". Did you mean leadline topics apply?'],
  [['topics', 'apply'], '--kafka: no broker is given. Write, for instance, --kafka kafka-1:9092,kafka-2:9092'],
  [['trace'], 'trace: ID is missing. Write: leadline trace ID [PATH...]'],
  [['search'], 'search: QUERY is missing. Write: leadline search QUERY [PATH...]'],
  [['ingest'], 'ingest: PATH is missing. Write: leadline ingest PATH...'],
  [['ingest', 'x', '--data-dir'], '--data-dir needs a value'],
  [['status', 'extra'], "too many arguments for 'status'"],
  [['search', '*', '-o', 'xml'], 'Allowed choices are text, json, raw, csv.'],
  [['up', 'x', '--port', 'abc'], '--port: "abc" is not a number. Write a whole number from 0 to 65535.'],
  [['up', 'x', '--port', '99999'], '--port: 99999 is out of range. Write a whole number from 0 to 65535.'],
  [['up', 'x', '--poll-interval-ms', '5 weeks'], '--poll-interval-ms: "5 weeks" is not a number. Write a whole number from 5 to 60000 or a span such as 500ms, 15m, 7d.'],
  [['demo', '--burst', 'cart', '--for', 'long'], '--for: "long" is not a number. Write a span such as 30s, 5m'],
  [['search', 'level>>x ('], '\n  level>>x (\n        ^'],
  [['tail', 'a and'], 'column 6: expected'],
  [['search', '*', '--window', '5s'], '--window: goes with --around. Write --around TIME --window 5s'],
  [['search', '*', '--around', '2022-08-22', '--since', '1h'], '--around: says the time range already. Leave out --since and --until'],
  [['search', '*', '--around', '2022-08-22', '--window', 'wide'], '--window: "wide" is not a number. Write a span such as 30s, 5m'],
  [['search', '*', '--since', 'yesterdayish'], '--since: "yesterdayish" is not a time. Write 2026-11-21T08:15:00Z, 2026-11-21, or a span back from now such as 15m, 2h, 7d.'],
  [['search', '*', '--limit', '0'], '--limit: "0" is not a whole number above 0. Write, for instance, --limit 1000'],
  [['search', '*', '--server', 'nonsense'], '--server: "nonsense" is not an http address. Write, for instance, http://127.0.0.1:4680'],
  [['alerts', 'rules', 'check', 'nope.yaml'], 'nope.yaml: there is no such'],
];

test('every mistake in typing gets its sentence and exit code 2', async t => {
  const cwd = testFolder(t);
  for (const [args, sentence] of mistakes) said(t, await runCommand(args, { cwd }), 2, `leadline: `, sentence);
});

test('a server that is not there: exit code 3, and what to do', async t => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  server.close();
  await once(server, 'close');
  for (const args of [['search', '*'], ['trace', 'id'], ['status'], ['alerts', 'list'], ['tail']]) said(t, await runCommand([...args, '--server', url]), 3, `No answer from ${url} (ECONNREFUSED). Start it with leadline up, or name another with --server.`);
});

test('no store, an unknown id, nothing that matches: exit codes 3, 1 and 1', async t => {
  const folder = testFolder(t);
  writeFileSync(join(folder, 'a.log'), 'one\n');
  for (const args of [['status'], ['search', '*'], ['trace', 'id'], ['alerts', 'list']]) said(t, await runCommand([...args, '--data-dir', 'none'], { cwd: folder }), 3, 'none: no Leadline store here and no server is running for it. Start one with leadline up');
  said(t, await runCommand(['ingest', 'a.log', '--data-dir', 'data'], { cwd: folder }), 0);
  said(t, await runCommand(['trace', 'unknown-id', '--data-dir', 'data'], { cwd: folder }), 1, 'No stored line carries the id unknown-id.');
  said(t, await runCommand(['search', 'nothing-like-it', '--data-dir', 'data'], { cwd: folder }), 1, 'nothing in data matches nothing-like-it');
  said(t, await runCommand(['alerts', 'show', 'nobody', '--data-dir', 'data'], { cwd: folder }), 1, 'There is no alert nobody. leadline alerts list shows what is known.');
});

test('a reader that goes away after the first line ends the command quietly', async t => {
  const folder = testFolder(t);
  writeFileSync(join(folder, 'a.log'), Array.from({ length: 30_000 }, (_, index) => `line ${index} with some more text to fill the pipe\n`).join(''));
  const child = startCommand(['search', '*', 'a.log', '--limit', '30000'], { cwd: folder });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end();
  await once(child.stdout, 'readable');
  child.stdout.destroy();
  const [code] = (await once(child, 'close')) as [number | null];
  t.is(code, 0);
  t.is(stderr, '');
});

test('the forms of search: raw bytes come back as they were, csv quotes, a word with a dash leaves out', async t => {
  const folder = testFolder(t);
  const lines = Buffer.concat([Buffer.from('plain, with "quotes"\n'), Buffer.from([0x1b, 0x5b, 0x32, 0x4a, 0xff, 0xfe, 0x0d, 0x0a]), Buffer.from('healthz\n')]);
  writeFileSync(join(folder, 'a.log'), lines);
  said(t, await runCommand(['ingest', 'a.log', '--data-dir', 'data'], { cwd: folder }), 0);
  const child = startCommand(['search', '*', '--data-dir', 'data', '-o', 'raw'], { cwd: folder });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stdin.end();
  await once(child, 'close');
  t.deepEqual(Buffer.concat(chunks), lines);
  const csv = await runCommand(['search', 'plain', '--data-dir', 'data', '-o', 'csv', '--fields', 'message,level'], { cwd: folder });
  t.is(csv.stdout, 'message,level\n"plain, with ""quotes""",\n');
  t.is(rows(await runCommand(['search', '-healthz', '--data-dir', 'data'], { cwd: folder })).length, 2);
});

test('leadline alone is up, with the demo shop', async t => {
  const cwd = testFolder(t);
  const child = startCommand([], { cwd, env: { LEADLINE_PORT: '0' } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stdin.end();
  await eventually(() => Promise.resolve(output), text => text.includes('Ctrl-C ends everything.') || child.exitCode !== null);
  t.regex(output, /Leadline is at http:\/\/127\.0\.0\.1:\d+\ndemo shop: \d+ services log into \S+; press b/);
  child.kill('SIGTERM');
  const [code] = (await once(child, 'close')) as [number | null];
  t.is(code, 0);
});

test('help of every command says its options with defaults and units, and in its foot the environment and the exit codes', async t => {
  const top = await runCommand(['--help']);
  t.is(top.code, 0);
  const commands = [...top.stdout.matchAll(/^ {2}(\w+)(?: \[options\].*| {2,}.*)$/gm)].map(match => match[1]!).filter(name => name !== 'help');
  t.true(commands.length >= 9, commands.join());
  const seen = new Set<string>();
  for (const command of commands) {
    const { code, stdout, stderr } = await runCommand([command, '--help']);
    t.is(code, 0);
    t.is(stderr, '');
    t.regex(stdout, /LEADLINE_SOME_NAME in the environment[^]*Exit: 0 found or done/, command);
    for (const match of stdout.matchAll(/^ {2}(--[a-z-]+)/gm)) seen.add(match[1]!);
    t.notRegex(stdout, /undefined|\[object|null/, command);
  }
  const flag = (name: string): string => `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
  t.deepEqual(optionNames.map(flag).filter(name => !seen.has(name)), [], `${Object.keys(options).length} options`);
  t.regex((await runCommand(['up', '--help'])).stdout, /--poll-interval-ms <SPAN>[^]*\(default 25ms\)[^]*--chunk-bytes-max <SIZE>[^]*\(default 900kB\)[^]*--port <N>[^]*\(default\s+4680\)/);
});

