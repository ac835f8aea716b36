/**
 * The index of what is stored of every stream, and of positions. Read by id, which is real-time; a stream is written only over what was read of it, and
 * whatever another collector wrote in between is read again and joined with what is to be written.
 */
import { ElasticError, pathOf, type ElasticAnswer } from '#lib/elasticsearch/server.ts';
import { documentToPosition, documentToStream, positionDocumentId, positionToDocument, streamDocumentId, streamToDocument, type StreamDocument, type StreamEntry } from '#schemas/elasticsearch/stream-document.ts';
import { answerTrouble, noAnswerTrouble } from '#schemas/elasticsearch/trouble.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { ConsumedPosition } from '#schemas/store.ts';
import { itemsOf, outcomeOf, type ItemAnswer } from './item-answer.ts';
import { lookUp, type LookedUp } from './look-up.ts';
import type { PatientServer } from './patient-server.ts';
import { withChange, type StreamChange } from './stream-ledger.ts';

/** A stream and which version of its document that is; null where there is none. */
interface KnownStream {
  stream: StreamEntry;
  version: { seqNo: number; primaryTerm: number };
}

interface Hit extends LookedUp {
  _seq_no: number;
  _primary_term: number;
  _source: StreamDocument;
  sort?: unknown[];
}

/** Of a bulk request. */
interface Action {
  id: string;
  lines: string;
}

const saysTooLittle = 'its answer does not speak of every stream';
const documentsPerPage = 1000;
const what = 'keep what is stored of streams';

export class StreamIndex {
  private readonly patient: PatientServer;
  private readonly index: string;
  private readonly known = new Map<string, KnownStream>();
  /** Of one request: more were too large for the server. */
  private actionsMax = Infinity;

  constructor(patient: PatientServer, index: string) {
    this.patient = patient;
    this.index = index;
  }

  /** What was read or written last. */
  stream(streamId: string): StreamEntry | null {
    return this.known.get(streamId)?.stream ?? null;
  }

  streams(): StreamEntry[] {
    return [...this.known.values()].map(({ stream }) => stream);
  }

  /** Makes the index where there is none, and reads all of it. One attempt at each. @throws LeadlineError */
  async open(): Promise<ConsumedPosition[]> {
    const made = await this.once({ method: 'PUT', path: pathOf(this.index) });
    if (made.status >= 400 && !JSON.stringify(made.body).includes('already_exists')) throw this.refusal(made, `make the index ${this.index}`);
    const refreshed = await this.once({ method: 'POST', path: pathOf(this.index, '_refresh') });
    if (refreshed.status >= 400) throw this.refusal(refreshed, what);
    const positions: ConsumedPosition[] = [];
    for (let after: unknown[] | null = null; ; ) {
      const answer: ElasticAnswer = await this.once({ method: 'POST', path: pathOf(this.index, '_search'), query: { allow_partial_search_results: false }, body: { size: documentsPerPage, sort: [{ _seq_no: 'asc' }], seq_no_primary_term: true, track_total_hits: false, ...(after === null ? {} : { search_after: after }) } });
      if (answer.status >= 400) throw this.refusal(answer, 'read what is stored of streams');
      const { hits } = (answer.body as { hits: { hits: Hit[] } }).hits;
      for (const hit of hits) {
        if (hit._source.kind === 'position') positions.push(documentToPosition(hit._source));
        else this.learn(hit);
      }
      if (hits.length < documentsPerPage) return positions;
      after = hits.at(-1)!.sort!;
    }
  }

  /** Reads streams afresh. */
  async load(streamIds: readonly string[]): Promise<void> {
    for (let at = 0; at < streamIds.length; at += documentsPerPage) {
      const page = streamIds.slice(at, at + documentsPerPage);
      // Until the answer is there each is known as it was.
      const hits = await this.get(page.map(streamDocumentId));
      const found = new Set(hits.map(hit => this.learn(hit)));
      for (const streamId of page) if (!found.has(streamId)) this.known.delete(streamId);
    }
  }

  async loadPositions(partitions: readonly Pick<ConsumedPosition, 'topicId' | 'partition'>[]): Promise<ConsumedPosition[]> {
    const hits = partitions.length === 0 ? [] : await this.get(partitions.map(place => positionDocumentId({ ...place, recordOffset: '' })));
    return hits.map(({ _source }) => documentToPosition(_source));
  }

  forget(streamId: string): void {
    this.known.delete(streamId);
  }

  /**
   * Resolves when every change is durable.
   * @param beforeJoining with what others wrote since it was read, before it is written over: their signals may still have to be published
   */
  async write(changes: readonly StreamChange[], beforeJoining: (streams: readonly StreamEntry[]) => Promise<void> = () => Promise.resolve()): Promise<void> {
    let left = changes;
    for (let attempt = 1; left.length > 0; attempt++) {
      const made = left.map(change => ({ change, before: this.known.get(change.streamId) ?? null }));
      const streams = made.map(({ change, before }) => withChange(before?.stream ?? null, change));
      const actions = made.map(({ change, before }, index): Action => {
        const id = streamDocumentId(change.streamId);
        const action = before === null ? { create: { _id: id } } : { index: { _id: id, if_seq_no: before.version.seqNo, if_primary_term: before.version.primaryTerm } };
        return { id, lines: `${JSON.stringify(action)}\n${JSON.stringify(streamToDocument(streams[index]!))}\n` };
      });
      const items = await this.bulk(actions, attempt);
      // Whatever happened to it: what the server has decides.
      const unclear: string[] = [];
      let trouble: LeadlineError | null = null;
      const remaining = made.flatMap(({ change }, index) => {
        const item = items[index] ?? null;
        const outcome = item === null ? null : outcomeOf(item);
        if (outcome?.kind === 'stored') {
          this.known.set(change.streamId, { stream: streams[index]!, version: outcome });
          return [];
        }
        unclear.push(change.streamId);
        if (outcome !== null && outcome.kind !== 'conflict') trouble = this.trouble(item!, outcome.reason);
        return [change];
      });
      if (unclear.length > 0) {
        await this.load(unclear);
        await beforeJoining(unclear.map(streamId => this.stream(streamId)).filter(stream => stream !== null));
      }
      if (trouble !== null) await this.patient.waitOut(trouble, attempt);
      else if (remaining.length === 0) this.patient.worked();
      left = remaining;
    }
  }

