/** What lies between `accept` and `commit`. */
import type { Signal } from '#schemas/alert.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { ConsumedPosition, UnfinishedLine } from '#schemas/store.ts';
import type { StreamState } from '#schemas/transport.ts';

/** What the next commit takes, and who waits for it. */
export class Waiting {
  readonly events: LogEvent[] = [];
  readonly unfinished: UnfinishedLine[] = [];
  readonly states = new Map<string, StreamState>();
  readonly touched = new Set<string>();
  readonly waiters: (() => void)[] = [];
  bytes = 0;
  sinceMs: number | null = null;
  /** Something in it came in a record that others may have stored. */
  mayBeStored = false;
}

export interface Batch extends Waiting {
  signals: Signal[];
  positions: ConsumedPosition[];
}
