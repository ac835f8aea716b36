/** Events, stream states and signals made up for the contract suites: everything has a value, tests say what matters to them. */
import type { Signal } from '#schemas/alert.ts';
import type { Chunk } from '#schemas/chunk.ts';
import { eventToJson, type EventJson, type LogEvent, type Piece } from '#schemas/event.ts';
import type { ReadContext, StoredStream } from '#schemas/store.ts';
import type { StreamState } from '#schemas/transport.ts';

export const noon = 1_795_262_400_000_000_000n; // 2026-11-21T12:00:00Z
export const noonMs = Number(noon / 1_000_000n);

export const anyContext: ReadContext = { signal: new AbortController().signal, budget: { eventsMax: 1_000_000, bytesMax: Infinity, msMax: 60_000 } };

const origin = { service: 'cart', container: null, pod: null, namespace: null, node: null };

/** An event over `[from, to)` of a stream. */
export function madeEvent(streamId: string, from: number, to: number, given: Partial<LogEvent> = {}): LogEvent {
  const message = given.message ?? `line at ${from}`;
  return {
    ...origin,
    eventId: `${streamId}:${from}`, timeNs: noon + BigInt(from), timeSource: 'line', level: 'info', message, raw: Buffer.from(message), fields: {},
    requestId: null, requestIdSource: null, confidence: null, ids: [], source: `source of ${streamId}`, streamId, streamOffset: from, streamOffsetEnd: to,
    pieces: [{ from, to }], output: null, part: null, gap: null, exceptionType: null, template: null, lineCount: 1, ...given,
  };
}

export function madeGap(streamId: string, from: number, to: number, given: Partial<LogEvent> = {}): LogEvent {
  return madeEvent(streamId, from, to, { eventId: `${streamId}:${from}:gap`, raw: Buffer.alloc(0), message: 'missing', level: null, gap: { cause: 'missing', bytes: to - from, exact: true }, lineCount: 0, ...given });
}

export function madeState(streamId: string, given: Partial<StreamState> = {}): StreamState {
  return {
    streamId, name: streamId, generation: 0, source: `source of ${streamId}`, sourceId: `source of ${streamId}`, partition: null, inode: '9007199254740993', birthTimeNs: null, head: '', framing: 'plain',
    origin, path: null, previous: null, closed: false, sizeBytes: 0, readBytes: 0, acknowledgedBytes: 0, droppedBytes: {}, gapBytes: 0, tailHash: null, bootId: null, readToEndMs: null, copiesAfterNs: null, readMtimeMs: null, truncatedMs: null, ...given,
  };
}

export function madeSignal(signalId: string, given: Partial<Signal> = {}): Signal {
  return { signalId, rule: 'errors', key: ['cart', null], streamId: 'a', timesNs: [noon, noon + 1n], count: 2, lastTimeNs: noon + 1n, requests: [{ kind: 'trace', name: 'traceId', value: 'f00d' }], messages: [{ message: 'no', exceptionType: null, count: 2 }], services: ['cart'], watermarkNs: noon, silent: false, ...given };
}

export function madeChunk(streamId: string, offset: number, value: Uint8Array | string, given: Partial<Chunk> = {}): Chunk {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return {
    kind: 'lines', source: `source of ${streamId}`, streamId, offset, end: offset + bytes.length, codec: 'none', framing: 'plain', lengths: null, part: null, previous: null, gap: null,
    origin, bootId: null, path: null, readMs: noonMs, value: bytes, ...given,
  };
}

export function recordOf(kind: 'idle' | 'close', streamId: string, offset: number, given: Partial<Chunk> = {}): Chunk {
  return madeChunk(streamId, offset, '', { kind, ...given });
}

/** An event as two stores may be compared by: everything but the number of its stream in the chain. */
export type ComparableEvent = EventJson & { pieces: Piece[] };
export const comparable = (event: LogEvent): ComparableEvent => ({ ...eventToJson(event), pieces: event.pieces });

/** A stream's row as two stores may be compared by. */
export function comparableStream({ streamId, source, storedRanges, lines, events, gapBytes, gaps, watermarkNs, lastTimeNs, state }: StoredStream): StoredStream {
  return { streamId, source, storedRanges, lines, events, gapBytes, gaps, watermarkNs, lastTimeNs, state };
}
