/**
 * Stores events in Elasticsearch or OpenSearch, each once, beside other collectors and over any number of deaths of each.
 *
 * THE LOOP: plan a batch on what is known of its streams -> events, each answered for by itself -> what is stored of the streams, with the signals of the
 * batch inside -> signals -> positions. A step begins when the one before is durable. After a death anywhere in between the bytes come again: what is
 * stored of them is found by its id, and what the streams' documents hold is carried out to its end.
 */
import { withoutRanges } from '#lib/byte-ranges.ts';
import { systemClock, type Clock } from '#lib/clock.ts';
import type { ElasticServer } from '#lib/elasticsearch/server.ts';
import type { Log } from '#lib/log.ts';
import type { Signal } from '#schemas/alert.ts';
import { eventToDocument, type NameBudgets } from '#schemas/elasticsearch/document.ts';
import { NameBudget } from '#schemas/elasticsearch/field-names.ts';
import { namesOf, type ElasticNames } from '#schemas/elasticsearch/names.ts';
import { signalDocumentId, signalToDocument, type StreamEntry } from '#schemas/elasticsearch/stream-document.ts';
import { addressNamesMax, numberNamesMax } from '#schemas/elasticsearch/template.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { AsyncStoreWriter, ConsumedPosition, StoreBatch, StoredStream, UnfinishedLine } from '#schemas/store.ts';
import { BulkLines } from './bulk-lines.ts';
import { BulkPace, usualPace, type BulkPaceLimits } from './bulk-pace.ts';
import { BulkSender, type BulkCounts, type BulkItem } from './bulk-sender.ts';
import { PatientServer } from './patient-server.ts';
import { Retention, type RetentionLimits } from './retention.ts';
import { StoredEnds } from './stored-ends.ts';
import { StreamIndex } from './stream-index.ts';
import { isMoreThanTold, miss, planBatch, type Plan, type StreamChange } from './stream-ledger.ts';
import { applyTemplates, knownNames } from './templates.ts';

export interface ElasticsearchWriterOptions extends RetentionLimits {
  server: ElasticServer;
  namespace: string;
  log: Log;
  /** An event that the server refuses for good, and its reason: for the dead letters. Its bytes stay uncovered. Nothing counts as consumed before it resolves. */
  onRefused: (event: LogEvent, reason: string) => unknown;
  /**
   * Tells signals elsewhere, too, before they are put into the index: what lies there was told. Resolves with true when all are, with false when it was
   * given up; the positions then stay where they are.
   */
  onSignals?: (signals: readonly Signal[]) => Promise<boolean>;
  /** False while this collector may not be the owner of its partitions any more; asked right before everything that is written. */
  mayWrite?: () => boolean;
  shards?: number;
  pace?: BulkPaceLimits;
  clock?: Clock;
}

export class ElasticsearchWriter implements AsyncStoreWriter {
  /** While one settles the next is sent, and a third made. */
  readonly batchesMax = 3;
  /** Names of fields in the index, and how many found no place. */
  readonly budgets: NameBudgets = { numbers: new NameBudget(numberNamesMax), addresses: new NameBudget(addressNamesMax) };
  private readonly options: ElasticsearchWriterOptions;
  private readonly names: ElasticNames;
  private readonly clock: Clock;
  private readonly patient: PatientServer;
  private readonly events: BulkSender;
  private readonly signals: BulkSender;
  private readonly index: StreamIndex;
  private readonly ends: StoredEnds;
  private readonly lines = new BulkLines();
  /** Streams of batches that are under way, as they will be, and of how many batches. */
  private readonly planned = new Map<string, { stream: StreamEntry; batches: number }>();
  private positionsByKey = new Map<string, ConsumedPosition>();
  private lastChainPosition = 0;
  /** Resolves when the batches before are durable. */
  private before: Promise<void> = Promise.resolve();

  constructor(options: ElasticsearchWriterOptions) {
    this.options = options;
    this.names = namesOf(options.namespace);
    const { server, log, clock = systemClock, mayWrite = () => true, pace = usualPace } = options;
    this.clock = clock;
    this.patient = new PatientServer({ server, log, clock, mayWrite });
    const shared = new BulkPace(pace);
    this.events = new BulkSender(this.patient, this.names.events, shared);
    this.signals = new BulkSender(this.patient, this.names.signals, shared);
    this.index = new StreamIndex(this.patient, this.names.streams);
    this.ends = new StoredEnds(this.patient, this.names.events, this.events.guard);
  }

