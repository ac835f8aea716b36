/** What the index of streams holds: a document per stream, and one per consumed partition. Read as JSON of our own, because it says more than any query asks. */
import { createHash } from 'node:crypto';
import type { Signal } from '../alert.ts';
import type { LogEvent } from '../event.ts';
import { fromJsonWithBigints, toJsonWithBigints } from '../embedded/layout.ts';
import type { ConsumedPosition, StoredStream, UnfinishedLine } from '../store.ts';

export interface StreamEntry extends StoredStream {
  chainPosition: number;
  /** Lines that it ended in the middle of and that nobody has told or gone on with. */
  unfinished: UnfinishedLine[];
  /** Signals of its last batch. They become durable with its byte ranges, and may still have to be published. */
  outbox: Signal[];
}

export interface StreamDocument {
  kind: 'stream' | 'position';
  source?: string;
  stream_id?: string;
  chain?: number;
  row: string;
}

export const streamDocumentId = (streamId: string): string => `stream:${streamId}`;
export const positionDocumentId = ({ topicId, partition }: ConsumedPosition): string => `position:${topicId}:${partition}`;

export function newStreamEntry(streamId: string, source: string, chainPosition: number): StreamEntry {
  return { streamId, source, storedRanges: [], gaps: [], lines: 0, events: 0, gapBytes: 0, watermarkNs: null, lastTimeNs: null, state: null, chainPosition, unfinished: [], outbox: [] };
}

export function streamToDocument(stream: StreamEntry): StreamDocument {
  const unfinished = stream.unfinished.map(line => ({ ...line, event: { ...line.event, raw: Buffer.from(line.event.raw).toString('base64') } }));
  return { kind: 'stream', source: stream.source, stream_id: stream.streamId, chain: stream.chainPosition, row: toJsonWithBigints({ ...stream, unfinished }) };
}

export function documentToStream({ row }: StreamDocument): StreamEntry {
  const stream = fromJsonWithBigints(row) as Omit<StreamEntry, 'unfinished'> & { unfinished: (Omit<UnfinishedLine, 'event'> & { event: Omit<LogEvent, 'raw'> & { raw: string } })[] };
  return { ...stream, unfinished: stream.unfinished.map(line => ({ ...line, event: { ...line.event, raw: Buffer.from(line.event.raw, 'base64') } })) };
}

export function positionToDocument({ topicId, partition, recordOffset }: ConsumedPosition): StreamDocument {
  return { kind: 'position', row: JSON.stringify({ topicId, partition, recordOffset }) };
}

export function documentToPosition({ row }: StreamDocument): ConsumedPosition {
  return JSON.parse(row) as ConsumedPosition;
}

export interface SignalDocument {
  '@timestamp': string;
  rule: string;
  signal: string;
}

/** @param nowMs signals are kept by when they were made, not by the times in them */
export function signalToDocument(signal: Signal, nowMs: number): SignalDocument {
  return { '@timestamp': new Date(nowMs).toISOString(), rule: signal.rule, signal: toJsonWithBigints(signal) };
}

export function documentToSignal({ signal }: SignalDocument): Signal {
  return fromJsonWithBigints(signal) as Signal;
}

const idBytesMax = 400;

/** The same for the same signal, and short enough for a document's id. */
export function signalDocumentId(signalId: string): string {
  return Buffer.byteLength(signalId) <= idBytesMax ? signalId : createHash('sha256').update(signalId).digest('hex');
}
