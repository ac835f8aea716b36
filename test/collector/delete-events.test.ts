import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'ava';
import { canonicalId } from '#schemas/canonical-id.ts';
import { alertsFile, eventsFolder } from '#schemas/embedded/layout.ts';
import { GroupWords, unpackWords } from '#schemas/embedded/words.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import { deleteEvents, Spellings } from '../../collector/store/delete-events.ts';
import { EmbeddedWriter } from '../../collector/store/embedded-writer.ts';
import { StoreOwner } from '../../collector/store/store-owner.ts';
import { EmbeddedReader } from '../../query/store/embedded-reader.ts';
import { checkStore } from '../../query/upkeep/check-store.ts';
import { anyContext, comparable, madeEvent, madeSignal, madeState, noon } from '../contract/made-up.ts';
import { searched } from '../contract/paging.ts';
import { runCommand } from '../helpers/command.ts';
import { testFolder } from '../helpers/folder.ts';

const id = 'fe397411-5b91-4675-9064-0788986f80c9';
const otherSpelling = 'FE3974115B91467590640788986F80C9';
const options = (dataDir: string): ConstructorParameters<typeof EmbeddedWriter>[0] => ({ dataDir, commitEventsMax: 40, commitBytesMax: 1 << 19, fileBytesMax: 200_000, retentionMs: 1e12, retentionBytesMax: 1e12, durable: false });

/** Of every hundred: one carries the id, one its other spelling, one holds it as text, one in an escape. */
function eventAt(n: number): LogEvent {
  const given: Partial<LogEvent> = { timeNs: noon + BigInt(n), level: 'info' };
  const at = n % 100;
  const traceIs = (value: string): Partial<LogEvent> => ({ message: 'quietperson paid', raw: Buffer.from(`quietperson paid ${value}`), ids: [{ kind: 'trace', name: 'traceId', value }], requestId: value, requestIdSource: 'field:traceId' });
  if (at === 10) Object.assign(given, traceIs(id));
  else if (at === 20) Object.assign(given, traceIs(otherSpelling));
  else if (at === 30) Object.assign(given, { message: 'mentioned', raw: Buffer.from(`mentioned ${otherSpelling.toLowerCase()} in passing`) });
  else if (at === 40) Object.assign(given, { message: 'escaped', raw: Buffer.from(`{"who":"\\u0066${id.slice(1)}"}`), fields: { who: id } });
  else Object.assign(given, { ids: [{ kind: 'trace', name: 'traceId', value: `0af7651916cd43dd8448eb211c8031${(n % 90) + 10}` }] });
  return madeEvent('a', 10 * n, 10 * n + 10, given);
}
const isGone = (n: number): boolean => [10, 20, 30, 40].includes(n % 100);

function fill(dataDir: string, count: number): void {
  const writer = new EmbeddedWriter(options(dataDir));
  for (let n = 0; n < count; n += 10) {
    writer.append({ events: Array.from({ length: 10 }, (_, index) => eventAt(n + index)), states: [madeState('a', { sizeBytes: n })] }, [{ topicId: 't', partition: 0, recordOffset: String(n) }], n % 100 === 10 ? [madeSignal(`signal ${n}`, { requests: [{ kind: 'trace', name: 't', value: id }] }), madeSignal(`other ${n}`)] : []);
  }
  writer.close();
}

