/**
 * What reading costs: one file of 240-byte lines through `ingestPaths` into a transport that acknowledges at once.
 * `node test/bench/ingest-read.ts [MEGABYTES] [none|zstd]`
 */
import { mkdtempSync, openSync, closeSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quietLog } from '#lib/log.ts';
import { defaultOptions } from '#schemas/options.ts';
import type { Transport } from '#schemas/transport.ts';
import { ingestPaths } from '../../shipper/ingest.ts';

const megabytes = Number(process.argv[2] ?? 200);
const codec = process.argv[3] === 'zstd' ? 'zstd' : 'none';
const folder = mkdtempSync(join(tmpdir(), 'leadline-bench-'));
const path = join(folder, 'bench.log');
const fd = openSync(path, 'w');
let number = 0;
for (let written = 0; written < megabytes * 1e6; ) {
  let block = '';
  for (let line = 0; line < 4000; line += 1) block += `2026-11-21T08:15:00.${String((number += 1)).padStart(9, '0')}Z info request served path=/cart/${number} `.padEnd(239, 'x7k') + '\n';
  written += writeSync(fd, block);
}
closeSync(fd);

const transport: Transport = {
  partitionOf: () => null,
  troubledBy: null,
  loadStates: () => Promise.resolve([]),
  publishStates: () => Promise.resolve(),
  publish(chunk) {
    transport.onAcknowledged([{ streamId: chunk.streamId, from: chunk.offset, to: chunk.end, closed: chunk.kind === 'close' }]);
    return Promise.resolve();
  },
  onAcknowledged: () => undefined,
  drain: () => Promise.resolve(true),
  close: () => Promise.resolve(),
};
const cpu = process.cpuUsage();
const beganMs = performance.now();
const report = await ingestPaths({ paths: [path], options: defaultOptions(), transport, log: quietLog, codec });
const wallS = (performance.now() - beganMs) / 1000;
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ bytes: report.bytes, lines: report.lines, codec, wallS: Number(wallS.toFixed(3)), megabytesPerS: Math.round(report.bytes / wallS / 1e6), cpuUsPerLine: Number(((user + system) / report.lines).toFixed(3)), rssMb: Math.round(process.memoryUsage.rss() / 1e6) }));
rmSync(folder, { recursive: true });
