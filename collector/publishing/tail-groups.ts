/** Whether anybody tails: a consumer group whose name begins with PREFIX-tail- and that has members. Looked up now and then; whoever asks does not wait. */
import type { Clock } from '#lib/clock.ts';
import { KafkaError } from '#lib/kafka/types.ts';
import type { Log } from '#lib/log.ts';

export interface TailGroupsParts {
  /** The groups there are, with their states. @throws KafkaError */
  groups: () => Promise<readonly { id: string; state: string }[]>;
  topicPrefix: string;
  log: Log;
  clock: Clock;
  lookIntervalMs?: number;
}

const lookIntervalMsDefault = 5000;
/** A group whose last member has left is listed for days. */
const withoutMembers = new Set(['Empty', 'Dead']);

export class TailGroups {
  /** True while somebody does, as last seen. */
  isTailed = false;
  private readonly parts: TailGroupsParts;
  private readonly stopping = new AbortController();
  private troubledBy: string | null = null;

  constructor(parts: TailGroupsParts) {
    this.parts = parts;
  }

  /** Looks until it is stopped. While the brokers do not answer, what was seen last holds. */
  async run(): Promise<void> {
    const { clock, lookIntervalMs = lookIntervalMsDefault } = this.parts;
    while (!this.stopping.signal.aborted) {
      await this.look();
      await clock.sleep(lookIntervalMs, this.stopping.signal);
    }
  }

  stop(): void {
    this.stopping.abort();
  }

  private async look(): Promise<void> {
    const { groups, topicPrefix, log } = this.parts;
    try {
      const tails = (await groups()).filter(({ id, state }) => id.startsWith(`${topicPrefix}-tail-`) && !withoutMembers.has(state));
      if (tails.length > 0 !== this.isTailed) log.info({ event: 'tailGroupsChanged', groups: tails.map(({ id }) => id) }, tails.length > 0 ? 'events are published: somebody tails them' : 'events are published no more: nobody tails them');
      this.isTailed = tails.length > 0;
      this.troubledBy = null;
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      if (this.troubledBy !== error.message && !this.stopping.signal.aborted) log.warn({ event: 'tailGroupsUnknown', code: error.code }, `whether anybody tails cannot be seen: ${error.message}`);
      this.troubledBy = error.message;
    }
  }
}
