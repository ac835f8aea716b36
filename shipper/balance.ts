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

/** Where a stream's file stands in the rotation of its source. */
export interface RotationPlace {
  /** Streams of the source that came after it; 0 for the one that is written to. */
  newerStreams: number;
  /** Of the whole source: streams that began in this run, at its first look and by each rotation since. */
  begunStreams: number;
  /** Of the whole source: streams before the newest whose bytes still lie in a plain file of their own, or in a copy. */
  keptStreams: number;
  /** Its bytes still lie in a file; not so once that is gone, also while it is held open. */
  isThere: boolean;
}

/** What a shipper of files can say of its own work. */
export interface FileWorkCounts {
  openFiles: number;
  /** Times that no more files could be opened: one was closed for another, or one had to wait. */
  openFilesLimitHits: number;
  checkpointFailures: number;
  /** How long the oldest change has waited that is not in the saved checkpoint; 0 where there is none. */
  checkpointAgeMs: number;
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
  /** Null for a pipe. */
  rotation: RotationPlace | null;
}

/** Derives what follows from the counted numbers. Acknowledged is counted, not derived, so that a balance that does not close can be seen. */
export function balanceOf(counted: Omit<StreamBalance, 'unreadBytes' | 'lagBytes' | 'rotation'>, rotation: RotationPlace | null = null): StreamBalance {
  const dropped = sumOf(counted.droppedBytes);
  const unreadBytes = Math.max(0, counted.writtenBytes - counted.readBytes - dropped);
  return { ...counted, unreadBytes, lagBytes: Math.max(0, counted.writtenBytes - counted.acknowledgedBytes - dropped), rotation };
}

export function balanceCloses(balance: StreamBalance): boolean {
  return balance.writtenBytes === balance.acknowledgedBytes + balance.inFlightBytes + balance.unreadBytes + sumOf(balance.droppedBytes);
}

function sumOf(byCause: Record<string, number>): number {
  return Object.values(byCause).reduce((sum, bytes) => sum + bytes, 0);
}
