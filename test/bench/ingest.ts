/** `npm run bench:ingest`: files -> store -> timelines, on the OnlineBoutique set as it is and repeated with changed ids. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Queries } from '../../query/queries.ts';
import { EmbeddedReader } from '../../query/store/embedded-reader.ts';
import { storePaths } from '../../deploy/ingest.ts';
import { quietLog } from '#lib/log.ts';
import { defaultOptions } from '#schemas/options.ts';
import { boutiqueContainers, expectedTimelines } from '../helpers/onlineboutique.ts';
import { neverAborted } from '../helpers/store.ts';
import { percentile, report, type Figure } from './report.ts';

const repeats = Number(process.argv[2] ?? 20);
const runs = 5;
const folder = mkdtempSync(join(tmpdir(), 'leadline-bench-'));
const figures: Figure[] = [];
const root = join(import.meta.dirname, '../..');

// The command as a person runs it, process start included.
const walls: number[] = [];
for (let run = 0; run < runs; run++) {
  const startedMs = performance.now();
  const result = spawnSync(process.execPath, ['--no-warnings', join(root, 'deploy', 'leadline.mjs'), 'ingest', boutiqueContainers, '--data-dir', join(folder, `run-${run}`), '--quiet'], { cwd: root });
  if (result.status !== 0) throw new Error(result.stderr.toString());
  walls.push(performance.now() - startedMs);
}
figures.push({ what: '`leadline ingest` of the set (10 files, 12,058 lines, 3.9 MB), whole process, median of 5', value: `${(percentile(walls, 0.5) / 1000).toFixed(2)} s`, beside: 'goal under 3 s' });

// The same lines, with ids changed so that every copy has requests of its own.
const logs = join(folder, 'logs');
mkdirSync(logs);
let bytes = 0;
const contents: Buffer[] = [];
for (const name of readdirSync(boutiqueContainers)) {
  const once = gunzipSync(readFileSync(join(boutiqueContainers, name))).toString('latin1');
  const copies = Array.from({ length: repeats }, (_, copy) => once.replace(/((?:Trace|Span)ID: )([0-9a-f]{6})/g, (_, label: string) => `${label}${copy.toString(16).padStart(6, 'f')}`).replace(/("http\.req\.id\\":\\")([0-9a-f]{6})/g, (_, label: string) => `${label}${copy.toString(16).padStart(6, 'e')}`));
  const content = Buffer.from(copies.join(''), 'latin1');
  bytes += content.length;
  contents.push(content);
  writeFileSync(join(logs, basename(name, '.gz')), content);
}
let parsed = 0;
const parseStartedMs = performance.now();
for (const content of contents) {
  for (let from = 0, to = content.indexOf(10); to >= 0; from = to + 1, to = content.indexOf(10, from)) {
    JSON.parse(content.toString('utf8', from, to));
    parsed += 1;
  }
}
const parseSeconds = (performance.now() - parseStartedMs) / 1000;
contents.length = 0;

const dataDir = join(folder, 'data');
const cpuBefore = process.cpuUsage();
const startedMs = performance.now();
const stored = await storePaths([logs], { ...defaultOptions(), dataDir }, quietLog);
const seconds = (performance.now() - startedMs) / 1000;
const cpu = process.cpuUsage(cpuBefore);
const events = [...stored.streams!.values()].reduce((sum, stream) => sum + stream.events, 0);
figures.push(
  { what: `the set ${repeats} times (${events} events, ${(bytes / 1e6).toFixed(0)} MB): file to durable, parsed and correlated, one thread`, value: `${Math.round(events / seconds)} events/s, ${((cpu.user + cpu.system) / events).toFixed(1)} us CPU per event`, beside: `goal >= 100,000 events/s; JSON.parse alone of the same lines: ${Math.round(parsed / parseSeconds)} lines/s` },
  { what: 'memory after it', value: `${Math.round(process.memoryUsage.rss() / 1e6)} MB RSS`, beside: '' },
);

const queries = new Queries(new EmbeddedReader(dataDir), defaultOptions());
const { store } = await queries.streams([], neverAborted);
figures.push({ what: 'size on disk', value: `${(store.bytes / events).toFixed(0)} B per event`, beside: `${(bytes / events).toFixed(0)} B raw; goal <= 60 B` });
const expected = Object.entries(expectedTimelines());

/** Every expected timeline, asked for in each of these spellings; a wrong count is worth stopping for. */
async function timelineLatencies(store: Queries, spellings: readonly ((id: string) => string)[]): Promise<string> {
  const latencies: number[] = [];
  for (const spelling of spellings) {
    for (const [id, { lines }] of expected) {
      const askedMs = performance.now();
      const timeline = await store.timeline(spelling(id), { inferred: false }, neverAborted);
      latencies.push(performance.now() - askedMs);
      if (timeline.events.length !== lines) throw new Error(`${spelling(id)}: ${timeline.events.length} lines of ${lines}`);
    }
  }
  return `p50 ${percentile(latencies, 0.5).toFixed(1)} ms, p99 ${percentile(latencies, 0.99).toFixed(1)} ms, worst ${Math.max(...latencies).toFixed(1)} ms of ${latencies.length}`;
}

const one = new Queries(new EmbeddedReader(join(folder, 'run-0')), defaultOptions());
figures.push({ what: 'a timeline of the set by trace id, no time range', value: await timelineLatencies(one, [id => id, id => id, id => id, id => id]), beside: 'goal under 20 ms' });
await one.close();
figures.push({ what: `the same among ${events} events`, value: await timelineLatencies(queries, [0, 7, 14, 21].map(copy => id => (copy % repeats).toString(16).padStart(6, 'f') + id.slice(6))), beside: 'goal p50 <= 1 ms, p99 <= 5 ms' });
const search = async (query: string): Promise<string> => {
  const askedMs = performance.now();
  const page = await queries.events({ query, limit: 100 }, neverAborted);
  return `${(performance.now() - askedMs).toFixed(0)} ms (${page.events.length} found, ${page.scanned.events} looked at)`;
};
figures.push({ what: 'newest 100 of a common word', value: await search('currency'), beside: '' }, { what: 'a word that stands nowhere, everything looked at', value: await search('zebra-needle'), beside: '' });
await queries.close();
rmSync(folder, { recursive: true });
report('ingest', figures);
