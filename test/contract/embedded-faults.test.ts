import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, copyFileSync, fsyncSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type ExecutionContext } from 'ava';
import { eventsFolder, sealedTier } from '#schemas/embedded/layout.ts';
import { LeadlineError, type ErrorCode } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import { EmbeddedWriter, type EmbeddedWriterOptions } from '../../collector/store/embedded-writer.ts';
import { readOwnerNote, StoreOwner } from '../../collector/store/store-owner.ts';
import { EmbeddedReader } from '../../query/store/embedded-reader.ts';
import { testFolder } from '../helpers/folder.ts';
import { proofSkipped } from '../helpers/skipped.ts';
import { anyContext, madeEvent, madeGap, madeSignal, madeState, noonMs } from './made-up.ts';

const dayMs = 86_400_000;
const writerOptions = (dataDir: string, given: Partial<EmbeddedWriterOptions> = {}): EmbeddedWriterOptions => ({ dataDir, commitEventsMax: 4096, commitBytesMax: 1 << 19, fileBytesMax: 1 << 30, retentionMs: 7 * dayMs, retentionBytesMax: 1 << 30, ...given });
const codeOf = (t: ExecutionContext, run: () => unknown): ErrorCode | undefined => t.throws(run, { instanceOf: LeadlineError })?.code;
const files = (dataDir: string): string[] => readdirSync(eventsFolder(dataDir)).filter(name => name.endsWith('.db')).sort();

async function offsetsOf(reader: EmbeddedReader): Promise<number[]> {
  const { events } = await reader.events({ query: parseQuery(''), fromNs: null, toNs: null, limit: 1_000_000, cursor: null }, anyContext);
  return events.map(({ streamOffset }) => streamOffset).sort((a, b) => a - b);
}

test('killed while it appends, ten times: what was acknowledged is there once, and the next one goes on behind it', async t => {
  const dataDir = testFolder(t);
  let acknowledged = 0;
  for (let round = 0; round < 10; round++) {
    const child = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, 'append-loop.ts'), dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    let told = '';
    let lines = 0;
    child.stdout.on('data', (text: Buffer) => {
      told += text.toString();
      lines += text.toString().split('\n').length - 1;
      if (lines >= 3 + 17 * round) child.kill('SIGKILL');
    });
    await once(child, 'close');
    acknowledged = Number(told.trimEnd().split('\n').at(-1));
    t.true(told.endsWith('\n') && acknowledged > 0);

    const owner = new StoreOwner(dataDir);
    const reader = new EmbeddedReader(dataDir);
    const writer = new EmbeddedWriter(writerOptions(dataDir));
    const known = writer.lastKnown('a')!;
    const end = known.storedRanges[0]!.to;
    t.true(end >= acknowledged, 'nothing acknowledged is lost');
    t.deepEqual([known.storedRanges, known.events, known.lines, known.state?.sizeBytes], [[{ from: 0, to: end }], end / 10, end / 10, end]);
    t.is(writer.positions()[0]?.recordOffset, String(end));
    const offsets = Array.from({ length: end / 10 }, (_, index) => 10 * index);
    t.deepEqual(await offsetsOf(reader), offsets);
    const tailed = await reader.after('0', parseQuery(''), 1_000_000, anyContext);
    t.deepEqual(tailed.events.map(({ streamOffset }) => streamOffset), offsets);
    t.is((await reader.ids(['kill-test'], anyContext)).events.length, offsets.length);
    const { signals } = await reader.signalsAfter(null, 1_000_000, anyContext);
    t.is(new Set(signals.map(({ signalId }) => signalId)).size, signals.length);
    t.is(signals.at(-1)?.signalId, `signal ${end}`);
    // What was left unsealed is joined with what comes.
    writer.append({ events: [madeEvent('a', end, end + 10, { ids: [{ kind: 'trace', name: 't', value: 'kill-test' }] })], states: [{ ...known.state!, sizeBytes: end + 10 }] }, [{ topicId: 't', partition: 0, recordOffset: String(end + 10) }], [madeSignal(`signal ${end + 10}`)]);
    t.is((await offsetsOf(reader)).length, offsets.length + 1);
    writer.close();
    await reader.close();
    owner.release();
  }
  t.true(files(dataDir).length > 1, 'files followed each other meanwhile');
});

