/**
 * Collecting into a store that other collectors write to at the same time: the partitions are divided by a consumer group, and each has one owner.
 *
 * 1. What the owner before let go of itself is read at once; of the rest it is waited until nothing of that owner can be under way any more.
 * 2. What is stored is read afresh, the end of each partition's log is taken, and every record before it is one that may have been stored already.
 * 3. A stream that was not known is looked up by its id before its first chunk is taken in.
 * 4. When the group changes, reading stops, what is in hand is stored within a deadline, and everything that is known is forgotten. What was under way
 *    and did not get done is given up: nobody may write for a partition that is another's.
 */
import type { Clock } from '#lib/clock.ts';
import type { Assignment } from '#lib/kafka/group-member.ts';
import { KafkaError, type Kafka } from '#lib/kafka/types.ts';
import type { Log } from '#lib/log.ts';
import type { Rule } from '#schemas/alert.ts';
import type { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { Options } from '#schemas/options.ts';
import type { AsyncStoreWriter, StoredStream } from '#schemas/store.ts';
import { FirstSight } from './first-sight.ts';
import type { CollectorIntake } from './intake.ts';
import { KafkaSubscriber, type KafkaReport } from './kafka-subscriber.ts';
import { nothingCounted, sumOfCounts, type CollectorCounts } from './parts.ts';
import { openSharedIntake } from './shared-intake.ts';

export interface SharedCollectingParts {
  kafka: Kafka;
  /** A new one each time; it writes only while this collector owns its partitions. */
  newWriter: () => AsyncStoreWriter;
  options: Options;
  rules: readonly Rule[];
  log: Log;
  clock: Clock;
  onCommitted: (events: readonly LogEvent[]) => void;
  /** Offsets that are safe, by topic. */
  onCommittedOffsets: (offsets: { topic: string; partition: number; offset: bigint }[]) => void;
}

const offsetsIntervalMs = 5000;

type Places = Assignment['partitions'];

export class SharedCollecting {
  private readonly parts: SharedCollectingParts;
  private shares: Share[] = [];
  /** Of shares that ended. */
  private before: Readonly<CollectorCounts> = nothingCounted;

  constructor(parts: SharedCollectingParts) {
    this.parts = parts;
  }

  begin({ partitions, released }: Assignment): void {
    const [own, others] = [partitions.filter(place => released.has(nameOf(place))), partitions.filter(place => !released.has(nameOf(place)))];
    this.shares = [own.length > 0 ? new Share(this.parts, own, false) : null, others.length > 0 ? new Share(this.parts, others, true) : null].filter(share => share !== null);
  }

  /** @returns whether everything that was taken in is stored, with its positions */
  async end(isLost: boolean): Promise<boolean> {
    const shares = this.shares;
    const done = await Promise.all(shares.map(share => share.end(isLost)));
    this.before = sumOfCounts([this.before, ...shares.map(({ counts }) => counts)]);
    this.shares = [];
    return done.every(isDone => isDone);
  }

  get counts(): CollectorCounts {
    return sumOfCounts([this.before, ...this.shares.map(({ counts }) => counts)]);
  }

  /** Lets backing indices go, and streams of which nothing is kept, where this collector has partitions. */
  async retain(nowMs: number): Promise<{ files: number; bytes: number }> {
    return (await this.shares[0]?.retain(nowMs)) ?? { files: 0, bytes: 0 };
  }

  /** Of the partitions that are this collector's, and of those that were when they were read. */
  streams(): StoredStream[] {
    return [...new Map(this.shares.flatMap(share => share.streams()).map(stream => [stream.streamId, stream])).values()];
  }

  get stalledBy(): LeadlineError | null {
    return this.shares.map(({ stalledBy }) => stalledBy).find(trouble => trouble !== null) ?? null;
  }

  report(): KafkaReport {
    const reports = this.shares.map(share => share.report()).filter(report => report !== null);
    return {
      troubledBy: this.shares.map(({ troubledBy }) => troubledBy).find(reason => reason !== null) ?? reports.map(({ troubledBy }) => troubledBy).find(reason => reason !== null) ?? null,
      partitions: reports.flatMap(({ partitions }) => partitions),
      deadLetters: reports.reduce((sum, { deadLetters }) => sum + deadLetters, 0),
      outOfRange: reports.reduce((sum, { outOfRange }) => sum + outOfRange, 0),
    };
  }
}

/** Partitions that began together: a writer, a collector and readers of their own, until the group changes. */
class Share {
  troubledBy: string | null = null;
  private readonly parts: SharedCollectingParts;
  private readonly places: Places;
  private readonly writer: AsyncStoreWriter;
  private readonly ending = new AbortController();
  /** Nothing of an owner before can be under way any more. */
  private isSettled: boolean;
  private intake: CollectorIntake | null = null;
  private subscriber: KafkaSubscriber | null = null;
  private reading: Promise<void> = Promise.resolve();
  private committing: NodeJS.Timeout | null = null;

  constructor(parts: SharedCollectingParts, places: Places, mayBeWritten: boolean) {
    this.parts = parts;
    this.places = places;
    this.writer = parts.newWriter();
    this.isSettled = !mayBeWritten;
    void this.begin();
  }

  get counts(): CollectorCounts {
    return this.intake?.collector.counts ?? nothingCounted;
  }

  get stalledBy(): LeadlineError | null {
    return this.writer.stalledBy ?? this.intake?.collector.stalledBy ?? null;
  }

  streams(): StoredStream[] {
    return this.writer.streams();
  }

  async retain(nowMs: number): Promise<{ files: number; bytes: number }> {
    return this.intake === null ? { files: 0, bytes: 0 } : this.writer.retain(nowMs);
  }

  report(): KafkaReport | null {
    return this.subscriber?.report() ?? null;
  }

  async end(isLost: boolean): Promise<boolean> {
    const { clock, options } = this.parts;
    this.ending.abort();
    if (this.committing !== null) clearInterval(this.committing);
    const { intake, subscriber } = this;
    // What has not begun will not; but whoever is next has to wait for the owner before, too, where that was not over.
    let isDone = intake === null && this.isSettled;
    if (intake !== null && subscriber !== null) {
      subscriber.stop();
      if (!isLost) {
        const deadline = new AbortController();
        const stored = (async () => {
          await this.reading;
          await intake.stop();
          return !intake.collector.isStalled;
        })();
        isDone = await Promise.race([stored.catch(() => false), clock.sleep(options.drainTimeoutMs, deadline.signal).then(() => false)]);
        deadline.abort();
        if (isDone) await this.commitOffsets();
      }
      intake.abandon();
    }
    await this.writer.close();
    return isDone;
  }

  private async begin(): Promise<void> {
    const { writer, ending } = this;
    const { signal } = ending;
    const { clock, log, options, kafka } = this.parts;
    if (!this.isSettled) {
      this.troubledBy = 'what the owner before may have under way is waited out';
      await clock.sleep(writer.settledAfterMs, signal);
      if (signal.aborted) return;
      this.isSettled = true;
    }
    let assigned = new Map<string, Map<number, bigint>>();
    // The others were read when the writer was opened, and nobody else writes of them since.
    const sight = new FirstSight(writer, streamId => writer.lastKnown(streamId) !== null);
    const intake = await openSharedIntake({
      ...this.parts, writer, sight, signal, isOnlyOwner: true,
      onTrouble: message => (this.troubledBy = message),
      alsoNeeded: async () => void (assigned = await this.assigned()),
    });
    if (intake === null) return;
    this.intake = intake;
    this.subscriber = new KafkaSubscriber({ kafka, intake, storedPositions: () => writer.positions(), assigned, options, log, clock });
    this.reading = this.subscriber.run();
    this.committing = setInterval(() => void this.commitOffsets(), offsetsIntervalMs);
    this.troubledBy = null;
  }

  /** Per topic and partition the end of the log: from there on nobody else can have stored anything. */
  private async assigned(): Promise<Map<string, Map<number, bigint>>> {
    const assigned = new Map<string, Map<number, bigint>>();
    for (const [topic, places] of Map.groupBy(this.places, place => place.topic)) {
      const ends = await this.parts.kafka.offsets(topic, 'latest');
      assigned.set(topic, new Map(places.map(({ partition }) => [partition, ends[partition] ?? 0n])));
    }
    return assigned;
  }

  private async commitOffsets(): Promise<void> {
    const topics = new Map<string, string>();
    try {
      for (const topic of new Set(this.places.map(place => place.topic))) topics.set((await this.parts.kafka.topic(topic)).id, topic);
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return;
    }
    const own = new Set(this.places.map(nameOf));
    const offsets = this.writer.positions().flatMap(({ topicId, partition, recordOffset }) => {
      const topic = topics.get(topicId);
      return topic === undefined || !own.has(nameOf({ topic, partition })) ? [] : [{ topic, partition, offset: BigInt(recordOffset) }];
    });
    this.parts.onCommittedOffsets(offsets);
  }
}

const nameOf = ({ topic, partition }: Places[number]): string => `${topic}:${partition}`;
