/** Files that begin with the same lines at every start of the service that writes them: bytes alone do not say which of them was read already. */
import test, { type ExecutionContext } from 'ava';
import { setTimeout as pause } from 'node:timers/promises';
import { TailedFolder } from '../helpers/tailed-folder.ts';

/** More than what names and tail hashes look at. */
const banner = Array.from({ length: 40 }, (_, n) => `starting: setting ${n} of this service has the value that it always has\n`).join('');
const lines = (name: string, count: number): string => Array.from({ length: count }, (_, n) => `${name} line ${n}\n`).join('');

async function tailed(t: ExecutionContext): Promise<TailedFolder> {
  const folder = new TailedFolder();
  t.teardown(() => folder.dispose());
  await folder.shipper.open();
  return folder;
}

/** What is stored, but for the lines that all files have. */
const told = (folder: TailedFolder): string[] => folder.storedLines().filter(line => !line.startsWith('starting:')).sort();
const wanted = (...texts: string[]): string[] => texts.join('').split('\n').filter(line => line !== '').sort();
/** Times of the file system are a few milliseconds coarse. */
const tick = (): Promise<void> => pause(20);

for (const checkpoint of ['kept', 'lost'] as const) {
  test(`a file never seen, shorter than one that is gone and begins alike, is its own: checkpoint ${checkpoint}`, async t => {
    const folder = await tailed(t);
    const [first, second, third] = [lines('first', 50), lines('second', 5), lines('third', 3)];
    folder.append('a.log', banner + first);
    await folder.settle();
    await tick();
    folder.remove('a.log');
    folder.append('a.log', banner + second);
    folder.rename('a.log', 'a.log.1');
    folder.append('a.log', banner + third);
    await folder.crash(checkpoint);
    await folder.settle();
    t.deepEqual(told(folder), wanted(first, second, third));
  });

  test(`several copies made while nobody looked, each shorter than what was read: only the first is ours, checkpoint ${checkpoint}`, async t => {
    const folder = await tailed(t);
    const parts = [lines('first', 50), lines('second', 20), lines('third', 30), lines('fourth', 5)];
    folder.append('a.log', banner + parts[0]!);
    await folder.settle();
    for (const [index, next] of parts.slice(1).entries()) {
      await tick();
      folder.copyTruncate('a.log', `a.log-2026010${index + 1}`);
      await tick();
      folder.append('a.log', banner + next);
    }
    await folder.crash(checkpoint);
    await folder.settle();
    t.deepEqual(told(folder), wanted(...parts));
  });

  test(`the position lies in what is alike, and copies of those before and after agree with it: checkpoint ${checkpoint}`, async t => {
    const folder = await tailed(t);
    const parts = [lines('first', 50), lines('second', 20), lines('third', 30), lines('fourth', 5)];
    folder.append('a.log', banner + parts[0]!);
    await folder.settle();
    await tick();
    folder.copyTruncate('a.log', 'a.log-20260101');
    await tick();
    // Of the second only its beginning is read.
    folder.append('a.log', banner);
    await folder.settle();
    for (const [index, part] of parts.slice(1).entries()) {
      folder.append('a.log', (index === 0 ? '' : banner) + part);
      if (index === 2) break;
      await tick();
      folder.copyTruncate('a.log', `a.log-2026010${index + 2}`);
      await tick();
    }
    await folder.crash(checkpoint);
    await folder.settle();
    t.deepEqual(told(folder), wanted(...parts));
  });

  test(`the first copy is gone when we look: the next is no shorter copy of what was read, checkpoint ${checkpoint}`, async t => {
    const folder = await tailed(t);
    const parts = [lines('first', 50), lines('second', 20), lines('third', 5)];
    folder.append('a.log', banner + parts[0]!);
    await folder.settle();
    await tick();
    folder.copyTruncate('a.log', 'a.log-20260101');
    folder.remove('a.log-20260101');
    await tick();
    folder.append('a.log', banner + parts[1]!);
    await tick();
    folder.copyTruncate('a.log', 'a.log-20260102');
    await tick();
    folder.append('a.log', banner + parts[2]!);
    await folder.crash(checkpoint);
    await folder.settle();
    t.deepEqual(told(folder), wanted(...parts));
  });
}

