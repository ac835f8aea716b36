/** What the machine refuses: a directory that is taken, a port that is taken, a disk that is full, a store that cannot be read. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmdirSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type ExecutionContext } from 'ava';
import type { StreamsAnswer } from '#schemas/http-api.ts';
import { isRoot, rows, runCommand, said } from '../helpers/command.ts';
import { testFolder } from '../helpers/folder.ts';
import { eventually, RunningLeadline } from '../helpers/leadline.ts';
import { proofSkipped } from '../helpers/skipped.ts';
import { allEvents, ingested, queriesOf } from '../helpers/store.ts';

const numbered = (count: number, from = 0): string => Array.from({ length: count }, (_, index) => `2026-01-01T00:00:00Z INFO request ${from + index} ${((from + index) * 2_654_435_761 % 4_294_967_296).toString(16)} done\n`).join('');

async function running(t: ExecutionContext, ...args: string[]): Promise<RunningLeadline> {
  const leadline = await RunningLeadline.up(args);
  t.teardown(() => leadline.kill9());
  return leadline;
}

test('a directory and a port that a running Leadline has: told with its address; ingest goes through it and stores everything once', async t => {
  const folder = testFolder(t);
  const data = join(folder, 'data');
  const tailed = join(folder, 'tailed.log');
  const finished = join(folder, 'finished.log');
  writeFileSync(tailed, 'tailed line\n');
  writeFileSync(finished, numbered(5000));
  const leadline = await running(t, tailed, '--data-dir', data);
  said(t, await runCommand(['up', tailed, '--data-dir', data, '--port', '0']), 3, `${data}: this data directory is in use by another Leadline process (process ${leadline.child.pid}, ${leadline.url}). Stop that one, or use another directory with --data-dir.`);
  said(t, await runCommand(['up', tailed, '--data-dir', join(folder, 'other'), '--port', new URL(leadline.url).port]), 3, 'is in use by another program. Stop it, or choose another port with --port.');
  for (const [bytesNew, note] of [[numbered(5000).length, 'all of it new'], [0, 'nothing new']] as const) {
    const ended = await runCommand(['ingest', finished, '--data-dir', data]);
    said(t, ended, 0, note);
    t.is(rows<{ bytesNew: number }>(ended)[0]?.bytesNew, bytesNew);
  }
  const answer = await leadline.json<StreamsAnswer>('/api/v1/streams');
  t.is(answer.streams.find(stream => stream.path === finished)?.events, 5000);
  t.is(rows(await runCommand(['search', 'request', '--limit', '10000', '--data-dir', data])).length, 5000, 'read commands ask it, too');
  const checked = await runCommand(['check', tailed, '--data-dir', data]);
  t.is(checked.code, 0);
  t.true(checked.stdout.includes(`in use by the Leadline at ${leadline.url}`));
  t.is(await leadline.stop(), 0);
});

test('a data directory that cannot be: each is told, and check leaves nothing behind', async t => {
  const folder = testFolder(t);
  const log = join(folder, 'a.log');
  writeFileSync(log, 'one\n');
  said(t, await runCommand(['ingest', log, '--data-dir', log]), 2, `${log}: ${log} is a file, so no data directory can be there. Choose another with --data-dir.`);
  said(t, await runCommand(['up', log, '--port', '0', '--data-dir', join(log, 'a', 'b')]), 2, `${log} is a file`);
  if (process.platform === 'linux') said(t, await runCommand(['ingest', log, '--data-dir', '/proc/none/data']), 2, '/proc/none/data: cannot be written (ENOENT).');
  t.is((await runCommand(['check', log, '--port', '0', '--data-dir', join(folder, 'new', 'data')])).code, 0);
  t.deepEqual(readdirSync(folder), ['a.log']);
});

test('a checkpoint that cannot be written holds the lines back, says so, and lets go when it can', async t => {
  const folder = testFolder(t);
  const data = join(folder, 'data');
  const log = join(folder, 'a.log');
  writeFileSync(log, 'one\n');
  // Stands in the way of the temporary file, for root too.
  mkdirSync(join(data, 'checkpoint.json.tmp'), { recursive: true });
  const leadline = await running(t, log, '--data-dir', data);
  await eventually(() => Promise.resolve(leadline.output), output => output.includes('the checkpoint cannot be written (EISDIR). Nothing is lost'));
  appendFileSync(log, 'two\n');
  rmdirSync(join(data, 'checkpoint.json.tmp'));
  await eventually(() => leadline.json<StreamsAnswer>('/api/v1/streams'), answer => answer.totals.events === 2 && answer.totals.lagBytes === 0);
  t.is(leadline.output.match(/the checkpoint cannot be written/g)?.length, 1, 'said once');
  t.is(await leadline.stop(), 0);
});

async function storedIn(t: ExecutionContext): Promise<{ data: string; eventsFile: string; log: string }> {
  const folder = testFolder(t);
  const log = join(folder, 'a.log');
  writeFileSync(log, numbered(100));
  const data = join(folder, 'data');
  await ingested([log], data);
  return { data, eventsFile: join(data, 'events', readdirSync(join(data, 'events')).find(name => name.endsWith('.db'))!), log };
}

test('a store of another layout is left as it is, and what to do is told', async t => {
  const { data, eventsFile, log } = await storedIn(t);
  const database = new DatabaseSync(eventsFile);
  database.exec("update meta set value = '999' where key = 'layoutVersion'");
  database.close();
  for (const args of [['search', '*'], ['status'], ['trace', 'id'], ['ingest', log], ['up', log, '--port', '0']]) said(t, await runCommand([...args, '--data-dir', data]), 2, 'was written in store layout 999; this Leadline reads layout ', 'start afresh with another --data-dir');
});

test('a store file that is damaged is told by name', async t => {
  const { data, eventsFile, log } = await storedIn(t);
  writeFileSync(eventsFile, 'this is no database, '.repeat(1000));
  for (const args of [['search', '*'], ['status'], ['ingest', log]]) said(t, await runCommand([...args, '--data-dir', data]), 3, `${eventsFile}: is damaged`, 'Move it away');
});

/** A disk of its own, of this many MB, that `grow` makes larger. */
function smallDisk(t: ExecutionContext, megabytes: number): { dir: string; grow: (megabytes: number) => void } {
  const dir = join(testFolder(t), 'disk');
  mkdirSync(dir);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', dir]);
  t.teardown(() => execFileSync('umount', ['-l', dir]));
  return { dir, grow: larger => execFileSync('mount', ['-o', `remount,size=${larger}m`, dir]) };
}

