/** What logs are in the field: lines of any length, thousands of services, ids as long as they come, clocks that are wrong. */
import test, { type ExecutionContext } from 'ava';
import { canonicalId } from '#schemas/canonical-id.ts';
import type { LogEvent } from '#schemas/event.ts';
import { EmbeddedWriter } from '../../collector/store/embedded-writer.ts';
import { EmbeddedReader } from '../../query/store/embedded-reader.ts';
import { checkStore } from '../../query/upkeep/check-store.ts';
import { storeStats } from '../../query/upkeep/store-stats.ts';
import { MemoryReader, MemoryStore } from '../helpers/memory-store.ts';
import { testFolder } from '../helpers/folder.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import { anyContext, comparable, madeEvent, noon, noonMs } from './made-up.ts';
import { searched } from './paging.ts';
import { sameAround, sameCounts } from './same-answers.ts';

const dayMs = 86_400_000;

interface Pair {
  dataDir: string;
  reader: EmbeddedReader;
  oracle: MemoryReader;
  append: (events: LogEvent[]) => void;
  setNowMs: (ms: number) => void;
}

function openPair(t: ExecutionContext): Pair {
  const dataDir = testFolder(t);
  let nowMs = noonMs;
  const writer = new EmbeddedWriter({ dataDir, commitEventsMax: 4096, commitBytesMax: 1 << 19, fileBytesMax: 1 << 30, retentionMs: 1e12, retentionBytesMax: 1e12, durable: false, nowMs: () => nowMs });
  const memory = new MemoryStore();
  const reader = new EmbeddedReader(dataDir);
  t.teardown(async () => {
    await reader.close();
    writer.close();
  });
  return {
    dataDir, reader, oracle: new MemoryReader(memory),
    append: events => {
      writer.append({ events: structuredClone(events), states: [] }, [], []);
      memory.append({ events, states: [] }, [], []);
    },
    setNowMs: ms => (nowMs = ms),
  };
}

async function same(t: ExecutionContext, { dataDir, reader, oracle }: Pair, queries: readonly string[], ids: readonly string[]): Promise<void> {
  for (const query of queries) {
    t.deepEqual((await searched(reader, query, null, null, 1000)).map(comparable), (await searched(oracle, query, null, null, 1000)).map(comparable), query);
    await sameCounts(reader, oracle, { query: parseQuery(query), fromNs: null, toNs: null }, 3);
    await sameCounts(reader, oracle, { query: parseQuery(query), fromNs: noon - 90_000_000_001n, toNs: noon + 61_500_000_000n }, 3);
  }
  for (const id of ids) {
    const byId = (events: LogEvent[]): unknown[] => events.map(comparable).sort((a, b) => (a.eventId < b.eventId ? -1 : 1));
    t.deepEqual(byId((await reader.ids([canonicalId(id)!], anyContext)).events), byId((await oracle.ids([canonicalId(id)!], anyContext)).events), id.slice(0, 40));
  }
  for await (const { problems } of checkStore(dataDir)) t.deepEqual(problems, []);
}

test('lines of one byte and of ten megabytes, empty ones, and ids of three hundred characters among them', async t => {
  const pair = openPair(t);
  const longId = `order:${'x7'.repeat(147)}`;
  const big = Buffer.alloc(10_000_000, 'lorem ipsum dolor ');
  big.write('needle in the haystack', 7_000_000);
  let at = 0;
  const next = (given: Partial<LogEvent> & { raw: Buffer }): LogEvent => {
    const from = at;
    at += given.raw.length + 1;
    return madeEvent('a', from, at, { timeNs: noon + BigInt(from), message: given.raw.toString('latin1'), ...given });
  };
  pair.append([next({ raw: Buffer.from('x') }), next({ raw: Buffer.alloc(0) }), next({ raw: Buffer.from(`took order ${longId}`), ids: [{ kind: 'request', name: 'order', value: longId }] })]);
  pair.append([next({ raw: big, fields: { where: 'haystack', n: 5 } }), next({ raw: Buffer.from('y'), ids: [{ kind: 'session', name: 's', value: longId.toUpperCase() }] })]);
  pair.append([next({ raw: Buffer.from([0xff, 0x00, 0x0a, 0xfe]), message: '\ufffd\0\n\ufffd' })]);
  await same(t, pair, ['', 'x', 'haystack', '"needle in"', 'where:haystack', 'nothing', '/need.e/'], [longId, longId.toUpperCase()]);
  await sameAround(pair.reader, pair.oracle, 'a:2', 3);
});

