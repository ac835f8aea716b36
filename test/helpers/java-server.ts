/** A server in a JVM of a test's own: started, killed, paused, gone when the test or its process is. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, openSync, closeSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, isFree, signal } from './server-process.ts';

const startMsMax = 120_000;
const stopMsMax = 15_000;

/** Kills the server's whole process group when this process, which holds the pipe, is gone. */
const guarded = 'setsid "$@" </dev/null >>"$LEADLINE_SERVER_LOG" 2>&1 & pid=$!; echo $pid; cat >/dev/null; kill -9 -- -$pid 2>/dev/null';

export const isRoot = process.getuid?.() === 0;
/** What a server downloads; below /var where it will run as somebody else than root. */
export const cacheFolder = isRoot ? '/var/cache/leadline' : join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'leadline');

function majorOf(home: string): number {
  try {
    const release = readFileSync(join(home, 'release'), 'utf8');
    return Number(/JAVA_VERSION="(\d+)/.exec(release)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Home of a Java of at least this version, or null. */
export function javaHome(major: number): string | null {
  const homes = [process.env['LEADLINE_JAVA_HOME'], process.env['JAVA_HOME'], ...['/usr/lib/jvm', '/opt/java'].flatMap(folder => (existsSync(folder) ? readdirSync(folder).map(name => join(folder, name)) : []))];
  return homes.find(home => home !== undefined && existsSync(join(home, 'bin/java')) && majorOf(home) >= major) ?? null;
}

/** A port that is free, and so is the one 100 above it. */
export async function freePort(from: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = from + Math.floor(Math.random() * 900);
    if ((await isFree(port)) && (await isFree(port + 100))) return port;
  }
  throw new Error(`no free port from ${from} on`);
}

export interface JavaServerParts {
  name: string;
  folder: string;
  url: string;
  command: readonly string[];
  environment?: Readonly<Record<string, string>>;
}

export class JavaServer {
  readonly url: string;
  readonly folder: string;
  private readonly parts: JavaServerParts;
  private running: { shell: ChildProcess; pid: number; paused: boolean } | null = null;

  constructor(parts: JavaServerParts) {
    this.parts = parts;
    this.url = parts.url;
    this.folder = parts.folder;
  }

  get log(): string {
    return readFileSync(this.logPath, 'utf8');
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    if (this.running !== null) return;
    closeSync(openSync(this.logPath, 'a'));
    const shell = spawn('sh', ['-c', guarded, 'sh', ...this.parts.command], { stdio: ['pipe', 'pipe', 'ignore'], detached: true, env: { ...process.env, ...this.parts.environment, LEADLINE_SERVER_LOG: this.logPath } });
    shell.stdin.on('error', () => undefined);
    const pid = await new Promise<number>(resolve => shell.stdout.once('data', (bytes: Buffer) => resolve(Number(bytes.toString()))));
    this.running = { shell, pid, paused: false };
    for (let waitedMs = 0; ; waitedMs += 100) {
      if (await this.serves()) return;
      if (!isAlive(pid) || waitedMs > startMsMax) {
        this.kill9();
        throw new Error(`${this.parts.name} did not start:\n${this.log.slice(-4000)}`);
      }
      await sleep(100);
    }
  }

  kill9(): void {
    const { running } = this;
    if (running === null) return;
    this.running = null;
    signal(-running.pid, 'SIGKILL');
    running.shell.stdin?.end();
  }

  /** Connections stay open and it says nothing. */
  pause(): void {
    if (this.running === null) return;
    this.running.paused = true;
    signal(-this.running.pid, 'SIGSTOP');
  }

  resume(): void {
    if (this.running === null) return;
    this.running.paused = false;
    signal(-this.running.pid, 'SIGCONT');
  }

  /** Stops and deletes everything. */
  async stop(): Promise<void> {
    const pid = this.running?.pid;
    this.kill9();
    for (let waitedMs = 0; pid !== undefined && isAlive(pid) && waitedMs < stopMsMax; waitedMs += 20) await sleep(20);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private get logPath(): string {
    return join(this.folder, 'server.log');
  }

  private async serves(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.url}/_cluster/health?wait_for_status=yellow&timeout=1s`, { signal: AbortSignal.timeout(2000) });
      await answer.arrayBuffer();
      return answer.ok;
    } catch {
      return false;
    }
  }
}
