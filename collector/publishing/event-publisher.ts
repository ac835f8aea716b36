/**
 * Stored events -> PREFIX.events, key = service, value = the event's public JSON: for live tail across machines, and for others. Published while somebody
 * tails, or always with `publishEvents`. It is a view of the store, not a part of it: a crash between commit and acknowledgement leaves events out.
 */
import { eventToJson, type LogEvent } from '#schemas/event.ts';
import type { Options } from '#schemas/options.ts';
import { RecordQueue, type RecordQueueParts } from './record-queue.ts';
import type { TailGroups } from './tail-groups.ts';

export interface EventPublisherParts extends Omit<RecordQueueParts, 'codec'> {
  options: Pick<Options, 'publishEvents' | 'publishBytesMax'>;
  tailGroups: Pick<TailGroups, 'isTailed'>;
}

export class EventPublisher {
  private readonly queue: RecordQueue;
  private readonly parts: EventPublisherParts;
  private isLeavingOut = false;
  private droppedEvents = 0;

  constructor(parts: EventPublisherParts) {
    this.parts = parts;
    this.queue = new RecordQueue({ ...parts, codec: 'zstd' });
  }

  get published(): number {
    return this.queue.published;
  }

  /** Left out while they were wanted, since the start: too many waited, or one was too large. */
  get leftOut(): number {
    return this.droppedEvents + this.queue.refused;
  }

  get troubledBy(): string | null {
    return this.queue.troubledBy?.message ?? null;
  }

  get isWanted(): boolean {
    return this.parts.options.publishEvents || this.parts.tailGroups.isTailed;
  }

  /** Takes events that are durable, in the order of storing. Never waits: with `publishEvents` whoever calls awaits `whenRoom` before it goes on. */
  offer(events: readonly LogEvent[]): void {
    if (!this.isWanted) return;
    const { options, log, topic } = this.parts;
    for (const [index, event] of events.entries()) {
      if (!options.publishEvents && this.queue.waitingBytes >= options.publishBytesMax) {
        this.droppedEvents += events.length - index;
        if (!this.isLeavingOut) log.warn({ event: 'eventsLeftOut', topic }, `${topic} takes events slower than they come: some are left out of it. They are stored; leadline_collector_unpublished_events_total counts them.`);
        this.isLeavingOut = true;
        return;
      }
      this.queue.add({ key: event.service === null ? null : Buffer.from(event.service), value: Buffer.from(JSON.stringify(eventToJson(event))), headers: {} });
    }
    this.isLeavingOut = false;
  }

  /** Resolves when fewer than `publishBytesMax` wait. */
  async whenRoom(): Promise<void> {
    while (this.queue.waitingBytes >= this.parts.options.publishBytesMax) await this.queue.whenLess();
  }

  /** Waits for what is under way, for this long at most; the rest is given up. */
  async stop(timeoutMs: number): Promise<void> {
    const waited = new AbortController();
    await Promise.race([this.queue.whenEmpty(), this.parts.clock.sleep(timeoutMs, waited.signal)]);
    waited.abort();
    this.queue.stop();
  }
}
