/** VictoriaLogs as its own documentation starts it: one process, JSON lines over HTTP. */
import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { execFileSync } from 'node:child_process';
import type { LogEvent } from '#schemas/event.ts';
import { cpuSecondsOf, memoryMbOf } from '../measured-process.ts';
import { commonWord, rareWords, type StoreData } from '../store-data.ts';
import { medianMs, mustBe, spread, spreadOver, tookMs, type BenchStore, type Measured } from './bench-store.ts';

const port = 19_428;
const url = `http://127.0.0.1:${port}`;

export class VictoriaLogs implements BenchStore {
  readonly name = 'VictoriaLogs';
  private readonly folder: string;
  private readonly child: ChildProcess;
  private readonly flying = new Set<Promise<void>>();
  private cpuBefore = 0;
  private appended = 0;

  private constructor(folder: string, child: ChildProcess) {
    this.folder = folder;
    this.child = child;
  }

  static async start(program: string, folder: string): Promise<VictoriaLogs> {
    const child = spawn(program, [`-storageDataPath=${folder}`, `-httpListenAddr=127.0.0.1:${port}`, '-retentionPeriod=100y', '-search.maxQueryDuration=10m'], { stdio: 'ignore' });
    for (let tries = 0; tries < 100; tries++) {
      await pause(100);
      const answer = await fetch(`${url}/health`).catch(() => null);
      if (answer?.ok === true) return new VictoriaLogs(folder, child);
    }
    throw new Error(`${program} does not answer`);
  }

  async append(events: LogEvent[]): Promise<void> {
    const body = events.map(({ fields, message }) => JSON.stringify({ ...fields, msg: undefined, time: undefined, _msg: message, _time: fields['time'] })).join('\n');
    const sent = fetch(`${url}/insert/jsonline?_stream_fields=name`, { method: 'POST', body }).then(answer => {
      if (!answer.ok) throw new Error(`VictoriaLogs says ${answer.status}`);
    });
    const done = sent.finally(() => this.flying.delete(done));
    this.flying.add(done);
    this.appended += events.length;
    if (this.flying.size >= 2) await Promise.race(this.flying);
  }

  async settle(): Promise<number> {
    const startedMs = performance.now();
    await Promise.all(this.flying);
    await fetch(`${url}/internal/force_flush`);
    return (performance.now() - startedMs) / 1000;
  }

  foreignCpuUs(events: number): number {
    const cpu = cpuSecondsOf(this.child.pid!) ?? 0;
    const used = ((cpu - this.cpuBefore) * 1e6) / events;
    this.cpuBefore = cpu;
    return used;
  }

  async measure(data: StoreData): Promise<Measured> {
    const peak = memoryMbOf(this.child.pid!, 'VmHWM')!;
    await fetch(`${url}/internal/force_merge`);
    const took: number[] = [];
    for (const { traceId, lines } of spreadOver(data.sampled, 200)) took.push(await tookMs(async () => mustBe((await this.query(`traceId:=${traceId}`)).length, lines, `lines of ${traceId}`)));
    const measured: Measured = {
      'B an event on disk': (Number(execFileSync('du', ['-sb', this.folder]).toString().split('\t')[0]) / data.count).toFixed(1),
      'peak memory, MB': peak.toFixed(0),
      'trace id -> timeline, ms': spread(took),
      'rare word, all counted, ms': await medianMs(5, () => this.query(`"${rareWords}" | stats count()`)),
      'rare word, newest 100, ms': await medianMs(5, () => this.query(`"${rareWords}" | sort by (_time desc) limit 100`)),
      'common word, newest 100, ms': await medianMs(5, () => this.query(`${commonWord} | sort by (_time desc) limit 100`)),
      'histogram by level, ms': await medianMs(3, () => this.query('* | stats by (_time:1h, level) count()')),
    };
    return measured;
  }

  close(): void {
    this.child.kill('SIGKILL');
  }

  private async query(text: string): Promise<string[]> {
    const answer = await fetch(`${url}/select/logsql/query`, { method: 'POST', body: new URLSearchParams({ query: text }) });
    const body = await answer.text();
    if (!answer.ok) throw new Error(`VictoriaLogs says ${answer.status}: ${body.slice(0, 300)}`);
    return body.split('\n').filter(line => line !== '');
  }
}
