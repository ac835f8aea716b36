/**
 * A collector of its own for the sources that are given to it, over a store that is the collector's thread's; in a thread of its own or, the first, in
 * that thread.
 *
 * 1. Calls that bring something are taken in one after the other; each is answered when it is parsed (chunks) or durable (states).
 * 2. A batch that is due goes to the collector's thread, encoded; the next is parsed meanwhile.
 * 3. When it is durable, what it acknowledges is told, and which sources hold nothing any more: those may be given to another thread.
 */
import type { Transferable } from 'node:worker_threads';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { fromPlainError, toPlainError } from '#schemas/errors.ts';
import { CollectorIntake } from '../intake.ts';
import type { BlockData, PreparedBatch } from '../store/prepared-batch.ts';
import type { ParserCall, ParserMessage, ParserThreadData, SettledSource } from './messages.ts';
import { RemoteStore } from './remote-store.ts';

export interface ParserParts extends ParserThreadData {
  log: Log;
  clock: Clock;
  send: (message: ParserMessage, transfer: Transferable[]) => void;
  /** In the thread that stores: what is in memory is handed over as it is. */
  isAtHome?: boolean;
}

export class Parser {
  private readonly parts: ParserParts;
  private readonly store: RemoteStore;
  private readonly intake: CollectorIntake;
  private turn: Promise<void> = Promise.resolve();
  /** Calls of each source taken in so far; as many of those as no batch has, and as many as the last batch or one before it has. */
  private readonly calls = new Map<string, number>();
  private unsettled = new Map<string, number>();
  private settling = new Map<string, number>();
  /** The streams of each source that lines came of. */
  private readonly streams = new Map<string, Set<string>>();

  constructor(parts: ParserParts) {
    this.parts = parts;
    const { options, rules, log, clock } = parts;
    this.store = new RemoteStore(parts, { eventsMax: options.commitEventsMax, rawBytes: options.commitBytesMax }, batch => this.sendBatch(batch));
    this.intake = new CollectorIntake({ writer: this.store, options, rules, log, clock, onCommitted: () => undefined });
    this.intake.onStored = acknowledgements => {
      if (acknowledgements.length > 0) this.tell({ kind: 'acknowledged', acknowledgements: [...acknowledgements] });
      this.tellSettled();
      this.tell({ kind: 'counts', counts: { ...this.intake.collector.counts } });
    };
  }

  take(call: ParserCall): void {
    switch (call.call) {
      case 'stored':
        this.store.answered(call.error === null ? null : fromPlainError(call.error));
        break;
      case 'chunk':
        this.inTurn(call.id, async () => {
          await this.intake.accept(call.chunk, call.position);
          this.taken(call.chunk.source);
          this.streamsOf(call.chunk.source).add(call.chunk.streamId);
          return null;
        });
        break;
      case 'states':
        this.turn = this.turn.then(() => {
          const stored = this.intake.publishStates(call.states, call.position);
          this.taken(call.source);
          // Not waited for: what makes it durable may come behind it.
          void this.answer(call.id, async () => {
            await stored;
            return null;
          });
        });
        break;
      case 'statesOf':
        this.inTurn(call.id, () => this.intake.statesOf(call.sources));
        break;
      default:
        this.turn = this.turn.then(() => this.perform(call));
    }
  }

  private async perform(call: Extract<ParserCall, { call: 'adopt' | 'letGo' | 'forget' | 'elapse' | 'tellUnfinished' | 'stop' }>): Promise<void> {
    const { collector } = this.intake;
    const { ledger } = this.store;
    switch (call.call) {
      case 'adopt':
        for (const stream of call.streams) ledger.put(stream);
        for (const line of call.unfinished) ledger.putUnfinished(line.event.eventId, line);
        collector.adopt(call.unfinished);
        break;
      case 'letGo': {
        collector.letGo(this.streamsOf(call.source));
        for (const { streamId } of ledger.streamsOf(call.source)) ledger.forget(streamId);
        for (const bySource of [this.calls, this.unsettled, this.settling, this.streams]) bySource.delete(call.source);
        break;
      }
      case 'forget':
        for (const streamId of call.streamIds) ledger.forget(streamId);
        break;
      case 'elapse':
        this.intake.elapse(call.position);
        break;
      case 'tellUnfinished':
        this.intake.tellUnfinished();
        break;
      case 'stop':
        await this.intake.stop();
        this.tell({ kind: 'counts', counts: { ...collector.counts } });
        this.tell({ kind: 'stopped' });
        break;
    }
  }

  private inTurn(id: number, work: () => Promise<Extract<ParserMessage, { kind: 'done' }>['result']>): void {
    this.turn = this.turn.then(() => this.answer(id, work));
  }

  private async answer(id: number, work: () => Promise<Extract<ParserMessage, { kind: 'done' }>['result']>): Promise<void> {
    try {
      this.tell({ kind: 'done', id, result: await work() });
    } catch (error) {
      this.tell({ kind: 'counts', counts: { ...this.intake.collector.counts } });
      this.tell({ kind: 'failed', id, error: toPlainError(error) });
    }
  }

  private tell(message: ParserMessage): void {
    this.parts.send(message, []);
  }

  private taken(source: string): void {
    const calls = (this.calls.get(source) ?? 0) + 1;
    this.calls.set(source, calls);
    this.unsettled.set(source, calls);
  }

  private streamsOf(source: string): Set<string> {
    let streams = this.streams.get(source);
    if (streams === undefined) this.streams.set(source, (streams = new Set()));
    return streams;
  }

  private sendBatch(batch: PreparedBatch): void {
    for (const [source, calls] of this.unsettled) this.settling.set(source, calls);
    this.unsettled = new Map();
    if (this.parts.isAtHome === true) {
      this.parts.send({ kind: 'batch', batch }, []);
      return;
    }
    const blocks = batch.blocks.map(block => ({ ...block, events: null }));
    this.parts.send({ kind: 'batch', batch: { ...batch, blocks } }, [...blocks, ...batch.unfinished.map(({ row }) => row)].flatMap(bytesOf));
  }

  private tellSettled(): void {
    const settled: SettledSource[] = [];
    for (const [source, calls] of this.settling) {
      if (this.unsettled.has(source)) this.settling.delete(source);
      else if (!this.intake.collector.holds(source, this.streamsOf(source))) {
        settled.push({ source, calls });
        this.settling.delete(source);
      }
    }
    if (settled.length > 0) this.tell({ kind: 'settled', settled });
  }
}

/** Buffers that are this block's alone are given away; a view of a larger one is copied. */
function bytesOf({ head, raw }: BlockData): Transferable[] {
  return [head, raw].filter(({ byteLength, buffer }) => byteLength === buffer.byteLength && byteLength > 0).map(({ buffer }) => buffer as ArrayBuffer);
}
