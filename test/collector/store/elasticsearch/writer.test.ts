/** What happens between the writer's steps, one fault at a time; against real servers in faults.test.ts. */
import test from 'ava';
import { documentToStream, streamDocumentId, streamToDocument, type StreamDocument } from '#schemas/elasticsearch/stream-document.ts';
import { madeSignal, madeState } from '../../../contract/made-up.ts';
import { eventually } from '../../../helpers/leadline.ts';
import type { MemoryElasticsearch } from '../../../helpers/memory-elasticsearch.ts';
import { batch, benchOf, events, html, isBulk, lines, once, signals, streams } from './memory-bench.ts';

test('a bulk answer that does not answer for every item answers for none: all are looked up, and each is stored once', async t => {
  for (const answerOf of [(body: { items: object[] }) => ({ ...body, items: body.items.slice(0, 1) }), () => ({}), () => html, () => ({ items: [{}, {}, {}] })]) {
    const { server, open, ids, stream } = benchOf(t);
    const writer = await open();
    once(server, request => isBulk(events, request), answer => {
      server.rollover(events);
      return { status: 200, body: answerOf(answer.body as { items: object[] }) };
    });
    await writer.append(batch(lines('a', 0, 3)), [], []);
    t.deepEqual(ids(), ['a:0', 'a:10', 'a:20']);
    t.deepEqual(stream('a').storedRanges, [{ from: 0, to: 30 }]);
  }
});

test('a look-up that leaves documents out says nothing of them: it is made again', async t => {
  for (const body of [{ docs: [] }, {}, html]) {
    const { server, open, ids } = benchOf(t);
    const writer = await open();
    await writer.append(batch(lines('a', 0, 3)), [], []);
    server.rollover(events);
    const late = await open();
    await late.load(['a']);
    // As of an owner that died before it had written the ranges.
    server.put(streams, streamDocumentId('a'), streamToDocument({ ...documentToStream(server.documentsOf(streams).get(streamDocumentId('a')) as StreamDocument), storedRanges: [] }));
    await late.load(['a']);
    once(server, ({ path }) => path === '/_mget', () => ({ status: 200, body }));
    await late.append(batch(lines('a', 0, 3), true), [], []);
    t.deepEqual(ids(), ['a:0', 'a:10', 'a:20'], JSON.stringify(body));
  }
});

test('a gateway that knows no such path does not say that nothing is stored', async t => {
  const { server, open, ids } = benchOf(t);
  const writer = await open();
  await writer.append(batch(lines('a', 0, 2)), [], []);
  server.rollover(events);
  server.put(streams, streamDocumentId('a'), streamToDocument({ ...documentToStream(server.documentsOf(streams).get(streamDocumentId('a')) as StreamDocument), storedRanges: [] }));
  const late = await open();
  once(server, ({ path }) => path.startsWith('/_resolve'), () => ({ status: 404, body: html }));
  await late.append(batch(lines('a', 0, 2), true), [], []);
  t.deepEqual(ids(), ['a:0', 'a:10']);
});

test('what a gateway refuses is not refused by the server: it is sent again; what the server refuses is divided until it is the one', async t => {
  const { server, open, ids } = benchOf(t);
  const refused: string[] = [];
  const writer = await open({ onRefused: event => refused.push(event.eventId) });
  let misled = 0;
  server.fateOf = request => (isBulk(events, request) && misled++ < 5 ? () => ({ status: 400, body: html }) : null);
  await writer.append(batch(lines('a', 0, 4)), [], []);
  t.deepEqual([ids().length, refused], [4, []]);
  server.fateOf = request => (isBulk(events, request) && request.lines!.includes('"a:50"') ? answer => ({ ...answer, status: 400, body: { error: { type: 'action_request_validation_exception', reason: 'no' } } }) : null);
  await writer.append(batch(lines('a', 4, 8)), [], []);
  t.deepEqual(refused, ['a:50']);
  t.deepEqual(writer.lastKnown('a')?.storedRanges, [{ from: 0, to: 50 }, { from: 60, to: 80 }]);
});

