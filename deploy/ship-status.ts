/** What a shipper tells of itself: the answer of `/status`, which `leadline status` renders, and the sentences of its end. */
import type { StreamBalance, StreamProblem } from '../shipper/balance.ts';
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
  totals: ShipperTotals & Rates;
  published: TransportCounts;
  streams: (StreamBalance & { lagMs: number })[];
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
