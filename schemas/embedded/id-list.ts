/**
 * Which blocks hold an id, by the hash of its canonical form. A block brings a list of its own (`IdList`). Every `blocksPerList` lists are merged into
 * a run, and every `listsPerRun` of those into one again (an LSM tree of two levels): so each entry is written three times in its life and in order,
 * where a B-tree over random hashes would touch a page of the disk per entry, and a look-up takes one short row per run.
 *
 * A run knows 40 bits of a hash and lies in buckets by the first of them, sorted within. Hashes may collide: the id's text in its block decides.
 *
 * The runs of the second level have a filter together, in rows by the first bits of the key: one row says of each run whether it may have an id, and so
 * a look-up of an id that a file does not have costs that row.
 *
 *     list: u32 n | f64 hash x n | u16 number x n           ascending by hash
 *     filter: u32 n | (u32 run | u32 words) x n | u32 bits x words, of each run        a power of two of words
 *     bucket: u32 low bits x n | u16 block x n | u16 number x n      ascending by low bits, then by block
 */

/** The hashes of a block's ids and their numbers in the block. */
export interface IdList {
  hashes: Float64Array;
  numbers: Uint16Array;
}

/** Stands for every id of a block from this number on. */
export const anyNumber = 0xffff;
/** Lists merged into one run, and runs of the first level into one of the second. */
export const listsPerRun = 32;

const keyBits = 40;
/** The first 40 bits of the 53. */
const keyOf = (hash: number): number => Math.floor(hash / 2 ** (53 - keyBits));
const low32 = 2 ** 32;
/** At least as many bits as 32 cannot hold. */
const bucketBitsMin = keyBits - 32;
/** Several buckets fill a page of the file with little left over. */
const bucketEntries = 96;
const bucketBitsMax = 24;
const entryBytes = 8;

/** Of an id that has no canonical form. */
export const noHash = -1;

/** @param hashOf by the ids' numbers; `noHash` where an id is not in the list */
export function idListOf(hashOf: readonly number[]): IdList {
  // Sorted as plain numbers: far faster than pairs are. Where each went to is found again.
  const hashes = Float64Array.from(hashOf).sort();
  const from = lowerBound(hashes, 0);
  const numbers = new Uint16Array(hashes.length);
  const isTaken = new Uint8Array(hashes.length);
  for (let number = 0; number < hashOf.length; number++) {
    if (hashOf[number] === noHash) continue;
    let at = lowerBound(hashes, hashOf[number]!);
    while (isTaken[at] === 1) at += 1;
    isTaken[at] = 1;
    numbers[at] = Math.min(number, anyNumber);
  }
  return { hashes: hashes.subarray(from), numbers: numbers.subarray(from) };
}

/** The first index whose value is not below, in ascending order. */
function lowerBound(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function writeIdList({ hashes, numbers }: IdList): Buffer {
  const n = hashes.length;
  const bytes = Buffer.allocUnsafe(4 + 10 * n);
  bytes.writeUInt32LE(n, 0);
  for (let index = 0; index < n; index++) {
    bytes.writeDoubleLE(hashes[index]!, 4 + 8 * index);
    bytes.writeUInt16LE(numbers[index]!, 4 + 8 * n + 2 * index);
  }
  return bytes;
}

export function readIdList(data: Uint8Array): IdList {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const n = bytes.readUInt32LE(0);
  const list: IdList = { hashes: new Float64Array(n), numbers: new Uint16Array(n) };
  for (let index = 0; index < n; index++) {
    list.hashes[index] = bytes.readDoubleLE(4 + 8 * index);
    list.numbers[index] = bytes.readUInt16LE(4 + 8 * n + 2 * index);
  }
  return list;
}

/** Numbers in the block of the ids with this hash. */
export function numbersIn({ hashes, numbers }: IdList, hash: number): number[] {
  let low = lowerBound(hashes, hash);
  const found: number[] = [];
  for (; low < hashes.length && hashes[low] === hash; low++) found.push(numbers[low]!);
  return found;
}

/** Entries of several blocks, ascending by key, then by block. */
export interface IdRun {
  keys: Float64Array;
  /** Index into the run's own list of blocks. */
  blocks: Uint16Array;
  numbers: Uint16Array;
}

/** @param block index of the list's block */
export function runOf({ hashes, numbers }: IdList, block: number): IdRun {
  return { keys: hashes.map(keyOf), blocks: new Uint16Array(hashes.length).fill(block), numbers };
}

/** Two by two, so that each entry is moved as often as the number of runs has bits. Runs are in the order of their blocks. */
export function mergeRuns(runs: readonly IdRun[]): IdRun {
  if (runs.length === 0) return { keys: new Float64Array(0), blocks: new Uint16Array(0), numbers: new Uint16Array(0) };
  let left = [...runs];
  while (left.length > 1) {
    const merged: IdRun[] = [];
    for (let index = 0; index < left.length; index += 2) merged.push(index + 1 < left.length ? mergeTwo(left[index]!, left[index + 1]!) : left[index]!);
    left = merged;
  }
  return left[0]!;
}

function mergeTwo(a: IdRun, b: IdRun): IdRun {
  const n = a.keys.length + b.keys.length;
  const run: IdRun = { keys: new Float64Array(n), blocks: new Uint16Array(n), numbers: new Uint16Array(n) };
  let fromA = 0;
  let fromB = 0;
  for (let index = 0; index < n; index++) {
    // Of equal keys those of `a` first: its blocks come before those of `b`.
    const isA = fromB >= b.keys.length || (fromA < a.keys.length && a.keys[fromA]! <= b.keys[fromB]!);
    const from = isA ? a : b;
    const at = isA ? fromA++ : fromB++;
    run.keys[index] = from.keys[at]!;
    run.blocks[index] = from.blocks[at]!;
    run.numbers[index] = from.numbers[at]!;
  }
  return run;
}

export function writeRunBlocks(ids: readonly number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(ids).buffer);
}

