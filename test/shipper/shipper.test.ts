import test from 'ava';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { balanceCloses } from '../../shipper/balance.ts';
import { skipHere } from '../helpers/skipped.ts';
import { TailedFolder } from '../helpers/tailed-folder.ts';

/** A folder, opened over what `prepare` wrote, gone when the test is over. */
async function tailed(t: { teardown: (fn: () => Promise<void>) => void }, prepare: (folder: TailedFolder) => void = () => undefined, ...args: ConstructorParameters<typeof TailedFolder>): Promise<TailedFolder> {
  const folder = new TailedFolder(...args);
  t.teardown(() => folder.dispose());
  prepare(folder);
  await folder.shipper.open();
  return folder;
}

test('appended lines are stored in order under one stream', async t => {
  const folder = await tailed(t);
  folder.append('cart.log', 'one\n');
  await folder.settle();
  folder.append('cart.log', 'two\nthree\n');
  await folder.settle();
  t.deepEqual(folder.storedLines(), ['one', 'two', 'three']);
  t.is(folder.store.streams().size, 1);
  const { chunk } = folder.store.chunks[0]!;
  t.is(chunk.origin.service, 'cart');
  t.true(folder.shipper.status().every(balanceCloses));
});

test('a line without its newline waits for it', async t => {
  const folder = await tailed(t);
  folder.append('a.log', 'one\nhal');
  await folder.settle();
  t.deepEqual(folder.storedLines(), ['one']);
  folder.append('a.log', 'f\n');
  await folder.settle();
  t.deepEqual(folder.storedLines(), ['one', 'half']);
});

test('an idle record follows growth once', async t => {
  const folder = await tailed(t);
  folder.append('a.log', 'one\n');
  await folder.settle();
  await folder.settle();
  const [streamId] = [...folder.store.streams().keys()];
  t.deepEqual(folder.store.kinds(streamId!), ['lines', 'idle']);
});

test('a renamed file is read to its end, closed, and followed by the new one', async t => {
  const folder = await tailed(t);
  folder.append('a.log', 'one\n');
  await folder.settle();
  folder.append('a.log', 'two\n');
  folder.rename('a.log', 'a.log.1');
  folder.append('a.log', 'new\n');
  await folder.turn();
  folder.append('a.log.1', 'late');
  await folder.settle();
  t.deepEqual(folder.storedLines(), ['one', 'two', 'late', 'new']);
  const [first, second] = [...folder.store.streams().keys()];
  t.is(folder.store.kinds(first!).at(-1), 'close');
  t.deepEqual(folder.store.chunks.find(({ chunk }) => chunk.streamId === second)!.chunk.previous, { streamId: first!, end: 'one\ntwo\nlate'.length });
});

test('a renamed file that its writer still has open is not closed before it was quiet for two seconds', async t => {
  const folder = await tailed(t);
  folder.append('a.log', 'one\n');
  await folder.turn();
  await folder.turn();
  folder.rename('a.log', 'a.log.1');
  folder.append('a.log', 'new\n');
  for (let late = 0; late < 4; late += 1) {
    folder.append('a.log.1', `late ${late}\n`);
    await folder.turn(1500);
    await folder.turn(100);
  }
  t.false(folder.store.chunks.some(({ chunk }) => chunk.kind === 'close'));
  await folder.settle();
  t.deepEqual(folder.storedLines(), ['one', 'late 0', 'late 1', 'late 2', 'late 3', 'new']);
  t.is(folder.store.streams().size, 2);
});

test('a file truncated in place goes on as the next generation', async t => {
  const folder = await tailed(t);
  folder.append('a.log', 'one\ntwo\n');
  await folder.settle();
  folder.truncate('a.log');
  folder.append('a.log', 'new\n');
  await folder.settle();
  t.deepEqual(folder.storedLines(), ['one', 'two', 'new']);
  t.deepEqual([...folder.store.streams().keys()].map(streamId => streamId.split('.')[1]), ['0', '1']);
});

