/**
 * THE LOOP: chunk -> trimmed -> lines -> events -> one commit -> acknowledgements.
 *
 * `accept` parses, `commit` appends, at once or, with a store elsewhere, while the next chunks are parsed. What is acknowledged is what the store has made durable, as the
 * low-water mark of each stream; an open event holds its stream's mark back. What came in Kafka records also moves the low-water mark of its
 * partition, in the transaction of its events.
 */
import { addRange, coverage, subtractRanges } from '#lib/byte-ranges.ts';
import { countsRecords, type Chunk } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { ConsumedPosition, UnfinishedLine } from '#schemas/store.ts';
import type { Acknowledgement, StreamState } from '#schemas/transport.ts';
import { plainBytes } from './chunk-bytes.ts';
import { ConsumedPositions, type RecordPosition } from './consumed-positions.ts';
import { contextOf, eventOf, gapEventOf, type ChunkContext } from './event-of.ts';
import type { LineAssembler } from './lines/assembler.ts';
import { joinTouching } from './lines/open-lines.ts';
import { nothingCounted, type CollectorCounts, type CollectorParts } from './parts.ts';
import { compileRules } from './signals.ts';
import { forgetBytes, learnStored, newStreamWork, type StreamWork } from './stream-work.ts';
import { durableMark, knownState } from './stored-marks.ts';
import { Templates } from './templates/templates.ts';
import { isKnown, newLines } from './trim.ts';
import { laneOf, placeOf, UnfinishedLines } from './unfinished-lines.ts';
import { Waiting, type Batch } from './waiting.ts';

/** At the latest this long after it moved a position is written, also where nothing else is. */
const positionIntervalMs = 1000;

export class Collector {
  readonly counts: CollectorCounts = { ...nothingCounted };
  /** Why nothing can be stored at the moment, or null. */
  stalledBy: LeadlineError | null = null;
  private readonly parts: CollectorParts;
  private readonly streams = new Map<string, StreamWork>();
  private readonly signalsOf: ReturnType<typeof compileRules>;
  private waiting = new Waiting();
  private unfinished: UnfinishedLines;
  private closing = new Set<string>();
  private readonly positions: ConsumedPositions;
  private positionsMovedMs: number | null = null;
  /** A batch that failed and waits for room. Kept whole, so that the same bytes are cut into the same commit. */
  private failed: Batch | null = null;
  private readonly underWay: { batch: Batch; done: Promise<void> }[] = [];
  private isAbandoned = false;
  private readonly templates: Templates;

  constructor(parts: CollectorParts) {
    this.parts = parts;
    this.signalsOf = compileRules(parts.rules);
    this.templates = new Templates(parts.options);
    this.positions = new ConsumedPositions(parts.writer.positions());
    this.unfinished = new UnfinishedLines(parts.writer.unfinished());
  }

  /**
   * Takes a chunk in. Nothing is stored before the next `commit`.
   * @param position the Kafka record it came in, null for one that came otherwise
   * @throws LeadlineError BAD_CHUNK, STORED_RANGES_FULL; the chunk is then as if it had not come.
   */
  accept(chunk: Chunk, position: RecordPosition | null = null): void {
    this.counts.chunks += 1;
    this.counts.chunkBytes += chunk.end - chunk.offset;
    let work: StreamWork;
    try {
      work = this.workOf(chunk);
      // After a lost position whole logs come again: what is known needs not be unpacked.
      const value = isKnown(chunk, work.taken) ? null : plainBytes(chunk);
      if (work.taken.length > this.parts.options.storedRangesMax) throw new LeadlineError('STORED_RANGES_FULL', { streamId: chunk.streamId, count: work.taken.length });
      if (position !== null) this.closeOverdue(chunk.streamId, position);
      work.isDoubtful = position?.mayBeStored !== false || (work.isDoubtful && work.assembler.isOpen);
      this.waiting.mayBeStored ||= work.isDoubtful;
      if (!this.unfinished.isEmpty) this.tell(this.unfinished.overdue(placeOf(chunk, position), position === null, this.parts.options.openEventMsMax));
      if (value === null) this.counts.trimmedBytes += chunk.end - chunk.offset;
      else this.takeIn(chunk, value, work, position);
    } catch (error) {
      this.counts.refusedChunks += 1;
      throw error;
    }
    this.waiting.touched.add(chunk.streamId);
    this.waiting.sinceMs ??= this.parts.clock.nowMs();
    if (chunk.kind === 'close') this.closing.add(chunk.streamId);
    if (position !== null) {
      this.positions.settle(chunk.streamId, position, chunk.offset, chunk.end, work.assembler.openFrom);
      this.positionsMovedMs ??= this.parts.clock.nowMs();
    } else if (!work.assembler.isOpen) this.positions.release(chunk.streamId);
    if (this.isFull) void this.commit();
  }

