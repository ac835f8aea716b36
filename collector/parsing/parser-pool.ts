/**
 * The collector's thread over its parsing threads: gives each source to one of them, and stores what they make of it.
 *
 * 1. A source stays with its thread. While nothing of it is held there that is not stored, and that thread has more to do than another, its next chunk
 *    takes it there. Threads are started when the ones there are have too much to do.
 * 2. What the threads have ready is stored in one transaction, with the least of what they have consumed of each partition.
 * 3. Each is told that its batch is durable, and acknowledges; whoever publishes hears of it over its connection.
 */
import { invariant } from '#lib/assert.ts';
import type { Log } from '#lib/log.ts';
import { ownBytes } from '#lib/own-buffer.ts';
import type { Chunk } from '#schemas/chunk.ts';
import { fromPlainError, LeadlineError, toPlainError } from '#schemas/errors.ts';
import type { StreamState, Transport } from '#schemas/transport.ts';
import { Connections, type ChunkTaker } from '../connections.ts';
import type { RecordPosition } from '../consumed-positions.ts';
import type { HandedOver, RecordTaker } from '../intake.ts';
import { nothingCounted, sumOfCounts, type CollectorCounts } from '../parts.ts';
import type { EmbeddedWriter } from '../store/embedded-writer.ts';
import type { PreparedBatch } from '../store/prepared-batch.ts';
import { knownState } from '../stored-marks.ts';
import type { ParserCall, ParserMessage, ParserThreadData } from './messages.ts';
import { PartitionMarks } from './partition-marks.ts';

/** A parsing thread as it is started: what it says comes to `onMessage`. */
export interface ParserThread {
  post(call: ParserCall, transfer: ArrayBuffer[]): void;
  /** After it has said that it stopped. */
  end(): Promise<void>;
}

export interface ParserPoolParts {
  writer: EmbeddedWriter;
  threadsMax: number;
  start: (thread: Pick<ParserThreadData, 'number' | 'lastChainPosition'>, onMessage: (message: ParserMessage) => void) => ParserThread;
  log: Log;
  /** After every commit that stored events or signals. */
  onCommitted: (batches: readonly PreparedBatch[]) => void;
  busyBytes?: number;
}

interface Thread {
  number: number;
  thread: ParserThread;
  /** Bytes of chunks that were handed over and are not parsed. */
  backlogBytes: number;
  counts: Readonly<CollectorCounts>;
  stopped: PromiseWithResolvers<null>;
}

interface Source {
  thread: Thread;
  calls: number;
  /** Nothing of it is held after so many calls. */
  settledCalls: number;
}

/** A thread with less than this to do is given more. */
const busyBytesUsual = 512 * 1024;
/** Handed over as it came, compressed, and not parsed, beyond which nothing more is fetched. Enough that each thread has something of its sources. */
const roomBytes = 6 * 1024 * 1024;
const elapseIntervalMs = 250;

export class ParserPool implements ChunkTaker, RecordTaker {
  /** Why nothing can be stored at the moment, or null. */
  stalledBy: LeadlineError | null = null;
  private readonly parts: ParserPoolParts;
  private readonly busyBytes: number;
  private readonly connections = new Connections();
  private readonly threads: Thread[] = [];
  private readonly sources = new Map<string, Source>();
  private readonly calls = new Map<number, { resolve: (result: StreamState[] | null) => void; reject: (error: Error) => void; position: RecordPosition | null }>();
  private nextId = 1;
  private readonly marks: PartitionMarks;
  private ready: { thread: Thread; batch: PreparedBatch }[] = [];
  private isStoringSoon = false;
  private positionsMoved = false;
  private heldBytes = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly elapsing: NodeJS.Timeout;

  constructor(parts: ParserPoolParts) {
    this.parts = parts;
    this.busyBytes = parts.busyBytes ?? busyBytesUsual;
    this.marks = new PartitionMarks(parts.writer.positions());
    const first = this.startThread();
    // Lines that wait for their stream's successor need someone to tell them where none comes.
    for (const source of new Set(parts.writer.unfinished().map(({ event }) => event.source))) this.give(source, first);
    this.elapsing = setInterval(() => this.elapse(), elapseIntervalMs);
  }

  get counts(): CollectorCounts {
    return sumOfCounts(this.threads.map(({ counts }) => counts));
  }

