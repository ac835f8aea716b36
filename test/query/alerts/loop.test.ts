import test, { type ExecutionContext } from 'ava';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Rule } from '#schemas/alert.ts';
import type { AlertBody } from '#schemas/http-api.ts';
import { systemClock, type Clock } from '#lib/clock.ts';
import { quietLog } from '#lib/log.ts';
import { AlertStore, readEpisodes } from '../../../query/alerts/alert-store.ts';
import { AlertLoop, type AlertLoopOptions } from '../../../query/alerts/loop.ts';
import { startReceiver, type Receiver } from './receiver.ts';
import { nsPerMs, signal, SignalSource, stream } from './signal-source.ts';

const errors: Rule = { name: 'errors', type: 'threshold', query: 'level>=error', by: ['service'], count: 5, windowMs: 10_000, notify: [] };
const nowMs = Date.UTC(2026, 10, 21, 8, 0);
const burst = (startMs: number): number[] => [0, 1, 2, 3, 4].map(second => startMs + second * 1000);

/** Wall time stands still until it is moved; waiting is real. */
class SteppedClock implements Clock {
  ms = nowMs;
  nowMs(): number {
    return this.ms;
  }
  sleep(ms: number, stopped?: AbortSignal): Promise<void> {
    return systemClock.sleep(Math.min(ms, 20), stopped);
  }
}

interface Setting {
  source: SignalSource;
  receiver: Receiver;
  clock: SteppedClock;
  path: string;
  loop: (given?: Partial<AlertLoopOptions>) => AlertLoop;
  /** Resolves with the alert when one is as asked. */
  changed: (loop: AlertLoop, wanted: (alert: AlertBody) => boolean) => Promise<AlertBody>;
}

async function setUp(t: ExecutionContext): Promise<Setting> {
  const folder = mkdtempSync(join(tmpdir(), 'leadline-alerts-'));
  const receiver = await startReceiver();
  const source = new SignalSource();
  const clock = new SteppedClock();
  const path = join(folder, 'alerts.db');
  const loops = new Set<AlertLoop>();
  t.teardown(async () => {
    for (const loop of loops) await loop.stop().catch(() => undefined);
    await receiver.close();
    rmSync(folder, { recursive: true });
  });
  const targets = [{ name: 'ops', type: 'webhook' as const, url: receiver.url, headers: { 'x-team': 'payments' } }];
  return {
    source, receiver, clock, path,
    loop: given => {
      const loop = new AlertLoop({ reader: source, alertsDbPath: path, config: { rules: [errors], targets }, publicUrl: 'http://127.0.0.1:4680/', log: quietLog, clock, ...given });
      loops.add(loop);
      return loop;
    },
    changed: (loop, wanted) => new Promise(resolve => {
      loop.onChange = alert => {
        if (wanted(alert)) resolve(alert);
      };
    }),
  };
}

test('a burst opens an episode and tells it with its top error, services and sample requests', async t => {
  const { source, receiver, loop: newLoop } = await setUp(t);
  source.streamList = [stream('a', nowMs - 1000, null)];
  const loop = newLoop();
  loop.start();
  source.signals.push(signal(burst(nowMs - 5000).slice(0, 3)), signal(burst(nowMs - 5000).slice(3)));
  loop.wake();
  await receiver.until(1);
  const { body, idempotencyKey, headers } = receiver.received[0]!;
  t.is(idempotencyKey, `${body.episodeId}:${body.revision}`);
  t.is(headers['x-team'], 'payments');
  t.like(body, {
    state: 'firing', kind: 'open', rule: 'errors', key: { service: 'payment' }, count: 5, peak: 5, windowMs: 10_000, threshold: 5, told: true, services: ['payment'],
    topError: { message: 'card 4711 declined', exceptionType: 'CardError', count: 5 },
    firstAt: '2026-11-21T07:59:55.000000000Z', openedAt: '2026-11-21T07:59:59.000000000Z', lastAt: '2026-11-21T07:59:59.000000000Z', resolvedAt: null,
    url: `http://127.0.0.1:4680/alerts/${body.episodeId}`,
  });
  t.deepEqual(body.requests, [{ id: 'fe3974115b911675d0640788986f80c9', url: 'http://127.0.0.1:4680/timeline/fe3974115b911675d0640788986f80c9' }]);
  t.regex(body.text, /^FIRING: errors for service payment: 5 events .*card 4711 declined.*timeline\/fe39/);
  t.is(loop.list().length, 1);
  t.is(loop.get(body.episodeId)?.state, 'firing');
  t.is(loop.get('none'), null);
});

