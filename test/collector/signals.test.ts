import test from 'ava';
import { signalTimesMax, type Rule } from '#schemas/alert.ts';
import { compileRules } from '../../collector/signals.ts';
import { eventAt } from '../query/alerts/events.ts';

const rule: Rule = { name: 'errors', type: 'threshold', query: 'level>=error', by: ['service'], count: 5, windowMs: 10_000, notify: [] };
const second = 1_000_000_000n;
const ms = 1_000_000n;
const info = { watermarkNs: () => 99n * second, silent: false };

test('a batch gives one signal per stream, rule and key, with the exact times of its matches', t => {
  const signals = compileRules([rule, { ...rule, name: 'all', by: [] }])([
    eventAt(1n * second, { streamOffset: 100 }),
    eventAt(2n * second, { level: 'info' }),
    eventAt(3n * second + 7n, { level: 'fatal' }),
    eventAt(3n * second, { service: 'cart' }),
    eventAt(4n * second, { streamId: 'b' }),
  ], info);
  t.deepEqual(signals.map(signal => [signal.rule, signal.key, signal.streamId, signal.timesNs.map(String)]), [
    ['errors', ['payment'], 'a', ['1000000000', '3000000007']],
    ['all', [], 'a', ['1000000000', '3000000007', '3000000000']],
    ['errors', ['cart'], 'a', ['3000000000']],
    ['errors', ['payment'], 'b', ['4000000000']],
    ['all', [], 'b', ['4000000000']],
  ]);
  t.is(new Set(signals.map(({ signalId }) => signalId)).size, 5);
  t.is(signals[0]!.signalId, 'a:100:["errors","payment"]');
  t.true(signals.every(({ watermarkNs, silent }) => watermarkNs === 99n * second && !silent));
});

test('the same bytes give the same signal', t => {
  const events = [eventAt(1n * second), eventAt(2n * second)];
  t.deepEqual(compileRules([rule])(events, info), compileRules([rule])(events, info));
});

test('a batch without a match gives no signal', t => {
  t.deepEqual(compileRules([rule])([eventAt(1n, { level: 'info' }), eventAt(2n, { level: null })], info), []);
  t.deepEqual(compileRules([])([eventAt(1n)], info), []);
});

test('past its times a signal only counts, and says when the last match was', t => {
  const events = Array.from({ length: 300 }, (_, index) => eventAt(BigInt(index) * ms, { message: `order ${index} failed` }));
  const [signal, ...others] = compileRules([rule])(events, info);
  t.deepEqual(others, []);
  t.like(signal, { count: 300, lastTimeNs: 299n * ms });
  t.is(signal!.timesNs.length, signalTimesMax);
  t.deepEqual(signal!.messages, [{ message: 'order 0 failed', exceptionType: null, count: 300 }]);
});

test('matches more than a window apart are in signals of their own', t => {
  const signals = compileRules([rule])([eventAt(0n), eventAt(10n * second), eventAt(10n * second + 1n), eventAt(9n * second)], info);
  t.deepEqual(signals.map(({ timesNs }) => timesNs.length), [2, 2]);
});

test('however far apart, a batch gives a bounded number of signals and counts every match', t => {
  const signals = compileRules([rule])(Array.from({ length: 500 }, (_, index) => eventAt(BigInt(index) * 60n * second)), info);
  t.true(signals.length < 80);
  t.is(signals.reduce((sum, { count }) => sum + count, 0), 500);
});

test('samples are bounded and the most frequent message comes first', t => {
  const events = Array.from({ length: 60 }, (_, index) => eventAt(BigInt(index) * ms, {
    message: index % 3 === 0 ? `${String.fromCharCode(97 + (index % 20))} failed` : 'disk full', requestId: `r${index}`, requestIdSource: 'field:req_id', exceptionType: 'Oops',
    ids: [{ kind: 'request', name: 'req_id', value: `r${index}` }],
  }));
  const [signal] = compileRules([rule])(events, info);
  t.deepEqual(signal!.messages[0], { message: 'disk full', exceptionType: 'Oops', count: 40 });
  t.is(signal!.messages.length, 5);
  t.deepEqual(signal!.requests.map(({ value }) => value), ['r0', 'r1', 'r2', 'r3', 'r4']);
  t.deepEqual(signal!.requests[0], { kind: 'request', name: 'req_id', value: 'r0' });
  t.deepEqual(signal!.services, ['payment']);
});

test('keys come from own keys and from fields, null where an event has none', t => {
  const by = ['service', 'http.status', 'fields.service', 'nothing'];
  const [signal] = compileRules([{ ...rule, by }])([eventAt(0n, { service: null, fields: { 'http.status': 502, service: 'said by the line' } })], info);
  t.deepEqual(signal!.key, [null, '502', 'said by the line', null]);
});
