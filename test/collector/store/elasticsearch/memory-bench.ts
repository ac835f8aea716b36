/** Writers over an Elasticsearch in memory, and what came to lie in it. */
import type { ExecutionContext } from 'ava';
import type { ElasticRequest } from '#lib/elasticsearch/server.ts';
import { namesOf } from '#schemas/elasticsearch/names.ts';
import { documentToStream, streamDocumentId, type StreamDocument } from '#schemas/elasticsearch/stream-document.ts';
import type { LogEvent } from '#schemas/event.ts';
import { ElasticsearchWriter, type ElasticsearchWriterOptions } from '../../../../collector/store/elasticsearch/elasticsearch-writer.ts';
import { madeEvent } from '../../../contract/made-up.ts';
import { writerOptions } from '../../../helpers/elasticsearch-store.ts';
import { MemoryElasticsearch } from '../../../helpers/memory-elasticsearch.ts';

export const { events, signals, streams } = namesOf('test');
export const lines = (stream: string, from: number, to: number): LogEvent[] => Array.from({ length: to - from }, (_, n) => madeEvent(stream, (from + n) * 10, (from + n + 1) * 10));
export const isBulk = (index: string, { path }: ElasticRequest): boolean => path === `/${index}/_bulk`;
export const html = '<html><body>502</body></html>';

export interface Bench {
  server: MemoryElasticsearch;
  open: (given?: Partial<ElasticsearchWriterOptions>) => Promise<ElasticsearchWriter>;
  ids: () => string[];
  stream: (streamId: string) => ReturnType<typeof documentToStream>;
}

export function benchOf(t: ExecutionContext): Bench {
  const server = new MemoryElasticsearch([events, signals]);
  return {
    server,
    open: async (given = {}) => {
      const writer = new ElasticsearchWriter(writerOptions(server, 'test', given));
      t.teardown(() => writer.close());
      await writer.open();
      return writer;
    },
    ids: () => server.documents(events).map(({ id }) => id).sort(),
    stream: streamId => documentToStream(server.documentsOf(streams).get(streamDocumentId(streamId)) as StreamDocument),
  };
}

/** The first request that `is` lets through has this fate. */
export function once(server: MemoryElasticsearch, is: (request: ElasticRequest) => boolean, fate: ReturnType<MemoryElasticsearch['fateOf']>): void {
  let isOver = false;
  server.fateOf = request => {
    if (isOver || !is(request)) return null;
    isOver = true;
    return fate;
  };
}

export const batch = (given: LogEvent[], mayBeStored = false): { events: LogEvent[]; states: []; mayBeStored: boolean } => ({ events: given, states: [], mayBeStored });