/** The first bulk request is carried out when the second comes, and a rollover right behind it. */
function carryOutLateBeforeRollover(server: MemoryElasticsearch): void {
  let bulks = 0;
  server.fateOf = request => {
    if (!isBulk(events, request)) return null;
    bulks += 1;
    if (bulks === 1) return 'late';
    if (bulks === 2) {
      server.carryOutLate();
      server.rollover(events);
    }
    return null;
  };
}

test('a request that is carried out late, before a rollover that comes between the look and the write: of two the older stays', async t => {
  const { server, open, ids } = benchOf(t);
  const writer = await open();
  await writer.append(batch(lines('a', 0, 1)), [], []);
  carryOutLateBeforeRollover(server);
  await writer.append(batch(lines('a', 1, 3)), [], []);
  t.deepEqual(ids(), ['a:0', 'a:10', 'a:20']);
  t.is(new Set(server.documents(events).map(({ index }) => index)).size, 1, 'in the older index');
  t.is(writer.counts.removed, 2);
});

test('a death between the second copy and its removal: the next owner removes it', async t => {
  const { server, open, ids } = benchOf(t);
  server.put(events, 'a:0', { copy: 1 });
  server.rollover(events);
  server.put(events, 'a:0', { copy: 2 });
  const writer = await open();
  await writer.append(batch(lines('a', 0, 2), true), [], []);
  t.deepEqual(ids(), ['a:0', 'a:10']);
  t.deepEqual(server.documents(events)[0]!.source, { copy: 1 });
});

test('before the first event, too, what comes late and what is sent again are one', async t => {
  const { server, open, ids } = benchOf(t);
  const writer = await open();
  carryOutLateBeforeRollover(server);
  await writer.append(batch(lines('a', 0, 2)), [], []);
  t.deepEqual(ids(), ['a:0', 'a:10']);
});

test('an item whose outcome the server leaves open is looked up only when it can no longer be carried out', async t => {
  const { server, open, ids } = benchOf(t);
  const writer = await open();
  await writer.append(batch(lines('a', 0, 1)), [], []);
  const askedBefore = server.asked.length;
  let sentMs = 0;
  let lookedMs = 0;
  once(server, request => isBulk(events, request), answer => {
    sentMs = performance.now();
    const { items } = answer.body as { items: { create: object }[] };
    return { status: 200, body: { items: items.map(({ create }) => ({ create: { ...create, status: 503, error: { type: 'unavailable_shards_exception', reason: 'no primary' } } })) } };
  });
  const { fateOf } = server;
  server.fateOf = request => {
    if (request.path === '/_mget') lookedMs = performance.now();
    return fateOf(request);
  };
  // Longer than any pause between two attempts would be.
  Object.assign(server, { requestTimeoutMs: 300 });
  await writer.append(batch(lines('a', 1, 2)), [], []);
  t.true(lookedMs - sentMs >= 295, `${lookedMs - sentMs}`);
  t.deepEqual(ids(), ['a:0', 'a:10']);
  t.true(server.asked.length > askedBefore);
});

test('a status that a gateway gives when it gave up waiting leaves open what became of it', async t => {
  for (const status of [408, 502, 504]) {
    const { server, open, ids } = benchOf(t);
    const writer = await open();
    await writer.append(batch(lines('a', 0, 1)), [], []);
    once(server, request => isBulk(events, request), () => {
      server.rollover(events);
      return { status, body: html };
    });
    await writer.append(batch(lines('a', 1, 3)), [], []);
    t.deepEqual(ids(), ['a:0', 'a:10', 'a:20'], String(status));
  }
});

