/** The collector over a store whose answers come later. */
import test from 'ava';
import { quietLog } from '#lib/log.ts';
import { systemClock } from '#lib/clock.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { defaultOptions, type Options } from '#schemas/options.ts';
import { namesOf } from '#schemas/elasticsearch/names.ts';
import type { StoreWriter } from '#schemas/store.ts';
import type { Acknowledgement } from '#schemas/transport.ts';
import { ElasticsearchWriter } from '../../collector/store/elasticsearch/elasticsearch-writer.ts';
import { Collector } from '../../collector/collector.ts';
import type { BatchStore } from '../../collector/parts.ts';
import { CollectorIntake } from '../../collector/intake.ts';
import { madeChunk, noonMs, recordOf } from '../contract/made-up.ts';
import { writerOptions } from '../helpers/elasticsearch-store.ts';
import { MemoryElasticsearch } from '../helpers/memory-elasticsearch.ts';
import { MemoryStore } from '../helpers/memory-store.ts';

const json = (n: number): string => `{"n":${n}}\n`;

/** Stores when it is told to. */
class LateStore implements BatchStore {
  readonly inner = new MemoryStore();
  readonly batchesMax: number;
  private readonly waiting: (() => void)[] = [];

  constructor(batchesMax = 1) {
    this.batchesMax = batchesMax;
  }

