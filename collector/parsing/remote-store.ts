/** The store as a parsing thread sees it: it knows its own streams, prepares its batches itself, and is told when they are durable. */
import { invariant } from '#lib/assert.ts';
import type { Signal } from '#schemas/alert.ts';
import type { ConsumedPosition, StoreBatch, StoredStream, UnfinishedLine } from '#schemas/store.ts';
import type { BatchStore } from '../parts.ts';
import { prepareBatch, type BlockSize, type PreparedBatch } from '../store/prepared-batch.ts';
import type { ParserThreadData } from './messages.ts';
import { StreamLedger, type LedgerChange } from '../store/stream-ledger.ts';

export class RemoteStore implements BatchStore {
  readonly ledger: StreamLedger;
  private readonly size: BlockSize;
  private readonly send: (batch: PreparedBatch) => void;
  private underWay: { change: LedgerChange; resolve: (refused: []) => void; reject: (error: Error) => void } | null = null;

  constructor({ number, lastChainPosition }: Pick<ParserThreadData, 'number' | 'lastChainPosition'>, size: BlockSize, send: (batch: PreparedBatch) => void) {
    this.ledger = new StreamLedger(number, lastChainPosition);
    this.size = size;
    this.send = send;
  }

  /** @throws LeadlineError EVENT_OVERLAPS_STORED */
  append(batch: StoreBatch, positions: readonly ConsumedPosition[], signals: readonly Signal[]): Promise<[]> {
    invariant(this.underWay === null, 'one batch is stored at a time');
    const change = this.ledger.plan(batch);
    const prepared = prepareBatch(change, positions, signals, this.size);
    return new Promise((resolve, reject) => {
      this.underWay = { change, resolve, reject };
      this.send(prepared);
    });
  }

  /** @param error why the batch under way is not stored, null where it is durable */
  answered(error: Error | null): void {
    const { underWay } = this;
    invariant(underWay !== null, 'an answer belongs to a batch');
    this.underWay = null;
    if (error !== null) {
      underWay.reject(error);
      return;
    }
    this.ledger.apply(underWay.change);
    underWay.resolve([]);
  }

  streams(): StoredStream[] {
    return this.ledger.streams();
  }

  lastKnown(streamId: string): StoredStream | null {
    return this.ledger.get(streamId);
  }

  /** What was consumed before this thread began is for the collector's thread to know. */
  positions(): ConsumedPosition[] {
    return [];
  }

  unfinished(): UnfinishedLine[] {
    return this.ledger.unfinished();
  }
}
