/**
 * How far each partition may be said to be consumed: a low-water mark per partition. It never passes a record of which a byte is held in an open
 * event, so that whoever begins again there reads that event's bytes again.
 */
import type { ConsumedPosition } from '#schemas/store.ts';

/** The Kafka record a chunk or a state came in. */
export interface RecordPosition {
  topicId: string;
  partition: number;
  recordOffset: bigint;
  timestampMs: number;
  /** False where nobody else can have stored what the record holds. */
  mayBeStored?: boolean;
  /** Where offsets are left out before it, as compaction and transactions leave them out: the first of them. */
  emptyFrom?: bigint;
}

interface PartitionMark {
  topicId: string;
  partition: number;
  /** Behind the last record that was taken in or passed, or null before the first. */
  next: bigint | null;
  /** What the store has, or has been given. */
  given: bigint | null;
  /** The streams with an open event whose last record came in this partition, with that record's timestamp in milliseconds. */
  open: Map<string, number>;
  /** At or below every timestamp in `open`. */
  oldestMs: number;
}

/** A record that brought bytes `[from, to)` of a stream, as long as some of them may be open. */
interface HeldRecord {
  mark: PartitionMark;
  recordOffset: bigint;
  from: number;
  to: number;
}

interface HeldStream {
  /** The first streamOffset that is open. */
  openFrom: number;
  /** In the order they came; the first brought `openFrom`. */
  records: HeldRecord[];
  /** They came in several partitions: the source has moved. */
  isSplit: boolean;
  /** Where the last record came. */
  mark: PartitionMark;
}

export class ConsumedPositions {
  private readonly marks = new Map<string, PartitionMark>();
  private readonly held = new Map<string, HeldStream>();

  constructor(stored: readonly ConsumedPosition[]) {
    for (const { topicId, partition, recordOffset } of stored) this.markOf(topicId, partition).given = BigInt(recordOffset);
  }

  /** Nothing of the partition up to this record needs to be read again. One before the last is a step back, as after a lost log. */
  pass({ topicId, partition, recordOffset }: Omit<RecordPosition, 'timestampMs'>): void {
    this.markOf(topicId, partition).next = recordOffset + 1n;
  }

  /**
   * A record that brought bytes `[from, to)` of a stream was taken in.
   * @param openFrom the stream's first byte that is held in an open event, Infinity where none is
   */
  settle(streamId: string, position: RecordPosition, from: number, to: number, openFrom: number): void {
    this.pass(position);
    if (openFrom === Infinity) {
      this.release(streamId);
      return;
    }
    const mark = this.markOf(position.topicId, position.partition);
    let stream = this.held.get(streamId);
    if (stream === undefined) {
      stream = { openFrom, records: [], isSplit: false, mark };
      this.held.set(streamId, stream);
    }
    // One that lies before what is open came again.
    if (to > openFrom) stream.records.push({ mark, recordOffset: position.recordOffset, from, to });
    if (openFrom !== stream.openFrom || from <= openFrom) {
      stream.openFrom = openFrom;
      const first = stream.records.findLastIndex(record => record.from <= openFrom && openFrom < record.to);
      if (first > 0) stream.records.splice(0, first);
    }
    if (stream.mark !== mark) {
      stream.isSplit = true;
      stream.mark.open.delete(streamId);
      stream.mark = mark;
    }
    mark.open.set(streamId, position.timestampMs);
    mark.oldestMs = Math.min(mark.oldestMs, position.timestampMs);
  }

  /** Nothing of the stream is open any more. */
  release(streamId: string): void {
    this.held.get(streamId)?.mark.open.delete(streamId);
    this.held.delete(streamId);
  }

  /** Streams with an open event whose last record in this partition lies more than `openMsMax` before this one, by the broker's time. */
  overdue({ topicId, partition, timestampMs }: RecordPosition, openMsMax: number): string[] {
    const mark = this.markOf(topicId, partition);
    if (timestampMs - mark.oldestMs <= openMsMax) return [];
    const overdue: string[] = [];
    mark.oldestMs = Infinity;
    for (const [streamId, lastMs] of mark.open) {
      if (timestampMs - lastMs > openMsMax) overdue.push(streamId);
      mark.oldestMs = Math.min(mark.oldestMs, lastMs);
    }
    return overdue;
  }

  /** The low-water marks that moved since they were taken last; whoever takes them sees to it that they become durable. */
  take(): ConsumedPosition[] {
    const lows = new Map<PartitionMark, bigint>();
    for (const { records, isSplit } of this.held.values()) {
      // In one partition they ascend.
      for (const { mark, recordOffset } of isSplit ? records : records.slice(0, 1)) if (recordOffset < (lows.get(mark) ?? mark.next!)) lows.set(mark, recordOffset);
    }
    const taken: ConsumedPosition[] = [];
    for (const mark of this.marks.values()) {
      const low = lows.get(mark) ?? mark.next;
      if (low === null || low === mark.given) continue;
      mark.given = low;
      taken.push({ topicId: mark.topicId, partition: mark.partition, recordOffset: String(low) });
    }
    return taken;
  }

  private markOf(topicId: string, partition: number): PartitionMark {
    const key = `${topicId}:${partition}`;
    let mark = this.marks.get(key);
    if (mark === undefined) {
      mark = { topicId, partition, next: null, given: null, open: new Map(), oldestMs: Infinity };
      this.marks.set(key, mark);
    }
    return mark;
  }
}
