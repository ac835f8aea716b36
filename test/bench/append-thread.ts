/** A thread of `append.ts`: makes events, and makes batches of them ready as a parsing thread does. */
import { parentPort } from 'node:worker_threads';
import { defaultOptions } from '#schemas/options.ts';
import { RemoteStore } from '../../collector/parsing/remote-store.ts';
import { StoreData } from './store-data.ts';

export async function main({ number, events, batchEvents }: { number: number; events: number; batchEvents: number }): Promise<void> {
  const port = parentPort!;
  const { commitBytesMax } = defaultOptions();
  const store = new RemoteStore({ number, lastChainPosition: 0 }, { eventsMax: batchEvents, rawBytes: commitBytesMax }, batch => port.postMessage({ batch: { ...batch, blocks: batch.blocks.map(block => ({ ...block, events: null })) } }));
  port.on('message', () => store.answered(null));
  const data = new StoreData(number, 1e9);
  let makingMs = 0;
  let before: Promise<unknown> = Promise.resolve();
  while (data.count < events) {
    const cpuBefore = process.threadCpuUsage();
    const batch = data.batch(Math.min(batchEvents, events - data.count)).map(event => ({ ...event, streamId: `${event.streamId}-${number}`, source: `${event.source}-${number}`, eventId: `${event.streamId}-${number}:${event.streamOffset}` }));
    const { user, system } = process.threadCpuUsage(cpuBefore);
    makingMs += (user + system) / 1000;
    // The one before is stored meanwhile.
    await before;
    before = store.append({ events: batch, states: [] }, [], []);
  }
  await before;
  port.postMessage({ makingMs });
  port.close();
}
