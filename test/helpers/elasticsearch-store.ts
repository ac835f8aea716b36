/** A store in a running server, in a namespace of its own: what is stored is found at once, and gone when it is closed. */
import { randomBytes } from 'node:crypto';
import { ElasticServer } from '#lib/elasticsearch/server.ts';
import { quietLog } from '#lib/log.ts';
import { namesOf } from '#schemas/elasticsearch/names.ts';
import { backingIndicesIn } from '#schemas/elasticsearch/backing-indices.ts';
import { ElasticsearchWriter, type ElasticsearchWriterOptions } from '../../collector/store/elasticsearch/elasticsearch-writer.ts';
import { ElasticsearchReader } from '../../query/store/elasticsearch/elasticsearch-reader.ts';

const dayMs = 86_400_000;

export const newNamespace = (): string => `test${randomBytes(6).toString('hex')}`;

export function serverAt(url: string, given: Partial<ConstructorParameters<typeof ElasticServer>[0]> = {}): ElasticServer {
  return new ElasticServer({ nodes: [url], login: null, caPath: null, requestTimeoutMs: 30_000, ...given });
}

export function writerOptions(server: ElasticServer, namespace: string, given: Partial<ElasticsearchWriterOptions> = {}): ElasticsearchWriterOptions {
  return {
    server, namespace, log: quietLog, rolloverMs: dayMs, rolloverBytes: 1 << 30, retentionMs: 7 * dayMs, retentionBytesMax: 1 << 30,
    onRefused: (event, reason) => {
      throw new Error(`${event.eventId} was refused: ${reason}`);
    },
    ...given,
  };
}

/** Everything that was stored a moment ago can be searched for. */
export async function refresh(server: ElasticServer, namespace: string): Promise<void> {
  const { events, streams } = namesOf(namespace);
  await server.request({ method: 'POST', path: `/${events},${streams}/_refresh`, query: { ignore_unavailable: true } });
}

export async function removeStore(server: ElasticServer, namespace: string): Promise<void> {
  const { events, signals, streams } = namesOf(namespace);
  // The bare server has no route for data streams; an index that is written to can be deleted there all the same.
  for (const dataStream of [events, signals]) {
    const answer = await server.request({ method: 'DELETE', path: `/_data_stream/${dataStream}` });
    if (answer.status < 300) continue;
    const indices = backingIndicesIn((await server.request({ method: 'GET', path: `/_resolve/index/${dataStream}` })).body, dataStream);
    for (const index of indices) await server.request({ method: 'DELETE', path: `/${index}` });
  }
  await server.request({ method: 'DELETE', path: `/${streams}` });
}

export interface ElasticsearchStore {
  readonly writer: ElasticsearchWriter;
  readonly reader: ElasticsearchReader;
  readonly server: ElasticServer;
  readonly namespace: string;
  restart(): Promise<void>;
  setNowMs(ms: number): void;
  close(): Promise<void>;
}

export async function openElasticsearchStore(url: string, given: Partial<ElasticsearchWriterOptions> = {}): Promise<ElasticsearchStore> {
  const namespace = newNamespace();
  const server = serverAt(url);
  const reader = new ElasticsearchReader({ server: serverAt(url), namespace, tailRefreshMs: 0 });
  const newWriter = async (): Promise<ElasticsearchWriter> => {
    const made = new ElasticsearchWriter(writerOptions(server, namespace, given));
    const append = made.append.bind(made);
    made.append = async (...batch) => {
      const refused = await append(...batch);
      await refresh(server, namespace);
      return refused;
    };
    await made.open();
    return made;
  };
  let writer = await newWriter();
  return {
    get writer() {
      return writer;
    },
    reader,
    server,
    namespace,
    async restart() {
      await writer.close();
      writer = await newWriter();
    },
    setNowMs: () => undefined,
    async close() {
      await writer.close();
      await removeStore(server, namespace);
      await reader.close();
      await server.close();
    },
  };
}

/** Ids of all documents of a data stream, of each backing index, whatever a search for events would find. */
export async function storedIds(server: ElasticServer, namespace: string, dataStream: 'events' | 'signals' = 'events'): Promise<string[]> {
  const name = namesOf(namespace)[dataStream];
  await server.request({ method: 'POST', path: `/${name}/_refresh` });
  const indices = backingIndicesIn((await server.request({ method: 'GET', path: `/_resolve/index/${name}` })).body, name);
  const ids: string[] = [];
  for (const index of indices) {
    for (let after = -1; ; ) {
      const answer = await server.request({ method: 'POST', path: `/${index}/_search`, body: { size: 5000, _source: false, sort: [{ _seq_no: 'asc' }], search_after: [after] } });
      const { hits } = (answer.body as { hits: { hits: { _id: string; sort: [number] }[] } }).hits;
      ids.push(...hits.map(({ _id }) => _id));
      if (hits.length < 5000) break;
      after = hits.at(-1)!.sort[0];
    }
  }
  return ids;
}

export async function rollover(server: ElasticServer, namespace: string): Promise<void> {
  await server.request({ method: 'POST', path: `/${namesOf(namespace).events}/_rollover` });
}
