/** Leadline as a child process: started, asked, killed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const root = join(import.meta.dirname, '../..');

export class RunningLeadline {
  readonly child: ChildProcess;
  url = '';
  output = '';

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  /** `leadline up` on any free port, with the flags that `npm start` gives Node; resolves when it says its address. */
  static up(args: readonly string[], env: NodeJS.ProcessEnv = {}, port = '0'): Promise<RunningLeadline> {
    return RunningLeadline.start('up', args, env, port);
  }

  /** The same for `leadline serve`. */
  static serve(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunningLeadline> {
    return RunningLeadline.start('serve', args, env, '0');
  }

  private static async start(command: string, args: readonly string[], env: NodeJS.ProcessEnv, port: string): Promise<RunningLeadline> {
    const child = spawn(process.execPath, ['--no-warnings', '--max-semi-space-size=1', join(root, 'deploy', 'leadline.mjs'), command, ...args, '--port', port], { cwd: root, env: { ...process.env, NODE_OPTIONS: '', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const running = new RunningLeadline(child);
    await new Promise<void>((resolve, reject) => {
      const onData = (data: Buffer): void => {
        running.output += data.toString();
        const url = /Leadline is at (\S+)/.exec(running.output)?.[1];
        if (url === undefined || running.url !== '') return;
        running.url = url;
        resolve();
      };
      child.stdout.on('data', onData);
      child.stderr.on('data', onData);
      child.once('exit', code => reject(new Error(`leadline ended with ${code}: ${running.output}`)));
    });
    return running;
  }

  async json<T>(path: string): Promise<T> {
    const response = await fetch(this.url + path);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** No chance to say anything, as when the kernel or an operator ends it. */
  async kill9(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  /** @returns the exit code */
  async stop(signal: 'SIGINT' | 'SIGTERM' = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const ended = once(this.child, 'exit') as Promise<[number | null]>;
    this.child.kill(signal);
    return (await ended)[0];
  }
}

/** Asks until the answer is good; the caller's timeout is AVA's. */
export async function eventually<T>(ask: () => Promise<T>, isGood: (answer: T) => boolean, everyMs = 100): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isGood(answer)) return answer;
    await pause(everyMs);
  }
}
