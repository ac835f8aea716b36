import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Block } from '#schemas/embedded/block.ts';
import type { ReadContext, Scanned } from '#schemas/store.ts';

/** How long one turn of the event loop may be held before a cancelled query is noticed. */
const turnMsMax = 10;
const progressIntervalMs = 100;

/** Counts what one query does and stops it when it is cancelled or has done enough. */
export class ReadWork {
  events = 0;
  private bytes = 0;
  private blocks = 0;
  private skipped = 0;
  private readonly startedMs = performance.now();
  private turnMs = performance.now();
  private progressMs = performance.now();
  private readonly context: ReadContext;

  constructor(context: ReadContext) {
    this.context = context;
    context.signal.throwIfAborted();
  }

  scanned(block: Block): void {
    this.events += block.length;
    this.bytes += block.rawBytes;
    this.blocks += 1;
  }

  /** Events that came without a block, with so many bytes of raw lines. */
  scannedEvents(events: number, bytes: number): void {
    this.events += events;
    this.bytes += bytes;
  }

  /** Of the time of its budget. */
  get leftMs(): number {
    return this.context.budget.msMax - (performance.now() - this.startedMs);
  }

  /** A block was asked for its words and has not what is looked for. */
  passedOver(): void {
    this.skipped += 1;
  }

  /** False when the budget is used up. @throws the signal's reason when the query was cancelled. */
  async goesOn(): Promise<boolean> {
    const now = performance.now();
    if (now - this.turnMs > turnMsMax) {
      await nextTurn();
      this.turnMs = performance.now();
    }
    this.context.signal.throwIfAborted();
    const { eventsMax, bytesMax, msMax } = this.context.budget;
    return this.events < eventsMax && this.bytes < bytesMax && now - this.startedMs < msMax;
  }

  /** True at most every `progressMs`. */
  isProgressDue(): boolean {
    const now = performance.now();
    if (now - this.progressMs < (this.context.progressIntervalMs ?? progressIntervalMs)) return false;
    this.progressMs = now;
    return true;
  }

  result(): Scanned {
    return { events: this.events, bytes: this.bytes, blocks: this.blocks, passedOver: this.skipped, ms: Math.round((performance.now() - this.startedMs) * 10) / 10 };
  }
}
