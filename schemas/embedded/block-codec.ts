/**
 * How a run of events lies in one `hot` row. The first layout: a zstd frame over fixed columns (time, level) and one JSON text per event, so that
 * a reader takes the events it wants without parsing the others. The codec's number stands beside each block; a better one is added, not swapped in
 * under old data.
 *
 *     u32 n | u32 header length | i64 time x n | u32 row offset x (n + 1) | i8 level x n | header JSON | rows
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { invariant } from '#lib/assert.ts';
import { decodeUtf8, levels, type EventGap, type EventId, type EventPart, type Fields, type LogEvent, type Origin, type Output, type TimeSource } from '../event.ts';

export const blockCodec = 1;

interface BlockStream extends Origin {
  streamId: string;
  source: string;
  chainPosition: number;
}
interface BlockHeader {
  rawBytes: number;
  streams: BlockStream[];
}
/** One event, keys short because they stand once per event. Absent means null, or for `m` the same as `r`. */
interface BlockRow {
  s: number;
  o: number;
  e: number;
  p?: [number, number][];
  ts: TimeSource;
  m?: string;
  r?: string;
  b?: string;
  f?: Fields;
  q?: string;
  qs?: string;
  c?: number;
  i?: EventId[];
  u?: Output;
  pt?: EventPart;
  g?: EventGap;
  x?: string;
  t?: string;
}

/** @returns the compressed block and its length before compression, which a reader passes back to decompress at full speed. */
export function encodeBlock(events: readonly LogEvent[]): { data: Uint8Array; plainBytes: number } {
  const n = events.length;
  const streams = new Map<string, number>();
  const streamList: BlockStream[] = [];
  const rows: Buffer[] = [];
  const fixedLength = 8 + 8 * n + 4 * (n + 1) + n;
  const fixed = Buffer.allocUnsafe(fixedLength);
  fixed.writeUInt32LE(n, 0);
  let rowOffset = 0;
  let rawBytes = 0;
  events.forEach((event, index) => {
    const streamKey = `${event.streamId}\0${event.service ?? ''}\0${event.container ?? ''}\0${event.pod ?? ''}\0${event.namespace ?? ''}\0${event.node ?? ''}`;
    let stream = streams.get(streamKey);
    if (stream === undefined) {
      stream = streamList.length;
      streams.set(streamKey, stream);
      const { streamId, source, service, container, pod, namespace, node, chainPosition } = event;
      streamList.push({ streamId, source, service, container, pod, namespace, node, chainPosition: chainPosition ?? 0 });
    }
    const raw = decodeUtf8(event.raw);
    const row: BlockRow = { s: stream, o: event.streamOffset, e: event.streamOffsetEnd, ts: event.timeSource };
    if (event.pieces.length !== 1) row.p = event.pieces.map(({ from, to }) => [from, to]);
    if (raw === null) row.b = Buffer.from(event.raw).toString('base64');
    else row.r = raw;
    if (event.message !== raw) row.m = event.message;
    if (Object.keys(event.fields).length > 0) row.f = event.fields;
    if (event.requestId !== null) row.q = event.requestId;
    if (event.requestIdSource !== null) row.qs = event.requestIdSource;
    if (event.confidence !== null) row.c = event.confidence;
    if (event.ids.length > 0) row.i = event.ids;
    if (event.output !== null) row.u = event.output;
    if (event.part !== null) row.pt = event.part;
    if (event.gap !== null) row.g = event.gap;
    if (event.exceptionType !== null) row.x = event.exceptionType;
    if (event.template !== null) row.t = event.template;
    const bytes = Buffer.from(JSON.stringify(row));
    fixed.writeBigInt64LE(event.timeNs, 8 + 8 * index);
    fixed.writeUInt32LE(rowOffset, 8 + 8 * n + 4 * index);
    fixed.writeInt8(event.level === null ? -1 : levels.indexOf(event.level), 8 + 8 * n + 4 * (n + 1) + index);
    rows.push(bytes);
    rowOffset += bytes.length;
    rawBytes += event.raw.length;
  });
  fixed.writeUInt32LE(rowOffset, 8 + 8 * n + 4 * n);
  const header = Buffer.from(JSON.stringify({ rawBytes, streams: streamList } satisfies BlockHeader));
  fixed.writeUInt32LE(header.length, 4);
  const plain = Buffer.concat([fixed, header, ...rows]);
  const data = zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } });
  return { data, plainBytes: plain.length };
}

