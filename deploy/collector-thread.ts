/** The collector's thread: owns the store's directory, parses and writes. Speaks with the main thread and, over ports, with the shippers. */
import { parentPort, type MessagePort } from 'node:worker_threads';
import { CollectorIntake } from '../collector/intake.ts';
import type { CollectorCounts } from '../collector/collector.ts';
import { EmbeddedWriter } from '../collector/store/embedded-writer.ts';
import { StoreOwner } from '../collector/store/store-owner.ts';
import { invariant } from '#lib/assert.ts';
import { systemClock } from '#lib/clock.ts';
import type { Rule } from '#schemas/alert.ts';
import { toPlainError, type PlainError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import { servePort } from './in-process-transport.ts';
import { createLog } from './log.ts';

export interface CollectorThreadData {
  options: Options;
  rules: readonly Rule[];
  isTerminal: boolean;
}
export type CollectorCall = { kind: 'port'; port: MessagePort } | { kind: 'note'; url: string } | { kind: 'counts'; id: number } | { kind: 'stop' };
export type CollectorMessage = { kind: 'ready' } | { kind: 'failed'; error: PlainError } | { kind: 'committed' } | { kind: 'counts'; id: number; counts: CollectorCounts; stalledBecause: string | null } | { kind: 'stopped' };

const retentionIntervalMs = 60_000;

export function main({ options, rules, isTerminal }: CollectorThreadData): void {
  const port = parentPort;
  invariant(port !== null, 'the collector thread was started as a program');
  const log = createLog('collector', options, isTerminal);
  const send = (message: CollectorMessage): void => port.postMessage(message);

  try {
    const owner = new StoreOwner(options.dataDir);
    const writer = new EmbeddedWriter(options);
    const intake = new CollectorIntake({ writer, options, rules, log, clock: systemClock, onCommitted: () => send({ kind: 'committed' }) });
    const retain = (): void => {
      const gone = writer.retain(Date.now());
      if (gone.files > 0) log.info({ event: 'storeFilesExpired', ...gone }, 'files older than the retention, or over its size, were let go');
    };
    retain();
    const retention = setInterval(retain, retentionIntervalMs);
    port.on('message', (call: CollectorCall) => {
      switch (call.kind) {
        case 'port':
          servePort(call.port, intake.connect());
          break;
        case 'note':
          owner.note(call.url);
          break;
        case 'counts':
          send({ kind: 'counts', id: call.id, counts: { ...intake.collector.counts }, stalledBecause: intake.collector.stalledBy?.message ?? null });
          break;
        case 'stop':
          clearInterval(retention);
          intake.stop();
          writer.close();
          owner.release();
          send({ kind: 'stopped' });
          port.close();
          break;
      }
    });
    send({ kind: 'ready' });
  } catch (error) {
    send({ kind: 'failed', error: toPlainError(error) });
    port.close();
  }
}
