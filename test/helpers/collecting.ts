/** `leadline collect` as a child process: started, asked, killed. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import type { CollectorReport } from '../../deploy/collector-work.ts';
import { startCommand } from './command.ts';

export class RunningCollect {
  url = '';
  said = '';
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  /** Resolves when it says its address; it may not have reached a broker yet. */
  static async start(t: Pick<ExecutionContext, 'teardown'>, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunningCollect> {
    const child = startCommand(['collect', '--port', '0', ...args], { env });
    const running = new RunningCollect(child);
    t.teardown(() => running.kill9());
    await new Promise<void>((resolve, reject) => {
      const hear = (data: Buffer): void => {
        running.said += data.toString();
        const url = /"event":"collectingStarted".*"url":"([^"]+)"/.exec(running.said)?.[1];
        if (url === undefined || running.url !== '') return;
        running.url = url;
        resolve();
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('exit', code => reject(new Error(`leadline collect ended with ${code}: ${running.said}`)));
    });
    return running;
  }

  async report(): Promise<CollectorReport> {
    return (await (await fetch(`${this.url}/status`)).json()) as CollectorReport;
  }

  async text(path: string): Promise<{ status: number; body: string }> {
    const response = await fetch(this.url + path);
    return { status: response.status, body: await response.text() };
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  get pid(): number {
    return this.child.pid!;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill9(): Promise<void> {
    if (!this.isRunning) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  /** @returns the exit code, when everything it said is heard */
  async stop(): Promise<number | null> {
    if (!this.isRunning) return this.child.exitCode;
    const ended = once(this.child, 'close') as Promise<[number | null]>;
    this.child.kill('SIGTERM');
    return (await ended)[0];
  }
}
