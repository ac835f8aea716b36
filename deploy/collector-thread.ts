/** The collector's thread: runs the collector's work, and speaks with the main thread and, over ports, with the shippers. */
import { parentPort, type MessagePort } from 'node:worker_threads';
import type { CollectorCounts } from '../collector/parts.ts';
import { invariant } from '#lib/assert.ts';
import type { KafkaClientOptions } from '#lib/kafka/types.ts';
import type { Rule } from '#schemas/alert.ts';
import { toPlainError, type PlainError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import { collectEmbedded, type CollectorReport, type CollectorWorkParts } from './collector-work.ts';
import type { StoreChoice } from './elasticsearch-options.ts';
import { servePort } from './in-process-transport.ts';
import { createLog } from './log.ts';

export interface CollectorThreadData {
  options: Options;
  rules: readonly Rule[];
  isTerminal: boolean;
  /** Null: chunks come over ports and HTTP only. */
  kafka: KafkaClientOptions | null;
  store: StoreChoice;
}

export type CollectorCall = { kind: 'port'; port: MessagePort } | { kind: 'note'; url: string } | { kind: 'counts'; id: number } | { kind: 'report'; id: number } | { kind: 'stop' };
export type CollectorMessage =
  | { kind: 'ready' }
  | { kind: 'failed'; error: PlainError }
  | { kind: 'committed' }
  | { kind: 'counts'; id: number; counts: CollectorCounts; stalledBecause: string | null }
  | { kind: 'report'; id: number; report: CollectorReport }
  | { kind: 'stopped'; report: CollectorReport };

export async function main({ options, rules, isTerminal, kafka, store }: CollectorThreadData): Promise<void> {
  const port = parentPort;
  invariant(port !== null, 'the collector thread was started as a program');
  const log = createLog('collector', options, isTerminal);
  const send = (message: CollectorMessage): void => port.postMessage(message);

  try {
    const parts: CollectorWorkParts = { options, rules, kafka, log, onCommitted: () => send({ kind: 'committed' }) };
    const work = store.kind === 'embedded' ? await collectEmbedded(parts) : await (await import('./shared-work.ts')).collectShared(parts, store);
    const stop = async (): Promise<void> => {
      send({ kind: 'stopped', report: await work.stop() });
      port.close();
    };
    port.on('message', (call: CollectorCall) => {
      switch (call.kind) {
        case 'port':
          servePort(call.port, work.connect());
          break;
        case 'note':
          work.note(call.url);
          break;
        case 'counts': {
          const { counts, stalledBecause } = work.report();
          send({ kind: 'counts', id: call.id, counts, stalledBecause });
          break;
        }
        case 'report':
          send({ kind: 'report', id: call.id, report: work.report() });
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
