import test from 'ava';
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
  t.deepEqual(tailed.events.map(({ streamOffset }) => streamOffset), Array.from({ length: tailed.events.length }, (_, index) => index));
  t.deepEqual((await reader.after(tailed.cursor, parseQuery(''), 100, anyContext)).events.at(-1)?.streamOffset, 89);
  await reader.close();
  writer.close();
});
