import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { EventsAnswer, FacetsBody, HistogramBody, StreamsAnswer, TimelineBody } from '#schemas/http-api.ts';
import { buildPage } from '../../query/web/build.mjs';
import { EmbeddedWriter } from '../../collector/store/embedded-writer.ts';
import { madeEvent, madeSignal, madeState, noon } from '../contract/made-up.ts';
import { runCommand, said } from '../helpers/command.ts';
import { elasticsearchMissing, startElasticsearch } from '../helpers/elasticsearch.ts';
import { newNamespace, removeStore, serverAt, writerOptions } from '../helpers/elasticsearch-store.ts';
import { ElasticsearchWriter } from '../../collector/store/elasticsearch/elasticsearch-writer.ts';
import { testFolder } from '../helpers/folder.ts';
import { eventually, RunningLeadline } from '../helpers/leadline.ts';
import { skipHere } from '../helpers/skipped.ts';

const traceId = 'fe3974115b911675d0640788986f80c9';
const lineBytes = 10;

/** Two services, an error every tenth line, one request over both. */
const batchOf = (lines: number): Parameters<EmbeddedWriter['append']>[0] => ({
  events: ['cart', 'pay'].flatMap(service => Array.from({ length: lines }, (_, n) => madeEvent(service, n * lineBytes, (n + 1) * lineBytes, { service, message: `line ${n} of ${service}`, level: n % 10 === 0 ? 'error' : 'info', timeNs: noon + BigInt(n) * 1_000_000_000n, fields: { n, user: `u${n % 3}` }, ids: n === 7 ? [{ kind: 'trace', name: 'traceId', value: traceId }] : [], requestId: n === 7 ? traceId : null }))),
  states: ['cart', 'pay'].map(stream => madeState(stream, { sizeBytes: lines * lineBytes, readBytes: lines * lineBytes })),
});
/** Enough of them for the rule that is there without any. */
const signals = [madeSignal('cart:0 errors', { streamId: 'cart', timesNs: Array.from({ length: 6 }, (_, n) => noon + BigInt(n)), count: 6, lastTimeNs: noon + 5n })];

async function asksEverything(t: ExecutionContext, leadline: RunningLeadline, lines: number): Promise<void> {
  const { count } = await eventually(() => leadline.json<HistogramBody>('/api/v1/histogram'), answer => answer.count === 2 * lines);
  t.is(count, 2 * lines);
  const { events } = await leadline.json<EventsAnswer>('/api/v1/events?query=service:pay%20%22line%2023%22');
  t.deepEqual(events.map(({ message, level }) => [message, level]), [['line 23 of pay', 'info']]);
  const timeline = await leadline.json<TimelineBody>(`/api/v1/timelines/${traceId}`);
  t.deepEqual(timeline.events.map(({ message }) => message).sort(), ['line 7 of cart', 'line 7 of pay']);
  const { facets } = await leadline.json<FacetsBody>('/api/v1/facets?query=level:error&fields=service,user');
  t.deepEqual(facets.map(({ field, distinct, events: having }) => [field, distinct, having]), [['service', 2, lines / 5], ['user', 3, lines / 5]]);
  const context = await leadline.json<{ events: { message: string }[] }>(`/api/v1/context/${encodeURIComponent(events[0]!.eventId)}?before=1&after=1`);
  t.deepEqual(context.events.map(({ message }) => message), ['line 22 of pay', 'line 23 of pay', 'line 24 of pay']);
  const { totals } = await leadline.json<StreamsAnswer>('/api/v1/streams');
  t.deepEqual([totals.streams, totals.events, totals.lagBytes], [2, 2 * lines, 0]);
  const alerts = await eventually(() => leadline.json<{ alerts: { rule: string; count: number }[] }>('/api/v1/alerts'), answer => answer.alerts.length > 0);
  t.deepEqual(alerts.alerts.map(({ rule, count: counted }) => [rule, counted]), [['errors', 6]]);
  t.regex(await (await fetch(`${leadline.url}/metrics`)).text(), new RegExp(`^leadline_events ${2 * lines}$`, 'm'));
  t.regex(await (await fetch(leadline.url)).text(), /<title>/);
}

test.before(() => buildPage());