test('small blocks of a store that was closed are joined into one when they fill', t => {
  const dataDir = testFolder(t);
  for (let from = 0; from < 50; from += 10) {
    const writer = new EmbeddedWriter(writerOptions(dataDir, { commitEventsMax: 5 }));
    writer.append({ events: [madeEvent('a', from, from + 10)], states: [] }, [], []);
    writer.close();
  }
  const database = new DatabaseSync(join(eventsFolder(dataDir), files(dataDir)[0]!), { readOnly: true });
  t.deepEqual(database.prepare('select id, n, tier from blocks').all().map(row => ({ ...row })), [{ id: 1, n: 5, tier: sealedTier }]);
  database.close();
});

test('a second owner of a data directory is refused and told of the first, until that one lets go', t => {
  const dataDir = testFolder(t);
  const owner = new StoreOwner(dataDir);
  owner.note('http://127.0.0.1:4680');
  const error = t.throws(() => new StoreOwner(dataDir), { instanceOf: LeadlineError });
  t.is(error.code, 'STORE_OWNED');
  t.true(error.message.includes('http://127.0.0.1:4680'));
  owner.release();
  t.is(readOwnerNote(dataDir), null);
  new StoreOwner(dataDir).release();
});

test('a store of another layout is refused by writer and reader', t => {
  const dataDir = testFolder(t);
  new EmbeddedWriter(writerOptions(dataDir)).close();
  const database = new DatabaseSync(join(eventsFolder(dataDir), files(dataDir)[0]!));
  database.exec("update meta set value = '77' where key = 'layoutVersion'");
  database.close();
  t.is(codeOf(t, () => new EmbeddedWriter(writerOptions(dataDir))), 'STORE_VERSION');
  t.is(codeOf(t, () => new EmbeddedReader(dataDir)), 'STORE_VERSION');
});

test('a damaged store is refused by its name', t => {
  const dataDir = testFolder(t);
  new EmbeddedWriter(writerOptions(dataDir)).close();
  writeFileSync(join(eventsFolder(dataDir), files(dataDir)[0]!), 'this is no database, and it is long enough to be seen as none'.repeat(100));
  t.is(codeOf(t, () => new EmbeddedWriter(writerOptions(dataDir))), 'STORE_DAMAGED');
});

test('no store: the reader says so', t => {
  t.is(codeOf(t, () => new EmbeddedReader(join(testFolder(t), 'nothing'))), 'NO_STORE');
});

test('a file whose first transaction never came is begun again, and the one before it goes on', async t => {
  const dataDir = testFolder(t);
  const first = new EmbeddedWriter(writerOptions(dataDir, { nowMs: () => noonMs }));
  first.append({ events: [madeEvent('a', 0, 10)], states: [] }, [], []);
  first.close();
  new DatabaseSync(join(eventsFolder(dataDir), '2026-11-22-0000000000000002.db')).close();
  writeFileSync(join(eventsFolder(dataDir), '2026-11-22-0000000000000002.db'), '');
  const reader = new EmbeddedReader(dataDir);
  const writer = new EmbeddedWriter(writerOptions(dataDir, { nowMs: () => noonMs + dayMs }));
  t.deepEqual(writer.lastKnown('a')?.storedRanges, [{ from: 0, to: 10 }]);
  writer.append({ events: [madeEvent('a', 10, 20)], states: [] }, [], []);
  t.deepEqual(await offsetsOf(reader), [0, 10]);
  await reader.close();
  writer.close();
});

test('a file whose writer was killed before it was a database: readers pass over it, the next writer begins it again', async t => {
  const dataDir = testFolder(t);
  const first = new EmbeddedWriter(writerOptions(dataDir, { nowMs: () => noonMs }));
  first.append({ events: [madeEvent('a', 0, 10)], states: [] }, [], []);
  first.close();
  // A journal that only a writer may roll back, as SQLite leaves it.
  const begun = new DatabaseSync(join(dataDir, 'begun.db'));
  begun.exec('create table t (x); pragma cache_size = 1; begin; insert into t values (randomblob(200000))');
  const unborn = join(eventsFolder(dataDir), '2026-11-22-0000000000000002.db');
  for (const suffix of ['', '-journal']) copyFileSync(join(dataDir, `begun.db${suffix}`), unborn + suffix);
  begun.close();
  const reader = new EmbeddedReader(dataDir);
  t.deepEqual(await offsetsOf(reader), [0]);
  const writer = new EmbeddedWriter(writerOptions(dataDir, { nowMs: () => noonMs + dayMs }));
  writer.append({ events: [madeEvent('a', 10, 20)], states: [] }, [], []);
  t.deepEqual(await offsetsOf(reader), [0, 10]);
  await reader.close();
  writer.close();
});

