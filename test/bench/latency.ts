/**
 * `npm run bench:latency`: how long a line takes from its write to its acknowledgement by the broker at a steady 10,000 lines a second, and what that
 * costs, over the pauses between two looks at a file; rsyslog beside it in the same run. Arguments: seconds measured per setting (20), rate (10,000).
 *
 * Acknowledged is the record's append time on the broker's clock (whole milliseconds, rounded down), which is this machine's; the answer takes well
 * under a millisecond more.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { sourceBytes } from '../helpers/topic-bytes.ts';
import { BenchBroker } from './bench-broker.ts';
import { cpuSecondsOf, memoryMbOf } from './measured-process.ts';
import { leadline, warmCompileCache } from './peers/leadline.ts';
import { endPeer, type Peer } from './peers/peer.ts';
import { rsyslog, rsyslogMissing } from './peers/rsyslog.ts';
import { percentile, reportTable } from './report.ts';
import { lineBytes, writeTimeOf } from './ship-lines.ts';

const seconds = Number(process.argv[2] ?? 20);
const linesPerSecond = Number(process.argv[3] ?? 10_000);
const warmUpSeconds = 5;

const settings: Peer[] = [
  leadline('**leadline ship** as it comes'),
  ...[5, 10, 25, 50, 100, 250].map(ms => leadline(`leadline ship --poll-interval-ms ${ms}`, ['--poll-interval-ms', String(ms)])),
  leadline('**leadline ship** as it comes, again'),
];
const missing = rsyslogMissing();
if (missing === null) settings.push(...[5, 20].map(lingerMs => ({ ...rsyslog(lingerMs), name: `rsyslog omkafka, linger.ms ${lingerMs}` })));
else process.stderr.write(`rsyslog is left out: ${missing}\n`);

const folder = mkdtempSync(join(tmpdir(), 'leadline-bench-'));
warmCompileCache();
const broker = await BenchBroker.start();
const rows: string[][] = [];
try {
  // A broker that just started compiles its code first.
  await measure(settings[0]!, 'warm', 3);
  for (const [index, setting] of settings.entries()) {
    rows.push(await measure(setting, `latency${index}`, seconds));
    process.stderr.write(`${rows.at(-1)!.join(' | ')}\n`);
  }
} finally {
  await broker.stop();
  rmSync(folder, { recursive: true });
}
reportTable('latency', ['who', 'p50 ms', 'p99 ms', 'max ms', '% of a core', 'RSS MB (peak)', 'broker %', 'topic bytes a line', 'lines in the topic'], rows, [
  `One file, ${linesPerSecond} lines a second of ${lineBytes} bytes, one write a millisecond, ${seconds} s each after ${warmUpSeconds} s; from the write to the append by the broker on the same machine. Goal: p50 <= 30 ms, p99 <= 60 ms under 5 % of a core.`,
  'The pause between two looks is the curve of latency against cost: shorter pauses mean smaller chunks, more of them, and less compression.',
  'rsyslog sends a line a record and is woken by inotify.',
]);
process.exit();

async function measure(peer: Peer, prefix: string, measuredSeconds: number): Promise<string[]> {
  const topic = await broker.createTopics(prefix, { 'message.timestamp.type': 'LogAppendTime' });
  const runFolder = join(folder, prefix);
  mkdirSync(runFolder);
  const file = join(runFolder, 'app.log');
  const writer = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, 'steady-writer.ts'), file, String(linesPerSecond)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  writer.stdout.on('data', (data: Buffer) => (said += data.toString()));
  await once(writer.stdout, 'data');
  const child = peer.start({ folder: runFolder, file, lines: 0, brokers: broker.broker.brokers, topic, classPath: broker.broker.classPath });
  const pid = child.pid!;
  await pause(warmUpSeconds * 1000);
  const fromMs = Date.now();
  const before = { shipper: cpuSecondsOf(pid)!, broker: broker.process.cpuSeconds };
  await pause(measuredSeconds * 1000);
  const toMs = Date.now();
  const shipperPercent = ((cpuSecondsOf(pid) ?? NaN) - before.shipper) / measuredSeconds * 100;
  const brokerPercent = (broker.process.cpuSeconds - before.broker) / measuredSeconds * 100;
  const rssMb = memoryMbOf(pid, 'VmRSS') ?? NaN;
  const peakMb = memoryMbOf(pid, 'VmHWM') ?? NaN;
  writer.kill('SIGTERM');
  await once(writer, 'exit');
  const written = Number(said.trim().split('\n').at(-1));
  await pause(3000);
  await endPeer(child);

  const latencies: number[] = [];
  let lines = 0;
  for await (const record of broker.allRecords(topic)) {
    const bytes = peer.recordHolds === 'line' ? Buffer.concat([record.value!, Buffer.from('\n')]) : sourceBytes(record);
    for (let from = 0, to = bytes.indexOf(10); to >= 0; from = to + 1, to = bytes.indexOf(10, from)) {
      lines += 1;
      const wroteMs = writeTimeOf(bytes.subarray(from, to));
      if (wroteMs >= fromMs && wroteMs < toMs) latencies.push(record.timestampMs - wroteMs);
    }
  }
  const topicMb = broker.topicMb(topic);
  await broker.deleteTopics(prefix);
  rmSync(runFolder, { recursive: true });
  return [
    peer.name,
    percentile(latencies, 0.5).toFixed(0),
    percentile(latencies, 0.99).toFixed(0),
    latencies.reduce((most, each) => Math.max(most, each), 0).toFixed(0),
    shipperPercent.toFixed(1),
    `${rssMb.toFixed(0)} (${peakMb.toFixed(0)})`,
    brokerPercent.toFixed(1),
    ((topicMb * 1e6) / lines).toFixed(0),
    lines === written ? `all ${written}` : `**${lines} of ${written}**`,
  ];
}