test('a copy of a stream whose later one is read already is not read for it', async t => {
  const folder = await tailed(t);
  const parts = [lines('second', 20), lines('third', 30)];
  folder.append('a.log', banner);
  await folder.settle();
  await tick();
  folder.truncate('a.log');
  await tick();
  folder.append('a.log', banner + parts[0]!);
  await folder.settle();
  await tick();
  folder.copyTruncate('a.log', 'a.log-20260101');
  await tick();
  folder.append('a.log', banner + parts[1]!);
  await folder.crash('lost');
  await folder.settle();
  t.deepEqual(told(folder), wanted(...parts));
});

test('an archive of a file that was read, unpacked again and seen while it is half done, stores nothing twice', async t => {
  const folder = await tailed(t);
  const [first, second] = [lines('first', 50), lines('second', 3)];
  folder.append('a.log', banner + first);
  await folder.settle();
  folder.rename('a.log', 'a.log.1');
  folder.append('a.log', banner + second);
  await folder.settle();
  folder.remove('a.log.1');
  await folder.settle();
  await tick();
  const whole = banner + first;
  for (let at = 0; at < whole.length; at += 1000) {
    folder.append('a.log.1', whole.slice(at, at + 1000));
    await folder.turn(500);
  }
  await folder.settle();
  t.deepEqual(told(folder), wanted(first, second));
});

test('a first start that was told and then killed: the file regrown alike is not taken for the one whose copy lies beside it', async t => {
  const folder = await tailed(t);
  const [first, second, third] = [lines('first', 50), lines('second', 20), lines('third', 30)];
  folder.append('a.log', banner);
  await folder.settle();
  folder.append('a.log', first);
  await tick();
  folder.copyTruncate('a.log', 'a.log-20260101');
  await tick();
  folder.append('a.log', banner + second);
  await tick();
  folder.copyTruncate('a.log', 'a.log-20260102');
  await tick();
  // The position lies before the end of what is alike, and the file is larger than it ever was.
  folder.append('a.log', banner + third + banner);
  await folder.crash();
  await folder.settle();
  t.deepEqual(told(folder), wanted(first, second, third));
});

test('a rotated file that is a stream of its own is no proof that the file which came after it was truncated', async t => {
  const folder = new TailedFolder({}, false, false);
  t.teardown(() => folder.dispose());
  const [first, second] = [lines('first', 50), lines('second', 20)];
  folder.append('a.log', banner + first);
  await tick();
  folder.copyTruncate('a.log', 'a.log-20260101');
  await folder.shipper.open();
  for (let turns = 0; turns < 20; turns += 1) await folder.turn(60);
  // The first is on record, and all of it on its way; the second begins in the next run, and nothing of it is acknowledged.
  await folder.crash('kept', folder.transport.pending.length);
  folder.append('a.log', banner + second);
  for (let turns = 0; turns < 100; turns += 1) {
    await folder.turn(60);
    folder.transport.acknowledge(0);
    if (folder.storedLines().includes('second line 19')) break;
    if (folder.transport.pending.some(({ bytes }) => bytes.includes('second line 19'))) break;
  }
  await folder.crash('kept', folder.transport.pending.length);
  await folder.settle();
  t.deepEqual(told(folder), wanted(first, second));
});

test('a file truncated and regrown alike between two looks: its copy says so', async t => {
  const folder = await tailed(t);
  const [first, second] = [lines('first', 50), lines('second', 60)];
  folder.append('a.log', banner);
  await folder.settle();
  folder.append('a.log', first);
  await tick();
  folder.copyTruncate('a.log', 'a.log-20260101');
  folder.append('a.log', banner + second);
  await folder.settle();
  t.deepEqual(told(folder), wanted(first, second));
  const streams = [...folder.store.streams().values()];
  t.deepEqual(streams.map(bytes => bytes.toString().startsWith(banner)), [true, true]);
});
