/** One shipper of the campaign with all that is its own: its logs, its data directory (where it can be had: a small disk), its clock, its pulse. */
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { isRoot, nobody } from '../helpers/command.ts';
import { PartProcess } from './part-process.ts';
import type { RotatedLog } from './rotated-log.ts';

/** Room for two checkpoints of a few hundred streams. */
const diskBytes = 3 * 1024 * 1024;
const pulseIntervalMs = 500;
const snapshotsKept = 12;

interface StatusStream {
  path: string | null;
  writtenBytes?: number;
  acknowledgedBytes: number;
  storedBytes?: number;
  lagBytes: number;
}

interface Status {
  streams: StatusStream[];
  totals: { lagBytes: number; acknowledgedBytes?: number; storedBytes?: number };
}

export interface SeatSettings {
  name: string;
  folder: string;
  port: number;
  /** Of the command, without data directory and port. */
  args: readonly string[];
  /** `leadline up` answers elsewhere and in other words than `leadline ship`. */
  isUp: boolean;
  tree?: string;
}

export class ShipperSeat {
  readonly name: string;
  readonly part: PartProcess;
  readonly logsFolder: string;
  readonly dataDir: string;
  readonly clockFile: string;
  readonly logs: RotatedLog[] = [];
  readonly hasOwnDisk: boolean;
  readonly isOtherUser = isRoot;
  readonly #isUp: boolean;
  /** Older checkpoints, oldest first. */
  readonly snapshots: Buffer[] = [];
  #pulse: NodeJS.Timeout | null = null;
  #acknowledged = 0;
  #lastMoveMs = 0;
  lagBytes = 0;
  /** How often its checkpoint was damaged on purpose. */
  damages = 0;

  constructor(settings: SeatSettings) {
    const { name, folder, port, args, isUp, tree } = settings;
    this.name = name;
    this.#isUp = isUp;
    this.logsFolder = join(folder, 'logs');
    this.dataDir = join(folder, 'data');
    this.clockFile = join(folder, 'clock');
    mkdirSync(this.logsFolder, { recursive: true });
    mkdirSync(this.dataDir);
    for (const path of [folder, this.logsFolder]) chmodSync(path, 0o755);
    // A store needs more than a small disk, and nothing of ours may fail with its clock file.
    this.hasOwnDisk = !isUp && mountSmallDisk(this.dataDir);
    if (isRoot) chownSync(this.dataDir, nobody, nobody);
    writeFileSync(this.clockFile, '0');
    this.part = new PartProcess({ name, args: [...args, '--data-dir', this.dataDir], port, clockFile: this.clockFile, logFile: join(folder, 'said'), uid: isRoot ? nobody : null, tree });
  }

  /** Samples how far it is, and keeps its checkpoints. */
  watch(): void {
    this.#pulse = setInterval(() => {
      void this.#sample();
    }, pulseIntervalMs);
  }

  /** Lines came through it lately, or wait for what is down behind it. */
  get isMoving(): boolean {
    return this.part.isRunning && (Date.now() - this.#lastMoveMs < 4 * pulseIntervalMs || this.lagBytes > 0);
  }

  /** As of the last sample. */
  get acknowledgedTotal(): number {
    return this.#acknowledged;
  }

  /** Bytes written and not yet acknowledged (with `up`: stored), or null where it does not answer. */
  async lag(): Promise<number | null> {
    return (await this.status())?.totals.lagBytes ?? null;
  }

  async status(): Promise<Status | null> {
    const status = await this.part.json<Partial<Status>>(this.#isUp ? '/api/v1/streams' : '/status');
    return status?.totals === undefined || status.streams === undefined ? null : { totals: status.totals, streams: status.streams };
  }

  /** Of each stream it knows at this path. */
  async acknowledgedBytes(path: string): Promise<number[]> {
    const status = await this.status();
    return status?.streams.filter(stream => stream.path === path).map(stream => stream.storedBytes ?? stream.acknowledgedBytes) ?? [];
  }

  async unshippedBytes(path: string): Promise<number | null> {
    const streams = (await this.status())?.streams.filter(stream => stream.path === path) ?? [];
    return streams.length === 0 ? null : streams.reduce((sum, { lagBytes }) => sum + lagBytes, 0);
  }

  get checkpointPath(): string | null {
    return this.#files(this.dataDir).find(path => /checkpoint[^/]*$/.test(path) && !path.endsWith('.tmp')) ?? null;
  }

  setClock(offsetMs: number): void {
    writeFileSync(this.clockFile, String(offsetMs));
  }

  /** Takes what room is left. @returns gives it back */
  fillDisk(): () => void {
    const filler = join(this.dataDir, 'filler');
    const more = Buffer.alloc(4096);
    try {
      for (;;) writeFileSync(filler, more, { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
    return () => rmSync(filler, { force: true });
  }

  leave(): void {
    if (this.#pulse !== null) clearInterval(this.#pulse);
    if (this.hasOwnDisk) execFileSync('umount', ['-l', this.dataDir]);
  }

  async #sample(): Promise<void> {
    const status = await this.status();
    if (status === null) return;
    const acknowledged = status.totals.storedBytes ?? status.totals.acknowledgedBytes ?? 0;
    if (acknowledged !== this.#acknowledged) this.#lastMoveMs = Date.now();
    this.#acknowledged = acknowledged;
    this.lagBytes = status.totals.lagBytes;
    const path = this.checkpointPath;
    if (path === null) return;
    try {
      this.snapshots.push(readFileSync(path));
      if (this.snapshots.length > snapshotsKept) this.snapshots.shift();
    } catch {
      // Replaced at this moment.
    }
  }

  #files(folder: string): string[] {
    if (!existsSync(folder)) return [];
    return readdirSync(folder).flatMap(name => {
      const path = join(folder, name);
      return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? this.#files(path) : [path];
    });
  }
}

function mountSmallDisk(folder: string): boolean {
  if (!isRoot) return false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes},mode=700`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