test('ten thousand services, each with a line, are each found and counted', async t => {
  const pair = openPair(t);
  const events = Array.from({ length: 10_000 }, (_, n) => madeEvent(`s${n}`, 0, 10, { service: `service-${n}`, source: `source-${n}`, timeNs: noon + BigInt(n) * 1_000_000n, level: n % 9 === 0 ? 'error' : 'info' }));
  for (let from = 0; from < events.length; from += 2500) pair.append(events.slice(from, from + 2500));
  await same(t, pair, ['service:service-77', 'level>=error service:(service-9 or service-18 or service-19)', 'service:none'], []);
  await sameAround(pair.reader, pair.oracle, 's7777:0', 3);
});

test('clocks a year off, a day with one event, and many formats beside each other', async t => {
  const pair = openPair(t);
  const yearNs = 365n * 86_400_000_000_000n;
  const lines: Partial<LogEvent>[] = [
    { raw: Buffer.from('{"level":30,"msg":"from json","req_id":"r-1"}'), message: 'from json', fields: { level: 30, msg: 'from json', req_id: 'r-1' }, ids: [{ kind: 'request', name: 'req_id', value: 'r-1' }], requestId: 'r-1' },
    { raw: Buffer.from('level=warn msg="from logfmt" took=12ms'), message: 'from logfmt', fields: { took: '12ms' }, level: 'warn' },
    { raw: Buffer.from('10.0.0.1 - - [21/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5'), message: 'GET /', fields: { status: 200 } },
    { raw: Buffer.from('Traceback (most recent call last):\n  File "x.py", line 1\nValueError: no'), message: 'ValueError: no', exceptionType: 'ValueError', level: 'error' },
    { raw: Buffer.from('\u001b[31mred\u001b[0m alert'), message: 'red alert' },
    { raw: Buffer.from('größer als „zwei“'), message: 'größer als „zwei“', output: 'stderr' },
  ];
  let at = 0;
  const some = (shift: bigint): LogEvent[] => lines.map((given, index) => madeEvent('mixed', at, (at += 100), { timeNs: noon + shift + BigInt(index), ...given }));
  pair.append([...some(0n), ...some(-yearNs), ...some(yearNs)]);
  pair.setNowMs(noonMs + dayMs);
  pair.append([madeEvent('lonely', 0, 10, { timeNs: noon, message: 'only one today' })]);
  pair.setNowMs(noonMs + 2 * dayMs);
  pair.append(some(86_400_000_000_000n));
  await same(t, pair, ['', 'alert', 'größer', '"only one today"', 'exceptionType:ValueError', 'took>5ms', 'status:200', 'level>=warn', 'time<2026-01-01'], ['r-1']);
  t.deepEqual([...storeStats(pair.dataDir)].map(({ events }) => events), [18, 1, 6]);
});

test('a block with more words than are kept is looked into, and the store says how many there are', async t => {
  const pair = openPair(t);
  const letters = (n: number): string => n.toString(9).padStart(12, '0').replace(/\d/g, digit => 'ghijklmnop'[Number(digit)]!);
  const events = Array.from({ length: 3000 }, (_, n) => madeEvent('a', 100 * n, 100 * n + 100, { message: Array.from({ length: 8 }, (_word, index) => letters(8 * n + index)).join(' '), raw: Buffer.from(Array.from({ length: 8 }, (_word, index) => letters(8 * n + index)).join(' ')) }));
  pair.append([...events, ...Array.from({ length: 1100 }, (_, n) => madeEvent('b', 10 * n, 10 * n + 10))]);
  await same(t, pair, [letters(8 * 1234 + 5), letters(8 * 2999)], []);
  const [stats] = [...storeStats(pair.dataDir)];
  t.is(stats!.blocksWithoutWords, 2);
});
