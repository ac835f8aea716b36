import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'ava';
import { canonicalId, idHash } from '#schemas/canonical-id.ts';
import { filterPrefixOf } from '#schemas/embedded/id-list.ts';
import type { LogEvent } from '#schemas/event.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import { EmbeddedWriter } from '../../../collector/store/embedded-writer.ts';
import { newestFirst, readCursor, writeCursor } from '../../../query/store/cursor.ts';
import { EmbeddedReader } from '../../../query/store/embedded-reader.ts';
import { anyContext, madeEvent, noon } from '../../contract/made-up.ts';
import { testFolder } from '../../helpers/folder.ts';

test('a cursor holds the place of its event, and what is none is refused', t => {
  const event = madeEvent('a', 5, 9, { chainPosition: 3, source: 'ü' });
  const place = readCursor(writeCursor(event));
  t.is(newestFirst(event, place), 0);
  t.true(newestFirst({ ...event, timeNs: event.timeNs + 1n }, place) < 0);
  t.true(newestFirst({ ...event, streamOffset: 4 }, place) > 0);
  t.true(newestFirst({ ...event, chainPosition: 4 }, place) < 0);
  for (const other of ['', 'x', Buffer.from('[]').toString('base64url')]) t.is(t.throws(() => readCursor(other), { instanceOf: LeadlineError })?.code, 'BAD_CURSOR');
});

test('rows that are joined into one while a query runs change nothing for it', async t => {
  const dataDir = testFolder(t);
  const writer = new EmbeddedWriter({ dataDir, commitEventsMax: 40, commitBytesMax: 1 << 19, fileBytesMax: 1 << 30, retentionMs: 1e9, retentionBytesMax: 1e9, durable: false });
  const reader = new EmbeddedReader(dataDir);
  for (let n = 0; n < 35; n++) writer.append({ events: [madeEvent('a', n, n + 1, { timeNs: noon + BigInt(n) })], states: [] }, [], []);
  const request = { query: parseQuery(''), fromNs: null, toNs: null, limit: 100, cursor: null };
  // The reader looked at its rows in its first turn; the writer joins them before it reads them.
  const search = reader.events(request, anyContext);
  const tail = reader.after('0', parseQuery(''), 100, anyContext);
  for (let n = 35; n < 90; n++) writer.append({ events: [madeEvent('a', n, n + 1, { timeNs: noon + BigInt(n) })], states: [] }, [], []);
  const found = (await search).events.map(({ streamOffset }) => streamOffset);
  t.deepEqual(found, Array.from({ length: found.length }, (_, index) => found.length - 1 - index));
  t.true(found.length >= 35);
  const tailed = await tail;
  const rest = await reader.after(tailed.cursor, parseQuery(''), 100, anyContext);
  t.deepEqual([...tailed.events, ...rest.events].map(({ streamOffset }) => streamOffset), Array.from({ length: 90 }, (_, index) => index));
  await reader.close();
  writer.close();
});

test('an event is found by the id that was generated for it where no index holds it, and only blocks that hold its place are looked into', async t => {
  const dataDir = testFolder(t);
  const writer = new EmbeddedWriter({ dataDir, commitEventsMax: 1, commitBytesMax: 1 << 19, fileBytesMax: 1 << 30, retentionMs: 1e12, retentionBytesMax: 1e12, durable: false });
  for (let n = 0; n < 40; n++) writer.append({ events: ['a.0', 'b.0'].map(stream => madeEvent(stream, n, n + 1, { requestIdSource: 'generated' })), states: [] }, [], []);
  const reader = new EmbeddedReader(dataDir);
  for (const id of ['gen-a.0-0', 'gen-b.0-17', 'GEN-A.0-39']) {
    const { events, scanned } = await reader.events({ query: parseQuery(`requestId:${id}`), fromNs: null, toNs: null, limit: 10, cursor: null }, anyContext);
    t.deepEqual(events.map(({ eventId }) => eventId), [id.toLowerCase().slice(4).replace('-', ':')]);
    t.true(scanned.blocks < 10, `${scanned.blocks} blocks`);
  }
  for (const id of ['gen-a.0-40', 'gen-c.0-1']) t.deepEqual((await reader.events({ query: parseQuery(`id:${id}`), fromNs: null, toNs: null, limit: 10, cursor: null }, anyContext)).events, []);
  await reader.close();
  writer.close();
});

