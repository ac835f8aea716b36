/**
 * One rule and key: event times in, episodes out. Pure: no clock, no I/O; what it knows can be saved and taken up again.
 *
 * Streams interleave, so times come in any order. They are kept sorted and judged anew whenever some were added; a span that overlaps a known
 * episode is that episode, longer. What is older than the newest of the last look by a window and `latenessMs` is let go.
 */
import { createHash } from 'node:crypto';
import type { Rule, Signal } from '#schemas/alert.ts';
import { episodeTable, messagesFor, type Episode, type MessageKind } from './episode.ts';
import { addToTally, emptyTally } from './tally.ts';
import { endNsOf, episodesOf, isOver, windowNsOf, type EpisodeSpan } from './threshold.ts';

/** Event times kept of one rule and key. Past it the oldest go first and `peak` is a lower bound. Above the largest `count` of a rule. */
export const detectorTimesMax = 16_384;
/** Signals whose messages may yet belong to an episode. */
const samplesMax = 256;
/** Streams that may hold back the end of an episode; the one that brought nothing for longest goes first. */
const contributorsMax = 1000;
const latenessNs = 600_000_000_000n;
const nsPerMs = 1_000_000n;
/** An episode whose last event is older than this when it is found is recorded, not told. */
export const tellableAgeMsMax = 3_600_000;

/** The part of a signal that describes its matches. */
type Sample = Pick<Signal, 'messages' | 'requests' | 'services' | 'silent'> & { fromNs: bigint; toNs: bigint; givenTo: string[] };

export interface Contributor {
  streamId: string;
  /** The stream's highest event time, as its last signal said. */
  watermarkNs: bigint;
  /** Its latest counted event. */
  lastTimeNs: bigint;
}

/** What a detector knows, to be saved. */
export interface DetectorState {
  timesNs: BigInt64Array;
  samples: Sample[];
  contributors: Contributor[];
  episodes: Episode[];
}

/** A change of an episode: what to keep, and the message to send about it, if any. */
export interface Outcome {
  episode: Episode;
  tell: MessageKind | null;
}

/** Finds recorded episodes of this rule and key that a span `[fromNs, toNs]` overlaps. */
export type Recall = (fromNs: bigint, toNs: bigint) => Episode[];

export class Detector {
  readonly rule: Rule;
  readonly key: (string | null)[];
  private timesNs: BigInt64Array;
  private samples: Sample[];
  private readonly contributorsById: Map<string, Contributor>;
  private episodes: Episode[];
  private unseen = false;
  private newestTakenNs: bigint | null = null;
  /** True where times were let go because there were too many, since it was last asked. */
  private full = false;

  constructor(rule: Rule, key: (string | null)[], saved: DetectorState | null = null) {
    this.rule = rule;
    this.key = key;
    this.timesNs = saved?.timesNs ?? new BigInt64Array(0);
    this.samples = saved?.samples ?? [];
    this.contributorsById = new Map((saved?.contributors ?? []).map(contributor => [contributor.streamId, contributor]));
    this.episodes = saved?.episodes ?? [];
  }

  get firing(): boolean {
    return this.episodes.some(({ state }) => state === 'firing');
  }

  get contributors(): readonly Contributor[] {
    return [...this.contributorsById.values()];
  }

  state(): DetectorState {
    return { timesNs: this.timesNs, samples: this.samples, contributors: [...this.contributorsById.values()], episodes: this.episodes };
  }

  /** Takes in signals, in any order. The caller leaves out those it has given before. */
  take(signals: readonly Signal[]): void {
    const added = signals.map(timesOf);
    const joined = new BigInt64Array(this.timesNs.length + added.reduce((sum, times) => sum + times.length, 0));
    joined.set(this.timesNs);
    let at = this.timesNs.length;
    for (const [index, times] of added.entries()) {
      if (times.length === 0) continue;
      joined.set(times, at);
      at += times.length;
      this.describe(signals[index]!, times);
    }
    this.timesNs = joined.sort();
    this.unseen = true;
  }

