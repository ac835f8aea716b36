/** What must not be taken for idleness, and what holds when much waits or the process begins again. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { quietLog } from '#lib/log.ts';
import { Shipper } from '../../shipper/shipper.ts';
import { TailedFolder } from '../helpers/tailed-folder.ts';

async function tailed(t: { teardown: (fn: () => Promise<void>) => void }): Promise<TailedFolder> {
  const folder = new TailedFolder();
  t.teardown(() => folder.dispose());
  await folder.shipper.open();
  return folder;
}

const idleRecords = (folder: TailedFolder): number => folder.store.chunks.filter(({ chunk }) => chunk.kind === 'idle').length;

test('a step of the wall clock makes no stream idle, in either direction', async t => {
  for (const ms of [25 * 3_600_000, -25 * 3_600_000]) {
    const folder = await tailed(t);
    folder.append('a.log', 'one\n');
    for (let turns = 0; folder.storedLines().length === 0 && turns < 50; turns++) await folder.turn(5);
    folder.clock.step(ms);
    for (let turns = 0; turns < 5; turns++) await folder.turn(5);
    t.is(idleRecords(folder), 0, String(ms));
    await folder.settle();
    t.is(idleRecords(folder), 1, String(ms));
  }
});

test('a file that grew between its name and its first read, which a full disk put off, is not idle', async t => {
  const folder = await tailed(t);
  const obstacle = `${folder.checkpointPath}.tmp`;
  mkdirSync(join(obstacle, 'in the way'), { recursive: true });
  folder.append('a.log', 'one\n');
  for (let turns = 0; turns < 5; turns++) await folder.turn(1100);
  folder.append('a.log', 'two\n');
  rmSync(obstacle, { recursive: true });
  await folder.turn(1100);
  for (let turns = 0; folder.storedLines().length < 2 && turns < 50; turns++) await folder.turn(5);
  await folder.turn(5);
  t.deepEqual(folder.storedLines(), ['one', 'two']);
  t.is(idleRecords(folder), 0);
  await folder.settle();
  t.is(idleRecords(folder), 1);
});

test('a file that grew while it was not its turn is not idle, and a line half written by then is waited for', async t => {
  const folder = await tailed(t);
  const stamp = '2022-08-22T05:18:16.154772363Z stdout';
  folder.append('pod.log', `${stamp} F one\n`);
  await folder.settle();
  folder.rename('pod.log', 'pod.log.1');
  folder.append('pod.log', `${stamp} F two\n`);
  for (let turns = 0; turns < 10; turns++) {
    folder.append('pod.log.1', `${stamp} F late\n`);
    await folder.turn(500);
  }
  folder.append('pod.log', `${stamp} P begun\n`);
  const before = idleRecords(folder);
  for (let turns = 0; !folder.storedLines().some(line => line.endsWith('begun')) && turns < 50; turns++) await folder.turn(60);
  t.true(folder.storedLines().some(line => line.endsWith('begun')));
  for (let turns = 0; turns < 5; turns++) await folder.turn(60);
  t.is(idleRecords(folder), before);
});

test('told to end before it read what is there: no idle record says that nothing follows', async t => {
  const folder = new TailedFolder({ inFlightBytesMax: 4096, chunkBytesMax: 4096, drainTimeoutMs: 0 }, false);
  t.teardown(() => folder.dispose());
  await folder.shipper.open();
  folder.append('a.log', 'a line of some length, which is there many times\n'.repeat(1000));
  for (let turns = 0; folder.transport.pending.length === 0 && turns < 50; turns++) await folder.turn(5);
  await folder.shipper.stop();
  t.true(folder.transport.pending.length + folder.store.chunks.length > 0);
  t.is(idleRecords(folder), 0);
});

test('told to end in the middle of a container line: over Kafka it stays open for the next start, where only the store acknowledges it is closed', async t => {
  for (const partitions of [3, null]) {
    const folder = new TailedFolder();
    t.teardown(() => folder.dispose());
    folder.partitions = partitions;
    folder.begin();
    await folder.shipper.open();
    const stamp = '2022-08-22T05:18:16.154772363Z stdout';
    folder.append('pod.log', `${stamp} F whole\n${stamp} P begun\n`);
    for (let turns = 0; folder.storedLines().length < 2 && turns < 50; turns++) await folder.turn(5);
    t.is(folder.storedLines().length, 2);
    await folder.shipper.stop();
    t.is(idleRecords(folder), partitions === null ? 1 : 0);
  }
});

test('a file that is named itself, and renamed again and again while nothing gets through, is read to its end each time', async t => {
  const folder = new TailedFolder({ inFlightBytesMax: 4096, chunkBytesMax: 4096 }, false);
  t.teardown(() => folder.dispose());
  folder.paths = [folder.path('a.log')];
  folder.append('a.log', '');
  folder.begin();
  await folder.shipper.open();
  const wanted: string[] = [];
  for (let rotation = 0; rotation < 4; rotation++) {
    const lines = Array.from({ length: 200 }, (_, n) => `line ${n} of file ${rotation}, which is of some length`);
    wanted.push(...lines);
    folder.append('a.log', `${lines.join('\n')}\n`);
    for (let turns = 0; turns < 5; turns++) await folder.turn(60);
    for (let older = rotation; older > 0; older--) folder.rename(`a.log.${older}`, `a.log.${older + 1}`);
    folder.rename('a.log', 'a.log.1');
    folder.append('a.log', '');
    for (let turns = 0; turns < 5; turns++) await folder.turn(60);
  }
  t.true(folder.storedLines().length < 200);
  await folder.settle();
  t.deepEqual(folder.storedLines().sort(), wanted.sort());
});

test('more loud files than may send in one turn, and a transport that is full: the process goes on answering, and all is sent when there is room', async t => {
  const folder = new TailedFolder({ inFlightBytesMax: 64 * 1024, chunkBytesMax: 4096 }, false);
  t.teardown(() => folder.dispose());
  const lines = Array.from({ length: 2000 }, (_, n) => `line ${n} of a file that has much to send`);
  for (let file = 0; file < 12; file++) folder.append(`${file}.log`, `${lines.join('\n')}\n`);
  const shipper = new Shipper({ paths: [folder.logs], options: folder.options, transport: folder.transport, checkpointPath: folder.checkpointPath, log: quietLog });
  t.teardown(() => shipper.abandon());
  await shipper.start();
  const inFlight = (): number => shipper.status().reduce((sum, stream) => sum + stream.inFlightBytes, 0);
  // Nobody acknowledges: it fills what may be in flight, and then has to wait.
  for (let looks = 0; looks < 20; looks += inFlight() > 40_000 ? 1 : 0) await pause(10);
  t.true(folder.storedLines().length < 12 * lines.length);
  while (folder.storedLines().length < 12 * lines.length) {
    folder.transport.acknowledgeAll();
    await pause(1);
  }
  t.is(folder.storedLines().length, 12 * lines.length);
});

test('after a restart a new stream names the youngest of those that ended before it, whatever rotated files are called', async t => {
  for (const names of [['a.log.20261127', 'a.log.20261128'], ['a.log.2', 'a.log.1']] as const) {
    const folder = await tailed(t);
    for (const [index, name] of names.entries()) {
      folder.append('a.log', `file ${index}\n`);
      await folder.settle();
      folder.rename('a.log', name);
    }
    // Its being there ends the one before; it has no first line yet.
    folder.append('a.log', '');
    await folder.settle();
    await folder.crash();
    await folder.settle();
    const known = new Set(folder.store.chunks.map(({ chunk }) => chunk.streamId));
    folder.append('a.log', 'the last\n');
    await folder.settle();
    const last = folder.store.chunks.find(({ chunk }) => !known.has(chunk.streamId))!.chunk;
    const before = folder.store.chunks.find(({ bytes }) => bytes.toString() === 'file 1\n')!.chunk;
    t.is(last.previous?.streamId, before.streamId, names.join());
  }
});
