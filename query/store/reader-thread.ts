/** A reader thread's body: one reader of the store, any number of calls at once, each cancellable. Answers that go to HTTP leave as JSON bytes. */
import { parentPort } from 'node:worker_threads';
import { invariant } from '#lib/assert.ts';
import { LeadlineError, toPlainError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import { Queries } from '../queries.ts';
import { openReader, type ReadStore } from './open-reader.ts';
import type { ReaderAnswer, ReaderCall } from './reader-pool.ts';

export async function main({ store, options }: { store: ReadStore; options: Options }): Promise<void> {
  const port = parentPort;
  invariant(port !== null, 'the reader thread was started as a program');
  const reader = await openReader(store);
  const silent = new Queries(reader, options);
  const running = new Map<number, AbortController>();

  port.on('message', (call: ReaderCall) => {
    if ('cancel' in call) running.get(call.id)?.abort(new LeadlineError('CANCELLED'));
    else void answer(call);
  });
  port.postMessage({ ready: true } satisfies ReaderAnswer);

  async function answer(call: Exclude<ReaderCall, { cancel: true }>): Promise<void> {
    const controller = new AbortController();
    running.set(call.id, controller);
    try {
      const queries = call.tellsProgress ? new Queries(reader, options, Date.now, progress => port!.postMessage({ id: call.id, progress } satisfies ReaderAnswer)) : silent;
      const methods = queries as unknown as Record<typeof call.method, (...parameters: unknown[]) => Promise<unknown>>;
      const result = await methods[call.method](...call.parameters, controller.signal);
      if (call.as === 'json') {
        const json = new TextEncoder().encode(JSON.stringify(result));
        port!.postMessage({ id: call.id, result: json } satisfies ReaderAnswer, [json.buffer]);
      } else port!.postMessage({ id: call.id, result } satisfies ReaderAnswer);
    } catch (error) {
      port!.postMessage({ id: call.id, error: toPlainError(error) } satisfies ReaderAnswer);
    } finally {
      running.delete(call.id);
    }
  }
}
