import test, { type ExecutionContext } from 'ava';
import { quietLog } from '#lib/log.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { defaultOptions } from '#schemas/options.ts';
import type { AsyncStoreWriter, ConsumedPosition, StoreBatch } from '#schemas/store.ts';
import { SharedCollecting } from '../../collector/shared-collecting.ts';
import { madeChunk } from '../contract/made-up.ts';
import { eventually } from '../helpers/leadline.ts';
import { MemoryKafka } from '../helpers/memory-kafka.ts';
import { MemoryStore } from '../helpers/memory-store.ts';
import { chunkRecord } from '../helpers/published.ts';

const topic = 'leadline.chunks';
const places = [{ topic, partition: 0 }];
const settledAfterMs = 30_000;
const json = (n: number): string => `{"n":${n}}\n`;
const until = (is: () => boolean): Promise<boolean> => eventually(() => Promise.resolve(is()), Boolean, 2);

interface Bench {
  kafka: MemoryKafka;
  store: MemoryStore;
  shared: SharedCollecting;
  /** Of each batch that was appended, whether somebody else may have stored it. */
  doubtful: (boolean | undefined)[];
  committed: { topic: string; partition: number; offset: bigint }[][];
  /** The time of whoever had the partitions before is over. */
  waitOut: () => void;
  isWaiting: () => boolean;
  opened: () => number;
  /** Appends hang until it resolves. */
  holding: { until: Promise<undefined> | null };
}

function benchOf(t: ExecutionContext, commitIntervalMs = 1): Bench {
  const kafka = new MemoryKafka();
  for (const name of [topic, 'leadline.streams', 'leadline.dead-letters']) kafka.make(name, 1);
  const store = new MemoryStore();
  let waiter: (() => void) | null = null;
  let opened = 0;
  const holding: Bench['holding'] = { until: null };
  const doubtful: Bench['doubtful'] = [];
  const clock = {
    nowMs: () => Date.now(),
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>(resolve => {
        signal?.addEventListener('abort', () => resolve(), { once: true });
        if (ms === settledAfterMs) waiter = resolve;
        else setTimeout(resolve, Math.min(ms, 30));
      }),
  };
  const newWriter = (): AsyncStoreWriter => {
    const closing = Promise.withResolvers<never>();
    closing.promise.catch(() => undefined);
    return {
      batchesMax: 1, stalledBy: null, settledAfterMs,
      open: () => {
        opened += 1;
        return Promise.resolve();
      },
      load: () => Promise.resolve(), findEnds: () => Promise.resolve(), loadPositions: () => Promise.resolve(), forget: () => undefined, retain: () => Promise.resolve({ files: 0, bytes: 0 }),
      append: async (batch: StoreBatch, positions: readonly ConsumedPosition[]) => {
        await Promise.race([holding.until, closing.promise]);
        doubtful.push(batch.mayBeStored);
        store.append(batch, positions, []);
        return [];
      },
      streams: () => store.streams(), lastKnown: streamId => store.lastKnown(streamId), positions: () => store.positions(), unfinished: () => store.unfinished(),
      close: () => {
        closing.reject(new LeadlineError('CANCELLED'));
        return Promise.resolve();
      },
    };
  };
  const committed: Bench['committed'] = [];
  const options = { ...defaultOptions(), kafka: ['memory:9092'], commitIntervalMs };
  const shared = new SharedCollecting({ kafka, newWriter, options, rules: [], log: quietLog, clock, onCommitted: () => undefined, onCommittedOffsets: offsets => committed.push(offsets) });
  t.teardown(() => shared.end(true));
  return { kafka, store, shared, doubtful, committed, waitOut: () => waiter?.(), isWaiting: () => waiter !== null, opened: () => opened, holding };
}

const send = (kafka: MemoryKafka, n: number): bigint => kafka.append(topic, 0, chunkRecord(madeChunk('a', 8 * n, json(n))));

