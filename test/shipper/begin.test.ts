/** Where streams begin and travel: partitions, `from`, redaction. */
import test from 'ava';
import { readFileSync } from 'node:fs';
import type { StreamState } from '#schemas/transport.ts';
import { balanceCloses } from '../../shipper/balance.ts';
import { TailedFolder } from '../helpers/tailed-folder.ts';

function folderOf(t: { teardown: (fn: () => Promise<void>) => void }, ...args: ConstructorParameters<typeof TailedFolder>): TailedFolder {
  const folder = new TailedFolder(...args);
  t.teardown(() => folder.dispose());
  return folder;
}

const savedStates = (folder: TailedFolder): StreamState[] => (JSON.parse(readFileSync(folder.checkpointPath, 'utf8').split('\n')[1]!) as { streams: StreamState[] }).streams;

test("a source's partition is in the checkpoint and outside before anything is sent, and stays when the number of partitions changes", async t => {
  for (const checkpoint of ['kept', 'lost'] as const) {
    const folder = folderOf(t);
    folder.partitions = 7;
    folder.begin();
    await folder.shipper.open();
    folder.append('a.log', 'one\n');
    await folder.settle();
    const partition = [...folder.store.states.values()][0]!.partition;
    t.is(typeof partition, 'number');
    t.is(savedStates(folder)[0]!.partition, partition);
    for (const partitions of [5, 3, 2]) {
      folder.partitions = partitions;
      await folder.crash(checkpoint);
      folder.append('a.log', 'more\n');
      folder.rename('a.log', 'a.log.1');
      folder.append('a.log', 'next\n');
      await folder.settle();
      folder.remove('a.log.1');
      await folder.settle();
    }
    t.deepEqual(new Set([...folder.store.states.values()].map(state => state.partition)), new Set([partition]), checkpoint);
    t.is(folder.store.states.size, 4);
  }
});

test('a transport with partitions after one without: known before sent', async t => {
  const folder = folderOf(t);
  await folder.shipper.open();
  folder.append('a.log', 'one\n');
  await folder.settle();
  folder.partitions = 4;
  folder.append('a.log', 'two\n');
  await folder.crash();
  await folder.settle();
  const [state] = [...folder.store.states.values()];
  t.is(typeof state!.partition, 'number');
  t.is(savedStates(folder)[0]!.partition, state!.partition);
  t.deepEqual(folder.storedLines(), ['one', 'two']);
});

test('from end: what was there at the first start is left out and counted, down to whole lines; what comes later is taken', async t => {
  const folder = folderOf(t, { from: 'end' });
  folder.append('a.log', `${'x'.repeat(2000)}\nold\nhal`);
  folder.append('b.log', 'no newline');
  await folder.shipper.open();
  folder.append('c.log', 'new file\n');
  folder.append('a.log', 'f\nnew\n');
  folder.append('b.log', ' yet\n');
  await folder.settle();
  const a = folder.shipper.status().find(balance => balance.path?.endsWith('a.log'))!;
  t.deepEqual(a.droppedBytes, { skipped: 2005 });
  t.true(folder.shipper.status().every(balanceCloses));
  const chunks = folder.store.chunks.filter(({ chunk }) => chunk.streamId === a.streamId);
  t.deepEqual(chunks.map(({ chunk, bytes }) => [chunk.kind, chunk.offset, chunk.end, bytes.toString()]).slice(0, 2), [['gap', 0, 2005, ''], ['lines', 2005, 2014, 'half\nnew\n']]);
  t.deepEqual(chunks[0]!.chunk.gap, { cause: 'skipped', bytes: 2005, exact: true });
  const others = folder.store.chunks.filter(({ chunk }) => chunk.kind === 'lines' && chunk.streamId !== a.streamId).map(({ bytes }) => bytes.toString());
  t.deepEqual(others.sort(), ['new file\n', 'no newline yet\n']);
});

test('from end counts for the first start only, and a kill before anything was acknowledged skips the same bytes', async t => {
  const folder = folderOf(t, { from: 'end' }, false);
  folder.append('a.log', 'old\n');
  await folder.shipper.open();
  await folder.turn();
  await folder.turn();
  folder.append('a.log', 'new\n');
  folder.append('later.log', 'later\n');
  await folder.crash();
  await folder.settle();
  const lines = folder.store.chunks.filter(({ chunk }) => chunk.kind === 'lines').map(({ bytes }) => bytes.toString());
  t.deepEqual(lines.sort(), ['later\n', 'new\n']);
  t.true(folder.store.chunks.some(({ chunk }) => chunk.gap?.cause === 'skipped'));
  t.true(folder.shipper.status().every(balanceCloses));
});

test('redaction changes values and nothing else: offsets, positions and the proof of the tail stay those of the file', async t => {
  const folder = folderOf(t);
  folder.redact = bytes => {
    const lines = bytes.toString('latin1').split(/(?<=\n)/);
    if (!lines.some(line => line.includes('secret'))) return null;
    return { value: Buffer.from(lines.map(line => line.replaceAll('secret', '*')).join(''), 'latin1'), lengths: lines.map(line => line.length) };
  };
  folder.begin();
  await folder.shipper.open();
  folder.append('a.log', 'one secret\ntwo\n');
  await folder.settle();
  folder.append('a.log', 'plain\n');
  await folder.settle();
  const chunks = folder.store.chunks.filter(({ chunk }) => chunk.kind === 'lines');
  t.deepEqual(chunks.map(({ chunk, bytes }) => [chunk.offset, chunk.end, chunk.lengths, bytes.toString()]), [[0, 15, [11, 4], 'one *\ntwo\n'], [15, 21, null, 'plain\n']]);
  await folder.crash();
  await folder.settle();
  t.is(folder.store.chunks.filter(({ chunk }) => chunk.kind === 'lines').length, 2);
});
