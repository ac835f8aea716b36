/** Documents by their ids, by the real-time API: what was indexed a moment ago is found without a refresh. */
import { answerTrouble, isServersOwn } from '#schemas/elasticsearch/trouble.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { PatientServer } from './patient-server.ts';

export interface LookedUp {
  _index: string;
  _id: string;
  found?: boolean;
  _seq_no?: number;
  _primary_term?: number;
  error?: { type?: string; reason?: string };
}

/**
 * Those that are there; asked until the answer speaks of every one, because what it leaves out is not known to be missing.
 * @param ids as `body` asks for them, in its order
 * @throws LeadlineError where the server refuses it, and CANCELLED
 */
export async function lookUp(patient: PatientServer, path: string, body: unknown, ids: readonly string[], what: string): Promise<LookedUp[]> {
  const { nodes } = patient.server;
  for (let attempt = 1; ; attempt++) {
    const answer = await patient.ask({ method: 'POST', path, body }, what);
    if (answer.status >= 400 && isServersOwn(answer.body)) throw answerTrouble(answer, nodes, what);
    const documents = documentsOf(answer.body, ids);
    // An index that is gone holds nothing; one that cannot be asked may.
    const failed = documents?.find(({ error }) => error !== undefined && error.type !== 'index_not_found_exception');
    if (documents !== null && failed === undefined) return documents.filter(({ found }) => found === true);
    const problem = documents === null ? 'its answer does not speak of every document' : (failed?.error?.reason ?? failed?.error?.type ?? 'no reason given');
    await patient.waitOut(new LeadlineError('ELASTICSEARCH_BUSY', { nodes: nodes.join(','), what, status: answer.status, problem }), attempt);
  }
}

function documentsOf(body: unknown, ids: readonly string[]): LookedUp[] | null {
  const { docs } = (typeof body === 'object' && body !== null ? body : {}) as { docs?: LookedUp[] };
  return Array.isArray(docs) && docs.length === ids.length && docs.every((each, index) => each._id === ids[index]) ? docs : null;
}
