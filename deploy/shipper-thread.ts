/** The shipper's thread in `up`: tails the paths and hands chunks to the collector's thread, or to Kafka. */
import { parentPort, type MessagePort } from 'node:worker_threads';
import { StoreOwner } from '../collector/store/store-owner.ts';
import { Shipper } from '../shipper/shipper.ts';
import { invariant } from '#lib/assert.ts';
import { systemClock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Codec } from '#schemas/chunk.ts';
import { checkpointFile, shipperLockFile, shipperNote } from '#schemas/embedded/layout.ts';
import { toPlainError, type PlainError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import type { Transport } from '#schemas/transport.ts';
import { InProcessTransport } from './in-process-transport.ts';
import { createLog } from './log.ts';
import { codecOf, notForPeople, openTransport, redactionOf } from './ship-transport.ts';

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
    const owner = new StoreOwner(options.dataDir, { lock: shipperLockFile(options.dataDir), note: shipperNote(options.dataDir) });
    const log = createLog('shipper', options, isTerminal, notForPeople);
    const { transport, codec, close } = await transportOf(options, transportPort, log);
    const shipper = new Shipper({ paths, options, transport, checkpointPath: checkpointFile(options.dataDir), log, clock: systemClock, codec, redact: await redactionOf(options) });
    port.on('message', (call: ShipperCall) => {
      invariant(call.kind === 'stop', 'the shipper thread knows one call');
      void (async () => {
        await shipper.stop();
        await close();
        owner.release();
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

/** Through Kafka where brokers are given, else straight to the collector's thread, uncompressed. */
async function transportOf(options: Options, port: MessagePort, log: Log): Promise<{ transport: Transport; codec: Codec; close: () => Promise<void> }> {
  if (options.kafka.length === 0) {
    const transport = new InProcessTransport(port);
    return { transport, codec: 'none', close: () => transport.close() };
  }
  port.close();
  const { transport, close } = await openTransport({ ...options, to: null }, log, systemClock);
  return { transport, codec: codecOf(options), close };
}