test('a service that fell silent resolves once its stream is read to its end past the window', async t => {
  const { source, receiver, clock, loop: newLoop, changed } = await setUp(t);
  const startMs = nowMs - 5000;
  source.signals.push(signal(burst(startMs)));
  source.streamList = [stream('a', startMs + 4000, nowMs)];
  const loop = newLoop();
  loop.start();
  await receiver.until(1);
  clock.ms += 3600_000;
  loop.wake();
  await new Promise(resolve => setTimeout(resolve, 60));
  t.is(loop.list()[0]!.state, 'firing', 'wall time alone resolves nothing');
  const resolved = changed(loop, ({ state }) => state === 'resolved');
  source.streamList = [stream('a', startMs + 4000, nowMs + 10_001)];
  loop.wake();
  t.is((await resolved).resolvedAt, '2026-11-21T08:00:09.000000000Z');
  await receiver.until(2);
  t.like(receiver.received[1]!.body, { state: 'resolved', kind: 'resolve', count: 5 });
  t.not(receiver.received[1]!.idempotencyKey, receiver.received[0]!.idempotencyKey);
});

test('a stream that lags holds an episode open until it has come past the window too', async t => {
  const { source, receiver, loop: newLoop, changed } = await setUp(t);
  const startMs = nowMs - 60_000;
  source.signals.push(signal(burst(startMs)), signal([startMs + 500], { streamId: 'b' }));
  source.streamList = [stream('a', nowMs, null), stream('b', startMs + 6000, null)];
  const loop = newLoop();
  const grown = changed(loop, ({ count }) => count === 6);
  loop.start();
  await grown;
  const late = changed(loop, ({ count }) => count === 7);
  source.signals.push(signal([startMs + 7000], { streamId: 'b' }));
  loop.wake();
  await late;
  const resolved = changed(loop, ({ state }) => state === 'resolved');
  source.streamList = [stream('a', nowMs, null), stream('b', startMs + 17_001, null)];
  loop.wake();
  await resolved;
  await receiver.until(2);
  t.deepEqual(receiver.received.map(({ body }) => body.kind), ['open', 'resolve']);
  t.is(loop.list().length, 1);
});

test('a late event extends a resolved episode: it fires again under the same id', async t => {
  const { source, receiver, loop: newLoop } = await setUp(t);
  const startMs = nowMs - 60_000;
  source.signals.push(signal(burst(startMs)), signal([startMs + 13_500], { watermarkNs: BigInt(startMs + 13_500) * nsPerMs }));
  const loop = newLoop();
  loop.start();
  await receiver.until(2);
  source.streamList = [stream('a', startMs + 13_500, null)];
  source.signals.push(signal([startMs + 4500, startMs + 5000, startMs + 6000, startMs + 7000]));
  loop.wake();
  await receiver.until(3);
  t.deepEqual(receiver.received.map(({ body }) => body.kind), ['open', 'resolve', 'open']);
  t.is(new Set(receiver.received.map(({ body }) => body.episodeId)).size, 1);
  t.is(new Set(receiver.received.map(({ idempotencyKey }) => idempotencyKey)).size, 3);
});

test('killed between keeping and sending: the same message goes out once more under the same key, and there is one episode', async t => {
  const { receiver, path } = await setUp(t);
  receiver.answer = () => null;
  const run = () => fork(new URL('loop-child.ts', import.meta.url), [path, receiver.url, String(Date.now() - 5000)], { execArgv: ['--no-warnings'] });
  const first = run();
  await receiver.until(1);
  first.kill('SIGKILL');
  await once(first, 'exit');
  receiver.answer = () => 200;
  const second = run();
  t.teardown(() => second.kill('SIGKILL'));
  await receiver.until(2);
  t.is(receiver.received[0]!.idempotencyKey, receiver.received[1]!.idempotencyKey);
  t.deepEqual(receiver.received[0]!.body, receiver.received[1]!.body);
  t.is(readEpisodes(path, 10).length, 1);
});

test('what happened while it was down is found after a start, and what was known goes on', async t => {
  const { source, receiver, loop: newLoop } = await setUp(t);
  const times = burst(nowMs - 5000);
  source.signals.push(signal(times.slice(0, 3)));
  const before = newLoop();
  before.start();
  await new Promise(resolve => setTimeout(resolve, 60));
  await before.stop();
  source.signals.push(signal(times.slice(3)));
  newLoop().start();
  await receiver.until(1);
  t.like(receiver.received[0]!.body, { count: 5, firstAt: '2026-11-21T07:59:55.000000000Z' });
});

