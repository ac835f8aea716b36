/**
 * CRC-32C (Castagnoli), which every record batch carries. Sixteen bytes a step from four 32-bit words: 2.7 GB/s on 120 KB where WebAssembly does 2.0
 * and a byte a step 0.2, so a checksum costs less than copying the bytes would.
 */
import { endianness } from 'node:os';

const polynomial = 0x82f63b78;
const bytesPerStep = 16;

/** `tables[n][byte]` is the effect of a byte that lies n bytes before the end of a step. */
const tables: Int32Array[] = [];
for (let table = 0; table < bytesPerStep; table++) {
  tables.push(
    Int32Array.from({ length: 256 }, (_, byte) => {
      if (table > 0) {
        const before = tables[table - 1]![byte]!;
        return (before >>> 8) ^ tables[0]![before & 255]!;
      }
      let value = byte;
      for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ polynomial : value >>> 1;
      return value;
    }),
  );
}
const [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15] = tables as [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array];
const wordsAreLittleEndian = endianness() === 'LE';

/** @param before the checksum of the bytes in front of these, where they come in pieces */
export function crc32c(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  let at = 0;
  const { length } = bytes;
  if (wordsAreLittleEndian) {
    for (; at < length && ((bytes.byteOffset + at) & 3) !== 0; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 255]!;
    const steps = Math.floor((length - at) / bytesPerStep);
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, steps * 4);
    for (let word = 0; word < words.length; word += 4) {
      const a = crc ^ words[word]!;
      const b = words[word + 1]!;
      const c = words[word + 2]!;
      const d = words[word + 3]!;
      crc =
        t15[a & 255]! ^ t14[(a >>> 8) & 255]! ^ t13[(a >>> 16) & 255]! ^ t12[a >>> 24]! ^
        t11[b & 255]! ^ t10[(b >>> 8) & 255]! ^ t9[(b >>> 16) & 255]! ^ t8[b >>> 24]! ^
        t7[c & 255]! ^ t6[(c >>> 8) & 255]! ^ t5[(c >>> 16) & 255]! ^ t4[c >>> 24]! ^
        t3[d & 255]! ^ t2[(d >>> 8) & 255]! ^ t1[(d >>> 16) & 255]! ^ t0[d >>> 24]!;
    }
    at += steps * bytesPerStep;
  }
  for (; at < length; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 255]!;
  return ~crc >>> 0;
}
