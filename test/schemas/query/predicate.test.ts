import fc from 'fast-check';
import test from 'ava';
import type { LogEvent } from '#schemas/event.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import { compilePredicate } from '#schemas/query/predicate.ts';
import { anyEvent, anyNode, sampleEvent } from './sample.ts';

const uuid = 'fc48d1ba-9b0e-4e8a-8a5f-1c2d3e4f5a6b';

const event = sampleEvent({
  fields: {
    status: 503, share: -0.5, duration: 300, took: '1.5s', waited: '90', bytes: 20_480, size: '12 KiB', version: '1.10.0', ok: true, nothing: null, empty: '', none: [],
    tags: ['blue', 7, ['deep']], 'http.path': '/api/users/17', client: '10.1.2.3:5555', peer: '2001:DB8::7', mapped: '::ffff:10.1.2.3', addresses: ['172.16.0.1', '10.9.9.9'], net: '10.0.0.0/8',
    level: 'warn', big: '9007199254740993', started: '2022-08-22T05:18:16.154772363Z', constructor: 'mine', 'fields.odd': 'inner', odd: 'outer',
  },
  requestId: 'ABCDEF0123456789abcdef0123456780',
  ids: [{ kind: 'trace', name: 'TraceID', value: 'ABCDEF0123456789abcdef0123456780' }, { kind: 'request', name: 'http.req.id', value: uuid }],
});

const matching = [
  '', '*', 'declined', 'DECLINED', 'ard*order', '"for ORDER 17"', 'card declined', 'card or nothing', '-refund', 'not (refund or chargeback)',
  'service:payment', 'service:pay*', 'service:*ment', 'service:*', 'service:(cart or payment)', '-namespace:*', 'namespace:* or pod:*', 'output:stdout', 'streamOffset:0', 'message:"Card DECLINED for order 17"', 'raw:INFO*', 'eventId:"s1:0"',
  'level:info', 'level:INFO', 'level>=info', 'level>debug', 'level<=info', 'level<warn', 'level:(info or warn)', 'level:i*', 'fields.level:warn', 'fields.level:warn level:info',
  'status:503', 'status>=500', 'status<504', 'status:(>=500 <600)', 'status>502.5', 'share<0', 'ok:true', 'empty:""', 'empty:*', 'none:*', 'nothing:null', '-nothing:*', '-absent:*',
  'duration>250ms', 'duration<1s', 'duration>=0.3s', 'took>1s', 'took>1000', 'took<=1500', 'waited>80ms', 'bytes>20kb', 'bytes<=20KiB', 'size>12kb', 'size>12000',
  'version>=1.4.2', 'version>1.9', 'version<2.0.0', 'version>=1.10.0-rc.1', 'version>v1.9', 'big>9007199254740992', 'big<9007199254740994',
  'tags:blue', 'tags:7', 'tags:deep', 'tags:b*', 'tags>6', 'http.path:/api/users/17', 'http.path:/users.\\d+/', 'http.path:/api/*/17',
  'client:10.0.0.0/8', 'peer:2001:db8::/32', 'mapped:10.0.0.0/8', 'addresses:10.0.0.0/8', 'net:10.0.0.0/8', 'net:"10.0.0.0/8"', 'client:0.0.0.0/0',
  '/DECLINED .* \\d+/', '/declined/i', '-/declined/', 'service:/^pay/',
  'time>=2022-08-22T05:18:16.154772363Z', 'time<=2022-08-22T05:18:16.154772363Z', 'time<2022-08-22T05:18:16.154772364Z', 'time:2022-08-22', 'time:2022-08-22T05:18', 'time:2022-08-22T05:18:16.154772363Z', 'time>2022-08-22T07:18:16+02:00', 'timeNs>=1661145496154772363', 'started>2022-08-22', 'started<=2022-08-22T05:18:16.154772363Z',
  `id:${uuid}`, `id:${uuid.replaceAll('-', '').toUpperCase()}`, 'id:abcdef0123456789ABCDEF0123456780', 'requestId:abcdef0123456789abcdef0123456780', 'id:fc48*', 'id:*',
  'constructor:mine', 'fields.odd:inner', 'odd:outer',
];
for (const text of matching) test(`matches: ${text || 'nothing typed'}`, t => t.true(compilePredicate(parseQuery(text))(event)));

