/**
 * A topic that others fill, collected by several collectors into a real Elasticsearch: each record once, and poison back in its hole, though the collector
 * that a replay reaches is not the one that has the topic's partition.
 */
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import type { EventBody } from '#schemas/http-api.ts';
import { RunningCollect } from '../helpers/collecting.ts';
import { rows, runCommand, type Ended } from '../helpers/command.ts';
import { elasticsearchMissing, startElasticsearch } from '../helpers/elasticsearch.ts';
import { newNamespace, refresh, serverAt, storedIds } from '../helpers/elasticsearch-store.ts';
import { eventually as untilAnswered, kafkaClient } from '../helpers/kafka-records.ts';
import { kafkaMissing, TestKafka } from '../helpers/kafka.ts';
import { eventually } from '../helpers/leadline.ts';
import { published } from '../helpers/record-publishers.ts';
import { proofSkipped } from '../helpers/skipped.ts';

const missing = kafkaMissing() ?? elasticsearchMissing();
const partitions = 4;
const startMs = 1_669_033_800_000;

if (missing !== null) proofSkipped('a topic that others fill, collected by several into Elasticsearch', missing);
else {
  test('collectors are killed and poison is replayed again and again: every record and every mended one is stored once', async t => {
    const elastic = await startElasticsearch();
    t.teardown(() => elastic.stop());
    const kafka = await TestKafka.start({ portsFrom: 33_000 });
    t.teardown(() => kafka.stop());
    const client = kafkaClient(kafka.brokers);
    t.teardown(() => client.close());
    const [prefix, topic, namespace] = ['others', 'cluster-logs', newNamespace()];
    for (const [name, count] of [[topic, partitions], [`${prefix}.chunks`, partitions], [`${prefix}.streams`, 1], [`${prefix}.dead-letters`, 1], [`${prefix}.signals`, 1]] as const) await kafka.createTopic(name, { partitions: count });
    const from = ['--kafka', kafka.brokers.join(','), '--topic-prefix', prefix];
    const args = [...from, '--topic', topic, '--format', 'json', '--store', `elasticsearch=${elastic.url}`, '--elasticsearch-namespace', namespace, '--session-timeout-ms', '6s', '--elasticsearch-request-timeout-ms', '3000', '--drain-timeout-ms', '3000'];
    const replay = (...which: string[]): Promise<Ended> => runCommand(['dead-letters', 'replay', ...which, '--format', 'lines', ...from]);

    const places = new Map<string, string>();
    const poison = new Set<string>();
    let isOver = false;
    const writing = (async () => {
      for (let n = 0; !isOver; n++) {
        const partition = n % partitions;
        const isPoison = n % 17 === 0;
        const line = isPoison ? `plain words ${n}` : `ERROR line ${n}\n    at f (x.js:${n}:1)`;
        const value = isPoison ? line : JSON.stringify(Object.values(published)[n % 3]!(line, startMs + n));
        const answer = await untilAnswered(() => client.produce(topic, partition, [{ key: null, value: Buffer.from(value), headers: {} }], 'none'));
        const place = `${partition}:${answer.baseOffset}`;
        places.set(place, line);
        if (isPoison) poison.add(place);
        await pause(5);
      }
    })();
    const running = [await RunningCollect.start(t, args), await RunningCollect.start(t, args)];
    for (let round = 0; round < 3; round++) {
      await eventually(() => runCommand(['dead-letters', 'list', ...from]), ({ code }) => code === 0, 300);
      const replayed = rows<{ id: string }>(await replay('--all')).map(({ id }) => id);
      t.true(replayed.length > 0);
      const at = round % 2;
      await running[at]!.kill9();
      // As by somebody who saw no answer.
      await replay(...replayed);
      running[at] = await RunningCollect.start(t, args);
    }
    isOver = true;
    await writing;
    const waiting = async (): Promise<number> => rows<unknown>(await runCommand(['dead-letters', 'list', '--all', ...from])).length;
    await eventually(waiting, count => count >= poison.size, 500);
    await replay('--all');
    await replay('--all');

    const server = serverAt(elastic.url);
    t.teardown(() => server.close());
    const stored = await eventually(async () => {
      await refresh(server, namespace);
      return storedIds(server, namespace);
    }, ids => new Set(ids).size >= places.size, 500);
    t.is(await waiting(), poison.size);
    t.is(stored.length, places.size);
    const topicId = (await client.topic(topic)).id;
    const ids = new Map([...places].map(([place, line]) => [`${topicId}/${place}`, line]));
    t.deepEqual(stored.filter(id => !ids.has(id)), []);
    const searched = await runCommand(['search', '*', '--limit', '100000', '--json'], { env: { LEADLINE_STORE: `elasticsearch=${elastic.url}`, LEADLINE_ELASTICSEARCH_NAMESPACE: namespace } });
    const events = rows<EventBody>(searched);
    t.deepEqual([events.length, new Set(events.map(({ eventId }) => eventId)).size], [ids.size, ids.size]);
    t.deepEqual(events.filter(({ eventId, raw }) => ids.get(eventId) !== raw), []);
    for (const collect of running) t.is(await collect.stop(), 0);
  });
}
