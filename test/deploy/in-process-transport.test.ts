import { MessageChannel } from 'node:worker_threads';
import test from 'ava';
import type { Chunk } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { Transport } from '#schemas/transport.ts';
import { InProcessTransport, servePort } from '../../deploy/in-process-transport.ts';
import { madeChunk } from '../contract/made-up.ts';

/** The other end, which takes chunks in when the test says so. */
function carried(publish: (chunk: Chunk) => Promise<void>): InProcessTransport {
  const { port1, port2 } = new MessageChannel();
  const connection: Transport = { partitionOf: () => null, troubledBy: null, loadStates: () => Promise.resolve([]), publishStates: () => Promise.resolve(), publish, onAcknowledged: () => undefined, drain: () => Promise.resolve(true), close: () => Promise.resolve() };
  servePort(port1, connection);
  return new InProcessTransport(port2);
}

test('chunks are handed over without waiting until 8 MiB are under way; then the next waits', async t => {
  let taken = 0;
  const waiting: (() => void)[] = [];
  const transport = carried(() => {
    taken += 1;
    return new Promise(resolve => waiting.push(resolve));
  });
  const chunk = (n: number): Chunk => madeChunk('a', n * 1_000_000, new Uint8Array(1_000_000));
  for (let n = 0; n < 8; n++) await transport.publish(chunk(n));
  let handedOver = false;
  const ninth = transport.publish(chunk(8)).then(() => {
    handedOver = true;
  });
  while (taken < 1) await new Promise(resolve => setImmediate(resolve));
  t.false(handedOver);
  waiting.shift()!();
  await ninth;
  t.true(handedOver);
  for (let left = 8; left > 0; left--) {
    while (waiting.length === 0) await new Promise(resolve => setImmediate(resolve));
    waiting.shift()!();
  }
  await transport.close();
  t.is(taken, 9);
});

test('the bytes are given away, and a view of larger memory is copied first', async t => {
  const sizes: number[] = [];
  const transport = carried(chunk => {
    sizes.push(chunk.value.length, chunk.value.buffer.byteLength);
    return Promise.resolve();
  });
  const owned = new Uint8Array(100);
  const shared = new Uint8Array(1000);
  await transport.publish(madeChunk('a', 0, owned));
  await transport.publish(madeChunk('a', 100, shared.subarray(10, 60)));
  await transport.drain(10_000);
  await transport.close();
  t.deepEqual(sizes, [100, 100, 50, 50]);
  t.deepEqual([owned.length, shared.length], [0, 1000]);
});

test('a refusal is told once, by the next call', async t => {
  const transport = carried(() => Promise.reject(new LeadlineError('BAD_CHUNK', { problem: 'of a test' })));
  await transport.publish(madeChunk('a', 0, 'x\n'));
  t.is((await t.throwsAsync(() => transport.drain(10_000), { instanceOf: LeadlineError }))?.code, 'BAD_CHUNK');
  t.true(await transport.drain(10_000));
  await transport.close();
});
