/** The writer against a real Elasticsearch that fails in every way a test can make it. What counts in the end: as many documents as lines, no id twice. */
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { ElasticServer } from '#lib/elasticsearch/server.ts';
import { namesOf } from '#schemas/elasticsearch/names.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { ConsumedPosition } from '#schemas/store.ts';
import type { ElasticsearchWriterOptions } from '../../../../collector/store/elasticsearch/elasticsearch-writer.ts';
import { ElasticsearchWriter } from '../../../../collector/store/elasticsearch/elasticsearch-writer.ts';
import { madeEvent, madeSignal, madeState } from '../../../contract/made-up.ts';
import { elasticsearchMissing, startElasticsearch } from '../../../helpers/elasticsearch.ts';
import { newNamespace, removeStore, rollover, serverAt, storedIds, writerOptions } from '../../../helpers/elasticsearch-store.ts';
import { FaultyServer } from '../../../helpers/faulty-server.ts';
import type { JavaServer } from '../../../helpers/java-server.ts';
import { eventually } from '../../../helpers/leadline.ts';
import { proofSkipped } from '../../../helpers/skipped.ts';

const lineBytes = 10;
/** Long enough for a server that is not broken, on a busy machine. */
const requestTimeoutMs = 3000;

const missing = elasticsearchMissing();
let elasticsearch: JavaServer;

/** Lines `[from, to)` of a stream. */
const linesOf = (stream: string, from: number, to: number): LogEvent[] => Array.from({ length: to - from }, (_, n) => madeEvent(stream, (from + n) * lineBytes, (from + n + 1) * lineBytes, { message: `line ${from + n} of ${stream}`, fields: { n: from + n } }));

const position = (recordOffset: number): ConsumedPosition => ({ topicId: '0f'.repeat(16), partition: 0, recordOffset: String(recordOffset) });

interface Bench {
  server: FaultyServer;
  namespace: string;
  newWriter: (given?: Partial<ElasticsearchWriterOptions>) => Promise<ElasticsearchWriter>;
  /** As many documents as lines, each once, and all bytes known as stored. */
  verify: (streams: Readonly<Record<string, number>>) => Promise<void>;
}

function benchOf(t: ExecutionContext): Bench {
  const server = new FaultyServer({ nodes: [elasticsearch.url], login: null, caPath: null, requestTimeoutMs });
  const plain = serverAt(elasticsearch.url);
  const namespace = newNamespace();
  const writers: ElasticsearchWriter[] = [];
  t.teardown(async () => {
    for (const writer of writers) await writer.close();
    await removeStore(plain, namespace);
    await server.close();
    await plain.close();
  });
  const newWriter = async (given: Partial<ElasticsearchWriterOptions> = {}): Promise<ElasticsearchWriter> => {
    const writer = new ElasticsearchWriter(writerOptions(server, namespace, given));
    writers.push(writer);
    await writer.open();
    return writer;
  };
  const verify = async (streams: Readonly<Record<string, number>>): Promise<void> => {
    const ids = await storedIds(plain, namespace);
    t.is(new Set(ids).size, ids.length, 'no id twice over all backing indices');
    t.is(ids.length, Object.values(streams).reduce((sum, lines) => sum + lines, 0), 'as many documents as lines');
    const reader = new ElasticsearchWriter(writerOptions(plain, namespace));
    await reader.open();
    for (const [stream, lines] of Object.entries(streams)) {
      const known = reader.lastKnown(stream);
      t.deepEqual([known?.storedRanges, known?.lines, known?.events], [[{ from: 0, to: lines * lineBytes }], lines, lines], stream);
    }
    await reader.close();
  };
  return { server, namespace, newWriter, verify };
}

async function setBlock(server: ElasticServer, namespace: string, block: string, isOn: boolean): Promise<void> {
  await server.request({ method: 'PUT', path: `/${namesOf(namespace).events}/_settings`, body: { [`index.blocks.${block}`]: isOn ? true : null } });
}

