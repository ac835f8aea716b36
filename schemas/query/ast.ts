/** The query language as data. One parser makes it; search, requests, tail and alert rules read it. */

export const comparisons = ['>=', '<=', '>', '<'] as const;
export type Comparison = (typeof comparisons)[number];

export type Node =
  /** Matches everything. */
  | { type: 'all' }
  | { type: 'and'; nodes: Node[] }
  | { type: 'or'; nodes: Node[] }
  | { type: 'not'; node: Node }
  /** Case-insensitive substring of the message. */
  | { type: 'text'; value: string }
  /** Linear-time regular expression on a field, or on the message where `field` is null. */
  | { type: 'regex'; field: string | null; pattern: string }
  /** The field's whole value, case too, or any member of an array. */
  | { type: 'equals'; field: string; value: string }
  | { type: 'prefix'; field: string; value: string }
  | { type: 'exists'; field: string }
  | { type: 'compare'; field: string; comparison: Comparison; value: string }
  /** An address in a network, `10.0.0.0/8`. */
  | { type: 'network'; field: string; value: string };

export type Pipe = { type: 'limit'; count: number } | { type: 'fields'; names: string[] } | { type: 'sort'; field: string; descending: boolean };

export interface Query {
  filter: Node;
  pipes: Pipe[];
  /** As it was written. */
  text: string;
}
