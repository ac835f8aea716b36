/** `leadline ship` as a child process: started, asked, killed. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ShipperStatus } from '../../deploy/ship-status.ts';
import { startCommand, type CommandSettings } from './command.ts';
import { eventually } from './leadline.ts';

export class RunningShipper {
  readonly child: ChildProcess;
  /** Of its health server. */
  url = '';
  stdout = '';
  stderr = '';

  private constructor(child: ChildProcess) {
    this.child = child;
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
  }

  /** On any free port; resolves when it shows its health, which is before anything is read. */
  static async start(paths: readonly string[], dataDir: string, args: readonly string[], settings: CommandSettings = {}): Promise<RunningShipper> {
    const child = startCommand(['ship', ...paths, '--data-dir', dataDir, '--port', '0', ...args], settings);
    child.stdin.on('error', () => undefined);
    child.stdin.end(settings.input ?? '');
    const shipper = new RunningShipper(child);
    const address = await eventually(() => Promise.resolve(noteOf(dataDir, child.pid!) ?? (child.exitCode === null ? null : '')), url => url !== null, 10);
    if (address === '') throw new Error(`leadline ship ended with ${String(child.exitCode)}: ${shipper.stderr}`);
    shipper.url = address!;
    return shipper;
  }

  status(): Promise<ShipperStatus> {
    return fetch(`${this.url}/status`).then(response => response.json() as Promise<ShipperStatus>);
  }

  async text(path: string): Promise<{ status: number; body: string }> {
    const response = await fetch(this.url + path);
    return { status: response.status, body: await response.text() };
  }

  /** Waits until so many bytes are acknowledged. */
  acknowledged(bytes: number): Promise<ShipperStatus> {
    return eventually(() => this.status(), ({ totals }) => totals.acknowledgedBytes >= bytes, 20);
  }

  async kill9(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await ended;
  }

  /** @returns the exit code */
  async stop(): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    const ended = once(this.child, 'close') as Promise<[number | null]>;
    this.child.kill('SIGTERM');
    return (await ended)[0];
  }
}

/** The address in the note of this very process: a note may be left over from one that was killed. */
function noteOf(dataDir: string, pid: number): string | null {
  try {
    const note = JSON.parse(readFileSync(join(dataDir, 'shipper.json'), 'utf8')) as { pid: number; url: string | null };
    return note.pid === pid ? note.url : null;
  } catch {
    return null;
  }
}
