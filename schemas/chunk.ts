/**
 * The chunk wire format, version 1: consecutive whole lines of one stream (or one piece of a line too long for one), exactly as their bytes
 * lie in the source, with everything else in text headers. One chunk is one Kafka record, one HTTP request body, or one in-process message.
 */
import type { Origin } from './event.ts';
import { LeadlineError } from './errors.ts';

export const chunkVersion = 1;

/** Every header of the format. Numbers are decimal, lists comma-separated; HTTP carries the same names as HTTP headers. */
export const chunkHeaderTable = {
  'll-v': 'Version of the format: 1.',
  'll-source': 'The source. The key of a Kafka record; a header where the transport has no key.',
  'll-stream': 'streamId.',
  'll-offset': 'streamOffset of the first byte.',
  'll-end': 'streamOffset behind the last byte.',
  'll-codec': 'How the value is compressed: none or zstd.',
  'll-framing': 'Container framing of the lines: plain, docker or cri.',
  'll-lengths': 'Source length of each line, only where lines were altered, as by redaction.',
  'll-part': 'n or n/m: this chunk is one piece of a line too long for one.',
  'll-previous': 'streamId:end of the stream that this one continues.',
  'll-idle': '1: the stream has not grown for a while; closes every open event. No bytes.',
  'll-close': '1: the stream has ended; closes every open event. No bytes.',
  'll-gap': 'cause:bytes:exact|atLeast: bytes of the stream that could not be had. No bytes.',
  'll-service': 'Service, from the environment or the path.',
  'll-container': 'Container name.',
  'll-pod': 'Pod name.',
  'll-namespace': 'Namespace.',
  'll-node': 'Node name.',
  'll-boot': 'Boot id of the kernel; only for bytes seen growing on a local file system.',
  'll-path': 'Path the bytes were read from.',
  'll-read-ms': 'When the first byte was read, milliseconds since the epoch.',
} as const;

export type ChunkHeaderName = keyof typeof chunkHeaderTable;
export type ChunkHeaders = Partial<Record<ChunkHeaderName, string>>;

export const framings = ['plain', 'docker', 'cri'] as const;
export type Framing = (typeof framings)[number];
export const codecs = ['none', 'zstd'] as const;
export type Codec = (typeof codecs)[number];

/** What a chunk does: carry lines, or say something about its stream without bytes. */
export type ChunkKind = 'lines' | 'idle' | 'close' | 'gap';

export interface ChunkGap {
  cause: string;
  bytes: number;
  exact: boolean;
}

export interface PreviousStream {
  streamId: string;
  end: number;
}

export interface Chunk {
  kind: ChunkKind;
  /** Key of the record: chunks of one source keep their order. */
  source: string;
  streamId: string;
  /** Half-open byte range `[offset, end)` of the stream. Equal for `idle` and `close`. */
  offset: number;
  end: number;
  codec: Codec;
  framing: Framing;
  /** Source length of each line including its newline, where the value's lines were altered; else null. */
  lengths: number[] | null;
  part: { n: number; of: number | null } | null;
  previous: PreviousStream | null;
  gap: ChunkGap | null;
  origin: Origin;
  bootId: string | null;
  path: string | null;
  /** Milliseconds since the epoch. */
  readMs: number;
  /** The bytes, compressed by `codec`. Whoever publishes the chunk gives them away: they may be transferred to another thread. */
  value: Uint8Array;
  /** Of a stream that counts records: none lies in `[emptyFrom, offset)`, nor ever will. Never travels. */
  emptyFrom?: number;
}

/** The stream of a partition that others fill. A topic made again under the same name counts its records anew, so it goes by the topic's id. */
export function recordStreamId(topicId: string, partition: number): string {
  return `${topicId}/${partition}`;
}

/** Whether the stream's offsets count records: where one is left out no byte is missing, and each is complete in itself. */
export function countsRecords(streamId: string): boolean {
  return streamId.includes('/') && /^[0-9a-f]{32}\/\d+$/.test(streamId);
}

