/** An alert's life as data: states, inputs, and what is told when. */
import type { EventId } from '#schemas/event.ts';

export type EpisodeState = 'inactive' | 'firing' | 'resolved';

/** What the detector says of a span that is new or has grown, or whose watermark has moved: `over` when nothing can extend it any more. */
export type SpanInput = 'running' | 'over';

export type MessageKind = 'open' | 'resolve';

export interface Step {
  next: Exclude<EpisodeState, 'inactive'>;
  /** In this order. */
  tell: readonly MessageKind[];
}

/**
 * State, input -> next state and messages. A resolved episode that late events extend is the same episode: it fires again where it is not over
 * yet, and nothing is said where it is.
 */
export const episodeTable: Readonly<Record<EpisodeState, Readonly<Record<SpanInput, Step>>>> = {
  inactive: { running: { next: 'firing', tell: ['open'] }, over: { next: 'resolved', tell: ['open', 'resolve'] } },
  firing: { running: { next: 'firing', tell: [] }, over: { next: 'resolved', tell: ['resolve'] } },
  resolved: { running: { next: 'firing', tell: ['open'] }, over: { next: 'resolved', tell: [] } },
};

/**
 * What is really told, given whether people know of the episode. Of one they were never told they hear its opening as soon as it may be told,
 * however far it is by then, and its end only after its opening.
 */
export function messagesFor(step: Step, told: boolean, tellable: boolean): readonly MessageKind[] {
  if (told) return step.tell;
  if (!tellable) return [];
  return step.next === 'resolved' ? ['open', 'resolve'] : ['open'];
}

export interface MessageCount {
  message: string;
  exceptionType: string | null;
  count: number;
}

/** What happened in an episode, from the samples of its signals. Bounded; counts are of the samples, so at least what is said. */
export interface Tally {
  /** Most frequent first. */
  messages: MessageCount[];
  requests: EventId[];
  services: string[];
}

/** An episode as it is kept. Times are nanoseconds since the epoch, in event time. */
export interface Episode {
  episodeId: string;
  rule: string;
  /** The rule's `by` fields when it was found, and their values. */
  by: string[];
  key: (string | null)[];
  state: Exclude<EpisodeState, 'inactive'>;
  /** Goes up with every message and every change of what is kept. */
  revision: number;
  firstNs: bigint;
  openedNs: bigint;
  lastNs: bigint;
  /** Null until something broke it. */
  brokenNs: bigint | null;
  resolvedNs: bigint | null;
  /** Wall time at which it was first seen, milliseconds. */
  foundAtMs: number;
  count: number;
  peak: number;
  /** True once its opening was given to the outbox. */
  told: boolean;
  /** True while only lines read by `ingest` are in it. */
  silent: boolean;
  tally: Tally;
  /** Counted events of it that the detector has let go of. */
  forgottenCount: number;
}