  /**
   * Judges everything taken and moves the episodes on.
   * @param watermarkNs no contributing stream will bring an event before this; null where none can bring any.
   */
  advance(watermarkNs: bigint | null, nowMs: number, recall: Recall = () => []): Outcome[] {
    const touched = this.unseen ? this.judge(nowMs, recall) : new Map<Episode, 'new' | 'grown'>();
    this.unseen = false;
    const outcomes: Outcome[] = [];
    for (const episode of this.episodes) {
      const change = touched.get(episode);
      const over = isOver(episode, watermarkNs, this.rule);
      if (change === undefined && (episode.state === 'resolved' || !over)) continue;
      const step = episodeTable[change === 'new' ? 'inactive' : episode.state][over ? 'over' : 'running'];
      const tellable = !episode.silent && episode.lastNs >= BigInt(nowMs - tellableAgeMsMax) * nsPerMs;
      const messages = messagesFor(step, episode.told, tellable);
      for (const kind of messages) {
        episode.told = true;
        outcomes.push({ episode: this.move(episode, kind === 'open' ? 'firing' : 'resolved'), tell: kind });
      }
      if (messages.length === 0) outcomes.push({ episode: this.move(episode, step.next), tell: null });
    }
    return outcomes;
  }

  /**
   * Lets go of what can no longer matter.
   * @returns episodes whose kept form changed by it.
   */
  forget(): { episodes: Episode[]; full: boolean } {
    const changed: Episode[] = [];
    const newest = this.timesNs.at(-1);
    if (newest !== undefined) {
      const reference = this.newestTakenNs !== null && this.newestTakenNs < newest ? this.newestTakenNs : newest;
      const keepFromNs = reference - windowNsOf(this.rule) - latenessNs;
      let cut = lowerBound(this.timesNs, keepFromNs);
      if (this.timesNs.length - cut > detectorTimesMax) {
        cut = this.timesNs.length - detectorTimesMax;
        this.full = true;
      }
      for (const episode of this.episodes) {
        const lost = Math.min(cut, countBetween(this.timesNs, episode.firstNs, episode.lastNs, cut));
        if (lost === 0) continue;
        episode.forgottenCount += lost;
        changed.push(structuredClone(episode));
      }
      this.timesNs = this.timesNs.slice(cut);
      const oldest = this.timesNs[0]!;
      this.episodes = this.episodes.filter(({ state, lastNs }) => state === 'firing' || lastNs >= oldest);
      this.samples = this.samples.filter(({ toNs }) => toNs >= oldest).slice(-samplesMax);
      if (!this.firing) for (const [streamId, { lastTimeNs }] of this.contributorsById) if (lastTimeNs < oldest) this.contributorsById.delete(streamId);
      if (this.contributorsById.size > contributorsMax) {
        const oldestFirst = [...this.contributorsById.values()].sort((a, b) => (a.lastTimeNs < b.lastTimeNs ? -1 : 1));
        for (const { streamId } of oldestFirst.slice(0, this.contributorsById.size - contributorsMax)) this.contributorsById.delete(streamId);
      }
    }
    this.newestTakenNs = null;
    const full = this.full;
    this.full = false;
    return { episodes: changed, full };
  }

  private describe(signal: Signal, times: BigInt64Array): void {
    const fromNs = smallest(times);
    const toNs = largest(times);
    this.samples.push({ fromNs, toNs, messages: signal.messages, requests: signal.requests, services: signal.services, silent: signal.silent, givenTo: [] });
    if (this.newestTakenNs === null || toNs < this.newestTakenNs) this.newestTakenNs = toNs;
    const known = this.contributorsById.get(signal.streamId);
    this.contributorsById.set(signal.streamId, {
      streamId: signal.streamId,
      watermarkNs: known !== undefined && known.watermarkNs > signal.watermarkNs ? known.watermarkNs : signal.watermarkNs,
      lastTimeNs: known !== undefined && known.lastTimeNs > toNs ? known.lastTimeNs : toNs,
    });
  }

  private judge(nowMs: number, recall: Recall): Map<Episode, 'new' | 'grown'> {
    const touched = new Map<Episode, 'new' | 'grown'>();
    for (const span of episodesOf(this.timesNs, this.rule)) {
      let episode = this.knownEpisode(span);
      if (episode === null) {
        const recalled = recall(span.openedNs, span.lastNs);
        this.episodes.push(...recalled);
        episode = this.knownEpisode(span);
      }
      if (episode === null) {
        episode = this.found(span, nowMs);
        this.episodes.push(episode);
        touched.set(episode, 'new');
      } else if (this.grow(episode, span)) {
        touched.set(episode, 'grown');
      }
      this.attribute(episode);
    }
    this.episodes.sort((a, b) => (a.openedNs < b.openedNs ? -1 : a.openedNs > b.openedNs ? 1 : 0));
    return touched;
  }

