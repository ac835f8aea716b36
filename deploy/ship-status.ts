/** What a shipper tells of itself: the answer of `/status`, which `leadline status` renders, and the sentences of its end. */
import type { FileWorkCounts, StreamBalance, StreamProblem } from '../shipper/balance.ts';
import type { Rates } from './ship-rates.ts';
import type { TransportCounts } from './ship-transport.ts';

export interface ShipperTotals {
  streams: number;
  writtenBytes: number;
  acknowledgedBytes: number;
  inFlightBytes: number;
  unreadBytes: number;
  lagBytes: number;
  droppedBytes: Record<string, number>;
}

export interface ShipperStatus {
  kind: 'shipper';
  version: string;
  startedAt: string;
  /** Where the lines go. */
  target: string;
  /** Why nothing gets through, or null. */
  troubledBy: string | null;
  /** `secondsToLoss`: the soonest of the streams. */
  totals: ShipperTotals & Rates & { secondsToLoss: number | null };
  published: TransportCounts;
  /** `secondsToLoss`: until rotation takes bytes that are not acknowledged, null where nothing is predicted (`time-to-loss.ts`). */
  streams: (StreamBalance & { lagMs: number; secondsToLoss: number | null })[];
  /** Null for pipes. */
  files: FileWorkCounts | null;
  problems: StreamProblem[];
}

export function totalsOf(streams: readonly StreamBalance[]): ShipperTotals {
  const sum = (of: (stream: StreamBalance) => number): number => streams.reduce((total, stream) => total + of(stream), 0);
  const droppedBytes: Record<string, number> = {};
  for (const stream of streams) for (const [cause, bytes] of Object.entries(stream.droppedBytes)) droppedBytes[cause] = (droppedBytes[cause] ?? 0) + bytes;
  return {
    streams: streams.length,
    writtenBytes: sum(stream => stream.writtenBytes),
    acknowledgedBytes: sum(stream => stream.acknowledgedBytes),
    inFlightBytes: sum(stream => stream.inFlightBytes),
    unreadBytes: sum(stream => stream.unreadBytes),
    lagBytes: sum(stream => stream.lagBytes),
    droppedBytes,
  };
}
