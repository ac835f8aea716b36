/**
 * As much of Elasticsearch in memory as the writer asks of it, for tests of what happens between its steps: backing indices with an id space each,
 * documents by id at once, conditional writes, rollovers, and requests whose fate a test decides. The same writer runs against real servers in
 * faults.test.ts and kills.test.ts.
 */
import { ElasticError, ElasticServer, type ElasticAnswer, type ElasticRequest } from '#lib/elasticsearch/server.ts';

/** `late`: there is no answer, and it is carried out when the test says so. */
export type Fate = 'answerLost' | 'neverSent' | 'late' | ((answer: ElasticAnswer) => ElasticAnswer) | null;

interface Stored {
  source: unknown;
  seqNo: number;
}

interface EndSearch {
  query: { term: { 'leadline.stream_id': string } };
}

interface EndSource {
  leadline: { stream_id: string; offset_end: number };
}

type Action = Partial<Record<'create' | 'index' | 'delete', { _id: string; if_seq_no?: number; if_primary_term?: number }>>;

export class MemoryElasticsearch extends ElasticServer {
  fateOf: (request: ElasticRequest) => Fate = () => null;
  /** What the server says of an item in place of carrying it out, or null. */
  refusalOf: (index: string, id: string) => { status: number; error: { type: string; reason: string } } | null = () => null;
  /** `METHOD /path` of all that arrived, in order. */
  readonly asked: string[] = [];
  private readonly indices = new Map<string, Map<string, Stored>>();
  private readonly seqNos = new Map<string, number>();
  private readonly late: ElasticRequest[] = [];
  /** What a search finds of a data stream: what was there at its last refresh. */
  private readonly searchable = new Map<string, EndSource[]>();
  private readonly dataStreams: readonly string[];

  constructor(dataStreams: readonly string[], requestTimeoutMs = 20) {
    super({ nodes: ['http://memory:9200'], login: null, caPath: null, requestTimeoutMs });
    this.dataStreams = dataStreams;
  }

  override flavour(): Promise<'elasticsearch'> {
    return Promise.resolve('elasticsearch');
  }

  override async request(request: ElasticRequest): Promise<ElasticAnswer> {
    const fate = this.fateOf(request);
    await Promise.resolve();
    if (request.signal?.aborted === true) throw new ElasticError('ABORTED', 'given up', false);
    if (fate === 'late') this.late.push(request);
    if (fate === 'late' || fate === 'neverSent') throw new ElasticError('TIMED_OUT', 'no answer', false);
    const answer = this.carryOut(request);
    if (fate === 'answerLost') throw new ElasticError('UNREACHABLE', 'the line is bad', false);
    return fate === null ? answer : fate(answer);
  }

  /** Those that got no answer arrive after all. */
  carryOutLate(): void {
    for (const request of this.late.splice(0)) this.carryOut(request);
  }

  rollover(dataStream: string): void {
    this.backing(dataStream, this.backings(dataStream).length + 1);
  }

  /** Backing index and id of every document of a data stream. */
  documents(dataStream: string): { index: string; id: string; source: unknown }[] {
    return this.backings(dataStream).flatMap(index => [...this.indices.get(index)!].map(([id, { source }]) => ({ index, id, source })));
  }

  documentsOf(index: string): Map<string, unknown> {
    return new Map([...(this.indices.get(index) ?? [])].map(([id, { source }]) => [id, source]));
  }

  /** As somebody else's write would. */
  put(index: string, id: string, source: unknown): void {
    this.write(this.targetOf(index), id, source);
  }

  private carryOut({ method, path, body, lines, query }: ElasticRequest): ElasticAnswer {
    this.asked.push(`${method} ${path}`);
    const [first = '', second = '', third = ''] = path.slice(1).split('/').map(decodeURIComponent);
    if (first === '_index_template') return { status: method === 'GET' ? 404 : 200, body: {} };
    if (first === '_resolve') return { status: this.backings(third).length === 0 ? 404 : 200, body: this.backings(third).length === 0 ? notFound(third) : { data_streams: [{ name: third, backing_indices: this.backings(third) }] } };
    if (first === '_mget') return { status: 200, body: { docs: (body as { docs: { _index: string; _id: string }[] }).docs.map(({ _index, _id }) => this.documentAt(_index, _id)) } };
    if (second === '_mget') return { status: 200, body: { docs: (body as { ids: string[] }).ids.map(id => this.documentAt(first, id)) } };
    if (second === '_bulk') return this.bulk(first, lines!.toString());
    if (second === '_doc') return this.remove(first, third, Number(query?.['if_seq_no']));
    if (second === '_search') return this.dataStreams.includes(first) ? this.searchEnd(first, body as EndSearch) : this.search(first, body as { size: number; search_after?: [number] });
    if (second === '_rollover') {
      this.rollover(first);
      return { status: 200, body: {} };
    }
    if (second === '_refresh') {
      if (this.dataStreams.includes(first) && this.backings(first).length === 0) return { status: 404, body: notFound(first) };
      this.searchable.set(first, this.documents(first).map(({ source }) => source as EndSource));
      return { status: 200, body: { _shards: { failed: 0 } } };
    }
    if (second === '' && method === 'PUT') {
      const isThere = this.indices.has(first);
      this.backing(first, null);
      return { status: isThere ? 400 : 200, body: isThere ? { error: { type: 'resource_already_exists_exception' } } : {} };
    }
    return { status: 404, body: notFound(first) };
  }

