/** What the reader makes of answers that a healthy server does not give; what it finds on a real one is in test/contract/elasticsearch.test.ts. */
import test, { type ExecutionContext } from 'ava';
import { ElasticServer, type ElasticAnswer, type ElasticRequest } from '#lib/elasticsearch/server.ts';
import { eventToDocument } from '#schemas/elasticsearch/document.ts';
import { NameBudget } from '#schemas/elasticsearch/field-names.ts';
import { namesOf } from '#schemas/elasticsearch/names.ts';
import { newStreamEntry, streamToDocument } from '#schemas/elasticsearch/stream-document.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import { ElasticsearchReader } from '../../../query/store/elasticsearch/elasticsearch-reader.ts';
import { anyContext, madeEvent, madeGap, madeSignal, madeState, noon } from '../../contract/made-up.ts';

const { events: stream, signals } = namesOf('test');
const indexOf = (generation: number, dataStream = stream): string => `.ds-${dataStream}-${String(generation).padStart(6, '0')}`;
const budgets = { numbers: new NameBudget(10), addresses: new NameBudget(10) };
const answered = (body: unknown, status = 200): ElasticAnswer => ({ status, body });

/** Every request is answered by the test. */
class ToldServer extends ElasticServer {
  readonly asked: ElasticRequest[] = [];
  answer: (request: ElasticRequest) => ElasticAnswer = () => answered({}, 500);

  constructor() {
    super({ nodes: ['http://told:9200'], login: null, caPath: null, requestTimeoutMs: 1000 });
  }

  override flavour(): Promise<'elasticsearch'> {
    return Promise.resolve('elasticsearch');
  }

  override request(request: ElasticRequest): Promise<ElasticAnswer> {
    this.asked.push(request);
    return Promise.resolve(this.answer(request));
  }
}

function readerOf(t: ExecutionContext): { server: ToldServer; reader: ElasticsearchReader } {
  const server = new ToldServer();
  const reader = new ElasticsearchReader({ server, namespace: 'test', tailRefreshMs: 0 });
  t.teardown(() => reader.close());
  return { server, reader };
}

const hitOf = (event: LogEvent, given: object = {}): object => ({ _index: indexOf(1), _id: event.eventId, _source: JSON.parse(JSON.stringify(eventToDocument(event, budgets))) as unknown, ...given });
const hits = (found: readonly object[], more: object = {}): ElasticAnswer => answered({ timed_out: false, _shards: { failed: 0 }, hits: { total: { value: found.length }, hits: found }, ...more });
const all = { query: parseQuery(''), fromNs: null, toNs: null };
const lines = (count: number): LogEvent[] => Array.from({ length: count }, (_, n) => madeEvent('a', 10 * n, 10 * n + 10, { chainPosition: 1 }));

const reads: [string, (reader: ElasticsearchReader) => Promise<unknown>][] = [
  ['search', reader => reader.events({ ...all, limit: 10, cursor: null }, anyContext)],
  ['count', reader => reader.count(all, anyContext)],
  ['histogram', reader => reader.histogram({ ...all, stepMs: 1000, by: null }, anyContext)],
  ['facets', reader => reader.facets({ ...all, fields: ['service'], valuesMax: 5 }, anyContext)],
  ['ids', reader => reader.ids(['x'], anyContext)],
  ['lines around a line', reader => reader.around('a:0', 1, 1, anyContext)],
  ['window', reader => reader.window([{ fromNs: noon, toNs: noon + 10n }], false, anyContext)],
  ['streams', reader => reader.streams(anyContext)],
  ['stats', reader => reader.stats(anyContext)],
];

for (const [name, read] of reads) {
  test(`${name}: an answer without a part of the store, or that is none of the server's, is an error and no answer`, async t => {
    const { server, reader } = readerOf(t);
    for (const answer of [
      hits([hitOf(madeEvent('a', 0, 10))], { _shards: { failed: 1, failures: [{ reason: { type: 'node_left', reason: 'gone' } }] } }),
      answered('<html>not found</html>', 404),
      answered('<html>welcome</html>'),
      answered({ error: { type: 'no_shards', reason: 'none' } }, 503),
    ]) {
      server.answer = () => answer;
      const error = await t.throwsAsync(read(reader), { instanceOf: LeadlineError }, JSON.stringify(answer));
      t.regex(error?.code ?? '', /^ELASTICSEARCH_/);
    }
  });
}

