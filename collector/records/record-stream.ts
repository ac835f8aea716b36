/**
 * A topic that others fill: each record is one line, each partition one stream, and a line's place in it is its recordOffset. From there on it is trimmed,
 * stored and committed as any other stream's.
 *
 * A record is complete in itself: nothing is joined over records, because those of one partition come from many containers. Whoever publishes joins
 * stack traces before.
 */
import type { FetchedRecord } from '#lib/kafka/types.ts';
import { recordStreamId, type Chunk, type Framing } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { decodeUtf8, type Origin } from '#schemas/event.ts';
import { originOfPath, type PathPattern } from '#schemas/path-pattern.ts';
import type { RecordPosition } from '../consumed-positions.ts';
import { readIsoTime } from '../fields/time.ts';
import { parseCriLine } from '../lines/cri.ts';
import { parseDockerLine } from '../lines/docker.ts';
import { readEnvelope, type Envelope } from './envelope.ts';

export const recordFormats = ['lines', 'json'] as const;
export type RecordFormat = (typeof recordFormats)[number];

type RecordPlace = Pick<RecordPosition, 'topicId' | 'partition' | 'recordOffset' | 'emptyFrom'>;

const nsPerMs = 1_000_000n;
const newline = Buffer.from('\n');
const nobody: Origin = { service: null, container: null, pod: null, namespace: null, node: null };

export class RecordStream {
  private readonly topic: string;
  private readonly format: RecordFormat;
  private readonly pathPatterns: readonly PathPattern[];

  /** @param pathPatterns of the operator's own, for what a record says of the file that it was read from */
  constructor(topic: string, format: RecordFormat, pathPatterns: readonly PathPattern[] = []) {
    this.topic = topic;
    this.format = format;
    this.pathPatterns = pathPatterns;
  }

  /**
   * The record as a line; null for one without a value.
   * @throws LeadlineError BAD_CHUNK where it is not JSON and has to be, and for several lines that are not UTF-8, which have no form of one line
   */
  chunkOf({ value, timestampMs }: Pick<FetchedRecord, 'value' | 'timestampMs'>, place: RecordPlace): Chunk | null {
    if (value === null || value.length === 0) return null;
    const envelope = this.format === 'json' ? readEnvelope(value) : null;
    const readMs = Math.max(0, (envelope !== null && !envelope.isContainer ? msOf(envelope.timeText) : null) ?? timestampMs);
    return { ...this.emptyChunk(place, envelope, readMs), ...lineOf(value, envelope) };
  }

  /** Records `[from, to)` that were deleted before they were read. */
  gapOf(position: RecordPosition, from: bigint, to: bigint): Chunk {
    return { ...this.emptyChunk(position, null, position.timestampMs), kind: 'gap', offset: Number(from), end: Number(to), gap: { cause: 'deleted', bytes: Number(to - from), exact: true } };
  }

  /** The record's own word, then its path's where that names a container or is the operator's to read, then the topic. */
  private originOf(envelope: Envelope | null): Origin {
    if (envelope === null) return { ...nobody, service: this.topic };
    const { origin, path } = envelope;
    const read = path === null ? null : originOfPath(path, this.pathPatterns);
    const isTold = read !== null && (read.origin.pod !== null || this.pathPatterns.some(({ expression }) => expression.test(read.chain)));
    const ofPath = isTold ? read.origin : nobody;
    const service = origin.service ?? ofPath.service ?? this.topic;
    return { service, container: origin.container ?? ofPath.container, pod: origin.pod ?? ofPath.pod, namespace: origin.namespace ?? ofPath.namespace, node: origin.node ?? ofPath.node };
  }

  private emptyChunk({ topicId, partition, recordOffset, emptyFrom }: RecordPlace, envelope: Envelope | null, readMs: number): Chunk {
    const offset = Number(recordOffset);
    return {
      kind: 'lines',
      source: `${this.topic}/${partition}`,
      streamId: recordStreamId(topicId, partition),
      offset,
      end: offset + 1,
      ...(emptyFrom === undefined ? {} : { emptyFrom: Number(emptyFrom) }),
      codec: 'none',
      framing: 'plain',
      lengths: null,
      part: null,
      previous: null,
      gap: null,
      origin: this.originOf(envelope),
      // Written when they were read, as bytes that were seen growing.
      bootId: topicId,
      path: envelope?.path ?? null,
      readMs: Math.floor(readMs),
      value: new Uint8Array(0),
    };
  }
}

/** @throws LeadlineError BAD_CHUNK */
export function lineOf(value: Uint8Array, envelope: Envelope | null): Pick<Chunk, 'framing' | 'lengths' | 'value'> {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const line = envelope?.line ?? null;
  const own = line === null ? bytes.subarray(0, bytes.at(-1) === 10 ? bytes.length - 1 : bytes.length) : Buffer.from(line.endsWith('\n') ? line.slice(0, -1) : line);
  if (envelope?.isContainer !== true) {
    const framing = framingIn(own);
    if (framing !== null || (line === null && !own.includes(10))) return { framing: framing ?? 'plain', lengths: [1], value: Buffer.concat([own, newline]) };
  }
  const body = decodeUtf8(own);
  if (body === null) throw new LeadlineError('BAD_CHUNK', { problem: 'the record has several lines and is not UTF-8' });
  // Docker's framing carries a line with newlines in it, its output and the runtime's stamp.
  const framed = { log: `${body}\n`, stream: envelope?.output ?? undefined, time: (envelope?.isContainer === true ? envelope.timeText : null) ?? '' };
  return { framing: 'docker', lengths: [1], value: Buffer.from(`${JSON.stringify(framed)}\n`) };
}

const dockerStart = Buffer.from('{"log":');
const dockerMembers = new Set(['log', 'stream', 'time', 'attrs']);

/** What a publisher that read a runtime's file line by line left as it was; null for a line of an application. */
function framingIn(line: Buffer): Framing | null {
  if (line.includes(10)) return null;
  if (line.subarray(0, dockerStart.length).equals(dockerStart)) {
    const framed = parseDockerLine(line);
    const isRuntimes = framed !== null && framed.output !== null && framed.timeNs !== null && Object.keys(JSON.parse(line.toString()) as object).every(name => dockerMembers.has(name));
    return isRuntimes ? 'docker' : null;
  }
  const framed = parseCriLine(line);
  return framed === null || framed.timeNs === null ? null : 'cri';
}

function msOf(text: string | null): number | null {
  const read = text === null ? null : readIsoTime(text, 0);
  return read?.timeNs === undefined || read.timeNs === null ? null : Number(read.timeNs / nsPerMs);
}