  connect(): Transport {
    return this.connections.connect(this);
  }

  async accept(chunk: Chunk): Promise<void> {
    await this.dispatch(chunk, null);
  }

  hand(chunk: Chunk, position: RecordPosition): HandedOver {
    const taken = this.dispatch(chunk, position);
    return { taken, room: this.whileStalled() };
  }

  async publishStates(states: readonly StreamState[], position: RecordPosition | null = null): Promise<void> {
    if (position !== null && states.length === 0) this.pass(position);
    const stored = [...Map.groupBy(states, ({ source }) => source)].map(([source, own]) => {
      const owner = this.ownerOf(source, false);
      if (position !== null) this.told(owner.thread, position);
      owner.calls += 1;
      return this.call(owner.thread, id => ({ call: 'states', id, source, states: own, position }));
    });
    await Promise.all(stored);
  }

  pass(position: Omit<RecordPosition, 'timestampMs'>): void {
    this.marks.dispatch(null, { ...position, timestampMs: 0 });
  }

  release(position: RecordPosition): void {
    this.marks.release(position);
    this.positionsMoved = true;
    this.storeSoon();
  }

  async statesOf(sources: readonly string[]): Promise<StreamState[]> {
    const byThread = Map.groupBy(sources, source => this.sources.get(source)?.thread ?? null);
    const answers = [...byThread].map(async ([thread, own]): Promise<StreamState[]> => {
      if (thread !== null) return (await this.call(thread, id => ({ call: 'statesOf', id, sources: own }))) ?? [];
      return own.flatMap(source => this.parts.writer.streamsOf(source)).map(stream => knownState(stream, stream.state)).filter(state => state !== null);
    });
    return (await Promise.all(answers)).flat();
  }

  /** Resolves when more may be handed over. */
  async whileStalled(): Promise<void> {
    while (this.heldBytes > roomBytes) await new Promise<void>(resolve => this.waiting.push(resolve));
  }

  /** The store has let go of these streams. */
  forget(streamIds: string[]): void {
    if (streamIds.length > 0) for (const { thread } of this.threads) thread.post({ call: 'forget', streamIds }, []);
  }

  /** Stores what is in hand, once, and ends. */
  async stop(): Promise<void> {
    clearInterval(this.elapsing);
    this.elapse();
    for (const { thread } of this.threads) thread.post({ call: 'stop' }, []);
    await Promise.all(this.threads.map(({ stopped }) => stopped.promise));
    await Promise.all(this.threads.map(({ thread }) => thread.end()));
    this.positionsMoved = true;
    if (this.stalledBy === null) this.store();
  }

  private startThread(): Thread {
    const number = this.threads.length + 1;
    const stopped = Promise.withResolvers<null>();
    const started: Thread = { number, thread: this.parts.start({ number, lastChainPosition: this.parts.writer.lastChainPosition }, message => this.heard(started, message)), backlogBytes: 0, counts: nothingCounted, stopped };
    this.threads.push(started);
    this.marks.begin(number);
    return started;
  }

  private heard(thread: Thread, message: ParserMessage): void {
    switch (message.kind) {
      case 'done':
        this.calls.get(message.id)?.resolve(message.result);
        this.calls.delete(message.id);
        break;
      case 'failed': {
        const call = this.calls.get(message.id);
        this.calls.delete(message.id);
        // At once, before anything is stored that came behind it.
        if (call !== undefined && call.position !== null) this.marks.hold(call.position);
        call?.reject(fromPlainError(message.error));
        break;
      }
      case 'batch':
        this.ready.push({ thread, batch: message.batch });
        this.storeSoon();
        break;
      case 'acknowledged':
        this.connections.acknowledged(message.acknowledgements);
        break;
      case 'settled':
        for (const { source, calls } of message.settled) {
          const owner = this.sources.get(source);
          if (owner?.thread === thread) owner.settledCalls = calls;
        }
        break;
      case 'counts':
        thread.counts = message.counts;
        break;
      case 'log':
        this.parts.log[message.level](message.fields, message.message);
        break;
      case 'stopped':
        thread.stopped.resolve(null);
        break;
    }
  }