test('a file truncated and regrown beyond its old size is noticed by its bytes', async t => {
  const folder = await tailed(t);
  folder.append('a.log', 'banner\none\n');
  await folder.settle();
  writeFileSync(folder.path('a.log'), 'banner\nsomething longer than before\nand more\n');
  await folder.settle();
  t.deepEqual(folder.storedLines(), ['banner', 'one', 'banner', 'something longer than before', 'and more']);
});

test('bytes truncated before they were read are a gap with their size', async t => {
  const folder = await tailed(t, () => undefined, { inFlightBytesMax: 64 * 1024 }, false);
  folder.append('a.log', 'x'.repeat(99).concat('\n').repeat(20_000));
  for (let turn = 0; turn < 4; turn += 1) await folder.turn();
  folder.truncate('a.log');
  await folder.settle();
  const gap = folder.store.chunks.find(({ chunk }) => chunk.kind === 'gap');
  t.truthy(gap);
  const lines = [...folder.store.streams().values()][0]!.length;
  t.is(gap!.chunk.gap!.bytes + lines, 2_000_000);
  t.false(gap!.chunk.gap!.exact);
});

test('what a copytruncate took from us is read on from the copy, under the old stream', async t => {
  const folder = await tailed(t);
  folder.append('a.log', 'one\ntwo\n');
  await folder.settle();
  folder.append('a.log', 'three\n');
  folder.copyTruncate('a.log', 'a.log.1');
  folder.append('a.log', 'new\n');
  await folder.settle();
  t.deepEqual(folder.storedLines(), ['one', 'two', 'three', 'new']);
  t.false(folder.store.chunks.some(({ chunk }) => chunk.kind === 'gap'));
  t.is(folder.store.streams().size, 2);
});

test('a copy that cannot be put on record waits alone: others are read on, and its rest when the disk takes a checkpoint again', async t => {
  const folder = await tailed(t);
  folder.append('app.log', 'one\ntwo\n');
  folder.append('other.log', 'begun\n');
  await folder.settle();
  folder.append('app.log', 'three\n');
  const obstacle = `${folder.checkpointPath}.tmp`;
  mkdirSync(join(obstacle, 'in the way'), { recursive: true });
  folder.copyTruncate('app.log', 'app.log.1');
  folder.append('other.log', 'goes on\n');
  await folder.settle();
  t.deepEqual(folder.storedLines().sort(), ['begun', 'goes on', 'one', 'two']);
  t.true(folder.shipper.problems().some(({ code }) => code === 'CHECKPOINT_NOT_SAVED'));
  rmSync(obstacle, { recursive: true });
  await folder.settle();
  t.deepEqual(folder.storedLines().sort(), ['begun', 'goes on', 'one', 'three', 'two']);
});

test('a copytruncate while the shipper was down loses nothing', async t => {
  for (const checkpoint of ['kept', 'lost'] as const) {
    const folder = await tailed(t);
    folder.append('a.log', 'one\ntwo\n');
    await folder.settle();
    folder.append('a.log', 'three\n');
    folder.copyTruncate('a.log', 'a.log.1');
    folder.append('a.log', 'new\n');
    await folder.crash(checkpoint);
    await folder.settle();
    t.deepEqual(folder.storedLines(), ['one', 'two', 'three', 'new'], checkpoint);
  }
});

test('a rename rotation while the shipper was down loses and doubles nothing, with and without a checkpoint', async t => {
  for (const checkpoint of ['kept', 'lost'] as const) {
    const folder = await tailed(t);
    folder.append('a.log', 'one\n');
    await folder.settle();
    folder.append('a.log', 'two\n');
    folder.rename('a.log', 'a.log.1');
    folder.append('a.log', 'new\n');
    await folder.crash(checkpoint);
    await folder.settle();
    t.deepEqual(folder.storedLines(), ['one', 'two', 'new'], checkpoint);
    t.is(folder.store.streams().size, 2);
  }
});