test('an id is deleted with every line that carries or mentions it; everything else, positions and cursors stay, and it does not come back', async t => {
  const dataDir = testFolder(t);
  fill(dataDir, 5005 - 5);
  const reader = new EmbeddedReader(dataDir);
  const before = await searched(reader, '', null, null, 1000);
  const names = readdirSync(eventsFolder(dataDir)).filter(name => name.endsWith('.db'));
  t.true(names.length > 1);
  await reader.close();
  const deleted = await deleteEvents(dataDir, new Spellings(id.toUpperCase()), { eventsMax: 40, rawBytes: 1 << 19 }, () => undefined);
  t.is(deleted.events, 200);
  t.is(deleted.files, names.length);

  const after = new EmbeddedReader(dataDir);
  const events = await searched(after, '', null, null, 1000);
  t.is(events.length, before.length);
  for (const [index, event] of events.entries()) {
    const old = before[index]!;
    if (!isGone(old.streamOffset / 10)) t.deepEqual(comparable(event), comparable(old));
    else t.deepEqual([event.gap, event.streamOffset, event.timeNs, event.raw.length, event.level, event.ids, event.message], [{ cause: 'deleted', bytes: 10, exact: true }, old.streamOffset, old.timeNs, 0, null, [], '10 bytes were deleted here']);
  }
  t.deepEqual((await after.ids([canonicalId(id)!], anyContext)).events, []);
  for (const query of ['quietperson', `"${id}"`, otherSpelling]) t.deepEqual(await searched(after, query, null, null, 10), []);
  t.is((await after.after('2500', { filter: { type: 'all' }, pipes: [], text: '' }, 1, anyContext)).events[0]?.timeNs, noon + 2499n);
  const { signals } = await after.signalsAfter(null, 10_000, anyContext);
  t.deepEqual([signals.length, signals.every(({ signalId }) => signalId.startsWith('other'))], [50, true]);
  for await (const { name, problems } of checkStore(dataDir)) t.deepEqual(problems, [], name);
  for (const name of names) {
    const database = new DatabaseSync(join(eventsFolder(dataDir), name), { readOnly: true });
    const textsOf = (table: string): { textBytes: number; data: Uint8Array }[] => database.prepare(`select textBytes, data from ${table}`).all() as never;
    for (const { textBytes, data } of textsOf('words')) t.false(unpackWords(data, textBytes).includes('quietperson'));
    for (const { textBytes, data } of textsOf('wordGroups')) t.false(GroupWords.unpack(data, textBytes).text.includes('quietperson'));
    database.close();
  }
  await after.close();

  // Read again, as after a lost checkpoint: its bytes are known.
  fill(dataDir, 5000);
  const again = new EmbeddedReader(dataDir);
  t.is((await searched(again, '', null, null, 1000)).length, before.length);
  await again.close();
});

test('what alerts say of an id goes too, nobody else may write meanwhile, and what is no id is refused', async t => {
  const dataDir = testFolder(t);
  fill(dataDir, 100);
  const alerts = new DatabaseSync(alertsFile(dataDir));
  alerts.exec('create table episodes (episodeId text primary key, data text not null)');
  alerts.prepare('insert into episodes values (?, ?)').run('e1', JSON.stringify({ message: `failed for ${id} and ${otherSpelling}` }));
  alerts.prepare('insert into episodes values (?, ?)').run('e2', 'another');
  alerts.close();
  const deleting = (asked: string): ReturnType<typeof runCommand> => runCommand(['store', 'delete', '--id', asked, '--data-dir', dataDir]);
  const owner = new StoreOwner(dataDir);
  t.is((await deleting(id)).code, 3);
  owner.release();
  t.is((await deleting('-')).code, 2);
  t.is((await deleting('never-seen')).code, 1);
  const done = await deleting(id);
  t.deepEqual([done.code, (JSON.parse(done.stdout) as { events: number; episodes: number }).events], [0, 4]);
  t.regex(done.stderr, /4 events .* deleted/);
  const database = new DatabaseSync(alertsFile(dataDir), { readOnly: true });
  t.deepEqual(database.prepare('select data from episodes order by episodeId').all().map(row => row['data']), [JSON.stringify({ message: 'failed for (deleted) and (deleted)' }), 'another']);
  database.close();
  t.is((await deleting(id)).code, 1);
  t.throws(() => new Spellings('undefined'), { instanceOf: LeadlineError });
});

test('a store of another layout is refused before anything is written', async t => {
  const dataDir = testFolder(t);
  fill(dataDir, 100);
  const database = new DatabaseSync(join(eventsFolder(dataDir), readdirSync(eventsFolder(dataDir)).find(name => name.endsWith('.db'))!));
  database.exec("update meta set value = '2' where key = 'layoutVersion'");
  database.close();
  t.is((await t.throwsAsync(deleteEvents(dataDir, new Spellings(id), { eventsMax: 40, rawBytes: 1 << 19 }, () => undefined), { instanceOf: LeadlineError }))?.code, 'STORE_VERSION');
});
