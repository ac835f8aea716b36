/** `leadline ship`, `collect` or `up` as a process of the campaign: started, asked, killed, started again on what it left behind. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { within } from './within.ts';

const root = join(import.meta.dirname, '../..');
const startMsMax = 60_000;
const outputCharsKept = 20_000;
const restartAfterMs = 1000;

export interface PartSettings {
  name: string;
  args: readonly string[];
  port: number;
  /** Where its wall clock's offset stands. */
  clockFile: string;
  /** What it says goes there. */
  logFile: string;
  /** Runs as this user; null as ours. */
  uid: number | null;
  /** The repository, or a scratch copy of it. */
  tree?: string;
}

export class PartProcess {
  readonly name: string;
  readonly #settings: PartSettings;
  #child: ChildProcess | null = null;
  #output = '';
  #outputChars = 0;
  /** Ends that nobody asked for, in a sentence each. */
  readonly crashes: string[] = [];
  starts = 0;
  #expected = false;

  constructor(settings: PartSettings) {
    this.name = settings.name;
    this.#settings = settings;
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** What it said last. */
  get output(): string {
    return this.#output;
  }

  /** Lines in all it ever said that match. */
  count(what: RegExp): number {
    return existsSync(this.#settings.logFile) ? readFileSync(this.#settings.logFile, 'utf8').split('\n').filter(line => what.test(line)).length : 0;
  }

  /** A place in its output, for `saidSince`. */
  get saidChars(): number {
    return this.#outputChars;
  }

  saidSince(chars: number, what: RegExp): boolean {
    const length = Math.min(this.#output.length, this.#outputChars - chars);
    return length > 0 && what.test(this.#output.slice(-length));
  }

  /** Does not wait until it can be asked: a kill at any moment means during the start, too. */
  launch(): void {
    const { args, port, clockFile, logFile, uid, tree = root, name } = this.#settings;
    const flags = ['--no-warnings', '--max-semi-space-size=1', '--import', join(import.meta.dirname, 'clock-step.mjs'), join(tree, 'deploy', 'leadline.mjs')];
    const environment = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('LEADLINE_') && key !== 'NODE_OPTIONS'));
    const child = spawn(process.execPath, [...flags, ...args, '--port', String(port)], { cwd: tree, env: { ...environment, CAMPAIGN_CLOCK_FILE: clockFile }, stdio: ['ignore', 'pipe', 'pipe'], ...(uid === null ? {} : { uid, gid: uid }) });
    this.#child = child;
    this.#expected = false;
    this.starts += 1;
    const keep = (data: Buffer): void => {
      const text = data.toString();
      this.#outputChars += text.length;
      this.#output = (this.#output + text).slice(-outputCharsKept);
      appendFileSync(logFile, data);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('exit', (code, signal) => {
      if (this.#child !== child || this.#expected) return;
      this.crashes.push(`${new Date().toISOString()} ${name} ended by itself with ${code ?? signal}: ${this.#output.slice(-800).replaceAll('\n', ' | ')}`);
      // As whoever runs containers does.
      setTimeout(() => {
        if (this.#child === child && !this.#expected) this.launch();
      }, restartAfterMs);
    });
  }

  async start(): Promise<void> {
    this.launch();
    await this.answers();
  }

  /** Resolves when it can be asked. */
  async answers(): Promise<void> {
    const isThere = await within(startMsMax, 50, async () => {
      if (!this.isRunning) throw new Error(`${this.name} ended while starting: ${this.#output.slice(-3000)}`);
      return (await this.get('/healthz')) !== null;
    });
    if (!isThere) throw new Error(`${this.name} does not answer: ${this.#output.slice(-3000)}`);
  }

  async kill9(): Promise<boolean> {
    this.#expected = true;
    if (!this.isRunning) return false;
    const ended = once(this.#child!, 'exit');
    this.#child!.kill('SIGKILL');
    await ended;
    return true;
  }

  /** @returns the exit code */
  async stop(msMax = 60_000): Promise<number | null> {
    this.#expected = true;
    if (!this.isRunning) return this.#child?.exitCode ?? null;
    const ended = once(this.#child!, 'exit') as Promise<[number | null]>;
    this.#child!.kill('SIGTERM');
    const code = await Promise.race([ended.then(([exitCode]) => exitCode), pause(msMax, 'late' as const)]);
    if (code !== 'late') return code;
    await this.kill9();
    return null;
  }

  /** The answer's text, or null where there is none. */
  async get(path: string): Promise<string | null> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.#settings.port}${path}`, { signal: AbortSignal.timeout(5000) });
      return await response.text();
    } catch {
      return null;
    }
  }

  async json<T>(path: string): Promise<T | null> {
    const text = await this.get(path);
    try {
      return text === null ? null : (JSON.parse(text) as T);
    } catch {
      return null;
    }
  }

  get openFiles(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }
}
