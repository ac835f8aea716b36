/**
 * Reads what a fetch answer holds of a partition: record batches one after the other. A batch that cannot be taken apart is told as such, with its
 * offsets, and the next is read: one bad batch must not stop a partition.
 */
import { codecOf, decompress } from './compression.ts';
import { crc32c } from './crc32c.ts';
import { attributeBits, batchLayout, batchMagic, bytesBeforeLengthCounts } from './record-batch.ts';
import { WireReader } from './wire.ts';
import type { AbortedTransaction } from './requests/fetch.ts';
import type { DamagedBatch, FetchedRecord } from './types.ts';

export interface ReadBatches {
  records: FetchedRecord[];
  damaged: DamagedBatch[];
  /** Behind the last whole batch. */
  nextOffset: bigint;
}

/** More than any broker takes into a batch: a larger number is damage. */
const offsetsPerBatchMax = 100_000_000;

/**
 * @param from records before it, at the start of the first batch, were not asked for
 * @param aborted transactions whose records are nobody's
 * @param logEnd behind the last record there is, where that is known
 */
export function readRecordBatches(bytes: Buffer, from: bigint, aborted: readonly AbortedTransaction[] = [], logEnd: bigint | null = null): ReadBatches {
  const records: FetchedRecord[] = [];
  const damaged: DamagedBatch[] = [];
  const transactions = new Transactions(aborted);
  let nextOffset = from;
  // The last batch is cut where the answer was full.
  for (let at = 0; at + bytesBeforeLengthCounts <= bytes.length; ) {
    const baseOffset = bytes.readBigInt64BE(at);
    const end = at + bytesBeforeLengthCounts + bytes.readInt32BE(at + batchLayout.length);
    const isSound = end - at >= batchLayout.magic + 1;
    if (isSound && end > bytes.length) break;
    const batch = bytes.subarray(at, isSound ? end : bytes.length);
    let problem: string | null;
    try {
      problem = isSound ? readBatch(batch, baseOffset, from, records, transactions) : 'its length is impossible';
    } catch (error) {
      problem = (error as Error).message;
    }
    const to = behind(batch, baseOffset, problem === null || !isSound ? null : nextBase(bytes, end), problem === null ? null : logEnd);
    if (problem !== null && to > from) damaged.push({ from: baseOffset > nextOffset ? baseOffset : nextOffset, to, problem, bytes: batch });
    if (to > nextOffset) nextOffset = to;
    if (!isSound) break;
    at = end;
  }
  return { records, damaged, nextOffset };
}

/** Which batches are of transactions that were given up: those of their producer, from the first offset to the mark that ends it. */
class Transactions {
  private readonly left: AbortedTransaction[];
  private readonly producers = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.left = [...aborted].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  }

  /** To be asked of every batch, in their order. */
  areAborted(producerId: bigint, lastOffset: bigint, isMark: boolean): boolean {
    while (this.left.length > 0 && this.left[0]!.firstOffset <= lastOffset) this.producers.add(this.left.shift()!.producerId);
    return isMark ? this.producers.delete(producerId) : this.producers.has(producerId);
  }
}

/** Where the following batch begins, if it is in the answer. */
function nextBase(bytes: Buffer, at: number): bigint | null {
  return at + 8 <= bytes.length ? bytes.readBigInt64BE(at) : null;
}

/** The offset behind a batch. A damaged one's own word is believed only where it can be true. */
function behind(batch: Buffer, baseOffset: bigint, nextBaseOffset: bigint | null, logEnd: bigint | null): bigint {
  const lastDelta = batch.length >= batchLayout.baseTimestamp ? batch.readInt32BE(batchLayout.lastOffsetDelta) : -1;
  const claimed = lastDelta >= 0 && lastDelta < offsetsPerBatchMax ? baseOffset + BigInt(lastDelta) + 1n : null;
  const own = claimed !== null && logEnd !== null && claimed > logEnd ? null : claimed;
  if (nextBaseOffset !== null && nextBaseOffset > baseOffset && (own === null || own > nextBaseOffset)) return nextBaseOffset;
  return own ?? baseOffset + 1n;
}

/** Adds the batch's records, all or none. @returns what is wrong with it, or null; throws where its inside is */
function readBatch(batch: Buffer, baseOffset: bigint, from: bigint, into: FetchedRecord[], transactions: Transactions): string | null {
  const magic = batch[batchLayout.magic]!;
  if (magic !== batchMagic) return `its format is version ${magic}, not ${batchMagic}`;
  if (batch.length < batchLayout.records) return 'it is shorter than its header';
  const crc = batch.readUInt32BE(batchLayout.crc);
  const computed = crc32c(batch.subarray(batchLayout.attributes));
  if (crc !== computed) return 'its checksum does not match its bytes';
  const attributes = batch.readInt16BE(batchLayout.attributes);
  // Marks of transactions are no records.
  const isMark = (attributes & attributeBits.control) !== 0;
  if ((attributes & (attributeBits.transactional | attributeBits.control)) !== 0) {
    const lastOffset = baseOffset + BigInt(batch.readInt32BE(batchLayout.lastOffsetDelta));
    if (transactions.areAborted(batch.readBigInt64BE(batchLayout.producerId), lastOffset, isMark) || isMark) return null;
  }
  const codec = codecOf(attributes & attributeBits.codec);
  if (codec === null) return `its codec ${attributes & attributeBits.codec} is unknown`;
  const count = batch.readInt32BE(batchLayout.recordCount);
  const baseTimestampMs = Number(batch.readBigInt64BE(batchLayout.baseTimestamp));
  const maxTimestampMs = Number(batch.readBigInt64BE(batchLayout.maxTimestamp));
  const appendTimeMs = (attributes & attributeBits.logAppendTime) !== 0 ? maxTimestampMs : null;
  if (count <= 0) return count === 0 ? null : `it claims ${count} records`;

  const reader = new WireReader(decompress(codec, batch.subarray(batchLayout.records)));
  const records: FetchedRecord[] = [];
  for (let index = 0; index < count; index++) {
    const end = reader.varint() + reader.at;
    reader.int8();
    const timestampMs = appendTimeMs ?? baseTimestampMs + reader.varlong();
    if (appendTimeMs !== null) reader.varlong();
    const recordOffset = baseOffset + BigInt(reader.varint());
    const key = sizedBytes(reader);
    const value = sizedBytes(reader);
    const headers = Object.create(null) as Record<string, string>;
    for (let left = reader.varint(); left > 0; left--) {
      const name = reader.text(reader.varint());
      headers[name] = sizedBytes(reader)?.toString('utf8') ?? '';
    }
    if (reader.at !== end) return `record ${index} ends at byte ${reader.at}, not at ${end}`;
    if (recordOffset >= from) records.push({ recordOffset, timestampMs, key, value, headers });
  }
  for (const record of records) into.push(record);
  return null;
}

function sizedBytes(reader: WireReader): Buffer | null {
  const length = reader.varint();
  return length < 0 ? null : reader.raw(length);
}
