import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { testFolder } from '../helpers/folder.ts';
import { eventually, RunningLeadline } from '../helpers/leadline.ts';
import { ingested } from '../helpers/store.ts';
import { webhookReceiver } from '../helpers/webhook-receiver.ts';
import type { AlertsAnswer, StreamsAnswer, TimelineBody } from '#schemas/http-api.ts';

const windowMs = 3000;
const line = (level: string, message: string, time = new Date()): string => `${JSON.stringify({ time: time.toISOString(), level, msg: message, trace_id: Math.random().toString(16).slice(2).padEnd(32, '7') })}\n`;

function rulesFile(folder: string, url: string): string {
  const path = join(folder, 'leadline.yaml');
  writeFileSync(path, `alerts:\n  rules:\n    - { name: errors, type: threshold, by: [service], count: 5, windowMs: ${windowMs} }\n  targets:\n    ops: { type: webhook, url: "${url}" }\n`);
  return path;
}

const alertsOf = async (leadline: RunningLeadline): Promise<AlertsAnswer['alerts']> => (await leadline.json<AlertsAnswer>('/api/v1/alerts')).alerts;

test('a burst with kill -9 in its middle is one episode: opened, told with one key, resolved by itself', async t => {
  const folder = testFolder(t);
  const { url, told } = await webhookReceiver(t);
  const logs = join(folder, 'logs');
  mkdirSync(join(logs, 'payment'), { recursive: true });
  const file = join(logs, 'payment', 'payment.log');
  writeFileSync(file, line('info', 'started'));
  const args = [logs, '--data-dir', join(folder, 'data'), '--config', rulesFile(folder, url), '--idle-after-ms', '300', '--state-interval-ms', '300'];
  let leadline = await RunningLeadline.up(args);
  t.teardown(() => leadline.kill9());

  for (let index = 0; index < 8; index++) appendFileSync(file, line('error', 'card declined'));
  await eventually(() => Promise.resolve(told.length), count => count >= 1);
  await leadline.kill9();
  for (let index = 0; index < 4; index++) appendFileSync(file, line('error', 'card declined'));
  leadline = await RunningLeadline.up(args);
  const [resolved] = await eventually(() => alertsOf(leadline), alerts => alerts[0]?.state === 'resolved');
  await eventually(() => Promise.resolve(told), messages => messages.some(({ body }) => body.kind === 'resolve'));

  const alerts = await alertsOf(leadline);
  t.is(alerts.length, 1);
  t.is(resolved!.count, 12);
  t.deepEqual(resolved!.key, { service: 'payment' });
  t.is(resolved!.topError?.message, 'card declined');
  const keysOf = (kind: string): Set<string> => new Set(told.filter(({ body }) => body.kind === kind).map(({ idempotencyKey }) => idempotencyKey));
  t.is(keysOf('open').size, 1);
  t.is(keysOf('resolve').size, 1);
  t.is(new Set(told.map(({ body }) => body.episodeId)).size, 1);
  const sample = resolved!.requests[0]!;
  const timeline = await leadline.json<TimelineBody>(`/api/v1/timelines/${sample.id}`);
  t.is(timeline.events[0]!.level, 'error');
  t.true(sample.url.endsWith(`/timeline/${sample.id}`));
});

test('old files that `up` reads are recorded and told to nobody; what `ingest` read is told to nobody either', async t => {
  const folder = testFolder(t);
  const { url, told } = await webhookReceiver(t);
  const logs = join(folder, 'logs');
  mkdirSync(logs);
  const dataDir = join(folder, 'data');
  const longAgo = Date.parse('2022-08-22T05:18:16Z');
  const burst = (startMs: number): string => Array.from({ length: 30 }, (_, index) => line('error', 'disk failed', new Date(startMs + index * 100))).join('');
  const now = join(folder, 'now.log');
  writeFileSync(now, burst(Date.now() - 20_000));
  await ingested([now], dataDir);
  writeFileSync(join(logs, 'storage.log'), burst(longAgo));
  const leadline = await RunningLeadline.up([logs, '--data-dir', dataDir, '--config', rulesFile(folder, url), '--idle-after-ms', '300', '--state-interval-ms', '300']);
  t.teardown(() => leadline.kill9());
  const alerts = await eventually(() => alertsOf(leadline), found => found.some(alert => alert.state === 'resolved' && alert.key['service'] === 'storage'));
  await pause(1000);
  t.deepEqual(alerts.filter(alert => alert.told), []);
  t.deepEqual(told, []);
  t.is((await leadline.json<StreamsAnswer>('/api/v1/streams')).totals.events, 60);
});
