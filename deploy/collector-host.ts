/** The collector's thread as the main thread sees it. */
import { EventEmitter } from 'node:events';
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { checkLineOptions } from '../collector/lines/multiline-rules.ts';
import type { CollectorCounts } from '../collector/parts.ts';
import { startThread } from '#lib/thread.ts';
import type { Rule } from '#schemas/alert.ts';
import { fromPlainError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import type { CollectorCall, CollectorMessage, CollectorThreadData } from './collector-thread.ts';
import type { CollectorReport } from './collector-work.ts';
import { storeChoice } from './elasticsearch-options.ts';
import { InProcessTransport } from './in-process-transport.ts';
import { kafkaClientOptions } from './kafka-options.ts';

export class CollectorHost {
  private readonly worker: Worker;
  private readonly events = new EventEmitter();
  private nextId = 1;
  private isGone = false;

  private constructor(worker: Worker) {
    this.worker = worker;
    this.events.setMaxListeners(0);
    worker.once('exit', () => {
      this.isGone = true;
      this.events.emit('gone');
    });
  }

  /**
   * Reads Kafka, too, where the options name brokers.
   * @throws LeadlineError BAD_TIME_ZONE, BAD_MULTILINE, BAD_OPTION or BAD_CONFIG for Kafka options that do not fit, STORE_OWNED, STORE_VERSION, DATA_DIR_NOT_WRITABLE and what else
   * the store says at opening.
   */
  static start(options: Options, rules: readonly Rule[], isTerminal: boolean, onCrash: (error: Error) => void): Promise<CollectorHost> {
    checkLineOptions(options);
    const kafka = options.kafka.length === 0 ? null : kafkaClientOptions(options, 'leadline-collect');
    const worker = startThread(new URL('./collector-thread.ts', import.meta.url), { options, rules, isTerminal, kafka, store: storeChoice(options) } satisfies CollectorThreadData, { youngGenerationMb: 48 });
    const host = new CollectorHost(worker);
    return new Promise((resolve, reject) => {
      worker.on('message', (message: CollectorMessage) => {
        if (message.kind === 'ready') resolve(host);
        else if (message.kind === 'failed') reject(fromPlainError(message.error));
        else host.events.emit(message.kind === 'counts' || message.kind === 'report' ? `${message.kind}:${message.id}` : message.kind, message);
      });
      worker.on('error', error => {
        reject(error as Error);
        onCrash(error as Error);
      });
    });
  }

  /** A port for a client in another thread; it is transferred there and wrapped in an `InProcessTransport`. */
  newPort(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.send({ kind: 'port', port: port1 }, [port1]);
    return port2;
  }

  newTransport(): InProcessTransport {
    return new InProcessTransport(this.newPort());
  }

  onCommitted(listener: () => void): () => void {
    this.events.on('committed', listener);
    return () => this.events.off('committed', listener);
  }

  note(url: string): void {
    this.send({ kind: 'note', url });
  }

  counts(): Promise<{ counts: CollectorCounts; stalledBecause: string | null }> {
    const id = this.nextId++;
    return new Promise(resolve => {
      this.events.once(`counts:${id}`, (message: Extract<CollectorMessage, { kind: 'counts' }>) => resolve(message));
      this.send({ kind: 'counts', id });
    });
  }

  report(): Promise<CollectorReport> {
    const id = this.nextId++;
    return new Promise(resolve => {
      this.events.once(`report:${id}`, ({ report }: Extract<CollectorMessage, { kind: 'report' }>) => resolve(report));
      this.send({ kind: 'report', id });
    });
  }

  /** Stores what is in hand and ends. @returns what there was at the end, null where the thread had ended by itself */
  async stop(): Promise<CollectorReport | null> {
    if (this.isGone) return null;
    const stopped = new Promise<CollectorReport | null>(resolve => {
      this.events.once('stopped', ({ report }: Extract<CollectorMessage, { kind: 'stopped' }>) => resolve(report));
      this.events.once('gone', () => resolve(null));
    });
    this.send({ kind: 'stop' });
    const report = await stopped;
    await this.worker.terminate();
    return report;
  }

  private send(call: CollectorCall, transfer: MessagePort[] = []): void {
    this.worker.postMessage(call, transfer);
  }
}
