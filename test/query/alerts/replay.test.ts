import test from 'ava';
import type { Rule } from '#schemas/alert.ts';
import type { LogEvent } from '#schemas/event.ts';
import { replayRules } from '../../../query/alerts/replay.ts';
import { corpusTest } from '../../helpers/corpus.ts';
import { describe, errorTimesNs, expectedBursts, thresholdOf } from './corpus-errors.ts';
import { eventAt } from './events.ts';

const rule: Rule = { name: 'errors', type: 'threshold', query: 'level>=error', by: ['service'], count: 3, windowMs: 10_000, notify: [] };
const second = 1_000_000_000n;

test('a replay finds one episode per key, with what happened in it', async t => {
  const events = [0n, 1n, 2n, 3n, 4n, 5n].map(time => eventAt(time * second, { service: time % 2n === 0n ? 'cart' : 'payment', message: `order ${time} failed`, requestId: `request-${time}` }));
  const episodes = await replayRules([rule], [...events, eventAt(6n * second, { level: 'info' })]);
  t.deepEqual(episodes.map(({ key, openedNs, state }) => [key, openedNs / second, state]), [[['cart'], 4n, 'resolved'], [['payment'], 5n, 'resolved']]);
  t.like(episodes[0]!.tally.messages[0], { message: 'order 0 failed', count: 3 });
  t.deepEqual(episodes[0]!.tally.requests.map(({ value }) => value), ['request-0', 'request-2', 'request-4']);
});

test('no events, and no rules, give no episodes', async t => {
  t.deepEqual(await replayRules([rule], []), []);
  t.deepEqual(await replayRules([], [eventAt(0n)]), []);
});

corpusTest('real logs have the expected episodes in a replay', async t => {
  for (const [file, { rules }] of Object.entries(expectedBursts().files)) {
    const events: LogEvent[] = errorTimesNs(file).map(timeNs => eventAt(timeNs));
    for (const [name, { episodes }] of Object.entries(rules)) {
      const found = await replayRules([{ ...rule, ...thresholdOf(name) }], events);
      t.deepEqual(found.map(describe), episodes, `${file}, ${name}`);
    }
  }
});
