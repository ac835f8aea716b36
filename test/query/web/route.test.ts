import test from 'ava';
import fc from 'fast-check';
import { formatRoute, parseRoute, timelineAddress, type Route } from '../../../query/web/route.ts';

function parse(address: string): Route {
  const url = new URL(address, 'http://127.0.0.1:4680');
  return parseRoute(url.pathname, url.search);
}

const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter(value => value.isWellFormed());
const routes: fc.Arbitrary<Route> = fc.oneof(
  fc.record({ view: fc.constant('requests' as const), errorsOnly: fc.boolean(), paused: fc.boolean(), cursor: fc.option(text) }),
  fc.record({ view: fc.constant('timeline' as const), id: text, eventId: fc.option(text), folded: fc.boolean() }),
  fc.record({ view: fc.constant('search' as const), query: fc.string(), since: fc.string(), until: fc.string() }),
  fc.record({ view: fc.constant('tail' as const), query: fc.string() }),
  fc.record({ view: fc.constant('alerts' as const) }),
  fc.record({ view: fc.constant('alert' as const), id: text }),
  fc.record({ view: fc.constant('streams' as const), sort: fc.constantFrom('lag' as const, 'service' as const, 'size' as const, 'dropped' as const) }),
);

test('every view comes back from its address', t => {
  fc.assert(fc.property(routes.filter(route => !('id' in route) || (route.id !== '.' && route.id !== '..')), route => {
    t.deepEqual(parse(formatRoute(route)), route);
  }));
});

test('the plain views have plain addresses', t => {
  t.is(formatRoute({ view: 'requests', errorsOnly: false, paused: false, cursor: null }), '/');
  t.is(formatRoute({ view: 'search', query: '', since: '', until: '' }), '/search');
  t.is(timelineAddress('fe39/74'), '/timeline/fe39%2F74');
});

test('an id with a bare slash or a bad percent sign still names its timeline', t => {
  t.like(parse('/timeline/a/b'), { view: 'timeline', id: 'a/b' });
  t.like(parseRoute('/timeline/50%', ''), { view: 'timeline', id: '50%' });
});

test('an address that is none of ours is unknown, an unknown order is by lag', t => {
  t.deepEqual(parse('/nowhere'), { view: 'unknown', path: '/nowhere' });
  t.deepEqual(parse('/streams?sort=colour'), { view: 'streams', sort: 'lag' });
});
