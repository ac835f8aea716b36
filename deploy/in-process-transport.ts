/**
 * The in-process transport: a `Transport` whose calls go over a message port to the collector's thread. Buffers are transferred, not copied: a
 * published chunk's bytes are gone for the sender.
 */
import type { MessagePort } from 'node:worker_threads';
import { systemClock } from '#lib/clock.ts';
import { ownBytes } from '#lib/own-buffer.ts';
import type { Chunk } from '#schemas/chunk.ts';
import { fromPlainError, toPlainError, type PlainError } from '#schemas/errors.ts';
import type { Acknowledgement, StreamState, Transport } from '#schemas/transport.ts';

type Call = { id: number } & ({ call: 'publish'; chunk: Chunk } | { call: 'publishStates'; states: readonly StreamState[] } | { call: 'loadStates'; sources: readonly string[] } | { call: 'drain'; timeoutMs: number } | { call: 'close' });
type Answer = { kind: 'done'; id: number; result?: unknown } | { kind: 'failed'; id: number; error: PlainError } | { kind: 'acknowledged'; acknowledgements: Acknowledgement[] };

/** Handed over and not yet taken in, beyond which `publish` waits. */
const windowBytesMax = 8 * 1024 * 1024;
/** The way there and back. */
const answerMsMax = 50;

export class InProcessTransport implements Transport {
  readonly troubledBy = null;
  onAcknowledged: (acknowledgements: readonly Acknowledgement[]) => void = () => undefined;
  private readonly port: MessagePort;
  private readonly calls = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  private nextId = 1;
  private windowBytes = 0;
  private refused: Error | null = null;
  private readonly waiting: (() => void)[] = [];

  constructor(port: MessagePort) {
    this.port = port;
    port.on('message', (answer: Answer) => this.answered(answer));
  }

  loadStates(sources: readonly string[]): Promise<StreamState[]> {
    return this.call({ id: this.nextId++, call: 'loadStates', sources }) as Promise<StreamState[]>;
  }

  partitionOf(): null {
    return null;
  }

  async publishStates(states: readonly StreamState[]): Promise<void> {
    await this.call({ id: this.nextId++, call: 'publishStates', states });
  }

  async publish(chunk: Chunk): Promise<void> {
    const bytes = chunk.value.length;
    this.windowBytes += bytes;
    const value = ownBytes(chunk.value);
    void this.call({ id: this.nextId++, call: 'publish', chunk: { ...chunk, value } }, [value.buffer])
      .catch((error: unknown) => {
        this.refused = error as Error;
      })
      .finally(() => {
        this.windowBytes -= bytes;
        for (const resolve of this.waiting.splice(0)) resolve();
      });
    while (this.windowBytes > windowBytesMax && this.refused === null) await new Promise<void>(resolve => this.waiting.push(resolve));
    this.throwRefused();
  }

  async drain(timeoutMs: number): Promise<boolean> {
    this.throwRefused();
    const drained = this.call({ id: this.nextId++, call: 'drain', timeoutMs }) as Promise<boolean>;
    // The other end answers behind the chunks before it, which may wait for a full disk.
    const stop = new AbortController();
    const result = await Promise.race([drained, systemClock.sleep(timeoutMs + answerMsMax, stop.signal).then(() => false)]);
    stop.abort();
    this.throwRefused();
    return result;
  }

  async close(): Promise<void> {
    await this.call({ id: this.nextId++, call: 'close' });
    this.port.close();
  }

  private throwRefused(): void {
    const { refused } = this;
    this.refused = null;
    if (refused !== null) throw refused;
  }

  private call(call: Call, transfer: ArrayBuffer[] = []): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.calls.set(call.id, { resolve, reject });
      this.port.postMessage(call, transfer);
    });
  }

  private answered(answer: Answer): void {
    if (answer.kind === 'acknowledged') {
      this.onAcknowledged(answer.acknowledgements);
      return;
    }
    const call = this.calls.get(answer.id);
    this.calls.delete(answer.id);
    if (answer.kind === 'done') call?.resolve(answer.result);
    else call?.reject(fromPlainError(answer.error));
  }
}

/** Serves a port with a collector's connection, which keeps the order of what is published. */
export function servePort(port: MessagePort, connection: Transport): void {
  connection.onAcknowledged = acknowledgements => port.postMessage({ kind: 'acknowledged', acknowledgements: [...acknowledgements] } satisfies Answer);
  port.on('message', (call: Call) => {
    void perform(connection, call).then(
      result => port.postMessage({ kind: 'done', id: call.id, result } satisfies Answer),
      (error: unknown) => port.postMessage({ kind: 'failed', id: call.id, error: toPlainError(error) } satisfies Answer),
    );
  });
}

function perform(connection: Transport, call: Call): Promise<unknown> {
  switch (call.call) {
    case 'publish':
      return connection.publish(call.chunk);
    case 'publishStates':
      return connection.publishStates(call.states);
    case 'loadStates':
      return connection.loadStates(call.sources);
    case 'drain':
      return connection.drain(call.timeoutMs);
    case 'close':
      return connection.close();
  }
}
