/** `topics apply`, `ship`, `run`, `up --kafka`, `status` and `check` on one real broker: real processes, a topic prefix per test. */
import { once } from 'node:events';
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { StreamsAnswer } from '#schemas/http-api.ts';
import { topicKinds } from '#schemas/topics.ts';
import { rows, runCommand, said, startCommand } from '../helpers/command.ts';
import { testFolder } from '../helpers/folder.ts';
import { kafkaMissing, TestKafka } from '../helpers/kafka.ts';
import { eventually, RunningLeadline } from '../helpers/leadline.ts';
import { RunningShipper } from '../helpers/shipper.ts';
import { proofSkipped } from '../helpers/skipped.ts';

const missing = kafkaMissing();
let kafka: TestKafka;
let prefixes = 0;
const user = 'sidecar';
const password = 'pass $word';

function kafkaTest(title: string, run: (t: ExecutionContext, at: string[]) => Promise<void>): void {
  if (missing !== null) {
    proofSkipped(title, missing);
    return;
  }
  // One after the other: each starts several processes, and one of them stops the broker.
  test.serial(title, t => run(t, ['--kafka', kafka.brokers.join(','), '--topic-prefix', `test${(prefixes += 1)}`]));
}

if (missing === null) {
  test.before(async () => {
    kafka = await TestKafka.start({ portsFrom: 24_000, listeners: ['plain', 'sasl'], users: { [user]: password } });
  });
  test.after.always(() => kafka?.stop());
}

const linesOf = (from: number, to: number): string => Array.from({ length: to - from }, (_, index) => `{"level":"info","msg":"line ${from + index}"}\n`).join('');

interface Place {
  folder: string;
  logs: string;
  log: string;
  data: string;
  store: string;
}

function place(t: ExecutionContext): Place {
  const folder = testFolder(t);
  const logs = join(folder, 'logs');
  mkdirSync(logs);
  return { folder, logs, log: join(logs, 'cart.log'), data: join(folder, 'shipper'), store: join(folder, 'store') };
}

async function shipper(t: ExecutionContext, { logs, data }: Place, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunningShipper> {
  const started = await RunningShipper.start([logs], data, args, { env });
  t.teardown(() => started.kill9());
  return started;
}

function collector(t: ExecutionContext, { store }: Place, args: readonly string[]): { kill9: () => Promise<void>; stop: () => Promise<number | null> } {
  const child = startCommand(['collect', '--data-dir', store, '--port', '0', ...args]);
  for (const stream of [child.stdout, child.stderr]) stream.resume();
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, 'close') as Promise<[number | null]>;
    child.kill(signal);
    return (await ended)[0];
  };
  const kill9 = async (): Promise<void> => {
    await end('SIGKILL');
  };
  t.teardown(kill9);
  return { kill9, stop: () => end('SIGTERM') };
}

const storedLines = async (store: string): Promise<string[]> => rows<{ message: string }>(await runCommand(['search', '*', '--data-dir', store, '--limit', '1000000'])).map(({ message }) => message);

kafkaTest('topics apply makes what is missing, changes nothing, and says what does not fit and the command that mends it', async (t, at) => {
  const made = await runCommand(['topics', 'apply', ...at]);
  t.is(made.code, 0, made.stderr);
  t.deepEqual(rows<{ state: string }>(made).map(({ state }) => state), topicKinds.map(() => 'made'));
  t.deepEqual(rows<{ state: string }>(await runCommand(['topics', 'apply', ...at])).map(({ state }) => state), topicKinds.map(() => 'ok'));
  t.is((await runCommand(['check', ...at, '--port', '0'], { cwd: testFolder(t) })).code, 0);

  const other = [...at.slice(0, 3), `${at[3]!}other`];
  await kafka.createTopic(`${other[3]!}.streams`, { partitions: 1 });
  const unfit = await runCommand(['topics', 'apply', ...other]);
  said(t, unfit, 2, `leadline: ${other[3]!}.streams: cleanup.policy is delete, not compact.\n  kafka-configs.sh --bootstrap-server HOST:PORT --alter --entity-type topics --entity-name ${other[3]!}.streams --add-config cleanup.policy=compact`);
  t.is(rows<{ state: string }>(unfit).filter(({ state }) => state === 'made').length, topicKinds.length - 1);
  const checked = await runCommand(['check', ...other, '--port', '0'], { cwd: testFolder(t) });
  t.is(checked.code, 2);
  t.regex(checked.stdout, /failed\S*\s+Topic \S+\.streams: cleanup\.policy is delete/);

  said(t, await runCommand(['topics', 'apply', '--kafka', '127.0.0.1:1']), 3, 'No answer from Kafka at 127.0.0.1:1 (');
  said(t, await runCommand(['topics', 'apply']), 2, '--kafka: no broker is given. Write, for instance, --kafka kafka-1:9092,kafka-2:9092');
});