test('serve: API, page and alerts over a data directory that another process writes; live tail sees what comes', async t => {
  const dataDir = join(testFolder(t), 'data');
  mkdirSync(dataDir);
  const writer = new EmbeddedWriter({ dataDir, commitEventsMax: 4096, commitBytesMax: 1 << 19, fileBytesMax: 1 << 30, retentionMs: 1e12, retentionBytesMax: 1 << 30 });
  t.teardown(() => writer.close());
  writer.append(batchOf(50), [], signals);
  const leadline = await RunningLeadline.serve(['--data-dir', dataDir]);
  t.teardown(() => leadline.kill9());
  await asksEverything(t, leadline, 50);
  const tail = await fetch(`${leadline.url}/api/v1/tail`, { signal: AbortSignal.timeout(20_000) });
  writer.append({ events: [madeEvent('cart', 500, 510, { message: 'the latest' })], states: [] }, [], []);
  let text = '';
  for await (const bytes of tail.body!) {
    text += Buffer.from(bytes as Uint8Array).toString();
    if (text.includes('the latest')) break;
  }
  t.true(text.includes('the latest'));
  said(t, await runCommand(['serve', '--data-dir', dataDir, '--port', '0']), 3, 'in use by another Leadline process');
  t.is(await leadline.stop(), 0);
});

test('serve without a store says so and ends', async t => {
  const folder = testFolder(t);
  said(t, await runCommand(['serve', '--data-dir', join(folder, 'none')]), 3, 'no Leadline store here');
  writeFileSync(join(folder, 'ca.pem'), 'x');
  said(t, await runCommand(['serve', '--data-dir', folder, '--store', 'elasticsearch=https://127.0.0.1:1', '--elasticsearch-tls-ca', join(folder, 'ca.pem')]), 2, 'not in PEM format');
  said(t, await runCommand(['serve', '--data-dir', folder, '--store', 'elasticsearch=http://127.0.0.1:1']), 3, /No answer from Elasticsearch at http:\/\/127\.0\.0\.1:1 .*ECONNREFUSED/);
});

test('serve over Elasticsearch: the same answers; a server that is gone is said, and asked again when it is back', async t => {
  const missing = elasticsearchMissing();
  if (missing !== null) {
    skipHere(t, missing);
    return;
  }
  const elasticsearch = await startElasticsearch();
  t.teardown(() => elasticsearch.stop());
  const namespace = newNamespace();
  const server = serverAt(elasticsearch.url);
  const writer = new ElasticsearchWriter(writerOptions(server, namespace));
  await writer.open();
  await writer.append(batchOf(50), [], signals);
  const leadline = await RunningLeadline.serve(['--data-dir', join(testFolder(t), 'alerts'), '--store', `elasticsearch=${elasticsearch.url}`, '--elasticsearch-namespace', namespace]);
  t.teardown(() => leadline.kill9());
  await asksEverything(t, leadline, 50);
  const found = await runCommand(['trace', traceId], { env: { LEADLINE_STORE: `elasticsearch=${elasticsearch.url}`, LEADLINE_ELASTICSEARCH_NAMESPACE: namespace } });
  t.is(found.code, 0, found.stderr);
  t.true(found.stdout.includes('line 7 of cart') && found.stdout.includes('line 7 of pay'));

  const checked = await runCommand(['check', '--store', `elasticsearch=${elasticsearch.url}`, '--elasticsearch-namespace', namespace, '--port', '0', '--data-dir', testFolder(t)]);
  t.is(checked.code, 0, checked.stdout);
  t.regex(checked.stdout, /ok +store at http:\S+ \(Elasticsearch, 100 events in 1 backing index\)/);

  elasticsearch.kill9();
  const ready = await fetch(`${leadline.url}/readyz`);
  t.is(ready.status, 503);
  t.regex(await ready.text(), /No answer from Elasticsearch/);
  t.is((await fetch(`${leadline.url}/api/v1/events`)).status, 503);
  t.regex((await runCommand(['check', '--store', `elasticsearch=${elasticsearch.url}`, '--port', '0', '--data-dir', testFolder(t)])).stdout, /failed +No answer from Elasticsearch/);
  await elasticsearch.start();
  await eventually(() => fetch(`${leadline.url}/readyz`), ({ ok }) => ok);
  t.is((await leadline.json<EventsAnswer>('/api/v1/events?query=level:error')).events.length, 10);
  t.is(await leadline.stop(), 0);
  await writer.close();
  await removeStore(server, namespace);
  await server.close();
});
