/** Whether a query is decided by level, service and time alone, which a store knows without reading an event. */
import { filterOf, type Node, type Query } from './ast.ts';

/** The fields that decide it: the empty set for one that matches everything; null where it asks for anything else. */
export function headFields(query: Query | Node): Set<'level' | 'service' | 'time'> | null {
  const fields = new Set<'level' | 'service' | 'time'>();
  return collect(filterOf(query), fields) ? fields : null;
}

function collect(node: Node, fields: Set<'level' | 'service' | 'time'>): boolean {
  switch (node.type) {
    case 'all':
      return true;
    case 'not':
      return collect(node.node, fields);
    case 'and':
    case 'or':
      return node.nodes.every(item => collect(item, fields));
    case 'equals':
    case 'glob':
    case 'exists':
    case 'compare': {
      const { field } = node;
      // A time that is compared as text is not known without its nanoseconds.
      if (field !== 'level' && field !== 'service' && !(field === 'time' && node.type === 'compare')) return false;
      fields.add(field);
      return true;
    }
    default:
      return false;
  }
}
