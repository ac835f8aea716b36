/** What is stored of streams, changed by events: the same steps when a batch is planned, and again when it is written on whatever the server knows by then. */
import type { Signal } from '#schemas/alert.ts';
import { newStreamEntry, type StreamEntry } from '#schemas/elasticsearch/stream-document.ts';
import { coverage } from '#lib/byte-ranges.ts';
import type { LogEvent, Piece } from '#schemas/event.ts';
import type { StoreBatch, UnfinishedLine } from '#schemas/store.ts';
import type { StreamState } from '#schemas/transport.ts';
import { copiedRanges, countEvent, takeBatch, takeBytes, takeRange } from '../stored-bytes.ts';

/** What a batch does to one stream. */
export interface StreamChange {
  readonly streamId: string;
  readonly source: string;
  readonly chainPosition: number;
  /** New ones, in their order. */
  events: LogEvent[];
  begun: UnfinishedLine[];
  /** eventIds of its unfinished lines that an event of any stream tells or goes on with. */
  told: string[];
  state: StreamState | null;
  signals: Signal[];
  /** Of events that the server refused. */
  missing: Piece[];
}

export interface Plan {
  events: LogEvent[];
  changes: Map<string, StreamChange>;
  /** The streams as they are once the batch is stored. */
  streams: Map<string, StreamEntry>;
  /** Of streams that the batch does not touch. */
  otherSignals: Signal[];
}

/** Looks up what batches before it have planned. */
export interface PlannedBefore {
  stream(streamId: string): StreamEntry | null;
  nextChainPosition(): number;
}

const copied = (stream: StreamEntry): StreamEntry => ({ ...stream, storedRanges: copiedRanges(stream.storedRanges), unfinished: [...stream.unfinished] });

/** @throws LeadlineError EVENT_OVERLAPS_STORED, with nothing changed */
export function planBatch(batch: StoreBatch, signals: readonly Signal[], planned: PlannedBefore): Plan {
  const plan: Plan = { events: [], changes: new Map(), streams: new Map(), otherSignals: [] };
  const changeOf = (streamId: string, source: string): { change: StreamChange; stream: StreamEntry } => {
    let change = plan.changes.get(streamId);
    let stream = plan.streams.get(streamId);
    if (change === undefined || stream === undefined) {
      const known = planned.stream(streamId);
      stream = known === null ? newStreamEntry(streamId, source, planned.nextChainPosition()) : copied(known);
      change = { streamId, source: stream.source, chainPosition: stream.chainPosition, events: [], begun: [], told: [], state: null, signals: [], missing: [] };
      plan.streams.set(streamId, stream);
      plan.changes.set(streamId, change);
    }
    return { change, stream };
  };
  /** False where no stream keeps the line. */
  const tell = (eventId: string): boolean => {
    const holder = eventId.slice(0, eventId.lastIndexOf(':'));
    const isKept = (plan.streams.get(holder) ?? planned.stream(holder))?.unfinished.some(line => line.event.eventId === eventId) ?? false;
    if (!isKept) return false;
    const { change, stream } = changeOf(holder, '');
    stream.unfinished = stream.unfinished.filter(line => line.event.eventId !== eventId);
    change.told.push(eventId);
    return true;
  };

  plan.events = takeBatch(batch, {
    stream: (streamId, source) => changeOf(streamId, source).stream,
    keep: line => {
      const { change, stream } = changeOf(line.event.streamId, line.event.source);
      stream.unfinished.push(line);
      change.begun.push(line);
    },
    tell,
  });
  for (const event of plan.events) changeOf(event.streamId, event.source).change.events.push(event);
  for (const state of batch.states) changeOf(state.streamId, state.source).change.state = state;
  for (const signal of signals) {
    const change = plan.changes.get(signal.streamId);
    if (change === undefined) plan.otherSignals.push(signal);
    else change.signals.push(signal);
  }
  return plan;
}

/** The change made on what the server has of the stream: all of it, some of it (an earlier attempt had no answer) or nothing may be in there already. */
export function withChange(known: StreamEntry | null, change: StreamChange): StreamEntry {
  const stream = known === null ? newStreamEntry(change.streamId, change.source, change.chainPosition) : copied(known);
  // Somebody else told of its state first: its place is the one that its first events were stored with.
  if (stream.events === 0 && stream.lines === 0 && change.events.length + change.begun.length > 0) stream.chainPosition = change.chainPosition;
  for (const line of change.begun) {
    if (!takeBytes(stream, line.event, 'add')) continue;
    stream.unfinished.push(line);
  }
  for (const event of change.events) {
    if (event.begunAs === event.eventId ? stream.unfinished.some(line => line.event.eventId === event.eventId) : takeRange(stream, event, 'add')) countEvent(stream, event);
  }
  stream.unfinished = stream.unfinished.filter(({ event }) => !change.told.includes(event.eventId));
  if (change.state !== null) stream.state = change.state;
  miss(stream, change.missing);
  stream.outbox = change.signals;
  return stream;
}

/** Bytes that could not be stored; those that are known to be missing already count once. */
export function miss(stream: StreamEntry, pieces: readonly Piece[]): void {
  for (const piece of pieces) {
    if (coverage(piece, stream.gaps) === 'all') continue;
    stream.gaps = [...stream.gaps, { ...piece }];
    stream.gapBytes += piece.to - piece.from;
  }
}

/** True where there is more to write than that lines of it are told. */
export function isMoreThanTold(change: StreamChange): boolean {
  return change.events.length > 0 || change.begun.length > 0 || change.state !== null || change.signals.length > 0 || change.missing.length > 0;
}
