/** What the HTTP transport does beyond the contract that all transports share. */
import Fastify, { type FastifyInstance } from 'fastify';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#lib/clock.ts';
import { quietLog } from '#lib/log.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { defaultOptions } from '#schemas/options.ts';
import { httpIntakeRoutes } from '../../collector/http-intake.ts';
import { CollectorIntake } from '../../collector/intake.ts';
import { HttpPublisher } from '../../shipper/http-publisher.ts';
import { madeChunk } from '../contract/made-up.ts';
import { eventually } from '../helpers/leadline.ts';
import { MemoryStore } from '../helpers/memory-store.ts';

interface Collector {
  store: MemoryStore;
  url: string;
  /** The next requests are answered with it, instead of being heard. */
  refusal: { status: number; body: string } | null;
  heard: string[];
}

async function collector(t: ExecutionContext): Promise<Collector> {
  const store = new MemoryStore();
  const intake = new CollectorIntake({ writer: store, options: { ...defaultOptions(), commitIntervalMs: 5 }, rules: [], log: quietLog, clock: systemClock, onCommitted: () => undefined });
  const server = Fastify({ forceCloseConnections: true });
  const made: Collector = { store, url: '', refusal: null, heard: [] };
  server.addHook('onRequest', async (request, reply) => {
    made.heard.push(request.url);
    if (made.refusal !== null) await reply.code(made.refusal.status).send(made.refusal.body);
  });
  httpIntakeRoutes(server, intake.connect());
  made.url = await server.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(async () => {
    store.failure = null;
    await server.close();
    await intake.stop();
  });
  return made;
}

function publisher(t: ExecutionContext, url: string): { transport: HttpPublisher; markOf: (streamId: string) => number } {
  const marks = new Map<string, number>();
  const transport = new HttpPublisher({ url, apiKey: null });
  transport.onAcknowledged = acknowledgements => {
    for (const { streamId, to } of acknowledgements) marks.set(streamId, Math.max(to, marks.get(streamId) ?? 0));
  };
  t.teardown(() => transport.close());
  return { transport, markOf: streamId => marks.get(streamId) ?? 0 };
}

const line = '{"level":"info","msg":"a line"}\n';

test('what was stored late is acknowledged although nothing more is sent and nobody drains', async t => {
  const { store, url } = await collector(t);
  const { transport, markOf } = publisher(t, url);
  store.failure = new LeadlineError('STORE_FULL', { dir: 'here' });
  await transport.publish(madeChunk('a', 0, line));
  // Longer than an answer waits for the store.
  await eventually(() => Promise.resolve(transport.counts.chunks), chunks => chunks === 1);
  t.is(markOf('a'), 0);
  store.failure = null;
  await eventually(() => Promise.resolve(markOf('a')), to => to === line.length);
});

test('a refusal of any kind is tried again, said while it lasts, and gone when it is over', async t => {
  const made = await collector(t);
  const { transport, markOf } = publisher(t, made.url);
  for (const [status, body, said] of [[401, '{"code":"KEY_REQUIRED","message":"An API key is required."}', 'answers 401: An API key is required.'], [404, 'nothing here', 'answers 404: nothing here'], [503, '', 'answers 503']] as const) {
    made.refusal = { status, body };
    const published = transport.publish(madeChunk('a', 0, line));
    await eventually(() => Promise.resolve(transport.troubledBy), reason => reason?.includes(said) === true, 10);
    made.refusal = null;
    await published;
    await eventually(() => Promise.resolve(transport.troubledBy), reason => reason === null, 10);
  }
  await eventually(() => Promise.resolve(markOf('a')), to => to === line.length);
  t.true(transport.counts.retries >= 3);
});

test('where refusals are not tried again they end the call', async t => {
  const made = await collector(t);
  made.refusal = { status: 401, body: '{"code":"KEY_REQUIRED","message":"An API key is required."}' };
  const transport = new HttpPublisher({ url: made.url, apiKey: 'wrong', retriesRefusals: false });
  const error = await t.throwsAsync(() => transport.loadStates(['source']), { instanceOf: LeadlineError });
  t.is(error?.code, 'INTAKE_REFUSED');
});

test('a slow source does not hold up another', async t => {
  const { store, url } = await collector(t);
  const { transport, markOf } = publisher(t, url);
  // Text stays open, so its answers wait; JSON lines close at once.
  await transport.publish(madeChunk('slow', 0, 'some text\n'));
  await transport.publish(madeChunk('slow', 10, 'more text\n'));
  await transport.publish(madeChunk('quick', 0, line));
  await eventually(() => Promise.resolve(markOf('quick')), to => to === line.length, 5);
  t.true(store.stored.some(({ streamId }) => streamId === 'quick'));
});

test('closed while nothing gets through: waiting calls end, and nothing is tried any more', async t => {
  const made = await collector(t);
  made.refusal = { status: 503, body: '' };
  const transport = new HttpPublisher({ url: made.url, apiKey: null });
  const loading = t.throwsAsync(() => transport.loadStates(['source']), { instanceOf: LeadlineError });
  await eventually(() => Promise.resolve(transport.troubledBy), reason => reason !== null, 5);
  t.false(await transport.drain(1) && transport.counts.chunks > 0);
  await transport.close();
  await loading;
  const { length } = made.heard;
  await systemClock.sleep(600);
  t.is(made.heard.length, length);
});

/** On a port that was free a moment ago, which somebody's connection may have taken meanwhile. */
async function listening(server: FastifyInstance, port: number, attempts = 50): Promise<string> {
  try {
    return await server.listen({ host: '127.0.0.1', port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempts === 0) throw error;
    await systemClock.sleep(100);
    return listening(server, port, attempts - 1);
  }
}

test('a collector that is killed with answered chunks in its memory: the next one gets them first, and no gap stands for them', async t => {
  const store = new MemoryStore();
  const answers = (error: unknown): { status: number; body: object } => (error instanceof LeadlineError ? { status: error.httpStatus, body: { code: error.code, message: error.message } } : { status: 500, body: {} });
  const begin = async (commitIntervalMs: number, port: number) => {
    const intake = new CollectorIntake({ writer: store, options: { ...defaultOptions(), commitIntervalMs }, rules: [], log: quietLog, clock: systemClock, onCommitted: () => undefined });
    const server = Fastify({ forceCloseConnections: true });
    server.setErrorHandler((error, _request, reply) => reply.code(answers(error).status).send(answers(error).body));
    httpIntakeRoutes(server, intake.connect());
    return { intake, server, url: await listening(server, port) };
  };
  const first = await begin(10_000, 0);
  const transport = new HttpPublisher({ url: first.url, apiKey: null });
  t.teardown(() => transport.close());
  const marks: number[] = [];
  transport.onAcknowledged = acknowledgements => marks.push(...acknowledgements.map(({ to }) => to));
  await transport.publish(madeChunk('s.0', 0, '{"msg":"one"}\n'));
  await eventually(() => Promise.resolve(marks), () => marks.length > 0);
  t.deepEqual([marks, store.stored], [[0], []], 'answered, and not stored');
  // Killed: what it had in memory is gone.
  await first.server.close();

  const second = await begin(5, Number(new URL(first.url).port));
  t.teardown(async () => {
    await second.server.close();
    await second.intake.stop();
  });
  await transport.publish(madeChunk('s.0', 14, '{"msg":"two"}\n'));
  t.true(await transport.drain(10_000));
  t.deepEqual(store.stored.map(({ message, gap }) => [message, gap]), [['one', null], ['two', null]]);
});
