/**
 * Docker and CRI lines in the middle of which their stream ended, from that stream's closing record until it is known what became of them. They are
 * as durable as events, so the closing record is acknowledged while the rest of the line is still to come.
 *
 * | what comes                                                                    | what becomes of the line                        |
 * | the successor's first line of that output                                     | one event of the successor, from its first byte |
 * | an idle, closing or gap record of the successor first, or `openEventBytesMax` | an event of its own, of the stream it began in  |
 * | a record of its lane, `openEventMsMax` past its stream's closing record       | an event of its own                             |
 */
import type { Chunk } from '#schemas/chunk.ts';
import type { UnfinishedLine } from '#schemas/store.ts';
import type { RecordPosition } from './consumed-positions.ts';

interface Entry {
  line: UnfinishedLine;
  /** The stream that goes on with it, once that was seen in this run. */
  heir: string | null;
}

/** Lane of lines that came without a boot id: any record that did not come from Kafka speaks for it. */
const anyLane = '*';

export class UnfinishedLines {
  private entries = new Map<string, Entry>();

  constructor(stored: readonly UnfinishedLine[]) {
    for (const line of stored) this.add(line);
  }

  add(line: UnfinishedLine): void {
    this.entries.set(line.event.eventId, { line, heir: null });
  }

  /** The lines that the chunk's stream may go on with. They are nobody else's from here on. */
  claim({ previous, streamId }: Chunk): UnfinishedLine[] {
    const claimed: UnfinishedLine[] = [];
    if (previous === null) return claimed;
    for (const entry of this.entries.values()) {
      if (entry.line.event.streamId !== previous.streamId || (entry.heir !== null && entry.heir !== streamId)) continue;
      entry.heir = streamId;
      claimed.push(entry.line);
    }
    return claimed;
  }

  /** It is told, or gone on with. Null where it was before. */
  take(eventId: string): UnfinishedLine | null {
    const entry = this.entries.get(eventId);
    this.entries.delete(eventId);
    return entry?.line ?? null;
  }

  /**
   * Those that nobody will go on with any more, as the time of a record says.
   * @param at the record's lane and time
   * @param speaksForAny where it did not come from Kafka
   */
  overdue(at: Place, speaksForAny: boolean, openMsMax: number): string[] {
    return this.unclaimed(({ lane, endedMs }) => (lane === at.lane || (lane === anyLane && speaksForAny)) && at.endedMs - endedMs > openMsMax);
  }

  get isEmpty(): boolean {
    return this.entries.size === 0;
  }

  hasOf(source: string): boolean {
    return this.entries.values().some(({ line }) => line.event.source === source);
  }

  /** Those of finished files: what is read once has no other successor than those it was read with. */
  ofFinishedFiles(): string[] {
    return this.unclaimed(({ lane }) => lane === anyLane);
  }

  /** As it is now, for whoever may have to go back to that. */
  copy(): UnfinishedLines {
    const copy = new UnfinishedLines([]);
    copy.entries = new Map(this.entries);
    return copy;
  }

  private unclaimed(isMeant: (line: UnfinishedLine) => boolean): string[] {
    return [...this.entries.values()].filter(({ line, heir }) => heir === null && isMeant(line)).map(({ line }) => line.event.eventId);
  }
}

type Place = Pick<UnfinishedLine, 'endedMs' | 'lane'>;

/** When and by whose clock a stream's closing record came. */
export function placeOf({ bootId, readMs }: Chunk, position: RecordPosition | null): Place {
  return position === null ? { lane: bootId ?? anyLane, endedMs: readMs } : laneOf(position);
}

export function laneOf({ topicId, partition, timestampMs }: RecordPosition): Place {
  return { lane: `${topicId}:${partition}`, endedMs: timestampMs };
}
