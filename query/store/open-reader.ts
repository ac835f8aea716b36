/** A reader of whichever store there is. What speaks to a server is loaded only where one is asked for. */
import type { ElasticServerOptions } from '#lib/elasticsearch/server.ts';
import type { StoreReader } from '#schemas/store.ts';
import { EmbeddedReader } from './embedded-reader.ts';

export type ReadStore = { kind: 'embedded'; dataDir: string } | { kind: 'elasticsearch'; server: ElasticServerOptions; namespace: string };

/** @throws LeadlineError NO_STORE, STORE_VERSION for an embedded store. */
export async function openReader(store: ReadStore): Promise<StoreReader> {
  if (store.kind === 'embedded') return new EmbeddedReader(store.dataDir);
  const { ElasticServer } = await import('#lib/elasticsearch/server.ts');
  const { ElasticsearchReader } = await import('./elasticsearch/elasticsearch-reader.ts');
  return new ElasticsearchReader({ server: new ElasticServer(store.server), namespace: store.namespace });
}