if (missing !== null) proofSkipped('lines are stored once in an Elasticsearch that fails', missing);
else {
  test.before(async () => {
    // Two at a time, two waiting: more is refused with 429. A request may have a megabyte.
    elasticsearch = await startElasticsearch({ settings: { 'thread_pool.write.size': 1, 'thread_pool.write.queue_size': 1, 'http.max_content_length': '1mb' } });
  });
  test.after.always(() => elasticsearch?.stop());

  test.serial('a write queue that is full: refused items are sent again, fewer at once, until all are stored', async t => {
    const { newWriter, verify } = benchOf(t);
    const writers = [await newWriter(), await newWriter(), await newWriter(), await newWriter()];
    const pace = { bytesMin: 2000, bytesMax: 20_000, inFlightMax: 8 };
    const crowded = [await newWriter({ pace }), await newWriter({ pace })];
    await Promise.all([...writers, ...crowded].map(async (writer, index) => {
      for (let from = 0; from < 1500; from += 500) await writer.append({ events: linesOf(`s${index}`, from, from + 500), states: [], mayBeStored: false }, [], []);
    }));
    const rejected = [...writers, ...crowded].reduce((sum, { counts }) => sum + counts.rejected, 0);
    t.true(rejected > 0, 'the server refused some');
    t.log(`${rejected} items were refused with 429`);
    await verify(Object.fromEntries([...writers, ...crowded].map((_, index) => [`s${index}`, 1500])));
  });

  test.serial('a request that is too large is divided, and remembered to be', async t => {
    const { newWriter, verify } = benchOf(t);
    const writer = await newWriter({ pace: { bytesMin: 1000, bytesMax: 8_000_000, inFlightMax: 1 } });
    const events = Array.from({ length: 300 }, (_, n) => madeEvent('a', n * lineBytes, (n + 1) * lineBytes, { message: `${n} ${'word '.repeat(2000)}` }));
    await writer.append({ events, states: [] }, [], []);
    await verify({ a: 300 });
  });

  test.serial('rollovers in the middle of the load, answers lost, collectors dying between any two steps: each line once', async t => {
    const { server, namespace, newWriter, verify } = benchOf(t);
    let step = 0;
    server.faultOf = () => {
      step += 1;
      return step % 5 === 0 ? 'answerLost' : step % 7 === 0 ? 'neverSent' : null;
    };
    const quick = { nodes: [elasticsearch.url], login: null, caPath: null, requestTimeoutMs: 2000 };
    const told: string[] = [];
    for (let round = 0; round < 12; round++) {
      // Every collector begins at the beginning, as if no position had been kept, and dies in the middle of something.
      const hasty = new FaultyServer(quick);
      hasty.faultOf = server.faultOf;
      const writer = new ElasticsearchWriter(writerOptions(hasty, namespace));
      await eventually(() => writer.open().then(() => true, () => false), Boolean);
      // Given up where too many of its questions stay without an answer; then all is looked for.
      if (round % 2 === 1) await writer.findEnds(['a', 'b']);
      const stops = 3 + (round % 4);
      const appended = [];
      for (let batch = 0; batch < 4 + round; batch++) {
        const signal = madeSignal(`signal ${batch}`);
        if (batch < 8) told.push(signal.signalId);
        appended.push(writer.append({ events: [...linesOf('a', batch * 20, batch * 20 + 20), ...linesOf('b', batch * 7, batch * 7 + 7)], states: [madeState('a')] }, [{ topicId: 't', partition: 0, recordOffset: String(batch) }], [signal]).catch((error: unknown) => t.true(error instanceof LeadlineError && error.code === 'CANCELLED')));
        if (batch % 3 === 1) await rollover(server, namespace);
        if (batch === stops && round % 2 === 0) break;
      }
      if (round % 3 !== 2) await Promise.race([Promise.all(appended), pause(50 * round)]);
      else await Promise.all(appended);
      await writer.close();
      await hasty.close();
      // As every new owner does: what the one before has under way may still be carried out.
      await pause(quick.requestTimeoutMs);
    }
    server.faultOf = () => null;
    const last = await newWriter();
    for (let batch = 0; batch < 15; batch++) await last.append({ events: [...linesOf('a', batch * 20, batch * 20 + 20), ...linesOf('b', batch * 7, batch * 7 + 7)], states: [] }, [], []);
    await verify({ a: 300, b: 105 });
    const signals = await storedIds(server, namespace, 'signals');
    t.is(new Set(signals).size, signals.length, 'no signal twice');
    t.true([...new Set(told)].every(id => signals.includes(id)), 'every signal of a batch is there');
  });

  test.serial('killed in the middle of the load and started again: each line once, and the writer went on by itself', async t => {
    const { newWriter, verify } = benchOf(t);
    const writer = await newWriter();
    const appended: Promise<unknown>[] = [];
    for (let batch = 0; batch < 30; batch++) appended.push(writer.append({ events: linesOf('a', batch * 100, batch * 100 + 100), states: [], mayBeStored: false }, [], []));
    await appended[3];
    elasticsearch.kill9();
    await eventually(() => Promise.resolve(writer.stalledBy?.code), code => code === 'ELASTICSEARCH_UNREACHABLE');
    await elasticsearch.start();
    await Promise.all(appended);
    t.is(writer.stalledBy, null);
    await verify({ a: 3000 });
  });

  test.serial('paused for longer than a request may take, and rolled over when it wakes: each line once', async t => {
    const { server, namespace, newWriter, verify } = benchOf(t);
    const writer = await newWriter();
    await writer.append({ events: linesOf('a', 0, 100), states: [] }, [], []);
    elasticsearch.pause();
    const appended = [1, 2, 3].map(batch => writer.append({ events: linesOf('a', batch * 100, batch * 100 + 100), states: [], mayBeStored: false }, [], []));
    await eventually(() => Promise.resolve(writer.stalledBy?.code), code => code === 'ELASTICSEARCH_UNREACHABLE');
    await pause(requestTimeoutMs);
    elasticsearch.resume();
    await rollover(server, namespace);
    await Promise.all(appended);
    await verify({ a: 400 });
  });

  test.serial('an index that may not be written to is waited for and said', async t => {
    const { server, namespace, newWriter, verify } = benchOf(t);
    const said: string[] = [];
    const note = (fields: object, message: string): void => void said.push(`${(fields as { event: string }).event}: ${message}`);
    const writer = await newWriter({ log: { debug: note, info: note, warn: note, error: note } });
    await writer.append({ events: linesOf('a', 0, 10), states: [] }, [], []);
    for (const block of ['write', 'read_only_allow_delete']) {
      said.length = 0;
      await setBlock(server, namespace, block, true);
      const from = block === 'write' ? 10 : 20;
      const appended = writer.append({ events: linesOf('a', from, from + 10), states: [] }, [], []);
      await eventually(() => Promise.resolve(writer.stalledBy?.code), code => code === 'ELASTICSEARCH_BLOCKED');
      t.regex(writer.stalledBy!.message, /takes no writes: .*blocked by/);
      t.is(writer.lastKnown('a')?.storedRanges[0]?.to, from * lineBytes);
      await setBlock(server, namespace, block, false);
      await appended;
      t.is(writer.stalledBy, null);
      t.deepEqual(said.map(line => line.split(':')[0]), ['storeStalled', 'storeResumed']);
    }
    await verify({ a: 30 });
  });

  test.serial('what the server refuses for good is handed over with its reason; its bytes stay uncovered and can be stored later', async t => {
    const { newWriter, verify } = benchOf(t);
    const refused: [string, string][] = [];
    const writer = await newWriter({ onRefused: (event, reason) => refused.push([event.eventId.slice(-3), reason]) });
    const events = linesOf('a', 0, 3);
    events[1] = { ...events[1]!, eventId: `${'x'.repeat(600)}:10` };
    await writer.append({ events, states: [] }, [], []);
    t.is(refused.length, 1);
    t.regex(refused[0]!.join(' '), /^:10 action_request_validation_exception: .*id \[x+/);
    t.deepEqual(writer.lastKnown('a')?.storedRanges, [{ from: 0, to: 10 }, { from: 20, to: 30 }]);
    await writer.append({ events: linesOf('a', 1, 2), states: [] }, [], []);
    await verify({ a: 3 });
  });

  test.serial('a collector that lost its partitions sends nothing; two that both believe to own a stream store each line once', async t => {
    const { newWriter, verify } = benchOf(t);
    let mayWrite = true;
    const old = await newWriter({ mayWrite: () => mayWrite });
    await old.append({ events: linesOf('a', 0, 10), states: [] }, [], []);
    mayWrite = false;
    const held = old.append({ events: linesOf('a', 10, 20), states: [] }, [], []);
    const successor = await newWriter();
    await successor.load(['a']);
    t.is(successor.lastKnown('a')?.storedRanges[0]?.to, 100);
    await successor.append({ events: linesOf('a', 10, 30), states: [] }, [], []);
    t.is(old.lastKnown('a')?.storedRanges[0]?.to, 100);
    // It wakes up all the same.
    mayWrite = true;
    await held;
    await Promise.all([old.append({ events: linesOf('a', 20, 40), states: [] }, [], []), successor.append({ events: linesOf('a', 30, 50), states: [] }, [], [])]);
    await verify({ a: 50 });
  });

  test.serial('signals are told elsewhere before they are put into the store: by whoever comes next where their collector dies, before they are written over, and not again once they lie there', async t => {
    const { newWriter } = benchOf(t);
    const told: string[] = [];
    const teller = (name: string, isHeard: () => Promise<boolean> = () => Promise.resolve(true)): Partial<ElasticsearchWriterOptions> => ({
      onSignals: signals => {
        for (const { signalId } of signals) told.push(`${name} ${signalId}`);
        return isHeard();
      },
    });
    const never = (): Promise<boolean> => new Promise(() => undefined);
    const batch = (stream: string, from: number) => ({ events: linesOf(stream, from, from + 1), states: [] });
    const [dying, other] = [await newWriter(teller('dying', never)), await newWriter(teller('other'))];
    // Its streams are written, nobody hears of its signal, and nothing is passed.
    const hanging = dying.append(batch('a', 0), [position(1)], [madeSignal('s1', { streamId: 'a' })]);
    await eventually(() => Promise.resolve(told.length), count => count === 1);
    t.deepEqual(dying.positions(), []);
    // Another that knows the stream as it was before.
    await other.append(batch('a', 1), [], [madeSignal('s2', { streamId: 'a' })]);
    t.deepEqual(told.splice(0), ['dying s1', 'other s1', 'other s2']);
    const second = other.append(batch('b', 0), [], [madeSignal('s3', { streamId: 'b' })]);
    await second;
    const third = await newWriter(teller('third', never));
    t.deepEqual(told.splice(0), ['other s3']);
    const left = third.append(batch('b', 1), [], [madeSignal('s4', { streamId: 'b' })]);
    await eventually(() => Promise.resolve(told.length), count => count === 1);
    await Promise.all([third.close(), dying.close()]);
    await t.throwsAsync(left, { code: 'CANCELLED' });
    await t.throwsAsync(hanging, { code: 'CANCELLED' });
    // One that gives up is not heard either.
    await t.throwsAsync(newWriter(teller('fourth', () => Promise.resolve(false))), { code: 'CANCELLED' });
    await newWriter(teller('fifth'));
    await newWriter(teller('sixth'));
    t.deepEqual(told, ['third s4', 'fourth s4', 'fifth s4']);
  });

  test.serial('backing indices follow each other and the oldest go, never the one that is written to', async t => {
    const { server, namespace, newWriter } = benchOf(t);
    const writer = await newWriter({ rolloverMs: 1, retentionMs: 1_000_000 });
    for (let round = 0; round < 3; round++) {
      await writer.append({ events: linesOf('a', round, round + 1), states: [madeState('a', { closed: true, readToEndMs: Date.now() }), madeState('b')] }, [], []);
      t.deepEqual(await writer.retain(Date.now()), { files: 0, bytes: 0 });
    }
    t.is((await storedIds(server, namespace)).length, 3);
    const gone = await writer.retain(Date.now() + 2_000_000);
    t.true(gone.files >= 3 && gone.bytes > 0);
    t.deepEqual(await storedIds(server, namespace), []);
    // A closed stream of which nothing is kept is forgotten, an open one is not.
    t.deepEqual(writer.streams().map(({ streamId }) => streamId), ['b']);
    await writer.append({ events: linesOf('a', 3, 4), states: [] }, [], []);
    t.is((await storedIds(server, namespace)).length, 1);
  });
}
