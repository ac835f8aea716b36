import test from 'ava';
import { elasticsearchMissing, givenElasticsearch, startElasticsearch } from '../helpers/elasticsearch.ts';
import { openElasticsearchStore } from '../helpers/elasticsearch-store.ts';
import type { JavaServer } from '../helpers/java-server.ts';
import { proofSkipped } from '../helpers/skipped.ts';
import { eventStoreContract, type OpenStore } from './store.ts';
import { unfinishedLinesContract } from './unfinished-lines.ts';

const missing = givenElasticsearch === null ? elasticsearchMissing() : null;
if (missing !== null) proofSkipped('the store contract on a real Elasticsearch', missing);
else {
  let own: JavaServer | null = null;
  let url = givenElasticsearch ?? '';
  test.before(async () => {
    if (givenElasticsearch !== null) return;
    own = await startElasticsearch();
    url = own.url;
  });
  test.after.always(() => own?.stop());
  const open: OpenStore = () => openElasticsearchStore(url);
  eventStoreContract('elasticsearch', open, 12);
  unfinishedLinesContract('elasticsearch', open);
}