const missing = [
  'refund', 'order*card', 'card refund', 'service:Payment', 'service:pay', 'service:paymen*x', 'service:payment*ment', 'pod:*-7d9f*7d9f', 'namespace:*', 'message:declined',
  'level>=warn', 'level:warn', 'level>info', 'fields.level:info', 'status:50', 'status>503', 'status>=1s or status<100ms', 'ok>0', 'ok:TRUE', 'nothing:*', 'nothing>=0', 'nothing<=0', 'absent:*', 'absent:""', 'toString:*', 'hasOwnProperty:*', '__proto__:*',
  'duration>300ms', 'took>1.5s', 'took<1000', 'bytes>20KiB', 'version>=1.11', 'version>=2022-08-22', 'big>9007199254740993', 'started>2023-01-01', 'message>5', 'addresses>5',
  'tags:blu', 'tags:blue,7', 'none:x', 'http.path:/api/*/1', 'http.path:/API/', 'client:10.0.0.0/16', 'peer:2001:db9::/32', 'service:10.0.0.0/8', '/declined/',
  'time>2022-08-22T05:18:16.154772363Z', 'time:2022-08-23', 'time:2022-08-22T05:18:16.154772362Z', 'timeNs>1661145496154772363',
  'id:abcdef', `id:${uuid.slice(0, -1)}c`, `requestId:${uuid}`, 'id:-',
];
for (const text of missing) test(`does not match: ${text}`, t => t.false(compilePredicate(parseQuery(text))(event)));

test('an unknown level satisfies no comparison and no level, and is found by its absence', t => {
  const unknown = sampleEvent({ level: null });
  for (const text of ['level>=trace', 'level<=fatal', 'level:*', 'level:info']) t.false(compilePredicate(parseQuery(text))(unknown), text);
  for (const text of ['-level:*', 'not level>=trace', '-level:info']) t.true(compilePredicate(parseQuery(text))(unknown), text);
});

test('a field named like an object\'s own workings is only found where the event has it', t => {
  const plain = sampleEvent();
  for (const text of ['constructor:*', 'fields.constructor:*', '__proto__:*', 'toString:*']) t.false(compilePredicate(parseQuery(text))(plain), text);
});

test('bytes that are not UTF-8 do not hide the rest of a line', t => {
  t.true(compilePredicate(parseQuery('raw:*declined'))(sampleEvent({ raw: Buffer.from([0xff, 0xfe, ...Buffer.from(' declined')]) })));
});

test('a placeholder is no id', t => {
  t.false(compilePredicate(parseQuery('id:null'))(sampleEvent({ ids: [{ kind: 'request', name: 'x', value: 'none' }] })));
});

test('a gap is found by its cause', t => {
  const gap = sampleEvent({ gap: { cause: 'truncated', bytes: 5, exact: true } });
  t.true(compilePredicate(parseQuery('gap:* gap:truncated'))(gap));
  t.false(compilePredicate(parseQuery('gap:*'))(event));
});

test('not, and and or mean what logic says, in any order of their terms', t => {
  const matches = (node: Parameters<typeof compilePredicate>[0], of: LogEvent): boolean => compilePredicate(node)(of);
  fc.assert(
    fc.property(anyNode, anyNode, anyEvent, (a, b, of) => {
      const [first, second] = [matches(a, of), matches(b, of)];
      t.is(matches({ type: 'and', nodes: [a, b] }, of), first && second);
      t.is(matches({ type: 'or', nodes: [b, a] }, of), first || second);
      t.is(matches({ type: 'not', node: a }, of), !first);
    }),
    { numRuns: 1000 },
  );
});

test('one predicate over many events remembers nothing of the event before', t => {
  const predicate = compilePredicate(parseQuery('declined order'));
  const events = ['declined order', 'DECLINED', 'order', 'Order declined', ''].map(message => sampleEvent({ message }));
  t.deepEqual(events.map(predicate), [true, false, false, true, false]);
});
