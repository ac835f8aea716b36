/**
 * `npm run bench:ship`: one file of 240-byte lines into a real broker, by Leadline and by what stands beside it, in the same run, taking turns.
 * Arguments: lines (3,000,000), repeats (3), and a part of the names of those to run alone, which then makes no report.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { sourceBytes } from '../helpers/topic-bytes.ts';
import { BenchBroker } from './bench-broker.ts';
import { machineCpuSeconds, MeasuredProcess } from './measured-process.ts';
import { bareLoop } from './peers/bare-loop.ts';
import { leadline, warmCompileCache } from './peers/leadline.ts';
import { endPeer, type Peer } from './peers/peer.ts';
import { producerPerformance } from './peers/producer-performance.ts';
import { rsyslog, rsyslogMissing } from './peers/rsyslog.ts';
import { percentile, reportTable } from './report.ts';
import { lineBytes, SeenLines, sequenceOf, writeLines, type LineFraming } from './ship-lines.ts';

const lines = Number(process.argv[2] ?? 3_000_000);
const repeats = Number(process.argv[3] ?? 3);
const only = process.argv[4] ?? null;
const lookEveryMs = 20;
const runMsMax = 180_000;

interface Measured {
  wallSeconds: number;
  /** From the first record in the topic on: without the start of the process. */
  flowingSeconds: number;
  cpuUsPerLine: number;
  peakMb: number;
  brokerSecondsPerMillion: number;
  topicMb: number;
  /** CPU of the machine that was neither the peer's, nor the broker's, nor this bench's. */
  foreignSeconds: number;
}

interface Row {
  peer: Peer;
  framing: LineFraming;
  runs: Measured[];
  verified: string;
}

let rows: Row[] = [
  { peer: leadline('**leadline ship**'), framing: 'plain', runs: [], verified: '' },
  { peer: leadline('**leadline ship**, docker framing'), framing: 'docker', runs: [], verified: '' },
  { peer: bareLoop, framing: 'plain', runs: [], verified: '' },
  { peer: producerPerformance, framing: 'plain', runs: [], verified: '' },
];
const missing = rsyslogMissing();
if (missing === null) rows.push({ peer: rsyslog(), framing: 'plain', runs: [], verified: '' });
else process.stderr.write(`rsyslog is left out: ${missing}\n`);
if (only !== null) rows = rows.filter(({ peer }) => peer.name.includes(only));

const folder = mkdtempSync(join(tmpdir(), 'leadline-bench-'));
const files: Record<LineFraming, string> = { plain: join(folder, 'plain.log'), docker: join(folder, 'docker.log') };
writeLines(files.plain, lines, 'plain');
writeLines(files.docker, lines, 'docker');
warmCompileCache();
const broker = await BenchBroker.start();

try {
  // A broker that just started compiles its code first.
  await runOnce({ peer: bareLoop, framing: 'plain', runs: [], verified: '' }, 'warm', false);
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const [index, row] of rows.entries()) {
      row.runs.push(await runOnce(row, `run${repeat}x${index}`, repeat === 0));
      process.stderr.write(`${row.peer.name}: ${inWords(row.runs.at(-1)!)} ${repeat === 0 ? row.verified : ''}\n`);
    }
  }
} finally {
  await broker.stop();
  rmSync(folder, { recursive: true });
}

const three = (row: Row, value: (run: Measured) => number, digits: number): string => {
  const values = row.runs.map(value);
  return [Math.min(...values), percentile(values, 0.5), Math.max(...values)].map(each => each.toFixed(digits)).join(' / ');
};
if (only === null) {
  reportTable(
    'ship',
    ['who', 'k lines/s', 'k lines/s without its start', 'us CPU a line', 'peak RSS MB', 'broker CPU s a million lines', 'topic MB', 'in the topic', 'foreign CPU s'],
    rows.map(row => [
      row.peer.name,
      three(row, run => lines / run.wallSeconds / 1000, 0),
      three(row, run => lines / run.flowingSeconds / 1000, 0),
      three(row, run => run.cpuUsPerLine, 2),
      three(row, run => run.peakMb, 0),
      three(row, run => run.brokerSecondsPerMillion, 2),
      three(row, run => run.topicMb, 0),
      row.verified,
      three(row, run => run.foreignSeconds, 1),
    ]),
    [
      `${lines} lines of ${lineBytes} bytes and a newline in one file, page cache warm, into 6 partitions of a single broker on the same cores; acks=all, zstd; min / median / max of ${repeats} runs, taking turns. CPU is user and system time of the whole process from its start to the last acknowledgement.`,
      'A record of Leadline and of the bare loop holds many lines, one of the others a single line: consumers other than ours must split the former. The bare loop keeps no state, follows no rotation and does not retry.',
      'rsyslog and the Java producer run in one fast configuration each (test/bench/peers), not tuned further. Foreign CPU is what was used on the machine by nobody of these.',
      'Every line of the first run of each was looked up in the topic.',
    ],
  );
}
process.exit();

