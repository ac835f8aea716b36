import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { call } from '../../deploy/demo/call.ts';
import { commandRunningDemo, demoServices, startDemo, type DemoLog, type DemoOptions, type RunningDemo } from '../../deploy/demo/demo.ts';
import { RotatingLog } from '../../deploy/demo/rotating-log.ts';

// One demo at a time: each is nine processes.
const silent: DemoLog = { info: () => undefined, warn: () => undefined, error: () => undefined };
const main = join(import.meta.dirname, '../../deploy/demo/main.ts');

function freshDir(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'leadline-demo-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function open(t: ExecutionContext, options: Partial<DemoOptions> = {}): Promise<RunningDemo & { dir: string }> {
  const dir = options.dir ?? freshDir(t);
  const demo = await startDemo({ dir, log: silent, ratePerSecond: 40, ...options });
  t.teardown(() => demo.stop());
  return Object.assign(demo, { dir });
}

/** The demo as a process group of its own, as a terminal would start it. */
async function openProcess(t: ExecutionContext): Promise<{ parent: ChildProcess; pids: number[]; dir: string; said: () => string }> {
  const dir = freshDir(t);
  const parent = spawn(process.execPath, ['--no-warnings', main, dir, '40'], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const output of [parent.stdout, parent.stderr]) output.setEncoding('utf8').on('data', (text: string) => (said += text));
  const started = await until('the demo to start', () => /"pids":(\{[^}]*\})/.exec(said)?.[1]);
  const pids = Object.values(JSON.parse(started) as Record<string, number>);
  t.teardown(() => {
    for (const pid of [parent.pid!, ...pids].filter(isAlive)) process.kill(pid, 'SIGKILL');
  });
  return { parent, pids, dir, said: () => said };
}

