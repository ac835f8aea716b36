import fc from 'fast-check';
import test from 'ava';
import { canonicalId } from '#schemas/canonical-id.ts';
import { queryNeeds } from '#schemas/query/needs.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import { compilePredicate } from '#schemas/query/predicate.ts';
import { anyEvent, anyNode } from './sample.ts';

test('no event that matches lacks what the query needs', t => {
  let matched = 0;
  fc.assert(
    fc.property(anyNode, fc.array(anyEvent, { minLength: 20, maxLength: 20 }), (node, events) => {
      const needs = queryNeeds(node);
      for (const event of events.filter(compilePredicate(node))) {
        matched++;
        if (needs.levels !== null && (event.level === null || !needs.levels.has(event.level))) return false;
        if (needs.services !== null && (event.service === null || !needs.services.has(event.service))) return false;
        const { ids } = needs;
        if (ids !== null && ![...event.ids.map(({ value }) => value), event.requestId ?? ''].some(value => ids.has(canonicalId(value) ?? ''))) return false;
        if (needs.timeFromNs !== null && event.timeNs < needs.timeFromNs) return false;
        if (needs.timeToNs !== null && event.timeNs >= needs.timeToNs) return false;
      }
      return true;
    }),
    { numRuns: 4000 },
  );
  t.true(matched > 1000);
});

const needs = (text: string): unknown => queryNeeds(parseQuery(text));
const anything = { levels: null, services: null, ids: null, timeFromNs: null, timeToNs: null };

test('level, service and time narrow a search', t => {
  t.deepEqual(needs('level>=error service:(cart or payment) x'), { ...anything, levels: new Set(['error', 'fatal']), services: new Set(['cart', 'payment']) });
  t.deepEqual(needs('time>1970-01-01 time<=1970-01-02'), { ...anything, timeFromNs: 1n, timeToNs: 86_400_000_000_001n });
  t.deepEqual(needs('not time<1970-01-02'), { ...anything, timeFromNs: 86_400_000_000_000n });
  t.deepEqual(needs('not (x or -service:cart)'), { ...anything, services: new Set(['cart']) });
  t.deepEqual(needs('(level:warn level:error) or level:info'), { ...anything, levels: new Set(['info']) });
  t.deepEqual(needs('not *'), { ...anything, levels: new Set() });
});

test('ids narrow a search in their canonical form; what is no id, or stands in a not, does not', t => {
  t.deepEqual(needs('id:FE397411-5B91-1675-D064-0788986F80C9 x'), { ...anything, ids: new Set([canonicalId('fe3974115b911675d0640788986f80c9')]) });
  t.deepEqual(needs('id:r-1 or requestId:r-2'), { ...anything, ids: new Set(['r-1', 'r-2']) });
  for (const text of ['id:-', 'not id:r-1', 'id:r-1 or x', 'id:r*']) t.deepEqual(needs(text), anything, text);
});

test('what also matches events without a level or service needs none', t => {
  for (const text of ['', 'x', 'level:warn or x', 'not level:info', 'not level>=warn', 'not level:*', '-service:cart', 'service:c*', 'fields.level:warn']) t.deepEqual(needs(text), anything, text);
});