  private async dispatch(chunk: Chunk, position: RecordPosition | null): Promise<void> {
    const bytes = chunk.end - chunk.offset;
    const owner = this.ownerOf(chunk.source, true);
    const { thread } = owner;
    if (position !== null) this.told(thread, position);
    owner.calls += 1;
    thread.backlogBytes += bytes;
    const held = chunk.value.length;
    this.heldBytes += held;
    try {
      // A record's bytes lie among those of others, and its sender may need them again.
      const value = position === null ? ownBytes(chunk.value) : new Uint8Array(chunk.value);
      await this.call(thread, id => ({ call: 'chunk', id, chunk: { ...chunk, value }, position }), [value.buffer], position);
    } finally {
      thread.backlogBytes -= bytes;
      this.heldBytes -= held;
      for (const resolve of this.waiting.splice(0)) resolve();
    }
  }

  private call(thread: Thread, make: (id: number) => ParserCall, transfer: ArrayBuffer[] = [], position: RecordPosition | null = null): Promise<StreamState[] | null> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.calls.set(id, { resolve, reject, position });
      thread.thread.post(make(id), transfer);
    });
  }

  /** @param moves whether the source may go to a thread with less to do */
  private ownerOf(source: string, moves: boolean): Source {
    const owner = this.sources.get(source);
    if (owner === undefined) return this.give(source, this.idlest());
    if (!moves || owner.thread.backlogBytes < this.busyBytes || owner.settledCalls !== owner.calls) return owner;
    const idlest = this.idlest();
    if (idlest === owner.thread || idlest.backlogBytes > owner.thread.backlogBytes / 2) return owner;
    owner.thread.thread.post({ call: 'letGo', source }, []);
    return this.give(source, idlest);
  }

  private idlest(): Thread {
    const idle = this.threads.find(({ backlogBytes }) => backlogBytes < this.busyBytes);
    if (idle !== undefined) return idle;
    if (this.threads.length < this.parts.threadsMax) return this.startThread();
    return this.threads.reduce((least, thread) => (thread.backlogBytes < least.backlogBytes ? thread : least));
  }

  private give(source: string, thread: Thread): Source {
    const { writer } = this.parts;
    const owner = { thread, calls: 0, settledCalls: 0 };
    this.sources.set(source, owner);
    const streams = writer.streamsOf(source);
    const unfinished = writer.unfinished().filter(({ event }) => event.source === source);
    if (unfinished.length > 0) owner.settledCalls = -1;
    if (streams.length > 0) thread.thread.post({ call: 'adopt', streams, unfinished }, []);
    return owner;
  }

  private told({ number, thread }: Thread, position: RecordPosition): void {
    const before = this.marks.dispatch(number, position);
    if (before !== null) thread.post({ call: 'elapse', position: before }, []);
  }

  private elapse(): void {
    for (const { thread: number, position } of this.marks.untold()) {
      const thread = this.threads[number - 1];
      invariant(thread !== undefined, 'marks know of threads that were started');
      thread.thread.post({ call: 'elapse', position }, []);
    }
  }

  /** What comes in the same turn goes into one transaction. */
  private storeSoon(): void {
    if (this.isStoringSoon) return;
    this.isStoringSoon = true;
    setImmediate(() => {
      this.isStoringSoon = false;
      this.store();
    });
  }

  private store(): void {
    const taken = this.ready;
    this.ready = [];
    if (taken.length === 0 && !this.positionsMoved) return;
    const undos = taken.map(({ thread, batch }) => this.marks.reached(thread.number, batch.positions));
    const positions = this.marks.moved();
    this.positionsMoved = false;
    const batches = taken.map(({ batch }) => ({ ...batch, positions: [] as PreparedBatch['positions'] }));
    if (positions.length > 0) batches.push({ blocks: [], counts: [], streams: [], unfinished: [], told: [], signals: [], positions });
    try {
      this.parts.writer.appendPrepared(batches);
    } catch (error) {
      if (!(error instanceof LeadlineError) || !error.retryable) throw error;
      this.stalledBy = error;
      for (const undo of undos) undo();
      for (const { thread } of taken) thread.thread.post({ call: 'stored', error: toPlainError(error) }, []);
      return;
    }
    this.stalledBy = null;
    this.marks.stored(positions);
    for (const { thread } of taken) thread.thread.post({ call: 'stored', error: null }, []);
    if (taken.some(({ batch }) => batch.blocks.length > 0 || batch.signals.length > 0)) this.parts.onCommitted(batches);
  }
}