/** The ids of a run's blocks, in its order. */
export function readRunBlocks(blocks: Uint8Array): Float64Array {
  return new Float64Array(blocks.slice().buffer);
}

/** How many bits of the key name the bucket, for a run of so many entries. */
export function bucketBitsFor(entries: number): number {
  return Math.max(bucketBitsMin, Math.min(bucketBitsMax, Math.ceil(Math.log2(Math.max(1, entries / bucketEntries)))));
}

export function bucketOf(hash: number, bucketBits: number): number {
  return Math.floor(keyOf(hash) / 2 ** (keyBits - bucketBits));
}

/** The row of a bucket: those of one run lie together, in order. */
export function bucketId(run: number, bucket: number): number {
  return run * 2 ** bucketBitsMax + bucket;
}

/** The run cut into buckets; those without an entry are left out. */
export function* writeBuckets({ keys, blocks, numbers }: IdRun, bucketBits: number): Generator<{ bucket: number; data: Buffer }> {
  const span = 2 ** (keyBits - bucketBits);
  for (let from = 0; from < keys.length; ) {
    const bucket = Math.floor(keys[from]! / span);
    let to = from + 1;
    while (to < keys.length && keys[to]! < (bucket + 1) * span) to += 1;
    const n = to - from;
    const data = Buffer.allocUnsafe(entryBytes * n);
    for (let index = 0; index < n; index++) {
      data.writeUInt32LE(keys[from + index]! % low32, 4 * index);
      data.writeUInt16LE(blocks[from + index]!, 4 * n + 2 * index);
      data.writeUInt16LE(numbers[from + index]!, 6 * n + 2 * index);
    }
    yield { bucket, data };
    from = to;
  }
}

/** A run from its buckets, ascending. @param firstBlock is added to the index of each block */
export function readBuckets(buckets: readonly { bucket: number; data: Uint8Array }[], bucketBits: number, firstBlock: number): IdRun {
  const n = buckets.reduce((sum, { data }) => sum + data.byteLength / entryBytes, 0);
  const run: IdRun = { keys: new Float64Array(n), blocks: new Uint16Array(n), numbers: new Uint16Array(n) };
  let at = 0;
  for (const { bucket, data } of buckets) {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const count = bytes.length / entryBytes;
    // What the bucket's name says beyond the 32 bits written.
    const high = Math.floor((bucket * 2 ** (keyBits - bucketBits)) / low32) * low32;
    for (let index = 0; index < count; index++, at++) {
      run.keys[at] = high + bytes.readUInt32LE(4 * index);
      run.blocks[at] = firstBlock + bytes.readUInt16LE(4 * count + 2 * index);
      run.numbers[at] = bytes.readUInt16LE(6 * count + 2 * index);
    }
  }
  return run;
}

/** The entries of one hash in its bucket. */
export function entriesIn(data: Uint8Array, hash: number): { block: number; number: number }[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const n = bytes.length / entryBytes;
  const key = keyOf(hash) % low32;
  let low = 0;
  let high = n;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bytes.readUInt32LE(4 * middle) < key) low = middle + 1;
    else high = middle;
  }
  const found: { block: number; number: number }[] = [];
  for (; low < n && bytes.readUInt32LE(4 * low) === key; low++) found.push({ block: bytes.readUInt16LE(4 * n + 2 * low), number: bytes.readUInt16LE(6 * n + 2 * low) });
  return found;
}

