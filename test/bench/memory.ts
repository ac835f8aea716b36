/**
 * `npm run bench:memory`: the shipper's memory when it is saturated, while the broker is away, with 10,000 files, and over ten minutes of load; and how
 * long a start takes to the first acknowledged line. Arguments: minutes of load (10), minutes without a broker (3), and one of the parts below to measure
 * alone, which then makes no report.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BenchBroker } from './bench-broker.ts';
import { cpuSecondsOf, memoryMbOf } from './measured-process.ts';
import { leadline, warmCompileCache } from './peers/leadline.ts';
import { endPeer } from './peers/peer.ts';
import { percentile, report, type Figure } from './report.ts';
import { lineBytes, LineMaker, writeLines } from './ship-lines.ts';

const loadMinutes = Number(process.argv[2] ?? 10);
const awayMinutes = Number(process.argv[3] ?? 3);
const only = process.argv[4] ?? null;
const linesPerSecond = 10_000;
const saturatedLines = 3_000_000;
const quietFiles = 10_000;
const starts = 7;
const catchUpMsMax = 120_000;
const goal = 'goal under 96 MB, in a container of 128 MB';

const folder = mkdtempSync(join(tmpdir(), 'leadline-bench-'));
warmCompileCache();
const broker = await BenchBroker.start();
const figures: Figure[] = [];
const say = (figure: Figure): void => {
  figures.push(figure);
  process.stderr.write(`${figure.what}: ${figure.value}\n`);
};
const running: ChildProcess[] = [];
try {
  const parts = { starts: measureStarts, saturated: measureSaturated, quiet: measureQuietFiles, away: measureAway, load: measureLoad };
  for (const [name, part] of Object.entries(parts)) if (only === null || only === name) await part();
} finally {
  for (const child of running) await endPeer(child);
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
}
if (only === null) report('memory', figures);
process.exit();

async function ship(prefix: string, path: string, more: readonly string[] = []): Promise<{ child: ChildProcess; pid: number; topic: string }> {
  const topic = await broker.createTopics(prefix);
  const runFolder = join(folder, prefix);
  mkdirSync(runFolder, { recursive: true });
  const child = leadline(prefix, more).start({ folder: runFolder, file: path, lines: 0, brokers: broker.broker.brokers, topic, classPath: '' });
  running.push(child);
  child.once('exit', (code, signal) => {
    if (signal !== 'SIGKILL') throw new Error(`leadline ship ended by itself with ${code ?? signal}: ${(child as { output?: string }).output ?? ''}`);
  });
  return { child, pid: child.pid!, topic };
}

/** Writes at a steady rate until it is ended, which removes its files. */
async function writing(path: string): Promise<{ end: () => Promise<number> }> {
  const writer = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, 'steady-writer.ts'), path, String(linesPerSecond), '100000000'], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(writer);
  let said = '';
  writer.stdout.on('data', (data: Buffer) => (said += data.toString()));
  await once(writer.stdout, 'data');
  return {
    end: async () => {
      writer.kill('SIGTERM');
      await once(writer, 'exit');
      return Number(said.trim().split('\n').at(-1));
    },
  };
}

async function measureStarts(): Promise<void> {
  const tookMs: number[] = [];
  for (let start = 0; start < starts; start++) {
    const prefix = `start${start}`;
    const file = join(folder, `${prefix}.log`);
    writeFileSync(file, `${new LineMaker().line()}\n`);
    const topic = await broker.createTopics(prefix);
    await pause(500);
    const runFolder = join(folder, prefix);
    mkdirSync(runFolder);
    const startedMs = performance.now();
    const child = leadline(prefix).start({ folder: runFolder, file, lines: 0, brokers: broker.broker.brokers, topic, classPath: '' });
    running.push(child);
    while ((await broker.furthestEnd(topic)) < statSync(file).size) await pause(5);
    tookMs.push(performance.now() - startedMs);
    await endPeer(child);
    await broker.deleteTopics(prefix);
  }
  say({ what: `start of the process to its first line in the topic, ${tookMs.length} starts`, value: `${percentile(tookMs, 0.5).toFixed(0)} ms, worst ${Math.max(...tookMs).toFixed(0)} ms`, beside: 'goal under 1 s' });
}

async function measureSaturated(): Promise<void> {
  const file = join(folder, 'saturated.log');
  writeLines(file, saturatedLines, 'plain');
  const { child, pid, topic } = await ship('saturated', file);
  const samples: number[] = [];
  while ((await broker.furthestEnd(topic)) < statSync(file).size) {
    samples.push(memoryMbOf(pid, 'VmRSS') ?? NaN);
    await pause(100);
  }
  say({ what: `saturated: ${saturatedLines / 1e6} million lines in one file, as fast as it can`, value: `peak ${(memoryMbOf(pid, 'VmHWM') ?? NaN).toFixed(0)} MB, median ${percentile(samples, 0.5).toFixed(0)} MB`, beside: goal });
  await endPeer(child);
  await broker.deleteTopics('saturated');
  rmSync(file);
}

