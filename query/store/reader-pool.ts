/** The reader threads as the server sees them: calls go to the one with the least to do, and are cancelled when nobody waits any more. */
import type { Worker } from 'node:worker_threads';
import { invariant } from '#lib/assert.ts';
import { startThread } from '#lib/thread.ts';
import { fromPlainError, LeadlineError, type PlainError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import type { ReadProgress } from '#schemas/store.ts';
import type { Queries } from '../queries.ts';
import type { ReadStore } from './open-reader.ts';

type Method = Exclude<keyof Queries, 'close'>;
type ParametersOf<M extends Method> = Queries[M] extends (...parameters: [...infer P, AbortSignal]) => unknown ? P : never;
type ResultOf<M extends Method> = Awaited<ReturnType<Queries[M]>>;

export type ReaderCall = { id: number; method: Method; parameters: unknown[]; as: 'json' | 'value'; tellsProgress: boolean } | { id: number; cancel: true };
export type ReaderAnswer = { ready: true } | { id: number; progress: ReadProgress } | { id: number; result: unknown } | { id: number; error: PlainError };

interface Reader {
  worker: Worker;
  calls: Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void; onProgress: OnProgress | undefined }>;
}

type OnProgress = (progress: ReadProgress) => void;

export class ReaderPool {
  private readonly readers: Reader[];
  private nextId = 1;

  private constructor(readers: Reader[]) {
    this.readers = readers;
  }

  /** @throws LeadlineError NO_STORE, STORE_VERSION. */
  static async start(store: ReadStore, options: Options, threads: number): Promise<ReaderPool> {
    const readers = Array.from({ length: threads }, () => startReader(store, options));
    try {
      return new ReaderPool(await Promise.all(readers));
    } catch (error) {
      for (const reader of await Promise.allSettled(readers)) if (reader.status === 'fulfilled') await reader.value.worker.terminate();
      throw error;
    }
  }

  /** The answer as JSON bytes, ready to be sent. */
  async json<M extends Method>(method: M, parameters: ParametersOf<M>, signal?: AbortSignal, onProgress?: OnProgress): Promise<Buffer> {
    const bytes = (await this.call(method, parameters, 'json', signal, onProgress)) as Uint8Array;
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  async value<M extends Method>(method: M, parameters: ParametersOf<M>, signal?: AbortSignal): Promise<ResultOf<M>> {
    return (await this.call(method, parameters, 'value', signal)) as ResultOf<M>;
  }

  async stop(): Promise<void> {
    await Promise.all(this.readers.map(({ worker }) => worker.terminate()));
  }

  private call(method: Method, parameters: readonly unknown[], as: 'json' | 'value', signal?: AbortSignal, onProgress?: OnProgress): Promise<unknown> {
    const reader = this.readers.reduce((least, other) => (other.calls.size < least.calls.size ? other : least));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(new LeadlineError('CANCELLED'));
        return;
      }
      const cancel = (): void => reader.worker.postMessage({ id, cancel: true } satisfies ReaderCall);
      signal?.addEventListener('abort', cancel, { once: true });
      const settle = <T>(then: (value: T) => void) => (value: T): void => {
        signal?.removeEventListener('abort', cancel);
        reader.calls.delete(id);
        then(value);
      };
      reader.calls.set(id, { resolve: settle(resolve), reject: settle(reject), onProgress });
      reader.worker.postMessage({ id, method, parameters: [...parameters], as, tellsProgress: onProgress !== undefined } satisfies ReaderCall);
    });
  }
}

function startReader(store: ReadStore, options: Options): Promise<Reader> {
  const worker = startThread(new URL('./reader-thread.ts', import.meta.url), { store, options }, { oldGenerationMb: 512 });
  const reader: Reader = { worker, calls: new Map() };
  return new Promise((resolve, reject) => {
    worker.on('message', (answer: ReaderAnswer) => {
      if ('ready' in answer) {
        resolve(reader);
        return;
      }
      const call = reader.calls.get(answer.id);
      invariant(call !== undefined, 'a reader answered what nobody asked');
      if ('progress' in answer) call.onProgress?.(answer.progress);
      else if ('error' in answer) call.reject(fromPlainError(answer.error));
      else call.resolve(answer.result);
    });
    worker.on('error', error => {
      reject(error as Error);
      for (const call of [...reader.calls.values()]) call.reject(error as Error);
    });
    worker.on('exit', () => {
      for (const call of [...reader.calls.values()]) call.reject(new LeadlineError('CANCELLED'));
    });
  });
}
