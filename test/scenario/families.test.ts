/** One order through nginx, a proxy as Envoy, Node, Python and Kafka, each told of it by another family of headers. */
import test from 'ava';
import { testFolder } from '../helpers/folder.ts';
import { kafkaMissing, TestKafka } from '../helpers/kafka.ts';
import { kafkaClient } from '../helpers/kafka-records.ts';
import { proofSkipped } from '../helpers/skipped.ts';
import { allEvents, ingested, queriesOf, timeline } from '../helpers/store.ts';
import { Families, familiesMissing } from './families/services.ts';

const title = 'an order that seven families of headers tell of is one timeline by any of its ids, and others beside it are others';
const missing = familiesMissing() ?? kafkaMissing();
if (missing !== null && process.env['CI'] === 'true') test(title, t => t.fail(missing));
else if (missing !== null) proofSkipped(title, missing);
else {
  test(title, async t => {
    const folder = testFolder(t);
    const kafka = await TestKafka.start({ portsFrom: 23_900 });
    t.teardown(() => kafka.stop());
    const client = kafkaClient(kafka.brokers);
    t.teardown(() => client.close());
    await kafka.createTopic('parcels', { partitions: 1 });
    const families = await Families.start(folder, client, 'parcels');
    t.teardown(() => families.stop());

    const orders = await Promise.all(Array.from({ length: 3 }, () => families.order()));
    await families.work();
    const store = testFolder(t);
    const report = await ingested([families.logs], store);
    t.deepEqual(report.problems, []);
    const queries = queriesOf(t, store);
    const services = ['nginx', 'envoy', 'gateway', 'stock', 'payment', 'mail', 'places', 'stats', 'worker'].sort();
    for (const { client: asked, trace, ids } of orders) {
      const whole = await timeline(queries, asked, false);
      t.is(whole.id, trace);
      t.deepEqual([...whole.services].sort(), services);
      t.is(whole.events.length, 10);
      const nginxId = whole.ids.find(({ name }) => name === 'request_id')!.value;
      t.regex(nginxId, /^[0-9a-f]{32}$/);
      for (const id of [...ids, nginxId, ...whole.ids.map(({ value }) => value)]) {
        const same = await timeline(queries, id, false);
        t.deepEqual([same.id, same.events.map(({ eventId }) => eventId)], [trace, whole.events.map(({ eventId }) => eventId)], id);
      }
    }
    t.is((await allEvents(queries, 'requestIdSource:generated')).length, 1, 'only the look whether nginx is there has no id');
  });
}
