import type { Node, Query } from './ast.ts';

/** A query that asks for times in `[fromNs, toNs)` besides, either end open. */
export function withTimes(query: Query, fromNs: bigint | null, toNs: bigint | null): Query {
  const nodes: Node[] = query.filter.type === 'and' ? [...query.filter.nodes] : query.filter.type === 'all' ? [] : [query.filter];
  if (fromNs !== null) nodes.push({ type: 'compare', field: 'time', comparison: '>=', operand: { kind: 'time', ns: fromNs } });
  if (toNs !== null) nodes.push({ type: 'compare', field: 'time', comparison: '<', operand: { kind: 'time', ns: toNs } });
  return { ...query, filter: nodes.length === 0 ? { type: 'all' } : nodes.length === 1 ? nodes[0]! : { type: 'and', nodes } };
}
