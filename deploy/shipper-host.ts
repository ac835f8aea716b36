/** The shipper's thread as the main thread sees it. */
import type { Worker } from 'node:worker_threads';
import { startThread } from '#lib/thread.ts';
import { fromPlainError } from '#schemas/errors.ts';
import type { ShipperCall, ShipperMessage, ShipperThreadData } from './shipper-thread.ts';

export class ShipperHost {
  private readonly worker: Worker;
  private stopped: () => void = () => undefined;

  private constructor(worker: Worker) {
    this.worker = worker;
  }

  /** Resolves when the paths are found and tailing goes on. @throws LeadlineError PATH_NOT_FOUND and what else the shipper says at its start. */
  static start(data: ShipperThreadData, onCrash: (error: Error) => void): Promise<ShipperHost> {
    const worker = startThread(new URL('./shipper-thread.ts', import.meta.url), data, { transfer: [data.port] });
    const host = new ShipperHost(worker);
    return new Promise((resolve, reject) => {
      let ready = false;
      worker.on('message', (message: ShipperMessage) => {
        if (message.kind === 'ready') {
          ready = true;
          resolve(host);
        } else if (message.kind === 'stopped') host.stopped();
        else if (ready) onCrash(fromPlainError(message.error));
        else reject(fromPlainError(message.error));
      });
      worker.on('error', error => (ready ? onCrash(error as Error) : reject(error as Error)));
    });
  }

  /** Drains and stops. */
  async stop(): Promise<void> {
    const stopped = new Promise<void>(resolve => {
      this.stopped = resolve;
    });
    this.worker.postMessage({ kind: 'stop' } satisfies ShipperCall);
    await stopped;
    await this.worker.terminate();
  }
}