/** Says of most hashes that a run does not have that it does not: a bit per value of the low bits of its keys, eight bits an entry. */
export class IdFilter {
  private readonly bits: Uint32Array;
  private readonly mask: number;

  constructor(buckets: readonly Uint8Array[]) {
    const entries = buckets.reduce((sum, data) => sum + data.byteLength / entryBytes, 0);
    const words = 2 ** Math.max(1, Math.ceil(Math.log2((entries * 8) / 32)));
    this.bits = new Uint32Array(words);
    this.mask = words * 32 - 1;
    for (const data of buckets) {
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      for (let index = 0; index < bytes.length / entryBytes; index++) {
        const bit = bytes.readUInt32LE(4 * index) & this.mask;
        this.bits[bit >>> 5]! |= 1 << (bit & 31);
      }
    }
  }

  mayHold(hash: number): boolean {
    const bit = (keyOf(hash) % low32) & this.mask;
    return (this.bits[bit >>> 5]! & (1 << (bit & 31))) !== 0;
  }
}

const filterPrefixBits = 12;
const bitsPerEntry = 8;
const bitsPerHash = 4;

/** The row of a file's filter that speaks of a hash. */
export function filterPrefixOf(hash: number): number {
  return Math.floor(keyOf(hash) / 2 ** (keyBits - filterPrefixBits));
}

/** The keys of a run, prefix by prefix, ascending; prefixes without any are left out. */
export function* keysByPrefix({ keys }: IdRun): Generator<{ prefix: number; keys: Float64Array }> {
  const span = 2 ** (keyBits - filterPrefixBits);
  for (let from = 0; from < keys.length; ) {
    const prefix = Math.floor(keys[from]! / span);
    let to = from + 1;
    while (to < keys.length && keys[to]! < (prefix + 1) * span) to += 1;
    yield { prefix, keys: keys.subarray(from, to) };
    from = to;
  }
}

/**
 * A row that speaks of one run more.
 * @param before the row as it is, null where there is none
 * @param keys of the run, those of the row's prefix, at least one
 */
export function extendFilterRow(before: Uint8Array | null, run: number, keys: Float64Array): Buffer {
  const bits = new Uint32Array(2 ** Math.max(0, Math.ceil(Math.log2((keys.length * bitsPerEntry) / 32))));
  for (const key of keys) for (let hash = 0; hash < bitsPerHash; hash++) setBit(bits, bitOf(key % low32, hash, bits.length));
  const old = before === null ? Buffer.alloc(4) : Buffer.from(before.buffer, before.byteOffset, before.byteLength);
  const count = old.readUInt32LE(0);
  const oldHeaderEnd = 4 + 8 * count;
  const header = Buffer.alloc(oldHeaderEnd + 8);
  old.copy(header, 0, 0, oldHeaderEnd);
  header.writeUInt32LE(count + 1, 0);
  header.writeUInt32LE(run, oldHeaderEnd);
  header.writeUInt32LE(bits.length, oldHeaderEnd + 4);
  return Buffer.concat([header, old.subarray(oldHeaderEnd), new Uint8Array(bits.buffer)]);
}

/** The runs that may have the hash. */
export function runsInFilterRow(data: Uint8Array, hash: number): number[] {
  const row = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const key = keyOf(hash) % low32;
  const count = row.readUInt32LE(0);
  let at = 4 + 8 * count;
  const runs: number[] = [];
  for (let index = 0; index < count; index++) {
    const words = row.readUInt32LE(8 + 8 * index);
    let may = true;
    for (let nth = 0; nth < bitsPerHash && may; nth++) {
      const bit = bitOf(key, nth, words);
      may = (row.readUInt32LE(at + 4 * (bit >>> 5)) & (1 << (bit & 31))) !== 0;
    }
    if (may) runs.push(row.readUInt32LE(4 + 8 * index));
    at += 4 * words;
  }
  return runs;
}

function setBit(bits: Uint32Array, bit: number): void {
  bits[bit >>> 5]! |= 1 << (bit & 31);
}

/** The key is a hash already; each further bit is taken from it mixed anew. */
function bitOf(key: number, nth: number, words: number): number {
  let mixed = Math.imul(key ^ (nth * 0x9e3779b1), 0x85ebca6b);
  mixed ^= mixed >>> 15;
  return mixed & (words * 32 - 1);
}