  append(...batch: Parameters<StoreWriter['append']>): Promise<[]> {
    return new Promise((resolve, reject) => {
      this.waiting.push(() => {
        try {
          this.inner.append(...batch);
          resolve([]);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  }

  get underWay(): number {
    return this.waiting.length;
  }

  /** Stores, or refuses, the oldest batch that waits. */
  answer(): void {
    this.waiting.shift()!();
  }

  streams = () => this.inner.streams();
  lastKnown = (streamId: string) => this.inner.lastKnown(streamId);
  positions = () => this.inner.positions();
  unfinished = () => this.inner.unfinished();
}

function collectorOn(writer: BatchStore): { collector: Collector; acknowledged: Acknowledgement[] } {
  const acknowledged: Acknowledgement[] = [];
  const clock = { nowMs: () => noonMs, sleep: () => Promise.resolve() };
  return { collector: new Collector({ writer, options: defaultOptions(), rules: [], log: quietLog, clock, onAcknowledged: more => acknowledged.push(...more), onCommitted: () => undefined }), acknowledged };
}

test('while a batch is stored the next is parsed, waits for it, and nothing is acknowledged before it is durable', async t => {
  const store = new LateStore();
  const { collector, acknowledged } = collectorOn(store);
  collector.accept(madeChunk('a', 0, json(1)));
  const first = collector.commit();
  collector.accept(madeChunk('a', 8, json(2)));
  t.is(collector.commit(), first);
  t.is(store.underWay, 1);
  t.is(collector.dueInMs(noonMs + 60_000), null);
  t.deepEqual(acknowledged, []);
  store.answer();
  await first;
  t.deepEqual(acknowledged, [{ streamId: 'a', from: 0, to: 8, closed: false }]);
  const second = collector.commit();
  store.answer();
  await second;
  t.deepEqual(store.inner.stored.map(({ eventId }) => eventId), ['a:0', 'a:8']);
  t.is(acknowledged.at(-1)?.to, 16);
});

test('a store that takes several batches at a time gets them; a closed stream is told to be safe when the last of them is durable', async t => {
  const store = new LateStore(2);
  const { collector, acknowledged } = collectorOn(store);
  collector.accept(madeChunk('a', 0, json(1)));
  const first = collector.commit();
  t.is(collector.storing, null);
  collector.accept(madeChunk('a', 8, json(2)));
  collector.accept(recordOf('close', 'a', 16));
  const second = collector.commit();
  t.is(store.underWay, 2);
  collector.accept(madeChunk('b', 0, json(3)));
  t.is(collector.commit(), first);
  store.answer();
  await first;
  t.deepEqual(acknowledged, [{ streamId: 'a', from: 0, to: 8, closed: false }]);
  store.answer();
  await second;
  t.deepEqual(acknowledged.at(-1), { streamId: 'a', from: 0, to: 16, closed: true });
  void collector.commit();
  store.answer();
  await collector.whenStored();
  t.deepEqual(store.inner.stored.map(({ eventId }) => eventId), ['a:0', 'a:8', 'b:0']);
});

test('a refused batch is kept whole and stored before what came after it', async t => {
  const store = new LateStore();
  const { collector, acknowledged } = collectorOn(store);
  collector.accept(madeChunk('a', 0, json(1)));
  const refused = collector.commit();
  collector.accept(madeChunk('a', 8, json(2)));
  store.inner.failure = new LeadlineError('STORE_FULL', { dir: 'x' });
  store.answer();
  await refused;
  t.is(collector.stalledBy?.code, 'STORE_FULL');
  t.deepEqual(acknowledged, []);
  store.inner.failure = null;
  const again = collector.commit();
  store.answer();
  await again;
  t.is(collector.stalledBy, null);
  t.deepEqual(store.inner.stored.map(({ eventId }) => eventId), ['a:0']);
  const rest = collector.commit();
  store.answer();
  await rest;
  t.deepEqual(store.inner.stored.map(({ eventId }) => eventId), ['a:0', 'a:8']);
});

test('no more is taken in than one commit takes while the one before it is stored', async t => {
  const store = new LateStore();
  const options: Options = { ...defaultOptions(), commitEventsMax: 2, commitIntervalMs: 1 };
  const intake = new CollectorIntake({ writer: store, options, rules: [], log: quietLog, clock: systemClock, onCommitted: () => undefined });
  const chunks = Array.from({ length: 8 }, (_, n) => madeChunk('a', n * 8, json(n)));
  let taken = 0;
  const all = (async () => {
    for (const chunk of chunks) {
      await intake.accept(chunk);
      taken += 1;
    }
  })();
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
  t.is(taken, 4);
  while (taken < chunks.length) {
    if (store.underWay > 0) store.answer();
    await new Promise(resolve => setImmediate(resolve));
  }
  await all;
  const stopped = intake.stop();
  while (store.inner.stored.length < chunks.length) {
    if (store.underWay > 0) store.answer();
    await new Promise(resolve => setImmediate(resolve));
  }
  await stopped;
  t.deepEqual(store.inner.stored.map(({ eventId }) => eventId), chunks.map(({ offset }) => `a:${offset}`));
});

test('what the store refused for good is accounted for and not taken for stored: when it comes back it is stored', async t => {
  const { events, signals } = namesOf('test');
  const server = new MemoryElasticsearch([events, signals]);
  const refused: string[] = [];
  const writer = new ElasticsearchWriter(writerOptions(server, 'test', { onRefused: event => refused.push(event.eventId) }));
  await writer.open();
  const { collector, acknowledged } = collectorOn(writer);
  server.refusalOf = (_, id) => (id === 'a:8' ? { status: 400, error: { type: 'document_parsing_exception', reason: 'no' } } : null);
  collector.accept(madeChunk('a', 0, json(1) + json(2) + json(3)));
  await collector.commit();
  t.deepEqual(refused, ['a:8']);
  t.deepEqual(acknowledged.at(-1), { streamId: 'a', from: 0, to: 24, closed: false }, 'whoever sent it needs not send it again');
  t.deepEqual(writer.lastKnown('a')?.storedRanges, [{ from: 0, to: 8 }, { from: 16, to: 24 }]);
  server.refusalOf = () => null;
  collector.accept(madeChunk('a', 8, json(2)));
  collector.accept(madeChunk('a', 24, json(4)));
  await collector.commit();
  t.deepEqual(server.documents(events).map(({ id }) => id).sort(), ['a:0', 'a:16', 'a:24', 'a:8']);
  t.deepEqual(writer.lastKnown('a')?.storedRanges, [{ from: 0, to: 32 }]);
  await writer.close();
});
