/** The shipper's thread in `up`: tails the paths and hands chunks to the collector's thread. */
import { parentPort, type MessagePort } from 'node:worker_threads';
import { Shipper } from '../shipper/shipper.ts';
import { invariant } from '#lib/assert.ts';
import { systemClock } from '#lib/clock.ts';
import { checkpointFile } from '#schemas/embedded/layout.ts';
import { toPlainError, type PlainError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import { InProcessTransport } from './in-process-transport.ts';
import { createLog } from './log.ts';

export interface ShipperThreadData {
  paths: readonly string[];
  options: Options;
  isTerminal: boolean;
  port: MessagePort;
}
export type ShipperCall = { kind: 'stop' };
export type ShipperMessage = { kind: 'ready' } | { kind: 'failed'; error: PlainError } | { kind: 'stopped' };

export async function main({ paths, options, isTerminal, port: transportPort }: ShipperThreadData): Promise<void> {
  const port = parentPort;
  invariant(port !== null, 'the shipper thread was started as a program');
  const send = (message: ShipperMessage): void => port.postMessage(message);

  try {
    const transport = new InProcessTransport(transportPort);
    const shipper = new Shipper({ paths, options, transport, checkpointPath: checkpointFile(options.dataDir), log: createLog('shipper', options, isTerminal), clock: systemClock });
    port.on('message', (call: ShipperCall) => {
      invariant(call.kind === 'stop', 'the shipper thread knows one call');
      void (async () => {
        await shipper.stop();
        await transport.close();
        send({ kind: 'stopped' });
        port.close();
      })();
    });
    await shipper.start();
    shipper.finished.catch((error: unknown) => send({ kind: 'failed', error: toPlainError(error) }));
    send({ kind: 'ready' });
  } catch (error) {
    send({ kind: 'failed', error: toPlainError(error) });
    port.close();
  }
}
