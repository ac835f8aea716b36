/**
 * How far the events of streams reach in the store. What comes again of a stream from beyond that end was never stored, and need not be looked for line by
 * line: a topic that is full is read several times as fast.
 */
import { pathOf } from '#lib/elasticsearch/server.ts';
import { isServersOwn } from '#schemas/elasticsearch/trouble.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { PatientServer } from './patient-server.ts';
import type { ReplayGuard } from './replay-guard.ts';

const what = 'look how far streams are stored';

interface SearchAnswer {
  timed_out?: boolean;
  hits?: { hits?: { sort?: unknown[] }[] };
}

export class StoredEnds {
  private readonly patient: PatientServer;
  private readonly guard: ReplayGuard;
  private readonly dataStream: string;
  /** As the store had them; -1 where it had nothing. */
  private readonly found = new Map<string, number>();
  private beginning: Promise<boolean> | null = null;
  private writeIndex: string | null = null;

  constructor(patient: PatientServer, dataStream: string, guard: ReplayGuard) {
    this.patient = patient;
    this.dataStream = dataStream;
    this.guard = guard;
  }

  /** Where the server cannot tell, nothing is known of a stream. @throws LeadlineError CANCELLED */
  async find(streamIds: readonly string[]): Promise<void> {
    const unknown = streamIds.filter(streamId => !this.found.has(streamId));
    this.beginning ??= this.begin();
    if (unknown.length === 0 || !(await this.beginning)) return;
    for (const streamId of unknown) {
      const end = await this.endOf(streamId);
      if (end !== null) this.found.set(streamId, end);
    }
  }

  /** The store had it neither when the stream was looked for, nor since: what was sent of it since is known as stored and does not come here again. */
  isBeyond({ streamId, streamOffset, gap }: LogEvent): boolean {
    const end = this.found.get(streamId);
    // A gap may be as far as what comes behind it, and has an id of its own.
    return end !== undefined && gap === null && streamOffset >= end;
  }

  /**
   * False where the stream of documents was rolled over since the look: what somebody else, against all rules, sent meanwhile may lie in the index before,
   * and its id does not keep the second out.
   * @param index that a document was put into
   */
  readonly isSameIndex = (index: string | null): boolean => index !== null && (this.writeIndex === null ? /-0*1$/.test(index) : index === this.writeIndex);

  forget(streamId: string): void {
    this.found.delete(streamId);
  }

  /** A search sees what was stored before the last refresh. Once is enough: all that others stored, they stored before. */
  private async begin(): Promise<boolean> {
    this.writeIndex = (await this.guard.indices()).at(-1) ?? null;
    const { status, body } = await this.patient.ask({ method: 'POST', path: pathOf(this.dataStream, '_refresh') }, what);
    if (status === 404 && isServersOwn(body)) return true;
    return status < 300 && (body as { _shards?: { failed?: number } } | null)?._shards?.failed === 0;
  }

  private async endOf(streamId: string): Promise<number | null> {
    const body = { size: 1, query: { term: { 'leadline.stream_id': streamId } }, sort: [{ 'leadline.offset_end': 'desc' }], _source: false, track_total_hits: false };
    const answer = await this.patient.ask({ method: 'POST', path: pathOf(this.dataStream, '_search'), query: { allow_partial_search_results: false }, body }, what);
    if (answer.status === 404 && isServersOwn(answer.body)) return -1;
    const { timed_out: isLate, hits } = (answer.body ?? {}) as SearchAnswer;
    if (answer.status >= 300 || isLate !== false || !Array.isArray(hits?.hits)) return null;
    const last = hits.hits[0];
    if (last === undefined) return -1;
    const end = last.sort?.[0];
    return typeof end === 'number' ? end : null;
  }
}
