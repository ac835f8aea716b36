/**
 * Looks documents up in all backing indices of a data stream. An `_id` is unique within each of them only, so what may have been sent before is looked for
 * before it is sent again.
 */
import { pathOf } from '#lib/elasticsearch/server.ts';
import { answerTrouble, isServersOwn } from '#schemas/elasticsearch/trouble.ts';
import { backingIndicesIn, isResolved } from '#schemas/elasticsearch/backing-indices.ts';
import { lookUp } from './look-up.ts';
import type { PatientServer } from './patient-server.ts';

export interface Found {
  index: string;
  seqNo: number;
  primaryTerm: number;
}

const lookUpsPerRequest = 5000;

export class ReplayGuard {
  private readonly patient: PatientServer;
  private readonly dataStream: string;

  constructor(patient: PatientServer, dataStream: string) {
    this.patient = patient;
    this.dataStream = dataStream;
  }

  /** Oldest first; the last one is written to. None before the first event. */
  async indices(): Promise<string[]> {
    const request = { method: 'GET', path: pathOf('_resolve', 'index', this.dataStream) } as const;
    for (let attempt = 1; ; attempt++) {
      const answer = await this.patient.ask(request, 'list backing indices');
      if (answer.status === 404 && isServersOwn(answer.body)) return [];
      if (answer.status < 300 && isResolved(answer.body)) return backingIndicesIn(answer.body, this.dataStream);
      const trouble = answerTrouble(answer, this.patient.server.nodes, 'list backing indices');
      // Something in between has answered: it says nothing of what is stored.
      if (answer.status >= 400 && isServersOwn(answer.body)) throw trouble;
      await this.patient.waitOut(trouble, attempt);
    }
  }

  /** Where each of the documents is; those that are nowhere are left out. */
  async find(ids: readonly string[], indices: readonly string[]): Promise<Map<string, Found[]>> {
    const found = new Map<string, Found[]>();
    if (indices.length === 0) return found;
    const perRequest = Math.max(1, Math.floor(lookUpsPerRequest / indices.length));
    for (let at = 0; at < ids.length; at += perRequest) {
      const docs = ids.slice(at, at + perRequest).flatMap(_id => indices.map(_index => ({ _index, _id, _source: false })));
      for (const { _id, _index, _seq_no = 0, _primary_term = 0 } of await lookUp(this.patient, '/_mget', { docs }, docs.map(({ _id: asked }) => asked), 'look for events')) {
        const places = found.get(_id) ?? [];
        found.set(_id, places);
        places.push({ index: _index, seqNo: _seq_no, primaryTerm: _primary_term });
      }
    }
    return found;
  }

  /** Takes a document out of a backing index, if it is still the one that was seen. */
  async remove(id: string, { index, seqNo, primaryTerm }: Found): Promise<void> {
    await this.patient.ask({ method: 'DELETE', path: pathOf(index, '_doc', id), query: { if_seq_no: seqNo, if_primary_term: primaryTerm } }, 'take out what is stored twice', true);
  }
}
