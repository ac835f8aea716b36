import test, { type ExecutionContext } from 'ava';
import type { LogEvent } from '#schemas/event.ts';
import { binomialTail } from '../../../query/timeline/inherit/binomial.ts';
import { timelineOf } from '../../../query/timeline/timeline.ts';
import { tagOf, wordingOf } from '../../../query/timeline/inherit/window-line.ts';
import { contentKeysOf } from '../../../query/timeline/inherit/content-keys.ts';
import { anyContext, madeEvent, noon } from '../../contract/made-up.ts';
import { MemoryReader, MemoryStore } from '../../helpers/memory-store.ts';
import { idsOf, limits } from './lines.ts';

/** `service ms ids | message`, in the order of time; a service is a stream of its own. */
function logOf(...lines: string[]): MemoryReader {
  const store = new MemoryStore();
  const ends = new Map<string, number>();
  const events = lines.map((line): LogEvent => {
    const [head, message] = [line.slice(0, line.indexOf('|')).trim(), line.slice(line.indexOf('|') + 1).trimEnd().replace(/^ /, '')];
    const [service, ms, ...ids] = head.split(/ +/);
    const from = ends.get(service!) ?? 0;
    ends.set(service!, from + 10);
    const named = idsOf(ids.join(' '));
    const linking = named.find(({ kind }) => kind !== 'session');
    return madeEvent(service!, from, from + 10, { service: service!, source: service!, timeNs: noon + BigInt(Math.round(Number(ms) * 1e6)), ids: named, requestId: linking?.value ?? null, message, template: message.replace(/\S*\d\S*/g, '<*>'), level: message.startsWith(' ') ? null : 'info' });
  });
  store.append({ events, states: [] }, [], []);
  return new MemoryReader(store);
}

interface Given {
  /** `service message: kind`, in order. */
  lines: string[];
  because: string[];
}

async function given(reader: MemoryReader, asked: string, over: Partial<typeof limits> = {}): Promise<Given> {
  const timeline = await timelineOf(reader, asked, { ...limits, ...over }, anyContext);
  const inferred = timeline.events.filter(event => event.evidence !== undefined);
  for (const event of inferred) if (event.requestId !== timeline.id || event.requestIdSource !== 'inherited' || event.confidence === null || event.confidence >= 1 || event.confidence < 0.9) throw new Error(`not marked: ${JSON.stringify(event)}`);
  return { lines: inferred.map(event => `${event.service ?? ''} ${event.message}: ${event.evidence!.kind}`), because: inferred.map(event => event.evidence!.because) };
}

async function has(t: ExecutionContext, reader: MemoryReader, asked: string, lines: string[]): Promise<void> {
  t.deepEqual((await given(reader, asked)).lines, lines, asked);
}

const t1 = '4bf92f3577b34da6a3ce929d0e0e4731';
const t2 = '4bf92f3577b34da6a3ce929d0e0e4732';
const t3 = '4bf92f3577b34da6a3ce929d0e0e4733';