function canMount(): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'leadline-test-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir], { stdio: 'ignore' });
    execFileSync('umount', [dir], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(dir);
  }
}

/** What compresses badly, so that it fills a disk. */
function bulky(count: number): string {
  let state = 7;
  const word = (): string => {
    state = (state * 48_271) % 2_147_483_647;
    return state.toString(36);
  };
  return Array.from({ length: count }, (_, index) => `2026-01-01T00:00:00Z INFO request ${index} ${Array.from({ length: 14 }, word).join('')}\n`).join('');
}

if (isRoot && canMount()) {
  test('a full disk: ingest says so, exit code 3, and the same command stores the rest when there is room, nothing twice', async t => {
    const { dir, grow } = smallDisk(t, 3);
    const log = join(testFolder(t), 'bulky.log');
    writeFileSync(log, bulky(60_000));
    const data = join(dir, 'data');
    const ingest = () => runCommand(['ingest', log, '--data-dir', data]);
    const full = await ingest();
    said(t, full, 3, `leadline: ${data}: no space left on the disk. Nothing is lost: the lines stay in their files`, 'Free some space');
    t.is(full.stderr.trim().split('\n').length, 1, 'said once');
    said(t, await ingest(), 3, 'no space left');
    grow(64);
    const rest = await ingest();
    said(t, rest, 0);
    t.true(rows<{ bytes: number; bytesNew: number }>(rest).every(({ bytes, bytesNew }) => bytesNew > 0 && bytesNew < bytes), 'what was stored before the disk was full is not stored again');
    const events = await allEvents(queriesOf(t, data));
    t.is(events.length, 60_000);
    t.is(new Set(events.map(event => event.raw)).size, 60_000);
  });

  test('a full disk: up stalls, says why, and goes on by itself when there is room', async t => {
    const { dir, grow } = smallDisk(t, 3);
    const log = join(testFolder(t), 'bulky.log');
    writeFileSync(log, bulky(60_000));
    const leadline = await running(t, log, '--data-dir', join(dir, 'data'));
    const ready = async () => {
      const response = await fetch(`${leadline.url}/readyz`);
      return { status: response.status, text: await response.text() };
    };
    const stalled = await eventually(ready, answer => answer.status === 503);
    t.true(stalled.text.includes('no space left on the disk'));
    appendFileSync(log, 'written while it was stalled\n');
    grow(64);
    t.is((await eventually(ready, answer => answer.status === 200)).status, 200);
    const { streams } = await eventually(() => leadline.json<StreamsAnswer>('/api/v1/streams'), answer => answer.totals.lines >= 60_001 && answer.totals.lagBytes === 0);
    t.deepEqual(streams.map(({ lines, events, gapBytes }) => ({ lines, events, gapBytes })), [{ lines: 60_001, events: 60_001, gapBytes: 0 }]);
    t.is(await leadline.stop(), 0);
  });
} else {
  proofSkipped('a full disk: ingest says so, exit code 3, and the same command stores the rest when there is room, nothing twice', 'only root can mount a small disk');
  proofSkipped('a full disk: up stalls, says why, and goes on by itself when there is room', 'only root can mount a small disk');
}
