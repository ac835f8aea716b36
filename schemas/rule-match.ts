/** What a rule means for one event: whether it is counted and under which key. The collector's signals and a replay must agree on it. */
import type { Rule } from './alert.ts';
import type { EventId, FieldValue, LogEvent } from './event.ts';
import { generatedIdOf, generatedSource } from './generated-id.ts';
import { parseQuery } from './query/parse.ts';
import { compilePredicate } from './query/predicate.ts';

export interface CompiledRule {
  rule: Rule;
  counts: (event: LogEvent) => boolean;
  /** Values of the rule's `by` fields, in their order; null where the event has none. */
  keyOf: (event: LogEvent) => (string | null)[];
}

/** @throws QuerySyntaxError where the rule's query has a mistake. */
export function compileRule(rule: Rule): CompiledRule {
  const counts = compilePredicate(parseQuery(rule.query));
  return { rule, counts, keyOf: event => rule.by.map(name => keyValue(event, name)) };
}

const ownTextKeys = {
  service: event => event.service,
  container: event => event.container,
  pod: event => event.pod,
  namespace: event => event.namespace,
  node: event => event.node,
  level: event => event.level,
  message: event => event.message,
  requestId: event => event.requestId,
  source: event => event.source,
  streamId: event => event.streamId,
  output: event => event.output,
  exceptionType: event => event.exceptionType,
  timeSource: event => event.timeSource,
  template: event => event.template,
} as const satisfies Record<string, (event: LogEvent) => string | null>;

/** The event's own key, else the field of that name; `fields.NAME` reaches a field that an own key hides. A list becomes its members, joined. */
function keyValue(event: LogEvent, name: string): string | null {
  if (Object.hasOwn(ownTextKeys, name)) return ownTextKeys[name as keyof typeof ownTextKeys](event);
  const field = name.startsWith('fields.') && !Object.hasOwn(event.fields, name) ? name.slice('fields.'.length) : name;
  return Object.hasOwn(event.fields, field) ? fieldText(event.fields[field]!) : null;
}

function fieldText(value: FieldValue): string | null {
  if (value === null) return null;
  return Array.isArray(value) ? value.map(member => fieldText(member) ?? '').join(',') : String(value);
}

const shapeCharactersMax = 300;

/**
 * The part of a message that its repetitions share: what looks like a number or a hexadecimal id becomes `#`, so that "order 17 failed" and
 * "order 18 failed" are one error with the count 2. Only its first `shapeCharactersMax` characters are looked at.
 */
export function messageShape(message: string): string {
  return message.slice(0, shapeCharactersMax).replace(/\b(?:0x)?[\da-f]*\d[\da-f]*\b|\d+/gi, '#');
}

/** The id under which an event's timeline is asked for, or null where it belongs to no request. */
export function requestOf(event: LogEvent): EventId | null {
  const generated = generatedIdOf(event);
  if (generated !== null) return { kind: 'request', name: generatedSource, value: generated };
  if (event.requestId === null) return null;
  return event.ids.find(id => id.value === event.requestId) ?? { kind: 'request', name: event.requestIdSource ?? 'requestId', value: event.requestId };
}
