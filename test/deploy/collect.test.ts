/** `leadline collect` without Kafka: the HTTP intake and who may use it, health, and what keeps it from starting. */
import { join } from 'node:path';
import test from 'ava';
import { chunkHeaders } from '#schemas/chunk.ts';
import { madeChunk, recordOf } from '../contract/made-up.ts';
import { RunningCollect } from '../helpers/collecting.ts';
import { rows, runCommand, said } from '../helpers/command.ts';
import { testFolder } from '../helpers/folder.ts';
import { allEvents, queriesOf } from '../helpers/store.ts';

const line = '{"level":"info","msg":"over HTTP","traceId":"fe3974115b911675d0640788986f80c9"}\n';

async function post(collect: RunningCollect, key: string | null, chunk = madeChunk('a', 0, line)): Promise<{ status: number; body: { code?: string; acknowledgements?: { to: number }[] } }> {
  const response = await fetch(`${collect.url}/v1/chunks`, { method: 'POST', headers: { ...chunkHeaders(chunk), 'content-type': 'application/octet-stream', ...(key === null ? {} : { authorization: `Bearer ${key}` }) }, body: Buffer.from(chunk.value) });
  return { status: response.status, body: (await response.json()) as { code?: string; acknowledgements?: { to: number }[] } };
}

test('with a key: the intake takes what carries it, anyone sees health and metrics, and a second collector of the directory is refused', async t => {
  const dataDir = testFolder(t);
  const collect = await RunningCollect.start(t, ['--data-dir', dataDir], { LEADLINE_API_KEY: 'secret' });
  t.like(await post(collect, null), { status: 401, body: { code: 'KEY_REQUIRED' } });
  t.like(await post(collect, 'wrong'), { status: 401 });
  const taken = await post(collect, 'secret');
  t.is(taken.status, 202);
  t.is(taken.body.acknowledgements?.[0]?.to, line.length);
  t.is((await post(collect, 'secret', recordOf('close', 'a', line.length))).status, 202);
  for (const path of ['/healthz', '/readyz', '/metrics', '/status']) t.is((await collect.text(path)).status, 200, path);
  const { body } = await collect.text('/metrics');
  t.regex(body, /^leadline_events 1$/m);
  t.regex(body, /^leadline_collector_chunks_total 2$/m);
  t.false(body.includes('over HTTP'));
  t.is((await collect.text('/api/v1/events')).status, 401);
  said(t, await runCommand(['collect', '--data-dir', dataDir, '--port', '0', '--host', '127.0.0.1']), 3, 'is in use by another Leadline process');
  const traced = await runCommand(['trace', 'fe3974115b911675d0640788986f80c9', '--data-dir', dataDir]);
  t.is(traced.code, 0, 'read commands open the store beside it');
  t.is(rows(traced).length, 1);
  t.is(await collect.stop(), 0);
  t.regex(collect.said, /"event":"balance","streams":1,"lines":1,"events":1/);
  t.is((await allEvents(queriesOf(t, dataDir))).length, 1);
});

test('on this machine only, no key is needed, but another page in the browser may not', async t => {
  const collect = await RunningCollect.start(t, ['--data-dir', testFolder(t), '--host', '127.0.0.1']);
  t.is((await post(collect, null)).status, 202);
  const foreign = await fetch(`${collect.url}/v1/streams/known`, { method: 'POST', headers: { origin: 'http://evil.example', 'content-type': 'application/json' }, body: '{"sources":[]}' });
  t.is(foreign.status, 403);
  t.is(await collect.stop(), 0);
});

test('what keeps it from starting is said, and leaves nothing running', async t => {
  const folder = testFolder(t);
  const dataDir = join(folder, 'data');
  const collect = (...args: string[]) => runCommand(['collect', '--data-dir', dataDir, '--port', '0', ...args]);
  said(t, await collect('--store', 'mongodb'), 2, '--store');
  said(t, await collect(), 2, 'there is nothing to collect from', 'LEADLINE_API_KEY');
  said(t, await collect('--kafka', 'http://kafka'), 2, '"http://kafka" is a URL');
  said(t, await collect('--kafka', '127.0.0.1:1', '--kafka-sasl', 'plain'), 2, 'a login needs a user', 'a login needs a password');
});

test('without an answer from Kafka it runs, says why, and is not ready', async t => {
  const collect = await RunningCollect.start(t, ['--data-dir', testFolder(t), '--kafka', '127.0.0.1:1']);
  let ready = await collect.text('/readyz');
  while (!ready.body.includes('No answer from Kafka')) ready = await collect.text('/readyz');
  t.is(ready.status, 503);
  t.regex(ready.body, /No answer from Kafka at 127\.0\.0\.1:1 \(.+\)\./);
  t.is((await collect.text('/healthz')).status, 200);
  t.regex((await collect.text('/metrics')).body, /^leadline_collector_kafka_troubled 1$/m);
  t.is((await post(collect, null)).status, 401);
  t.is(await collect.stop(), 0);
});
