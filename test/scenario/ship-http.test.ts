/** `ship` and `run` as people use them, to a collector's intake: real processes, real files. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import type { EventsAnswer, StreamsAnswer } from '#schemas/http-api.ts';
import { rows, runCommand, said } from '../helpers/command.ts';
import { testFolder } from '../helpers/folder.ts';
import { eventually, RunningLeadline } from '../helpers/leadline.ts';
import { RunningShipper } from '../helpers/shipper.ts';

interface Place {
  folder: string;
  logs: string;
  log: string;
  data: string;
}

function place(t: ExecutionContext): Place {
  const folder = testFolder(t);
  const logs = join(folder, 'logs');
  mkdirSync(logs);
  return { folder, logs, log: join(logs, 'cart.log'), data: join(folder, 'shipper') };
}

/** A collector with an intake, which tails nothing but an empty file. */
async function collector(t: ExecutionContext, folder: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<RunningLeadline> {
  writeFileSync(join(folder, 'nothing'), '');
  const leadline = await RunningLeadline.up([join(folder, 'nothing'), '--data-dir', join(folder, 'store'), ...args], env);
  t.teardown(() => leadline.kill9());
  return leadline;
}

async function shipper(t: ExecutionContext, { logs, data }: Place, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunningShipper> {
  const started = await RunningShipper.start([logs], data, args, { env });
  t.teardown(() => started.kill9());
  return started;
}

const linesOf = (from: number, to: number): string => Array.from({ length: to - from }, (_, index) => `{"level":"info","msg":"line ${from + index}"}\n`).join('');

test('lines are stored once, the balance closes in /status, /metrics and at the end, and the exit code is 0', async t => {
  const here = place(t);
  const content = linesOf(0, 5000);
  writeFileSync(here.log, content);
  const store = await collector(t, here.folder);
  const running = await shipper(t, here, ['--to', store.url]);
  const { totals, streams, troubledBy } = await running.acknowledged(content.length);
  t.is(troubledBy, null);
  t.like(totals, { streams: 1, writtenBytes: content.length, acknowledgedBytes: content.length, inFlightBytes: 0, unreadBytes: 0, lagBytes: 0 });
  t.is(streams[0]?.path, here.log);
  t.deepEqual([(await running.text('/healthz')).body, (await running.text('/readyz')).body], ['{"status":"ok"}', '{"status":"ready"}']);
  const { body } = await running.text('/metrics');
  t.regex(body, new RegExp(`^leadline_shipper_acknowledged_bytes ${content.length}$`, 'm'));
  t.regex(body, /^leadline_shipper_transport_troubled 0$/m);
  t.is((await running.text('/cart.log')).status, 404);

  const asked = await runCommand(['status', '--server', running.url]);
  t.like(rows<{ acknowledgedBytes: number; path: string }>(asked)[0], { acknowledgedBytes: content.length, path: here.log });
  t.deepEqual(rows(await runCommand(['status', '--data-dir', here.data])).length, 1);

  t.is(await running.stop(), 0, running.stderr);
  t.like(JSON.parse(running.stdout), { event: 'balance', drained: true, writtenBytes: content.length, acknowledgedBytes: content.length, lagBytes: 0 });
  const stored = await eventually(() => store.json<StreamsAnswer>('/api/v1/streams'), answer => answer.totals.lines >= 5000);
  t.deepEqual([stored.totals.lines, stored.totals.bytes], [5000, content.length]);
});

test('lines written right before the end, to a file that was quiet, are shipped before it ends', async t => {
  const here = place(t);
  writeFileSync(here.log, linesOf(0, 10));
  const store = await collector(t, here.folder);
  // So slow that no look of its own comes before the end.
  const running = await shipper(t, here, ['--to', store.url, '--poll-interval-ms', '1m', '--idle-poll-interval-ms', '10m']);
  await running.acknowledged(linesOf(0, 10).length);
  appendFileSync(here.log, linesOf(10, 20));
  writeFileSync(join(here.logs, 'new.log'), linesOf(20, 25));
  t.is(await running.stop(), 0, running.stderr);
  t.is((JSON.parse(running.stdout) as { acknowledgedBytes: number }).acknowledgedBytes, linesOf(0, 25).length);
});

test('killed -9 at random moments while files grow and rotate: every line stored once', async t => {
  const here = place(t);
  const store = await collector(t, here.folder);
  let written = 0;
  let stopped = false;
  writeFileSync(here.log, '');
  const writing = (async () => {
    for (let rotation = 1; !stopped || written < 2000; ) {
      appendFileSync(here.log, linesOf(written, (written += 7)));
      if (written % 700 === 0) {
        renameSync(here.log, `${here.log}.${rotation++}`);
        writeFileSync(here.log, '');
      }
      await new Promise(resolve => setTimeout(resolve, 2));
    }
  })();
  for (let kill = 0; kill < 6; kill++) {
    const running = await shipper(t, here, ['--to', store.url, '--idle-after-ms', '200', '--state-interval-ms', '200', '--checkpoint-interval-ms', '10']);
    await new Promise(resolve => setTimeout(resolve, 100 + Math.random() * 400));
    await running.kill9();
  }
  stopped = true;
  await writing;
  const last = await shipper(t, here, ['--to', store.url, '--idle-after-ms', '200']);
  const { totals } = await eventually(() => store.json<StreamsAnswer>('/api/v1/streams'), answer => answer.totals.lines >= written);
  t.is(totals.lines, written);
  t.is(await last.stop(), 0, last.stderr);
  const events = rows<{ message: string }>(await runCommand(['search', '*', '--server', store.url, '--limit', '100000']));
  t.is(new Set(events.map(({ message }) => message)).size, written);
  t.is(events.length, written);
});

test('without its collector it is alive and not ready, says why once, and goes on by itself when the collector is there', async t => {
  const here = place(t);
  writeFileSync(here.log, linesOf(0, 10));
  const place2 = createServer().listen(0, '127.0.0.1');
  await once(place2, 'listening');
  const port = String((place2.address() as { port: number }).port);
  place2.close();
  const running = await shipper(t, here, ['--to', `http://127.0.0.1:${port}`]);
  const answer = await eventually(() => running.text('/readyz'), ({ body }) => body.includes('No answer'));
  t.is(answer.status, 503);
  t.true(answer.body.includes(`No answer from the collector at http://127.0.0.1:${port} (ECONNREFUSED).`), answer.body);
  t.is((await running.text('/healthz')).status, 200);
  t.regex((await running.text('/metrics')).body, /^leadline_shipper_transport_troubled 1$/m);
  writeFileSync(join(here.folder, 'nothing'), '');
  const store = await RunningLeadline.up([join(here.folder, 'nothing'), '--data-dir', join(here.folder, 'store')], {}, port);
  t.teardown(() => store.kill9());
  await running.acknowledged(linesOf(0, 10).length);
  t.is((await running.text('/readyz')).status, 200);
  t.is(running.stderr.match(/"event":"transportTroubled"/g)?.length, 1, running.stderr);
});

test('stopped while its collector is away: it ends in time, says what is left, exit code 3, and the next start sends it', async t => {
  const here = place(t);
  const store = await collector(t, here.folder);
  writeFileSync(here.log, linesOf(0, 10));
  const running = await shipper(t, here, ['--to', store.url, '--drain-timeout-ms', '300']);
  await running.acknowledged(linesOf(0, 10).length);
  await store.kill9();
  appendFileSync(here.log, linesOf(10, 20));
  await eventually(() => running.status(), ({ totals }) => totals.lagBytes > 0);
  t.is(await running.stop(), 3, running.stderr);
  t.like(JSON.parse(running.stdout), { drained: false, lagBytes: linesOf(10, 20).length });
  const again = await collector(t, here.folder);
  const next = await shipper(t, here, ['--to', again.url]);
  await next.acknowledged(linesOf(0, 20).length);
  t.is((await eventually(() => again.json<StreamsAnswer>('/api/v1/streams'), ({ totals }) => totals.lines >= 20)).totals.lines, 20);
});

test('a chunk larger than the collector takes arrives in pieces', async t => {
  const here = place(t);
  const store = await collector(t, here.folder, ['--intake-bytes-max', '1MiB']);
  const content = Array.from({ length: 2000 }, () => `${randomBytes(1500).toString('base64')}\n`).join('') + `${randomBytes(1_500_000).toString('base64')}\n`;
  writeFileSync(here.log, content);
  const running = await shipper(t, here, ['--to', store.url, '--chunk-bytes-max', '8MiB', '--compression', 'none']);
  await running.acknowledged(content.length);
  const { totals } = await store.json<StreamsAnswer>('/api/v1/streams');
  t.deepEqual([totals.lines, totals.storedBytes], [2001, content.length]);
  t.is(await running.stop(), 0);
});

test('over TLS with a key: the lines arrive; with a wrong key nothing is lost, and it says so', async t => {
  const here = place(t);
  writeFileSync(here.log, linesOf(0, 10));
  const store = await collector(t, here.folder, [], { LEADLINE_API_KEY: 'right' });
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', 'key.pem', '-out', 'cert.pem'], { cwd: here.folder, stdio: 'ignore' });
  const tls = createTlsServer({ key: readFileSync(join(here.folder, 'key.pem')), cert: readFileSync(join(here.folder, 'cert.pem')) }, socket => {
    const upstream = connect(Number(new URL(store.url).port), '127.0.0.1');
    socket.pipe(upstream).pipe(socket);
    for (const end of [socket, upstream]) end.on('error', () => undefined);
  }).listen(0, 'localhost');
  t.teardown(() => tls.close());
  await once(tls, 'listening');
  const url = `https://localhost:${(tls.address() as { port: number }).port}`;
  const env = { NODE_EXTRA_CA_CERTS: join(here.folder, 'cert.pem') };
  const wrong = await shipper(t, here, ['--to', url], { ...env, LEADLINE_API_KEY: 'wrong' });
  const answer = await eventually(() => wrong.text('/readyz'), ({ body }) => body.includes('401'));
  t.true(answer.body.includes(`The collector at ${url} answers 401`), answer.body);
  await wrong.kill9();
  const right = await shipper(t, here, ['--to', url], { ...env, LEADLINE_API_KEY: 'right' });
  await right.acknowledged(linesOf(0, 10).length);
  t.is(await right.stop(), 0);
});

test('a second shipper on the same data directory is refused, a taken port is told, and a killed one leaves nothing locked', async t => {
  const here = place(t);
  writeFileSync(here.log, linesOf(0, 10));
  const store = await collector(t, here.folder);
  const running = await shipper(t, here, ['--to', store.url]);
  const port = new URL(running.url).port;
  said(t, await runCommand(['ship', here.logs, '--to', store.url, '--data-dir', here.data, '--port', '0']), 3, `${here.data}: this data directory is in use by another Leadline process (process ${running.child.pid}, ${running.url}).`);
  said(t, await runCommand(['up', here.logs, '--data-dir', here.data, '--port', '0']), 3, 'this data directory is in use by another Leadline process');
  said(t, await runCommand(['ship', here.logs, '--to', store.url, '--data-dir', join(here.folder, 'other'), '--port', port]), 3, `Port ${port} on all interfaces is in use by another program.`);
  await running.kill9();
  const next = await shipper(t, here, ['--to', store.url]);
  await next.acknowledged(linesOf(0, 10).length);
});

test('run: both outputs go through unchanged and are stored, and the exit code is the command\'s', async t => {
  const here = place(t);
  const store = await collector(t, here.folder);
  const ended = await runCommand(['run', '--to', store.url, '--service', 'shop', '--port', '0', '--', 'sh', '-c', 'echo to stdout; echo to stderr >&2; printf "no newline"; exit 7'], { cwd: here.folder });
  t.deepEqual(ended, { code: 7, stdout: 'to stdout\nno newline', stderr: 'to stderr\n' });
  const { events } = await store.json<EventsAnswer>('/api/v1/events?query=service:shop');
  t.deepEqual(events.map(({ message }) => message).sort(), ['no newline', 'to stderr', 'to stdout']);
  const killed = await runCommand(['run', '--to', store.url, '--port', '0', '--', 'sh', '-c', 'kill -TERM $$'], { cwd: here.folder });
  t.is(killed.code, 143);
  said(t, await runCommand(['run', '--to', store.url, '--', 'no-such-command'], { cwd: here.folder }), 2, 'no-such-command: cannot be started (ENOENT).');
});

test('run, with its collector killed -9 in the middle and started again: the output is whole, here and in the store', async t => {
  const here = place(t);
  const store = await collector(t, here.folder);
  const { port } = new URL(store.url);
  const lines = 50_000;
  // Waits in its middle for the file that says that the collector is gone.
  const script = `const { existsSync } = require('fs'); const out = (from, to) => { for (let n = from; n < to; n++) process.stdout.write('{"msg":"line ' + n + '"}\\n'); }; out(0, ${lines / 2}); process.stderr.write('half\\n'); const timer = setInterval(() => { if (existsSync('gone')) { clearInterval(timer); out(${lines / 2}, ${lines}); } }, 20);`;
  const running = runCommand(['run', '--to', store.url, '--port', '0', '--drain-timeout-ms', '1m', '--', process.execPath, '-e', script], { cwd: here.folder });
  await eventually(() => store.json<StreamsAnswer>('/api/v1/streams'), ({ totals }) => totals.lines > 1);
  await store.kill9();
  writeFileSync(join(here.folder, 'gone'), '');
  await new Promise(resolve => setTimeout(resolve, 500));
  const again = await RunningLeadline.up([join(here.folder, 'nothing'), '--data-dir', join(here.folder, 'store')], {}, port);
  t.teardown(() => again.kill9());
  const ended = await running;
  t.is(ended.code, 0, ended.stderr);
  t.is(ended.stdout.split('\n').length - 1, lines);
  const { totals } = await again.json<StreamsAnswer>('/api/v1/streams');
  t.is(totals.lines, lines + 1);
});

test('run without a collector: the command runs and ends as if alone, and it is said that its output was not acknowledged', async t => {
  const ended = await runCommand(['run', '--to', 'http://127.0.0.1:1', '--drain-timeout-ms', '200', '--port', '0', '--', 'sh', '-c', 'echo hello; exit 5'], { cwd: testFolder(t) });
  t.is(ended.stdout, 'hello\n');
  said(t, ended, 5, 'No answer from the collector at http://127.0.0.1:1 (ECONNREFUSED).', 'the end of the output of sh was not acknowledged within 200 ms');
});

test('standard input is shipped to its end, the last line without a newline too', async t => {
  const here = place(t);
  const store = await collector(t, here.folder);
  const ended = await runCommand(['ship', '-', '--to', store.url, '--port', '0', '--service', 'piped'], { input: `${linesOf(0, 3000)}last`, cwd: here.folder });
  t.is(ended.code, 0, ended.stderr);
  t.like(JSON.parse(ended.stdout), { drained: true, lagBytes: 0 });
  const { totals } = await store.json<StreamsAnswer>('/api/v1/streams');
  t.is(totals.lines, 3001);
});
