/**
 * The demo shop: eight real processes that call each other over HTTP, tell each other who asks in different headers, and log in different
 * formats into one folder each of `DIR/logs`, as containers on a shared volume do. One of them can be made to fail.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { checkBurstTimes, openControl, requestBurst, runningDemoPid, type Burst } from './control.ts';
import type { DemoLog } from './demo-log.ts';
import { Fleet } from './fleet.ts';
import { demoServices as names, knownService, type DemoService } from './names.ts';
import { Visitors } from './visitors.ts';

export type { Burst } from './control.ts';
export type { DemoLog } from './demo-log.ts';

export const demoServices: readonly string[] = names;

const ratePerSecondDefault = 4;
/** With the three seconds a service has, a stop takes less than five. */
const visitorsStopMsMax = 1_500;

export interface DemoOptions {
  /** Gets `logs/`, `compile-cache/` and, while the demo runs, `demo.json`. Logs of an earlier run are continued. */
  dir: string;
  /** Mean requests per second that arrive at the edge; 4 unless given. */
  ratePerSecond?: number;
  /** `atMs` counts from the moment the demo has started. */
  burst?: Burst;
  log: DemoLog;
}

export interface RunningDemo {
  logsDir: string;
  /** Where the shop can be visited; another after the edge was restarted. */
  readonly edgeUrl: string;
  services: string[];
  /** The process of each service, as of now. */
  pids(): Record<string, number>;
  /** Makes a service fail from now on. Resolves when it does, not when it heals; rejects while it is being restarted. */
  burst(service: string, forMs: number): Promise<void>;
  /** Resolves within five seconds with no process left. May be called more than once. */
  stop(): Promise<void>;
}

/** Resolves when all services answer and the first visitors are on their way. Throws where `dir` already has a running demo. */
export async function startDemo({ dir, ratePerSecond = ratePerSecondDefault, burst: planned, log }: DemoOptions): Promise<RunningDemo> {
  if (planned !== undefined) {
    knownService(planned.service);
    checkBurstTimes(planned);
  }
  const otherPid = await runningDemoPid(dir);
  if (otherPid !== null) throw new Error(`${dir}: a demo is running here already (process ${otherPid}). Stop it first, or give this one another folder.`);

  const logsDir = join(dir, 'logs');
  mkdirSync(logsDir, { recursive: true });
  const fleet = await Fleet.start(dir, log);
  let edgeUrl = fleet.addressOf('edge')!;
  const edgeNow = (): string | null => {
    const address = fleet.addressOf('edge');
    if (address !== null) edgeUrl = address;
    return address;
  };
  const visitors = new Visitors(edgeNow, ratePerSecond);
  const plans = new Set<NodeJS.Timeout>();

  async function burst(service: DemoService, forMs: number): Promise<void> {
    await fleet.tell(service, { type: 'fail', forMs });
    visitors.rush(forMs);
    log.info({ event: 'demoBurstStarted', service, forMs }, `${service} fails for ${Math.round(forMs / 1000)} s`);
  }

  function plan({ service, atMs, forMs }: Burst): void {
    const known = knownService(service);
    checkBurstTimes({ atMs, forMs });
    const timer = setTimeout(() => {
      plans.delete(timer);
      burst(known, forMs).catch((error: unknown) => log.warn({ event: 'demoBurstSkipped', service, reason: (error as Error).message }, 'the service could not be made to fail'));
    }, atMs);
    plans.add(timer);
  }

  const control = await openControl(dir, plan).catch(async (error: unknown) => {
    await visitors.stop();
    await fleet.stop();
    throw error;
  });
  if (planned !== undefined) plan(planned);
  log.info({ event: 'demoStarted', logsDir, edgeUrl, pids: fleet.pids() }, 'the demo shop is open');

  // Visitors leave first, so that no request meets a service that is gone and nothing ends with an error.
  async function close(): Promise<void> {
    for (const timer of plans) clearTimeout(timer);
    await Promise.all([control.close(), Promise.race([visitors.stop(), pause(visitorsStopMsMax)])]);
    await fleet.stop();
    log.info({ event: 'demoStopped' }, 'the demo shop is closed');
  }
  let closing: Promise<void> | undefined;

  return {
    logsDir,
    get edgeUrl() {
      return edgeNow() ?? edgeUrl;
    },
    services: [...names],
    pids: () => fleet.pids(),
    burst: (service, forMs) => burst(knownService(service), forMs),
    stop: () => (closing ??= close()),
  };
}

/** Makes a service of the demo that runs in `dir` fail, `atMs` from now. Throws on an unknown service. */
export async function commandRunningDemo(dir: string, burst: Burst): Promise<'commanded' | 'notRunning'> {
  knownService(burst.service);
  checkBurstTimes(burst);
  return (await requestBurst(dir, burst)) ? 'commanded' : 'notRunning';
}
