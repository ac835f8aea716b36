/** Streams of a store that others write to: what is stored of each is read by its id before the first that comes of it is taken in. */
import type { Chunk } from '#schemas/chunk.ts';
import type { AsyncStoreWriter } from '#schemas/store.ts';
import type { CollectorIntake } from './intake.ts';

/** Whatever closes an event for another collector sooner than for this one takes longer. */
const goodForMsUsual = 1000;

export class FirstSight {
  /** Streams that were read by their id. */
  readonly seen = new Set<string>();
  private readonly writer: AsyncStoreWriter;
  private readonly isFresh: (streamId: string) => boolean;
  private readonly goodForMs: number;
  /** When something came of streams that others may have, too, by the time of `performance`. */
  private readonly cameMs = new Map<string, number>();

  /**
   * @param isFresh whether what the writer knows of a stream is good as it is
   * @param goodForMs how long after something came of a stream what is known of it is good, where others may have it
   */
  constructor(writer: AsyncStoreWriter, isFresh: (streamId: string) => boolean, goodForMs = goodForMsUsual) {
    this.writer = writer;
    this.isFresh = isFresh;
    this.goodForMs = goodForMs;
  }

  /** Reads those that were not read. What they ended in the middle of is the intake's to go on with. */
  async look(intake: CollectorIntake, streamIds: readonly string[]): Promise<void> {
    const unknown = streamIds.filter(streamId => !this.seen.has(streamId) && !this.isFresh(streamId));
    if (unknown.length === 0) return;
    await this.writer.load(unknown);
    for (const streamId of unknown) this.seen.add(streamId);
    const lines = this.writer.unfinished().filter(({ event }) => unknown.includes(event.streamId));
    if (lines.length > 0) intake.collector.adopt(lines);
  }

  /**
   * Looks before every chunk that the intake takes in.
   * @param isOnlyOwner whether nobody else has anything of these streams under way
   */
  guard(intake: CollectorIntake, isOnlyOwner = false): void {
    intake.beforeTaking = async (chunk, position) => {
      const { kind, streamId, previous } = chunk;
      if (!isOnlyOwner) await this.lookAgain(intake, chunk);
      await this.look(intake, previous === null ? [streamId] : [streamId, previous.streamId]);
      if (isOnlyOwner && kind === 'lines' && position?.mayBeStored === true) await this.writer.findEnds([streamId]);
    };
  }

  /** A stream may have gone to another collector meanwhile, and come back: where it does not go on as it ended here, or something came a while ago. */
  private async lookAgain({ collector }: CollectorIntake, { kind, streamId, offset }: Chunk): Promise<void> {
    const cameMs = this.cameMs.get(streamId) ?? -Infinity;
    this.cameMs.set(streamId, performance.now());
    const isRecent = kind !== 'lines' || performance.now() - cameMs < this.goodForMs;
    if (!this.seen.has(streamId) || (isRecent && collector.takenTo(streamId) === offset)) return;
    await this.writer.load([streamId]);
    collector.learn(streamId);
  }
}
