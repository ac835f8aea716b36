/** What a bulk answer says of one item. */
import { isBlock } from '#schemas/elasticsearch/trouble.ts';

/** One item of a bulk answer, as servers write it. */
export interface ItemAnswer {
  _index?: string;
  _id?: string;
  status: number;
  _seq_no?: number;
  _primary_term?: number;
  failure_store?: string;
  error?: { type?: string; reason?: string; caused_by?: { type?: string; reason?: string } };
}

/** What a bulk answer says of each item, in the order of sending. Null where it does not speak of every one: then it says nothing of any. */
export function itemsOf(body: unknown, ids: readonly string[]): ItemAnswer[] | null {
  const { items } = (typeof body === 'object' && body !== null ? body : {}) as { items?: unknown };
  if (!Array.isArray(items) || items.length !== ids.length) return null;
  const answers = items.map(item => Object.values((item ?? {}) as Record<string, ItemAnswer | null>)[0]);
  return answers.every((answer, index) => typeof answer?.status === 'number' && (answer._id === undefined || answer._id === ids[index])) ? (answers as ItemAnswer[]) : null;
}

export type ItemOutcome =
  | { kind: 'stored'; index: string | null; seqNo: number; primaryTerm: number }
  /** Another document has the id: the same bytes, or for a conditional write one that was changed meanwhile. */
  | { kind: 'conflict' }
  /** `isDoubtful`: it may have been carried out all the same. */
  | { kind: 'retry'; reason: string; isBlocked: boolean; isDoubtful: boolean }
  | { kind: 'tooLarge'; reason: string }
  | { kind: 'refused'; reason: string };

export function outcomeOf(item: ItemAnswer): ItemOutcome {
  const { status } = item;
  if (status < 300) {
    // A document of the failure store is found by no search for events.
    if (item.failure_store === 'used') return { kind: 'refused', reason: `kept in the failure store${item._index === undefined ? '' : ` (${item._index})`}` };
    return { kind: 'stored', index: item._index ?? null, seqNo: item._seq_no ?? 0, primaryTerm: item._primary_term ?? 0 };
  }
  if (status === 409) return { kind: 'conflict' };
  const { error } = item;
  const reason = [error?.type, error?.reason, error?.caused_by?.reason].filter(part => part !== undefined).join(': ') || `status ${status}`;
  if (isBlock(status, reason)) return { kind: 'retry', reason, isBlocked: true, isDoubtful: false };
  if (status === 413) return { kind: 'tooLarge', reason };
  if (status === 429) return { kind: 'retry', reason, isBlocked: false, isDoubtful: false };
  if (status >= 500 || status === 408 || status === 401 || status === 403 || status === 404) return { kind: 'retry', reason, isBlocked: false, isDoubtful: status >= 500 || status === 408 };
  return { kind: 'refused', reason };
}
