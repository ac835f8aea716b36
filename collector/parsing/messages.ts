/** What the collector's thread and its parsing threads say to each other. Calls are taken in the order they came. */
import type { Rule } from '#schemas/alert.ts';
import type { Chunk } from '#schemas/chunk.ts';
import type { PlainError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import type { UnfinishedLine } from '#schemas/store.ts';
import type { Acknowledgement, StreamState } from '#schemas/transport.ts';
import type { RecordPosition } from '../consumed-positions.ts';
import type { CollectorCounts } from '../parts.ts';
import type { PreparedBatch } from '../store/prepared-batch.ts';
import type { StreamEntry } from '../store/stream-ledger.ts';

export interface ParserThreadData {
  /** Of its own among the parsing threads, from 1. */
  number: number;
  /** The last place in the chain that the store has given to a stream. */
  lastChainPosition: number;
  options: Options;
  rules: readonly Rule[];
}

export type ParserCall =
  /** The source is this thread's from here on, and this is what is known of it. */
  | { call: 'adopt'; streams: StreamEntry[]; unfinished: UnfinishedLine[] }
  /** The source is another thread's from here on. */
  | { call: 'letGo'; source: string }
  /** The store has forgotten these streams. */
  | { call: 'forget'; streamIds: string[] }
  | { call: 'chunk'; id: number; chunk: Chunk; position: RecordPosition | null }
  | { call: 'states'; id: number; source: string; states: readonly StreamState[]; position: RecordPosition | null }
  | { call: 'statesOf'; id: number; sources: readonly string[] }
  /** The records of this partition up to this one that went to others, with the latest of their times. */
  | { call: 'elapse'; position: RecordPosition }
  | { call: 'tellUnfinished' }
  /** The batch under way is durable, or why it is not. */
  | { call: 'stored'; error: PlainError | null }
  | { call: 'stop' };

/** A source of which, after so many calls, nothing is held that is not stored. */
export interface SettledSource {
  source: string;
  calls: number;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type ParserMessage =
  | { kind: 'done'; id: number; result: StreamState[] | null }
  | { kind: 'failed'; id: number; error: PlainError }
  | { kind: 'batch'; batch: PreparedBatch }
  | { kind: 'acknowledged'; acknowledgements: Acknowledgement[] }
  | { kind: 'settled'; settled: SettledSource[] }
  | { kind: 'counts'; counts: CollectorCounts }
  | { kind: 'log'; level: LogLevel; fields: object; message: string }
  | { kind: 'stopped' };
