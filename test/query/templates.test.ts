import test from 'ava';
import { defaultOptions } from '#schemas/options.ts';
import { Queries } from '../../query/queries.ts';
import { neverAborted } from '../helpers/store.ts';
import { storeOf } from './timeline/lines.ts';

const one = (service: string | null, template: string | null): [string, { service: string | null; template: string | null }] => ['', { service, template }];
const queries = new Queries(storeOf(one('cart', 'read <*>'), one('pay', 'read <*>'), one('cart', 'said "<*>" \\ here'), one('cart', 'read <*>'), one(null, 'read <*>'), one('cart', null)), defaultOptions());

test('templates are counted per service, with when they were first and last seen and a query that finds them', async t => {
  const { templates, distinct, events } = await queries.templates({}, neverAborted);
  t.deepEqual(templates.map(({ template, service, count, firstAt, lastAt }) => [template, service, count, firstAt.slice(17, 19), lastAt.slice(17, 19)]), [
    ['read <*>', 'cart', 2, '00', '03'],
    ['read <*>', null, 1, '04', '04'],
    ['read <*>', 'pay', 1, '01', '01'],
    ['said "<*>" \\ here', 'cart', 1, '02', '02'],
  ]);
  t.deepEqual([distinct, events], [4, 5]);
  t.is(new Set(templates.map(({ id }) => id)).size, 2, 'the id is that of the text');
  for (const { query, count } of templates) t.is((await queries.events({ query }, neverAborted)).events.length, count, query);
});

test('templates of a query, at most so many', async t => {
  const { templates, distinct } = await queries.templates({ query: 'service:cart', limit: 1 }, neverAborted);
  t.deepEqual([templates.length, templates[0]!.template, distinct], [1, 'read <*>', 2]);
});
