/**
 * What `ship` and `run` have in common: a transport, health, a status line, and an end that drains and says the balance. It starts whatever is down
 * around it: without a broker it waits, is not ready, and loses nothing.
 */
import type { Clock, SteadyTime } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Codec } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import { printable, terminalOf } from '../query/cli/render/terminal.ts';
import type { FileWorkCounts, StreamBalance, StreamProblem } from '../shipper/balance.ts';
import type { Redact } from '../shipper/stream-feed.ts';
import { HealthServer, type HealthParts } from './health-server.ts';
import { renderBalance, statusLineText } from './render-shipper.ts';
import { ShipMetrics } from './ship-metrics.ts';
import { ShipRates } from './ship-rates.ts';
import { totalsOf, type ShipperStatus } from './ship-status.ts';
import { codecOf, openTransport, redactionOf, type ShipTransport } from './ship-transport.ts';
import { StatusLine } from './status-line.ts';
import { TimeToLoss } from './time-to-loss.ts';
import { WatchedClock } from './watched-clock.ts';

/** A loop that has not come round for this long, with a transport that takes what it is given, hangs. */
const turnMsMax = 30_000;
/** With nothing to do it rests for a few polls. */
const restPolls = 10;

/** Of an end beyond draining: the last states and the checkpoint. */
const stopMsMax = 1000;

/** Between two balances for the rates, and a millisecond more per stream: ten thousand balances are not for nothing. */
const measureMs = 2000;

/** A shipper of files, or of pipes. */
export interface Work {
  /** Resolves when reading has begun; rejects for what keeps it from beginning. */
  started: Promise<void>;
  /** Resolves when there is nothing more to do by itself, as at the end of a pipe; rejects when something broke. */
  finished: Promise<void>;
  /** Made anew at each call, one at a time. */
  balances(): Iterable<StreamBalance>;
  problems(): StreamProblem[];
  /** Null for pipes. */
  counts(): FileWorkCounts | null;
  /** Drains within `drainTimeoutMs`. @returns whether everything read was acknowledged */
  stop(): Promise<boolean>;
}

export interface WorkParts {
  options: Options;
  transport: ShipTransport['transport'];
  log: Log;
  clock: Clock & SteadyTime;
  codec: Codec;
  redact: Redact | null;
}

export interface ShippingParts {
  options: Options;
  version: string;
  log: Log;
  /** Null host: all interfaces. `orAnyPort`: a taken port is no reason not to start. */
  address: { host: string | null; port: number; orAnyPort: boolean };
  /** What is shipped, for people. */
  what: string;
  /** Whether it speaks where nothing is wrong: a status line on a terminal, the balance at the end. */
  speaks: boolean;
  begin: (parts: WorkParts) => Work | Promise<Work>;
  /** Told the address of the health server. */
  onListening: (url: string) => void;
}

export type Ended = 'drained' | 'notDrained' | 'notStarted';

export class Shipping {
  private readonly parts: ShippingParts;
  private readonly carried: ShipTransport;
  private readonly clock: WatchedClock;
  private readonly work: Work;
  private readonly startedAt = new Date().toISOString();
  private readonly line: StatusLine;
  private readonly health: HealthServer;
  private readonly rates = new ShipRates();
  private readonly timeToLoss = new TimeToLoss();
  private measuring: NodeJS.Timeout | null = null;
  private isStarted = false;

  private constructor(parts: ShippingParts, carried: ShipTransport, clock: WatchedClock, work: Work, line: StatusLine, health: HealthServer) {
    this.parts = parts;
    this.carried = carried;
    this.clock = clock;
    this.line = line;
    this.health = health;
    this.work = work;
    this.measureOn();
    void this.work.started.then(() => {
      this.isStarted = true;
    }, () => undefined);
  }

  /** @throws LeadlineError for options that do not fit, a port that cannot be had, and what keeps the work from beginning. */
  static async start(parts: ShippingParts): Promise<Shipping> {
    const { options, log, what } = parts;
    const redact = await redactionOf(options);
    const clock = new WatchedClock();
    const carried = await openTransport(options, log, clock);
    let health: HealthServer | null = null;
    try {
      let shipping: Shipping | null = null;
      const metrics = new ShipMetrics();
      const healthParts = {
        metricsText: () => (shipping === null ? '' : metrics.text(shipping.status())),
        status: () => shipping?.status() ?? null,
        notReadyBecause: () => (shipping === null ? `${what}: not looked at yet` : shipping.notReadyBecause()),
        notAliveBecause: () => shipping?.notAliveBecause() ?? null,
      };
      // Before anything is read: a second shipper by mistake must not begin.
      health = await listen({ ...healthParts, ...parts.address }, parts.address.orAnyPort, log);
      parts.onListening(health.url);
      log.info({ event: 'shippingStarted', what, target: carried.target, url: health.url }, `shipping ${what} to ${carried.target}`);
      const intro = [`shipping ${printable(what)} to ${carried.target}`, `balance and health at ${health.url}/status, /metrics, /readyz`, 'Ctrl-C drains and ends.'];
      const line = new StatusLine(process.stderr, { quiet: options.quiet || !parts.speaks || !process.stderr.isTTY, intro });
      const work = await parts.begin({ options, transport: carried.transport, log, clock, codec: codecOf(options), redact });
      const running = new Shipping(parts, carried, clock, work, line, health);
      shipping = running;
      line.start(() => Promise.resolve(statusLineText(running.status())));
      return running;
    } catch (error) {
      await carried.close();
      await health?.close();
      clock.end();
      throw error;
    }
  }