test('ranges are written when every event is answered for, signals behind them, positions last', async t => {
  const { server, open } = benchOf(t);
  const writer = await open();
  server.asked.length = 0;
  await writer.append(batch(lines('a', 0, 2)), [{ topicId: 't', partition: 0, recordOffset: '5' }], [madeSignal('x')]);
  t.deepEqual(server.asked.filter(path => path.endsWith('_bulk')), [events, streams, signals, streams].map(index => `POST /${index}/_bulk`));
  for (const [at, index] of [events, streams, signals].entries()) {
    // It dies there.
    const second = benchOf(t);
    const dying = await second.open();
    second.server.fateOf = request => (isBulk(index, request) ? 'neverSent' : null);
    const appended = dying.append(batch(lines('a', 0, 2)), [{ topicId: 't', partition: 0, recordOffset: '5' }], [madeSignal('x')]);
    await eventually(() => Promise.resolve(second.server.asked.length), count => count >= at);
    await dying.close();
    await t.throwsAsync(appended, { code: 'CANCELLED' });
    t.false(second.server.documentsOf(streams).has('position:t:0'), `nothing is consumed that has no ${index}`);
  }
});

test('batches that are under way side by side become known in their order', async t => {
  const { server, open } = benchOf(t);
  const writer = await open();
  const first = Promise.withResolvers<undefined>();
  const request = server.request.bind(server);
  server.request = async asked => {
    if (isBulk(events, asked) && asked.lines!.includes('"a:0"')) await first.promise;
    return request(asked);
  };
  const one = writer.append(batch(lines('a', 0, 1)), [{ topicId: 't', partition: 0, recordOffset: '1' }], []);
  const two = writer.append(batch(lines('a', 1, 2)), [{ topicId: 't', partition: 0, recordOffset: '2' }], []);
  await eventually(() => Promise.resolve(server.documents(events).length), count => count === 1);
  t.is(writer.lastKnown('a'), null);
  t.false(server.documentsOf(streams).has('position:t:0'));
  first.resolve(undefined);
  await Promise.all([one, two]);
  t.deepEqual(writer.lastKnown('a')?.storedRanges, [{ from: 0, to: 20 }]);
  t.deepEqual(writer.positions(), [{ topicId: 't', partition: 0, recordOffset: '2' }]);
});

test('what others wrote of a stream meanwhile is joined, not overwritten', async t => {
  const { open, stream } = benchOf(t);
  const [one, two] = [await open(), await open()];
  await one.append(batch(lines('a', 0, 2)), [], []);
  await two.append({ events: [], states: [madeState('a', { sizeBytes: 77 })] }, [], []);
  await one.append(batch(lines('a', 2, 3)), [], []);
  const { storedRanges, state, lines: counted, events: count } = stream('a');
  t.deepEqual([storedRanges, state?.sizeBytes, counted, count], [[{ from: 0, to: 30 }], 77, 3, 3]);
});

test('the place of a stream in its chain is the one that its first events have, whoever wrote its state first', async t => {
  const { server, open, stream } = benchOf(t);
  const clockAt = (ms: number) => ({ nowMs: () => ms, sleep: () => Promise.resolve() });
  const ofStates = await open({ clock: clockAt(1000) });
  const ofLines = await open({ clock: clockAt(2000) });
  const planned = Promise.withResolvers<undefined>();
  const request = server.request.bind(server);
  server.request = async asked => {
    // The lines are sent, and before what is stored of them is written somebody else has written the stream's state.
    if (isBulk(events, asked)) await planned.promise;
    return request(asked);
  };
  const appended = ofLines.append(batch(lines('a', 0, 1)), [], []);
  await ofStates.append({ events: [], states: [madeState('a')] }, [], []);
  planned.resolve(undefined);
  await appended;
  await ofLines.append(batch(lines('a', 1, 2)), [], []);
  const places = server.documents(events).map(({ source }) => (source as { leadline: { chain: number } }).leadline.chain);
  t.is(new Set(places).size, 1, String(places));
  t.deepEqual([stream('a').chainPosition], [...new Set(places)]);
});

test('while a stream is read again it is known as it was', async t => {
  const { server, open } = benchOf(t);
  const writer = await open();
  await writer.append(batch(lines('a', 0, 2)), [], []);
  const reading = Promise.withResolvers<undefined>();
  const request = server.request.bind(server);
  server.request = async asked => {
    if (asked.path === `/${streams}/_mget`) await reading.promise;
    return request(asked);
  };
  const loaded = writer.load(['a', 'b']);
  t.deepEqual(writer.lastKnown('a')?.storedRanges, [{ from: 0, to: 20 }]);
  reading.resolve(undefined);
  await loaded;
  t.deepEqual([writer.lastKnown('a')?.storedRanges, writer.lastKnown('b')], [[{ from: 0, to: 20 }], null]);
});

