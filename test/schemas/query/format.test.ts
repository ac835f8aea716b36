import fc from 'fast-check';
import test from 'ava';
import { formatQuery } from '#schemas/query/format.ts';
import { parseQuery, QuerySyntaxError } from '#schemas/query/parse.ts';
import { anyNode, anyPipe } from './sample.ts';

test('a query written back and read again is the same query', t => {
  fc.assert(
    fc.property(anyNode, fc.array(anyPipe, { maxLength: 2 }), (filter, pipes) => {
      const text = formatQuery({ filter, pipes, text: '' });
      const read = parseQuery(text);
      return t.deepEqual({ filter: read.filter, pipes: read.pipes }, { filter, pipes }, text);
    }),
    { numRuns: 3000 },
  );
});

test('a typed query keeps its meaning when written back', t => {
  const typed = fc.array(fc.constantFrom('a', '*', '-', ' ', ' ', ' or ', ' and ', ' not ', '(', ')', 'f:', 'f>=', '"x y"', '/b+/', '/c d:/', '10.0.0.0/8', '5', 'level:', 'warn', 'time:2022-08-22', '/', '::', 'é'), { maxLength: 12 }).map(all => all.join(''));
  let read = 0;
  fc.assert(
    fc.property(typed, text => {
      let query;
      try {
        query = parseQuery(text);
      } catch (error) {
        return error instanceof QuerySyntaxError;
      }
      read++;
      const again = parseQuery(formatQuery(query));
      return t.deepEqual(again.filter, query.filter, `${text} -> ${formatQuery(query)}`);
    }),
    { numRuns: 3000 },
  );
  t.true(read > 300);
});

test('what needs no quotes gets none', t => {
  t.is(formatQuery(parseQuery('service:payment (level>=warn or "card declined") -path:/healthz | limit 5')), 'service:payment (level>=warn or "card declined") not path:"/healthz" | limit 5');
  t.is(formatQuery(parseQuery('time>-1d', { nowMs: 86_400_000 })), 'time>1970-01-01T00:00:00.000000000Z');
});
