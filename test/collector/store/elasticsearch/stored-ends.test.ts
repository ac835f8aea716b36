import test from 'ava';
import { documentToStream, streamDocumentId, streamToDocument, type StreamDocument } from '#schemas/elasticsearch/stream-document.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { ElasticsearchWriter } from '../../../../collector/store/elasticsearch/elasticsearch-writer.ts';
import { batch, benchOf, events, html, lines, streams, type Bench } from './memory-bench.ts';

/** An owner that died before it had written the ranges, the next one, and what that looks for. */
async function nextOwnerOf({ server, open }: Bench, stored: LogEvent[]): Promise<{ writer: ElasticsearchWriter; sought: () => string[] }> {
  const first = await open();
  if (stored.length > 0) {
    await first.append(batch(stored), [], []);
    server.put(streams, streamDocumentId('a'), streamToDocument({ ...documentToStream(server.documentsOf(streams).get(streamDocumentId('a')) as StreamDocument), storedRanges: [] }));
  }
  await first.close();
  const writer = await open();
  const sought: string[] = [];
  server.fateOf = ({ path, body }) => {
    if (path === '/_mget') sought.push(...(body as { docs: { _id: string }[] }).docs.map(({ _id }) => _id));
    return null;
  };
  return { writer, sought: () => [...new Set(sought)].sort() };
}

test('what lies beyond the end that a stream has in the store is not looked for, what lies before it is; both are stored once', async t => {
  const bench = benchOf(t);
  const { writer, sought } = await nextOwnerOf(bench, [...lines('a', 0, 1), ...lines('a', 2, 3)]);
  bench.server.rollover(events);
  await writer.findEnds(['a', 'b']);
  await writer.append(batch([...lines('a', 0, 5), ...lines('b', 0, 2)], true), [], []);
  t.deepEqual(sought(), ['a:0', 'a:10', 'a:20']);
  t.deepEqual(bench.ids(), ['a:0', 'a:10', 'a:20', 'a:30', 'a:40', 'b:0', 'b:10']);
});

test('into an empty store nothing is looked for', async t => {
  const bench = benchOf(t);
  const { writer, sought } = await nextOwnerOf(bench, []);
  await writer.findEnds(['a']);
  for (const from of [0, 3]) await writer.append(batch(lines('a', from, from + 3), true), [], []);
  t.deepEqual(sought(), []);
  t.is(bench.ids().length, 6);
});

test('where the server does not tell how far a stream is stored, each of its lines is looked for', async t => {
  for (const [path, body] of [['_refresh', { _shards: { failed: 1 } }], ['_refresh', html], ['_search', html], ['_search', { timed_out: true, hits: { hits: [] } }], ['_search', { timed_out: false, hits: { hits: [{ sort: ['30'] }] } }]] as const) {
    const bench = benchOf(t);
    const { writer, sought } = await nextOwnerOf(bench, lines('a', 0, 2));
    const record = bench.server.fateOf;
    bench.server.fateOf = request => (request.path === `/${events}/${path}` ? () => ({ status: 200, body }) : record(request));
    await writer.findEnds(['a']);
    await writer.append(batch(lines('a', 0, 4), true), [], []);
    t.deepEqual(sought(), ['a:0', 'a:10', 'a:20', 'a:30'], JSON.stringify(body));
    t.is(bench.ids().length, 4);
  }
});

test('what somebody who may not sent after the look, before a rollover, is not there twice: of two the older stays', async t => {
  const bench = benchOf(t);
  const { writer } = await nextOwnerOf(bench, lines('a', 0, 2));
  await writer.findEnds(['a']);
  const stranger = await bench.open();
  await stranger.append(batch(lines('a', 2, 3)), [], []);
  bench.server.rollover(events);
  await writer.append(batch(lines('a', 2, 4), true), [], []);
  t.deepEqual(bench.ids(), ['a:0', 'a:10', 'a:20', 'a:30']);
  t.is(writer.counts.removed, 1);
});