  /** Of several that late events made one, the first that fires goes on; else the last. */
  private knownEpisode(span: EpisodeSpan): Episode | null {
    const overlapping = this.episodes.filter(({ openedNs, lastNs }) => openedNs <= span.lastNs && lastNs >= span.openedNs);
    return overlapping.find(({ state }) => state === 'firing') ?? overlapping.at(-1) ?? null;
  }

  private found(span: EpisodeSpan, nowMs: number): Episode {
    const { firstNs, openedNs, lastNs, brokenNs, count, peak } = span;
    const episodeId = createHash('sha256').update(JSON.stringify([this.rule.name, this.key, openedNs.toString()])).digest('hex').slice(0, 20);
    const { name: rule, by } = this.rule;
    return {
      episodeId, rule, by, key: this.key, state: 'firing', revision: 0, firstNs, openedNs, lastNs, brokenNs, resolvedNs: null, foundAtMs: nowMs,
      count, peak, told: false, silent: true, tally: emptyTally(), forgottenCount: 0,
    };
  }

  /** @returns whether anything that people see of it changed. */
  private grow(episode: Episode, span: EpisodeSpan): boolean {
    const before = `${episode.firstNs} ${episode.openedNs} ${episode.lastNs} ${episode.count} ${episode.peak}`;
    if (span.lastNs >= episode.lastNs) episode.brokenNs = span.brokenNs;
    if (span.firstNs < episode.firstNs) episode.firstNs = span.firstNs;
    if (span.openedNs < episode.openedNs) episode.openedNs = span.openedNs;
    if (span.lastNs > episode.lastNs) episode.lastNs = span.lastNs;
    episode.count = episode.forgottenCount + countBetween(this.timesNs, episode.firstNs, episode.lastNs);
    episode.peak = Math.max(episode.peak, span.peak);
    return before !== `${episode.firstNs} ${episode.openedNs} ${episode.lastNs} ${episode.count} ${episode.peak}`;
  }

  /** Gives an episode the samples that lie in it, each once. One that lies across two episodes, at most a window long, describes both. */
  private attribute(episode: Episode): void {
    for (const sample of this.samples) {
      if (sample.toNs < episode.firstNs || sample.fromNs > episode.lastNs || sample.givenTo.includes(episode.episodeId)) continue;
      sample.givenTo.push(episode.episodeId);
      episode.tally = addToTally(episode.tally, sample);
      episode.silent &&= sample.silent;
    }
  }

  private move(episode: Episode, state: Episode['state']): Episode {
    episode.state = state;
    episode.revision++;
    episode.resolvedNs = state === 'resolved' ? endNsOf(episode, this.rule) : null;
    return structuredClone(episode);
  }
}

/**
 * The times of a signal's matches. Those beyond its exact ones lie, by how signals are made, within one window of the last of these; they are
 * spread evenly, which never makes a window fuller than the fullest that there must have been.
 */
function timesOf({ timesNs, count, lastTimeNs }: Signal): BigInt64Array {
  const extra = Math.min(Math.max(0, count - timesNs.length), detectorTimesMax);
  const times = new BigInt64Array(timesNs.length + extra);
  times.set(timesNs);
  const fromNs = timesNs.at(-1) ?? lastTimeNs;
  for (let index = 1; index <= extra; index++) times[timesNs.length + index - 1] = fromNs + ((lastTimeNs - fromNs) * BigInt(index)) / BigInt(extra);
  return times;
}

function smallest(times: BigInt64Array): bigint {
  return times.reduce((least, time) => (time < least ? time : least));
}

function largest(times: BigInt64Array): bigint {
  return times.reduce((most, time) => (time > most ? time : most));
}

/** Index of the first time at or after `timeNs`. */
function lowerBound(timesNs: BigInt64Array, timeNs: bigint): number {
  let from = 0;
  let to = timesNs.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (timesNs[middle]! < timeNs) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** How many of the first `limit` times lie in `[fromNs, toNs]`, both included. */
function countBetween(timesNs: BigInt64Array, fromNs: bigint, toNs: bigint, limit = timesNs.length): number {
  return Math.max(0, Math.min(limit, lowerBound(timesNs, toNs + 1n)) - Math.min(limit, lowerBound(timesNs, fromNs)));
}
