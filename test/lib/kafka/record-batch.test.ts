import { randomBytes } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import test from 'ava';
import { compress, decompress } from '#lib/kafka/compression.ts';
import { crc32c } from '#lib/kafka/crc32c.ts';
import { batchLayout, bytesBeforeLengthCounts, encodeRecordBatch, recordBytes } from '#lib/kafka/record-batch.ts';
import { readRecordBatches } from '#lib/kafka/record-batch-reader.ts';
import { WireReader, WireWriter } from '#lib/kafka/wire.ts';
import { kafkaCodecs, type KafkaCodec, type OutgoingRecord } from '#lib/kafka/types.ts';

const records: OutgoingRecord[] = [
  { key: Buffer.from('source'), value: Buffer.from('one\n'), headers: { 'll-v': '1', 'll-path': '/käse 🚀.log', empty: '' } },
  { key: null, value: null, headers: {} },
  { key: Buffer.alloc(0), value: Buffer.alloc(300_000, 'a line of text\n'), headers: { a: 'b' } },
  { key: Buffer.from('k'), value: Buffer.alloc(0), headers: {} },
  { key: Buffer.from('k'), value: randomBytes(5000), headers: {} },
];

/** As a broker gives it back: in one piece, at this offset. */
function stored(batch: readonly OutgoingRecord[], baseOffset: bigint, codec: KafkaCodec = 'none', timestampMs = 1_795_262_400_123): Buffer {
  const bytes = Buffer.concat(encodeRecordBatch(batch, timestampMs, codec));
  bytes.writeBigInt64BE(baseOffset, 0);
  return bytes;
}

function withChecksum(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(batchLayout.attributes)), batchLayout.crc);
  return batch;
}