  /** Resolves when nothing is left to do; never for files. Rejects when something broke, or never began. */
  get finished(): Promise<void> {
    return this.work.started.then(() => this.work.finished);
  }

  status(): ShipperStatus {
    const { transport, target } = this.carried;
    const streams = [...this.work.balances()];
    const nowMs = performance.now();
    const rates = this.rates.sample(streams, nowMs);
    const losses = this.timeToLoss.sample(streams, nowMs);
    const totals = { ...totalsOf(streams), ...rates, secondsToLoss: losses.size === 0 ? null : Math.min(...losses.values()) };
    return {
      kind: 'shipper',
      version: this.parts.version,
      startedAt: this.startedAt,
      target,
      troubledBy: transport.troubledBy,
      totals,
      published: { ...transport.counts },
      streams: streams.map(stream => ({ ...stream, lagMs: this.rates.lagMsOf(stream, nowMs), secondsToLoss: losses.get(stream) ?? null })),
      files: this.work.counts(),
      problems: this.work.problems(),
    };
  }

  /** Also where nobody asks, so that an answer knows of the time before. */
  private measureOn(): void {
    const nowMs = performance.now();
    const { streams } = this.rates.sample(this.work.balances(), nowMs);
    this.timeToLoss.sample(this.work.balances(), nowMs);
    this.measuring = setTimeout(() => this.measureOn(), measureMs + streams);
    this.measuring.unref();
  }

  /** Drains, says the balance and ends everything. */
  async stop(): Promise<Ended> {
    // However the work drains, the end comes in time: who asked for it kills what stays.
    const drained = this.isStarted && (await Promise.race([this.work.stop(), this.clock.sleep(this.parts.options.drainTimeoutMs + stopMsMax).then(() => false)]));
    const ended: Ended = !this.isStarted ? 'notStarted' : drained ? 'drained' : 'notDrained';
    if (this.parts.speaks) this.sayBalance(ended);
    return ended;
  }

  async close(): Promise<void> {
    clearTimeout(this.measuring ?? undefined);
    this.line.end();
    await this.carried.close();
    await this.health.close();
    this.clock.end();
  }

  private sayBalance(ended: Ended): void {
    this.line.end();
    const { options } = this.parts;
    const last = this.status();
    const people = process.stdout.isTTY ? process.stdout : process.stderr;
    if (options.json || !process.stdout.isTTY) process.stdout.write(`${JSON.stringify({ event: 'balance', drained: ended === 'drained', ...last.totals })}\n`);
    if (people.isTTY && !options.quiet && !options.json) people.write(`${renderBalance(last, ended, terminalOf(people))}\n`);
  }

  private notReadyBecause(): string | null {
    return this.carried.transport.troubledBy ?? (this.isStarted ? null : `${this.parts.what}: not looked at yet`);
  }

  /** A transport that takes nothing holds the loop, and a new start would not help. */
  private notAliveBecause(): string | null {
    const quietMs = this.clock.quietMs();
    const quietMsMax = turnMsMax + restPolls * this.parts.options.pollIntervalMs;
    return this.isStarted && this.carried.transport.troubledBy === null && quietMs > quietMsMax ? `nothing was looked at for ${Math.round(quietMs / 1000)} s` : null;
  }
}

async function listen(parts: HealthParts, orAnyPort: boolean, log: Log): Promise<HealthServer> {
  try {
    return await HealthServer.listen(parts);
  } catch (error) {
    if (!orAnyPort || !(error instanceof LeadlineError) || error.code !== 'PORT_IN_USE') throw error;
    const health = await HealthServer.listen({ ...parts, port: 0 });
    log.warn({ event: 'portTaken', port: parts.port, url: health.url }, `port ${parts.port} is in use, so health and metrics are at ${health.url}`);
    return health;
  }
}