async function measureQuietFiles(): Promise<void> {
  const logs = join(folder, 'many');
  const maker = new LineMaker();
  for (let index = 0; index < quietFiles; index++) {
    const part = join(logs, `service-${index % 100}`);
    if (index < 100) mkdirSync(part, { recursive: true });
    writeFileSync(join(part, `${index}.log`), Array.from({ length: 5 }, () => `${maker.line()}\n`).join(''));
  }
  const { child, pid, topic } = await ship('many', logs);
  const startedMs = performance.now();
  for (let records = -1; ; ) {
    await pause(3000);
    const now = await broker.records(topic);
    process.stderr.write(`${now} records\r`);
    if (now === records && now > quietFiles) break;
    records = now;
  }
  const shippedSeconds = (performance.now() - startedMs) / 1000;
  // A file that grew within the last minute is not idle.
  await pause(70_000);
  const before = cpuSecondsOf(pid)!;
  await pause(60_000);
  const percent = ((cpuSecondsOf(pid)! - before) / 60) * 100;
  say({ what: `${quietFiles} files of 5 lines, shipped, then a minute without a change`, value: `${(memoryMbOf(pid, 'VmRSS') ?? NaN).toFixed(0)} MB (peak ${(memoryMbOf(pid, 'VmHWM') ?? NaN).toFixed(0)}), ${percent.toFixed(1)} % of a core; quiet after ${shippedSeconds.toFixed(0)} s`, beside: `${goal}; idle under 3 % of a core` });
  const beforeOne = performance.now();
  const size = statSync(join(logs, 'service-7', '7.log')).size;
  appendFileSync(join(logs, 'service-7', '7.log'), `${maker.line()}\n`);
  const recordsBefore = await broker.records(topic);
  while ((await broker.records(topic)) === recordsBefore) await pause(10);
  say({ what: `a line in one of them (${size} bytes until then)`, value: `in the topic after ${(performance.now() - beforeOne).toFixed(0)} ms`, beside: '2 s where watching does not work' });
  await endPeer(child);
  await broker.deleteTopics('many');
}

async function measureAway(): Promise<void> {
  const file = join(folder, 'away.log');
  const writer = await writing(file);
  const { child, pid, topic } = await ship('away', file);
  await pause(10_000);
  const withBroker = memoryMbOf(pid, 'VmRSS') ?? NaN;
  broker.broker.kill9(1);
  const samples: number[] = [];
  for (let second = 0; second < awayMinutes * 60; second++) {
    await pause(1000);
    samples.push(memoryMbOf(pid, 'VmRSS') ?? NaN);
  }
  await broker.broker.startNode(1);
  const backMs = performance.now();
  const written = await writer.end();
  let arrivedBytes = 0;
  while (performance.now() - backMs < catchUpMsMax && arrivedBytes < written * (lineBytes + 1)) {
    await pause(2000);
    arrivedBytes = await bytesIn(topic);
  }
  const seconds = (performance.now() - backMs) / 1000;
  say({
    what: `broker killed for ${awayMinutes} min under ${linesPerSecond} lines/s, files rotated at 100 MB`,
    value: `peak ${Math.max(...samples).toFixed(0)} MB while away, ${withBroker.toFixed(0)} MB before, peak of all ${(memoryMbOf(pid, 'VmHWM') ?? NaN).toFixed(0)} MB`,
    beside: `${goal}; ${written} lines written, ${arrivedBytes / (lineBytes + 1)} in the topic ${seconds.toFixed(0)} s after it was back`,
  });
  await endPeer(child);
  await broker.deleteTopics('away');
}

/** Of all streams, each byte once. */
async function bytesIn(topic: string): Promise<number> {
  const ends = new Map<string, number>();
  for await (const { headers } of broker.allRecords(topic)) ends.set(headers['ll-stream']!, Math.max(ends.get(headers['ll-stream']!) ?? 0, Number(headers['ll-end'])));
  return [...ends.values()].reduce((sum, end) => sum + end, 0);
}

async function measureLoad(): Promise<void> {
  const file = join(folder, 'load.log');
  const writer = await writing(file);
  const { child, pid } = await ship('load', file);
  await pause(10_000);
  const samples: number[] = [];
  const before = cpuSecondsOf(pid)!;
  for (let look = 0; look < loadMinutes * 12; look++) {
    await pause(5000);
    samples.push(memoryMbOf(pid, 'VmRSS') ?? NaN);
  }
  const percent = ((cpuSecondsOf(pid)! - before) / (loadMinutes * 60)) * 100;
  await writer.end();
  const minute = (from: number): number => percentile(samples.slice(from, from + 12), 0.5);
  say({ what: `${loadMinutes} minutes of ${linesPerSecond} lines/s, files rotated at 100 MB`, value: `first minute ${minute(0).toFixed(0)} MB, last minute ${minute(samples.length - 12).toFixed(0)} MB, most ${Math.max(...samples).toFixed(0)} MB; ${percent.toFixed(1)} % of a core`, beside: `${goal}, flat` });
  await endPeer(child);
}