function inWords(run: Measured): string {
  return `${(lines / run.wallSeconds / 1000).toFixed(0)} k lines/s, ${run.cpuUsPerLine.toFixed(2)} us a line, ${run.peakMb.toFixed(0)} MB, broker ${run.brokerSecondsPerMillion.toFixed(2)} s/M, topic ${run.topicMb.toFixed(0)} MB, foreign ${run.foreignSeconds.toFixed(1)} s`;
}

async function runOnce(row: Row, prefix: string, verify: boolean): Promise<Measured> {
  const { peer } = row;
  const file = files[row.framing];
  const sizeBytes = statSync(file).size;
  // The page cache is warm, as for a file that is being written.
  readFileSync(file);
  const topic = await broker.createTopics(prefix);
  await pause(1000);
  const runFolder = join(folder, prefix);
  mkdirSync(runFolder);

  const brokerProcess = broker.process;
  const before = { broker: brokerProcess.cpuSeconds, machine: machineCpuSeconds(), own: process.cpuUsage() };
  const startedMs = performance.now();
  const child = peer.start({ folder: runFolder, file, lines, brokers: broker.broker.brokers, topic, classPath: broker.broker.classPath });
  const measured = new MeasuredProcess(child.pid!);
  let isDone = false;
  child.stdout?.on('data', (data: Buffer) => {
    if (!isDone && data.toString().includes('done')) {
      measured.sample();
      isDone = true;
    }
  });
  let firstMs = 0;
  let movedMs = 0;
  let lookedAt = -1;
  for (let records = -1; ; ) {
    await pause(lookEveryMs);
    const now = await broker.records(topic);
    if (firstMs === 0 && now > 0) firstMs = performance.now();
    const moved = now !== records;
    if (moved) movedMs = performance.now();
    records = now;
    if (peer.endSeenBy !== 'child' || !isDone) measured.sample();
    if (peer.endSeenBy === 'child' && isDone) break;
    if (peer.endSeenBy === 'offsets' && records >= lines) break;
    // Looking at the last record costs the broker: only when nothing came since the look before.
    if (peer.endSeenBy === 'byteRange' && !moved && records !== lookedAt) {
      lookedAt = records;
      if ((await broker.furthestEnd(topic)) === sizeBytes) break;
    }
    if (!measured.alive && !isDone && peer.endSeenBy !== 'offsets') throw new Error(`${peer.name} ended by itself: ${(child as { output?: string }).output ?? ''}`);
    if (performance.now() - startedMs > runMsMax) throw new Error(`${peer.name} is at ${records} records after ${runMsMax / 1000} s: ${(child as { output?: string }).output ?? ''}`);
  }
  const endedMs = peer.endSeenBy === 'byteRange' ? movedMs : performance.now();
  brokerProcess.sample();
  const own = process.cpuUsage(before.own);
  const brokerSeconds = brokerProcess.cpuSeconds - before.broker;
  const foreignSeconds = Math.max(0, machineCpuSeconds() - before.machine - brokerSeconds - measured.cpuSeconds - (own.user + own.system) / 1e6);
  await endPeer(child);
  const topicMb = broker.topicMb(topic);
  if (verify) row.verified = await verdict(peer, topic);
  await broker.deleteTopics(prefix);
  rmSync(runFolder, { recursive: true, force: true });
  return { wallSeconds: (endedMs - startedMs) / 1000, flowingSeconds: (endedMs - firstMs) / 1000, cpuUsPerLine: (measured.cpuSeconds * 1e6) / lines, peakMb: measured.peakMb, brokerSecondsPerMillion: (brokerSeconds * 1e6) / lines, topicMb, foreignSeconds };
}

/** Reads the topic back and looks every line up. */
async function verdict(peer: Peer, topic: string): Promise<string> {
  if (!peer.sendsTheFile) return 'lines of its own choice, counted only';
  const seen = new SeenLines(lines);
  for await (const record of broker.allRecords(topic)) {
    if (peer.recordHolds === 'line') seen.add(sequenceOf(Buffer.from(record.value!)));
    else {
      const bytes = sourceBytes(record, peer.recordHolds === 'zstd' ? true : undefined);
      for (let from = 0, to = bytes.indexOf(10); to >= 0; from = to + 1, to = bytes.indexOf(10, from)) seen.add(sequenceOf(bytes.subarray(from, to)));
    }
  }
  return `${seen.missing} missing, ${seen.again} doubled${seen.strange > 0 ? `, ${seen.strange} not ours` : ''}`;
}