  /** Resolves when the states are durable. */
  acceptStates(states: readonly StreamState[], position: RecordPosition | null = null): Promise<void> {
    if (position !== null) this.pass(position);
    if (states.length === 0) return Promise.resolve();
    for (const state of states) {
      this.waiting.states.set(state.streamId, state);
      const work = this.streams.get(state.streamId);
      if (work !== undefined) work.silent = state.inode === null;
    }
    this.waiting.sinceMs ??= this.parts.clock.nowMs();
    return new Promise(resolve => this.waiting.waiters.push(resolve));
  }

  /** After the last of the files that are read once: what they ended in the middle of is told as it is. */
  tellUnfinished(): void {
    this.tell(this.unfinished.ofFinishedFiles());
  }

  /** Nothing up to this record of the partition needs to be read again: it is accounted for elsewhere, or there was none. */
  pass(position: Omit<RecordPosition, 'timestampMs'>): void {
    this.positions.pass(position);
    this.positionsMovedMs ??= this.parts.clock.nowMs();
  }

  /** A record of this partition went to another collector: time goes on by it, and nothing up to it needs to be read again for this one. */
  elapse(position: RecordPosition): void {
    this.closeOverdue(null, position);
    this.tell(this.unfinished.overdue(laneOf(position), false, this.parts.options.openEventMsMax));
    this.pass(position);
  }

  /** Takes over what streams of another collector ended in the middle of. */
  adopt(lines: readonly UnfinishedLine[]): void {
    for (const line of lines) this.unfinished.add(line);
  }

  /** Whether the next line of a source may go on with something in memory. @param streams of the source; those that are done with are taken out */
  holds(source: string, streams: Set<string>): boolean {
    let isOpen = this.unfinished.hasOf(source);
    for (const streamId of streams) {
      const work = this.streams.get(streamId);
      if (work === undefined) streams.delete(streamId);
      else if (work.assembler.isOpen) isOpen = true;
    }
    return isOpen;
  }

  /** How far a stream was taken in; null where nothing of it is in memory. */
  takenTo(streamId: string): number | null {
    return this.streams.get(streamId)?.taken.at(-1)?.to ?? null;
  }

  /** Another collector may have stored of the stream: what the writer knows of it counts, too. */
  learn(streamId: string): void {
    learnStored(this.streams.get(streamId), this.parts.writer.lastKnown(streamId));
  }

  /** Forgets streams that another collector goes on with. Nothing of them is held. */
  letGo(streams: ReadonlySet<string>): void {
    for (const streamId of streams) if (this.streams.delete(streamId)) this.closing.delete(streamId);
  }

  /** What is known of all streams of these sources, with the further of the published and the stored position. */
  statesOf(sources: readonly string[]): StreamState[] {
    const wanted = new Set(sources);
    const states: StreamState[] = [];
    for (const stream of this.parts.writer.streams()) {
      const state = knownState(stream, this.waiting.states.get(stream.streamId) ?? stream.state);
      if (state !== null && wanted.has(state.source)) states.push(state);
    }
    return states;
  }

