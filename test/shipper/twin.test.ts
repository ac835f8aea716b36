/** Rotated and compressed: the unread rest is read from the twin, under the old stream. */
import test from 'ava';
import { unlinkSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { balanceCloses } from '../../shipper/balance.ts';
import { TailedFolder } from '../helpers/tailed-folder.ts';

async function tailed(t: { teardown: (fn: () => Promise<void>) => void }, ...args: ConstructorParameters<typeof TailedFolder>): Promise<TailedFolder> {
  const folder = new TailedFolder(...args);
  t.teardown(() => folder.dispose());
  await folder.shipper.open();
  return folder;
}

const numbered = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, n) => `line ${from + n} ${'x'.repeat(180)}${(from + n) * 7919}`);
const text = (lines: readonly string[]): string => lines.map(line => `${line}\n`).join('');

/** Replaces a file by its compressed twin, as gzip and zstd --rm do. */
function compress(folder: TailedFolder, name: string, packing: 'gz' | 'zst'): void {
  const bytes = readFileSync(folder.path(name));
  writeFileSync(folder.path(`${name}.${packing}`), packing === 'gz' ? gzipSync(bytes) : zstdCompressSync(bytes));
  unlinkSync(folder.path(name));
}

for (const packing of ['gz', 'zst'] as const) {
  for (const checkpoint of ['kept', 'lost'] as const) {
    test(`rotated and compressed (${packing}) while the shipper was stopped, checkpoint ${checkpoint}: the rest is read from the twin`, async t => {
      const folder = await tailed(t);
      folder.append('a.log', text(numbered(0, 10)));
      await folder.settle();
      await folder.turn(6000);
      folder.append('a.log', text(numbered(10, 20)));
      folder.rename('a.log', 'a.log.1');
      compress(folder, 'a.log.1', packing);
      folder.append('a.log', text(numbered(20, 30)));
      await folder.crash(checkpoint);
      await folder.settle();
      t.deepEqual(folder.storedLines(), numbered(0, 30));
      t.is(folder.store.streams().size, 2);
      t.deepEqual(folder.store.chunks.filter(({ chunk }) => chunk.kind === 'gap'), []);
      t.is([...folder.store.states.values()].filter(state => state.closed).length, 1);
      t.true(folder.shipper.status().every(balanceCloses));
    });
  }
}

test('compressed while running, before everything could be read and with no descriptor open: the rest is read from the twin', async t => {
  const folder = await tailed(t, { chunkBytesMax: 4096, inFlightBytesMax: 64 * 1024, openFilesMax: 16 }, false);
  folder.append('a.log', text(numbered(0, 2000)));
  for (let turn = 0; turn < 10; turn += 1) await folder.turn(); // the limit in flight is reached
  for (let n = 0; n < 20; n += 1) folder.append(`other-${n}.log`, 'one\n'); // these take the descriptors
  for (let turn = 0; turn < 4; turn += 1) await folder.turn();
  folder.rename('a.log', 'a.log.1');
  folder.append('a.log', text(numbered(2000, 2010)));
  compress(folder, 'a.log.1', 'gz');
  for (let turn = 0; turn < 4; turn += 1) await folder.turn();
  await folder.settle();
  t.deepEqual(folder.storedLines().filter(line => line !== 'one'), numbered(0, 2010));
  t.deepEqual(folder.store.chunks.filter(({ chunk }) => chunk.kind === 'gap'), []);
});

test('copied, truncated and compressed at once: the rest is read from the twin', async t => {
  const folder = await tailed(t);
  folder.append('a.log', text(numbered(0, 5)));
  await folder.settle();
  folder.append('a.log', text(numbered(5, 9)));
  folder.copyTruncate('a.log', 'a.log.1');
  compress(folder, 'a.log.1', 'gz');
  folder.append('a.log', text(numbered(9, 12)));
  await folder.settle();
  t.deepEqual(folder.storedLines(), numbered(0, 12));
  t.deepEqual(folder.store.chunks.filter(({ chunk }) => chunk.kind === 'gap'), []);
});

test('killed while a twin is being read: the next start goes on in it', async t => {
  const folder = await tailed(t, { chunkBytesMax: 4096, inFlightBytesMax: 64 * 1024 }, false);
  folder.append('a.log', text(numbered(0, 10)));
  await folder.settle();
  folder.append('a.log', text(numbered(10, 3000)));
  folder.rename('a.log', 'a.log.1');
  compress(folder, 'a.log.1', 'gz');
  folder.append('a.log', 'new\n');
  for (let crashes = 0; crashes < 5; crashes += 1) {
    await folder.crash('kept', crashes);
    for (let turn = 0; turn < 20; turn += 1) await folder.turn();
    folder.transport.acknowledge(0);
    folder.transport.acknowledge(0);
    await folder.turn();
  }
  await folder.settle();
  t.deepEqual(folder.storedLines(), [...numbered(0, 3000), 'new']);
});

test('a twin whose archive is broken gives what it has; the rest is a gap, and it is said', async t => {
  const folder = await tailed(t, { chunkBytesMax: 4096 });
  folder.append('a.log', text(numbered(0, 10)));
  await folder.settle();
  folder.append('a.log', text(numbered(10, 1000)));
  const bytes = gzipSync(readFileSync(folder.path('a.log')));
  folder.remove('a.log');
  writeFileSync(folder.path('a.log.1.gz'), bytes.subarray(0, bytes.length >> 1));
  folder.append('a.log', 'new\n');
  await folder.crash();
  await folder.settle();
  const stored = folder.storedLines();
  t.deepEqual(stored.slice(0, 10), numbered(0, 10));
  t.log(stored.length);
  t.true(stored.length > 50 && stored.length < 1000);
  t.true(folder.shipper.problems().some(({ code }) => code === 'ARCHIVE_TRUNCATED'));
});

test('a compressed file that is the twin of nothing known is left alone and said', async t => {
  const folder = await tailed(t);
  folder.append('a.log', text(numbered(0, 10)));
  await folder.settle();
  writeFileSync(folder.path('a.log.1.gz'), gzipSync(text(numbered(50, 60))));
  writeFileSync(folder.path('b.log.1.gz'), gzipSync(text(numbered(50, 60))));
  folder.remove('a.log');
  await folder.crash();
  await folder.settle();
  t.deepEqual(folder.storedLines(), numbered(0, 10));
  t.deepEqual(folder.shipper.problems().map(({ code }) => code).sort(), ['COMPRESSED_FILE', 'COMPRESSED_FILE']);
});
