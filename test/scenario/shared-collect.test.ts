/** Several collectors on one store in Elasticsearch, in short; `npm run campaign:shared` does it for ten minutes. */
import test from 'ava';
import { collectShared } from '../campaign/shared-collect.ts';
import { elasticsearchMissing } from '../helpers/elasticsearch.ts';
import { kafkaMissing } from '../helpers/kafka.ts';
import { proofSkipped } from '../helpers/skipped.ts';

const missing = kafkaMissing() ?? elasticsearchMissing();

if (missing !== null) proofSkipped('collectors that share a store in Elasticsearch', missing);
else {
  test('three collectors share partitions and a store, are killed, sleep, and get more partitions: every line is stored once', async t => {
    const { lines, documents, missing: lost, doubled, unexpected, faults } = await collectShared({ seconds: 25, collectors: 3, brokers: 1, seed: 20261128, say: said => t.log(said) });
    t.deepEqual({ documents, lost, doubled, unexpected }, { documents: lines, lost: [], doubled: [], unexpected: [] });
    t.true(Object.values(faults).reduce((sum, count) => sum + count, 0) >= 3);
  });
}
