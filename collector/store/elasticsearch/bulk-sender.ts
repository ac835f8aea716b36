/**
 * Sends documents into a data stream until each is stored or refused for good.
 *
 * THE LOOP, for each part of a call that fits one request: look up what may be there already -> wait for a place -> send -> take every item by its own
 * answer. What had no answer, or one that leaves open whether it was carried out, waits until it can no longer be carried out, and is looked up before it
 * is sent again.
 */
import { ElasticError, pathOf, type ElasticAnswer } from '#lib/elasticsearch/server.ts';
import { answerTrouble, isServersOwn, noAnswerTrouble, reasonOf } from '#schemas/elasticsearch/trouble.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { BulkPace } from './bulk-pace.ts';
import { itemsOf, outcomeOf, type ItemAnswer } from './item-answer.ts';
import type { PatientServer } from './patient-server.ts';
import { ReplayGuard, type Found } from './replay-guard.ts';

export interface BulkItem {
  id: string;
  /** As `BulkLines` has them. */
  lines: Buffer;
  /** True where an earlier attempt, of whoever, may have stored it. */
  isDoubtful: boolean;
  /** Of one that was looked for in another way before: whether what it was put into is what was written to then; null of others. */
  isSameIndex: ((index: string | null) => boolean) | null;
}

const saysTooLittle = 'its answer does not speak of every event';

export interface Refused {
  id: string;
  reason: string;
}

export interface BulkCounts {
  requests: number;
  /** Items that found no room, each time. */
  rejected: number;
  /** Items that had been stored already. */
  replayed: number;
  refused: number;
  /** Documents taken out again because a rollover had come between. */
  removed: number;
}

export class BulkSender {
  readonly counts: BulkCounts = { requests: 0, rejected: 0, replayed: 0, refused: 0, removed: 0 };
  private readonly patient: PatientServer;
  private readonly dataStream: string;
  readonly guard: ReplayGuard;
  private readonly pace: BulkPace;
  private inFlight = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(patient: PatientServer, dataStream: string, pace: BulkPace) {
    this.patient = patient;
    this.dataStream = dataStream;
    this.pace = pace;
    this.guard = new ReplayGuard(patient, dataStream);
  }

  /** Resolves when every item is stored or refused. @throws LeadlineError CANCELLED */
  async send(items: readonly BulkItem[]): Promise<Refused[]> {
    const parts: BulkItem[][] = [];
    let bytes = Infinity;
    for (const item of items) {
      if (bytes + item.lines.length > this.pace.bulkBytes) {
        parts.push([]);
        bytes = 0;
      }
      parts.at(-1)!.push(item);
      bytes += item.lines.length;
    }
    return (await Promise.all(parts.map(part => this.sendPart(part)))).flat();
  }

  /** Those of them that are in any backing index. @throws LeadlineError CANCELLED */
  async stored(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set((await this.guard.find(ids, await this.guard.indices())).keys());
  }

  /** Whoever waits for a place looks again. */
  wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private async sendPart(part: readonly BulkItem[]): Promise<Refused[]> {
    const refused: Refused[] = [];
    let left = [...part];
    for (let attempt = 1; left.length > 0; attempt++) {
      const looked = await this.withoutStored(left);
      left = looked.left;
      if (left.length === 0) break;
      const sent = await this.attempt(left);
      if (sent instanceof LeadlineError) {
        await this.patient.waitOut(sent, attempt);
        continue;
      }
      if (sent.items === null) {
        // Too large, or something in it that spoils the rest.
        if (sent.answer.status === 413) this.pace.tooLarge(sent.bytes);
        if (left.length === 1) return [...refused, this.refusedOf(left[0]!, sent.answer.status === 413 ? 'larger than the server takes' : reasonOf(sent.answer.body))];
        const middle = Math.ceil(left.length / 2);
        return [...refused, ...(await this.sendPart(left.slice(0, middle))), ...(await this.sendPart(left.slice(middle)))];
      }
      const taken = await this.take(left, sent.items, looked.writeIndex);
      this.pace.answered({ bytes: sent.bytes, ms: sent.ms, rejected: taken.rejected });
      refused.push(...taken.refused);
      left = taken.left;
      if (taken.isOpen) await this.waitUntilOver(sent.sentMs);
      if (left.length > 0) await this.patient.waitOut(taken.trouble!, attempt);
      else this.patient.worked();
    }
    return refused;
  }

  /** Leaves out what is in any backing index. */
  private async withoutStored(items: readonly BulkItem[]): Promise<{ left: BulkItem[]; writeIndex: string | null }> {
    const doubtful = items.filter(({ isDoubtful }) => isDoubtful);
    if (doubtful.length === 0) return { left: [...items], writeIndex: null };
    const indices = await this.guard.indices();
    const found = await this.guard.find(doubtful.map(({ id }) => id), indices);
    this.counts.replayed += found.size;
    // Whoever was about to take the second out has died.
    await this.keepFirst(found);
    return { left: items.filter(({ id, isDoubtful }) => !isDoubtful || !found.has(id)), writeIndex: indices.at(-1) ?? null };
  }

