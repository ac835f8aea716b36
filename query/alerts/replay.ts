/** Rules over events that are there already: the same detectors as live alerting, without a store and without telling anyone. */
import type { Rule, Signal } from '#schemas/alert.ts';
import type { LogEvent } from '#schemas/event.ts';
import { compileRule, requestOf } from '#schemas/rule-match.ts';
import { Detector } from './detector.ts';
import type { Episode } from './episode.ts';

/** Counted events of one rule and key that are judged together. */
const batchEventsMax = 256;
const nsPerMs = 1_000_000n;

interface Watched {
  detector: Detector;
  waiting: Signal[];
}

/**
 * Episodes that the rules would have had, by when they opened; all of them resolved, for no event comes after the last one.
 * @param events in event-time order. What comes up to ten minutes late is still counted where it belongs.
 * @throws QuerySyntaxError where a rule's query has a mistake.
 */
export async function replayRules(rules: readonly Rule[], events: AsyncIterable<LogEvent> | Iterable<LogEvent>): Promise<Episode[]> {
  const compiled = rules.map(compileRule);
  const watchedByName = new Map<string, Watched>();
  const episodes = new Map<string, Episode>();
  const judge = ({ detector, waiting }: Watched, watermarkNs: bigint | null, nowMs: number): void => {
    detector.take(waiting.splice(0));
    for (const { episode } of detector.advance(watermarkNs, nowMs)) episodes.set(episode.episodeId, episode);
    detector.forget();
  };
  let latestNs: bigint | null = null;
  for await (const event of events) {
    if (latestNs === null || event.timeNs > latestNs) latestNs = event.timeNs;
    for (const { rule, counts, keyOf } of compiled) {
      if (!counts(event)) continue;
      const key = keyOf(event);
      const name = JSON.stringify([rule.name, key]);
      const watched = watchedByName.get(name) ?? { detector: new Detector(rule, key), waiting: [] };
      watchedByName.set(name, watched);
      watched.waiting.push(signalOf(event, rule, key, latestNs));
      if (watched.waiting.length >= batchEventsMax) judge(watched, latestNs, msOf(latestNs));
    }
  }
  for (const watched of watchedByName.values()) judge(watched, null, msOf(latestNs ?? 0n));
  return [...episodes.values()].sort((a, b) => (a.openedNs < b.openedNs ? -1 : a.openedNs > b.openedNs ? 1 : 0));
}

function signalOf(event: LogEvent, { name: rule }: Rule, key: (string | null)[], watermarkNs: bigint): Signal {
  const request = requestOf(event);
  return {
    signalId: event.eventId,
    rule,
    key,
    streamId: event.streamId,
    timesNs: [event.timeNs],
    count: 1,
    lastTimeNs: event.timeNs,
    requests: request === null ? [] : [request],
    messages: [{ message: event.message, exceptionType: event.exceptionType, count: 1 }],
    services: event.service === null ? [] : [event.service],
    watermarkNs,
    silent: false,
  };
}

function msOf(timeNs: bigint): number {
  return Number(timeNs / nsPerMs);
}
