/** The `streams` table's rows. */
import type { Piece } from '../event.ts';
import type { StoredStream } from '../store.ts';
import type { StreamState } from '../transport.ts';

/** As read with `setReadBigInts(true)`: times pass 2^53. */
export interface StreamRow {
  chainPosition: bigint;
  streamId: string;
  source: string;
  ranges: string;
  gaps: string;
  lines: bigint;
  events: bigint;
  gapBytes: bigint;
  watermarkNs: bigint | null;
  lastTimeNs: bigint | null;
  state: string | null;
}

export function readStream(row: StreamRow): StoredStream {
  return {
    streamId: row.streamId,
    source: row.source,
    storedRanges: JSON.parse(row.ranges) as Piece[],
    gaps: JSON.parse(row.gaps) as Piece[],
    lines: Number(row.lines),
    events: Number(row.events),
    gapBytes: Number(row.gapBytes),
    watermarkNs: row.watermarkNs,
    lastTimeNs: row.lastTimeNs,
    state: row.state === null ? null : (JSON.parse(row.state) as StreamState),
  };
}