test('old files alert nobody and are recorded; a later event within the hour tells the episode', async t => {
  const { source, receiver, clock, loop: newLoop, changed } = await setUp(t);
  const oldMs = nowMs - 2 * 3600_000;
  source.signals.push(signal(burst(Date.UTC(2005, 11, 4)), { key: ['httpd'], streamId: 'old' }), signal(burst(oldMs)));
  source.streamList = [stream('old', Date.UTC(2005, 11, 4), nowMs), stream('a', oldMs + 4000, null)];
  const loop = newLoop();
  const resolved = changed(loop, ({ key, state }) => key['service'] === 'httpd' && state === 'resolved');
  loop.start();
  t.false((await resolved).told);
  t.deepEqual(loop.list().map(({ told, state }) => [told, state]), [[false, 'firing'], [false, 'resolved']]);
  clock.ms = oldMs + 60_000;
  source.signals.push(signal([oldMs + 5000]));
  loop.wake();
  await receiver.until(1);
  t.like(receiver.received[0]!.body, { kind: 'open', told: true, count: 6 });
});

test('lines read by ingest tell nobody, however recent', async t => {
  const { source, receiver, loop: newLoop, changed } = await setUp(t);
  source.signals.push(signal(burst(nowMs - 5000), { silent: true }));
  source.streamList = [stream('a', nowMs - 1000, null)];
  const loop = newLoop();
  const opened = changed(loop, ({ state }) => state === 'firing');
  loop.start();
  t.false((await opened).told);
  source.streamList = [];
  const resolved = changed(loop, ({ state }) => state === 'resolved');
  loop.wake();
  t.false((await resolved).told);
  t.deepEqual(receiver.received, []);
});

test('a target that fails is tried again under the same key, and messages keep their order', async t => {
  const { source, receiver, loop: newLoop } = await setUp(t);
  let refusals = 3;
  receiver.answer = () => (refusals-- > 0 ? 503 : 200);
  source.signals.push(signal(burst(nowMs - 5000)), signal(burst(nowMs - 5000), { key: ['cart'] }));
  source.streamList = [stream('a', nowMs - 1000, null)];
  newLoop({ chance: () => 0 }).start();
  await receiver.until(5);
  const [first, second, third, fourth, fifth] = receiver.received.map(({ idempotencyKey }) => idempotencyKey);
  t.deepEqual([second, third, fourth], [first, first, first]);
  t.not(fifth, first);
});

test('a target that refuses is given up and the next message goes out', async t => {
  const { source, receiver, path, loop: newLoop } = await setUp(t);
  receiver.answer = ({ body }) => (body.key['service'] === 'payment' ? 404 : 200);
  source.signals.push(signal(burst(nowMs - 5000)), signal(burst(nowMs - 5000), { key: ['cart'] }));
  source.streamList = [stream('a', nowMs - 1000, null)];
  const given: string[] = [];
  const loop = newLoop({ log: { ...quietLog, error: fields => given.push((fields as { event: string }).event) } });
  loop.start();
  await receiver.until(2);
  await loop.stop();
  t.deepEqual(given, ['alertMessageGivenUp']);
  t.is(receiver.received.length, 2);
  const store = new AlertStore(path);
  t.is(store.countMessages('givenUp'), 1);
  store.close();
});

test('signals that come twice, or again from a new store, count once', async t => {
  const { source, receiver, loop: newLoop } = await setUp(t);
  const times = burst(nowMs - 5000);
  source.signals.push(signal(times.slice(0, 3), { signalId: 'same' }), signal(times.slice(0, 3), { signalId: 'same' }));
  const loop = newLoop();
  loop.start();
  await new Promise(resolve => setTimeout(resolve, 60));
  t.deepEqual(loop.list(), []);
  source.storeName = 'another';
  source.signals.push(signal(times.slice(3)));
  loop.wake();
  await receiver.until(1);
  t.is(loop.list()[0]!.count, 5);
});

test('an episode whose rule was taken away ends, and whoever was told of it is told so', async t => {
  const { source, receiver, loop: newLoop } = await setUp(t);
  source.signals.push(signal(burst(nowMs - 5000)));
  source.streamList = [stream('a', nowMs - 1000, null)];
  const before = newLoop();
  before.start();
  await receiver.until(1);
  await before.stop();
  const loop = newLoop({ config: { rules: [], targets: [{ name: 'ops', type: 'webhook', url: receiver.url, headers: {} }] } });
  loop.start();
  await receiver.until(2);
  t.is(receiver.received[1]!.body.kind, 'resolve');
  t.is(loop.list()[0]!.state, 'resolved');
});