  /** `items` is null where the server refuses the whole request for what it holds. */
  private async attempt(items: BulkItem[]): Promise<{ answer: ElasticAnswer; items: ItemAnswer[] | null; bytes: number; ms: number; sentMs: number } | LeadlineError> {
    const lines = Buffer.concat(items.map(item => item.lines));
    const { server } = this.patient;
    await this.place();
    // The time of whoever waits for us to be over begins when we send.
    let sentMs = performance.now();
    try {
      this.counts.requests += 1;
      const answer = await this.patient.write({ method: 'POST', path: pathOf(this.dataStream, '_bulk'), query: { timeout: `${server.requestTimeoutMs}ms` }, lines }, () => (sentMs = performance.now()));
      const sent = { answer, bytes: lines.length, ms: performance.now() - sentMs, sentMs };
      if (answer.status === 413 || (answer.status === 400 && isServersOwn(answer.body))) return { ...sent, items: null };
      const answers = answer.status < 300 ? itemsOf(answer.body, items.map(({ id }) => id)) : null;
      if (answers !== null) return { ...sent, items: answers };
      const trouble = answerTrouble(answer.status < 300 ? { ...answer, body: saysTooLittle } : answer, server.nodes, 'store events');
      if (answer.status < 300 || answer.status >= 500 || answer.status === 408) await this.doubt(items, sentMs);
      else if (answer.status === 429) this.pace.answered({ bytes: lines.length, ms: performance.now() - sentMs, rejected: items.length });
      return trouble;
    } catch (error) {
      if (!(error instanceof ElasticError)) throw error;
      this.patient.throwIfClosed();
      if (!error.isUnsent) await this.doubt(items, sentMs);
      return noAnswerTrouble(error, server.nodes);
    } finally {
      this.inFlight -= 1;
      this.wake();
    }
  }

  /** Nobody knows what became of them; only when the request can no longer be carried out a look tells. */
  private async doubt(items: BulkItem[], sentMs: number): Promise<void> {
    for (const item of items) item.isDoubtful = true;
    await this.waitUntilOver(sentMs);
  }

  private async waitUntilOver(sentMs: number): Promise<void> {
    const leftMs = sentMs + this.patient.server.requestTimeoutMs - performance.now();
    if (leftMs > 0) await this.patient.sleep(leftMs);
  }

  /** `isOpen`: of some of those that are left nobody knows whether they are still being carried out. */
  private async take(items: readonly BulkItem[], answers: readonly ItemAnswer[], writeIndex: string | null): Promise<{ left: BulkItem[]; refused: Refused[]; rejected: number; isOpen: boolean; trouble: LeadlineError | null }> {
    const left: BulkItem[] = [];
    const refused: Refused[] = [];
    const elsewhere: BulkItem[] = [];
    let rejected = 0;
    let isOpen = false;
    let trouble: LeadlineError | null = null;
    items.forEach((item, index) => {
      const outcome = outcomeOf(answers[index]!);
      if (outcome.kind === 'stored') {
        if (item.isDoubtful ? outcome.index !== writeIndex : item.isSameIndex?.(outcome.index) === false) elsewhere.push(item);
      } else if (outcome.kind === 'conflict') this.counts.replayed += 1;
      else if (outcome.kind === 'retry') {
        item.isDoubtful ||= outcome.isDoubtful;
        isOpen ||= outcome.isDoubtful;
        left.push(item);
        if (!outcome.isBlocked) rejected += 1;
        const { nodes } = this.patient.server;
        trouble = new LeadlineError(outcome.isBlocked ? 'ELASTICSEARCH_BLOCKED' : 'ELASTICSEARCH_BUSY', { nodes: nodes.join(','), what: 'store events', status: answers[index]!.status, problem: outcome.reason });
      } else refused.push(this.refusedOf(item, outcome.reason));
    });
    this.counts.rejected += rejected;
    await this.keepOne(elsewhere);
    return { left, refused, rejected, isOpen, trouble };
  }

  /**
   * The stream was rolled over between the look and the write: what was on its way then may have gone into the index that was written to before. Of two
   * the older stays.
   */
  private async keepOne(items: readonly BulkItem[]): Promise<void> {
    if (items.length === 0) return;
    const indices = await this.guard.indices();
    await this.keepFirst(await this.guard.find(items.map(item => item.id), indices));
  }

  private async keepFirst(found: ReadonlyMap<string, readonly Found[]>): Promise<void> {
    for (const [id, places] of found) {
      for (const place of places.slice(1)) {
        await this.guard.remove(id, place);
        this.counts.removed += 1;
      }
    }
  }

  private refusedOf({ id }: BulkItem, reason: string): Refused {
    this.counts.refused += 1;
    return { id, reason };
  }

  /** Resolves when one more request may travel. */
  private async place(): Promise<void> {
    while (this.inFlight >= this.pace.inFlightMax) {
      await new Promise<void>(resolve => this.waiting.push(resolve));
      this.patient.throwIfClosed();
    }
    this.inFlight += 1;
  }
}