test('a damaged checkpoint is reported and positions come from the transport', async t => {
  const folder = await tailed(t);
  folder.append('a.log', 'one\n');
  await folder.settle();
  await folder.turn(6000); // states are told
  const before = folder.store.chunks.filter(({ chunk }) => chunk.kind === 'lines').length;
  await folder.crash(Buffer.from('{"version":1,"sha256":"x"}\n{"streams":[]'));
  await folder.settle();
  t.is(folder.shipper.problems().find(problem => problem.code === 'CHECKPOINT_DAMAGED')?.path, folder.checkpointPath);
  t.is(folder.store.chunks.filter(({ chunk }) => chunk.kind === 'lines').length, before);
});

test('a hole in the acknowledgements holds the checkpoint back', async t => {
  const folder = await tailed(t, () => undefined, { chunkBytesMax: 4096 }, false);
  folder.append('a.log', 'x'.repeat(1023).concat('\n').repeat(12));
  for (let turn = 0; turn < 6; turn += 1) await folder.turn();
  t.is(folder.transport.pending.length, 3);
  folder.transport.acknowledge(2);
  folder.transport.acknowledge(1);
  await folder.turn(5000);
  const acknowledged = (): number => (JSON.parse(readFileSync(folder.checkpointPath, 'utf8').split('\n')[1]!) as { streams: { acknowledgedBytes: number }[] }).streams[0]!.acknowledgedBytes;
  t.is(acknowledged(), 0);
  folder.transport.acknowledge(0);
  await folder.turn(5000);
  t.is(acknowledged(), 12_288);
});

test('the next stream of a source waits for the closing acknowledgement of the one before', async t => {
  const folder = await tailed(t, () => undefined, {}, false);
  folder.append('a.log', 'one\n');
  for (let turn = 0; turn < 4; turn += 1) await folder.turn();
  folder.rename('a.log', 'a.log.1');
  folder.append('a.log', 'new\n');
  for (let turn = 0; turn < 8; turn += 1) await folder.turn(1000);
  t.true(folder.transport.pending.some(({ chunk }) => chunk.kind === 'close'));
  t.false(folder.transport.pending.some(({ bytes }) => bytes.includes('new')));
  await folder.settle();
  t.deepEqual(folder.storedLines(), ['one', 'new']);
});

test('a line longer than a chunk travels in numbered parts and the checkpoint waits for its end', async t => {
  const folder = await tailed(t, () => undefined, { chunkBytesMax: 4096 });
  folder.append('a.log', `short\n${'y'.repeat(10_000)}`);
  await folder.settle();
  const parts = (): unknown[] => folder.store.chunks.filter(({ chunk }) => chunk.kind === 'lines').map(({ chunk }) => chunk.part);
  t.deepEqual(parts(), [null, { n: 1, of: null }, { n: 2, of: null }]);
  const [state] = [...folder.store.states.values()];
  await folder.turn(6000);
  t.is(folder.store.states.get(state!.streamId)!.acknowledgedBytes, 6);
  folder.append('a.log', 'y\nafter\n');
  await folder.settle();
  t.deepEqual(parts().slice(3), [{ n: 3, of: 3 }, null]);
  t.deepEqual(folder.storedLines(), ['short', 'y'.repeat(10_001), 'after']);
});

test('a deleted file that is still open is read to its end and closed', async t => {
  const folder = await tailed(t);
  folder.append('a.log', 'one\n');
  await folder.turn();
  await folder.turn();
  folder.append('a.log', 'two');
  folder.remove('a.log');
  await folder.settle();
  t.deepEqual(folder.storedLines(), ['one', 'two']);
  t.is(folder.store.chunks.at(-1)!.chunk.kind, 'close');
  t.true([...folder.store.states.values()].every(state => state.closed));
});

test('a file that vanished while the shipper was down is closed, with a gap for what was known of it', async t => {
  const folder = await tailed(t, () => undefined, { chunkBytesMax: 4096 }, false);
  folder.append('a.log', 'x'.repeat(1023).concat('\n').repeat(8));
  for (let turn = 0; turn < 4; turn += 1) await folder.turn();
  folder.transport.acknowledge(0);
  await folder.turn(6000);
  folder.remove('a.log');
  await folder.crash();
  await folder.settle();
  t.deepEqual(folder.store.chunks.filter(({ chunk }) => chunk.kind !== 'lines').map(({ chunk }) => [chunk.kind, chunk.gap?.bytes ?? null]), [['gap', 4096], ['close', null]]);
});

