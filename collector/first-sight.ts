/** Streams of a store that others write to: what is stored of each is read by its id before the first that comes of it is taken in. */
import type { AsyncStoreWriter } from '#schemas/store.ts';
import type { CollectorIntake } from './intake.ts';

export class FirstSight {
  /** Streams that were read by their id. */
  readonly seen = new Set<string>();
  private readonly writer: AsyncStoreWriter;
  private readonly isFresh: (streamId: string) => boolean;

  /** @param isFresh whether what the writer knows of a stream is good as it is */
  constructor(writer: AsyncStoreWriter, isFresh: (streamId: string) => boolean) {
    this.writer = writer;
    this.isFresh = isFresh;
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
    intake.beforeTaking = async ({ kind, streamId, previous }, position) => {
      await this.look(intake, previous === null ? [streamId] : [streamId, previous.streamId]);
      if (isOnlyOwner && kind === 'lines' && position?.mayBeStored === true) await this.writer.findEnds([streamId]);
    };
  }
}
