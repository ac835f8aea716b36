/** A query as a function over events. What can be worked out once is; the rest runs for every event, so cheap tests of an `and` go first. */
import { invariant } from '#lib/assert.ts';
import { canonicalId } from '../canonical-id.ts';
import { levelRank, type FieldValue, type LogEvent } from '../event.ts';
import { eventIdOfGenerated, generatedSource } from '../generated-id.ts';
import { filterOf, type Node, type Query } from './ast.ts';
import { fieldReader } from './field.ts';
import { networkTest } from './network.ts';
import { comparisonHolds, orderAgainst } from './operand.ts';
import { regexTest } from './regex.ts';

export type Predicate = (event: LogEvent) => boolean;

/** The order of a query's terms means nothing, and pipes are for the caller. */
export function compilePredicate(query: Query | Node): Predicate {
  return compile(filterOf(query), lowerCaseMessage());
}

type LowerCase = (event: LogEvent) => string;

/** The message in lower case, made once however many words are looked for in it. */
function lowerCaseMessage(): LowerCase {
  let lastMessage = '';
  let lastLower = '';
  return ({ message }) => {
    if (message !== lastMessage) {
      lastMessage = message;
      lastLower = message.toLowerCase();
    }
    return lastLower;
  };
}

function compile(node: Node, lowerCase: LowerCase): Predicate {
  switch (node.type) {
    case 'all':
      return () => true;
    case 'and':
      return allOf(cheapestFirst(node.nodes).map(item => compile(item, lowerCase)));
    case 'or':
      return anyOf(cheapestFirst(node.nodes).map(item => compile(item, lowerCase)));
    case 'not': {
      const predicate = compile(node.node, lowerCase);
      return event => !predicate(event);
    }
    case 'text':
      return textPredicate(node.parts, lowerCase);
    case 'regex': {
      const { test, problem } = regexTest(node);
      invariant(test !== null, `a regex of a parsed query compiles: ${problem ?? ''}`);
      return node.field === null ? event => test(event.message) : onText(node.field, test);
    }
    case 'exists': {
      const read = fieldReader(node.field);
      return event => (read(event) ?? null) !== null;
    }
    case 'equals':
      return equalsPredicate(node.field, node.value);
    case 'glob':
      return onText(node.field, globTest(node.parts));
    case 'network': {
      const isMember = networkTest(node);
      const spelling = `${node.address}/${node.prefixBits}`;
      return onText(node.field, text => isMember(text) || text === spelling);
    }
    case 'compare':
      return comparePredicate(node);
  }
}

/** Rough cost of a test, for the order of tests only. */
function cost(node: Node): number {
  switch (node.type) {
    case 'all':
      return 0;
    case 'and':
    case 'or':
      return node.nodes.reduce((sum, item) => sum + cost(item), 0);
    case 'not':
      return cost(node.node);
    case 'text':
      return 20;
    case 'regex':
      return 100;
    default:
      return ('field' in node && slowFields.has(node.field)) || node.type === 'network' ? 20 : node.field === 'level' || node.field === 'service' || node.field === 'time' ? 1 : 5;
  }
}

const slowFields = new Set(['raw', 'id', 'requestId']);

function cheapestFirst(nodes: readonly Node[]): Node[] {
  return nodes.map(node => ({ node, cost: cost(node) })).sort((a, b) => a.cost - b.cost).map(({ node }) => node);
}

function allOf(predicates: readonly Predicate[]): Predicate {
  return event => {
    for (const predicate of predicates) if (!predicate(event)) return false;
    return true;
  };
}

function anyOf(predicates: readonly Predicate[]): Predicate {
  return event => {
    for (const predicate of predicates) if (predicate(event)) return true;
    return false;
  };
}

function textPredicate(parts: readonly string[], lowerCase: LowerCase): Predicate {
  const needles = parts.map(part => part.toLowerCase());
  const [only] = needles;
  if (needles.length === 1) return event => lowerCase(event).includes(only!);
  return event => {
    const message = lowerCase(event);
    let from = 0;
    for (const needle of needles) {
      const at = message.indexOf(needle, from);
      if (at < 0) return false;
      from = at + needle.length;
    }
    return true;
  };
}

function equalsPredicate(field: string, value: string): Predicate {
  switch (field) {
    case 'service':
      return event => event.service === value;
    case 'level':
      return event => event.level === value;
    case 'id':
    case 'requestId':
      return idPredicate(field, value);
    default:
      return onText(field, text => text === value);
  }
}

/** Ids match in any spelling; a placeholder is no id and matches only itself. */
function idPredicate(field: 'id' | 'requestId', value: string): Predicate {
  const canonical = canonicalId(value);
  const isSame = (id: string): boolean => id === value || (canonical !== null && canonicalId(id) === canonical);
  const generatedOf = canonical === null ? null : eventIdOfGenerated(canonical);
  const isRequest: Predicate = event => (event.requestId !== null ? isSame(event.requestId) : event.requestIdSource === generatedSource && event.eventId === generatedOf);
  if (field === 'requestId') return isRequest;
  return event => event.ids.some(id => isSame(id.value)) || isRequest(event);
}

/** The first and the last part are at the ends; those between follow each other. Taking each at its first place misses nothing. */
function globTest(parts: readonly string[]): (text: string) => boolean {
  const first = parts[0]!;
  const last = parts[parts.length - 1]!;
  const between = parts.slice(1, -1);
  return text => {
    if (!text.startsWith(first) || !text.endsWith(last)) return false;
    let from = first.length;
    for (const part of between) {
      const at = text.indexOf(part, from);
      if (at < 0) return false;
      from = at + part.length;
    }
    return from <= text.length - last.length;
  };
}

function comparePredicate({ field, comparison, operand }: Node & { type: 'compare' }): Predicate {
  const holds = comparisonHolds[comparison];
  if (field === 'level' && operand.kind === 'level') {
    const rank = levelRank(operand.level);
    return event => event.level !== null && holds(levelRank(event.level) - rank);
  }
  if (field === 'time' && operand.kind === 'time') {
    const { ns } = operand;
    return event => holds(event.timeNs < ns ? -1 : event.timeNs > ns ? 1 : 0);
  }
  const order = orderAgainst(operand);
  return onValue(field, value => {
    const found = order(value);
    return found !== null && holds(found);
  });
}

/** A test on the text of a field's value, or of any member of an array. */
function onText(field: string, test: (text: string) => boolean): Predicate {
  const read = fieldReader(field);
  const testText = (value: FieldValue): boolean => (typeof value === 'string' ? test(value) : Array.isArray(value) ? value.some(testText) : test(String(value)));
  return event => {
    const value = read(event);
    return value !== undefined && testText(value);
  };
}

/** A test on a field's value, or on any member of an array. */
function onValue(field: string, test: (value: string | number | boolean) => boolean): Predicate {
  const read = fieldReader(field);
  const testValue = (value: FieldValue): boolean => (Array.isArray(value) ? value.some(testValue) : value !== null && test(value));
  return event => {
    const value = read(event);
    return value !== undefined && testValue(value);
  };
}
