/** A folder of real log files in a temporary directory, and a shipper over it whose clock and turns the test moves. */
import { appendFileSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, SteadyTime } from '#lib/clock.ts';
import { quietLog } from '#lib/log.ts';
import { defaultOptions } from '#schemas/options.ts';
import { Shipper, type ShipperOptions } from '../../shipper/shipper.ts';
import type { Redact } from '../../shipper/stream-feed.ts';
import { MemoryStore, MemoryTransport } from './memory-transport.ts';

export class HandClock implements Clock, SteadyTime {
  #nowMs = Date.now();
  #setMs = 0;

  nowMs(): number {
    return this.#nowMs + this.#setMs;
  }

  steadyMs(): number {
    return this.#nowMs;
  }

  /** Somebody sets the wall clock. */
  step(ms: number): void {
    this.#setMs += ms;
  }

  sleep(): Promise<void> {
    return new Promise(resolve => setImmediate(resolve));
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }
}

export class TailedFolder {
  readonly root = mkdtempSync(join(tmpdir(), 'leadline-test-'));
  readonly logs = join(this.root, 'logs');
  readonly checkpointPath = join(this.root, 'state', 'checkpoint.json');
  readonly clock = new HandClock();
  readonly store = new MemoryStore();
  readonly options: ShipperOptions;
  transport: MemoryTransport;
  shipper: Shipper;
  readonly #prompt: boolean;
  readonly #storeTells: boolean;
  /** Of the next transport. */
  partitions: number | null = null;
  redact: Redact | null = null;
  /** Of the next shipper; the folder where nothing is said. */
  paths: readonly string[] | undefined;
  /** Of the next shipper: with 0 every source comes to rest as soon as it can. */
  activeMs: number | undefined;

  constructor(options: Partial<ShipperOptions> = {}, prompt = true, storeTells = true) {
    mkdirSync(this.logs);
    this.options = { ...defaultOptions(), dataDir: join(this.root, 'state'), sourceId: 'test', watch: false, pollIntervalMs: 5, idlePollIntervalMs: 50, checkpointIntervalMs: 10, ...options };
    this.#prompt = prompt;
    this.#storeTells = storeTells;
    [this.transport, this.shipper] = this.#fresh();
  }

  #fresh(): [MemoryTransport, Shipper] {
    const transport = new MemoryTransport(this.store, this.#prompt, this.#storeTells, this.partitions);
    return [transport, new Shipper({ paths: this.paths ?? [this.logs], options: this.options, transport, checkpointPath: this.checkpointPath, log: quietLog, clock: this.clock, redact: this.redact, ...(this.activeMs === undefined ? {} : { activeMs: this.activeMs }) })];
  }

  /** Makes what was set since count: a new transport and shipper, as if this were the first. */
  begin(): void {
    [this.transport, this.shipper] = this.#fresh();
  }

  path(name: string): string {
    return join(this.logs, name);
  }

  append(name: string, text: string | Buffer): void {
    appendFileSync(this.path(name), text);
  }

  exists(name: string): boolean {
    return existsSync(this.path(name));
  }

  rename(from: string, to: string): void {
    renameSync(this.path(from), this.path(to));
  }

  copyTruncate(from: string, to: string): void {
    copyFileSync(this.path(from), this.path(to));
    truncateSync(this.path(from), 0);
  }

  truncate(name: string): void {
    truncateSync(this.path(name), 0);
  }

  remove(name: string): void {
    unlinkSync(this.path(name));
  }

  /** One turn, after the clock moved on by `ms`. */
  async turn(ms = 60): Promise<boolean> {
    this.clock.advance(ms);
    return this.shipper.turn();
  }

  /** Turns and acknowledges until nothing moves any more, several idle and closing spans long. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 6; ) {
      const before = this.store.chunks.length + this.transport.pending.length;
      const more = await this.turn(1100);
      this.transport.acknowledgeAll();
      quiet = more || this.store.chunks.length !== before ? 0 : quiet + 1;
    }
  }

  /** Kill -9: nothing of the shipper's memory survives; the next begins from the disk and the store. */
  async crash(checkpoint: 'kept' | 'lost' | Buffer = 'kept', arrived = 0): Promise<void> {
    this.transport.crash(arrived);
    const abandoned = this.shipper;
    if (checkpoint === 'lost') rmSync(this.checkpointPath, { force: true });
    else if (checkpoint !== 'kept') writeFileSync(this.checkpointPath, checkpoint);
    abandoned.abandon();
    [this.transport, this.shipper] = this.#fresh();
    await this.shipper.open();
  }

  checkpoint(): Buffer | null {
    return existsSync(this.checkpointPath) ? readFileSync(this.checkpointPath) : null;
  }

  /** All lines stored, over all streams, in stream order within each. */
  storedLines(): string[] {
    return [...this.store.streams().values()].flatMap(bytes => bytes.toString('latin1').split('\n').filter(line => line !== ''));
  }

  async dispose(): Promise<void> {
    this.shipper.abandon();
    await Promise.resolve();
    rmSync(this.root, { recursive: true, force: true });
  }
}