  async open(): Promise<void> {
    await applyTemplates(this.options.server, this.options.shards ?? 1);
    const names = await knownNames(this.options.server, this.names.events);
    this.budgets.numbers.know(names.numbers);
    this.budgets.addresses.know(names.addresses);
    this.takePositions(await this.index.open());
    await this.publishOutboxes(this.index.streams());
  }

  async load(streamIds: readonly string[]): Promise<void> {
    await this.index.load(streamIds);
    await this.publishOutboxes(streamIds.map(streamId => this.index.stream(streamId)).filter(stream => stream !== null));
  }

  findEnds(streamIds: readonly string[]): Promise<void> {
    return this.ends.find(streamIds);
  }

  async loadPositions(partitions: readonly Pick<ConsumedPosition, 'topicId' | 'partition'>[]): Promise<void> {
    for (const { topicId, partition } of partitions) this.positionsByKey.delete(`${topicId}:${partition}`);
    this.takePositions(await this.index.loadPositions(partitions));
  }

  forget(streamIds: Iterable<string>): void {
    for (const streamId of streamIds) {
      this.index.forget(streamId);
      this.ends.forget(streamId);
    }
  }

  async append(batch: StoreBatch, positions: readonly ConsumedPosition[], signals: readonly Signal[]): Promise<LogEvent[]> {
    const plan = planBatch(batch, signals, {
      stream: streamId => this.planned.get(streamId)?.stream ?? this.index.stream(streamId),
      nextChainPosition: () => this.nextChainPosition(),
    });
    for (const [streamId, stream] of plan.streams) this.planned.set(streamId, { stream, batches: (this.planned.get(streamId)?.batches ?? 0) + 1 });
    const sent = this.sendEvents(plan, batch.mayBeStored !== false);
    const { before } = this;
    const done = (async () => {
      const refused = await sent;
      await before;
      await this.settle(plan, positions);
      this.release(plan);
      return refused;
    })();
    this.before = done.then(() => undefined);
    // Told by `done`, to whoever called.
    this.before.catch(() => undefined);
    return done;
  }

  streams(): StoredStream[] {
    return this.index.streams().sort((a, b) => a.chainPosition - b.chainPosition);
  }

  lastKnown(streamId: string): StoredStream | null {
    return this.index.stream(streamId);
  }

  positions(): ConsumedPosition[] {
    return [...this.positionsByKey.values()];
  }

  unfinished(): UnfinishedLine[] {
    return this.index.streams().flatMap(stream => stream.unfinished);
  }

  async retain(nowMs: number): Promise<{ files: number; bytes: number }> {
    const retention = new Retention(this.patient, this.options);
    await retention.retain(this.names.signals, nowMs);
    const gone = await retention.retain(this.names.events, nowMs);
    // What recognises a stream that is read again is kept for as long as anything of it may be.
    const past = this.index.streams().filter(({ streamId, state }) => state?.closed === true && state.readToEndMs !== null && state.readToEndMs < nowMs - this.options.retentionMs - this.options.rolloverMs && !this.planned.has(streamId));
    await this.index.remove(past.map(({ streamId }) => streamId));
    return gone;
  }

  async close(): Promise<void> {
    this.patient.close();
    this.events.wake();
    this.signals.wake();
    await this.before.catch(() => undefined);
  }

  get stalledBy(): LeadlineError | null {
    return this.patient.stalledBy;
  }

  get settledAfterMs(): number {
    return this.options.server.requestTimeoutMs;
  }

  /** What was sent, since the start. */
  get counts(): BulkCounts & { retries: number } {
    return { ...this.events.counts, retries: this.patient.retries };
  }

