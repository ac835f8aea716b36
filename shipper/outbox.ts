/**
 * Between the loop and the transport: hands chunks over without waiting, says when no more should be handed over, and counts what is on its way.
 * The loop never waits for the transport, because files rotate on while a broker is away.
 */
import type { Chunk } from '#schemas/chunk.ts';
import type { Transport } from '#schemas/transport.ts';
import type { TailedStream } from './tailed-stream.ts';

/** Streams that may wait for an acknowledgement at once: thousands of small chunks cost more than their bytes. */
const awaitingMax = 1000;

export class Outbox {
  readonly #transport: Transport;
  readonly #onRoom: () => void;
  #pending = 0;
  /** Chunks handed over in this run. */
  handed = 0;
  #failure: { error: unknown } | null = null;
  /** Of all streams: handed over and not acknowledged. Kept by whoever reads and acknowledges. */
  inFlightBytes = 0;
  /** Streams of which something is not acknowledged, by streamId. */
  readonly #awaiting = new Map<string, TailedStream>();

  constructor(transport: Transport, onRoom: () => void) {
    this.#transport = transport;
    this.#onRoom = onRoom;
  }

  /** Gives the chunk away. Ask `isFull` after a breath, when a transport that has room has said so. */
  hand(chunk: Chunk, stream: TailedStream): void {
    if (chunk.kind === 'lines' || chunk.kind === 'close') this.#awaiting.set(chunk.streamId, stream);
    this.#pending += 1;
    this.handed += 1;
    this.#transport.publish(chunk).then(
      () => {
        this.#pending -= 1;
        this.#onRoom();
      },
      (error: unknown) => {
        this.#failure ??= { error };
        this.#onRoom();
      },
    );
  }

  /** The stream that waits for this acknowledgement, where there is one. */
  awaiting(streamId: string): TailedStream | undefined {
    return this.#awaiting.get(streamId);
  }

  /** Nothing of the stream is on its way any more. */
  forget(stream: TailedStream): void {
    this.#awaiting.delete(stream.streamId);
  }

  /** The transport has not taken what it was given last, or has enough to acknowledge. */
  get isFull(): boolean {
    return this.#pending > 0 || this.#awaiting.size >= awaitingMax;
  }

  /** @throws what the transport said no retry can mend */
  check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }
}