test('CRC-32C agrees with the published vectors, whatever the alignment, and in pieces', t => {
  t.is(crc32c(Buffer.from('123456789')), 0xe3069283);
  t.is(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  t.is(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  t.is(crc32c(Buffer.from(Array.from({ length: 32 }, (_, n) => n))), 0x46dd794e);
  t.is(crc32c(Buffer.alloc(0)), 0);
  const bytes = randomBytes(1000);
  for (let cut = 0; cut < 100; cut++) t.is(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), crc32c(bytes));
});

for (const codec of kafkaCodecs) {
  test(`records come back as they went, ${codec}`, t => {
    const { records: read, damaged, nextOffset } = readRecordBatches(stored(records, 41n, codec), 41n);
    t.deepEqual(damaged, []);
    t.is(nextOffset, 46n);
    t.deepEqual(read.map(({ recordOffset, timestampMs }) => [recordOffset, timestampMs]), records.map((_, index) => [41n + BigInt(index), 1_795_262_400_123]));
    for (const [index, { key, value, headers }] of read.entries()) {
      t.deepEqual(key === null ? null : Buffer.from(key), records[index]!.key === null ? null : Buffer.from(records[index]!.key));
      t.true(value === null ? records[index]!.value === null : Buffer.from(records[index]!.value!).equals(value));
      t.deepEqual({ ...headers }, records[index]!.headers);
    }
  });

}

for (const codec of kafkaCodecs.filter(name => name !== 'none')) {
  test(`bytes that ${codec} cannot read are a damaged batch`, t => {
    const batch = stored(records, 7n, codec);
    batch.fill(0xa5, batchLayout.records + 4);
    const { records: read, damaged, nextOffset } = readRecordBatches(Buffer.concat([withChecksum(batch), stored(records, 12n)]), 7n);
    t.deepEqual(damaged.map(({ from, to }) => [from, to]), [[7n, 12n]]);
    t.is(read.length, records.length);
    t.is(nextOffset, 17n);
  });
}

test('what outgrows its first buffer is written whole: varints of every length, and batches of many long headers', t => {
  for (const start of [1, 2, 3, 4, 5]) {
    const writer = new WireWriter(start);
    const numbers = Array.from({ length: 400 }, (_, n) => (n % 2 === 0 ? 1 : -1) * 2 ** (n % 31));
    for (const number of numbers) writer.varint(number);
    const reader = new WireReader(writer.bytes);
    t.deepEqual(numbers.map(() => reader.varint()), numbers);
    t.is(reader.left, 0);
  }
  for (let length = 1; length < 300; length++) {
    const long = Array.from({ length: 40 }, (_, n) => ({ key: Buffer.alloc(length), value: Buffer.alloc(n % 2 === 0 ? 4096 : length), headers: { [`h${n}`]: 'x'.repeat(length * 7) } }));
    const { records: read, damaged } = readRecordBatches(stored(long, 0n), 0n);
    t.deepEqual(damaged, [], `headers of ${length * 7}`);
    t.is(read.length, 40);
  }
});

test('long values are sent as they lie in memory, without a copy', t => {
  const value = Buffer.alloc(100_000, 'x');
  t.true(encodeRecordBatch([{ key: null, value, headers: {} }], 0, 'none').includes(value));
});

test('the size of a record is known before it is encoded', t => {
  for (const record of records) {
    const [, ...pieces] = encodeRecordBatch([record], 0, 'none');
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    t.true(recordBytes(record) >= bytes && recordBytes(record) <= bytes + 2, `${recordBytes(record)} for ${bytes}`);
  }
});

test('records before the asked offset are left out, those behind them come', t => {
  const { records: read } = readRecordBatches(stored(records, 10n), 13n);
  t.deepEqual(read.map(({ recordOffset }) => recordOffset), [13n, 14n]);
});

test('a batch that the answer cuts off is left for the next answer', t => {
  const bytes = Buffer.concat([stored(records, 0n), stored(records, 5n)]);
  for (const cut of [bytes.length - 1, bytes.length - 100_000, bytes.length / 2 + 11, bytes.length / 2 + 3]) {
    const { records: read, damaged, nextOffset } = readRecordBatches(bytes.subarray(0, cut), 0n);
    t.is(read.length, 5);
    t.is(damaged.length, 0);
    t.is(nextOffset, 5n);
  }
});

test('a flipped bit anywhere in a batch damages that batch only, and its offsets are told', t => {
  const small = [records[0]!, records[1]!, records[3]!];
  const before = stored(small, 0n);
  const after = stored(small, 6n);
  const length = stored(small, 3n).length;
  for (let at = bytesBeforeLengthCounts; at < length; at++) {
    const batch = stored(small, 3n);
    batch[at]! ^= 0x10;
    const { records: read, damaged, nextOffset } = readRecordBatches(Buffer.concat([before, batch, after]), 0n);
    const isEpoch = at < batchLayout.magic;
    t.is(read.length, isEpoch ? 9 : 6, `byte ${at}`);
    t.deepEqual(damaged.map(({ from, to }) => [from, to]), isEpoch ? [] : [[3n, 6n]], `byte ${at}`);
    t.is(nextOffset, 9n);
  }
});

test('a damaged batch at the end of an answer is passed by its own word, or by one offset where that cannot be true', t => {
  const batch = stored(records, 20n);
  batch[batchLayout.crc]! ^= 1;
  t.deepEqual(readRecordBatches(batch, 20n).damaged.map(({ from, to }) => [from, to]), [[20n, 25n]]);
  batch.writeInt32BE(-5, batchLayout.lastOffsetDelta);
  t.deepEqual(readRecordBatches(batch, 20n).damaged.map(({ from, to }) => [from, to]), [[20n, 21n]]);
});

test('an impossible length, an old format and an unknown codec are told, not thrown', t => {
  const short = stored(records, 0n);
  short.writeInt32BE(3, batchLayout.length);
  t.regex(readRecordBatches(short, 0n).damaged[0]!.problem, /length/);
  const negative = stored(records, 0n);
  negative.writeInt32BE(-1_000_000, batchLayout.length);
  t.regex(readRecordBatches(negative, 0n).damaged[0]!.problem, /length/);
  const old = stored(records, 0n);
  old[batchLayout.magic] = 1;
  t.regex(readRecordBatches(old, 0n).damaged[0]!.problem, /version 1/);
  const codec = stored(records, 0n);
  codec.writeInt16BE(6, batchLayout.attributes);
  t.regex(readRecordBatches(withChecksum(codec), 0n).damaged[0]!.problem, /codec 6/);
});

test('a record that lies about its length damages its batch: none of its records are given', t => {
  const batch = stored([records[0]!, records[1]!], 0n);
  batch[batchLayout.records]! += 2;
  const { records: read, damaged } = readRecordBatches(withChecksum(batch), 0n);
  t.is(read.length, 0);
  t.is(damaged.length, 1);
});

test('marks of transactions move the position and are no records', t => {
  const batch = stored([records[0]!], 3n);
  batch.writeInt16BE(0x30, batchLayout.attributes);
  t.deepEqual(readRecordBatches(withChecksum(batch), 3n), { records: [], damaged: [], nextOffset: 4n });
});

test('a damaged batch that claims to reach beyond the end of the log is not believed: what lies behind it is read', t => {
  const batch = stored(records, 20n);
  batch.writeInt32BE(1_000_000, batchLayout.lastOffsetDelta);
  const { damaged, nextOffset } = readRecordBatches(batch, 20n, [], 25n);
  t.deepEqual([damaged.map(({ from, to }) => [from, to]), nextOffset], [[[20n, 21n]], 21n]);
  const more = readRecordBatches(Buffer.concat([batch, stored(records, 25n)]), 21n, [], 30n);
  t.deepEqual([more.damaged.map(({ from, to }) => [from, to]), more.records.length, more.nextOffset], [[[21n, 25n]], 5, 30n]);
});

test('what a transaction wrote that was aborted is no record, up to its mark; another one of that producer, and what others wrote between, is', t => {
  const written = (offset: bigint, producerId: bigint, attributes: number): Buffer => {
    const batch = stored([{ key: null, value: Buffer.from(`at ${offset}`), headers: {} }], offset);
    batch.writeBigInt64BE(producerId, batchLayout.producerId);
    batch.writeInt16BE(attributes, batchLayout.attributes);
    return withChecksum(batch);
  };
  const [ofTransaction, mark] = [0x10, 0x30];
  const log = [written(5n, 7n, ofTransaction), written(6n, 7n, mark), written(7n, 7n, ofTransaction), written(8n, 8n, ofTransaction), written(9n, 7n, 0), written(10n, 7n, mark), written(11n, 7n, ofTransaction), written(12n, 8n, mark), written(13n, 7n, mark)];
  // 7 committed at 6, gave up from 7 to 10, and committed at 13; 8 committed at 12.
  const { records: read, damaged, nextOffset } = readRecordBatches(Buffer.concat(log), 5n, [{ producerId: 7n, firstOffset: 7n }]);
  t.deepEqual(read.filter(({ recordOffset }) => recordOffset !== 9n).map(({ value }) => Buffer.from(value!).toString()), ['at 5', 'at 8', 'at 11']);
  t.deepEqual([damaged, nextOffset], [[], 14n]);
  // A fetch that begins inside of it.
  t.deepEqual(readRecordBatches(Buffer.concat(log.slice(2)), 7n, [{ producerId: 7n, firstOffset: 3n }]).records.filter(({ recordOffset }) => recordOffset !== 9n).map(({ recordOffset }) => recordOffset), [8n, 11n]);
});

test('where the broker stamps the append time, that is the time of every record', t => {
  const batch = stored(records, 0n);
  batch.writeInt16BE(0x08, batchLayout.attributes);
  batch.writeBigInt64BE(42n, batchLayout.maxTimestamp);
  t.true(readRecordBatches(withChecksum(batch), 0n).records.every(({ timestampMs }) => timestampMs === 42));
});

test('zstd in several frames is read to its end', t => {
  const bytes = Buffer.concat([zstdCompressSync(Buffer.from('one ')), zstdCompressSync(Buffer.from('two ')), zstdCompressSync(Buffer.from('three'))]);
  t.is(decompress('zstd', bytes).toString(), 'one two three');
});

test('snappy without the blocks of the Java client is read too', t => {
  const framed = Buffer.from(compress('snappy', Buffer.from('bare snappy bytes')));
  t.is(decompress('snappy', framed.subarray(20)).toString(), 'bare snappy bytes');
});

test('random bytes never throw and never stand still', t => {
  for (let round = 0; round < 300; round++) {
    const bytes = randomBytes(200);
    bytes.writeInt32BE(188, batchLayout.length);
    bytes.writeBigInt64BE(5n, 0);
    if (round % 2 === 0) {
      bytes[batchLayout.magic] = 2;
      withChecksum(bytes);
    }
    t.true(readRecordBatches(bytes, 5n).nextOffset > 5n);
  }
});
