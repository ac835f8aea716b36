/** An event with nothing in it but what a test gives. */
import type { LogEvent } from '#schemas/event.ts';

export function eventWith(given: Partial<LogEvent> = {}): LogEvent {
  const raw = given.raw ?? Buffer.from(given.message ?? '');
  const streamOffset = given.streamOffset ?? 0;
  const streamId = given.streamId ?? 'stream.0';
  const streamOffsetEnd = given.streamOffsetEnd ?? streamOffset + raw.length + 1;
  return {
    eventId: `${streamId}:${streamOffset}`,
    timeNs: 0n,
    timeSource: 'line',
    service: null,
    container: null,
    pod: null,
    namespace: null,
    node: null,
    level: null,
    message: '',
    fields: {},
    requestId: null,
    requestIdSource: null,
    confidence: null,
    ids: [],
    source: 'source',
    output: null,
    part: null,
    gap: null,
    exceptionType: null,
    template: null,
    ...given,
    raw,
    streamId,
    streamOffset,
    streamOffsetEnd,
    pieces: given.pieces ?? [{ from: streamOffset, to: streamOffsetEnd }],
  };
}
