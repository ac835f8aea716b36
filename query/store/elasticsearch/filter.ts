/**
 * A query as a filter of the server. It may let through what does not match, never hold back what does; `isExact` where it does neither. Both only for
 * documents that are wholly in the index: those that are not (`leadline.partly_indexed`) are looked at whatever the filter says.
 */
import type { ElasticFlavour } from '#lib/elasticsearch/server.ts';
import { canonicalId } from '#schemas/canonical-id.ts';
import { cutForLookUp } from '#schemas/elasticsearch/document.ts';
import { indexedName } from '#schemas/elasticsearch/field-names.ts';
import { isOneRun, runsOf } from '#schemas/elasticsearch/message-runs.ts';
import { keywordCharsMax } from '#schemas/elasticsearch/template.ts';
import { levelRank, levels } from '#schemas/event.ts';
import { eventIdOfGenerated } from '#schemas/generated-id.ts';
import { filterOf, type Comparison, type Node, type Operand, type Query } from '#schemas/query/ast.ts';
import { isOwnField, type OwnField } from '#schemas/query/field.ts';
import { comparisonHolds } from '#schemas/query/operand.ts';

export interface ServerFilter {
  clause: object;
  isExact: boolean;
}

/** An event's own keys that stand in the index as they are. */
export const keywordOf: Partial<Record<OwnField, string>> = {
  service: 'service.name', level: 'log.level', container: 'container.name', pod: 'kubernetes.pod.name', namespace: 'kubernetes.namespace', node: 'kubernetes.node.name', exceptionType: 'error.type',
  source: 'leadline.source', streamId: 'leadline.stream_id', timeSource: 'leadline.time_source', output: 'leadline.output', template: 'leadline.template', gap: 'leadline.gap_cause',
};
/** Every event has them. */
const alwaysThere = new Set<string>(['eventId', 'time', 'timeNs', 'timeSource', 'message', 'raw', 'source', 'streamId', 'streamOffset', 'streamOffsetEnd'] satisfies OwnField[]);

const everything: ServerFilter = { clause: { match_all: {} }, isExact: true };
/** Nothing that the index could say. */
const unknown: ServerFilter = { clause: { match_all: {} }, isExact: false };

export const term = (field: string, value: string | boolean): object => ({ term: { [field]: { value } } });
export const exists = (field: string): object => ({ exists: { field } });
export const anyOf = (clauses: readonly object[]): object => (clauses.length === 1 ? clauses[0]! : { bool: { should: clauses, minimum_should_match: 1 } });
export const allOf = (clauses: readonly object[]): object => (clauses.length === 1 ? clauses[0]! : { bool: { filter: clauses } });
export const partlyIndexed = term('leadline.partly_indexed', true);

/** Half-open. */
export function timeClause(fromNs: bigint | null, toNs: bigint | null): object | null {
  if (fromNs === null && toNs === null) return null;
  return { range: { 'leadline.time_ns': { ...(fromNs === null ? {} : { gte: longText(fromNs) }), ...(toNs === null ? {} : { lt: longText(toNs) }) } } };
}

/** A long takes no more. */
function longText(ns: bigint): string {
  return (ns > 2n ** 63n - 1n ? 2n ** 63n - 1n : ns < -(2n ** 63n) ? -(2n ** 63n) : ns).toString();
}

export function serverFilter(query: Query | Node, flavour: ElasticFlavour): ServerFilter {
  return compile(filterOf(query), flavour);
}

function compile(node: Node, flavour: ElasticFlavour): ServerFilter {
  switch (node.type) {
    case 'all':
      return everything;
    case 'and':
    case 'or': {
      const parts = node.nodes.map(item => compile(item, flavour));
      return { clause: (node.type === 'and' ? allOf : anyOf)(parts.map(({ clause }) => clause)), isExact: parts.every(({ isExact }) => isExact) };
    }
    case 'not': {
      const part = compile(node.node, flavour);
      return part.isExact ? { clause: { bool: { must_not: [part.clause] } }, isExact: true } : unknown;
    }
    case 'text':
      return runFilter(node.parts, node.parts.length === 1 && isOneRun(node.parts[0]!));
    case 'regex':
      return unknown;
    case 'exists':
      return existsFilter(node.field);
    case 'equals':
      return equalsFilter(node.field, node.value, flavour);
    case 'glob':
      return globFilter(node.field, node.parts, flavour);
    case 'network':
      return placedFilter(node.field, 'addresses', short => term(`addresses.${short}`, `${node.address}/${node.prefixBits}`));
    case 'compare':
      return compareFilter(node.field, node.comparison, node.operand);
  }
}

/** Messages that hold every run of the parts in a token. */
function runFilter(parts: readonly string[], isExact: boolean): ServerFilter {
  const clauses = parts.flatMap(runsOf).map(({ text, isStart, isEnd }) => {
    if (isStart && isEnd) return term('message', text);
    return isStart ? { prefix: { message: { value: text } } } : { wildcard: { message: { value: `*${text}${isEnd ? '' : '*'}` } } };
  });
  return clauses.length === 0 ? unknown : { clause: allOf(clauses), isExact };
}

