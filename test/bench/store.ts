/**
 * `npm run bench:store`: the embedded store with events of `store-data.ts`: append, size, look-ups, searches, counts, at each of the sizes told.
 *
 *     node test/bench/store.ts [--events 1m,10m] [--dir DIR] [--peers] [--name store] [--no-report]
 *
 * Beside it, with `--peers`, on the same events: SQLite rows with an index per id and FTS5, and VictoriaLogs where `VICTORIA_LOGS` names its program.
 * Every answer is compared with what the generator knows; a wrong one ends the bench.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { reportTable } from './report.ts';
import { LeadlineStore } from './stores/leadline-store.ts';
import { SqliteRows } from './stores/sqlite-rows.ts';
import type { BenchStore, Measured } from './stores/bench-store.ts';
import { VictoriaLogs } from './stores/victoria-logs.ts';
import { StoreData } from './store-data.ts';

const { values } = parseArgs({ options: { events: { type: 'string', default: '1m' }, dir: { type: 'string' }, peers: { type: 'boolean', default: false }, name: { type: 'string', default: 'store' }, 'no-report': { type: 'boolean', default: false } } });
const sizes = values.events.split(',').map(sizeOf);
const commitEvents = 4096;
const sampledRequests = 4000;

function sizeOf(text: string): number {
  const parts = /^(\d+(?:\.\d+)?)(k|m)?$/i.exec(text);
  if (parts === null) throw new Error(`--events ${text}: write 500k, 1m, 1m,10m,100m`);
  return Number(parts[1]) * (parts[2]?.toLowerCase() === 'k' ? 1e3 : parts[2] === undefined ? 1 : 1e6);
}

const folder = mkdtempSync(join(values.dir ?? tmpdir(), 'leadline-bench-'));
const rows: { store: string; events: number; measured: Measured }[] = [];

async function fill(store: BenchStore, goals: readonly number[]): Promise<void> {
  const data = new StoreData(20261128, Math.max(1, Math.floor(goals.at(-1)! / 14 / sampledRequests)));
  let wall = 0;
  let cpu = 0;
  let events = 0;
  for (const goal of goals) {
    const before = { wall, cpu, events };
    while (data.count < goal) {
      const batch = data.batch(Math.min(commitEvents, goal - data.count));
      const cpuBefore = process.cpuUsage();
      const startedMs = performance.now();
      await store.append(batch);
      wall += performance.now() - startedMs;
      const used = process.cpuUsage(cpuBefore);
      cpu += used.user + used.system;
      events += batch.length;
      if (data.count % (250 * commitEvents) < commitEvents) process.stderr.write(`${store.name}: ${data.count} events, ${Math.round((1000 * (events - before.events)) / (wall - before.wall))} a second\n`);
    }
    const seconds = (wall - before.wall) / 1000 + (await store.settle());
    const count = events - before.events;
    const measured: Measured = {
      'append, events/s': String(Math.round(count / seconds)),
      'us of CPU an event': ((cpu - before.cpu) / count + store.foreignCpuUs(count)).toFixed(2),
      'raw B an event': (data.rawBytes / data.count).toFixed(0),
      ...(await store.measure(data)),
    };
    rows.push({ store: store.name, events: data.count, measured });
    process.stderr.write(`${store.name} at ${data.count}: ${JSON.stringify(measured, null, 1)}\n`);
  }
  await store.close();
}

await fill(new LeadlineStore(join(folder, 'leadline')), sizes);
if (values.peers) {
  await fill(new SqliteRows(join(folder, 'rows')), sizes.filter(size => size <= 5e6));
  const program = process.env['VICTORIA_LOGS'];
  if (program === undefined) process.stderr.write('VictoriaLogs is left out: VICTORIA_LOGS does not name its program\n');
  else await fill(await VictoriaLogs.start(program, join(folder, 'victoria')), sizes.filter(size => size <= 2e7));
}
rmSync(folder, { recursive: true });

const goals: Measured = {
  'append, events/s': '>= 230,000',
  'B an event on disk': '<= 60',
  'trace id -> timeline, ms': '20 M: p50 <= 1, p99 <= 5; 100 M: 3, 15',
  'the same, cold, ms': '<= 30 at 100 M',
  'rare word, all counted, ms': '<= 700 at 100 M',
  'rare word, last hour, ms': '<= 10',
  'common word, newest 100, ms': '<= 10',
  'histogram by level, ms': '<= 100 at 100 M',
  'peak memory, MB': '<= 450',
  'append of 50 events beside a long scan, ms': 'acknowledged within 100',
};
const names = [...new Set(rows.flatMap(({ measured }) => Object.keys(measured)))];
if (!values['no-report']) reportTable(
  values.name,
  ['', 'goal', ...rows.map(({ store, events }) => `${store}, ${events >= 1e6 ? `${events / 1e6} M` : events}`)],
  names.map(name => [name, goals[name] ?? '', ...rows.map(({ measured }) => measured[name] ?? '-')]),
  [
    `Events of test/bench/store-data.ts, committed ${commitEvents} at a time and durable at each commit; making them is not counted. Times are p50 / p99 / worst of many, or the median of five where one value stands; warm unless said.`,
    'Timelines are whole ones, by any id, with every id that their lines prove to be the same request; each has as many lines as the generator gave it. Cold: the files taken out of the page cache and opened anew before each.',
    ...(values.peers ? ['SQLite rows: one row an event, an index row per id and event, FTS5 over the message, synchronous=FULL; its timeline is the rows of one id. VictoriaLogs: two connections, JSON lines, service as stream; its CPU is its own, its look-up a search for the field.'] : []),
  ],
);