kafkaTest('shipper, collector and broker are killed -9 while a file grows and rotates: every line stored once, and the balance closes', async (t, at) => {
  const here = place(t);
  t.is((await runCommand(['topics', 'apply', ...at])).code, 0);
  const settings = [...at, '--idle-after-ms', '200', '--state-interval-ms', '200', '--checkpoint-interval-ms', '10'];
  let written = 0;
  let stopped = false;
  writeFileSync(here.log, '');
  const writing = (async () => {
    for (let rotation = 1; !stopped; ) {
      appendFileSync(here.log, linesOf(written, (written += 7)));
      if (written % 1400 === 0) {
        renameSync(here.log, `${here.log}.${rotation++}`);
        writeFileSync(here.log, '');
      }
      await new Promise(resolve => setTimeout(resolve, 2));
    }
  })();
  for (let round = 0; round < 4; round++) {
    const running = await shipper(t, here, settings);
    const storing = collector(t, here, at);
    await new Promise(resolve => setTimeout(resolve, 500 + Math.random() * 500));
    if (round === 1) kafka.kill9(1);
    await new Promise(resolve => setTimeout(resolve, Math.random() * 300));
    await Promise.all([running.kill9(), storing.kill9()]);
    if (round === 1) await kafka.startNode(1);
  }
  stopped = true;
  await writing;
  const last = await shipper(t, here, settings);
  const storing = collector(t, here, at);
  await eventually(() => last.status(), ({ totals }) => totals.lagBytes === 0 && totals.streams > 1);
  const messages = await eventually(() => storedLines(here.store), stored => stored.length >= written, 500);
  t.deepEqual([messages.length, new Set(messages).size], [written, written]);
  const { totals } = await last.status();
  t.is(totals.writtenBytes, totals.acknowledgedBytes);
  t.is(await last.stop(), 0, last.stderr);
  t.is(await storing.stop(), 0);
});

kafkaTest('without topics, then without a broker, a shipper is alive and not ready, says why and what to do, and goes on by itself', async (t, at) => {
  const here = place(t);
  writeFileSync(here.log, linesOf(0, 10));
  const running = await shipper(t, here, [...at, '--kafka-request-timeout-ms', '2s']);
  const [, brokers, , prefix] = at;
  const answer = await eventually(() => running.text('/readyz'), ({ body }) => body.includes('topic'));
  t.is(answer.status, 503);
  t.true(answer.body.includes(`Kafka has no topic ${prefix!}.chunks. Make it with leadline topics apply --kafka ${brokers!}.`), answer.body);
  t.is((await runCommand(['topics', 'apply', ...at])).code, 0);
  await running.acknowledged(linesOf(0, 10).length);
  kafka.kill9(1);
  appendFileSync(here.log, linesOf(10, 20));
  const away = await eventually(() => running.text('/readyz'), ({ status }) => status === 503);
  t.true(away.body.includes(`No answer from Kafka at ${brokers!} (`), away.body);
  t.is((await running.text('/healthz')).status, 200);
  t.regex((await running.text('/metrics')).body, /^leadline_shipper_transport_troubled 1$/m);
  await kafka.startNode(1);
  await running.acknowledged(linesOf(0, 20).length);
  await eventually(() => running.text('/readyz'), ({ status }) => status === 200);
  t.is(await running.stop(), 0, running.stderr);
});

kafkaTest('with a login: the right password ships, a wrong one is told', async (t, at) => {
  const here = place(t);
  t.is((await runCommand(['topics', 'apply', ...at])).code, 0);
  writeFileSync(here.log, linesOf(0, 10));
  const login = ['--kafka', kafka.brokersOf('sasl').join(','), ...at.slice(2), '--kafka-sasl', 'SCRAM-SHA-512', '--kafka-username', user];
  const wrong = await shipper(t, here, login, { LEADLINE_KAFKA_PASSWORD: 'wrong' });
  const answer = await eventually(() => wrong.text('/readyz'), ({ body }) => body.includes('login'));
  t.true(answer.body.includes('refuses the login'), answer.body);
  await wrong.kill9();
  t.false(wrong.stderr.includes('wrong'), 'the password is nowhere');
  said(t, await runCommand(['topics', 'apply', ...login], { env: { LEADLINE_KAFKA_PASSWORD: 'wrong' } }), 3, 'refuses the login');
  const right = await shipper(t, here, login, { LEADLINE_KAFKA_PASSWORD: password });
  await right.acknowledged(linesOf(0, 10).length);
  t.is(await right.stop(), 0, right.stderr);
});

kafkaTest('up --kafka: the lines go through Kafka, and one process shows them', async (t, at) => {
  const here = place(t);
  t.is((await runCommand(['topics', 'apply', ...at])).code, 0);
  writeFileSync(here.log, linesOf(0, 500));
  const up = await RunningLeadline.up([here.logs, '--data-dir', here.store, ...at]);
  t.teardown(() => up.kill9());
  const { totals } = await eventually(() => up.json<StreamsAnswer>('/api/v1/streams'), answer => answer.totals.lines >= 500);
  t.is(totals.lines, 500);
  const offsets = await kafka.withAdmin(admin => admin.fetchTopicOffsets(`${at[3]!}.chunks`));
  t.true(offsets.some(({ high }) => Number(high) > 0));
  t.is(await up.stop(), 0);
});

kafkaTest('run: the output of a command is in Kafka when the command has ended', async (t, at) => {
  const here = place(t);
  t.is((await runCommand(['topics', 'apply', ...at])).code, 0);
  const ended = await runCommand(['run', ...at, '--service', 'shop', '--port', '0', '--', 'sh', '-c', 'echo to stdout; echo to stderr >&2; exit 7'], { cwd: here.folder });
  t.deepEqual(ended, { code: 7, stdout: 'to stdout\n', stderr: 'to stderr\n' });
  collector(t, here, at);
  const messages = await eventually(() => storedLines(here.store), stored => stored.length >= 2, 300);
  t.deepEqual(messages.sort(), ['to stderr', 'to stdout']);
});