/** Waits for what must come; the limit only ends a broken run. */
async function until<T>(what: string, look: () => T | undefined | false | null): Promise<T> {
  for (let tries = 0; tries < 1_200; tries++) {
    const found = look();
    if (found !== undefined && found !== false && found !== null) return found;
    await pause(25);
  }
  throw new Error(`waited in vain for ${what}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // Where process 1 does not collect orphans, an ended one stays as a zombie.
  return !existsSync(`/proc/${pid}/stat`) || !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** All log lines, by service. */
function readLogs(logsDir: string): Map<string, string[]> {
  return new Map(readdirSync(logsDir).map((service) => {
    const files = readdirSync(join(logsDir, service));
    return [service, files.flatMap((file) => readFileSync(join(logsDir, service, file), 'utf8').split('\n').slice(0, -1))];
  }));
}

/** What each format calls an error, and an answer of 500 or above. */
const errorLine = /"level":50|"level":"ERROR"| level=error | ERROR +\[|\[error\]|HTTP\/1\.1" 5\d\d /;

function errorsIn(logsDir: string): string[] {
  return [...readLogs(logsDir)].flatMap(([service, lines]) => (lines.some((line) => errorLine.test(line)) ? [service] : []));
}

function linesOf(demo: { logsDir: string }, service: string): string[] {
  return readLogs(demo.logsDir).get(service) ?? [];
}

/** The request and the trace id of a checkout whose job the worker has done. */
function findWholeCheckout(demo: RunningDemo): { requestId: string; traceId: string } | undefined {
  const traceId = /confirmation sent".* trace_id=(\w+)/.exec(linesOf(demo, 'worker').join('\n'))?.[1];
  const both = linesOf(demo, 'frontend').find((line) => traceId !== undefined && line.includes(traceId));
  return both === undefined ? undefined : { traceId: traceId!, requestId: (JSON.parse(both) as { req_id: string }).req_id };
}

function mostRequestsOfASession(demo: RunningDemo): number {
  const requestsOf = new Map<string, Set<string>>();
  for (const line of linesOf(demo, 'frontend')) {
    const { session, req_id } = JSON.parse(line) as { session: string; req_id: string };
    requestsOf.set(session, (requestsOf.get(session) ?? new Set()).add(req_id));
  }
  return Math.max(...[...requestsOf.values()].map((requests) => requests.size));
}

test.serial('a checkout is found in the logs of all eight services by its two ids, one line carries both, and a session has several requests', async (t) => {
  const demo = await open(t);
  t.deepEqual(readdirSync(demo.logsDir).sort(), [...demoServices].sort());
  const { requestId, traceId } = await until('a whole checkout', () => findWholeCheckout(demo));

  const logs = readLogs(demo.logsDir);
  const carrying = (id: string): string[] => [...logs].flatMap(([service, lines]) => (lines.some((line) => line.includes(id)) ? [service] : [])).sort();
  t.deepEqual(carrying(requestId), ['catalogue', 'edge', 'frontend', 'payment']);
  t.deepEqual(carrying(traceId), ['cart', 'checkout', 'frontend', 'shipping', 'worker']);
  t.is(logs.get('frontend')!.filter((line) => line.includes(requestId) && line.includes(traceId)).length, 1);

  await until('a session of several requests', () => mostRequestsOfASession(demo) > 2);
  t.deepEqual(errorsIn(demo.logsDir), []);
});

test.serial('a burst in payment: it alone writes errors, with stacks, its callers warn and answer 502, and it heals', async (t) => {
  const demo = await open(t, { ratePerSecond: 4, burst: { service: 'payment', atMs: 0, forMs: 5_000 } });
  await until('errors in payment', () => linesOf(demo, 'payment').filter((line) => line.includes('"level":50')).length >= 8);
  await until('an order after the burst', () => {
    const lines = linesOf(demo, 'payment');
    return lines.findLastIndex((line) => line.includes('charge captured')) > lines.findLastIndex((line) => line.includes('"level":50'));
  });
  const failed = linesOf(demo, 'payment').filter((line) => line.includes('"level":50')).map((line) => JSON.parse(line) as { err: { name: string; stack: string } });
  t.true(failed.every(({ err }) => err.name === 'AcquirerUnavailableError' && err.stack.includes('\n    at ')));
  t.true(linesOf(demo, 'checkout').some((line) => line.includes('"level":40') && line.includes('payment answered 500')));
  t.true(linesOf(demo, 'frontend').some((line) => line.includes('"level":40') && line.includes('checkout answered 502')));
  t.true(linesOf(demo, 'edge').some((line) => line.includes('"POST /checkout HTTP/1.1" 502 ')));
  t.deepEqual(errorsIn(demo.logsDir).sort(), ['edge', 'payment']);
});

test.serial('any service can be made to fail, and then writes error lines of its own', async (t) => {
  const demo = await open(t, { ratePerSecond: 0 });
  // Each of these fails before a request reaches those that were told to fail earlier.
  for (const service of ['worker', 'shipping', 'payment', 'checkout', 'cart', 'catalogue', 'frontend', 'edge']) {
    await demo.burst(service, 60_000);
    await until(`errors in ${service}`, () => linesOf(demo, service).filter((line) => errorLine.test(line)).length >= 5);
  }
  t.deepEqual(errorsIn(demo.logsDir).sort(), [...demoServices].sort());
});

test.serial('a burst asked for from elsewhere reaches the demo that runs in that folder', async (t) => {
  const demo = await open(t, { ratePerSecond: 0 });
  t.is(await commandRunningDemo(demo.dir, { service: 'shipping', atMs: 10, forMs: 60_000 }), 'commanded');
  await until('a Java stack trace', () => linesOf(demo, 'shipping').some((line) => line.startsWith('\tat com.example.')));
  t.is(await commandRunningDemo(freshDir(t), { service: 'shipping', atMs: 0, forMs: 1_000 }), 'notRunning');
});

test.serial('an unknown service is refused by naming those there are', async (t) => {
  const burst = { service: 'paymnt', atMs: 0, forMs: 1_000 };
  const named = { message: /paymnt.*edge, frontend, checkout, cart, catalogue, payment, shipping, worker/ };
  await t.throwsAsync(startDemo({ dir: freshDir(t), log: silent, burst }), named);
  await t.throwsAsync(commandRunningDemo(freshDir(t), burst), named);
});

test.serial('a burst that lasts no time at all is refused, over the wire too', async (t) => {
  const demo = await open(t, { ratePerSecond: 0 });
  await t.throwsAsync(commandRunningDemo(demo.dir, { service: 'cart', atMs: Number.NaN, forMs: 1 }), { message: /between 0 and/ });
  const { controlUrl } = JSON.parse(readFileSync(join(demo.dir, 'demo.json'), 'utf8')) as { controlUrl: string };
  const bursts = `${controlUrl}/bursts`;
  t.is((await call(bursts, { method: 'POST', body: { service: 'cart', atMs: 'soon' } })).status, 400);
  t.is((await call(bursts, { method: 'POST' })).status, 400);
  t.is((await call(bursts, { method: 'POST', body: { service: 'cart', atMs: 0, forMs: 1 }, headers: { origin: 'http://shop.example' } })).status, 403);
});

test.serial('a second demo in the same folder is refused while the first runs', async (t) => {
  const demo = await open(t, { ratePerSecond: 0 });
  await t.throwsAsync(startDemo({ dir: demo.dir, log: silent }), { message: /running here already/ });
});

test.serial('a stop in the middle of traffic leaves no process, no demo.json and no error line', async (t) => {
  const demo = await open(t, { ratePerSecond: 100 });
  const pids = Object.values(demo.pids());
  t.is(pids.length, demoServices.length);
  await until('a whole checkout', () => findWholeCheckout(demo));
  await demo.stop();
  t.deepEqual(pids.filter(isAlive), []);
  t.false(existsSync(join(demo.dir, 'demo.json')));
  t.deepEqual(errorsIn(demo.logsDir), []);
});

test.serial('a service that is killed comes back under another pid and the shop works again', async (t) => {
  const warned: string[] = [];
  const demo = await open(t, { log: { ...silent, warn: (fields) => warned.push(JSON.stringify(fields)) } });
  const before = demo.pids().cart!;
  process.kill(before, 'SIGKILL');
  await until('another cart', () => (demo.pids().cart ?? before) !== before);
  await until('an order with the new cart', () => {
    const pid = String(demo.pids().cart);
    return linesOf(demo, 'cart').some((line) => line.includes(`"pid":${pid},`) && line.includes('cart cleared'));
  });
  t.deepEqual(warned, ['{"event":"demoServiceEnded","service":"cart","code":null,"signal":"SIGKILL"}']);
});

test.serial('kill -9 of the parent: every service ends by itself, and the folder is free for another demo', async (t) => {
  const { parent, pids, dir } = await openProcess(t);
  t.is(pids.filter(isAlive).length, demoServices.length);
  parent.kill('SIGKILL');
  await until('the services to end', () => !pids.some(isAlive));
  t.true(existsSync(join(dir, 'demo.json')));
  t.is(await commandRunningDemo(dir, { service: 'cart', atMs: 0, forMs: 1_000 }), 'notRunning');
  await open(t, { dir, ratePerSecond: 0 });
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test.serial(`${signal} to the whole process group ends everything without a complaint`, async (t) => {
    const { parent, pids, dir, said } = await openProcess(t);
    const whole = await until('traffic', () => existsSync(join(dir, 'logs/worker')) && readFileSync(join(dir, 'logs/worker/worker.log'), 'utf8') !== '');
    t.true(whole);
    const exited = new Promise((resolve) => parent.once('exit', resolve));
    process.kill(-parent.pid!, signal);
    await exited;
    await until('the services to end', () => !pids.some(isAlive));
    t.notRegex(said(), /"level":50|"level":40/);
    t.deepEqual(errorsIn(join(dir, 'logs')), []);
  });
}

test.serial('a log that is full is renamed, and the one renamed before it is gone', (t) => {
  const path = join(freshDir(t), 'cart/cart.log');
  const log = new RotatingLog(path, 1_000);
  for (let n = 0; n < 50; n++) log.write(`${String(n).padStart(98, '0')}\n`);
  t.deepEqual(readdirSync(join(path, '..')).sort(), ['cart.log', 'cart.log.1']);
  t.true(statSync(path).size <= 1_000 && statSync(`${path}.1`).size <= 1_000);
  const kept = (readFileSync(`${path}.1`, 'utf8') + readFileSync(path, 'utf8')).split('\n').slice(0, -1).map(Number);
  t.deepEqual(kept, Array.from({ length: kept.length }, (_, index) => 50 - kept.length + index));
  t.true(kept.length > 10);
});

test.serial('a log is continued after a restart and counts what is there', (t) => {
  const path = join(freshDir(t), 'cart/cart.log');
  new RotatingLog(path, 100).write(`${'a'.repeat(70)}\n`);
  const log = new RotatingLog(path, 100);
  log.write('short\n');
  t.is(statSync(path).size, 77);
  log.write(`${'b'.repeat(70)}\n`);
  t.is(readFileSync(`${path}.1`, 'utf8'), `${'a'.repeat(70)}\nshort\n`);
});