  /** Milliseconds until the next commit is due: 0 for now, null for nothing waiting, or for as long as one is under way. */
  dueInMs(nowMs: number): number | null {
    if (this.storing !== null) return null;
    if (this.failed !== null) return 0;
    const dueMs = Math.min((this.waiting.sinceMs ?? Infinity) + this.parts.options.commitIntervalMs, (this.positionsMovedMs ?? Infinity) + positionIntervalMs);
    return dueMs === Infinity ? null : Math.max(0, dueMs - nowMs);
  }

  get isFull(): boolean {
    return this.waiting.events.length >= this.parts.options.commitEventsMax || this.waiting.bytes >= this.parts.options.commitBytesMax;
  }

  /** True while nothing more should be accepted: what is queued is full and could not be stored. */
  get isStalled(): boolean {
    return this.stalledBy !== null;
  }

  /** Resolves when another batch may be stored; null where it may be now. Never rejects for what a later attempt may mend. */
  get storing(): Promise<void> | null {
    return this.underWay.length < (this.parts.writer.batchesMax ?? 1) ? null : this.underWay[0]!.done;
  }

  /** Resolves when nothing is being stored. */
  async whenStored(): Promise<void> {
    while (this.underWay.length > 0) await this.underWay[0]!.done;
  }

  /**
   * Appends what is waiting and acknowledges it. On a full disk it keeps the batch, says so, and is to be called again. As many batches as the store
   * takes are stored at a time: what comes in meanwhile goes with the next.
   * @param isLast also writes positions that alone would not be worth a transaction yet
   * @returns null where it is done at once
   */
  commit(isLast = false): Promise<void> | null {
    if (this.storing !== null) return this.storing;
    const batch = this.failed ?? this.takeBatch(isLast);
    if (batch === null) return null;
    let appended: Promise<readonly LogEvent[]> | undefined;
    try {
      appended = this.parts.writer.append({ events: batch.events, states: [...batch.states.values()], unfinished: batch.unfinished, mayBeStored: batch.mayBeStored }, batch.positions, batch.signals) ?? undefined;
    } catch (error) {
      this.refused(batch, error);
      return null;
    }
    if (appended === undefined) {
      this.stored(batch);
      return null;
    }
    const landed = (settle: () => void): void => {
      this.underWay.shift();
      settle();
    };
    const done = appended.then(refused => landed(() => this.stored(batch, refused)), (error: unknown) => landed(() => this.refused(batch, error)));
    this.underWay.push({ batch, done });
    return done;
  }

  /** Nothing more is stored, nor is what is under way waited for: somebody else goes on with it. */
  abandon(): void {
    this.isAbandoned = true;
  }

  private stored(batch: Batch, refused: readonly LogEvent[] = []): void {
    for (const event of refused) forgetBytes(this.streams.get(event.streamId), event);
    if (this.stalledBy !== null) this.parts.log.info({ event: 'storeResumed' }, 'the store takes events again');
    this.stalledBy = null;
    this.failed = null;
    this.counts.events += batch.events.length;
    this.counts.commits += 1;
    this.counts.templates = this.templates.size;
    this.counts.overflowedTemplates = this.templates.overflowed;
    this.acknowledge(batch.touched);
    if (batch.events.length > 0 || batch.signals.length > 0) this.parts.onCommitted(batch.events);
    for (const resolve of batch.waiters) resolve();
  }

  private refused(batch: Batch, error: unknown): void {
    if (this.isAbandoned) return;
    if (!(error instanceof LeadlineError) || !error.retryable) throw error;
    if (this.stalledBy === null) this.parts.log.error({ event: 'storeStalled', code: error.code }, error.message);
    this.stalledBy = error;
    this.failed = batch;
  }

