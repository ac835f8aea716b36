/** A small installation under fire: brokers with a proxy before each, shippers with logs of every kind, a collector with its store. */
import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { topics } from '#schemas/topics.ts';
import { isRoot, nobody } from '../helpers/command.ts';
import { portsPerNode } from '../helpers/kafka-config.ts';
import { TestKafka } from '../helpers/kafka.ts';
import type { BrokerTarget } from './broker-faults.ts';
import { openLogs } from './cell-logs.ts';
import type { Chance } from './chance.ts';
import { PartProcess } from './part-process.ts';
import type { CellShape } from './plan.ts';
import { ShipperSeat } from './shipper-seat.ts';
import { within } from './within.ts';
import { WriterProcess } from './writer-process.ts';

const placesMax = 120;
/** Of all cells of this process. */
const takenPorts = new Set<number>();
const root = join(import.meta.dirname, '../..');
/** Shorter than the longest fault, so that both sides of a time-out are seen. */
const requestTimeoutMs = 5000;

export interface CellSettings extends CellShape {
  folder: string;
  /** The brokers' ports lie in `[portsFrom, portsFrom + 1000)`, the parts' between them. */
  portsFrom: number;
  linesPerS: number;
  chance: Chance;
  /** Names of log shapes; null for all. */
  only: readonly string[] | null;
  /** The tree whose Leadline is tried: the repository, or a scratch copy. */
  tree?: string;
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}

/** Everything that runs, for an end that nobody waited for. */
const openCells = new Set<Cell>();

export async function endAllCells(): Promise<void> {
  await Promise.all([...openCells].map(cell => cell.end()));
}

export class Cell {
  readonly settings: CellSettings;
  readonly shippers: ShipperSeat[] = [];
  readonly historyFolder: string;
  /** Where the collector (or `up`) keeps its store. */
  readonly storeDir: string;
  readonly writers: WriterProcess;
  kafka: TestKafka | null = null;
  collector: PartProcess | null = null;

  private constructor(settings: CellSettings) {
    this.settings = settings;
    this.historyFolder = join(settings.folder, 'history');
    this.storeDir = join(settings.folder, 'store');
    mkdirSync(this.historyFolder, { recursive: true });
    chmodSync(settings.folder, 0o755);
    this.writers = new WriterProcess();
  }

  static async start(settings: CellSettings): Promise<Cell> {
    const cell = new Cell(settings);
    openCells.add(cell);
    try {
      if (settings.nodes > 0) await cell.#startBrokers();
      await cell.#startParts();
    } catch (error) {
      await cell.end();
      throw error;
    }
    return cell;
  }

  get parts(): PartProcess[] {
    return [...this.shippers.map(seat => seat.part), ...(this.collector === null ? [] : [this.collector])];
  }

  get brokers(): BrokerTarget {
    return {
      kafka: this.kafka!, nodes: this.settings.nodes, topic: 'leadline.chunks', partitions: topics.chunks.partitions,
      isMoving: () => this.shippers.some(seat => seat.isMoving),
      acknowledgedBytes: () => this.shippers.reduce((sum, seat) => sum + seat.acknowledgedTotal, 0),
    };
  }

  /** Everything works again. */
  mend(): void {
    for (let node = 1; node <= this.settings.nodes; node++) this.kafka!.resume(node);
    for (const proxy of this.kafka?.proxies ?? []) proxy.pass();
    for (const seat of this.shippers) seat.setClock(0);
    for (const part of this.parts) if (!part.isRunning) part.launch();
  }

  /** Every writer ends its line and closes its file. */
  async stopWriters(): Promise<void> {
    for (const log of this.shippers.flatMap(seat => seat.logs)) await log.writer.tell({ do: 'stop' });
  }

  /** @returns what is left to be shipped after `msMax`, in a sentence, or null */
  async drained(msMax: number): Promise<string | null> {
    let left = '';
    let quietTimes = 0;
    const isDrained = await within(msMax, 500, async () => {
      const lags = await Promise.all(this.shippers.map(seat => seat.lag()));
      left = this.shippers.map((seat, index) => `${seat.name}: ${lags[index] === null ? 'no answer' : `${lags[index]} bytes`}`).join(', ');
      quietTimes = lags.every(lag => lag === 0) ? quietTimes + 1 : 0;
      // Twice the time after which a stream is idle and its open event closes.
      return quietTimes >= 8;
    });
    return isDrained ? null : left;
  }

