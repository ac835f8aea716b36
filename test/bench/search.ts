/**
 * `npm run bench:search`: log files -> searchable, by the command as people run it (`up`): tailed, parsed, correlated, stored and counted, while a
 * timeline is asked for every 100 ms. First as fast as it can, then a file that grows by 1,000 lines a second.
 *
 *     node test/bench/search.ts [--lines 2m]
 */
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { HistogramBody } from '#schemas/http-api.ts';
import { RunningLeadline } from '../helpers/leadline.ts';
import { cpuSecondsOf, memoryMbOf } from './measured-process.ts';
import { percentile, report, type Figure } from './report.ts';
import { StoreData } from './store-data.ts';

const { values } = parseArgs({ options: { lines: { type: 'string', default: '2m' }, 'no-report': { type: 'boolean', default: false } } });
const lines = Number(values.lines.replace(/m$/i, '')) * (/m$/i.test(values.lines) ? 1e6 : 1);
const folder = mkdtempSync(join(tmpdir(), 'leadline-bench-'));
const logs = join(folder, 'logs');
const figures: Figure[] = [];

function writeLogs(into: string, data: StoreData, count: number): number {
  mkdirSync(into, { recursive: true });
  const files = new Map<string, { fd: number; waiting: Buffer[]; bytes: number }>();
  let bytes = 0;
  const flush = (file: { fd: number; waiting: Buffer[]; bytes: number }): void => {
    writeSync(file.fd, Buffer.concat(file.waiting));
    file.waiting.length = file.bytes = 0;
  };
  for (const end = data.count + count; data.count < end; ) {
    for (const { service, raw } of data.batch(Math.min(4096, end - data.count))) {
      let file = files.get(service!);
      if (file === undefined) files.set(service!, (file = { fd: openSync(join(into, `${service!}.log`), 'a'), waiting: [], bytes: 0 }));
      file.waiting.push(Buffer.from(raw), newline);
      file.bytes += raw.length + 1;
      bytes += raw.length + 1;
      if (file.bytes > 1 << 20) flush(file);
    }
  }
  for (const file of files.values()) {
    flush(file);
    closeSync(file.fd);
  }
  return bytes;
}
const newline = Buffer.from('\n');

/** Asks for timelines of requests until stopped. */
function asking(leadline: RunningLeadline, ids: readonly string[], inferred = false): { stop: () => Promise<number[]> } {
  let isStopped = false;
  const took: number[] = [];
  const done = (async () => {
    for (let n = 0; !isStopped; n++) {
      const startedMs = performance.now();
      const answer = await fetch(`${leadline.url}/api/v1/timelines/${ids[n % ids.length]!}?inferred=${inferred}`);
      await answer.arrayBuffer();
      // Not there yet: that is no look-up.
      if (answer.ok) took.push(performance.now() - startedMs);
      await pause(Math.max(0, 100 - (performance.now() - startedMs)));
    }
  })();
  return {
    stop: async () => {
      isStopped = true;
      await done;
      return took;
    },
  };
}

const spread = (took: readonly number[]): string => (took.length === 0 ? 'none' : `p50 ${percentile(took, 0.5).toFixed(1)}, p99 ${percentile(took, 0.99).toFixed(1)}, worst ${Math.max(...took).toFixed(1)} ms of ${took.length}`);
const counted = async (leadline: RunningLeadline): Promise<number> => (await leadline.json<HistogramBody>('/api/v1/histogram?step=1d')).count;

const data = new StoreData(7, Math.max(1, Math.floor(lines / 14 / 500)));
const bytes = writeLogs(logs, data, lines);
const args = [logs, '--data-dir', join(folder, 'data'), '--retention-bytes-max', '100GiB'];
const startedMs = performance.now();
const leadline = await RunningLeadline.up(args);
const pid = leadline.child.pid!;
const listeningMs = performance.now();
const timelines = asking(leadline, data.sampled.map(({ traceId }) => traceId));
let from: { atMs: number; count: number; cpu: number } | null = null;
let count = 0;
while (count < lines) {
  await pause(250);
  count = await counted(leadline);
  // From when the code is warm.
  if (from === null && count >= lines / 10) from = { atMs: performance.now(), count, cpu: cpuSecondsOf(pid)! };
}
const seconds = (performance.now() - from!.atMs) / 1000;
const took = await timelines.stop();
figures.push(
  { what: `${lines} lines in 12 files (${(bytes / 1e6).toFixed(0)} MB): file to searchable, parsed and correlated, the last nine tenths`, value: `${Math.round((lines - from!.count) / seconds)} events/s; ${(((cpuSecondsOf(pid)! - from!.cpu) * 1e6) / (lines - from!.count)).toFixed(1)} us of CPU an event, all threads`, beside: '>= 100,000 events/s, aim 190,000' },
  { what: 'the same from the start of the process', value: `${Math.round(lines / ((performance.now() - startedMs) / 1000))} events/s; listening after ${((listeningMs - startedMs) / 1000).toFixed(1)} s`, beside: '' },
  { what: 'a timeline (what carries its ids) every 100 ms meanwhile, over HTTP', value: spread(took), beside: '50 ms beside a long scan' },
  { what: 'memory', value: `peak ${memoryMbOf(pid, 'VmHWM')!.toFixed(0)} MB`, beside: 'writer <= 450 MB at full rate' },
);

// As the page asks second, with the lines that carry no id: here every line has one, which has to be seen.
const inferring = asking(leadline, data.sampled.map(({ traceId }) => traceId), true);
await pause(10_000);
figures.push({ what: 'a timeline every 100 ms with lines inferred, nothing beside', value: spread(await inferring.stop()), beside: '' });

// A long scan beside timelines.
const scanning = asking(leadline, data.sampled.map(({ traceId }) => traceId));
const scanStartedMs = performance.now();
for (let n = 0; n < 3; n++) await leadline.json<HistogramBody>('/api/v1/histogram?query=/nowhere.*to.be.seen/&step=1d');
const scanMs = (performance.now() - scanStartedMs) / 3;
figures.push({ what: `a timeline every 100 ms beside a search for a regular expression over everything (${(scanMs / 1000).toFixed(1)} s each)`, value: spread(await scanning.stop()), beside: '<= 50 ms' });
await leadline.stop();

const steady = await RunningLeadline.up([join(folder, 'steady'), '--data-dir', join(folder, 'steady-data')].map((arg, index) => (index === 0 ? (mkdirSync(arg), arg) : arg)));
const steadyData = new StoreData(8, 10);
const memory: number[] = [];
const cpuBefore = cpuSecondsOf(steady.child.pid!)!;
const steadySeconds = 60;
for (let n = 0; n < steadySeconds * 5; n++) {
  const atMs = performance.now();
  writeLogs(join(folder, 'steady'), steadyData, 200);
  if (n % 5 === 0) memory.push(memoryMbOf(steady.child.pid!, 'VmRSS')!);
  await pause(Math.max(0, 200 - (performance.now() - atMs)));
}
const cpu = (cpuSecondsOf(steady.child.pid!)! - cpuBefore) / steadySeconds;
figures.push({ what: '`up` at 1,000 events/s for a minute', value: `${memory.at(-1)!.toFixed(0)} MB, most ${Math.max(...memory).toFixed(0)} MB; ${(100 * cpu).toFixed(0)} % of a core`, beside: '<= 200 MB' });
await steady.stop();
rmSync(folder, { recursive: true });
if (values['no-report']) for (const { what, value } of figures) process.stdout.write(`${what}: ${value}\n`);
else report('search', figures);
