/** `leadline ingest`: files -> store, once, in one thread; or through the intake of whoever owns the store. */
import { Collector } from '../collector/collector.ts';
import { CollectorIntake } from '../collector/intake.ts';
import { EmbeddedWriter } from '../collector/store/embedded-writer.ts';
import { StoreOwner } from '../collector/store/store-owner.ts';
import { HttpPublisher } from '../shipper/http-publisher.ts';
import { ingestPaths, type IngestProgress, type IngestReport } from '../shipper/ingest.ts';
import { renderIngestReport } from './render-ingest.ts';
import { systemClock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import type { Rule } from '#schemas/alert.ts';
import type { StoredStream } from '#schemas/store.ts';
import type { Transport } from '#schemas/transport.ts';
import { ProgressBar } from './progress-bar.ts';
import type { Config } from './config.ts';
import { createLog } from './log.ts';
import { runningOwner } from './read-source.ts';
import { terminalOf } from '../query/cli/render/terminal.ts';

export interface StoredReport extends IngestReport {
  /** Null where another process stores. */
  streams: ReadonlyMap<string, StoredStream> | null;
}

interface StoreSettings {
  durable?: boolean;
  rules?: readonly Rule[];
  onProgress?: (progress: IngestProgress) => void;
}

/** Reads paths into the embedded store in `options.dataDir`. @throws LeadlineError STORE_OWNED and what reading and storing can say. */
export async function storePaths(paths: readonly string[], options: Options, log: Log, { durable = true, rules = [], onProgress }: StoreSettings = {}): Promise<StoredReport> {
  const owner = new StoreOwner(options.dataDir);
  try {
    const writer = new EmbeddedWriter({ ...options, durable });
    try {
      const intake = new CollectorIntake({ writer, options, rules, log, clock: systemClock, onCommitted: () => undefined });
      const full = failWhenFull(intake.collector);
      let report: IngestReport;
      try {
        report = await Promise.race([full.failure, ingestPaths({ paths, options, transport: intake.connect(), log, stdin: process.stdin, ...(onProgress === undefined ? {} : { onProgress }) })]);
        intake.tellUnfinished();
      } finally {
        full.stop();
        // On a failure, too: its timer must not find the store closed.
        await intake.stop();
      }
      return { ...report, streams: new Map(writer.streams().map(stream => [stream.streamId, stream])) };
    } finally {
      writer.close();
    }
  } finally {
    owner.release();
  }
}

/** A command that reads once does not wait for room on the disk: it says so and ends; run again, it goes on where it was. */
function failWhenFull(collector: Collector): { failure: Promise<never>; stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const failure = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      if (collector.stalledBy !== null) reject(collector.stalledBy);
    }, 100);
  });
  return { failure, stop: () => clearInterval(timer) };
}

async function ingestThrough(transport: Transport, paths: readonly string[], options: Options, log: Log, onProgress: (progress: IngestProgress) => void): Promise<StoredReport> {
  try {
    return { ...(await ingestPaths({ paths, options, transport, log, stdin: process.stdin, onProgress })), streams: null };
  } finally {
    await transport.close();
  }
}

/** The report names these files, and the end of the command says what ended it. */
const saidByReport = ['fileRefused', 'fileDoubted', 'pathSkipped', 'storeStalled'];

/** @returns the exit code: 0 done, 2 where something could not be read. */
export async function ingest(paths: readonly string[], { options, alerts }: Config): Promise<number> {
  const log = createLog('ingest', options, true, saidByReport);
  const bar = new ProgressBar(process.stderr, !options.quiet);
  const onProgress = (progress: IngestProgress): void => bar.show(progress.bytesDone, progress.bytesTotal, `${progress.filesDone}/${progress.files} files`);
  const startedMs = performance.now();
  let report: StoredReport;
  try {
    report = await storePaths(paths, options, log, { rules: alerts.rules, onProgress });
  } catch (error) {
    if (!(error instanceof LeadlineError) || error.code !== 'STORE_OWNED') throw error;
    const url = await runningOwner(options.dataDir);
    if (url === null) throw error;
    const transport = new HttpPublisher({ url, apiKey: options.apiKey, log, retriesRefusals: false });
    report = await ingestThrough(transport, paths, options, log, onProgress);
  } finally {
    bar.end();
  }
  const seconds = (performance.now() - startedMs) / 1000;
  if (options.json || !process.stdout.isTTY) {
    for (const file of report.files) process.stdout.write(`${JSON.stringify({ ...file, events: file.streamId === null ? 0 : (report.streams?.get(file.streamId)?.events ?? null) })}\n`);
  }
  if (!options.quiet && !options.json) (process.stdout.isTTY ? process.stdout : process.stderr).write(`${renderIngestReport(report, seconds, terminalOf(process.stdout.isTTY ? process.stdout : process.stderr))}\n`);
  return report.problems.length > 0 ? 2 : 0;
}
