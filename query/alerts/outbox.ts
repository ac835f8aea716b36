/** Sends what waits in the outbox: per target in order, one at a time, again and again until it arrives or is refused. */
import type { Target } from '#schemas/alert.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { AlertStore, WaitingMessage } from './alert-store.ts';
import { postToWebhook } from './targets/webhook.ts';

const retryDelayMsMin = 500;
const retryDelayMsMax = 60_000;
/** How long a stop waits for the answer to what is being sent; without it the message is repeated after the next start. */
const stopMsMax = 1000;

export interface OutboxOptions {
  store: AlertStore;
  targets: readonly Target[];
  log: Log;
  clock: Clock;
  send: typeof fetch;
  /** In [0, 1), spreads the retries. */
  chance: () => number;
}

export class Outbox {
  private readonly options: OutboxOptions;
  /** Nothing new is begun. */
  private readonly stopping = new AbortController();
  /** What is being sent is cut off. */
  private readonly cutting = new AbortController();
  /** The work on one target's messages, while there is any. */
  private readonly working = new Map<string, Promise<void>>();

  constructor(options: OutboxOptions) {
    this.options = options;
  }

  /** Looks for waiting messages. Call it after each transaction that added some. */
  wake(): void {
    if (this.stopping.signal.aborted) return;
    for (const target of this.options.targets) {
      if (this.working.has(target.name) || this.options.store.nextMessage(target.name) === null) continue;
      const work = this.deliverAll(target)
        .catch(async (error: unknown) => {
          this.options.log.error({ event: 'alertOutboxFailed', target: target.name, err: error }, 'keeping what was sent failed; the message may be repeated with the same key');
          await this.options.clock.sleep(retryDelayMsMin, this.stopping.signal);
        })
        .finally(() => {
          this.working.delete(target.name);
          this.wake();
        });
      this.working.set(target.name, work);
    }
  }

  /** Waits a moment for what is being sent; what was not sent by then is sent after the next start. */
  async stop(): Promise<void> {
    this.stopping.abort();
    const done = Promise.all(this.working.values());
    const answered = new AbortController();
    void done.then(() => answered.abort());
    await this.options.clock.sleep(stopMsMax, answered.signal);
    this.cutting.abort();
    await done;
  }

  private async deliverAll(target: Target): Promise<void> {
    const { store } = this.options;
    while (!this.stopping.signal.aborted) {
      const message = store.nextMessage(target.name);
      if (message === null) return;
      const status = await this.deliver(target, message);
      if (status === null) return;
      store.finishMessage(message.messageId, status);
    }
  }

  /** @returns null where it was stopped first. */
  private async deliver(target: Target, { idempotencyKey, episodeId, body }: WaitingMessage): Promise<'sent' | 'givenUp' | null> {
    const { log, clock, send, chance } = this.options;
    const { signal } = this.stopping;
    for (let attempt = 1; !signal.aborted; attempt++) {
      const delivery = await postToWebhook(target, idempotencyKey, body, send, this.cutting.signal);
      if (delivery.outcome === 'sent') {
        log.info({ event: 'alertMessageSent', target: target.name, episodeId, idempotencyKey, attempt, status: delivery.status }, 'alert message sent');
        return 'sent';
      }
      if (delivery.outcome === 'refused') {
        log.error({ event: 'alertMessageGivenUp', target: target.name, episodeId, idempotencyKey, attempt, problem: delivery.problem }, `alert message given up: target ${target.name} ${delivery.problem}; check its url and headers`);
        return 'givenUp';
      }
      if (signal.aborted) return null;
      const delayMs = delivery.retryAfterMs ?? Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** Math.min(attempt - 1, 20)) * (0.5 + chance() / 2);
      log.warn({ event: 'alertMessageDelayed', target: target.name, episodeId, idempotencyKey, attempt, delayMs, problem: delivery.problem }, `alert message delayed: target ${target.name} ${delivery.problem}`);
      await clock.sleep(delayMs, signal);
    }
    return null;
  }
}
