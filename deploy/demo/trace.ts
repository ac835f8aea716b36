import { randomBytes } from 'node:crypto';

/** Where in a trace a service stands: the trace's id (32 hex digits) and the id of the service's own span (16). */
export interface Trace {
  traceId: string;
  spanId: string;
}

export function startTrace(): Trace {
  return { traceId: randomBytes(16).toString('hex'), spanId: newSpanId() };
}

/** Takes up the caller's trace with a span of its own; a call without a readable `traceparent` starts a trace. */
export function continueTrace(traceparent: string | undefined): Trace {
  const traceId = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceparent ?? '')?.[1];
  return traceId === undefined ? startTrace() : { traceId, spanId: newSpanId() };
}

/** The W3C header that hands the trace to the next service. */
export function traceparentOf(trace: Trace): string {
  return `00-${trace.traceId}-${trace.spanId}-01`;
}

function newSpanId(): string {
  return randomBytes(8).toString('hex');
}