  /** Resolves when the collector has stored all there is. @returns how far it is after `msMax`, in a sentence, or null */
  async collected(msMax: number): Promise<string | null> {
    let lag = 'no answer';
    let quietTimes = 0;
    const isCollected = await within(msMax, 300, async () => {
      const text = await this.collector!.get('/metrics');
      const lags = text === null ? [] : [...text.matchAll(/^leadline_collector_kafka_lag_records\S* (\d+)/gm)].map(match => Number(match[1]));
      lag = lags.length === 0 ? 'it does not say' : `${lags.reduce((sum, each) => sum + each, 0)} records behind`;
      quietTimes = lags.length > 0 && lags.every(each => each === 0) ? quietTimes + 1 : 0;
      return quietTimes >= 4;
    });
    return isCollected ? null : lag;
  }

  async end(): Promise<void> {
    if (!openCells.delete(this)) return;
    await this.writers.end();
    for (const part of this.parts) await part.kill9();
    for (const seat of this.shippers) seat.leave();
    for (let node = 1; this.kafka !== null && node <= this.settings.nodes; node++) writeFileSync(join(this.settings.folder, `broker-${node}-said`), this.kafka.log(node));
    await this.kafka?.stop();
  }

  remove(): void {
    rmSync(this.settings.folder, { recursive: true, force: true });
  }

  /** Kept over all starts of the part. Anywhere in the range, so that campaigns side by side do not meet; a broker leaves the last of its ports free. */
  async #port(): Promise<number> {
    for (;;) {
      const port = this.settings.portsFrom + Math.floor(Math.random() * placesMax) * portsPerNode + portsPerNode - 1;
      if (takenPorts.has(port) || !(await isFree(port))) continue;
      takenPorts.add(port);
      return port;
    }
  }

  async #startBrokers(): Promise<void> {
    const { nodes, portsFrom, tree } = this.settings;
    this.kafka = await TestKafka.start({ nodes: nodes as 1 | 3, proxied: true, portsFrom });
    await promisify(execFile)(process.execPath, ['--no-warnings', join(tree ?? root, 'deploy', 'leadline.mjs'), 'topics', 'apply', '--kafka', this.kafka.directBrokers.join(',')], { cwd: tree ?? root });
  }

  async #startParts(): Promise<void> {
    const { name, folder, shippers, linesPerS, chance, only, nodes, tree } = this.settings;
    const kafkaArgs = this.kafka === null ? [] : ['--kafka', this.kafka.brokers.join(','), '--kafka-request-timeout-ms', String(requestTimeoutMs)];
    for (let index = 1; index <= shippers; index++) {
      const seatFolder = join(folder, `shipper-${index}`);
      mkdirSync(seatFolder, { recursive: true });
      const prefix = `${name}${index}`;
      const args = nodes === 0 ? ['up', join(seatFolder, 'logs')] : ['ship', join(seatFolder, 'logs'), ...kafkaArgs];
      const seat = new ShipperSeat({ name: `shipper ${prefix}`, folder: seatFolder, port: await this.#port(), args: [...args, '--source-id', prefix], isUp: nodes === 0, tree });
      this.shippers.push(seat);
      seat.logs.push(...(await openLogs(this.writers, { prefix, folder: seat.logsFolder, historyFolder: this.historyFolder, linesPerS, chance, only })));
    }
    if (nodes > 0) {
      mkdirSync(this.storeDir, { recursive: true });
      if (isRoot) chownSync(this.storeDir, nobody, nobody);
      writeFileSync(join(folder, 'collector-clock'), '0');
      this.collector = new PartProcess({
        name: `collector ${name}`, args: ['collect', ...kafkaArgs, '--store', 'embedded', '--data-dir', this.storeDir, '--retention-bytes-max', String(64 * 2 ** 30)], port: await this.#port(), clockFile: join(folder, 'collector-clock'),
        logFile: join(folder, 'collector-said'), uid: isRoot ? nobody : null, tree,
      });
    }
    for (const part of this.parts) await part.start();
    for (const seat of this.shippers) seat.watch();
  }
}
