/** Sources at rest are kept small, and nobody can tell: what they have is in the checkpoint and told outside, and whatever happens to a file is seen. */
import test, { type ExecutionContext } from 'ava';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { StreamState } from '#schemas/transport.ts';
import { balanceCloses } from '../../shipper/balance.ts';
import { TailedFolder } from '../helpers/tailed-folder.ts';

const lines = (name: string, count: number): string => Array.from({ length: count }, (_, n) => `${name} line ${n} of some length\n`).join('');
const wanted = (...texts: string[]): string[] => texts.join('').split('\n').filter(line => line !== '').sort();

/** One file may be open, so that of several all but one can rest. */
async function tailed(t: ExecutionContext, files: Record<string, string>, activeMs = 0): Promise<TailedFolder> {
  const folder = new TailedFolder({ openFilesMax: 1, stateIntervalMs: 1000 });
  t.teardown(() => folder.dispose());
  folder.activeMs = activeMs;
  folder.begin();
  for (const [name, text] of Object.entries(files)) folder.append(name, text);
  await folder.shipper.open();
  await rest(folder);
  return folder;
}

async function rest(folder: TailedFolder): Promise<void> {
  await folder.settle();
  for (let turns = 0; turns < 5; turns += 1) await folder.turn(3000);
}

const checkpointed = (folder: TailedFolder): StreamState[] => (JSON.parse(readFileSync(folder.checkpointPath, 'utf8').split('\n')[1]!) as { streams: StreamState[] }).streams;
const byId = (a: { streamId: string | null }, b: { streamId: string | null }): number => (a.streamId! < b.streamId! ? -1 : 1);

test('what rests is told, saved and counted as before', async t => {
  const files = { 'a.log': lines('a', 30), 'b.log': `${lines('b', 3)}unfinished`, 'c.log': lines('c', 1), 'd.log': lines('d\xff\u2028\xe9', 7) };
  const resting = await tailed(t, files);
  const awake = await tailed(t, files, 1e9);
  t.true(resting.shipper.restingSources >= 3, `${resting.shipper.restingSources} rest`);
  t.is(awake.shipper.restingSources, 0);
  const withoutPlace = (folder: TailedFolder): unknown[] => folder.shipper.status().sort((a, b) => (a.path! < b.path! ? -1 : 1)).map(balance => ({ ...balance, streamId: null, source: null, path: null, readToEndMs: null }));
  t.deepEqual(withoutPlace(resting), withoutPlace(awake));
  for (const balance of resting.shipper.status()) t.true(balanceCloses(balance));
  const before = checkpointed(resting).sort(byId);
  // Something to save: the rest is written down from where it rests.
  resting.append('a.log', lines('again', 1));
  await rest(resting);
  const after = checkpointed(resting).sort(byId);
  t.is(after.length, before.length);
  for (const [index, state] of before.entries()) {
    const now = after[index]!;
    if (now.path!.endsWith('a.log')) t.is(now.acknowledgedBytes, state.acknowledgedBytes + lines('again', 1).length);
    else t.deepEqual({ ...now, readToEndMs: null }, { ...state, readToEndMs: null });
  }
});

test('that it is still read to its end is told of what rests', async t => {
  const folder = await tailed(t, { 'a.log': lines('a', 3), 'b.log': lines('b', 3), 'c.log': lines('c', 3) });
  const told = (): number[] => [...folder.store.states.values()].map(state => state.readToEndMs!);
  const before = Math.max(...told());
  for (let turns = 0; turns < 40; turns += 1) await folder.turn(5000);
  t.true(folder.shipper.restingSources >= 2);
  for (const readToEndMs of told()) t.true(readToEndMs > before);
});

const happenings: Record<string, { lines: number; happens: (folder: TailedFolder) => void | Promise<void> }> = {
  'it grows': { lines: 5, happens: folder => folder.append('b.log', lines('more', 5)) },
  'it is renamed and another takes its place': {
    lines: 5,
    happens: folder => {
      folder.rename('b.log', 'b.log.1');
      folder.append('b.log', lines('more', 5));
    },
  },
  'it is renamed, written to, and another takes its place': {
    lines: 5,
    happens: folder => {
      folder.rename('b.log', 'b.log.1');
      folder.append('b.log.1', lines('late', 2));
      folder.append('b.log', lines('more', 3));
    },
  },
  'it is copied and truncated': {
    lines: 5,
    happens: folder => {
      folder.append('b.log', lines('late', 2));
      folder.copyTruncate('b.log', 'b.log.1');
      folder.append('b.log', lines('more', 3));
    },
  },
  'it is truncated and grows beyond what it was': {
    lines: 200,
    happens: folder => {
      folder.truncate('b.log');
      folder.append('b.log', lines('more, and a great deal of it', 200));
    },
  },
  'it is deleted and made again': {
    lines: 3,
    happens: folder => {
      folder.remove('b.log');
      folder.append('b.log', lines('more', 3));
    },
  },
  'an older file comes': {
    lines: 7,
    happens: folder => {
      folder.append('b.log.1', lines('older', 4));
      folder.append('b.log', lines('more', 3));
    },
  },
  'the process is killed': {
    lines: 5,
    happens: folder => {
      folder.append('b.log', lines('more', 5));
      return folder.crash();
    },
  },
  'the checkpoint is lost': {
    lines: 5,
    happens: folder => {
      folder.append('b.log', lines('more', 5));
      return folder.crash('lost');
    },
  },
};

for (const [what, { lines: count, happens }] of Object.entries(happenings)) {
  test(`a source at rest, when ${what}, loses and doubles nothing`, async t => {
    const files = { 'a.log': lines('a', 30), 'b.log': lines('b', 30), 'c.log': lines('c', 30) };
    const folder = await tailed(t, files);
    t.true(folder.shipper.restingSources >= 2);
    await happens(folder);
    await rest(folder);
    const stored = folder.storedLines().sort();
    t.deepEqual(stored, [...new Set(stored)], 'nothing twice');
    for (const line of wanted(...Object.values(files))) t.true(stored.includes(line), line);
    t.is(stored.filter(line => /^(more|late|older)/.test(line)).length, count);
    t.true(folder.shipper.restingSources >= 2, 'and rests again');
  });
}

test('a rotated file that is still there rests with its source, and grows all the same', async t => {
  const folder = await tailed(t, { 'a.log': lines('a', 3), 'b.log': lines('b', 3) });
  folder.rename('b.log', 'b.log.1');
  folder.append('b.log', lines('next', 3));
  await rest(folder);
  folder.append('a.log', lines('open', 1)); // takes the one descriptor
  await rest(folder);
  t.is(folder.shipper.restingSources, 1);
  folder.append('b.log.1', lines('late', 2));
  await rest(folder);
  t.deepEqual(folder.storedLines().sort(), wanted(lines('a', 3), lines('b', 3), lines('next', 3), lines('late', 2), lines('open', 1)));
});

test('a compressed file beside it does not wake a source at every look', async t => {
  const folder = await tailed(t, { 'a.log': lines('a', 3), 'b.log': lines('b', 3), 'c.log': lines('c', 3) });
  folder.append('b.log.1.gz', gzipSync(lines('old', 3)));
  for (let turns = 0; turns < 20; turns += 1) await folder.turn(3000);
  t.is(folder.shipper.restingSources, 2);
  folder.append('d.log', lines('d', 1)); // a refresh, and the next at once
  await folder.turn(60);
  await folder.turn(60);
  t.true(folder.shipper.restingSources >= 2);
});
