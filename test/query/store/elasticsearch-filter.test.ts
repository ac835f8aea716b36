/** What the server may decide. That it then decides as the query means it is in test/contract/elasticsearch.test.ts. */
import test from 'ava';
import { parseQuery } from '#schemas/query/parse.ts';
import { serverFilter } from '../../../query/store/elasticsearch/filter.ts';

const filterOf = (query: string): ReturnType<typeof serverFilter> => serverFilter(parseQuery(query), 'elasticsearch');
const everything = { match_all: {} };

// [query, whether the server's answer is the query's]
for (const [query, isExact] of [
  ['level:error', true],
  ['declined', true],
  ['"card declined"', false],
  ['ord*placed', false],
  ['/dec.*d/', false],
  ['code:*', false],
  ['requestId:*', false],
  ['requestId:gen-a.0-10', false],
  ['requestId:r-1', true],
  ['fields.code:3', false],
  ['level:error declined', true],
  ['level:error "card declined"', false],
  ['level:error or /x/', false],
] as const) {
  test(`${query}: ${isExact ? 'the server decides, and so of its opposite' : 'the server only narrows down, and of its opposite nothing'}`, t => {
    const { clause, isExact: is } = filterOf(query);
    t.is(is, isExact);
    const negated = filterOf(`not (${query})`);
    t.deepEqual(negated, isExact ? { clause: { bool: { must_not: [clause] } }, isExact: true } : { clause: everything, isExact: false });
    t.deepEqual(filterOf(`not (not (${query}))`).isExact, isExact);
  });
}

test('what is or-ed with what the index cannot say lets everything through', t => {
  t.deepEqual(filterOf('/x/ or level:error').clause, { bool: { should: [everything, filterOf('level:error').clause], minimum_should_match: 1 } });
});