  private bulk(target: string, lines: string): ElasticAnswer {
    const index = this.targetOf(target);
    const rows = lines.trimEnd().split('\n').map(line => JSON.parse(line) as Action);
    const items: object[] = [];
    for (let at = 0; at < rows.length; at++) {
      const action = rows[at]!;
      const [kind, { _id, if_seq_no }] = Object.entries(action)[0]! as [keyof Action, { _id: string; if_seq_no?: number }];
      const source: unknown = kind === 'delete' ? undefined : rows[++at];
      items.push({ [kind]: { _index: index, _id, ...(this.refusalOf(index, _id) ?? this.item(index, kind, _id, if_seq_no, source)) } });
    }
    return { status: 200, body: { errors: false, items } };
  }

  private item(index: string, kind: keyof Action, id: string, ifSeqNo: number | undefined, source: unknown): object {
    const known = this.indices.get(index)!.get(id);
    const isConflict = kind === 'create' ? known !== undefined : ifSeqNo !== undefined && known?.seqNo !== ifSeqNo;
    if (isConflict) return { status: 409, error: { type: 'version_conflict_engine_exception', reason: 'somebody was here' } };
    if (kind === 'delete') this.indices.get(index)!.delete(id);
    else this.write(index, id, source);
    return { status: known === undefined ? 201 : 200, _seq_no: this.seqNos.get(index), _primary_term: 1 };
  }

  private write(index: string, id: string, source: unknown): void {
    const seqNo = (this.seqNos.get(index) ?? -1) + 1;
    this.seqNos.set(index, seqNo);
    this.indices.get(index)!.set(id, { source, seqNo });
  }

  private remove(index: string, id: string, ifSeqNo: number): ElasticAnswer {
    const known = this.indices.get(index)?.get(id);
    if (known?.seqNo !== ifSeqNo) return { status: known === undefined ? 404 : 409, body: {} };
    this.indices.get(index)!.delete(id);
    return { status: 200, body: {} };
  }

  private search(index: string, { size, search_after: [after] = [-1] }: { size: number; search_after?: [number] }): ElasticAnswer {
    const hits = [...(this.indices.get(index) ?? [])].filter(([, { seqNo }]) => seqNo > after).sort(([, a], [, b]) => a.seqNo - b.seqNo).slice(0, size);
    return { status: 200, body: { timed_out: false, _shards: { failed: 0 }, hits: { hits: hits.map(([_id, { source, seqNo }]) => ({ _id, _source: source, _seq_no: seqNo, _primary_term: 1, sort: [seqNo] })) } } };
  }

  /** The one with the last end of a stream. */
  private searchEnd(dataStream: string, { query }: EndSearch): ElasticAnswer {
    if (this.backings(dataStream).length === 0) return { status: 404, body: notFound(dataStream) };
    const ends = (this.searchable.get(dataStream) ?? []).filter(({ leadline }) => leadline.stream_id === query.term['leadline.stream_id']).map(({ leadline }) => leadline.offset_end);
    return { status: 200, body: { timed_out: false, _shards: { failed: 0 }, hits: { hits: ends.length === 0 ? [] : [{ sort: [Math.max(...ends)] }] } } };
  }

  private documentAt(_index: string, _id: string): object {
    const known = this.indices.get(_index)?.get(_id);
    return known === undefined ? { _index, _id, found: false } : { _index, _id, found: true, _seq_no: known.seqNo, _primary_term: 1, _source: known.source };
  }

  private backings(dataStream: string): string[] {
    return [...this.indices.keys()].filter(name => name.startsWith(`.ds-${dataStream}-`));
  }

  private targetOf(name: string): string {
    if (!this.dataStreams.includes(name)) return this.backing(name, null);
    return this.backings(name).at(-1) ?? this.backing(name, 1);
  }

  private backing(name: string, generation: number | null): string {
    const index = generation === null ? name : `.ds-${name}-${String(generation).padStart(6, '0')}`;
    if (!this.indices.has(index)) this.indices.set(index, new Map());
    return index;
  }
}

const notFound = (index: string): object => ({ error: { type: 'index_not_found_exception', reason: `no such index [${index}]` } });
