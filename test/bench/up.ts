/** `npm run bench:up`: memory of an idle `up`, and how long a written line takes to be searchable, to reach a live tail, and to become an alert. */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { RunningLeadline } from '../helpers/leadline.ts';
import type { EventsAnswer } from '#schemas/http-api.ts';
import { percentile, report, type Figure } from './report.ts';

const folder = mkdtempSync(join(tmpdir(), 'leadline-bench-'));
const figures: Figure[] = [];
const logs = join(folder, 'logs');
mkdirSync(join(logs, 'shop'), { recursive: true });
const file = join(logs, 'shop', 'shop.log');
writeFileSync(file, '');

const told: { atMs: number; kind: string }[] = [];
const receiver = createServer((request, response) => {
  let body = '';
  request.on('data', data => (body += String(data)));
  request.on('end', () => {
    told.push({ atMs: Date.now(), kind: (JSON.parse(body) as { kind: string }).kind });
    response.end();
  });
});
await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve));
const config = join(folder, 'leadline.yaml');
writeFileSync(config, `alerts:\n  rules:\n    - { name: errors, type: threshold, by: [service], count: 5, windowMs: 2000 }\n  targets:\n    here: { type: webhook, url: "http://127.0.0.1:${(receiver.address() as AddressInfo).port}/" }\n`);
const plainArgs = [logs, '--data-dir', join(folder, 'data')];

const memory = (pid: number, field: string): number => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1000;
const cpuSeconds = (pid: number): number => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 13).reduce((sum, ticks) => sum + Number(ticks) / 100, 0);

// Once to fill the compile cache, as the first start after an installation does.
await (await RunningLeadline.up(plainArgs)).stop();
const startedMs = performance.now();
let leadline = await RunningLeadline.up(plainArgs);
figures.push({ what: 'start to listening', value: `${((performance.now() - startedMs) / 1000).toFixed(2)} s`, beside: '' });
let pid = leadline.child.pid!;
await leadline.json('/api/v1/requests');
await pause(10_000);
const cpuBefore = cpuSeconds(pid);
await pause(10_000);
figures.push(
  { what: '`up` idle, one file: resident memory', value: `${memory(pid, 'VmRSS').toFixed(0)} MB, of it ${memory(pid, 'RssAnon').toFixed(0)} MB not the Node binary's`, beside: 'goal under 150 MB; a bare Node 24 is 45 MB' },
  { what: '`up` idle: CPU', value: `${(((cpuSeconds(pid) - cpuBefore) / 10) * 100).toFixed(1)} % of a core`, beside: '' },
);

await leadline.stop();
leadline = await RunningLeadline.up([...plainArgs, '--config', config]);
pid = leadline.child.pid!;
await pause(5000);
figures.push({ what: 'the same with a configuration file', value: `${memory(pid, 'VmRSS').toFixed(0)} MB`, beside: 'the YAML library stays loaded' });

const line = (level: string, message: string): string => `${JSON.stringify({ time: new Date().toISOString(), level, msg: message })}\n`;

const searchable: number[] = [];
for (let index = 0; index < 100; index++) {
  const word = `needle${index}x`;
  const writtenMs = performance.now();
  appendFileSync(file, line('info', word));
  while ((await leadline.json<EventsAnswer>(`/api/v1/events?query=${word}&limit=1`)).events.length === 0) await pause(2);
  searchable.push(performance.now() - writtenMs);
  await pause(20);
}
figures.push({ what: 'line written to searchable, 100 lines, one at a time, asked every 2 ms', value: `p50 ${percentile(searchable, 0.5).toFixed(0)} ms, p99 ${percentile(searchable, 0.99).toFixed(0)} ms`, beside: 'poll 25 ms + commit 50 ms' });

const arrivals = new Map<string, number>();
const tail = await fetch(`${leadline.url}/api/v1/tail?query=tailed`);
void (async () => {
  let rest = '';
  for await (const chunk of tail.body!) {
    const parts = (rest + Buffer.from(chunk).toString()).split('\n');
    rest = parts.pop()!;
    for (const part of parts) {
      const word = /"message":"(tailed\d+x)"/.exec(part)?.[1];
      if (word !== undefined) arrivals.set(word, performance.now());
    }
  }
})().catch(() => undefined);
const written = new Map<string, number>();
for (let index = 0; index < 200; index++) {
  written.set(`tailed${index}x`, performance.now());
  appendFileSync(file, line('info', `tailed${index}x`));
  await pause(15);
}
await pause(1000);
const tailMs = [...written].map(([word, atMs]) => (arrivals.get(word) ?? Infinity) - atMs);
figures.push({ what: 'line written to live tail, 200 lines', value: `p50 ${percentile(tailMs, 0.5).toFixed(0)} ms, p99 ${percentile(tailMs, 0.99).toFixed(0)} ms`, beside: 'goal p99 under 200 ms' });

const alertMs: number[] = [];
for (let round = 0; round < 10; round++) {
  const before = told.length;
  const firstMs = Date.now();
  for (let index = 0; index < 10; index++) {
    appendFileSync(file, line('error', 'card declined'));
    await pause(200);
  }
  while (told.slice(before).every(({ kind }) => kind !== 'open')) await pause(5);
  alertMs.push(told.slice(before).find(({ kind }) => kind === 'open')!.atMs - firstMs);
  while (told.slice(before).every(({ kind }) => kind !== 'resolve')) await pause(50);
}
figures.push({ what: 'burst of 5 errors/s to webhook, rule "5 in 2 s", 10 bursts; the fifth error comes 0.8 s after the first', value: `p50 ${percentile(alertMs, 0.5).toFixed(0)} ms, worst ${Math.max(...alertMs).toFixed(0)} ms after the first error`, beside: 'goal 3 s' });

await leadline.stop();
receiver.close();
rmSync(folder, { recursive: true });
report('up', figures);
process.exit();
