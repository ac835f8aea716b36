/** Events made up for rules to count. */
import type { LogEvent } from '#schemas/event.ts';

let nextOffset = 0;

/** An error of service `payment`, unless told otherwise. */
export function eventAt(timeNs: bigint, given: Partial<LogEvent> = {}): LogEvent {
  const streamOffset = nextOffset;
  nextOffset += 100;
  return {
    eventId: `a:${streamOffset}`, timeNs, timeSource: 'line', level: 'error', message: 'card declined', raw: Buffer.from('card declined'), fields: {},
    requestId: null, requestIdSource: null, confidence: null, ids: [], source: 'shop/payment', streamId: 'a', streamOffset, streamOffsetEnd: streamOffset + 100,
    pieces: [{ from: streamOffset, to: streamOffset + 100 }], output: null, part: null, gap: null, exceptionType: null, template: null,
    service: 'payment', container: null, pod: null, namespace: null, node: null, ...given,
  };
}
