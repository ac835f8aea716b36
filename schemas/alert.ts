/** Alert rules as they are written, and the signals through which the collector tells the detectors what matched. */
import type { EventId } from './event.ts';

export interface ThresholdRule {
  name: string;
  type: 'threshold';
  /** In the query language: what is counted. */
  query: string;
  /** One episode per combination of these fields' values. */
  by: string[];
  /** At least this many counted events ... */
  count: number;
  /** ... within any span of this length, both ends included. */
  windowMs: number;
  /** Names under `targets`. Empty: all targets. */
  notify: string[];
}
export type Rule = ThresholdRule;

export interface WebhookTarget {
  name: string;
  type: 'webhook';
  url: string;
  headers: Record<string, string>;
}
export type Target = WebhookTarget;

export interface AlertConfig {
  rules: Rule[];
  targets: Target[];
}

export const defaultQuery = 'level>=error or exceptionType:*';

/** What is watched where no rules are written. */
export const defaultRules: readonly Rule[] = [{ name: 'errors', type: 'threshold', query: defaultQuery, by: ['service'], count: 5, windowMs: 10_000, notify: [] }];

export const signalTimesMax = 256;
export const signalSamplesMax = 5;

/** What one commit of one stream holds of one rule and key. */
export interface Signal {
  /** `streamId:streamOffset` of its first match, then rule and key: the same bytes give the same signal. */
  signalId: string;
  rule: string;
  /** Values of the rule's `by` fields, in their order; null where an event has none. */
  key: (string | null)[];
  streamId: string;
  /** Event times of the first matches, nanoseconds, in stream order; at most `signalTimesMax`. */
  timesNs: bigint[];
  /** Matches in all, those beyond `timesNs` included. */
  count: number;
  /** Latest event time among the matches beyond `timesNs`, or of the last one. */
  lastTimeNs: bigint;
  /** Ids of requests among the matches, at most `signalSamplesMax`. */
  requests: EventId[];
  /** Messages of the matches with their counts, most frequent first, at most `signalSamplesMax`. */
  messages: { message: string; exceptionType: string | null; count: number }[];
  services: string[];
  /** The stream's highest event time when the signal was made. */
  watermarkNs: bigint;
  /** True for lines read by `ingest`: counted in replays, told to nobody. */
  silent: boolean;
}

/** As it stands in the topic of signals: 64-bit numbers are strings. */
export type SignalJson = Omit<Signal, 'timesNs' | 'lastTimeNs' | 'watermarkNs'> & { timesNs: string[]; lastTimeNs: string; watermarkNs: string };

export function signalToJson(signal: Signal): SignalJson {
  return { ...signal, timesNs: signal.timesNs.map(String), lastTimeNs: String(signal.lastTimeNs), watermarkNs: String(signal.watermarkNs) };
}

export function signalOfJson(json: SignalJson): Signal {
  return { ...json, timesNs: json.timesNs.map(BigInt), lastTimeNs: BigInt(json.lastTimeNs), watermarkNs: BigInt(json.watermarkNs) };
}
