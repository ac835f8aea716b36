import test from 'ava';
import fc from 'fast-check';
import type { Rule, Signal } from '#schemas/alert.ts';
import { Detector, detectorTimesMax, type DetectorState, type Outcome } from '../../../query/alerts/detector.ts';
import { episodesOf } from '../../../query/alerts/threshold.ts';
import { nsPerMs, signal } from './signal-source.ts';

const rule: Rule = { name: 'errors', type: 'threshold', query: 'level>=error', by: ['service'], count: 3, windowMs: 10_000, notify: [] };
const nowMs = Date.UTC(2026, 10, 21, 8, 0);
const at = (second: number): number => nowMs + second * 1000;
const spans = (outcomes: readonly Outcome[]): unknown[] => {
  const last = new Map(outcomes.map(({ episode }) => [episode.episodeId, episode]));
  return [...last.values()].map(({ firstNs, openedNs, lastNs, count, peak }) => ({ firstNs, openedNs, lastNs, count, peak })).sort((a, b) => (a.openedNs < b.openedNs ? -1 : 1));
};

test('what a detector knows can be saved at any point and taken up again', t => {
  let saved: DetectorState | null = null;
  const outcomes: Outcome[] = [];
  for (const second of [0, 1, 2, 3, 20, 40, 41, 42]) {
    const detector: Detector = new Detector(rule, ['payment'], saved);
    detector.take([signal([at(second)])]);
    outcomes.push(...detector.advance(BigInt(at(second)) * nsPerMs, nowMs));
    detector.forget();
    saved = structuredClone(detector.state());
  }
  t.deepEqual(outcomes.map(({ tell, episode }) => [tell, episode.count]), [['open', 3], [null, 4], ['resolve', 4], ['open', 3]]);
});

test('streams that interleave in any order give the same episodes as the times in order', t => {
  const times = fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 60 });
  const cuts = fc.integer({ min: 1, max: 7 });
  fc.assert(fc.property(times, cuts, (given, cut) => {
    const detector = new Detector(rule, ['payment']);
    const outcomes: Outcome[] = [];
    for (let from = 0; from < given.length; from += cut) {
      detector.take([signal(given.slice(from, from + cut).map(at), { streamId: `stream ${from % 3}` })]);
      outcomes.push(...detector.advance(-1n, nowMs));
      detector.forget();
    }
    outcomes.push(...detector.advance(null, nowMs));
    const sorted = [...given].sort((a, b) => a - b).map(second => BigInt(at(second)) * nsPerMs);
    const expected = episodesOf(sorted, rule);
    const episodes = detector.state().episodes.filter(({ lastNs }) => lastNs > 0n);
    // Two episodes that a late event joins stay two, of which the first is the whole.
    for (const { firstNs, openedNs, lastNs, count, peak } of expected) {
      t.true(episodes.some(episode => episode.firstNs <= firstNs && episode.openedNs === openedNs && episode.lastNs === lastNs && episode.count >= count && episode.peak === peak));
    }
    t.true(episodes.every(({ state }) => state === 'resolved'));
  }), { numRuns: 300 });
});

test('counting goes on where events were let go of', t => {
  const detector = new Detector(rule, ['payment']);
  const outcomes: Outcome[] = [];
  for (let second = 0; second < 3000; second++) {
    detector.take([signal([at(second)])]);
    outcomes.push(...detector.advance(BigInt(at(second)) * nsPerMs, nowMs));
    detector.forget();
  }
  t.true(detector.state().timesNs.length < 1000);
  t.is(detector.state().episodes.length, 1);
  t.like(outcomes.at(-1)!.episode, { count: 3000, peak: 11 });
});

test('more events in one window than are kept: detection goes on and the fullness is said once asked', t => {
  const detector = new Detector(rule, ['payment']);
  for (let part = 0; part < 3; part++) {
    detector.take([signal([at(part)], { count: detectorTimesMax, lastTimeNs: BigInt(at(part) + 900) * nsPerMs })]);
    detector.advance(-1n, nowMs);
    t.is(detector.forget().full, part > 0);
  }
  t.is(detector.state().timesNs.length, detectorTimesMax);
  t.is(detector.state().episodes.length, 1);
  t.is(detector.state().episodes[0]!.count, 3 * detectorTimesMax);
});

test('matches beyond the exact times are spread to the last one and counted', t => {
  const detector = new Detector(rule, ['payment']);
  detector.take([signal([at(0), at(1)], { count: 6, lastTimeNs: BigInt(at(9)) * nsPerMs })]);
  t.deepEqual(spans(detector.advance(null, nowMs)), [{ firstNs: BigInt(at(0)) * nsPerMs, openedNs: BigInt(at(3)) * nsPerMs, lastNs: BigInt(at(9)) * nsPerMs, count: 6, peak: 6 }]);
});

test('an episode is described by its own signals, messages that differ in numbers being one', t => {
  const detector = new Detector(rule, ['payment']);
  const said = (message: string, count: number): Partial<Signal> => ({ messages: [{ message, exceptionType: null, count }], services: [message.split(' ')[0]!] });
  detector.take([
    signal([at(-100)], said('unrelated', 1)),
    signal([at(0)], said('order 17 failed', 1)),
    signal([at(1), at(2)], said('order 18 failed', 2)),
    signal([at(3)], said('disk full', 1)),
  ]);
  const [{ episode }] = detector.advance(null, nowMs) as [Outcome];
  t.deepEqual(episode.tally.messages, [{ message: 'order 17 failed', exceptionType: null, count: 3 }, { message: 'disk full', exceptionType: null, count: 1 }]);
  t.deepEqual(episode.tally.services, ['order', 'disk']);
});

test('a burst that follows another within one window is told as well', t => {
  const detector = new Detector(rule, ['payment']);
  detector.take([signal([at(0), at(0), at(0), at(10.5), at(10.6), at(10.7)])]);
  t.deepEqual(detector.advance(BigInt(at(11)) * nsPerMs, nowMs).map(({ tell }) => tell), ['open', 'resolve', 'open']);
});

test('times that come for an episode that was forgotten belong to it', t => {
  const detector = new Detector(rule, ['payment']);
  detector.take([signal([at(0), at(0), at(0), at(1), at(2)])]);
  const { episode: first } = detector.advance(null, nowMs).at(-1)!;
  detector.forget();
  detector.take([signal([at(3600)])]);
  detector.advance(null, nowMs);
  const forgotten = [{ ...first, forgottenCount: 5 }];
  detector.forget();
  t.deepEqual(detector.state().episodes, []);
  detector.take([signal([at(0.5), at(0.6), at(0.7)])]);
  const outcomes = detector.advance(null, nowMs, () => forgotten);
  t.deepEqual(outcomes.map(({ episode }) => [episode.episodeId, episode.count]), [[first.episodeId, 8]]);
});
