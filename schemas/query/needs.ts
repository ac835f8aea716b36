/**
 * What every match of a query must have, so that a store can skip what cannot match. Only ever too wide, never too narrow: a term that says
 * nothing about level, service or time needs nothing.
 */
import { canonicalId } from '../canonical-id.ts';
import { levelRank, levels, type Level } from '../event.ts';
import { filterOf, type Node, type Query } from './ast.ts';
import { comparisonHolds } from './operand.ts';

export interface QueryNeeds {
  /** Levels a match may have; null where any will do, also none. Empty where nothing can match. */
  levels: Set<Level> | null;
  /** Services a match may be of; null where any will do, also none. Empty where nothing can match. */
  services: Set<string> | null;
  /** Canonical ids of which a match carries one, as an id or as its request id; null where any will do, also none. */
  ids: Set<string> | null;
  /** Half-open `[timeFromNs, timeToNs)`, either end open where null. */
  timeFromNs: bigint | null;
  timeToNs: bigint | null;
}

const anything: QueryNeeds = { levels: null, services: null, ids: null, timeFromNs: null, timeToNs: null };

export function queryNeeds(query: Query | Node): QueryNeeds {
  return needsOf(filterOf(query), false);
}

/** `negated`: of everything that the node does not match. */
function needsOf(node: Node, negated: boolean): QueryNeeds {
  switch (node.type) {
    case 'all':
      return negated ? { ...anything, levels: new Set() } : anything;
    case 'not':
      return needsOf(node.node, !negated);
    case 'and':
    case 'or': {
      const needs = node.nodes.map(item => needsOf(item, negated));
      return (node.type === 'and') !== negated ? needs.reduce(both) : needs.filter(canMatch).reduce(either, needs.find(canMatch) ?? needs[0]!);
    }
    case 'equals':
      // What is not at a level may have none, and what is not of a service may be of any.
      if (negated) return anything;
      if (node.field === 'level') return { ...anything, levels: new Set(levels.filter(level => level === node.value)) };
      if (node.field === 'id' || node.field === 'requestId') {
        // What is no id is compared as it is written, and is in no index.
        const canonical = canonicalId(node.value);
        return canonical === null ? anything : { ...anything, ids: new Set([canonical]) };
      }
      return node.field === 'service' ? { ...anything, services: new Set([node.value]) } : anything;
    case 'exists':
      return node.field === 'level' && !negated ? { ...anything, levels: new Set(levels) } : anything;
    case 'compare':
      return needsOfComparison(node, negated);
    default:
      return anything;
  }
}

function needsOfComparison(node: Node & { type: 'compare' }, negated: boolean): QueryNeeds {
  const { field, comparison, operand } = node;
  if (field === 'level' && operand.kind === 'level' && !negated) {
    return { ...anything, levels: new Set(levels.filter(level => comparisonHolds[comparison](levelRank(level) - levelRank(operand.level)))) };
  }
  if (field !== 'time' || operand.kind !== 'time') return anything;
  const after = comparison === '>' || comparison === '<=' ? operand.ns + 1n : operand.ns;
  const isFrom = (comparison === '>' || comparison === '>=') !== negated;
  return isFrom ? { ...anything, timeFromNs: after } : { ...anything, timeToNs: after };
}

function canMatch(needs: QueryNeeds): boolean {
  if (needs.levels?.size === 0 || needs.services?.size === 0) return false;
  return needs.timeFromNs === null || needs.timeToNs === null || needs.timeFromNs < needs.timeToNs;
}

function both(a: QueryNeeds, b: QueryNeeds): QueryNeeds {
  return {
    levels: a.levels === null ? b.levels : b.levels === null ? a.levels : a.levels.intersection(b.levels),
    services: a.services === null ? b.services : b.services === null ? a.services : a.services.intersection(b.services),
    // Each is one of its ids, and it may have both.
    ids: a.ids ?? b.ids,
    timeFromNs: a.timeFromNs === null ? b.timeFromNs : b.timeFromNs === null || a.timeFromNs > b.timeFromNs ? a.timeFromNs : b.timeFromNs,
    timeToNs: a.timeToNs === null ? b.timeToNs : b.timeToNs === null || a.timeToNs < b.timeToNs ? a.timeToNs : b.timeToNs,
  };
}

function either(a: QueryNeeds, b: QueryNeeds): QueryNeeds {
  return {
    levels: a.levels === null || b.levels === null ? null : a.levels.union(b.levels),
    services: a.services === null || b.services === null ? null : a.services.union(b.services),
    ids: a.ids === null || b.ids === null ? null : a.ids.union(b.ids),
    timeFromNs: a.timeFromNs === null || b.timeFromNs === null ? null : a.timeFromNs < b.timeFromNs ? a.timeFromNs : b.timeFromNs,
    timeToNs: a.timeToNs === null || b.timeToNs === null ? null : a.timeToNs > b.timeToNs ? a.timeToNs : b.timeToNs,
  };
}
