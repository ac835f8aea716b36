/**
 * What is known of streams: which of their bytes are stored, how much they hold, and what they ended in the middle of. Says of a batch what is new of it
 * and how the streams are after it; nothing counts as stored before `apply`.
 */
import type { LogEvent } from '#schemas/event.ts';
import type { StoreBatch, StoredStream, UnfinishedLine } from '#schemas/store.ts';
import { copiedRanges, takeBatch } from './stored-bytes.ts';

export type StreamEntry = StoredStream & { chainPosition: number };

/** What a batch changes. The streams are copies, so that a batch that fails leaves the known ones as they were. */
export interface LedgerChange {
  /** Those that are not stored, with their place in the chain. */
  events: LogEvent[];
  streams: Map<string, StreamEntry>;
  /** Unfinished lines that are added or, null, told, by eventId. */
  unfinished: Map<string, UnfinishedLine | null>;
}

/** Places in the chain are given without asking each other by as many ledgers at most: each counts in steps of it. */
export const ledgersMax = 32;

export class StreamLedger {
  private readonly streamsById = new Map<string, StreamEntry>();
  private readonly idsBySource = new Map<string, string[]>();
  private readonly unfinishedById = new Map<string, UnfinishedLine>();
  private readonly number: number;
  private nextChainPosition: number;

  /**
   * @param number 0 to `ledgersMax - 1`, of its own among those that write to the same store at a time
   * @param lastChainPosition that the store has, of whatever source
   */
  constructor(number = 0, lastChainPosition = 0) {
    this.number = number;
    this.nextChainPosition = number;
    this.passChainPosition(lastChainPosition);
  }

  /** The last that was given, or is known. */
  get lastChainPosition(): number {
    return this.nextChainPosition - 1;
  }

  get(streamId: string): StreamEntry | null {
    return this.streamsById.get(streamId) ?? null;
  }

  streams(): StreamEntry[] {
    return [...this.streamsById.values()];
  }

  streamsOf(source: string): StreamEntry[] {
    return (this.idsBySource.get(source) ?? []).map(streamId => this.streamsById.get(streamId)!);
  }

  unfinished(): UnfinishedLine[] {
    return [...this.unfinishedById.values()];
  }

  put(stream: StreamEntry): void {
    if (!this.streamsById.has(stream.streamId)) {
      const ids = this.idsBySource.get(stream.source);
      if (ids === undefined) this.idsBySource.set(stream.source, [stream.streamId]);
      else ids.push(stream.streamId);
    }
    this.streamsById.set(stream.streamId, stream);
    this.passChainPosition(stream.chainPosition);
  }

  /** @param line null where it is told */
  putUnfinished(eventId: string, line: UnfinishedLine | null): void {
    if (line === null) this.unfinishedById.delete(eventId);
    else this.unfinishedById.set(eventId, line);
  }

  forget(streamId: string): void {
    const stream = this.streamsById.get(streamId);
    if (stream === undefined) return;
    this.streamsById.delete(streamId);
    const left = this.idsBySource.get(stream.source)!.filter(id => id !== streamId);
    if (left.length === 0) this.idsBySource.delete(stream.source);
    else this.idsBySource.set(stream.source, left);
  }

  /** What of the batch is new. @throws LeadlineError EVENT_OVERLAPS_STORED */
  plan(batch: StoreBatch): LedgerChange {
    const change: LedgerChange = { events: [], streams: new Map(), unfinished: new Map() };
    change.events = takeBatch(batch, {
      stream: (streamId, source) => this.changed(change, streamId, source),
      keep: line => void change.unfinished.set(line.event.eventId, line),
      tell: eventId => {
        const isKept = this.isUnfinished(eventId, change);
        change.unfinished.set(eventId, null);
        return isKept;
      },
    });
    return change;
  }

  apply({ streams, unfinished }: Pick<LedgerChange, 'streams' | 'unfinished'>): void {
    for (const stream of streams.values()) this.put(stream);
    for (const [eventId, line] of unfinished) this.putUnfinished(eventId, line);
  }

  private isUnfinished(eventId: string, { unfinished }: LedgerChange): boolean {
    const line = unfinished.get(eventId);
    return line === undefined ? this.unfinishedById.has(eventId) : line !== null;
  }

  private changed({ streams }: LedgerChange, streamId: string, source: string): StreamEntry {
    let stream = streams.get(streamId);
    if (stream === undefined) {
      const known = this.streamsById.get(streamId);
      stream = known === undefined ? { streamId, source, storedRanges: [], gaps: [], lines: 0, events: 0, gapBytes: 0, watermarkNs: null, lastTimeNs: null, state: null, chainPosition: this.takeChainPosition() } : { ...known, storedRanges: copiedRanges(known.storedRanges) };
      streams.set(streamId, stream);
    }
    return stream;
  }

  /** Above all that this ledger knows: the streams of a source follow each other. */
  private takeChainPosition(): number {
    const taken = this.nextChainPosition;
    this.nextChainPosition += ledgersMax;
    return taken;
  }

  private passChainPosition(known: number): void {
    if (known < this.nextChainPosition) return;
    this.nextChainPosition = (Math.floor(known / ledgersMax) + 1) * ledgersMax + this.number;
  }
}
