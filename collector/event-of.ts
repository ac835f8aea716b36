/** A closed group of lines -> an event. */
import type { Chunk } from '#schemas/chunk.ts';
import type { LogEvent, TimeSource } from '#schemas/event.ts';
import { generatedSource } from '#schemas/generated-id.ts';
import { tellsOfARequest } from './ids/generated.ts';
import type { ClosedGroup } from './lines/assembler.ts';
import { serviceOfContainer } from './lines/compose.ts';
import type { Templates } from './templates/templates.ts';

const nsPerMs = 1_000_000n;

/**
 * Where the event's time comes from: the runtime's stamp, else the line's own, else the time before it in the stream, else when it was read. Bytes that were seen
 * growing were read when they were written, which is nearer than the line before.
 * @param lastTimeNs time of the stream's event before this one, or null
 */
function timeSourceOf(group: ClosedGroup, lastTimeNs: bigint | null, seenGrowing: boolean): TimeSource {
  if (isStorable(group.runtimeTimeNs)) return 'runtime';
  if (isStorable(group.understood.timeNs)) return 'line';
  return lastTimeNs !== null && !seenGrowing ? 'inherited' : 'read';
}

function timeOf(source: TimeSource, group: ClosedGroup, lastTimeNs: bigint | null): bigint {
  switch (source) {
    case 'runtime':
      return group.runtimeTimeNs!;
    case 'line':
      return group.understood.timeNs!;
    case 'inherited':
      return lastTimeNs!;
    case 'read':
      return BigInt(group.readMs) * nsPerMs;
  }
}

/** Years 1678 to 2261: what 64 bits of nanoseconds hold. Go's zero time (year 1) lies outside and means that there is no time. */
function isStorable(timeNs: bigint | null): timeNs is bigint {
  return timeNs !== null && BigInt.asIntN(64, timeNs) === timeNs;
}

/** What a chunk says of its stream that its events carry. */
export type ChunkContext = Pick<Chunk, 'source' | 'streamId' | 'origin' | 'bootId' | 'emptyFrom'>;

export function contextOf({ source, streamId, origin, bootId }: Chunk): ChunkContext {
  return { source, streamId, origin, bootId };
}

export function eventOf(chunk: ChunkContext, group: ClosedGroup, lastTimeNs: bigint | null, templates: Templates | null = null): LogEvent {
  const { understood, pieces } = group;
  const { container, pod, namespace, node } = chunk.origin;
  // Of several containers in one file each line says whose it is; the file's name says nothing.
  const service = group.container === null ? chunk.origin.service : serviceOfContainer(group.container);
  const streamOffset = pieces[0]!.from;
  const timeSource = timeSourceOf(group, lastTimeNs, chunk.bootId !== null);
  // What the line did not say of its time is told where that time counts.
  if (timeSource === 'line' && understood.timeAssumed !== null) understood.fields['time_assumed'] = understood.timeAssumed;
  const isGenerated = understood.requestId === null && tellsOfARequest(understood);
  const event: LogEvent = {
    eventId: `${chunk.streamId}:${streamOffset}`,
    timeNs: timeOf(timeSource, group, lastTimeNs),
    timeSource,
    service,
    container: group.container ?? container,
    pod,
    namespace,
    node,
    level: understood.level,
    message: understood.message,
    raw: group.raw,
    fields: understood.fields,
    requestId: understood.requestId,
    requestIdSource: isGenerated ? generatedSource : understood.requestIdSource,
    confidence: understood.requestId === null ? null : 1,
    ids: understood.ids,
    source: chunk.source,
    streamId: chunk.streamId,
    streamOffset,
    streamOffsetEnd: pieces.at(-1)!.to,
    pieces,
    output: group.output,
    part: group.part,
    gap: null,
    exceptionType: understood.exceptionType,
    template: templates?.of(service, understood.message) ?? null,
    lineCount: group.physicalLines,
  };
  if (group.begunAs !== null) event.begunAs = group.begunAs;
  if (chunk.emptyFrom !== undefined) event.emptyFrom = chunk.emptyFrom;
  return event;
}

/** Bytes `[from, to)` of the chunk's stream that could not be had, as an event of their own. */
export function gapEventOf(chunk: Chunk, from: number, to: number, gap: { cause: string; bytes: number; exact: boolean }, lastTimeNs: bigint | null): LogEvent {
  return {
    eventId: `${chunk.streamId}:${from}:gap`,
    timeNs: lastTimeNs ?? BigInt(chunk.readMs) * nsPerMs,
    timeSource: lastTimeNs === null ? 'read' : 'inherited',
    ...chunk.origin,
    level: null,
    message: `${gap.exact ? '' : 'at least '}${gap.bytes} bytes are missing here (${gap.cause})`,
    raw: new Uint8Array(0),
    fields: {},
    requestId: null,
    requestIdSource: null,
    confidence: null,
    ids: [],
    source: chunk.source,
    streamId: chunk.streamId,
    streamOffset: from,
    streamOffsetEnd: to,
    pieces: [{ from, to }],
    output: null,
    part: null,
    gap,
    exceptionType: null,
    template: null,
    lineCount: 0,
  };
}
