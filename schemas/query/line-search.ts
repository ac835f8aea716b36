/** What of a query can be looked for in many lines at once, as bytes: a regular expression that every matching message holds. */
import { filterOf, type Node, type Query } from './ast.ts';

/** Global, for text whose letters are ASCII; null where the query has nothing of the kind. */
export function lineSearch(query: Query | Node): RegExp | null {
  const needles = needlesOf(filterOf(query));
  return needles === null ? null : new RegExp(needles.map(needle => needle.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'gi');
}

/** Texts of which at least one stands in every message that matches; null where nothing is known. */
function needlesOf(node: Node): string[] | null {
  switch (node.type) {
    case 'text': {
      const ascii = node.parts.filter(part => /^[\x20-\x7e]+$/.test(part));
      return ascii.length === 0 ? null : [longest(ascii)];
    }
    case 'and': {
      const all = node.nodes.map(needlesOf).filter(needles => needles !== null);
      return all.length === 0 ? null : all.reduce((best, needles) => (shortestOf(needles) > shortestOf(best) ? needles : best));
    }
    case 'or': {
      const all = node.nodes.map(needlesOf);
      return all.includes(null) ? null : all.flatMap(needles => needles!);
    }
    default:
      return null;
  }
}

const longest = (texts: readonly string[]): string => texts.reduce((best, text) => (text.length > best.length ? text : best));
/** The longer the shortest, the fewer lines hold any of them. */
const shortestOf = (texts: readonly string[]): number => Math.min(...texts.map(({ length }) => length));
