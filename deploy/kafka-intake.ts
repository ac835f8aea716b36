/** The subscriber with its client, as the collector's thread runs it. */
import { KafkaSubscriber, type KafkaReport, type KafkaSubscriberParts } from '../collector/kafka-subscriber.ts';
import { systemClock } from '#lib/clock.ts';
import type { Kafka, KafkaClientOptions } from '#lib/kafka/types.ts';

export class KafkaIntake {
  private readonly kafka: Kafka;
  private readonly subscriber: KafkaSubscriber;
  private readonly ended: Promise<void>;

  private constructor(kafka: Kafka, parts: Omit<KafkaSubscriberParts, 'kafka'>) {
    this.kafka = kafka;
    this.subscriber = new KafkaSubscriber({ kafka, ...parts });
    this.ended = this.subscriber.run();
  }

  /** Begins to read; whatever the brokers say, it goes on trying. The client is loaded only where it is used. */
  static async start(options: KafkaClientOptions, parts: Omit<KafkaSubscriberParts, 'kafka'>): Promise<KafkaIntake> {
    const { KafkaClient } = await import('#lib/kafka/kafka-client.ts');
    return new KafkaIntake(new KafkaClient(options), parts);
  }

  report(): KafkaReport {
    return this.subscriber.report();
  }

  /** Takes in the record in hand and reads no more; what waits for a full disk is waited for no longer than this. */
  async stop(timeoutMs: number): Promise<void> {
    this.subscriber.stop();
    const waited = new AbortController();
    await Promise.race([this.ended, systemClock.sleep(timeoutMs, waited.signal)]);
    waited.abort();
  }

  /** After the intake has stopped. */
  async close(): Promise<void> {
    // An answer that is still waited for is given up.
    await this.kafka.close();
    await this.ended;
  }
}