test('ids are found through lists, runs and runs of runs, over a restart and a new file, and a group of blocks without a word is passed over', async t => {
  const dataDir = testFolder(t);
  const options = { dataDir, commitEventsMax: 1, commitBytesMax: 1 << 19, fileBytesMax: 1 << 30, retentionMs: 1e12, retentionBytesMax: 1e12, durable: false };
  const idAt = (n: number): string => (n * 2654435761).toString(16).padStart(32, '9a');
  const eventAt = (n: number): LogEvent => madeEvent('a', n, n + 1, { message: n % 500 === 250 ? 'zebra crossing' : 'line', raw: Buffer.from(n % 500 === 250 ? `zebra crossing ${idAt(n)}` : `line ${idAt(n)}`), ids: [{ kind: 'trace', name: 'traceId', value: idAt(n) }, { kind: 'session', name: 'session', value: `s-${n % 3}` }] });
  const some = (from: number, count: number): LogEvent[] => Array.from({ length: count }, (_, index) => eventAt(from + index));
  let writer = new EmbeddedWriter(options);
  const reader = new EmbeddedReader(dataDir);
  // The reader is there all the time: what it knows of runs must not outlive them.
  for (let from = 0; from < 1500; from += 64) {
    const to = Math.min(1500, from + 64);
    writer.append({ events: some(from, to - from), states: [] }, [], []);
    for (let n = 0; n < to; n += 61) t.is((await reader.ids([canonicalId(idAt(n))!], anyContext)).events.length, 1, `${n} of ${to}`);
  }
  writer.close();
  writer = new EmbeddedWriter(options);
  writer.append({ events: some(1500, 700), states: [] }, [], []);
  const database = new DatabaseSync(join(dataDir, 'events', readdirSync(join(dataDir, 'events')).find(name => name.endsWith('.db'))!), { readOnly: true });
  t.deepEqual(database.prepare('select level, count(*) as n from idRuns group by level').all().map(row => ({ ...row })), [{ level: 1, n: 4 }, { level: 2, n: 2 }]);
  t.is((database.prepare('select count(*) as n from idLists').get() as { n: number }).n, 24);
  database.close();
  const check = async (total: number): Promise<void> => {
    for (let n = 0; n < total; n += 7) t.deepEqual((await reader.ids([canonicalId(idAt(n))!], anyContext)).events.map(({ streamOffset }) => streamOffset), [n]);
    t.deepEqual((await reader.ids([canonicalId(idAt(total))!, 'f00d'], anyContext)).events, []);
    t.is((await reader.ids(['s-1'], anyContext)).events.length, Math.ceil((total - 1) / 3));
    const rare = await reader.events({ query: parseQuery('zebra'), fromNs: null, toNs: null, limit: 100, cursor: null }, anyContext);
    t.deepEqual(rare.events.map(({ streamOffset }) => streamOffset), Array.from({ length: total }, (_, n) => n).filter(n => n % 500 === 250).reverse());
    t.is(rare.scanned.events, rare.events.length);
  };
  await check(2200);
  writer.close();
  writer = new EmbeddedWriter({ ...options, fileBytesMax: 1 });
  writer.append({ events: some(2200, 50), states: [] }, [], []);
  await check(2250);
  writer.close();
  const names = readdirSync(join(dataDir, 'events')).filter(name => name.endsWith('.db')).sort();
  t.is(names.length, 2);
  const finished = new DatabaseSync(join(dataDir, 'events', names[0]!), { readOnly: true });
  const prefixes = new Set([...Array.from({ length: 2200 }, (_, n) => canonicalId(idAt(n))!), 's-0', 's-1', 's-2'].map(id => filterPrefixOf(idHash(id))));
  t.is((finished.prepare('select count(*) as n from idFilters').get() as { n: number }).n, prefixes.size);
  t.deepEqual(finished.prepare('select level, count(*) as n from idRuns group by level').all().map(row => ({ ...row })), [{ level: 2, n: 3 }]);
  finished.close();
  // Killed after a file was finished and before the next one was there: the finished one goes on.
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(dataDir, 'events', names[1]! + suffix), { force: true });
  writer = new EmbeddedWriter(options);
  for (let from = 2200; from < 2360; from += 40) {
    writer.append({ events: some(from, 40), states: [] }, [], []);
    await check(from + 40);
  }
  await reader.close();
  writer.close();
});

