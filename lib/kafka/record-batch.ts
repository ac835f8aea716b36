/** Record batches, version 2: the unit in which Kafka takes, keeps and gives records. Written here; read in `record-batch-reader.ts`. */
import { codecNumber, compress } from './compression.ts';
import { crc32c } from './crc32c.ts';
import { WireWriter } from './wire.ts';
import type { KafkaCodec, OutgoingRecord } from './types.ts';

/** Where things lie in a batch's header. */
export const batchLayout = {
  length: 8,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  recordCount: 57,
  records: 61,
} as const;
/** The length field counts what lies behind it. */
export const bytesBeforeLengthCounts = 12;
export const batchMagic = 2;
export const attributeBits = { codec: 0x07, logAppendTime: 0x08, transactional: 0x10, control: 0x20 } as const;

/** A value at least this long is not copied: it becomes a piece of its own. */
const ownPieceBytesMin = 4096;
/** Headers and the next record's beginning, between two long values. */
const betweenBytesExpected = 1024;
const firstPieceBytesMax = 65_536;
const noProducer = -1n;

function varintBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x20_0000 ? 3 : zigzag < 0x1000_0000 ? 4 : 5;
}

const sized = (bytes: number): number => varintBytes(bytes) + bytes;
const sizedOrNull = (bytes: Uint8Array | null): number => (bytes === null ? 1 : sized(bytes.length));

/** Bytes of a record behind its own length field. */
function recordBodyBytes(record: OutgoingRecord, offsetDelta: number): number {
  // Attributes and a time difference of 0 take a byte each.
  let bytes = 2 + varintBytes(offsetDelta) + sizedOrNull(record.key) + sizedOrNull(record.value);
  let headers = 0;
  for (const name in record.headers) {
    headers++;
    bytes += sized(Buffer.byteLength(name)) + sized(Buffer.byteLength(record.headers[name]!));
  }
  return bytes + varintBytes(headers);
}

/** What a record takes in a batch, uncompressed; exact up to a few bytes. */
export function recordBytes(record: OutgoingRecord): number {
  return sized(recordBodyBytes(record, 1000));
}

/** Keeps what is written as pieces, so that large values need no copy. */
class PieceWriter {
  readonly pieces: Uint8Array[] = [];
  private writer: WireWriter;

  constructor(bytesExpected: number) {
    this.writer = new WireWriter(bytesExpected);
  }

  get small(): WireWriter {
    return this.writer;
  }

  value(bytes: Uint8Array): void {
    if (bytes.length < ownPieceBytesMin) {
      this.writer.raw(bytes);
      return;
    }
    this.pieces.push(this.writer.bytes, bytes);
    this.writer = new WireWriter(betweenBytesExpected);
  }

  end(): Uint8Array[] {
    if (this.writer.length > 0) this.pieces.push(this.writer.bytes);
    return this.pieces;
  }
}

function writeRecord(out: PieceWriter, record: OutgoingRecord, offsetDelta: number): void {
  out.small.varint(recordBodyBytes(record, offsetDelta)).int8(0).varint(0).varint(offsetDelta);
  if (record.key === null) out.small.varint(-1);
  else out.small.varint(record.key.length).raw(record.key);
  if (record.value === null) out.small.varint(-1);
  else {
    out.small.varint(record.value.length);
    out.value(record.value);
  }
  const names = Object.keys(record.headers);
  out.small.varint(names.length);
  for (const name of names) {
    const value = record.headers[name]!;
    out.small.varint(Buffer.byteLength(name)).text(name).varint(Buffer.byteLength(value)).text(value);
  }
}

/**
 * The batch in pieces that follow each other. Long values are the caller's own bytes, not copies: leave them alone until the batch is sent.
 * @param records at least one
 */
export function encodeRecordBatch(records: readonly OutgoingRecord[], timestampMs: number, codec: KafkaCodec): Uint8Array[] {
  const smallBytes = records.reduce((sum, record) => sum + recordBytes(record) - (record.value !== null && record.value.length >= ownPieceBytesMin ? record.value.length : 0), 0);
  const out = new PieceWriter(Math.min(smallBytes, firstPieceBytesMax));
  records.forEach((record, index) => writeRecord(out, record, index));
  const plain = out.end();
  const pieces = codec === 'none' ? plain : [compress(codec, plain.length === 1 ? plain[0]! : Buffer.concat(plain))];
  const recordsBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);

  const header = new WireWriter(batchLayout.records)
    .int64(0n)
    .int32(batchLayout.records - bytesBeforeLengthCounts + recordsBytes)
    .int32(-1)
    .int8(batchMagic)
    .uint32(0)
    .int16(codecNumber(codec))
    .int32(records.length - 1)
    .int64(BigInt(timestampMs))
    .int64(BigInt(timestampMs))
    .int64(noProducer)
    .int16(-1)
    .int32(-1)
    .int32(records.length).bytes;
  let crc = crc32c(header.subarray(batchLayout.attributes));
  for (const piece of pieces) crc = crc32c(piece, crc);
  header.writeUInt32BE(crc, batchLayout.crc);
  return [header, ...pieces];
}
