/** Endless attempts at one thing, and what is in the way of them: said once per reason, and shown until it is gone. */
import type { Clock } from '#lib/clock.ts';
import { KafkaError } from '#lib/kafka/types.ts';
import type { Log } from '#lib/log.ts';
import type { LeadlineError } from '#schemas/errors.ts';
import { kafkaTrouble } from '#schemas/kafka-trouble.ts';

const retryMsMin = 100;
const retryMsMax = 5000;
/** What passes by itself when a leader moves is said only when it lasts for a second attempt. */
const everyday: ReadonlySet<string> = new Set(['NOT_LEADER_OR_FOLLOWER', 'LEADER_NOT_AVAILABLE', 'FENCED_LEADER_EPOCH', 'UNKNOWN_LEADER_EPOCH', 'UNREACHABLE', 'TIMED_OUT', 'REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND']);

/** What is attempted, for the message when it fails. */
export interface AttemptedThing {
  topic: string;
  /** Null for the whole topic. */
  partition: number | null;
  operation: 'read' | 'write';
  /** For the log alone: which records are at stake. */
  records?: () => string;
}

export interface KafkaRetryParts {
  brokers: readonly string[];
  log: Log;
  clock: Clock;
}

export class KafkaRetry {
  /** Attempts beyond the first, of everything. */
  retries = 0;
  private readonly parts: KafkaRetryParts;
  private readonly stopping = new AbortController();
  /** By thing. */
  private readonly troubles = new Map<string, LeadlineError>();

  constructor(parts: KafkaRetryParts) {
    this.parts = parts;
  }

  /** Why something does not get through at the moment, in a sentence for a person, or null. */
  get troubledBy(): string | null {
    for (const { message } of this.troubles.values()) return message;
    return null;
  }

  get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Ends all attempts; what has not got through rejects. */
  stop(): void {
    this.stopping.abort();
  }

  /**
   * @param gaveIn told of each failure; true ends the attempts, with that error
   * @throws KafkaError CLOSED after `stop`, or what `gaveIn` gave in to
   */
  async untilDone<T>(thing: AttemptedThing, attempt: () => Promise<T>, gaveIn: (error: KafkaError) => boolean = () => false): Promise<T> {
    const name = `${thing.operation} ${thing.topic} ${thing.partition ?? ''}`;
    for (let failures = 0; ; ) {
      if (this.isStopped) throw new KafkaError('CLOSED', 'stopped');
      try {
        const result = await attempt();
        this.mended(name);
        return result;
      } catch (error) {
        if (!(error instanceof KafkaError) || this.isStopped) throw error;
        if (gaveIn(error)) {
          this.mended(name);
          throw error;
        }
        failures++;
        if (failures > 1 || !everyday.has(error.code)) this.say(name, thing, error);
      }
      this.retries++;
      await this.parts.clock.sleep(retryDelayMs(failures - 1), this.stopping.signal);
    }
  }

  private say(name: string, thing: AttemptedThing, error: KafkaError): void {
    const trouble = kafkaTrouble(error, { brokers: this.parts.brokers, ...thing });
    const isNews = ![...this.troubles.values()].some(({ code, details }) => code === trouble.code && details['topic'] === trouble.details['topic']);
    this.troubles.set(name, trouble);
    if (isNews) this.parts.log.error({ event: 'kafkaTroubled', ...thing, records: thing.records?.(), code: trouble.code, kafkaCode: error.code }, trouble.message);
  }

  private mended(name: string): void {
    if (this.troubles.delete(name) && this.troubles.size === 0) this.parts.log.info({ event: 'kafkaResumed' }, 'Kafka takes everything again');
  }
}

/** Twice as long each time, up to a limit, and never at the same time as others. */
function retryDelayMs(failures: number): number {
  return Math.min(retryMsMax, retryMsMin * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
}