/** A decoded block: cheap columns for all rows, whole events for those asked for. */
export class Block {
  readonly length: number;
  readonly rawBytes: number;
  /** Bytes it holds in memory, for a cache's accounting. */
  readonly byteLength: number;
  private readonly bytes: Buffer;
  private readonly streams: BlockStream[];
  private readonly rowsFrom: number;

  /** @throws Error from zlib where the bytes are damaged. */
  constructor(data: Uint8Array, plainBytes: number) {
    this.bytes = zstdDecompressSync(data, { chunkSize: plainBytes + 64 });
    this.length = this.bytes.readUInt32LE(0);
    const headerFrom = 8 + 8 * this.length + 4 * (this.length + 1) + this.length;
    const headerLength = this.bytes.readUInt32LE(4);
    const header = JSON.parse(this.bytes.toString('utf8', headerFrom, headerFrom + headerLength)) as BlockHeader;
    this.streams = header.streams;
    this.rawBytes = header.rawBytes;
    this.rowsFrom = headerFrom + headerLength;
    this.byteLength = this.bytes.length;
  }

  timeNs(row: number): bigint {
    return this.bytes.readBigInt64LE(8 + 8 * row);
  }

  /** Rank of the level, -1 where unknown. */
  levelRank(row: number): number {
    return this.bytes.readInt8(8 + 8 * this.length + 4 * (this.length + 1) + row);
  }

  event(row: number): LogEvent {
    invariant(row >= 0 && row < this.length, `row ${row} of a block of ${this.length}`);
    const offsets = 8 + 8 * this.length;
    const from = this.rowsFrom + this.bytes.readUInt32LE(offsets + 4 * row);
    const to = this.rowsFrom + this.bytes.readUInt32LE(offsets + 4 * (row + 1));
    const stored = JSON.parse(this.bytes.toString('utf8', from, to)) as BlockRow;
    const stream = this.streams[stored.s]!;
    const rank = this.levelRank(row);
    const gap = stored.g ?? null;
    return {
      eventId: gap === null ? `${stream.streamId}:${stored.o}` : `${stream.streamId}:${stored.o}:gap`,
      timeNs: this.timeNs(row),
      timeSource: stored.ts,
      service: stream.service,
      container: stream.container,
      pod: stream.pod,
      namespace: stream.namespace,
      node: stream.node,
      level: rank < 0 ? null : levels[rank]!,
      message: stored.m ?? stored.r ?? '',
      raw: stored.b === undefined ? Buffer.from(stored.r ?? '') : Buffer.from(stored.b, 'base64'),
      fields: stored.f ?? {},
      requestId: stored.q ?? null,
      requestIdSource: stored.qs ?? null,
      confidence: stored.c ?? null,
      ids: stored.i ?? [],
      source: stream.source,
      streamId: stream.streamId,
      streamOffset: stored.o,
      streamOffsetEnd: stored.e,
      pieces: stored.p === undefined ? [{ from: stored.o, to: stored.e }] : stored.p.map(([pieceFrom, pieceTo]) => ({ from: pieceFrom, to: pieceTo })),
      output: stored.u ?? null,
      part: stored.pt ?? null,
      gap,
      exceptionType: stored.x ?? null,
      template: stored.t ?? null,
      chainPosition: stream.chainPosition,
    };
  }
}
