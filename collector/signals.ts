/**
 * Rules over events: what the detectors read in place of the events themselves. Runs for every event that is stored, so an event that no rule
 * counts costs one predicate per rule and nothing else.
 */
import { signalSamplesMax, signalTimesMax, type Rule, type Signal } from '#schemas/alert.ts';
import type { LogEvent } from '#schemas/event.ts';
import { compileRule, messageShape, requestOf, type CompiledRule } from '#schemas/rule-match.ts';

export interface SignalInfo {
  /** The stream's highest event time, this batch included. */
  watermarkNs: (streamId: string) => bigint;
  /** True for lines read by `ingest`. */
  silent: boolean;
}

export type SignalMaker = (events: readonly LogEvent[], info: SignalInfo) => Signal[];

/** Different messages counted for one signal; those beyond are matches all the same, but in no message's count. */
const messagesPerSignalMax = 64;
/** Signals of one stream, rule and key in a batch; from here on a signal ends only where its times are full. */
const signalsPerKeyMax = 64;
const servicesPerSignalMax = 32;
const messageCharactersMax = 1000;
const nsPerMs = 1_000_000n;

/** A signal that still takes matches. */
interface OpenSignal {
  signal: Signal;
  messages: Map<string, Signal['messages'][number]>;
  /** 1 for the first signal of its stream, rule and key in the batch. */
  ordinal: number;
}

/** @throws QuerySyntaxError where a rule's query has a mistake; rules that were read by `schemas/rules.ts` have none. */
export function compileRules(rules: readonly Rule[]): SignalMaker {
  const compiled = rules.map(compileRule);
  return (events, info) => {
    const open = new Map<string, OpenSignal>();
    const signals: OpenSignal[] = [];
    for (const event of events) {
      for (const rule of compiled) {
        if (!rule.counts(event)) continue;
        const key = rule.keyOf(event);
        const name = JSON.stringify([event.streamId, rule.rule.name, key]);
        let current = open.get(name);
        if (current === undefined || isBeyond(current, rule, event.timeNs)) {
          current = { signal: startSignal(event, rule, key, info), messages: new Map(), ordinal: (current?.ordinal ?? 0) + 1 };
          open.set(name, current);
          signals.push(current);
        }
        count(current, event);
      }
    }
    return signals.map(finish);
  };
}

/**
 * A signal spans one window: live batches do anyway, and of old files, where one batch may span days, messages and requests then still belong to
 * the episode they were part of. What is counted without its exact time therefore lies within one window too, also past the limit.
 */
function isBeyond({ signal, ordinal }: OpenSignal, { rule }: CompiledRule, timeNs: bigint): boolean {
  if (ordinal >= signalsPerKeyMax && signal.timesNs.length < signalTimesMax) return false;
  const distanceNs = timeNs - (ordinal >= signalsPerKeyMax ? signal.timesNs.at(-1)! : signal.timesNs[0]!);
  const windowNs = BigInt(rule.windowMs) * nsPerMs;
  return distanceNs > windowNs || -distanceNs > windowNs;
}

function startSignal(event: LogEvent, { rule }: CompiledRule, key: (string | null)[], info: SignalInfo): Signal {
  return {
    signalId: `${event.streamId}:${event.streamOffset}:${JSON.stringify([rule.name, ...key])}`,
    rule: rule.name,
    key,
    streamId: event.streamId,
    timesNs: [],
    count: 0,
    lastTimeNs: event.timeNs,
    requests: [],
    messages: [],
    services: [],
    watermarkNs: info.watermarkNs(event.streamId),
    silent: info.silent,
  };
}

function count({ signal, messages }: OpenSignal, event: LogEvent): void {
  signal.count++;
  if (signal.timesNs.length < signalTimesMax) {
    signal.timesNs.push(event.timeNs);
    signal.lastTimeNs = event.timeNs;
  } else if (signal.count === signalTimesMax + 1 || event.timeNs > signal.lastTimeNs) {
    signal.lastTimeNs = event.timeNs;
  }
  if (event.service !== null && signal.services.length < servicesPerSignalMax && !signal.services.includes(event.service)) signal.services.push(event.service);
  if (signal.requests.length < signalSamplesMax) {
    const request = requestOf(event);
    if (request !== null && !signal.requests.some(({ value }) => value === request.value)) signal.requests.push(request);
  }
  const shape = `${event.exceptionType ?? ''}\n${messageShape(event.message)}`;
  const known = messages.get(shape);
  if (known !== undefined) known.count++;
  else if (messages.size < messagesPerSignalMax) messages.set(shape, { message: event.message.slice(0, messageCharactersMax), exceptionType: event.exceptionType, count: 1 });
}

function finish({ signal, messages }: OpenSignal): Signal {
  return { ...signal, messages: [...messages.values()].sort((a, b) => b.count - a.count).slice(0, signalSamplesMax) };
}
