/** Streams that come over HTTP, now to this collector, now to that one, as behind a load balancer. */
import test from 'ava';
import { systemClock } from '#lib/clock.ts';
import { quietLog } from '#lib/log.ts';
import { namesOf } from '#schemas/elasticsearch/names.ts';
import { defaultOptions } from '#schemas/options.ts';
import { FirstSight } from '../../collector/first-sight.ts';
import { CollectorIntake } from '../../collector/intake.ts';
import { ElasticsearchWriter } from '../../collector/store/elasticsearch/elasticsearch-writer.ts';
import { madeChunk, recordOf } from '../contract/made-up.ts';
import { writerOptions } from '../helpers/elasticsearch-store.ts';
import { MemoryElasticsearch } from '../helpers/memory-elasticsearch.ts';

const { events, signals } = namesOf('test');

async function collectorOn(server: MemoryElasticsearch, goodForMs?: number): Promise<CollectorIntake> {
  const writer = new ElasticsearchWriter(writerOptions(server, 'test'));
  await writer.open();
  const intake = new CollectorIntake({ writer, options: { ...defaultOptions(), commitIntervalMs: 1 }, rules: [], log: quietLog, clock: systemClock, onCommitted: () => undefined });
  new FirstSight(writer, () => false, goodForMs).guard(intake);
  return intake;
}

test('a stream that comes to one collector, to another, and to the first again: each line once, and no gap is told', async t => {
  const server = new MemoryElasticsearch([events, signals]);
  const [one, two] = [await collectorOn(server), await collectorOn(server)];
  const line = (n: number): string => `{"n":${n}}\n`;
  const give = async (intake: CollectorIntake, from: number, to: number): Promise<void> => {
    await intake.accept(madeChunk('a', 8 * from, Array.from({ length: to - from }, (_, n) => line(from + n)).join('')));
    await intake.collector.commit();
    await intake.collector.whenStored();
  };
  await give(one, 0, 2);
  await give(two, 2, 4);
  await give(one, 4, 5);
  // An answer was lost on the way: it comes again, to the other.
  await give(two, 4, 6);
  await give(one, 6, 7);
  t.deepEqual(server.documents(events).map(({ id }) => id).sort(), [0, 1, 2, 3, 4, 5, 6].map(n => `a:${8 * n}`).sort());
});

test('what another collector closed early is not taken for the whole when it comes again with more', async t => {
  const server = new MemoryElasticsearch([events, signals]);
  // Long enough after something came that the other can have closed an event.
  const [one, two] = [await collectorOn(server, 0), await collectorOn(server, 0)];
  const stored = async (intake: CollectorIntake): Promise<void> => {
    await intake.collector.commit();
    await intake.collector.whenStored();
  };
  await one.accept(madeChunk('a', 0, '{"n":0}\n'));
  await stored(one);
  const head = 'ERROR no\n';
  const rest = '    at f (x.js:1:1)\n';
  await two.accept(madeChunk('a', 8, head));
  await two.accept(recordOf('idle', 'a', 8 + head.length));
  await stored(two);
  await one.accept(madeChunk('a', 8, head + rest));
  await one.accept(recordOf('idle', 'a', 8 + head.length + rest.length));
  await stored(one);
  t.deepEqual(server.documents(events).map(({ id, source }) => [id, (source as { message: string }).message.trim()]).sort(), [['a:0', '{"n":0}'], ['a:17', 'at f (x.js:1:1)'], ['a:8', 'no']]);
});
