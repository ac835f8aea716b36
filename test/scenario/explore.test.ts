import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { testFolder } from '../helpers/folder.ts';
import { eventually, RunningLeadline } from '../helpers/leadline.ts';
import type { ContextBody, EventsAnswer, FacetsBody, HistogramBody, TemplatesBody } from '#schemas/http-api.ts';

const startMs = Date.UTC(2026, 10, 21, 12);
const line = (n: number): string => `${JSON.stringify({ time: new Date(startMs + 1000 * n).toISOString(), level: n % 10 === 0 ? 'error' : 'info', msg: `line ${n}`, user: `u${n % 3}` })}\n`;

test('counts over time, top values and the lines around a line over HTTP, and what is wrong with a request', async t => {
  const folder = testFolder(t);
  mkdirSync(join(folder, 'logs'));
  for (const service of ['cart', 'pay']) writeFileSync(join(folder, 'logs', `${service}.log`), Array.from({ length: 300 }, (_, n) => line(n)).join(''));
  const leadline = await RunningLeadline.up([join(folder, 'logs'), '--data-dir', join(folder, 'data')]);
  t.teardown(() => leadline.kill9());
  await eventually(() => leadline.json<HistogramBody>('/api/v1/histogram'), ({ count }) => count === 600);

  const byLevel = await leadline.json<HistogramBody>('/api/v1/histogram?step=1m&by=level');
  t.is(byLevel.stepMs, 60_000);
  t.deepEqual(byLevel.bars.slice(0, 2), [{ from: '2026-11-21T12:00:00.000000000Z', key: 'error', count: 12 }, { from: '2026-11-21T12:00:00.000000000Z', key: 'info', count: 108 }]);
  const some = await leadline.json<HistogramBody>('/api/v1/histogram?query=service:cart&since=2026-11-21T12:00:30Z&until=2026-11-21T12:03:10Z');
  t.deepEqual([some.count, some.stepMs], [160, 5000]);

  const lines = (await (await fetch(`${leadline.url}/api/v1/histogram?query=/line/&step=1h`, { headers: { accept: 'application/x-ndjson' } })).text()).trim().split('\n').map(text => JSON.parse(text) as { result?: HistogramBody });
  t.is(lines.at(-1)!.result!.count, 600);

  const { facets, count } = await leadline.json<FacetsBody>('/api/v1/facets?query=level:error&fields=service,user,nothing&limit=2');
  t.is(count, 60);
  t.deepEqual(facets.map(({ field, values, distinct, events }) => ({ field, values, distinct, events })), [
    { field: 'service', values: [{ value: 'cart', count: 30 }, { value: 'pay', count: 30 }], distinct: 2, events: 60 },
    { field: 'user', values: [{ value: 'u0', count: 20 }, { value: 'u1', count: 20 }], distinct: 3, events: 60 },
    { field: 'nothing', values: [], distinct: 0, events: 0 },
  ]);

  const { templates, distinct } = await leadline.json<TemplatesBody>('/api/v1/templates?query=level:error&limit=1');
  t.deepEqual([distinct, templates.map(({ template, service, count, firstAt, lastAt }) => [template, service, count, firstAt.slice(11, 19), lastAt.slice(11, 19)])], [2, [['line <*>', 'cart', 30, '12:00:00', '12:04:50']]]);
  t.is((await leadline.json<EventsAnswer>(`/api/v1/events?query=${encodeURIComponent(templates[0]!.query)}&limit=1000`)).events.length, 300);

  const { events: [found] } = await leadline.json<EventsAnswer>('/api/v1/events?query=service:pay%20%22line%20100%22');
  const around = await leadline.json<ContextBody>(`/api/v1/context/${encodeURIComponent(found!.eventId)}?before=2&after=1`);
  t.deepEqual(around.events.map(({ service, message }) => `${service ?? ''} ${message}`), ['pay line 98', 'pay line 99', 'pay line 100', 'pay line 101']);

  for (const [path, status, code] of [['histogram?step=never', 400, 'BAD_STEP'], ['histogram?step=1ms', 400, 'BAD_STEP'], ['histogram?by=colour', 400, 'BAD_REQUEST'], ['facets?query=(', 400, 'BAD_QUERY'], ['context/unknown:5', 404, 'EVENT_NOT_FOUND']] as const) {
    for (const accept of ['application/json', 'application/x-ndjson']) {
      const answer = await fetch(`${leadline.url}/api/v1/${path}`, { headers: { accept } });
      t.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [status, code], path);
    }
  }
});