test('a file reached by two names is read once', async t => {
  const { symlinkSync } = await import('node:fs');
  const folder = await tailed(t, each => {
    each.append('a.log', 'one\n');
    symlinkSync(each.path('a.log'), each.path('link.log'));
  });
  await folder.settle();
  t.deepEqual(folder.storedLines(), ['one']);
});

test('an unreadable folder does not end the streams in it', async t => {
  if (process.getuid?.() === 0) {
    skipHere(t, 'root may read everything');
    return;
  }
  const folder = await tailed(t, each => each.append('a.log', 'one\n'));
  await folder.settle();
  chmodSync(folder.logs, 0);
  await folder.settle();
  t.false(folder.store.chunks.some(({ chunk }) => chunk.kind === 'close'));
  chmodSync(folder.logs, 0o755);
  appendFileSync(folder.path('a.log'), 'two\n');
  await folder.settle();
  t.deepEqual(folder.storedLines(), ['one', 'two']);
});

test('a compressed and a binary file are left out and reported', async t => {
  const folder = await tailed(t, each => {
    each.append('a.log.1.gz', Buffer.from([0x1f, 0x8b, 8, 0]));
    each.append('core.log', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 0, 10]));
  });
  await folder.settle();
  t.deepEqual(folder.shipper.problems().map(problem => problem.code).sort(), ['BINARY_FILE', 'COMPRESSED_FILE']);
  t.deepEqual(folder.storedLines(), []);
});

test('a closed stream stays closed over a restart unless its file grows', async t => {
  const folder = await tailed(t);
  folder.append('a.log', 'one\n');
  folder.append('a.log.1', 'old\n');
  await folder.settle();
  const count = folder.store.chunks.length;
  await folder.crash('lost');
  await folder.settle();
  t.true(folder.store.chunks.slice(count).every(({ chunk }) => chunk.kind === 'idle'));
  folder.append('a.log.1', 'late\n');
  await folder.settle();
  t.deepEqual(folder.storedLines().sort(), ['late', 'old', 'one']);
  t.is(folder.store.streams().size, 2);
});

test('a stream that ended inside a line is told as ended with that piece: nothing of it is sent again after a restart', async t => {
  for (const checkpoint of ['kept', 'lost'] as const) {
    const folder = await tailed(t, () => undefined, {}, true, false);
    const piece = (tag: 'P' | 'F', text: string): string => `2026-01-01T00:00:00.000000000Z stdout ${tag} ${text}\n`;
    folder.append('a.log', piece('F', 'whole') + piece('P', 'begun'));
    await folder.settle();
    folder.rename('a.log', 'a.log.1');
    folder.append('a.log', piece('F', ' and ended'));
    await folder.settle();
    const first = [...folder.store.streams().keys()][0]!;
    const sent = folder.store.kinds(first);
    await folder.crash(checkpoint);
    await folder.settle();
    t.deepEqual(folder.store.kinds(first), sent, checkpoint);
  }
});

test('start and stop: what was written is stored and acknowledged', async t => {
  const folder = new TailedFolder();
  t.teardown(() => folder.dispose());
  folder.append('a.log', 'one\ntwo\n');
  await folder.shipper.start();
  while (folder.store.streams().size === 0) await new Promise(resolve => setImmediate(resolve));
  t.true(await folder.shipper.stop());
  await folder.shipper.finished;
  t.deepEqual(folder.storedLines(), ['one', 'two']);
});

test('a PATH that does not exist is told at the start', async t => {
  const folder = new TailedFolder();
  t.teardown(() => folder.dispose());
  folder.rename('.', '../elsewhere');
  await t.throwsAsync(folder.shipper.start(), { code: 'PATH_NOT_FOUND' });
});