test("a worker's line between two lines of a request is the request's, though others are at work beside it", async t => {
  const log = logOf(
    `ship 0 T:${t1} | [http-1] requested`, `ship 1 T:${t2} | [http-2] requested`, 'ship 2 | [http-1] carrier is gull', 'ship 3 | [http-2] carrier is north', `ship 4 T:${t1} | [http-1] booked`, `ship 5 T:${t2} | [http-2] booked`,
  );
  await has(t, log, t1, ['ship [http-1] carrier is gull: worker']);
  await has(t, log, t2, ['ship [http-2] carrier is north: worker']);
  t.regex((await given(log, t1)).because[0]!, /http-1's, between two lines of this request/);
});

test('workers that take turns with many requests prove nothing', async t => {
  const lines = ['1', '2', '1', '2', '1', '2', '1', '1', '2'].map((n, at) => `ship ${at} T:${n === '1' ? t1 : t2} | [loop-1] step`);
  await has(t, logOf(...lines.slice(0, 7), 'ship 6.5 | [loop-1] no id', ...lines.slice(7)), t1, []);
});

test("beyond a request's last line a worker goes on with it only as far as such messages followed each other before", async t => {
  const id = (n: number): string => `4bf92f3577b34da6a3ce929d0e0e${String(4000 + n)}`;
  const earlier = Array.from({ length: 20 }, (_, n) => [`ship ${n * 100} T:${id(n)} | [http-1] requested`, `ship ${n * 100 + 1} | [http-1] carrier is gull`, `ship ${n * 100 + 2} T:${id(n)} | [http-1] booked`]).flat();
  const log = logOf(...earlier, `ship 2000 T:${t1} | [http-1] requested`, 'ship 2001 | [http-1] carrier is gull', 'ship 2002 | [http-1] booked', 'ship 2003 | [http-1] requested', `ship 2004 T:${t2} | [http-1] booked`);
  await has(t, log, t1, ['ship [http-1] carrier is gull: worker', 'ship [http-1] booked: worker']);
});

test('a line that goes on with the one above it is of the same request', async t => {
  const log = logOf(`pay 0 T:${t1} | charge failed`, 'pay 0.1 |     at charge (/src/pay.js:10)', `pay 0.2 T:${t2} | charge captured`, 'pay 0.3 | a line of its own');
  await has(t, log, t1, ['pay     at charge (/src/pay.js:10): continuation']);
  await has(t, log, t2, []);
});

test('where one request is at work a line between its lines is its own; where another may have written it, it is nobody\'s', async t => {
  await has(t, logOf(`cart 0 T:${t1} | begins`, 'cart 1 | reads', `cart 2 T:${t1} | ends`), t1, ['cart reads: onlyOpen']);
  await has(t, logOf(`front 0 T:${t2} | begins`, `cart 0 T:${t1} | begins`, 'cart 1 | reads', `cart 2 T:${t1} | ends`, `front 3 T:${t2} | ends`), t1, []);
});

test('a message that is also found where no request is at work is none of a request', async t => {
  const log = logOf('cart 0 | cache refreshed', `cart 100 T:${t1} | begins`, 'cart 101 | cache refreshed', `cart 102 T:${t1} | ends`, 'cart 200 | cache refreshed');
  await has(t, log, t1, []);
});

test('in a container that is busy most of the time a message without an id must be seen among requests more than once', async t => {
  const id = (n: number): string => `4bf92f3577b34da6a3ce929d0e0e${String(4000 + n)}`;
  const busy = (withIds: number): string[] => Array.from({ length: 40 }, (_, n) => [`cart ${n * 1000} T:${id(n)} | begins`, ...(n < withIds ? [`cart ${n * 1000 + 400} | reads`] : []), `cart ${n * 1000 + 900} T:${id(n)} | ends`]).flat();
  await has(t, logOf(...busy(1)), id(0), []);
  await has(t, logOf(...busy(30)), id(0), ['cart reads: onlyOpen']);
});

test('a service that logs no id is found by an order that only one request names, and by its own ids from there', async t => {
  const order = '7d21d9e0-0250-4e06-a5cd-027c1a89afdd';
  const other = '0c69d083-c3d9-43a5-a527-aada62680cf7';
  const job = 'fdbe705a-3205-4d69-9009-0d5025516fd2';
  const log = logOf(
    `shop 0 T:${t1} | order ${order} received`, `shop 1 T:${t2} | order ${other} received`, `mail 5 | job ${job} sends for order ${order}`, `mail 9 | job ${job} is done`, 'mail 10 | nothing to do', `shop 20 T:${t1} | order ${order} placed`, `shop 21 T:${t2} | order ${other} placed`,
  );
  await has(t, log, t1, [`mail job ${job} sends for order ${order}: content`, `mail job ${job} is done: content`]);
  t.true((await given(log, t1)).because[0]!.includes(`"${order}" stands in lines of this request`));
  await has(t, log, t2, []);
});

test('a value of two requests gives its lines to neither', async t => {
  const order = '7d21d9e0-0250-4e06-a5cd-027c1a89afdd';
  const log = logOf(`shop 0 T:${t1} | order ${order} received`, `shop 1 T:${t2} | order ${order} received`, `mail 5 | order ${order} told`, `shop 9 T:${t1} | done`, `shop 9 T:${t2} | done`);
  await has(t, log, t1, []);
  await has(t, log, t2, []);
});

test("a session's line is of the request that is at work, and of none while none is", async t => {
  const session = '70137266-65c5-4421-b26e-9e03d6547cca';
  const log = logOf(
    `shop 0 T:${t1} U:${session} | begins for ${session}`, `cart 5 U:${session} | cart of ${session}`, `shop 10 T:${t1} U:${session} | ends for ${session}`, `cart 15 U:${session} | cart of ${session}`,
    `shop 20 T:${t2} U:${session} | begins for ${session}`, `cart 25 U:${session} | cart of ${session}`, `shop 30 T:${t2} U:${session} | ends for ${session}`,
  );
  for (const id of [t1, t2]) t.deepEqual((await given(log, id)).lines, [`cart cart of ${session}: content`], id);
});

test('the halves of a request, known by a trace here and by a request id there, both get the line that names its order', async t => {
  const order = '7d21d9e0-0250-4e06-a5cd-027c1a89afdd';
  const log = logOf(`shop 0 T:${t1} | order ${order} received`, `pay 2 R:req-1234 | charge for ${order}`, `mail 5 | order ${order} told`, `shop 9 T:${t1} | order ${order} placed`);
  await has(t, log, t1, [`mail order ${order} told: content`]);
  await has(t, log, 'req-1234', [`mail order ${order} told: content`]);
  const timeline = await timelineOf(log, t1, limits, anyContext);
  t.deepEqual([timeline.ids.length, timeline.events.length], [1, 3]);
});

test('a proof that comes later joins earlier lines by itself', async t => {
  const lines = [`ship 0 T:${t1} | [http-1] requested`, 'ship 1 | [http-1] carrier is gull'];
  await has(t, logOf(...lines), t1, []);
  await has(t, logOf(...lines, `ship 2 T:${t1} | [http-1] booked`), t1, ['ship [http-1] carrier is gull: worker']);
});

test('switched off, a timeline has what carries an id only; a budget used up leaves the rest out and says so', async t => {
  const log = logOf(`cart 0 T:${t1} | begins`, 'cart 1 | reads', `cart 2 T:${t1} | ends`);
  const off = await timelineOf(log, t1, limits, anyContext, false);
  t.deepEqual([off.events.length, off.inference], [2, null]);
  const on = await timelineOf(log, t1, limits, anyContext);
  t.deepEqual([on.events.length, on.inference?.lines, on.inference?.events, on.inference?.cutBecause], [3, 1, 3, null]);
  const cut = await timelineOf(log, t1, { ...limits, inferenceEventsMax: 2 }, anyContext);
  t.deepEqual([cut.events.length, cut.inference?.lines], [2, 0]);
  t.regex(cut.inference!.cutBecause!, /more than 2 lines/);
});

test('a line with an id that we made may be a request\'s by evidence, and keeps its own timeline', async t => {
  const order = '7d21d9e0-0250-4e06-a5cd-027c1a89afdd';
  const store = new MemoryStore();
  const line = (at: number, service: string, message: string, given: Partial<LogEvent>): LogEvent => madeEvent(service, at * 10, at * 10 + 10, { source: service, service, timeNs: noon + BigInt(at) * 1_000_000n, message, ...given });
  const own = { requestId: t1, ids: idsOf(`T:${t1}`) };
  store.append({
    events: [line(0, 'shop', `order ${order} received`, own), line(2, 'edge', `GET /orders/${order}`, { requestIdSource: 'generated' }), line(4, 'shop', `order ${order} placed`, own)], states: [],
  }, [], []);
  const reader = new MemoryReader(store);
  await has(t, reader, t1, [`edge GET /orders/${order}: content`]);
  const alone = await timelineOf(reader, 'gen-edge-20', limits, anyContext);
  t.deepEqual(alone.events.map(({ message, requestIdSource }) => [message, requestIdSource]), [[`GET /orders/${order}`, 'generated']]);
});

test('lines of other requests and far away are never given away', async t => {
  const log = logOf(`cart 0 T:${t1} | begins`, `cart 1 T:${t2} | reads`, 'cart 50000 | late', `cart 2 T:${t1} | ends`, `cart 100000 T:${t3} | begins`);
  for (const id of [t1, t2, t3]) await has(t, log, id, []);
});

/** So many lines of other requests, each of one of its own, evenly over some time. */
const busy = (service: string, count: number, fromMs: number, toMs: number): string[] => Array.from({ length: count }, (_, n) => `${service} ${fromMs + ((toMs - fromMs) * n) / count} T:5bf92f3577b34da6a3ce929d0e${String(fromMs + n).padStart(6, '0')} | [${service}-${n % 50}] steps on`);

test('however many lines lie between, a line that names an order is found, and so is another request that names it', async t => {
  const order = '7d21d9e0-0250-4e06-a5cd-027c1a89afdd';
  const lines = [`shop 0 T:${t1} | order ${order} received`, ...busy('front', 4000, 1, 5000), `mail 6000 | order ${order} told`];
  await has(t, logOf(...lines), t1, [`mail order ${order} told: content`]);
  const other = logOf(`shop 0 T:${t1} | order ${order} received`, ...busy('front', 4000, 1, 5000), `shop 5500 T:${t2} | order ${order} received`, `mail 6000 | order ${order} told`);
  await has(t, other, t1, []);
  await has(t, other, t2, []);
});

test('what a far line names besides is looked up too: two that claim it get nothing', async t => {
  const [order, card] = ['7d21d9e0-0250-4e06-a5cd-027c1a89afdd', '0c69d083-c3d9-43a5-a527-aada62680cf7'];
  const log = logOf(`shop 0 T:${t1} | order ${order} received`, ...busy('front', 4000, 1, 5000), `pay 5400 T:${t2} | card ${card}`, `mail 6000 | order ${order} paid by ${card}`);
  await has(t, log, t1, []);
});

test('however many lines lie between, the lines of a worker are found, and those that say that it did something else meanwhile', async t => {
  const lines = (...more: string[]): string[] => [`ship 0 T:${t1} | [http-1] requested`, ...busy('ship', 2000, 1, 3000), ...more, 'ship 3000 | [http-1] carrier is gull', ...busy('ship', 2000, 3001, 6000), `ship 6000 T:${t1} | [http-1] booked`];
  await has(t, logOf(...lines()), t1, ['ship [http-1] carrier is gull: worker']);
  await has(t, logOf(...lines(`ship 2999 T:${t2} | [http-1] requested`)), t1, []);
});

const requestOf = (n: number): string => `6bf92f3577b34da6a3ce929d0e0e${String(4000 + n)}`;
/** Requests one after the other, 100 ms each and 50 ms apart, with what a service without ids writes meanwhile. */
const shop = (count: number, without: (n: number, at: number) => string[]): string[] =>
  Array.from({ length: count }, (_, n) => [`front ${n * 150} T:${requestOf(n)} | begins`, `pay ${n * 150 + 60} T:${requestOf(n)} | charges`, ...without(n, n * 150), `front ${n * 150 + 100} T:${requestOf(n)} | ends`]).flat();

test('a service that names no id is found by its place in the story of requests like it', async t => {
  const log = logOf(...shop(14, (n, at) => [`cart ${at + 20} | reads ${n} items`]));
  await has(t, log, requestOf(3), ['cart reads 3 items: onlyOpen']);
  t.deepEqual((await given(log, requestOf(3))).because, ['13 of 13 other requests like this one have one such line between "begins" and "charges", and no other request that was at work has a place for it']);
  await has(t, logOf(...shop(11, (n, at) => [`cart ${at + 20} | reads ${n} items`])), requestOf(3), []);
});

test('what is not in nearly all requests like one, or not as often in it, is not given', async t => {
  await has(t, logOf(...shop(40, (n, at) => (n % 5 === 0 ? [] : [`cart ${at + 20} | reads ${n} items`]))), requestOf(3), []);
  await has(t, logOf(...shop(40, (n, at) => [`cart ${at + 20} | reads ${n} items`, ...(n === 3 ? [`cart ${at + 25} | reads 99 items`] : [])])), requestOf(3), []);
});

test('the line of a queue that another request left there is not given to the one that is at work', async t => {
  // One job after each third request, done while a later one is at work, not always the same.
  const log = logOf(...shop(60, (n, at) => (n % 3 === 0 ? [`queue ${at + 20 + 150 * ((n / 3) % 2)} | does job ${n}`] : [])));
  for (const n of [0, 1, 3, 4]) await has(t, log, requestOf(n), []);
});

test('a heartbeat as long apart as a step takes is found in each request, and is none\'s', async t => {
  const beats = Array.from({ length: 240 }, (_, n) => `watch ${n * 10 + 3} | beat ${n}`);
  const log = logOf(...shop(16, (_, at) => [`front ${at + 70} T:${requestOf(at / 150)} | renders`]), ...beats);
  await has(t, log, requestOf(3), []);
});

test('of two requests at work that both have a place for a line neither is given it', async t => {
  const log = logOf(...shop(14, (n, at) => [`cart ${at + 20} | reads ${n} items`]), `front 460 T:${t1} | begins`, `pay 500 T:${t1} | charges`, `front 520 T:${t1} | ends`);
  // The second has none in its place, but the first one's line would do.
  await has(t, log, requestOf(3), []);
  await has(t, log, t1, []);
  await has(t, log, requestOf(4), ['cart reads 4 items: onlyOpen']);
});

for (const [trials, chance, successes, expected] of [[10, 0.5, 0, 1], [10, 0.5, 10, 0.0009765625], [10, 0.5, 6, 0.376953125], [4, 0.25, 1, 0.68359375], [5, 1, 5, 1], [5, 0, 1, 0]] as const) {
  test(`at least ${successes} of ${trials} at ${chance}`, t => {
    t.true(Math.abs(binomialTail(trials, chance, successes) - expected) < 1e-12);
  });
}

test('a chance too small for a number is none', t => {
  t.is(binomialTail(5000, 0.001, 4000), 0);
  t.true(Math.abs(binomialTail(5000, 0.5, 2500) - 0.5) < 0.01);
});

for (const [message, fields, tag] of [
  ['[http-nio-8080-exec-3] c.e.Cart - x', {}, 'http-nio-8080-exec-3'], ['x', { thread: 'pool-1-thread-2' }, 'pool-1-thread-2'], ['x', { 'process.thread.name': 'worker-7' }, 'worker-7'], ['31#31: *1234 connect() failed', {}, '1234'], ['x', { tid: 17 }, '17'],
  ['[main] started', {}, null], ['x', { thread: 'main' }, null], ['x', { thread: 'reactor-http-nio-2' }, null], ['x', { pid: 17 }, null], ['[4bf92f3577b34da6a3ce929d0e0e4736] x', {}, null], ['no tag', {}, null],
] as const) {
  test(`who wrote a line: ${message} ${JSON.stringify(fields)} -> ${tag ?? 'nobody in particular'}`, t => {
    t.is(tagOf(madeEvent('a', 0, 10, { message, fields })), tag);
  });
}

test('a line that lost its id has the wording it had with it, and so has its template', t => {
  const wording = wordingOf('TraceID:  Request took 9 ms');
  for (const text of ['TraceID: 4bf92f3577b34da6a3ce929d0e0e4736 Request took 17 ms', 'TraceID: <*> Request took <*> ms', 'TraceID:  Request took <*> ms']) t.is(wordingOf(text), wording);
});

test('values that may tell requests apart, and those that never do', t => {
  const of = (message: string): string[] => contentKeysOf(madeEvent('a', 0, 10, { message }), 1_795_262_400_000).map(({ text, shape }) => `${text} ${shape}`);
  t.deepEqual(of('order 7d21d9e0-0250-4e06-a5cd-027c1a89afdd of ann@shop.example, 448.668730650 EUR'), ['7d21d9e0-0250-4e06-a5cd-027c1a89afdd uuid', 'ann@shop.example mail', '448.668730650 long']);
  t.deepEqual(of('at 2026-11-21T12:00:00 epoch 1795262400123 msec=1795262400.123 took 17 ms v1.2.3 and 12'), []);
  t.deepEqual(of('GET /orders/812345'), ['812345 number6', 'orders/812345 path2']);
});

test('what was written to the other output, or behind bytes that are not there, goes on with nothing', async t => {
  const storeOfTwo = (given: Partial<LogEvent>, from: number): MemoryReader => {
    const store = new MemoryStore();
    const lane = { service: 'pay', source: 'pay' };
    store.append({ events: [madeEvent('pay', 0, 10, { ...lane, output: 'stdout', ids: idsOf(`T:${t1}`), message: 'charge failed' }), madeEvent('pay', from, from + 10, { ...lane, level: null, message: '    at charge (/src/pay.js:10)', ...given })], states: [] }, [], []);
    return new MemoryReader(store);
  };
  await has(t, storeOfTwo({ output: 'stdout' }, 10), t1, ['pay     at charge (/src/pay.js:10): continuation']);
  await has(t, storeOfTwo({ output: 'stderr' }, 10), t1, []);
  await has(t, storeOfTwo({ output: 'stdout' }, 30), t1, []);
});

test('what is less sure than was asked for is left out, whatever it is known by', async t => {
  const log = logOf(`pay 0 T:${t1} | charge failed`, 'pay 0.1 |     at charge (/src/pay.js:10)');
  t.is((await given(log, t1, { inferenceConfidenceMin: 97 })).lines.length, 1);
  t.is((await given(log, t1, { inferenceConfidenceMin: 98 })).lines.length, 0);
});

test('a line that its neighbours on both sides have a right to, each as often as can be, is given to neither', async t => {
  const id = (n: number): string => `4bf92f3577b34da6a3ce929d0e0e${String(4000 + n)}`;
  const earlier = Array.from({ length: 30 }, (_, n) => [`cart ${n * 1000} T:${id(2 * n)} | begins`, `cart ${n * 1000 + 1} T:${id(2 * n)} | reads`, `cart ${n * 1000 + 500} T:${id(2 * n + 1)} | reads`, `cart ${n * 1000 + 501} T:${id(2 * n + 1)} | ends`]).flat();
  await has(t, logOf(...earlier, `cart 40000 T:${t1} | begins`, 'cart 40001 | reads'), t1, ['cart reads: onlyOpen']);
  const log = logOf(...earlier, `cart 40000 T:${t1} | begins`, 'cart 40001 | reads', `cart 40002 T:${t2} | ends`);
  await has(t, log, t1, []);
  await has(t, log, t2, []);
});
