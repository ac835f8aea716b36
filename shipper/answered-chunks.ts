import type { Chunk } from '#schemas/chunk.ts';
import type { Acknowledgement } from '#schemas/transport.ts';

interface Answered {
  /** The collector that answered. */
  collector: string;
  chunks: Chunk[];
}

/**
 * Chunks that a collector has answered and not yet acknowledged, per source in the order they were sent. They live in that collector's memory only: when
 * another one answers at its address, as after a crash, they have to be sent again before anything behind them.
 *
 * Holds no more than what the shipper may have in flight.
 */
export class AnsweredChunks {
  private readonly sources = new Map<string, Answered>();

  /** Whom the source's chunks were given to, or null where nothing is owed. */
  collectorOf(source: string): string | null {
    return this.sources.get(source)?.collector ?? null;
  }

  add(chunk: Chunk, collector: string): void {
    const answered = this.sources.get(chunk.source);
    if (answered?.collector === collector) answered.chunks.push(chunk);
    else this.sources.set(chunk.source, { collector, chunks: [chunk] });
  }

  acknowledged(source: string, acknowledgements: readonly Acknowledgement[]): void {
    const answered = this.sources.get(source);
    if (answered === undefined) return;
    for (const { streamId, to, closed } of acknowledgements) answered.chunks = answered.chunks.filter(chunk => chunk.streamId !== streamId || (chunk.kind === 'close' ? !closed : chunk.end > to));
    if (answered.chunks.length === 0) this.sources.delete(source);
  }

  /** What has to be sent again, in order; the caller owns it from here on. */
  take(source: string): Chunk[] {
    const chunks = this.sources.get(source)?.chunks ?? [];
    this.sources.delete(source);
    return chunks;
  }
}