test('a search whose time was up says so, and where it goes on', async t => {
  const { server, reader } = readerOf(t);
  const found = lines(400).reverse();
  let pages = 0;
  server.answer = ({ body }) => {
    const { size } = body as { size: number };
    return pages++ === 0 ? hits(found.slice(0, size).map(event => hitOf(event))) : hits([], { timed_out: true });
  };
  const page = await reader.events({ ...all, query: parseQuery('/at 39/'), limit: 140, cursor: null }, anyContext);
  t.true(page.truncated);
  t.not(page.cursor, null, 'what was found is not all');
  t.deepEqual(page.events.map(({ streamOffset }) => streamOffset), found.map(({ streamOffset }) => streamOffset).filter(offset => String(offset).startsWith('39')).filter(offset => offset >= 3900));
  for (const [name, read] of reads.slice(1, 7)) {
    server.answer = () => hits([], { timed_out: true });
    const outcome = await read(reader).then(answer => (answer as { truncated?: boolean }).truncated, () => 'error');
    t.true(outcome === true || outcome === 'error', `${name}: ${String(outcome)}`);
  }
});

test('a window of which more is there than may be looked at is given as nothing, and so is one whose time was up', async t => {
  const { server, reader } = readerOf(t);
  const context = { ...anyContext, budget: { ...anyContext.budget, eventsMax: 5 } };
  server.answer = () => hits(lines(6).map(event => hitOf(event)));
  t.like(await reader.window([{ fromNs: noon, toNs: noon + 1000n }], false, context), { parts: [], truncated: true });
  server.answer = () => hits([], { timed_out: true });
  t.like(await reader.window([{ fromNs: noon, toNs: noon + 1000n }], false, context), { parts: [], truncated: true });
});

/** A data stream as tail sees it: per generation the writes by number, and up to which all are carried out. */
function tailed(server: ToldServer, state: { generations: { hits: Map<number, LogEvent>; checkpoint: number }[]; refreshFails?: boolean }): void {
  server.answer = ({ path, body }) => {
    const names = state.generations.map((_, n) => indexOf(n + 1));
    if (path.startsWith('/_resolve')) return answered({ data_streams: [{ name: stream, backing_indices: names }] });
    if (path.endsWith('/_stats/docs')) return answered({ indices: Object.fromEntries(names.map((name, n) => [name, { shards: { 0: [{ routing: { primary: true }, seq_no: { global_checkpoint: state.generations[n]!.checkpoint } }] } }])) });
    if (path.endsWith('/_refresh')) return answered({ _shards: { failed: state.refreshFails === true ? 1 : 0 } });
    const at = names.findIndex(name => path === `/${name}/_search`);
    const { gt, lte } = (body as { query: { bool: { filter: [{ range: { _seq_no: { gt: number; lte: number } } }] } } }).query.bool.filter[0].range._seq_no;
    const found = [...state.generations[at]!.hits].filter(([seqNo]) => seqNo > gt && seqNo <= lte).sort(([a], [b]) => a - b);
    return hits(found.map(([seqNo, event]) => hitOf(event, { _seq_no: seqNo, _index: names[at] })));
  };
}

test('tail reads no further than where all writes are carried out, and what comes late into the index before the newest too', async t => {
  const { server, reader } = readerOf(t);
  const [a, b, c, d] = lines(4) as [LogEvent, LogEvent, LogEvent, LogEvent];
  // The write with number 1 is under way; 2 is there already.
  const first = { hits: new Map([[0, a], [2, c]]), checkpoint: 0 };
  const generations = [first];
  tailed(server, { generations });
  const one = await reader.after('0', parseQuery(''), 10, anyContext);
  t.deepEqual(one.events.map(({ eventId }) => eventId), ['a:0']);
  generations.push({ hits: new Map([[0, d]]), checkpoint: 0 });
  const two = await reader.after(one.cursor, parseQuery(''), 10, anyContext);
  t.deepEqual(two.events.map(({ eventId }) => eventId), ['a:30']);
  first.hits.set(1, b);
  first.checkpoint = 2;
  const three = await reader.after(two.cursor, parseQuery(''), 10, anyContext);
  t.deepEqual(three.events.map(({ eventId }) => eventId), ['a:10', 'a:20']);
  t.deepEqual((await reader.after(three.cursor, parseQuery(''), 10, anyContext)).events, []);
});

