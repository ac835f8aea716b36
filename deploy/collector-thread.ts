/**
 * The collector's thread: owns the store's directory, writes, reads Kafka, and gives what comes in to parsing threads. Speaks with the main thread and,
 * over ports, with the shippers.
 */
import { parentPort, type MessagePort } from 'node:worker_threads';
import type { CollectorCounts } from '../collector/parts.ts';
import type { KafkaReport } from '../collector/kafka-subscriber.ts';
import type { ParserMessage, ParserThreadData } from '../collector/parsing/messages.ts';
import { ParserPool, type ParserThread } from '../collector/parsing/parser-pool.ts';
import { EmbeddedWriter } from '../collector/store/embedded-writer.ts';
import { StoreOwner } from '../collector/store/store-owner.ts';
import { invariant } from '#lib/assert.ts';
import { sizeOf } from '#lib/byte-ranges.ts';
import { systemClock } from '#lib/clock.ts';
import { startThread } from '#lib/thread.ts';
import type { KafkaClientOptions } from '#lib/kafka/types.ts';
import type { Rule } from '#schemas/alert.ts';
import { toPlainError, type PlainError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import { servePort } from './in-process-transport.ts';
import { KafkaIntake } from './kafka-intake.ts';
import { createLog } from './log.ts';

export interface CollectorThreadData {
  options: Options;
  rules: readonly Rule[];
  isTerminal: boolean;
  /** Null: chunks come over ports and HTTP only. */
  kafka: KafkaClientOptions | null;
}

/** What lies in the store, over everything ever collected. */
export interface StoredTotals {
  streams: number;
  lines: number;
  events: number;
  storedBytes: number;
  gapBytes: number;
}

export interface CollectorReport {
  counts: CollectorCounts;
  stalledBecause: string | null;
  stored: StoredTotals;
  kafka: KafkaReport | null;
}

export type CollectorCall = { kind: 'port'; port: MessagePort } | { kind: 'note'; url: string } | { kind: 'counts'; id: number } | { kind: 'report'; id: number } | { kind: 'stop' };
export type CollectorMessage =
  | { kind: 'ready' }
  | { kind: 'failed'; error: PlainError }
  | { kind: 'committed' }
  | { kind: 'counts'; id: number; counts: CollectorCounts; stalledBecause: string | null }
  | { kind: 'report'; id: number; report: CollectorReport }
  | { kind: 'stopped'; report: CollectorReport };

const retentionIntervalMs = 60_000;

export async function main({ options, rules, isTerminal, kafka }: CollectorThreadData): Promise<void> {
  const port = parentPort;
  invariant(port !== null, 'the collector thread was started as a program');
  const log = createLog('collector', options, isTerminal);
  const send = (message: CollectorMessage): void => port.postMessage(message);

  try {
    const owner = new StoreOwner(options.dataDir);
    const writer = new EmbeddedWriter(options);
    const pool = new ParserPool({ writer, threadsMax: options.parseThreads, start: (thread, onMessage) => startParser({ ...thread, options, rules }, onMessage), log, onCommitted: () => send({ kind: 'committed' }) });
    const retain = (): void => {
      const { forgotten, ...gone } = writer.retain(Date.now());
      pool.forget(forgotten);
      if (gone.files > 0) log.info({ event: 'storeFilesExpired', ...gone }, 'files older than the retention, or over its size, were let go');
    };
    retain();
    const retention = setInterval(retain, retentionIntervalMs);
    const subscription = kafka === null ? null : await KafkaIntake.start(kafka, { intake: pool, storedPositions: () => writer.positions(), options, log, clock: systemClock });
    const report = (): CollectorReport => ({ counts: pool.counts, stalledBecause: pool.stalledBy?.message ?? null, stored: totalsOf(writer), kafka: subscription?.report() ?? null });
    const stop = async (): Promise<void> => {
      clearInterval(retention);
      // In this order: what is in hand is taken in and stored; a disk that stays full lets go of it, and it is read again.
      await subscription?.stop(options.drainTimeoutMs);
      await pool.stop();
      await subscription?.close();
      const last = report();
      writer.close();
      owner.release();
      send({ kind: 'stopped', report: last });
      port.close();
    };
    port.on('message', (call: CollectorCall) => {
      switch (call.kind) {
        case 'port':
          servePort(call.port, pool.connect());
          break;
        case 'note':
          owner.note(call.url);
          break;
        case 'counts':
          send({ kind: 'counts', id: call.id, counts: pool.counts, stalledBecause: pool.stalledBy?.message ?? null });
          break;
        case 'report':
          send({ kind: 'report', id: call.id, report: report() });
          break;
        case 'stop':
          void stop();
          break;
      }
    });
    send({ kind: 'ready' });
  } catch (error) {
    send({ kind: 'failed', error: toPlainError(error) });
    port.close();
  }
}

function startParser(data: ParserThreadData, onMessage: (message: ParserMessage) => void): ParserThread {
  const worker = startThread(new URL('../collector/parsing/parser-thread.ts', import.meta.url), data, { youngGenerationMb: 48 });
  worker.on('message', onMessage);
  // An error that nobody listens to ends the collector's thread, and with it the process: what one parses must not go missing.
  return {
    post: (call, transfer) => worker.postMessage(call, transfer),
    end: async () => {
      await worker.terminate();
    },
  };
}

function totalsOf(writer: EmbeddedWriter): StoredTotals {
  const totals: StoredTotals = { streams: 0, lines: 0, events: 0, storedBytes: 0, gapBytes: 0 };
  for (const { lines, events, storedRanges, gapBytes } of writer.streams()) {
    totals.streams += 1;
    totals.lines += lines;
    totals.events += events;
    totals.storedBytes += sizeOf(storedRanges);
    totals.gapBytes += gapBytes;
  }
  return totals;
}