test('retention lets old files go by their day, and an open reader and a tail go on', async t => {
  const dataDir = testFolder(t);
  let nowMs = noonMs;
  const options = writerOptions(dataDir, { retentionMs: 2 * dayMs, nowMs: () => nowMs });
  const writer = new EmbeddedWriter(options);
  writer.append({ events: [madeEvent('gone', 0, 10, { ids: [{ kind: 'trace', name: 't', value: 'old-trace' }] }), madeGap('kept', 0, 5)], states: [] }, [], [madeSignal('1')]);
  const reader = new EmbeddedReader(dataDir);
  const tail = await reader.after('0', parseQuery(''), 1, anyContext);
  t.is((await reader.ids(['old-trace'], anyContext)).events.length, 1);
  nowMs += dayMs;
  writer.append({ events: [madeEvent('kept', 5, 15)], states: [] }, [], []);
  nowMs += 2 * dayMs;
  writer.append({ events: [madeEvent('kept', 15, 25)], states: [] }, [], [madeSignal('2')]);
  t.is(files(dataDir).length, 3);
  t.is(writer.retain(nowMs).files, 1);
  t.is(files(dataDir).length, 2);
  t.deepEqual(await offsetsOf(reader), [5, 15]);
  t.deepEqual((await reader.ids(['old-trace'], anyContext)).events, []);
  t.deepEqual((await reader.after(tail.cursor, parseQuery(''), 10, anyContext)).events.map(({ streamOffset }) => streamOffset), [5, 15]);
  t.deepEqual((await reader.signalsAfter(null, 10, anyContext)).signals.map(({ signalId }) => signalId), ['2']);
  // What is known of a stream outlives its events, so that it is not stored again.
  t.deepEqual(writer.lastKnown('gone')?.storedRanges, [{ from: 0, to: 10 }]);
  t.is(writer.retain(nowMs).files, 0);
  writer.close();
  const again = new EmbeddedWriter(options);
  again.append({ events: [madeEvent('kept', 25, 30)], states: [] }, [], [madeSignal('3')]);
  nowMs += dayMs;
  again.append({ events: [madeEvent('kept', 30, 35)], states: [] }, [], []);
  again.close();
  // The newest file has no signal to number on from.
  const third = new EmbeddedWriter(options);
  third.append({ events: [], states: [] }, [], [madeSignal('4')]);
  t.deepEqual((await reader.signalsAfter('2', 10, anyContext)).signals.map(({ signalId }) => signalId), ['3', '4'], 'signals are numbered on');
  third.close();
  await reader.close();
});

test('retention by size lets the oldest files go, never the one that is written', t => {
  const dataDir = testFolder(t);
  const writer = new EmbeddedWriter(writerOptions(dataDir, { fileBytesMax: 1, retentionBytesMax: 1, durable: false }));
  for (let from = 0; from < 50; from += 10) writer.append({ events: [madeEvent('a', from, from + 10)], states: [] }, [], []);
  t.is(files(dataDir).length, 5);
  const gone = writer.retain(Date.now());
  t.is(gone.files, 4);
  t.true(gone.bytes > 0);
  t.is(files(dataDir).length, 1);
  writer.append({ events: [madeEvent('a', 50, 60)], states: [] }, [], []);
  writer.close();
});

/** A disk of 2 MB of the test's own, or null where mounting is not allowed. */
function smallDisk(): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'leadline-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], { stdio: 'ignore' });
    return folder;
  } catch {
    rmSync(folder, { recursive: true });
    return null;
  }
}

