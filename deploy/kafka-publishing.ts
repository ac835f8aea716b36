/** The publishers of a collector that reads Kafka, with their client: events while somebody tails, signals from the store's outbox or as they are stored. */
import { join } from 'node:path';
import { EventPublisher } from '../collector/publishing/event-publisher.ts';
import { SignalOutbox, SignalPublisher } from '../collector/publishing/signal-publisher.ts';
import { TailGroups } from '../collector/publishing/tail-groups.ts';
import { systemClock } from '#lib/clock.ts';
import type { KafkaClient } from '#lib/kafka/kafka-client.ts';
import type { KafkaClientOptions } from '#lib/kafka/types.ts';
import type { Log } from '#lib/log.ts';
import type { Signal } from '#schemas/alert.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { Options } from '#schemas/options.ts';
import type { ReadContext, StoreReader } from '#schemas/store.ts';
import { topicName } from '#schemas/topics.ts';

export interface PublishingReport {
  publishedEvents: number;
  /** Left out while they were wanted. */
  unpublishedEvents: number;
  publishedSignals: number;
  /** Why nothing gets through, or null. */
  troubledBy: string | null;
}

export interface PublishingParts {
  options: Pick<Options, 'kafka' | 'topicPrefix' | 'dataDir' | 'publishEvents' | 'publishBytesMax'>;
  /** Of the store whose outbox of signals is published; null for one that many write: whoever writes it publishes them. */
  reader: Pick<StoreReader, 'signalsAfter'> | null;
  log: Log;
  /** Between two looks whether anybody tails. */
  lookIntervalMs?: number;
}

const cursorFile = 'published-signals';
const readMsMax = 10_000;

export class KafkaPublishing {
  private readonly kafka: KafkaClient;
  private readonly tailGroups: TailGroups;
  private readonly events: EventPublisher;
  private readonly signals: SignalPublisher;
  private readonly outbox: SignalOutbox | null;
  private readonly ended: Promise<unknown>;

  /** @param groups the consumer groups there are */
  private constructor(kafka: KafkaClient, groups: () => Promise<readonly { id: string; state: string }[]>, { options, reader, log, lookIntervalMs }: PublishingParts) {
    this.kafka = kafka;
    const { topicPrefix } = options;
    const parts = { kafka, brokers: options.kafka, log, clock: systemClock };
    this.tailGroups = new TailGroups({ groups, topicPrefix, log, clock: systemClock, ...(lookIntervalMs === undefined ? {} : { lookIntervalMs }) });
    this.events = new EventPublisher({ ...parts, topic: topicName(topicPrefix, 'events'), options, tailGroups: this.tailGroups });
    this.signals = new SignalPublisher({ ...parts, topic: topicName(topicPrefix, 'signals') });
    const context: ReadContext = { signal: new AbortController().signal, budget: { eventsMax: Infinity, bytesMax: Infinity, msMax: readMsMax } };
    this.outbox = reader === null ? null : new SignalOutbox({ publisher: this.signals, signalsAfter: (cursor, limit) => reader.signalsAfter(cursor, limit, context), cursorPath: join(options.dataDir, cursorFile), clock: systemClock });
    this.ended = Promise.all([this.tailGroups.run(), this.outbox?.run()]);
  }

  /** Begins; whatever the brokers say, it goes on trying. The client is loaded only where it is used. */
  static async start(client: KafkaClientOptions, parts: PublishingParts): Promise<KafkaPublishing> {
    const { KafkaClient } = await import('#lib/kafka/kafka-client.ts');
    const { KafkaAdmin } = await import('#lib/kafka/kafka-admin.ts');
    const kafka = new KafkaClient(client);
    const admin = new KafkaAdmin(kafka);
    return new KafkaPublishing(kafka, () => admin.groups(), parts);
  }

  /** Whether `committed` needs the events. */
  get isWanted(): boolean {
    return this.events.isWanted;
  }

  /** After each commit: its events, in the order of storing. With `publishEvents` the next chunks wait for `whenRoom`. */
  committed(events: readonly LogEvent[]): void {
    this.events.offer(events);
    this.outbox?.wake();
  }

  /** For a store without an outbox: resolves with true when all of them are acknowledged, with false when it was stopped first. */
  publishSignals(signals: readonly Signal[]): Promise<boolean> {
    return this.signals.publish(signals);
  }

  /** Why no signal gets through, or null. */
  get signalsTroubledBy(): string | null {
    return this.signals.troubledBy;
  }

  whenRoom(): Promise<void> {
    return this.events.whenRoom();
  }

  report(): PublishingReport {
    return { publishedEvents: this.events.published, unpublishedEvents: this.events.leftOut, publishedSignals: this.signals.published, troubledBy: this.events.troubledBy ?? this.signals.troubledBy };
  }

  /** After the last commit. Events under way are waited for no longer than this; signals go on from the outbox at the next start. */
  async stop(timeoutMs: number): Promise<void> {
    this.tailGroups.stop();
    await this.events.stop(timeoutMs);
    this.outbox?.stop();
    await this.kafka.close();
    await this.ended;
  }
}