  /** @returns those that were refused for good */
  private async sendEvents(plan: Plan, mayBeStored: boolean): Promise<LogEvent[]> {
    const items = plan.events.map((event): BulkItem => {
      const isBeyond = event.begunAs === undefined && (!mayBeStored || this.ends.isBeyond(event));
      return { id: event.eventId, lines: this.lines.create(event.eventId, eventToDocument(event, this.budgets)), isDoubtful: !isBeyond, isSameIndex: mayBeStored ? this.ends.isSameIndex : null };
    });
    const refused = await this.events.send(items);
    if (refused.length === 0) return [];
    const all: LogEvent[] = [];
    const accountedFor: unknown[] = [];
    const reasons = new Map(refused.map(({ id, reason }) => [id, reason]));
    for (const change of plan.changes.values()) {
      const gone = change.events.filter(({ eventId }) => reasons.has(eventId));
      if (gone.length === 0) continue;
      change.events = change.events.filter(({ eventId }) => !reasons.has(eventId));
      for (const event of gone) {
        this.uncover(change, event);
        all.push(event);
        accountedFor.push(this.options.onRefused(event, reasons.get(event.eventId)!));
      }
    }
    await this.patient.unlessClosed(Promise.all(accountedFor));
    return all;
  }

  /** Streams, signals, positions, in that order. */
  private async settle(plan: Plan, positions: readonly ConsumedPosition[]): Promise<void> {
    const changes = [...plan.changes.values()];
    // An event that went on with a line of another stream is stored. A death before its own stream is written must not leave that line to be told again.
    const [rest, told] = [changes.filter(isMoreThanTold), changes.filter(change => !isMoreThanTold(change) && change.told.length > 0)];
    for (const part of [told, rest]) if (part.length > 0) await this.index.write(part, streams => this.publishOutboxes(streams));
    await this.publish([...changes.flatMap(change => change.signals), ...plan.otherSignals], false);
    if (positions.length > 0) await this.index.writePositions(positions);
    this.takePositions(positions);
  }

  private async publish(signals: readonly Signal[], isDoubtful: boolean): Promise<void> {
    if (signals.length === 0) return;
    const { onSignals } = this.options;
    if (onSignals !== undefined) {
      const known = isDoubtful ? await this.signals.stored(signals.map(({ signalId }) => signalDocumentId(signalId))) : null;
      const untold = known === null ? signals : signals.filter(({ signalId }) => !known.has(signalDocumentId(signalId)));
      if (untold.length > 0 && !(await this.patient.unlessClosed(onSignals(untold)))) throw new LeadlineError('CANCELLED');
    }
    const nowMs = this.clock.nowMs();
    const refused = await this.signals.send(signals.map((signal): BulkItem => ({ id: signalDocumentId(signal.signalId), lines: this.lines.create(signalDocumentId(signal.signalId), signalToDocument(signal, nowMs)), isDoubtful, isSameIndex: null })));
    for (const { id, reason } of refused) this.options.log.error({ event: 'signalRefused', id, reason }, 'a signal was refused by the store; alerting does not see it');
  }

  /** The owner before may have died when its streams were written and their signals were not published. */
  private publishOutboxes(streams: readonly StreamEntry[]): Promise<void> {
    for (const { chainPosition } of streams) this.lastChainPosition = Math.max(this.lastChainPosition, chainPosition);
    return this.publish(streams.flatMap(({ outbox }) => outbox), true);
  }

  /** Its bytes may come again and be stored then; until then they are known to be missing, so that nobody waits for them. */
  private uncover(change: StreamChange, event: LogEvent): void {
    const planned = this.planned.get(change.streamId);
    if (planned === undefined) return;
    const { stream } = planned;
    if (event.gap === null) {
      stream.storedRanges = withoutRanges(stream.storedRanges, event.pieces);
      change.missing.push(...event.pieces);
      miss(stream, event.pieces);
    } else stream.gaps = stream.gaps.filter(({ from }) => from !== event.streamOffset);
  }

  private release(plan: Plan): void {
    for (const streamId of plan.streams.keys()) {
      const planned = this.planned.get(streamId);
      if (planned === undefined) continue;
      planned.batches -= 1;
      if (planned.batches === 0) this.planned.delete(streamId);
    }
  }

  private takePositions(positions: readonly ConsumedPosition[]): void {
    for (const position of positions) this.positionsByKey.set(`${position.topicId}:${position.partition}`, position);
  }

  /** Later than all before, of this collector and of those whose streams it has seen: milliseconds, as near as that lets them be. */
  private nextChainPosition(): number {
    this.lastChainPosition = Math.max(this.lastChainPosition + 1, this.clock.nowMs());
    return this.lastChainPosition;
  }
}