const disk = process.platform === 'linux' ? smallDisk() : null;
if (disk === null) proofSkipped('embedded store on a full disk', 'mounting a small tmpfs needs root');
else {
  test.after.always(() => {
    execFileSync('umount', ['-l', disk]);
    rmSync(disk, { recursive: true });
  });

  /** Takes all the room that is left. */
  const fill = (): (() => void) => {
    const path = join(disk, 'filler');
    const filler = openSync(path, 'w');
    for (let size = 65_536; size >= 1; ) {
      try {
        if (writeSync(filler, Buffer.alloc(size)) < size) size = Math.floor(size / 2);
      } catch {
        size = Math.floor(size / 2);
      }
    }
    fsyncSync(filler);
    closeSync(filler);
    return () => rmSync(path);
  };
  const noise = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, () => Math.floor(Math.random() * 256)));
  const large = (from: number): LogEvent[] => [madeEvent('a', from, from + 10, { raw: noise(20_000) }), madeEvent('a', from + 10, from + 20, { raw: noise(20_000) })];

  test.serial('a full disk in the middle of a file: STORE_FULL, nothing half stored, and on when there is room', async t => {
    const dataDir = join(disk, 'one');
    const writer = new EmbeddedWriter(writerOptions(dataDir));
    const reader = new EmbeddedReader(dataDir);
    writer.append({ events: large(0), states: [] }, [], [madeSignal('1')]);
    const makeRoom = fill();
    let stored = 20;
    let error: unknown = null;
    // What the log of the database already has room for still fits.
    for (; error === null && stored < 10_000; ) {
      try {
        writer.append({ events: large(stored), states: [] }, [{ topicId: 't', partition: 0, recordOffset: String(stored) }], [madeSignal(`at ${stored}`)]);
        stored += 20;
      } catch (thrown) {
        error = thrown;
      }
    }
    t.true(error instanceof LeadlineError);
    t.is((error as LeadlineError).code, 'STORE_FULL');
    for (let attempt = 0; attempt < 3; attempt++) t.is(codeOf(t, () => writer.append({ events: large(stored), states: [] }, [], [madeSignal('never')])), 'STORE_FULL');
    t.deepEqual(writer.lastKnown('a')?.storedRanges, [{ from: 0, to: stored }]);
    t.is((await offsetsOf(reader)).length, stored / 10);
    makeRoom();
    writer.append({ events: large(stored), states: [] }, [], [madeSignal('last')]);
    t.is((await offsetsOf(reader)).length, stored / 10 + 2);
    t.false((await reader.signalsAfter(null, 100, anyContext)).signals.some(({ signalId }) => signalId === 'never'));
    await reader.close();
    writer.close();
    rmSync(dataDir, { recursive: true });
  });

  test.serial('a full disk when the next file is due: STORE_FULL, and the file is begun when there is room', async t => {
    const dataDir = join(disk, 'two');
    let nowMs = noonMs;
    const options = writerOptions(dataDir, { nowMs: () => nowMs });
    const writer = new EmbeddedWriter(options);
    const reader = new EmbeddedReader(dataDir);
    writer.append({ events: [madeEvent('a', 0, 10)], states: [] }, [], []);
    nowMs += dayMs;
    const makeRoom = fill();
    for (let attempt = 0; attempt < 3; attempt++) {
      t.is(codeOf(t, () => writer.append({ events: [madeEvent('a', 10, 20)], states: [] }, [], [])), 'STORE_FULL');
      t.deepEqual(await offsetsOf(reader), [0]);
    }
    makeRoom();
    writer.append({ events: [madeEvent('a', 10, 20)], states: [] }, [], []);
    t.deepEqual(await offsetsOf(reader), [0, 10]);
    t.is(files(dataDir).length, 2);
    writer.close();
    const again = new EmbeddedWriter(options);
    t.deepEqual(again.lastKnown('a')?.storedRanges, [{ from: 0, to: 20 }]);
    again.close();
    await reader.close();
    rmSync(dataDir, { recursive: true });
  });

  test.serial('a full disk when the next file has its tables but no room for the streams', async t => {
    const dataDir = join(disk, 'three');
    let nowMs = noonMs;
    const options = writerOptions(dataDir, { nowMs: () => nowMs });
    const writer = new EmbeddedWriter(options);
    const reader = new EmbeddedReader(dataDir);
    // A stream row of some 200 kB: far more than the empty tables.
    const head = 'x'.repeat(200_000);
    writer.append({ events: [madeEvent('a', 0, 10)], states: [madeState('a', { head })] }, [], []);
    nowMs += dayMs;
    const makeRoom = fill();
    const filler = join(disk, 'filler');
    const { size } = statSync(filler);
    execFileSync('truncate', ['-s', String(size - 150_000), filler]);
    for (let attempt = 0; attempt < 3; attempt++) {
      t.is(codeOf(t, () => writer.append({ events: [madeEvent('a', 10, 20)], states: [] }, [], [])), 'STORE_FULL');
      t.deepEqual(await offsetsOf(reader), [0]);
      t.deepEqual((await reader.streams(anyContext)).map(({ streamId }) => streamId), ['a']);
    }
    makeRoom();
    writer.append({ events: [madeEvent('a', 10, 20)], states: [] }, [], []);
    t.deepEqual(await offsetsOf(reader), [0, 10]);
    writer.close();
    await reader.close();
    rmSync(dataDir, { recursive: true });
  });
}