test('partitions of an owner that died are begun when what it had under way is waited out, those of one that let go at once', async t => {
  const { shared, kafka, store, isWaiting, waitOut, opened } = benchOf(t);
  send(kafka, 0);
  shared.begin({ generation: 1, partitions: places, released: new Set() });
  await until(() => isWaiting() || opened() > 0);
  t.is(opened(), 0, 'what is stored is read after the wait, not before');
  waitOut();
  await until(() => store.stored.length === 1);
  t.true(await shared.end(false));

  send(kafka, 1);
  shared.begin({ generation: 2, partitions: places, released: new Set([`${topic}:0`]) });
  await until(() => store.stored.length === 2);
});

test('partitions that are let go of while their last owner is still waited for are not released: whoever gets them waits, too', async t => {
  const { shared, isWaiting } = benchOf(t);
  shared.begin({ generation: 1, partitions: places, released: new Set() });
  await until(isWaiting);
  t.false(await shared.end(false));
});

test('what lies before the end of the log when it begins may have been stored by others, what comes later not', async t => {
  const { shared, kafka, store, doubtful } = benchOf(t);
  send(kafka, 0);
  send(kafka, 1);
  shared.begin({ generation: 1, partitions: places, released: new Set([`${topic}:0`]) });
  await until(() => store.stored.length === 2);
  t.true(doubtful.every(may => may === true), String(doubtful));
  const before = doubtful.length;
  send(kafka, 2);
  await until(() => store.stored.length === 3);
  t.is(doubtful[before], false);
});

test('what is in hand when the group changes is stored, with its positions, and told; then it is done', async t => {
  const { shared, kafka, store, committed } = benchOf(t);
  shared.begin({ generation: 1, partitions: places, released: new Set([`${topic}:0`]) });
  for (let n = 0; n < 5; n++) send(kafka, n);
  await until(() => shared.counts.chunks === 5);
  t.true(await shared.end(false));
  t.is(store.stored.length, 5);
  t.deepEqual(store.positions().filter(({ topicId }) => topicId === kafka.topicId(topic)).map(({ recordOffset }) => recordOffset), ['5']);
  t.deepEqual(committed.at(-1), [{ topic, partition: 0, offset: 5n }]);
});

test('a request that hangs while the group changes is given up, and the partitions are not released', async t => {
  const { shared, kafka, store, holding } = benchOf(t);
  const held = Promise.withResolvers<undefined>();
  holding.until = held.promise;
  send(kafka, 0);
  shared.begin({ generation: 1, partitions: places, released: new Set([`${topic}:0`]) });
  await until(() => shared.counts.chunks === 1);
  t.false(await shared.end(false));
  held.resolve(undefined);
  await new Promise(resolve => setTimeout(resolve, 20));
  t.is(store.stored.length, 0, 'nothing is written for a partition that is another’s');
});

test('where the partitions are lost nothing more is stored', async t => {
  const { shared, kafka, store, holding } = benchOf(t);
  const held = Promise.withResolvers<undefined>();
  holding.until = held.promise;
  for (let n = 0; n < 3; n++) send(kafka, n);
  shared.begin({ generation: 1, partitions: places, released: new Set([`${topic}:0`]) });
  await until(() => shared.counts.chunks === 3);
  t.false(await shared.end(true));
  held.resolve(undefined);
  await new Promise(resolve => setTimeout(resolve, 20));
  t.is(store.stored.length, 0);
});

test('what waits to be stored when the partitions are lost is given up, where letting go stores it', async t => {
  for (const isLost of [true, false]) {
    const { shared, kafka, store } = benchOf(t, 10_000);
    for (let n = 0; n < 3; n++) send(kafka, n);
    shared.begin({ generation: 1, partitions: places, released: new Set([`${topic}:0`]) });
    await until(() => shared.counts.chunks === 3);
    t.is(await shared.end(isLost), !isLost);
    t.is(store.stored.length, isLost ? 0 : 3);
  }
});
