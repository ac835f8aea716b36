/**
 * How far each partition is consumed where several threads take its records: every record before the mark is stored by the thread that had it, or
 * accounted for elsewhere. The least of what the threads say, and of the records that are held.
 */
import type { RecordPosition } from '../consumed-positions.ts';
import type { ConsumedPosition } from '#schemas/store.ts';

type Place = Omit<RecordPosition, 'timestampMs'>;

interface Mark {
  topicId: string;
  partition: number;
  /** Behind the last record that went to anyone. */
  next: bigint;
  /** Per thread: how far it is durable. */
  durable: Map<number, bigint>;
  /** Per thread: behind the last record that it knows of, and the latest time of those after it, milliseconds. */
  told: Map<number, { next: bigint; elapsedMs: number }>;
  held: Set<bigint>;
  stored: bigint | null;
}

export class PartitionMarks {
  private readonly marks = new Map<string, Mark>();
  private readonly threads = new Set<number>();

  constructor(stored: readonly ConsumedPosition[]) {
    for (const { topicId, partition, recordOffset } of stored) this.markOf({ topicId, partition, recordOffset: BigInt(recordOffset) }).stored = BigInt(recordOffset);
  }

  /** What went to others before a thread began is nothing to it. */
  begin(thread: number): void {
    this.threads.add(thread);
    for (const mark of this.marks.values()) this.join(mark, thread);
  }

  /**
   * A record goes to a thread, or, null, to none.
   * @returns what the thread has to be told before it
   */
  dispatch(thread: number | null, position: RecordPosition): RecordPosition | null {
    const mark = this.markOf(position);
    let before: RecordPosition | null = null;
    for (const [each, told] of mark.told) {
      if (each !== thread) {
        told.elapsedMs = Math.max(told.elapsedMs, position.timestampMs);
        // The partition begins again before what was known of it.
        if (position.recordOffset < told.next) told.next = position.recordOffset;
        continue;
      }
      if (told.next < position.recordOffset && told.elapsedMs > -Infinity) before = { ...position, recordOffset: position.recordOffset - 1n, timestampMs: told.elapsedMs };
      mark.told.set(each, { next: position.recordOffset + 1n, elapsedMs: -Infinity });
    }
    mark.next = position.recordOffset + 1n;
    return before;
  }

  /** What each thread has not been told of yet. */
  untold(): { thread: number; position: RecordPosition }[] {
    const untold: { thread: number; position: RecordPosition }[] = [];
    for (const { topicId, partition, next, told } of this.marks.values()) {
      for (const [thread, known] of told) {
        if (known.next >= next) continue;
        untold.push({ thread, position: { topicId, partition, recordOffset: next - 1n, timestampMs: known.elapsedMs } });
        told.set(thread, { next, elapsedMs: -Infinity });
      }
    }
    return untold;
  }

  /** Nothing from this record on counts as consumed until it is released. */
  hold(position: Place): void {
    this.markOf(position).held.add(position.recordOffset);
  }

  release(position: Place): void {
    this.markOf(position).held.delete(position.recordOffset);
  }

  /** What a thread says is durable once its batch is. @returns for where it is not after all */
  reached(thread: number, positions: readonly ConsumedPosition[]): () => void {
    const before = positions.map(({ topicId, partition, recordOffset }) => {
      const { durable } = this.markOf({ topicId, partition, recordOffset: BigInt(recordOffset) });
      const was = durable.get(thread)!;
      durable.set(thread, BigInt(recordOffset));
      return () => void durable.set(thread, was);
    });
    return () => {
      for (const undo of before) undo();
    };
  }

  /** The marks that moved since `stored` was called last. */
  moved(): ConsumedPosition[] {
    const moved: ConsumedPosition[] = [];
    for (const mark of this.marks.values()) {
      let low: bigint | null = null;
      for (const durable of mark.durable.values()) if (low === null || durable < low) low = durable;
      for (const offset of mark.held) if (low === null || offset < low) low = offset;
      if (low !== null && low !== mark.stored) moved.push({ topicId: mark.topicId, partition: mark.partition, recordOffset: String(low) });
    }
    return moved;
  }

  stored(positions: readonly ConsumedPosition[]): void {
    for (const { topicId, partition, recordOffset } of positions) this.markOf({ topicId, partition, recordOffset: BigInt(recordOffset) }).stored = BigInt(recordOffset);
  }

  private markOf({ topicId, partition, recordOffset }: Place): Mark {
    const key = `${topicId}:${partition}`;
    let mark = this.marks.get(key);
    if (mark === undefined) {
      mark = { topicId, partition, next: recordOffset, durable: new Map(), told: new Map(), held: new Set(), stored: null };
      this.marks.set(key, mark);
      for (const thread of this.threads) this.join(mark, thread);
    }
    return mark;
  }

  private join(mark: Mark, thread: number): void {
    mark.durable.set(thread, mark.next);
    mark.told.set(thread, { next: mark.next, elapsedMs: -Infinity });
  }
}
