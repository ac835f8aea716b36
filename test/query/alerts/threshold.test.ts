import test from 'ava';
import fc from 'fast-check';
import { endNsOf, episodesOf, isOver } from '../../../query/alerts/threshold.ts';
import { corpusTest } from '../../helpers/corpus.ts';
import { describe, errorTimesNs, expectedBursts, thresholdOf } from './corpus-errors.ts';

const second = 1_000_000_000n;
const seconds = (...times: number[]): bigint[] => times.map(time => BigInt(Math.round(time * 1e9)));
const threeInTen = { count: 3, windowMs: 10_000 };

test('the event that makes the count opens an episode whose first event is the first of its window', t => {
  const [span, ...others] = episodesOf(seconds(0, 4, 10, 12), threeInTen);
  t.deepEqual(others, []);
  t.like(span, { firstNs: 0n, openedNs: 10n * second, lastNs: 12n * second, count: 4, peak: 3, brokenNs: null });
});

test('a window includes both its ends, to the nanosecond', t => {
  t.is(episodesOf([0n, 1n, 10n * second], threeInTen).length, 1);
  t.is(episodesOf([0n, 1n, 10n * second + 1n], threeInTen).length, 0);
});

test('the first event that does not make the count ends the episode at the last one that did', t => {
  const spans = episodesOf(seconds(0, 1, 2, 11.5, 11.6, 11.7), threeInTen);
  t.is(spans.length, 2);
  t.like(spans[0], { lastNs: 2n * second, brokenNs: 11_500_000_000n, count: 3 });
  t.is(endNsOf(spans[0]!, threeInTen), 11_500_000_000n);
  t.like(spans[1], { openedNs: 11_600_000_000n, firstNs: 2n * second });
});

test('with a count of one, a window without an event ends the episode', t => {
  const rule = { count: 1, windowMs: 10_000 };
  const spans = episodesOf(seconds(0, 10, 20.5), rule);
  t.deepEqual(spans.map(({ openedNs, lastNs }) => [openedNs / second, lastNs / second]), [[0n, 10n], [20n, 20n]]);
  t.is(endNsOf(spans[0]!, rule), 20n * second);
});

test('an episode is over once a watermark is past its window or at the event that broke it', t => {
  const span = { lastNs: 5n * second, brokenNs: null };
  t.false(isOver(span, 15n * second, threeInTen));
  t.true(isOver(span, 15n * second + 1n, threeInTen));
  t.true(isOver({ ...span, brokenNs: 8n * second }, 8n * second, threeInTen));
  t.false(isOver({ ...span, brokenNs: 8n * second }, 8n * second - 1n, threeInTen));
  t.true(isOver(span, null, threeInTen));
});

const someTimes = fc.array(fc.bigInt(0n, 60n).map(time => time * second), { maxLength: 60 }).map(times => times.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
const someRule = fc.record({ count: fc.integer({ min: 1, max: 6 }), windowMs: fc.integer({ min: 1000, max: 12_000 }) });

test('counting every window one by one finds the same episodes', t => {
  fc.assert(fc.property(someTimes, someRule, (times, rule) => {
    const windowNs = BigInt(rule.windowMs) * 1_000_000n;
    const counts = times.map((time, index) => times.filter((other, at) => at <= index && time - other <= windowNs).length);
    const lastOfRun = times.filter((time, index) => counts[index]! >= rule.count
      && !(index + 1 < times.length && counts[index + 1]! >= rule.count && times[index + 1]! - time <= windowNs));
    const spans = episodesOf(times, rule);
    t.deepEqual(spans.map(({ lastNs }) => lastNs), lastOfRun);
    for (const { count, firstNs, lastNs } of spans) t.true(count <= times.filter(time => time >= firstNs && time <= lastNs).length);
  }));
});

test('a late event makes episodes longer and never breaks one', t => {
  fc.assert(fc.property(someTimes, fc.bigInt(0n, 60n), someRule, (times, late, rule) => {
    const more = [...times, late * second].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const after = episodesOf(more, rule);
    for (const span of episodesOf(times, rule)) t.true(after.some(({ openedNs, lastNs }) => openedNs <= span.openedNs && lastNs >= span.lastNs));
  }));
});

corpusTest('real logs have the expected episodes', t => {
  for (const [file, { error_lines: errorLines, rules }] of Object.entries(expectedBursts().files)) {
    const times = errorTimesNs(file);
    t.is(times.length, errorLines, file);
    for (const [rule, { episodes }] of Object.entries(rules)) t.deepEqual(episodesOf(times, thresholdOf(rule)).map(describe), episodes, `${file}, ${rule}`);
  }
});
