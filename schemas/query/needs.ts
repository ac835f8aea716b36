/** What every match of a query must have, for stores to skip what cannot match. Only ever too wide, never too narrow. */
import { levelRank, levels, type Level } from '../event.ts';
import type { Node, Query } from './ast.ts';
import { timeNsOf } from './values.ts';

export interface QueryNeeds {
  /** Levels a match may have; null where any or none will do. */
  levels: Set<Level> | null;
  services: Set<string> | null;
  /** Half-open `[timeFromNs, timeToNs)`. */
  timeFromNs: bigint | null;
  timeToNs: bigint | null;
}

const anything: QueryNeeds = { levels: null, services: null, timeFromNs: null, timeToNs: null };

export function queryNeeds(query: Query | Node): QueryNeeds {
  return needsOf('filter' in query ? query.filter : query);
}

function needsOf(node: Node): QueryNeeds {
  switch (node.type) {
    case 'and':
      return node.nodes.map(needsOf).reduce(both);
    case 'or':
      return node.nodes.map(needsOf).reduce(either);
    case 'equals':
      if (node.field === 'service') return { ...anything, services: new Set([node.value]) };
      if (node.field === 'level') return { ...anything, levels: new Set([node.value as Level]) };
      return anything;
    case 'compare': {
      if (node.field === 'level') {
        const rank = levelRank(node.value as Level);
        const matches = { '>': (r: number) => r > rank, '>=': (r: number) => r >= rank, '<': (r: number) => r < rank, '<=': (r: number) => r <= rank }[node.comparison];
        return { ...anything, levels: new Set(levels.filter(level => matches(levelRank(level)))) };
      }
      const ns = node.field === 'time' ? timeNsOf(node.value) : null;
      if (ns === null) return anything;
      switch (node.comparison) {
        case '>=':
          return { ...anything, timeFromNs: ns };
        case '>':
          return { ...anything, timeFromNs: ns + 1n };
        case '<':
          return { ...anything, timeToNs: ns };
        case '<=':
          return { ...anything, timeToNs: ns + 1n };
      }
    }
    // eslint-disable-next-line no-fallthrough -- every comparison returned above
    default:
      return anything;
  }
}

function both(a: QueryNeeds, b: QueryNeeds): QueryNeeds {
  return {
    levels: a.levels === null ? b.levels : b.levels === null ? a.levels : a.levels.intersection(b.levels),
    services: a.services === null ? b.services : b.services === null ? a.services : a.services.intersection(b.services),
    timeFromNs: a.timeFromNs === null ? b.timeFromNs : b.timeFromNs === null ? a.timeFromNs : a.timeFromNs > b.timeFromNs ? a.timeFromNs : b.timeFromNs,
    timeToNs: a.timeToNs === null ? b.timeToNs : b.timeToNs === null ? a.timeToNs : a.timeToNs < b.timeToNs ? a.timeToNs : b.timeToNs,
  };
}

function either(a: QueryNeeds, b: QueryNeeds): QueryNeeds {
  return {
    levels: a.levels === null || b.levels === null ? null : a.levels.union(b.levels),
    services: a.services === null || b.services === null ? null : a.services.union(b.services),
    timeFromNs: a.timeFromNs === null || b.timeFromNs === null ? null : a.timeFromNs < b.timeFromNs ? a.timeFromNs : b.timeFromNs,
    timeToNs: a.timeToNs === null || b.timeToNs === null ? null : a.timeToNs > b.timeToNs ? a.timeToNs : b.timeToNs,
  };
}
