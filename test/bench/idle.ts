/**
 * `node test/bench/idle.ts [FILES] [SECONDS] [FOLDERS] [no-watch]`: what a shipper costs that has nothing to do. A process of its own tails so many idle files into a
 * transport that takes everything; its CPU time and memory are read from outside.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { quietLog } from '#lib/log.ts';
import { defaultOptions } from '#schemas/options.ts';
import type { Acknowledgement, Transport } from '#schemas/transport.ts';
import { Shipper } from '../../shipper/shipper.ts';
import { percentile, report, type Figure } from './report.ts';

class NullTransport implements Transport {
  readonly troubledBy = null;
  onAcknowledged: (acknowledgements: readonly Acknowledgement[]) => void = () => undefined;
  loadStates = (): Promise<[]> => Promise.resolve([]);
  partitionOf = (): null => null;
  publishStates = (): Promise<void> => Promise.resolve();
  drain = (): Promise<boolean> => Promise.resolve(true);
  close = (): Promise<void> => Promise.resolve();

  publish({ streamId, offset, end, kind }: Parameters<Transport['publish']>[0]): Promise<void> {
    setImmediate(() => this.onAcknowledged([{ streamId, from: offset, to: end, closed: kind === 'close' }]));
    return Promise.resolve();
  }
}

const [first, second, third, fourth] = process.argv.slice(2);
if (first === '--tail') await tail(second!, third === 'watch');
else await measure(Number(first ?? 10_000), Number(second ?? 60), Number(third ?? 1), fourth !== 'no-watch');

async function tail(folder: string, watch: boolean): Promise<void> {
  const options = { ...defaultOptions(), watch, dataDir: join(folder, 'state'), sourceId: 'bench' };
  const shipper = new Shipper({ paths: [join(folder, 'logs')], options, transport: new NullTransport(), checkpointPath: join(folder, 'state', 'checkpoint.json'), log: quietLog, codec: 'zstd' });
  await shipper.start();
  while (shipper.status().some(({ readToEndMs }) => readToEndMs === null)) await sleep(100);
  process.stdout.write('read\n');
}

async function measure(files: number, seconds: number, folders: number, watch: boolean): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'leadline-bench-'));
  for (let n = 0; n < folders; n += 1) mkdirSync(join(folder, 'logs', String(n)), { recursive: true });
  for (let n = 0; n < files; n += 1) writeFileSync(join(folder, 'logs', String(n % folders), `app-${n}.log`), Array.from({ length: 20 }, (_, line) => `{"level":30,"n":${line},"file":${n}}\n`).join(''));
  const startedMs = performance.now();
  const child = spawn(process.execPath, ['--no-warnings', '--max-semi-space-size=1', '--max-old-space-size=48', import.meta.filename, '--tail', folder, watch ? 'watch' : 'no-watch'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const readMs = performance.now() - startedMs;
    await sleep(70_000); // a file that grew within a minute is not idle
    const cpuBefore = cpuMs(child.pid!);
    const rss: number[] = [];
    for (let second = 0; second < seconds; second += 1) {
      await sleep(1000);
      rss.push(statusBytes(child.pid!, 'VmRSS'));
    }
    const figures: Figure[] = [
      { what: `CPU with ${files} idle files in ${folders} ${folders === 1 ? 'folder' : 'folders'}, ${watch ? 'watched' : 'not watched'}, share of a core over ${seconds} s`, value: `${((cpuMs(child.pid!) - cpuBefore) / seconds / 10).toFixed(2)} %`, beside: 'goal under 3 %' },
      { what: 'memory (RSS), median', value: `${(percentile(rss, 0.5) / 1e6).toFixed(0)} MB`, beside: 'goal under 96 MB' },
      { what: 'memory (RSS), highest, the first reading included', value: `${(statusBytes(child.pid!, 'VmHWM') / 1e6).toFixed(0)} MB`, beside: '' },
      { what: 'all files named and read after the start', value: `${(readMs / 1000).toFixed(1)} s`, beside: '' },
      { what: 'inotify watches', value: String(watchesOf(child.pid!)), beside: 'one per folder' },
    ];
    report('idle', figures);
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** User and system time of a process, in ticks of 10 ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function statusBytes(pid: number, name: string): number {
  return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN) * 1024;
}

function watchesOf(pid: number): number {
  const fds = join('/proc', String(pid), 'fdinfo');
  let count = 0;
  for (const fd of readdirSync(fds)) count += (readFileSync(join(fds, fd), 'utf8').match(/^inotify wd:/gm) ?? []).length;
  return count;
}
