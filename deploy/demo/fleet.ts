import { setTimeout as pause } from 'node:timers/promises';
import type { DemoLog } from './demo-log.ts';
import type { Addresses, Command } from './messages.ts';
import { demoServices, type DemoService } from './names.ts';
import { ServiceProcess } from './service-process.ts';

const restartDelayMs = 500;
/** A service that has not ended this long after it was told to is killed. */
const stopMsMax = 3_000;

/** All services of one demo: starts them, tells each where the others are, and starts again the one that dies. */
export class Fleet {
  readonly #dir: string;
  readonly #log: DemoLog;
  readonly #processes = new Map<DemoService, ServiceProcess>();
  #stopping = false;

  private constructor(dir: string, log: DemoLog) {
    this.#dir = dir;
    this.#log = log;
  }

  /** Resolves when every service listens and knows all others. Where one does not come up, none is left. */
  static async start(dir: string, log: DemoLog): Promise<Fleet> {
    const fleet = new Fleet(dir, log);
    try {
      await Promise.all(demoServices.map((name) => fleet.#launch(name)));
      await fleet.#introduce();
    } catch (error) {
      await fleet.stop();
      throw error;
    }
    for (const name of demoServices) void fleet.#keep(name);
    return fleet;
  }

  /** Null while the service is starting. */
  addressOf(name: DemoService): string | null {
    return this.#processes.get(name)?.address ?? null;
  }

  pids(): Record<string, number> {
    return Object.fromEntries([...this.#processes.values()].flatMap(({ name, pid }) => (pid === undefined ? [] : [[name, pid]])));
  }

  /** Rejects while the service is not running. */
  async tell(name: DemoService, command: Command): Promise<void> {
    await this.#processes.get(name)!.tell(command);
  }

  /** Resolves when no process is left: after what was accepted is done, at the latest after three seconds. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#processes.values()].map(async (process) => {
      if (process.address === null) process.kill();
      else process.tell({ type: 'stop' }).catch(() => undefined);
      const killing = setTimeout(() => process.kill(), stopMsMax);
      await process.ended;
      clearTimeout(killing);
    }));
  }

  async #launch(name: DemoService): Promise<void> {
    const process = new ServiceProcess(name, this.#dir, this.#log);
    this.#processes.set(name, process);
    await process.listening;
  }

  async #introduce(): Promise<void> {
    const running = [...this.#processes.values()].filter(({ address }) => address !== null);
    const addresses: Addresses = Object.fromEntries(running.map(({ name, address }) => [name, address!]));
    // One that dies just now hears the addresses when it is back.
    await Promise.allSettled(running.map((process) => process.tell({ type: 'meet', addresses })));
  }

  async #keep(name: DemoService): Promise<void> {
    for (;;) {
      const { code, signal } = await this.#processes.get(name)!.ended;
      if (this.#stopping) return;
      this.#log.warn({ event: 'demoServiceEnded', service: name, code, signal }, 'a demo service ended; starting it again');
      await pause(restartDelayMs);
      if (this.#stopping) return;
      try {
        await this.#launch(name);
        await this.#introduce();
        this.#log.info({ event: 'demoServiceRestarted', service: name }, 'the demo service is back');
      } catch (error) {
        this.#log.error({ event: 'demoServiceRestartFailed', service: name, reason: (error as Error).message }, 'the demo service did not come up');
      }
    }
  }
}