  /** Parses a chunk. Where a parser fails, everything of the stream is as it was. @throws LeadlineError BAD_CHUNK */
  private takeIn(chunk: Chunk, value: Uint8Array, work: StreamWork, position: RecordPosition | null): void {
    const before = { ...work, assembler: work.assembler.copy() };
    const unfinished = this.unfinished.copy();
    const { waiting } = this;
    const [queued, newUnfinished, bytes] = [waiting.events.length, waiting.unfinished.length, waiting.bytes];
    try {
      if (chunk.kind === 'lines') this.acceptLines(chunk, value, work);
      else if (chunk.kind === 'gap') this.acceptGap(chunk, work, chunk.offset, chunk.end, chunk.gap!);
      else if (chunk.kind === 'close') this.endStream(chunk, work, position);
      else this.take(chunk, work, work.assembler.closeAll());
    } catch (error) {
      Object.assign(work, before);
      waiting.events.length = queued;
      waiting.unfinished.length = newUnfinished;
      waiting.bytes = bytes;
      this.unfinished = unfinished;
      this.parts.log.error({ event: 'parserFailed', streamId: chunk.streamId, from: chunk.offset, to: chunk.end, err: error }, 'a parser failed on a chunk; this is a fault of Leadline');
      throw new LeadlineError('BAD_CHUNK', { problem: `a parser failed on it: ${error instanceof Error ? error.message : String(error)}` }, { cause: error });
    }
  }

  /** A pod that never returns sends no idle record: what it left open is closed by the broker's time, as another record of its partition has it. */
  private closeOverdue(own: string | null, position: RecordPosition): void {
    for (const streamId of this.positions.overdue(position, this.parts.options.openEventMsMax)) {
      const work = this.streams.get(streamId);
      // Within one stream it is the times of reading that close: an outage of the broker between two records is none of the stream.
      if (work === undefined || streamId === own) continue;
      this.waiting.mayBeStored ||= work.isDoubtful;
      this.take(work.context, work, work.assembler.closeAll());
      this.positions.release(streamId);
      this.waiting.touched.add(streamId);
    }
  }

  private acceptLines(chunk: Chunk, value: Uint8Array, work: StreamWork): void {
    for (const { from, to } of countsRecords(chunk.streamId) ? [] : subtractRanges({ from: work.taken.at(-1)?.to ?? 0, to: chunk.offset }, work.gaps)) this.acceptGap(chunk, work, from, to, { cause: 'missing', bytes: to - from, exact: true });
    if (chunk.emptyFrom !== undefined) work.taken = addRange(work.taken, { from: chunk.emptyFrom, to: chunk.offset });
    const taken = work.taken;
    work.context = contextOf(chunk);
    let newBytes = 0;
    const lines = newLines(chunk, value, taken);
    const groups = work.assembler.add(chunk, lines);
    for (const { from, to } of joinTouching(lines)) {
      work.taken = addRange(work.taken, { from, to });
      newBytes += to - from;
    }
    this.counts.trimmedBytes += chunk.end - chunk.offset - newBytes;
    this.take(chunk, work, countsRecords(chunk.streamId) ? [...groups, ...work.assembler.closeAll()] : groups);
  }

  private acceptGap(chunk: Chunk, work: StreamWork, from: number, to: number, gap: { cause: string; bytes: number; exact: boolean }): void {
    if (to > from && coverage({ from, to }, work.gaps) === 'all') return;
    work.gaps = addRange(work.gaps, { from, to });
    this.take(chunk, work, work.assembler.closeAll());
    this.queue(work, gapEventOf(chunk, from, to, gap, work.lastTimeNs));
    this.parts.log.warn({ event: 'gapFound', streamId: chunk.streamId, from, to, cause: gap.cause }, 'bytes of a stream are missing');
  }

  /** What the stream ends in the middle of is kept for its successor. */
  private endStream(chunk: Chunk, work: StreamWork, position: RecordPosition | null): void {
    const { closed, unfinished } = work.assembler.endStream();
    this.take(chunk, work, closed);
    for (const group of unfinished) {
      const line = { event: eventOf(chunk, group, work.lastTimeNs, this.templates), ...placeOf(chunk, position) };
      if (group.begunAs !== null) this.unfinished.take(group.begunAs);
      this.unfinished.add(line);
      this.waiting.unfinished.push(line);
      this.waiting.bytes += group.raw.length;
    }
  }

