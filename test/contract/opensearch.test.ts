import test from 'ava';
import { openElasticsearchStore } from '../helpers/elasticsearch-store.ts';
import type { JavaServer } from '../helpers/java-server.ts';
import { givenOpensearch, opensearchMissing, startOpensearch } from '../helpers/opensearch.ts';
import { proofSkipped } from '../helpers/skipped.ts';
import { eventStoreContract, type OpenStore } from './store.ts';
import { unfinishedLinesContract } from './unfinished-lines.ts';

const missing = givenOpensearch === null ? opensearchMissing() : null;
if (missing !== null) proofSkipped('the store contract on a real OpenSearch', missing);
else {
  let own: JavaServer | null = null;
  let url = givenOpensearch ?? '';
  test.before(async () => {
    if (givenOpensearch !== null) return;
    own = await startOpensearch();
    url = own.url;
  });
  test.after.always(() => own?.stop());
  const open: OpenStore = () => openElasticsearchStore(url);
  eventStoreContract('opensearch', open, 12);
  unfinishedLinesContract('opensearch', open);
}