test('a file whose rewriting was cut off by a kill is read as it was before', async t => {
  const dataDir = testFolder(t);
  const copyDir = testFolder(t);
  const writer = new EmbeddedWriter({ dataDir, commitEventsMax: 40, commitBytesMax: 1 << 19, fileBytesMax: 100_000, retentionMs: 1e12, retentionBytesMax: 1e12, durable: false });
  for (let n = 0; n < 4000; n += 10) writer.append({ events: Array.from({ length: 10 }, (_, index) => madeEvent('a', n + index, n + index + 1)), states: [] }, [], []);
  writer.close();
  cpSync(dataDir, copyDir, { recursive: true });
  const names = readdirSync(join(dataDir, 'events')).filter(name => name.endsWith('.db')).sort();
  t.true(names.length > 1);
  const [oldest] = names;
  const path = join(dataDir, 'events', oldest!);
  const database = new DatabaseSync(path);
  database.exec('pragma journal_mode = delete; pragma cache_size = 1; begin; update data set raw = zeroblob(9000)');
  // As the disk is when the process ends here: the file changed, and its journal beside it.
  for (const suffix of ['', '-journal']) copyFileSync(path + suffix, join(copyDir, 'events', oldest! + suffix));
  database.exec('rollback');
  database.close();
  t.false(readFileSync(join(copyDir, 'events', oldest!)).equals(readFileSync(path)));
  const reader = new EmbeddedReader(copyDir);
  t.is((await reader.count({ query: parseQuery(''), fromNs: null, toNs: null }, anyContext)).count, 4000);
  t.is((await reader.after('0', parseQuery(''), 10, anyContext)).events[0]?.streamOffset, 0);
  await reader.close();
});

test('a count tells how far it has come, newest events first, and never more than there are', async t => {
  const dataDir = testFolder(t);
  const writer = new EmbeddedWriter({ dataDir, commitEventsMax: 10, commitBytesMax: 1 << 19, fileBytesMax: 1 << 30, retentionMs: 1e12, retentionBytesMax: 1e12, durable: false });
  writer.append({ events: Array.from({ length: 200 }, (_, n) => madeEvent('a', n, n + 1, { message: n < 100 ? 'none' : 'some', raw: Buffer.from(n < 100 ? 'none' : 'some') })), states: [] }, [], []);
  const reader = new EmbeddedReader(dataDir);
  const told: number[] = [];
  const { count } = await reader.count({ query: parseQuery('/some/'), fromNs: null, toNs: null }, { ...anyContext, progressIntervalMs: 0, onProgress: progress => told.push(progress.count) });
  t.is(count, 100);
  t.deepEqual(told, Array.from({ length: 20 }, (_, block) => Math.min(100, 10 * (block + 1))));
  await reader.close();
  writer.close();
});

test('around a request nothing is read where all events have ids, also with others beside; a block of before that was noted is looked into', async t => {
  const dataDir = testFolder(t);
  const writer = new EmbeddedWriter({ dataDir, commitEventsMax: 10, commitBytesMax: 1 << 19, fileBytesMax: 1 << 30, retentionMs: 1e12, retentionBytesMax: 1e12, durable: false });
  const eventAt = (n: number): LogEvent => madeEvent('a', n, n + 1, { timeNs: noon + BigInt(n), requestId: n === 55 ? null : 'r-1' });
  for (let from = 0; from < 100; from += 10) writer.append({ events: Array.from({ length: 10 }, (_, index) => eventAt(from + index)), states: [] }, [], []);
  writer.close();
  const file = join(dataDir, 'events', readdirSync(join(dataDir, 'events')).find(name => name.endsWith('.db'))!);
  const change = (sql: string): void => {
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();
  };
  const around = async (from: number, to: number): Promise<number> => {
    const reader = new EmbeddedReader(dataDir);
    try {
      const { parts } = await reader.window([{ fromNs: noon + BigInt(from), toNs: noon + BigInt(to) }], true, anyContext);
      return parts.reduce((sum, { rows }) => sum + rows.length, 0);
    } finally {
      await reader.close();
    }
  };
  t.deepEqual([await around(0, 50), await around(40, 60), await around(0, 100), await around(51, 55)], [0, 20, 100, 0]);
  change('update blocks set levels = levels & 127');
  t.deepEqual([await around(0, 50), await around(40, 60), await around(51, 55)], [0, 20, 0]);
  change("update blocks set levels = levels | 256 where id <> 51; update data set head = x'00' where id <> 51");
  t.deepEqual([await around(0, 50), await around(51, 55)], [0, 0]);
  await t.throwsAsync(around(40, 60));
});
