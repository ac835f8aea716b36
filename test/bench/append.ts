/**
 * `npm run bench:append`: parsed events -> durable, as `up` and `collect` do it: threads that make batches ready, one that stores them.
 *
 *     node test/bench/append.ts [--events 4m] [--no-report]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startThread } from '#lib/thread.ts';
import { defaultOptions } from '#schemas/options.ts';
import { EmbeddedWriter } from '../../collector/store/embedded-writer.ts';
import type { PreparedBatch } from '../../collector/store/prepared-batch.ts';
import { memoryMbOf } from './measured-process.ts';
import { report, type Figure } from './report.ts';

const { values } = parseArgs({ options: { events: { type: 'string', default: '4m' }, 'no-report': { type: 'boolean', default: false } } });
const events = Number(values.events.replace(/m$/i, '')) * (/m$/i.test(values.events) ? 1e6 : 1);
const figures: Figure[] = [];

for (const threads of [1, 2]) {
  const dataDir = mkdtempSync(join(tmpdir(), 'leadline-bench-'));
  const options = { ...defaultOptions(), dataDir, retentionBytesMax: 1e15, retentionMs: 1e14 };
  const writer = new EmbeddedWriter(options);
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  let storingMs = 0;
  const makingMs = await Promise.all(
    Array.from({ length: threads }, (_, index) => {
      const worker = startThread(new URL('./append-thread.ts', import.meta.url), { number: index + 1, events: events / threads, batchEvents: options.commitEventsMax }, { youngGenerationMb: 48 });
      return new Promise<number>((resolve, reject) => {
        worker.on('error', reject);
        worker.on('message', ({ batch, makingMs: made }: { batch?: PreparedBatch; makingMs?: number }) => {
          if (made !== undefined) resolve(made);
          if (batch === undefined) return;
          const atMs = performance.now();
          writer.appendPrepared([batch]);
          storingMs += performance.now() - atMs;
          worker.postMessage('stored');
        });
      });
    }),
  );
  const ms = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  const made = makingMs.reduce((sum, each) => sum + each, 0);
  const cpuUs = (user + system - made * 1000) / events;
  figures.push({
    what: `${events} events, ${threads === 1 ? 'one thread makes' : `${threads} threads make`} batches ready, one stores them`,
    value: `${Math.round((1000 * events) / ms)} events/s with making the events, ${Math.round((1000 * events) / (ms - made / threads))} without; ${cpuUs.toFixed(1)} us of CPU an event without; the storing thread is busy for ${((100 * storingMs) / ms).toFixed(0)} %; ${memoryMbOf(process.pid, 'VmHWM')!.toFixed(0)} MB at most so far`,
    beside: '>= 230,000 events/s on two cores; VictoriaLogs 187,000 to 200,000 with both full',
  });
  writer.close();
  rmSync(dataDir, { recursive: true });
}
if (values['no-report']) for (const { what, value } of figures) process.stdout.write(`${what}: ${value}\n`);
else report('append', figures);
