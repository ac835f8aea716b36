/** What the collector's thread runs: collecting into the embedded store here, into one that is shared in `shared-work.ts`. */
import type { KafkaReport } from '../collector/kafka-subscriber.ts';
import type { CollectorCounts } from '../collector/parts.ts';
import type { ParserCall, ParserMessage, ParserThreadData } from '../collector/parsing/messages.ts';
import { Parser } from '../collector/parsing/parser.ts';
import { ParserPool, type ParserThread } from '../collector/parsing/parser-pool.ts';
import { EmbeddedWriter } from '../collector/store/embedded-writer.ts';
import { eventsOfBlock, type PreparedBatch } from '../collector/store/prepared-batch.ts';
import { StoreOwner } from '../collector/store/store-owner.ts';
import { EmbeddedReader } from '../query/store/embedded-reader.ts';
import { sizeOf } from '#lib/byte-ranges.ts';
import { systemClock } from '#lib/clock.ts';
import type { KafkaClientOptions } from '#lib/kafka/types.ts';
import type { Log } from '#lib/log.ts';
import { startThread } from '#lib/thread.ts';
import type { Rule } from '#schemas/alert.ts';
import type { Options } from '#schemas/options.ts';
import type { StoredStream } from '#schemas/store.ts';
import type { Transport } from '#schemas/transport.ts';
import { KafkaIntake } from './kafka-intake.ts';
import { KafkaPublishing, type PublishingReport } from './kafka-publishing.ts';

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
  publishing: PublishingReport | null;
}

export interface CollectorWork {
  connect(): Transport;
  /** Where the main thread answers. */
  note(url: string): void;
  report(): CollectorReport;
  /** Stores what is in hand and ends. */
  stop(): Promise<CollectorReport>;
}

export interface CollectorWorkParts {
  options: Options;
  rules: readonly Rule[];
  kafka: KafkaClientOptions | null;
  log: Log;
  onCommitted: () => void;
}

export const retentionIntervalMs = 60_000;

/** Owns the store's directory, and is its only writer. @throws LeadlineError what the store says at opening */
export async function collectEmbedded({ options, rules, kafka, log, onCommitted }: CollectorWorkParts): Promise<CollectorWork> {
  const owner = new StoreOwner(options.dataDir);
  const writer = new EmbeddedWriter(options);
  // A collector that reads Kafka tells there, too, what it stored.
  const publishing = kafka === null ? null : await KafkaPublishing.start(kafka, { options, reader: new EmbeddedReader(options.dataDir), log });
  const committed = (batches: readonly PreparedBatch[]): void => {
    publishing?.committed(publishing.isWanted ? batches.flatMap(({ blocks }) => blocks.flatMap(eventsOfBlock)) : []);
    onCommitted();
  };
  const pool = new ParserPool({ writer, threadsMax: options.parseThreads, start: (thread, onMessage) => startParser({ ...thread, options: { ...options, templatesMax: Math.ceil(options.templatesMax / options.parseThreads) }, rules }, onMessage, log), log, onCommitted: committed });
  const retain = (): void => {
    const { forgotten, ...gone } = writer.retain(Date.now());
    pool.forget(forgotten);
    if (gone.files > 0) log.info({ event: 'storeFilesExpired', ...gone }, 'files older than the retention, or over its size, were let go');
  };
  retain();
  const retention = setInterval(retain, retentionIntervalMs);
  const subscription = kafka === null ? null : await KafkaIntake.start(kafka, { intake: pool, ...(publishing === null || !options.publishEvents ? {} : { whenRoom: () => publishing.whenRoom() }), storedPositions: () => writer.positions(), options, log, clock: systemClock });
  const report = (): CollectorReport => ({ counts: pool.counts, stalledBecause: pool.stalledBy?.message ?? null, stored: totalsOf(writer.streams()), kafka: subscription?.report() ?? null, publishing: publishing?.report() ?? null });
  return {
    connect: () => pool.connect(),
    note: url => owner.note(url),
    report,
    stop: async () => {
      clearInterval(retention);
      // In this order: what is in hand is taken in and stored; a disk that stays full lets go of it, and it is read again.
      await subscription?.stop(options.drainTimeoutMs);
      await pool.stop();
      await publishing?.stop(options.drainTimeoutMs);
      await subscription?.close();
      const last = report();
      writer.close();
      owner.release();
      return last;
    },
  };
}

/** The first parses here: with little to do a thread of its own would only take memory. */
function startParser(data: ParserThreadData, onMessage: (message: ParserMessage) => void, log: Log): ParserThread {
  if (data.number === 1) {
    const parser = new Parser({ ...data, log, clock: systemClock, send: onMessage, isAtHome: true });
    const calls: ParserCall[] = [];
    // One call a turn: what is fetched and what other threads have ready is seen to in between, and how much waits here is seen by whoever divides the work.
    let isDue = false;
    const due = (): void => {
      if (isDue || calls.length === 0) return;
      isDue = true;
      setImmediate(() => {
        isDue = false;
        const call = calls.shift();
        if (call !== undefined) parser.take(call);
        due();
      });
    };
    return {
      post: call => {
        if (call.call === 'stored') parser.take(call);
        else {
          calls.push(call);
          due();
        }
      },
      end: () => Promise.resolve(),
    };
  }
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

export function totalsOf(streams: readonly StoredStream[]): StoredTotals {
  const totals: StoredTotals = { streams: 0, lines: 0, events: 0, storedBytes: 0, gapBytes: 0 };
  for (const { lines, events, storedRanges, gapBytes } of streams) {
    totals.streams += 1;
    totals.lines += lines;
    totals.events += events;
    totals.storedBytes += sizeOf(storedRanges);
    totals.gapBytes += gapBytes;
  }
  return totals;
}