  /** Lets streams go, unless somebody has written one since it was read. One attempt: what stays is looked at again with the next. */
  async remove(streamIds: readonly string[]): Promise<void> {
    for (let at = 0; at < streamIds.length; at += documentsPerPage) {
      const page = streamIds.slice(at, at + documentsPerPage).filter(streamId => this.known.has(streamId));
      if (page.length === 0) continue;
      const items = await this.bulk(
        page.map((streamId): Action => {
          const { seqNo, primaryTerm } = this.known.get(streamId)!.version;
          const id = streamDocumentId(streamId);
          return { id, lines: `${JSON.stringify({ delete: { _id: id, if_seq_no: seqNo, if_primary_term: primaryTerm } })}\n` };
        }),
        1,
      );
      page.forEach((streamId, index) => {
        const item = items[index] ?? null;
        if (item !== null && outcomeOf(item).kind === 'stored') this.known.delete(streamId);
      });
    }
  }

  async writePositions(positions: readonly ConsumedPosition[]): Promise<void> {
    let left = positions;
    for (let attempt = 1; left.length > 0; attempt++) {
      const items = await this.bulk(left.map((position): Action => ({ id: positionDocumentId(position), lines: `${JSON.stringify({ index: { _id: positionDocumentId(position) } })}\n${JSON.stringify(positionToDocument(position))}\n` })), attempt);
      let trouble: LeadlineError | null = null;
      left = left.filter((_, index) => {
        const item = items[index] ?? null;
        const outcome = item === null ? null : outcomeOf(item);
        if (item === null || outcome === null) return true;
        if (outcome.kind === 'stored') return false;
        trouble = this.trouble(item, outcome.kind === 'conflict' ? 'conflict' : outcome.reason);
        return true;
      });
      if (trouble !== null) await this.patient.waitOut(trouble, attempt);
    }
  }

  /** What the server says of each; null for those of which it says nothing, after a wait. */
  private async bulk(actions: readonly Action[], attempt: number): Promise<(ItemAnswer | null)[]> {
    const answers: (ItemAnswer | null)[] = [];
    let trouble: LeadlineError | null = null;
    for (let at = 0; at < actions.length; ) {
      const part = actions.slice(at, at + this.actionsMax);
      const sent = await this.send(part);
      if (sent === 'tooLarge' && part.length > 1) {
        this.actionsMax = Math.ceil(part.length / 2);
        continue;
      }
      if (Array.isArray(sent)) answers.push(...sent);
      else {
        trouble = sent === 'tooLarge' ? this.refusal({ status: 413, body: null }, what) : sent;
        answers.push(...part.map(() => null));
      }
      at += part.length;
    }
    if (trouble !== null) await this.patient.waitOut(trouble, attempt);
    return answers;
  }

  private async send(actions: readonly Action[]): Promise<ItemAnswer[] | 'tooLarge' | LeadlineError> {
    const { server } = this.patient;
    try {
      const answer = await this.patient.write({ method: 'POST', path: pathOf(this.index, '_bulk'), query: { timeout: `${server.requestTimeoutMs}ms` }, lines: actions.map(({ lines }) => lines).join('') });
      if (answer.status === 413) return 'tooLarge';
      return (answer.status < 300 ? itemsOf(answer.body, actions.map(({ id }) => id)) : null) ?? this.refusal(answer.status < 300 ? { ...answer, body: saysTooLittle } : answer, what);
    } catch (error) {
      if (!(error instanceof ElasticError)) throw error;
      this.patient.throwIfClosed();
      return noAnswerTrouble(error, server.nodes);
    }
  }

  private async get(ids: readonly string[]): Promise<Hit[]> {
    return (await lookUp(this.patient, pathOf(this.index, '_mget'), { ids }, ids, 'read what is stored of streams')) as Hit[];
  }

  /** @returns which stream it is */
  private learn({ _source, _seq_no, _primary_term }: Hit): string {
    const stream = documentToStream(_source);
    this.known.set(stream.streamId, { stream, version: { seqNo: _seq_no, primaryTerm: _primary_term } });
    return stream.streamId;
  }

  private trouble({ status }: ItemAnswer, reason: string): LeadlineError {
    return answerTrouble({ status, body: { error: { type: '', reason } } }, this.patient.server.nodes, what);
  }

  private refusal(answer: ElasticAnswer, doing: string): LeadlineError {
    return answerTrouble(answer, this.patient.server.nodes, doing);
  }

  private async once(request: Parameters<PatientServer['server']['request']>[0]): Promise<ElasticAnswer> {
    try {
      return await this.patient.server.request(request);
    } catch (error) {
      throw noAnswerTrouble(error, this.patient.server.nodes);
    }
  }
}
