/**
 * What a query means, as plain data: it can be cloned to a worker, compared, and written back as text (`format.ts`).
 *
 * Normal form, which the parser makes and everyone may rely on: `and` and `or` hold at least two nodes and never one of their own kind;
 * `field:(a or b)` is an `or` of plain terms; times are absolute.
 */
import type { Level } from '../event.ts';

export type Comparison = '>' | '>=' | '<' | '<=';

/** The right side of a comparison. Its kind was read from its spelling: `250ms`, `10kb`, `1.4.2`. */
export type Operand =
  /** As written, so that `1.10` can still be the version it is compared with. */
  | { kind: 'number'; text: string }
  | { kind: 'duration'; ms: number }
  | { kind: 'size'; bytes: number }
  | { kind: 'version'; text: string }
  /** Nanoseconds since the epoch. */
  | { kind: 'time'; ns: bigint }
  /** Of the field `level`, and of no other. */
  | { kind: 'level'; level: Level };

export type Node =
  | { type: 'all' }
  | { type: 'and'; nodes: Node[] }
  | { type: 'or'; nodes: Node[] }
  | { type: 'not'; node: Node }
  /** The message holds these parts in this order, in any case. `a*b` has two parts, everything else one; none is empty. */
  | { type: 'text'; parts: string[] }
  /** `field: null` is the message. Case counts unless said. */
  | { type: 'regex'; field: string | null; pattern: string; caseInsensitive: boolean }
  | { type: 'exists'; field: string }
  /** The field's text, or that of any member of an array, is exactly this. */
  | { type: 'equals'; field: string; value: string }
  /** The field's text is these parts with anything between them (`pre*` is `pre` and ``): at least two, only the first and the last may be empty. */
  | { type: 'glob'; field: string; parts: string[] }
  /** The field's text is an address in this network (`10.0.0.0/8`, `2001:db8::/32`), or the network's own spelling. */
  | { type: 'network'; field: string; address: string; prefixBits: number }
  | { type: 'compare'; field: string; comparison: Comparison; operand: Operand };

/** What is done with the events found, in the order written. */
export type Pipe =
  | { type: 'limit'; count: number }
  | { type: 'sort'; field: 'time'; descending: boolean }
  | { type: 'fields'; names: string[] };

export interface Query {
  filter: Node;
  pipes: Pipe[];
  /** As typed. */
  text: string;
}

/** The query that was typed as nothing. */
export const everything: Query = { filter: { type: 'all' }, pipes: [], text: '' };

/** Takes a whole query or a part of one. */
export function filterOf(query: Query | Node): Node {
  return 'filter' in query ? query.filter : query;
}
