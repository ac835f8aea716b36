/** What a batch makes stored of its streams: the same for every store. The streams are a change's own copies (`copiedRanges`). */
import { addRanges, coverage, type ByteRange } from '#lib/byte-ranges.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { StoreBatch, StoredStream, UnfinishedLine } from '#schemas/store.ts';

/** With a last range of its own, which may be made longer. */
export function copiedRanges(ranges: readonly ByteRange[]): ByteRange[] {
  const copy = [...ranges];
  const last = copy.at(-1);
  if (last !== undefined) copy[copy.length - 1] = { ...last };
  return copy;
}

/** Makes a gap known or an event's bytes stored. False where they were. @throws LeadlineError EVENT_OVERLAPS_STORED as `takeBytes` */
export function takeRange(stream: StoredStream, event: LogEvent, partly: 'refuse' | 'add'): boolean {
  if (event.gap === null) return takeBytes(stream, event, partly);
  if (stream.gaps.some(gap => gap.from === event.streamOffset)) return false;
  stream.gaps = [...stream.gaps, { from: event.streamOffset, to: event.streamOffsetEnd }];
  stream.gapBytes += event.gap.bytes;
  return true;
}

/**
 * Makes an event's bytes stored, and counts its lines. False where they were stored before.
 * @throws LeadlineError EVENT_OVERLAPS_STORED where a part of it is stored, unless that shall be added to
 */
export function takeBytes(stream: StoredStream, event: LogEvent, partly: 'refuse' | 'add'): boolean {
  const { pieces, emptyFrom } = event;
  if (emptyFrom !== undefined) stream.storedRanges = copiedRanges(addRanges(stream.storedRanges, [{ from: emptyFrom, to: event.streamOffset }]));
  const last = stream.storedRanges.at(-1);
  // The usual case: right behind what is stored. The last range is this change's own.
  if (pieces.length === 1 && last?.to === pieces[0]!.from && event.streamOffsetEnd > event.streamOffset) last.to = pieces[0]!.to;
  else {
    if (event.streamOffsetEnd > event.streamOffset) {
      const covered = pieces.map(piece => coverage(piece, stream.storedRanges));
      if (covered.every(state => state === 'all')) return false;
      if (partly === 'refuse' && covered.some(state => state !== 'none')) throw new LeadlineError('EVENT_OVERLAPS_STORED', { streamId: event.streamId, from: event.streamOffset, to: event.streamOffsetEnd });
    }
    stream.storedRanges = copiedRanges(addRanges(stream.storedRanges, pieces));
  }
  stream.lines += event.lineCount ?? 1;
  return true;
}

export function countEvent(stream: StoredStream, { timeNs }: LogEvent): void {
  stream.events += 1;
  stream.lastTimeNs = timeNs;
  if (stream.watermarkNs === null || timeNs > stream.watermarkNs) stream.watermarkNs = timeNs;
}

/** What a batch is planned on: streams and unfinished lines as they are so far in it. */
export interface Planned {
  stream(streamId: string, source: string): StoredStream & { chainPosition: number };
  keep(line: UnfinishedLine): void;
  /** An unfinished line is told, or gone on with. False where it is kept nowhere: it was before. */
  tell(eventId: string): boolean;
}

/** @returns the events that are new, with their place in the chain @throws LeadlineError EVENT_OVERLAPS_STORED; what was planned is then to be given up */
export function takeBatch({ unfinished = [], events, states }: StoreBatch, planned: Planned): LogEvent[] {
  for (const line of unfinished) {
    const { event } = line;
    if (!takeBytes(planned.stream(event.streamId, event.source), event, 'refuse')) continue;
    if (event.begunAs !== undefined) planned.tell(event.begunAs);
    planned.keep(line);
  }
  const taken: LogEvent[] = [];
  for (const event of events) {
    const stream = planned.stream(event.streamId, event.source);
    const isTold = event.begunAs === event.eventId;
    if (isTold ? !planned.tell(event.eventId) : !takeRange(stream, event, 'refuse')) continue;
    if (!isTold && event.begunAs !== undefined) planned.tell(event.begunAs);
    countEvent(stream, event);
    event.chainPosition = stream.chainPosition;
    taken.push(event);
  }
  for (const state of states) planned.stream(state.streamId, state.source).state = state;
  return taken;
}
