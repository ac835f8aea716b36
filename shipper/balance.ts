/**
 * The balance of a stream: bytes written = acknowledged + in flight + unread + dropped, by cause. Written is what was seen of the file; bytes
 * that came and went between two looks are not in it.
 */

export interface StreamProblem {
  path: string;
  /** A code of the error catalogue, or a named condition of its own such as `FILE_TRUNCATED`. */
  code: string;
  /** What happened, where, what to do. */
  message: string;
}

export interface StreamBalance {
  /** Null while the file has no first line yet. */
  streamId: string | null;
  source: string;
  path: string | null;
  phase: string;
  /** Largest size seen. */
  writtenBytes: number;
  /** Handed to the transport. */
  readBytes: number;
  acknowledgedBytes: number;
  inFlightBytes: number;
  /** Written and neither read nor dropped. */
  unreadBytes: number;
  /** Written and neither acknowledged nor dropped. */
  lagBytes: number;
  droppedBytes: Record<string, number>;
  readToEndMs: number | null;
}

/** Derives what follows from the counted numbers. Acknowledged is counted, not derived, so that a balance that does not close can be seen. */
export function balanceOf(counted: Omit<StreamBalance, 'unreadBytes' | 'lagBytes'>): StreamBalance {
  const dropped = sumOf(counted.droppedBytes);
  const unreadBytes = Math.max(0, counted.writtenBytes - counted.readBytes - dropped);
  return { ...counted, unreadBytes, lagBytes: Math.max(0, counted.writtenBytes - counted.acknowledgedBytes - dropped) };
}

export function balanceCloses(balance: StreamBalance): boolean {
  return balance.writtenBytes === balance.acknowledgedBytes + balance.inFlightBytes + balance.unreadBytes + sumOf(balance.droppedBytes);
}

function sumOf(byCause: Record<string, number>): number {
  return Object.values(byCause).reduce((sum, bytes) => sum + bytes, 0);
}
