/** Events and queries for the tests of the query language. */
import fc from 'fast-check';
import { levels, type Fields, type LogEvent } from '#schemas/event.ts';
import type { Comparison, Node, Operand, Pipe } from '#schemas/query/ast.ts';

export function sampleEvent(given: Partial<LogEvent> = {}): LogEvent {
  return {
    eventId: 's1:0', timeNs: 1_661_145_496_154_772_363n, timeSource: 'runtime', service: 'payment', container: 'server', pod: 'payment-7d9f', namespace: null, node: null,
    level: 'info', message: 'Card DECLINED for order 17', raw: Buffer.from('INFO Card DECLINED for order 17'), fields: {}, requestId: null, requestIdSource: null, confidence: null, ids: [],
    source: 'payment.log', streamId: 's1', streamOffset: 0, streamOffsetEnd: 31, pieces: [{ from: 0, to: 31 }], output: 'stdout', part: null, gap: null, exceptionType: null, template: null,
    ...given,
  };
}

const serviceNames = ['payment', 'cart', '10.0.0.7', 'and'];
/** Few enough that random queries match random events often. */
const times = [0n, 1n, 1_661_145_496_154_772_362n, 1_661_145_496_154_772_363n, 1_661_145_496_154_772_364n, 1_700_000_000_000_000_000n];
const fieldNames = ['status', 'duration', 'fields.level', 'http.req.id', 'two words', 'or', 'constructor', 'a:b', 'x"y'];
const values = ['200', '404', '250ms', '1.5s', '10kb', '1.4.2', 'info', '10.1.2.3', '/healthz', '', '*', 'a*b', 'not', 'back\\slash', '-5', '"', '>=3', 'payment', '2022-08-22'];

const text = fc.oneof(fc.constantFrom(...values), fc.string({ maxLength: 6, unit: 'binary' }), fc.string({ maxLength: 6 }));
const nonEmptyText = text.filter(value => value !== '');
const fieldName = fc.oneof(fc.constantFrom('service', 'message', 'raw', 'id', 'output', 'pod', ...fieldNames), fc.string({ minLength: 1, maxLength: 5 }));
const comparison = fc.constantFrom<Comparison>('>', '>=', '<', '<=');

const operand: fc.Arbitrary<Operand> = fc.oneof(
  fc.constantFrom('0', '200', '404', '-1.5', '9007199254740993', '1.10').map(number => ({ kind: 'number' as const, text: number })),
  fc.double({ min: 0, max: 1e9, noNaN: true }).filter(ms => !Object.is(ms, -0)).map(ms => ({ kind: 'duration' as const, ms })),
  fc.nat().map(bytes => ({ kind: 'size' as const, bytes })),
  fc.constantFrom('1.4.2', '2.0.0-rc.1', 'v3').map(version => ({ kind: 'version' as const, text: version })),
);

const leaf: fc.Arbitrary<Node> = fc.oneof(
  fc.constant<Node>({ type: 'all' }),
  fc.array(nonEmptyText, { minLength: 1, maxLength: 3 }).map(parts => ({ type: 'text' as const, parts })),
  fc.record({ field: fc.option(fieldName), pattern: fc.constantFrom('a', 'card (declined|x)', '[/]', '^/a/b$', '\\d+', 'x"y', 'a|b'), caseInsensitive: fc.boolean() }).map(regex => ({ type: 'regex' as const, ...regex })),
  fieldName.map(field => ({ type: 'exists' as const, field })),
  fc.record({ field: fieldName, value: text }).map(term => ({ type: 'equals' as const, ...term })),
  fc
    .record({ field: fieldName, first: text, between: fc.array(nonEmptyText, { maxLength: 2 }), last: text })
    .filter(({ first, between, last }) => first !== '' || last !== '' || between.length > 0)
    .map(({ field, first, between, last }) => ({ type: 'glob' as const, field, parts: [first, ...between, last] })),
  fc.record({ field: fieldName, network: fc.constantFrom<[string, number]>(['10.0.0.0', 8], ['2001:db8::', 32], ['::', 0]) }).map(({ field, network: [address, prefixBits] }) => ({ type: 'network' as const, field, address, prefixBits })),
  fc.record({ field: fieldName, comparison, operand }).map(term => ({ type: 'compare' as const, ...term })),
  fc.record({ comparison, ns: fc.constantFrom(...times) }).map(({ comparison: sign, ns }) => ({ type: 'compare' as const, field: 'time', comparison: sign, operand: { kind: 'time' as const, ns } })),
  fc.record({ comparison, level: fc.constantFrom(...levels) }).map(({ comparison: sign, level }) => ({ type: 'compare' as const, field: 'level', comparison: sign, operand: { kind: 'level' as const, level } })),
  fc.constantFrom(...levels).map(value => ({ type: 'equals' as const, field: 'level', value: value })),
  fc.constant<Node>({ type: 'exists', field: 'level' }),
  fc.constantFrom(...serviceNames).map(value => ({ type: 'equals' as const, field: 'service', value })),
);

/** Any query in normal form. */
export const anyNode: fc.Arbitrary<Node> = fc.letrec<{ node: Node }>(tie => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    tie('node').map(node => ({ type: 'not' as const, node })),
    fc.tuple(fc.constantFrom<'and' | 'or'>('and', 'or'), fc.array(tie('node'), { minLength: 2, maxLength: 3 })).map(([type, nodes]) => ({ type, nodes: nodes.flatMap(node => (node.type === type ? node.nodes : [node])) })),
  ),
})).node;

export const anyPipe: fc.Arbitrary<Pipe> = fc.oneof(
  fc.integer({ min: 1, max: 1_000_000 }).map(count => ({ type: 'limit' as const, count })),
  fc.boolean().map(descending => ({ type: 'sort' as const, field: 'time' as const, descending })),
  fc.array(fieldName, { minLength: 1, maxLength: 3 }).map(names => ({ type: 'fields' as const, names })),
);

const fieldValue = fc.oneof(fc.constantFrom(...values), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.oneof(fc.constantFrom(...values), fc.integer()), { maxLength: 3 }));

export const anyEvent: fc.Arbitrary<LogEvent> = fc
  .record({
    timeNs: fc.constantFrom(...times),
    level: fc.constantFrom(null, ...levels),
    service: fc.constantFrom(null, ...serviceNames),
    message: fc.constantFrom('Card DECLINED for order 17', '', 'a x b', 'not found'),
    fields: fc.array(fc.tuple(fc.constantFrom(...fieldNames), fieldValue), { maxLength: 4 }).map(entries => Object.fromEntries(entries) as Fields),
  })
  .map(sampleEvent);