test('tail does not pass what a refresh that failed in part may not show', async t => {
  const { server, reader } = readerOf(t);
  const state = { generations: [{ hits: new Map<number, LogEvent>(), checkpoint: 0 }], refreshFails: true };
  tailed(server, state);
  const error = await t.throwsAsync(reader.after('0', parseQuery(''), 10, anyContext), { instanceOf: LeadlineError });
  t.is(error?.code, 'ELASTICSEARCH_BUSY');
  state.refreshFails = false;
  state.generations[0]!.hits.set(0, lines(1)[0]!);
  t.is((await reader.after('0', parseQuery(''), 10, anyContext)).events.length, 1);
});

test('a stream whose signals are not published yet promises nothing of its watermark', async t => {
  const { server, reader } = readerOf(t);
  const entry = { ...newStreamEntry('a', 'source', 1), watermarkNs: noon, state: madeState('a', { readToEndMs: 5 }), outbox: [madeSignal('x')] };
  let published = false;
  server.answer = ({ path }) => {
    if (path.startsWith('/_resolve')) return answered({ data_streams: [{ name: signals, backing_indices: [indexOf(1, signals)] }] });
    if (path === '/_mget') return answered({ docs: [{ _index: indexOf(1, signals), _id: 'x', found: published }] });
    return hits([{ _id: 'stream:a', _source: streamToDocument(entry), sort: [1, 'a'] }]);
  };
  t.like((await reader.streams(anyContext))[0], { watermarkNs: null, state: { readToEndMs: null } });
  published = true;
  t.like((await reader.streams(anyContext))[0], { watermarkNs: noon, state: { readToEndMs: 5 } });
});

test('a document that is not wholly in the index is found and counted by what it says, whatever the index says of it', async t => {
  const { server, reader } = readerOf(t);
  const event = madeEvent('a', 0, 10, { level: 'error', fields: { ['long name '.repeat(60)]: 'x' } });
  const hit = hitOf(event);
  t.true((hit as { _source: { leadline: { partly_indexed?: boolean } } })._source.leadline.partly_indexed);
  // The server lets it through only where it is asked for as such.
  server.answer = ({ body }) => {
    const query = JSON.stringify((body as { query: object }).query);
    return hits(query.includes('leadline.partly_indexed') && !query.includes('"must_not":[{"term":{"leadline.partly_indexed"') ? [hit] : []);
  };
  for (const [query, count] of [['level:error', 1], ['level:info', 0], ['not level:error', 0], ['"line at" level:error', 1]] as const) {
    const asked = { ...all, query: parseQuery(query) };
    t.is((await reader.events({ ...asked, limit: 10, cursor: null }, anyContext)).events.length, count, query);
    t.is((await reader.count(asked, anyContext)).count, count, query);
    t.is((await reader.histogram({ ...asked, stepMs: 1000, by: null }, anyContext)).bars.length, count, query);
    t.is((await reader.facets({ ...asked, fields: ['level'], valuesMax: 5 }, anyContext)).count, count, query);
  }
});

test('page by page nothing is left out or told twice, also where a line and the gap that it filled lie at one place', async t => {
  const { server, reader } = readerOf(t);
  const stored = [...lines(3), madeGap('a', 10, 20, { chainPosition: 1 })];
  const placeOf = (event: LogEvent): [bigint, number] => [event.timeNs, event.gap?.bytes ?? -1];
  // As the server sorts: by the place, latest first, and behind that a gap before the line.
  const before = ([a, x]: [bigint, number], [b, y]: [bigint, number]): boolean => a > b || (a === b && x > y);
  server.answer = ({ body }) => {
    const { size, search_after: after } = body as { size: number; search_after?: [string, string, number, number, number] };
    const from: [bigint, number] | null = after === undefined ? null : [BigInt(after[0]), after[4]];
    const found = [...stored].sort((a, b) => (before(placeOf(a), placeOf(b)) ? -1 : 1)).filter(event => from === null || before(from, placeOf(event)));
    return hits(found.slice(0, size).map(event => hitOf(event)));
  };
  const told: string[] = [];
  for (let cursor: string | null = null, pages = 0; pages === 0 || cursor !== null; pages++) {
    const page = await reader.events({ ...all, limit: 1, cursor }, anyContext);
    told.push(...page.events.map(({ eventId }) => eventId));
    ({ cursor } = page);
  }
  t.deepEqual(told, ['a:20', 'a:10:gap', 'a:10', 'a:0']);
});