  /** Nobody goes on with these: each is an event of the stream it began in, whose bytes are stored already. */
  private tell(eventIds: readonly string[]): void {
    for (const eventId of eventIds) {
      const line = this.unfinished.take(eventId);
      if (line === null) continue;
      this.waiting.events.push({ ...line.event, begunAs: eventId });
      this.waiting.bytes += line.event.raw.length;
      this.waiting.sinceMs ??= this.parts.clock.nowMs();
    }
  }

  private take(chunk: ChunkContext, work: StreamWork, groups: ReturnType<LineAssembler['closeAll']>): void {
    this.tell(work.assembler.takeAbandoned());
    for (const group of groups) this.queue(work, eventOf(chunk, group, work.lastTimeNs, this.templates));
    const failure = work.assembler.takeFailure();
    if (failure !== null) this.parts.log.error({ event: 'parserFailed', streamId: chunk.streamId, err: failure }, 'a parser failed on lines that were joined; they are stored as text. This is a fault of Leadline');
  }

  private queue(work: StreamWork, event: LogEvent): void {
    if (event.begunAs !== undefined) this.unfinished.take(event.begunAs);
    work.lastTimeNs = event.timeNs;
    if (event.timeNs > work.watermarkNs) work.watermarkNs = event.timeNs;
    this.waiting.events.push(event);
    this.waiting.bytes += event.raw.length;
  }

  private takeBatch(isLast: boolean): Batch | null {
    const { waiting } = this;
    const isWritten = waiting.events.length > 0 || waiting.unfinished.length > 0 || waiting.states.size > 0;
    const positions = isWritten || isLast || (this.positionsMovedMs ?? Infinity) + positionIntervalMs <= this.parts.clock.nowMs() ? this.takePositions() : [];
    if (!isWritten && positions.length === 0 && waiting.touched.size === 0 && waiting.waiters.length === 0) return null;
    const { loud = [], silent = [] } = Object.groupBy(waiting.events, event => (this.isSilent(event.streamId) ? 'silent' : 'loud'));
    const watermarkNs = (streamId: string): bigint => this.streams.get(streamId)?.watermarkNs ?? this.parts.writer.lastKnown(streamId)?.watermarkNs ?? 0n;
    this.waiting = new Waiting();
    return Object.assign(waiting, { positions, signals: [...this.signalsOf(loud, { watermarkNs, silent: false }), ...this.signalsOf(silent, { watermarkNs, silent: true })] });
  }

  /** Nobody is told of what finished files hold. */
  private isSilent(streamId: string): boolean {
    const work = this.streams.get(streamId);
    if (work !== undefined) return work.silent;
    const state = this.waiting.states.get(streamId) ?? this.parts.writer.lastKnown(streamId)?.state ?? null;
    return state !== null && state.inode === null;
  }

  private takePositions(): ConsumedPosition[] {
    if (this.positionsMovedMs === null) return [];
    this.positionsMovedMs = null;
    return this.positions.take();
  }

  private acknowledge(touched: ReadonlySet<string>): void {
    const acknowledgements: Acknowledgement[] = [];
    for (const streamId of touched) {
      const stream = this.parts.writer.lastKnown(streamId);
      const work = this.streams.get(streamId);
      const closed = this.closing.has(streamId) && [this.waiting, ...this.underWay.map(({ batch }) => batch)].every(batch => !batch.touched.has(streamId));
      acknowledgements.push({ streamId, from: 0, to: stream === null ? 0 : durableMark(stream), closed });
      if (closed && work?.assembler.isOpen === false) {
        this.streams.delete(streamId);
        this.closing.delete(streamId);
      }
    }
    this.parts.onAcknowledged(acknowledgements);
  }

  private workOf(chunk: Chunk): StreamWork {
    let work = this.streams.get(chunk.streamId);
    if (work === undefined) {
      work = newStreamWork(chunk, this.parts.writer.lastKnown(chunk.streamId), this.parts.options, this.isSilent(chunk.streamId));
      const begun = this.unfinished.claim(chunk);
      if (begun.length > 0) work.assembler.begin(begun, chunk.readMs);
      this.streams.set(chunk.streamId, work);
    }
    return work;
  }
}
