/** Requests that are tried until they are answered, and what stands in their way meanwhile. */
import type { Clock } from '#lib/clock.ts';
import { ElasticError, type ElasticAnswer, type ElasticRequest, type ElasticServer } from '#lib/elasticsearch/server.ts';
import type { Log } from '#lib/log.ts';
import { answerTrouble, noAnswerTrouble } from '#schemas/elasticsearch/trouble.ts';
import { LeadlineError } from '#schemas/errors.ts';

export interface PatientServerParts {
  server: ElasticServer;
  log: Log;
  clock: Clock;
  /** Asked right before every request that writes. While it says no, nothing is sent. */
  mayWrite: () => boolean;
  chance?: () => number;
}

const retryDelayMsMin = 50;
const retryDelayMsMax = 10_000;
const askAgainMs = 50;
/** Attempts after which it is said that nothing goes on; a busy server refuses now and then. */
const quietAttempts = 4;

export class PatientServer {
  readonly server: ElasticServer;
  readonly clock: Clock;
  readonly log: Log;
  stalledBy: LeadlineError | null = null;
  /** Attempts beyond the first. */
  retries = 0;
  private readonly mayWrite: () => boolean;
  private readonly chance: () => number;
  private readonly closing = new AbortController();

  constructor({ server, log, clock, mayWrite, chance = Math.random }: PatientServerParts) {
    this.server = server;
    this.log = log;
    this.clock = clock;
    this.mayWrite = mayWrite;
    this.chance = chance;
  }

  /** One attempt at a request that writes, when it may. @throws ElasticError, LeadlineError CANCELLED */
  async write(request: ElasticRequest, onSending: () => void = () => undefined): Promise<ElasticAnswer> {
    this.throwIfClosed();
    while (!this.mayWrite()) {
      await this.clock.sleep(askAgainMs, this.closing.signal);
      this.throwIfClosed();
    }
    onSending();
    return this.server.request({ ...request, signal: this.closing.signal });
  }

  /**
   * Asks until there is an answer whose status is below 500 and tells of no lack of room; for what may be carried out twice.
   * @param what for the sentence that is told meanwhile: "look for events"
   * @throws LeadlineError CANCELLED
   */
  async ask(request: ElasticRequest, what: string, writes = false): Promise<ElasticAnswer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.attempt(() => (writes ? this.write(request) : this.server.request({ ...request, signal: this.closing.signal })));
      if (answer instanceof LeadlineError) await this.waitOut(answer, attempt);
      else if (answer.status < 400 || answer.status === 404 || answer.status === 409) return answer;
      else {
        const trouble = answerTrouble(answer, this.server.nodes, what);
        if (!trouble.retryable) return answer;
        await this.waitOut(trouble, attempt);
      }
    }
  }

  /** Says what is in the way where it lasts, and waits: longer with each attempt, never as long as another who waits. @throws LeadlineError CANCELLED */
  async waitOut(trouble: LeadlineError, attempt: number): Promise<void> {
    this.throwIfClosed();
    this.retries += 1;
    const isBusy = trouble.code === 'ELASTICSEARCH_BUSY';
    if (!isBusy || attempt >= quietAttempts) {
      if (this.stalledBy?.code !== trouble.code) this.log.error({ event: 'storeStalled', code: trouble.code }, trouble.message);
      this.stalledBy = trouble;
    }
    const longest = Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** Math.min(attempt, 12));
    await this.clock.sleep(longest * (0.5 + this.chance() / 2), this.closing.signal);
    this.throwIfClosed();
  }

  /** What somebody else does, for as long as it takes. @throws LeadlineError CANCELLED */
  async unlessClosed<T>(done: Promise<T>): Promise<T> {
    let closed: () => void = () => undefined;
    const closing = new Promise<never>((_, reject) => {
      closed = () => reject(new LeadlineError('CANCELLED'));
      this.closing.signal.addEventListener('abort', closed, { once: true });
    });
    try {
      this.throwIfClosed();
      return await Promise.race([done, closing]);
    } finally {
      this.closing.signal.removeEventListener('abort', closed);
    }
  }

  async sleep(ms: number): Promise<void> {
    await this.clock.sleep(ms, this.closing.signal);
    this.throwIfClosed();
  }

  /** Something was written. That something could be read says little of what stands in the way. */
  worked(): void {
    if (this.stalledBy === null) return;
    this.stalledBy = null;
    this.log.info({ event: 'storeResumed' }, 'the store takes events again');
  }

  close(): void {
    this.closing.abort();
  }

  throwIfClosed(): void {
    if (this.closing.signal.aborted) throw new LeadlineError('CANCELLED');
  }

  private async attempt(request: () => Promise<ElasticAnswer>): Promise<ElasticAnswer | LeadlineError> {
    try {
      return await request();
    } catch (error) {
      if (error instanceof ElasticError) return noAnswerTrouble(error, this.server.nodes);
      throw error;
    }
  }
}