test('while it may not write nothing is sent, and what it had looked up by then is looked up again', async t => {
  const { server, open, ids } = benchOf(t);
  let mayWrite = false;
  const writer = await open({ mayWrite: () => mayWrite });
  server.asked.length = 0;
  const appended = writer.append(batch(lines('a', 0, 2)), [], []);
  await new Promise(resolve => setTimeout(resolve, 30));
  t.deepEqual(server.asked, []);
  mayWrite = true;
  await appended;
  t.deepEqual(ids(), ['a:0', 'a:10']);
});

test('what is kept of many streams is more than the server takes at once: it is divided, and remembered to be', async t => {
  const { server, open } = benchOf(t);
  const writer = await open();
  let refusals = 0;
  server.fateOf = request => {
    if (!isBulk(streams, request) || request.lines!.length <= 3000) return null;
    refusals += 1;
    return () => ({ status: 413, body: html });
  };
  const ids = Array.from({ length: 20 }, (_, n) => `s${n}`);
  await writer.append({ events: ids.flatMap(id => lines(id, 0, 1)), states: [], mayBeStored: false }, [], []);
  t.true(refusals > 0);
  const before = refusals;
  await writer.append({ events: ids.flatMap(id => lines(id, 1, 2)), states: [], mayBeStored: false }, [], []);
  t.is(refusals, before);
  t.true(ids.every(id => writer.lastKnown(id)?.storedRanges[0]?.to === 20));
});

test('a look-up of streams that one shard does not answer is made again, not taken for streams of which nothing is stored', async t => {
  const { server, open } = benchOf(t);
  const writer = await open();
  await writer.append(batch(lines('a', 0, 2)), [], []);
  const late = await open();
  once(server, ({ path }) => path === `/${streams}/_mget`, () => ({ status: 200, body: { docs: [{ _index: streams, _id: streamDocumentId('a'), error: { type: 'no_shard_available_action_exception', reason: 'no shard' } }] } }));
  await late.load(['a']);
  t.deepEqual(late.lastKnown('a')?.storedRanges, [{ from: 0, to: 20 }]);
});

test('an event that is refused for good is accounted for elsewhere before anything of its batch counts as consumed', async t => {
  const { server, open } = benchOf(t);
  const away = Promise.withResolvers<undefined>();
  let told = 0;
  const onRefused = (): Promise<undefined> => {
    told += 1;
    return away.promise;
  };
  const writer = await open({ onRefused });
  server.refusalOf = (_, id) => (id === 'a:10' ? { status: 400, error: { type: 'document_parsing_exception', reason: 'no' } } : null);
  const position = { topicId: 't', partition: 0, recordOffset: '5' };
  const appended = writer.append(batch(lines('a', 0, 3)), [position], []);
  await eventually(() => Promise.resolve(told), count => count === 1);
  await new Promise(resolve => setTimeout(resolve, 20));
  t.is(server.documentsOf(streams).size, 0);
  away.resolve(undefined);
  t.deepEqual((await appended).map(({ eventId }) => eventId), ['a:10']);
  t.true(server.documentsOf(streams).has('position:t:0'));

  const dying = await open({ onRefused: () => new Promise(() => undefined) });
  server.refusalOf = (_, id) => (id === 'b:0' ? { status: 400, error: { type: 'document_parsing_exception', reason: 'no' } } : null);
  const hanging = dying.append(batch(lines('b', 0, 1)), [position], []);
  hanging.catch(() => undefined);
  await new Promise(resolve => setTimeout(resolve, 20));
  await dying.close();
  await t.throwsAsync(hanging, { code: 'CANCELLED' });
  t.false(server.documentsOf(streams).has(streamDocumentId('b')));
});