/** Names in `fields` that a query's name may mean; null where the name itself would be taken for a pattern. */
function namesIn(field: string): string[] | null {
  if (/[*?]/.test(field) || field.trim() === '') return null;
  return field.startsWith('fields.') && field.length > 'fields.'.length ? [field, field.slice('fields.'.length)] : [field];
}

function existsFilter(field: string): ServerFilter {
  if (isOwnField(field)) {
    if (alwaysThere.has(field)) return everything;
    const keyword = keywordOf[field];
    return keyword === undefined ? unknown : { clause: exists(keyword), isExact: true };
  }
  const names = namesIn(field);
  // An array may hold a null and be there.
  return names === null ? unknown : { clause: anyOf(names.flatMap(name => [exists(`fields.${name}`), term('leadline.null_fields', name)])), isExact: false };
}

function equalsFilter(field: string, value: string, flavour: ElasticFlavour): ServerFilter {
  if (field === 'id' || field === 'requestId') {
    const canonical = canonicalId(value);
    if (canonical === null || !canonical.isWellFormed()) return unknown;
    const form = cutForLookUp(canonical)!;
    const places = [...(field === 'id' ? [term('leadline.ids', form)] : []), term('leadline.request', form)];
    const generatedOf = eventIdOfGenerated(canonical);
    if (generatedOf !== null) return { clause: anyOf([...places, { ids: { values: [generatedOf] } }]), isExact: false };
    return { clause: anyOf(places), isExact: canonical.length < keywordCharsMax };
  }
  if (value.length > keywordCharsMax || !value.isWellFormed()) return unknown;
  if (field === 'eventId') return { clause: { ids: { values: [value] } }, isExact: true };
  if (isOwnField(field)) {
    const keyword = keywordOf[field];
    return keyword === undefined ? unknown : { clause: term(keyword, value), isExact: true };
  }
  const names = namesIn(field);
  if (names === null || value === '') return unknown;
  const clauses = names.flatMap(name => [term(`fields.${name}`, value), ...(value === 'null' ? [term('leadline.null_fields', name)] : [])]);
  // Of two names only the first counts where an event has both.
  return { clause: anyOf(clauses), isExact: names.length === 1 && flavour === 'elasticsearch' };
}

function globFilter(field: string, parts: readonly string[], flavour: ElasticFlavour): ServerFilter {
  if (field === 'message') return runFilter(parts, false);
  const first = parts[0]!;
  if (first === '' || first.length > keywordCharsMax || !first.isWellFormed()) return unknown;
  const isPrefix = parts.length === 2 && parts[1] === '';
  const prefix = (name: string): object => ({ prefix: { [name]: { value: first } } });
  if (isOwnField(field)) {
    const keyword = keywordOf[field];
    return keyword === undefined ? unknown : { clause: prefix(keyword), isExact: isPrefix };
  }
  const names = namesIn(field);
  if (names === null) return unknown;
  const clauses = names.flatMap(name => [prefix(`fields.${name}`), ...('null'.startsWith(first) ? [term('leadline.null_fields', name)] : [])]);
  return { clause: anyOf(clauses), isExact: isPrefix && names.length === 1 && flavour === 'elasticsearch' };
}

/** By a number or an address where the field has a place among them; what has none may be a text that means one. */
function placedFilter(field: string, place: 'numbers' | 'addresses', clauseOf: (short: string) => object): ServerFilter {
  if (isOwnField(field)) return unknown;
  const names = namesIn(field);
  if (names === null) return unknown;
  const clauses = names.map(name => {
    const short = indexedName(name);
    if (short === null) return exists(`fields.${name}`);
    return anyOf([clauseOf(short), { bool: { filter: [exists(`fields.${name}`)], must_not: [exists(`${place}.${short}`)] } }]);
  });
  return { clause: anyOf(clauses), isExact: false };
}

const rangeOf: Record<Comparison, string> = { '>': 'gt', '>=': 'gte', '<': 'lt', '<=': 'lte' };

function compareFilter(field: string, comparison: Comparison, operand: Operand): ServerFilter {
  if (field === 'level' && operand.kind === 'level') {
    const taken = levels.filter(level => comparisonHolds[comparison](levelRank(level) - levelRank(operand.level)));
    return { clause: { terms: { 'log.level': taken } }, isExact: true };
  }
  if (field === 'time' && operand.kind === 'time') {
    const isWithin = operand.ns >= -(2n ** 63n) && operand.ns < 2n ** 63n;
    return isWithin ? { clause: { range: { 'leadline.time_ns': { [rangeOf[comparison]]: operand.ns.toString() } } }, isExact: true } : unknown;
  }
  const number = operand.kind === 'number' ? Number(operand.text) : operand.kind === 'duration' ? operand.ms : operand.kind === 'size' ? operand.bytes : null;
  if (number === null || !Number.isFinite(number) || Math.abs(number) > Number.MAX_SAFE_INTEGER) {
    const names = isOwnField(field) ? null : namesIn(field);
    return names === null ? unknown : { clause: anyOf(names.map(name => exists(`fields.${name}`))), isExact: false };
  }
  return placedFilter(field, 'numbers', short => ({ range: { [`numbers.${short}`]: { [rangeOf[comparison]]: number } } }));
}
