/** Upkeep of an embedded store: what is whole is said to be, each damage is found and named, and a backup is one moment of a store that goes on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { eventsFolder } from '#schemas/embedded/layout.ts';
import { GroupWords, packWords } from '#schemas/embedded/words.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import { EmbeddedWriter } from '../../collector/store/embedded-writer.ts';
import { EmbeddedReader } from '../../query/store/embedded-reader.ts';
import { backupStore } from '../../query/upkeep/backup-store.ts';
import { checkStore, type CheckedFile } from '../../query/upkeep/check-store.ts';
import { storeStats } from '../../query/upkeep/store-stats.ts';
import { searched } from '../contract/paging.ts';
import { madeEvent, madeState, noon } from '../contract/made-up.ts';
import { runCommand } from '../helpers/command.ts';
import { testFolder } from '../helpers/folder.ts';

const writerOn = (dataDir: string): EmbeddedWriter => new EmbeddedWriter({ dataDir, commitEventsMax: 40, commitBytesMax: 1 << 19, fileBytesMax: 150_000, retentionMs: 1e12, retentionBytesMax: 1e12, durable: false });
const eventAt = (n: number): LogEvent => madeEvent('a', n, n + 1, { timeNs: noon + BigInt(n), ids: [{ kind: 'trace', name: 'traceId', value: `0af7651916cd43dd8448eb211c8031${(n % 90) + 10}` }] });

function fill(writer: EmbeddedWriter, from: number, to: number): void {
  for (let n = from; n < to; n += 10) writer.append({ events: Array.from({ length: 10 }, (_, index) => eventAt(n + index)), states: [madeState('a', { sizeBytes: n })] }, [], []);
}

async function checked(dataDir: string): Promise<CheckedFile[]> {
  const files: CheckedFile[] = [];
  for await (const file of checkStore(dataDir)) files.push(file);
  return files;
}

const filesOf = (dataDir: string): string[] => readdirSync(eventsFolder(dataDir)).filter(name => name.endsWith('.db')).sort();

test('a store over several files is whole beside its writer, and its parts add up', async t => {
  const dataDir = testFolder(t);
  const writer = writerOn(dataDir);
  fill(writer, 0, 6000);
  const files = await checked(dataDir);
  t.true(files.length > 2);
  t.deepEqual(files.flatMap(file => file.problems), []);
  t.is(files.reduce((sum, file) => sum + file.events, 0), 6000);
  const stats = [...storeStats(dataDir)];
  t.is(stats.reduce((sum, file) => sum + file.events, 0), 6000);
  t.is(stats[0]!.oldestNs, noon);
  t.is(stats.at(-1)!.newestNs, noon + 5999n);
  for (const { bytes, parts } of stats.slice(0, -1)) t.is(Object.values(parts).reduce((sum, part) => sum + part, 0), bytes);
  writer.close();
});

for (const [what, { damage, said }] of Object.entries<{ damage: (database: DatabaseSync) => void; said: RegExp }>({
  'a byte of a block is another': {
    damage: database => {
      const { id, raw } = database.prepare('select id, raw from data order by id limit 1 offset 1').get() as { id: number; raw: Uint8Array };
      raw[raw.length >> 1]! ^= 0xff;
      database.prepare('update data set raw = ? where id = ?').run(raw, id);
    },
    said: /^block \d+ \(\d+ events\): /,
  },
  'a block is missing': { damage: database => database.exec('delete from blocks where id = (select id from blocks order by id limit 1 offset 1)'), said: /^block \d+ should begin at \d+$/ },
  'the last block is missing': { damage: database => database.exec('delete from blocks where id = (select max(id) from blocks)'), said: /^ends before \d+, and .* begins at \d+$/ },
  'the events of a block are missing': { damage: database => database.exec('delete from data where id = (select max(id) from data)'), said: /^block \d+ \(\d+ events\): its events are missing$/ },
  'the index of ids has one too few': { damage: database => database.exec('delete from idBuckets where id = (select max(id) from idBuckets)'), said: /^the index of ids has \d+ entries, and the events have \d+$/ },
  'the index of ids leads elsewhere': { damage: database => database.exec('update idBuckets set data = zeroblob(length(data))'), said: /is not found by one of its ids$/ },
  'the index of ids has one too many': { damage: database => database.exec('update idBuckets set data = data || data where id = (select max(id) from idBuckets)'), said: /^the index of ids has \d+ entries, and the events have \d+$/ },
  'a block lacks words of its events': { damage: database => database.prepare('update words set textBytes = ?, data = ? where id = (select min(id) from words)').run(1, packWords('\n')), said: /would not be looked into for "line"$/ },
  'a group of blocks lacks words of theirs': { damage: database => database.prepare('update wordGroups set textBytes = ?, data = ?').run(6, new GroupWords('\nmine\n', new Uint32Array(1)).pack()), said: /^words of the blocks \d+ to \d+: block \d+ would not be looked into for "line"$/ },
  'a minute counts one event too few': { damage: database => database.exec("update counts set n = n - 1 where service = '*'"), said: /^the minute of 2026-11-21T12:00:00\.000Z counts \d+ events, and has \d+$/ },
  'a block names other bytes of a stream': { damage: database => database.exec('update blockStreams set data = zeroblob(24) where id = (select max(id) from blockStreams)'), said: /lies outside of its streams$/ },
  'a block leaves out the level of its events': { damage: database => database.exec('update blocks set levels = 0 where id = (select min(id) from blocks)'), said: /has a level that it does not name/ },
  'a block says that all of its events have request ids': { damage: database => database.exec('update blocks set levels = (levels & 127) | 256 where id = (select min(id) from blocks)'), said: /has no request id, and all should have one/ },
  'a block gives other times': { damage: database => database.exec('update blocks set tMax = tMin where id = (select min(id) from blocks)'), said: /lies outside of its times/ },
  'a stream has ranges that overlap': { damage: database => database.exec(`update streams set ranges = '[{"from":0,"to":9},{"from":5,"to":12}]'`), said: /^stream a: its stored ranges are not in order$/ },
})) {
  test(`check finds it when ${what}, and a backup is refused`, async t => {
    const dataDir = testFolder(t);
    const writer = writerOn(dataDir);
    fill(writer, 0, 4000);
    writer.close();
    const database = new DatabaseSync(join(eventsFolder(dataDir), filesOf(dataDir)[0]!));
    damage(database);
    database.close();
    const [first, ...others] = await checked(dataDir);
    t.true(first!.problems.some(problem => said.test(problem)), first!.problems.join('\n'));
    t.deepEqual(others.flatMap(file => file.problems), []);
    const target = join(testFolder(t), 'backup');
    t.is((await t.throwsAsync(backupStore(dataDir, target), { instanceOf: LeadlineError }))?.code, 'STORE_DAMAGED');
    t.false(existsSync(target));
  });
}

test('a file that is no database, or one of another layout, is named', async t => {
  const dataDir = testFolder(t);
  const writer = writerOn(dataDir);
  fill(writer, 0, 4000);
  writer.close();
  const [first, second] = filesOf(dataDir);
  writeFileSync(join(eventsFolder(dataDir), first!), 'this was a store once '.repeat(1000));
  const database = new DatabaseSync(join(eventsFolder(dataDir), second!));
  database.exec("update meta set value = '1' where key = 'layoutVersion'");
  database.close();
  const files = await checked(dataDir);
  t.regex(files[0]!.problems[0]!, /not a database/);
  t.regex(files[1]!.problems[0]!, /was written in store layout 1/);
});

test('backups of a store that is written to all the time, file after file, are each one moment of it', async t => {
  const dataDir = testFolder(t);
  const child = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, '../contract/append-loop.ts'), dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  child.stdout.resume();
  while (!existsSync(eventsFolder(dataDir)) || filesOf(dataDir).length < 2) await pause(20);
  const targets = testFolder(t);
  let endBefore = 0;
  for (let round = 0; round < 4; round++) {
    const target = join(targets, String(round));
    const { events, files } = await backupStore(dataDir, target);
    t.is(files, filesOf(target).length);
    // What is known of the stream is what is stored of it, neither more nor less.
    const writer = writerOn(target);
    const known = writer.lastKnown('a')!;
    t.is(known.storedRanges.length, 1);
    t.is(known.storedRanges[0]!.to, 10 * events);
    t.is(known.events, events);
    t.true(known.storedRanges[0]!.to > endBefore);
    endBefore = known.storedRanges[0]!.to;
    writer.close();
  }
  child.kill('SIGKILL');
  await once(child, 'close');
});

test('a store goes on from its backup: what it has is not stored again, what came later is', async t => {
  const dataDir = testFolder(t);
  const writer = writerOn(dataDir);
  fill(writer, 0, 500);
  const target = join(testFolder(t), 'deep', 'backup');
  mkdirSync(join(target, '..'));
  await backupStore(dataDir, target);
  fill(writer, 500, 600);
  writer.close();
  const restored = writerOn(target);
  fill(restored, 0, 600);
  restored.close();
  const reader = new EmbeddedReader(target);
  t.is((await searched(reader, '', null, null, 10_000)).length, 600);
  await reader.close();
});

test('a backup is made in a folder of its own, and one that cannot be made leaves nothing', async t => {
  const dataDir = testFolder(t);
  const writer = writerOn(dataDir);
  fill(writer, 0, 100);
  writer.close();
  const full = testFolder(t);
  writeFileSync(join(full, 'mine'), 'precious');
  t.is((await t.throwsAsync(backupStore(dataDir, full), { instanceOf: LeadlineError }))?.code, 'BACKUP_EXISTS');
  t.deepEqual(readdirSync(full), ['mine']);
  const error = await t.throwsAsync(backupStore(dataDir, join(full, 'mine', 'below')), { instanceOf: LeadlineError });
  t.is(error?.code, 'BACKUP_FAILED');
  t.deepEqual(readdirSync(full), ['mine']);
  t.is((await t.throwsAsync(backupStore(testFolder(t), join(full, 'other')), { instanceOf: LeadlineError }))?.code, 'NO_STORE');
  t.deepEqual(readdirSync(full), ['mine']);
});

test('the commands say what they found, with exit codes', async t => {
  const dataDir = testFolder(t);
  const writer = writerOn(dataDir);
  fill(writer, 0, 300);
  writer.close();
  const at = (...args: string[]) => runCommand(['store', ...args, '--data-dir', dataDir]);
  const check = await at('check');
  t.is(check.code, 0);
  t.is(check.stdout.trim().split('\n').reduce((sum, line) => sum + (JSON.parse(line) as CheckedFile).events, 0), 300);
  t.is((await at('stats')).stdout.trim().split('\n').length, filesOf(dataDir).length);
  const exported = await at('export', '--since', '2026-11-21T12:00:00.000000100Z', '--until', '2026-11-21T12:00:00.000000150Z');
  t.deepEqual(exported.stdout.trim().split('\n').map(line => (JSON.parse(line) as { streamOffset: number }).streamOffset), Array.from({ length: 50 }, (_, index) => 100 + index));
  t.is((await at('export', 'nothing-has-this-word')).code, 1);
  const target = join(testFolder(t), 'backup');
  const backup = await at('backup', target);
  t.is(backup.code, 0);
  t.regex(backup.stderr, /300 events/);
  const database = new DatabaseSync(join(eventsFolder(dataDir), filesOf(dataDir)[0]!));
  database.exec('delete from counts');
  database.close();
  t.is((await at('check')).code, 3);
  t.is((await runCommand(['store', 'check', '--data-dir', join(dataDir, 'nowhere')])).code, 3);
});