/** The text headers of a chunk. */
export function chunkHeaders(chunk: Chunk): ChunkHeaders {
  const headers: ChunkHeaders = {
    'll-v': String(chunkVersion),
    'll-source': chunk.source,
    'll-stream': chunk.streamId,
    'll-offset': String(chunk.offset),
    'll-end': String(chunk.end),
    'll-codec': chunk.codec,
    'll-framing': chunk.framing,
    'll-read-ms': String(chunk.readMs),
  };
  if (chunk.lengths !== null) headers['ll-lengths'] = chunk.lengths.join(',');
  if (chunk.part !== null) headers['ll-part'] = chunk.part.of === null ? String(chunk.part.n) : `${chunk.part.n}/${chunk.part.of}`;
  if (chunk.previous !== null) headers['ll-previous'] = `${chunk.previous.streamId}:${chunk.previous.end}`;
  if (chunk.kind === 'idle') headers['ll-idle'] = '1';
  if (chunk.kind === 'close') headers['ll-close'] = '1';
  if (chunk.gap !== null) headers['ll-gap'] = `${chunk.gap.cause}:${chunk.gap.bytes}:${chunk.gap.exact ? 'exact' : 'atLeast'}`;
  const { service, container, pod, namespace, node } = chunk.origin;
  if (service !== null) headers['ll-service'] = service;
  if (container !== null) headers['ll-container'] = container;
  if (pod !== null) headers['ll-pod'] = pod;
  if (namespace !== null) headers['ll-namespace'] = namespace;
  if (node !== null) headers['ll-node'] = node;
  if (chunk.bootId !== null) headers['ll-boot'] = chunk.bootId;
  if (chunk.path !== null) headers['ll-path'] = chunk.path;
  return headers;
}

/**
 * The chunk that these headers and bytes describe.
 * @throws LeadlineError BAD_CHUNK naming the header that is missing or wrong.
 */
export function chunkOf(headers: ChunkHeaders, value: Uint8Array): Chunk {
  const bad = (problem: string): never => {
    throw new LeadlineError('BAD_CHUNK', { problem });
  };
  const required = (name: ChunkHeaderName): string => headers[name] ?? bad(`header ${name} is missing`);
  const natural = (name: ChunkHeaderName, text: string): number => {
    const value = Number(text);
    return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : bad(`header ${name} must be a whole number, not "${text}"`);
  };
  const member = <T extends string>(name: ChunkHeaderName, known: readonly T[]): T => known.find(candidate => candidate === required(name)) ?? bad(`header ${name} must be one of ${known.join(', ')}`);

  if (required('ll-v') !== String(chunkVersion)) bad(`header ll-v must be ${chunkVersion}, not "${headers['ll-v'] ?? ''}"`);
  const offset = natural('ll-offset', required('ll-offset'));
  const end = natural('ll-end', required('ll-end'));
  if (end < offset) bad(`header ll-end ${end} lies before ll-offset ${offset}`);
  const partText = headers['ll-part'];
  const part = partText === undefined ? null : /^(\d+)(?:\/(\d+))?$/.exec(partText);
  if (partText !== undefined && part === null) bad(`header ll-part must be n or n/m, not "${partText}"`);
  const previousText = headers['ll-previous'];
  const previous = previousText === undefined ? null : /^(.+):(\d+)$/.exec(previousText);
  if (previousText !== undefined && previous === null) bad(`header ll-previous must be streamId:end, not "${previousText}"`);
  const gapText = headers['ll-gap'];
  const gap = gapText === undefined ? null : /^([^:]+):(\d+):(exact|atLeast)$/.exec(gapText);
  if (gapText !== undefined && gap === null) bad(`header ll-gap must be cause:bytes:exact|atLeast, not "${gapText}"`);
  const kind: ChunkKind = gap !== null ? 'gap' : headers['ll-close'] === '1' ? 'close' : headers['ll-idle'] === '1' ? 'idle' : 'lines';
  const codec = member('ll-codec', codecs);
  const lengths = headers['ll-lengths'] === undefined ? null : headers['ll-lengths'].split(',').map(length => natural('ll-lengths', length));
  if (kind !== 'lines' && value.length > 0) bad(`a record of kind ${kind} carries no bytes, but ${value.length} came`);
  if (kind === 'lines' && codec === 'none' && lengths === null && value.length !== end - offset) bad(`the value has ${value.length} bytes, ll-offset and ll-end say ${end - offset}`);
  return {
    kind,
    source: required('ll-source'),
    streamId: required('ll-stream'),
    offset,
    end,
    codec,
    framing: member('ll-framing', framings),
    lengths,
    part: part === null ? null : { n: Number(part[1]), of: part[2] === undefined ? null : Number(part[2]) },
    previous: previous === null ? null : { streamId: previous[1]!, end: Number(previous[2]) },
    gap: gap === null ? null : { cause: gap[1]!, bytes: Number(gap[2]), exact: gap[3] === 'exact' },
    origin: {
      service: headers['ll-service'] ?? null,
      container: headers['ll-container'] ?? null,
      pod: headers['ll-pod'] ?? null,
      namespace: headers['ll-namespace'] ?? null,
      node: headers['ll-node'] ?? null,
    },
    bootId: headers['ll-boot'] ?? null,
    path: headers['ll-path'] ?? null,
    readMs: natural('ll-read-ms', required('ll-read-ms')),
    value,
  };
}
