/** What a collector is made of, and what it counts. */
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Rule } from '#schemas/alert.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { Options } from '#schemas/options.ts';
import type { StoreWriter } from '#schemas/store.ts';
import type { Acknowledgement } from '#schemas/transport.ts';

export interface CollectorCounts {
  chunks: number;
  chunkBytes: number;
  trimmedBytes: number;
  events: number;
  commits: number;
  refusedChunks: number;
  /** Different ones, and the messages for which one more was too many. */
  templates: number;
  overflowedTemplates: number;
}

/** What several collectors count together. */
export function sumOfCounts(counts: Iterable<Readonly<CollectorCounts>>): CollectorCounts {
  const sum: CollectorCounts = { ...nothingCounted };
  for (const each of counts) for (const name of Object.keys(sum) as (keyof CollectorCounts)[]) sum[name] += each[name];
  return sum;
}

export const nothingCounted: Readonly<CollectorCounts> = { chunks: 0, chunkBytes: 0, trimmedBytes: 0, events: 0, commits: 0, refusedChunks: 0, templates: 0, overflowedTemplates: 0 };

/** What the collector needs of a store, which may be elsewhere: then `append` resolves when the batch is durable. */
export interface BatchStore extends Pick<StoreWriter, 'streams' | 'lastKnown' | 'positions' | 'unfinished'> {
  /** How many batches it takes before the first is durable; 1 where it does not say. They become durable in the order of the calls. */
  readonly batchesMax?: number;
  /** Those that it refuses for good, where it tells: their bytes are not stored. */
  append(...batch: Parameters<StoreWriter['append']>): ReturnType<StoreWriter['append']> | Promise<readonly LogEvent[]>;
}

export interface CollectorParts {
  writer: BatchStore;
  options: Options;
  rules: readonly Rule[];
  log: Log;
  clock: Clock;
  /** After every commit, with the low-water marks that became durable. */
  onAcknowledged: (acknowledgements: Acknowledgement[]) => void;
  /** After every commit that stored events or signals. */
  onCommitted: (events: readonly LogEvent[]) => void;
}
