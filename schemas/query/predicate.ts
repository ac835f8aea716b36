/** A query as a function over events. Everything that can be worked out once is; what is left runs for every event. */
import { compileLinearRegex } from '#lib/linear-regex.ts';
import { levelRank, type FieldValue, type Level, type LogEvent } from '../event.ts';
import type { Comparison, Node, Query } from './ast.ts';
import { fieldReader, idTest } from './field.ts';
import { networkTest } from './network.ts';
import { compareVersions, durationMsOf, numberOf, readComparedValue, sizeOf, timeNsOf, versionOf } from './values.ts';

export type Predicate = (event: LogEvent) => boolean;

export function compilePredicate(query: Query | Node): Predicate {
  return compile('filter' in query ? query.filter : query);
}

function compile(node: Node): Predicate {
  switch (node.type) {
    case 'all':
      return () => true;
    case 'and': {
      const predicates = node.nodes.map(compile);
      return event => predicates.every(predicate => predicate(event));
    }
    case 'or': {
      const predicates = node.nodes.map(compile);
      return event => predicates.some(predicate => predicate(event));
    }
    case 'not': {
      const predicate = compile(node.node);
      return event => !predicate(event);
    }
    case 'text': {
      const needle = node.value.toLowerCase();
      return event => event.message.toLowerCase().includes(needle);
    }
    case 'regex': {
      const { find } = compileLinearRegex(node.pattern);
      if (node.field === null) return event => find(event.message);
      return onText(node.field, find);
    }
    case 'equals':
      if (node.field === 'id' || node.field === 'requestId') return equalsId(node.field, node.value);
      return onText(node.field, text => text === node.value);
    case 'prefix':
      return onText(node.field, text => text.startsWith(node.value));
    case 'exists': {
      const read = fieldReader(node.field);
      return event => {
        const value = read(event);
        return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
      };
    }
    case 'network':
      return onText(node.field, networkTest(node.value), node.value);
    case 'compare':
      return comparing(node.field, node.comparison, node.value);
  }
}

/** Ids match in any spelling. */
function equalsId(field: 'id' | 'requestId', value: string): Predicate {
  const any = idTest(value);
  return field === 'id' ? any : event => event.requestId !== null && any({ ...event, ids: [{ kind: 'request', name: '', value: event.requestId }] });
}

/** A test on the text of a field's value or of any member of an array. `orText` matches the value's own text as well. */
function onText(field: string, test: (text: string) => boolean, orText?: string): Predicate {
  const read = fieldReader(field);
  const one = (value: FieldValue): boolean => (Array.isArray(value) ? value.some(one) : value !== null && (test(textOf(value)) || textOf(value) === orText));
  return event => {
    const value = read(event);
    return value !== undefined && one(value);
  };
}

function textOf(value: string | number | boolean): string {
  return typeof value === 'string' ? value : String(value);
}

const holds: Record<Comparison, (difference: number) => boolean> = { '>': d => d > 0, '>=': d => d >= 0, '<': d => d < 0, '<=': d => d <= 0 };

function comparing(field: string, comparison: Comparison, valueText: string): Predicate {
  const test = holds[comparison];
  if (field === 'level') {
    const rank = levelRank(valueText as Level);
    return event => event.level !== null && test(levelRank(event.level) - rank);
  }
  const value = readComparedValue(valueText);
  if (value === null) return () => false;
  if (field === 'time') {
    if (value.type !== 'time') return () => false;
    return event => test(event.timeNs < value.ns ? -1 : event.timeNs > value.ns ? 1 : 0);
  }
  const difference = (candidate: string | number | boolean): number | null => {
    const text = textOf(candidate);
    switch (value.type) {
      case 'number': {
        // A bare number against a duration means milliseconds.
        const number = typeof candidate === 'number' ? candidate : (numberOf(text) ?? durationMsOf(text));
        return number === null ? null : number - value.value;
      }
      case 'duration': {
        const ms = typeof candidate === 'number' ? candidate : (durationMsOf(text) ?? numberOf(text));
        return ms === null ? null : ms - value.ms;
      }
      case 'size': {
        const bytes = typeof candidate === 'number' ? candidate : (sizeOf(text) ?? numberOf(text));
        return bytes === null ? null : bytes - value.bytes;
      }
      case 'version': {
        const parts = versionOf(text);
        return parts === null ? null : compareVersions(parts, value.parts);
      }
      case 'time': {
        const ns = timeNsOf(text);
        return ns === null ? null : ns < value.ns ? -1 : ns > value.ns ? 1 : 0;
      }
    }
  };
  const read = fieldReader(field);
  const one = (candidate: FieldValue): boolean => {
    if (candidate === null) return false;
    if (Array.isArray(candidate)) return candidate.some(one);
    const d = difference(candidate);
    return d !== null && test(d);
  };
  return event => {
    const candidate = read(event);
    return candidate !== undefined && one(candidate);
  };
}
