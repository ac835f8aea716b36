/**
 * The words of a block: every run of three or more letters a to z in its events' messages and fields, in lower case, that has one past `f` among them (or each hexadecimal
 * id would bring some). What is looked for can be in a block only where the words of what is looked for are among the block's, so a block without
 * them needs not be unpacked. Never a no where there is something: letters that become a to z only in lower case (the Kelvin sign) are words too.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { FieldValue } from '../event.ts';
import { filterOf, type Node, type Query } from '../query/ast.ts';
import { isOwnField } from '../query/field.ts';

/** Of one block; a block with more has none, and every search looks into it. */
export const wordsBytesMax = 128 * 1024;
/** Of the blocks of one group; likewise. */
export const groupWordsBytesMax = 1 << 20;
/** Blocks whose words are kept together once more, one bit each, so that most of a store is passed over in large steps. */
export const blocksPerWordGroup = 32;

const letterA = 0x61;
const letterF = 0x66;
const letterZ = 0x7a;
const lowerCaseBit = 0x20;
const beyondAscii = 0x80;
const wordLettersMin = 3;
const tableSize = 1 << 16;

/** Collects words; used for one block after the other. */
export class WordSet {
  private readonly table = new Int32Array(tableSize);
  private readonly arena = Buffer.allocUnsafe(wordsBytesMax);
  private readonly starts: number[] = [];
  private readonly hashes: number[] = [];
  private used = 0;
  private overflown = false;

  clear(): void {
    this.table.fill(0);
    this.starts.length = this.hashes.length = 0;
    this.used = 0;
    this.overflown = false;
  }

  addText(text: string): void {
    const { length } = text;
    let from = 0;
    let hash = 0;
    let isWord = false;
    for (let index = 0; index <= length; index++) {
      const unit = index < length ? text.charCodeAt(index) : 0;
      if (unit >= beyondAscii) {
        // What it is in lower case may be a letter.
        this.addLowerCase(text.toLowerCase());
        return;
      }
      const code = unit | lowerCaseBit;
      if (code >= letterA && code <= letterZ) {
        hash = (Math.imul(hash, 31) + code) | 0;
        if (code > letterF) isWord = true;
      } else {
        if (isWord && index - from >= wordLettersMin) this.addWord(text, from, index, hash);
        from = index + 1;
        hash = 0;
        isWord = false;
      }
    }
  }

  private addLowerCase(text: string): void {
    for (const { 0: word } of text.matchAll(/[a-z]{3,}/g)) {
      if (!/[g-z]/.test(word)) continue;
      let hash = 0;
      for (let index = 0; index < word.length; index++) hash = (Math.imul(hash, 31) + word.charCodeAt(index)) | 0;
      this.addWord(word, 0, word.length, hash);
    }
  }

  addValue(value: FieldValue): void {
    if (Array.isArray(value)) for (const member of value) this.addValue(member);
    else this.addText(String(value));
  }

  /** Between newlines, and with one at both ends; null where they were too many. */
  text(): string | null {
    if (this.overflown) return null;
    const words = this.starts.map((start, index) => this.arena.toString('latin1', start, this.starts[index + 1] ?? this.used));
    return `\n${words.sort().join('\n')}\n`;
  }

  private addWord(text: string, from: number, to: number, hash: number): void {
    const { table, arena } = this;
    const length = to - from;
    let slot = (hash ^ (hash >>> 15)) & (tableSize - 1);
    for (let entry = table[slot]!; entry !== 0; entry = table[(slot = (slot + 1) & (tableSize - 1))]!) {
      if (this.hashes[entry - 1] !== hash) continue;
      const start = this.starts[entry - 1]!;
      const end = this.starts[entry] ?? this.used;
      if (end - start !== length) continue;
      let index = 0;
      // Words, not hashes: a collision would hide one.
      while (index < length && arena[start + index] === (text.charCodeAt(from + index) | lowerCaseBit)) index += 1;
      if (index === length) return;
    }
    if (this.used + length > wordsBytesMax) this.overflown = true;
    if (this.overflown) return;
    for (let index = 0; index < length; index++) arena[this.used + index] = text.charCodeAt(from + index) | lowerCaseBit;
    this.starts.push(this.used);
    this.hashes.push(hash);
    this.used += length;
    table[slot] = this.starts.length;
  }
}

export function packWords(text: string): Uint8Array {
  return zstdCompressSync(Buffer.from(text, 'latin1'), { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } });
}

/** @param textBytes as kept beside it */
export function unpackWords(data: Uint8Array, textBytes: number): string {
  return zstdDecompressSync(data, { chunkSize: textBytes + 64 }).toString('latin1');
}

/** The words of several blocks, and of each word which of the blocks have it: one bit per block, in their order. */
export class GroupWords {
  readonly text: string;
  private readonly masks: Uint32Array;
  private starts: number[] | null = null;

  /** @param text as `WordSet.text` gives it; a mask for each of its words, in order */
  constructor(text: string, masks: Uint32Array) {
    this.text = text;
    this.masks = masks;
  }

  static of(words: ReadonlyMap<string, number>): GroupWords {
    const sorted = [...words.keys()].sort();
    return new GroupWords(`\n${sorted.join('\n')}\n`, Uint32Array.from(sorted, word => words.get(word)!));
  }

  static unpack(data: Uint8Array, textBytes: number): GroupWords {
    const bytes = zstdDecompressSync(data, { chunkSize: 2 * textBytes + 64 });
    return new GroupWords(bytes.toString('latin1', 0, textBytes), new Uint32Array(Uint8Array.prototype.slice.call(bytes, textBytes).buffer));
  }

  pack(): Uint8Array {
    return zstdCompressSync(Buffer.concat([Buffer.from(this.text, 'latin1'), new Uint8Array(this.masks.buffer)]), { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } });
  }

  /** The blocks that have a word which holds this. */
  blocksWith(needle: string): number {
    let blocks = 0;
    for (let at = this.text.indexOf(needle); at >= 0; at = this.text.indexOf(needle, at + 1)) blocks |= this.masks[this.wordAt(needle.startsWith('\n') ? at + 1 : at)]!;
    return blocks;
  }

  private wordAt(at: number): number {
    if (this.starts === null) {
      this.starts = [];
      for (let newline = this.text.indexOf('\n'); newline >= 0 && newline < this.text.length - 1; newline = this.text.indexOf('\n', newline + 1)) this.starts.push(newline + 1);
    }
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.starts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/**
 * Which blocks may hold a match, one bit each.
 * @param blocksWith those that have a word which holds this
 */
export type WordTest = (blocksWith: (needle: string) => number) => number;

const allBlocks = ~0;

/** For the words of one block. */
export function mayHold(test: WordTest, words: string): boolean {
  return test(needle => (words.includes(needle) ? allBlocks : 0)) !== 0;
}

/** Null where a query says nothing about words. */
export function wordTest(query: Query | Node): WordTest | null {
  return testOf(filterOf(query));
}

function testOf(node: Node): WordTest | null {
  switch (node.type) {
    case 'and': {
      const tests = node.nodes.map(testOf).filter(test => test !== null);
      return tests.length === 0 ? null : blocksWith => tests.reduce((blocks, test) => (blocks === 0 ? 0 : blocks & test(blocksWith)), allBlocks);
    }
    case 'or': {
      const tests = node.nodes.map(testOf);
      return tests.includes(null) ? null : blocksWith => tests.reduce((blocks, test) => blocks | test!(blocksWith), 0);
    }
    case 'text':
      return allOf(node.parts);
    case 'equals':
      // Leadline's own fields do not stand in the line.
      return isOwnField(node.field) && node.field !== 'message' ? null : allOf([node.value]);
    case 'glob':
      return isOwnField(node.field) && node.field !== 'message' ? null : allOf(node.parts);
    default:
      return null;
  }
}

/** Each of these texts is somewhere in a line: its words at its ends may be parts of longer ones. */
function allOf(texts: readonly string[]): WordTest | null {
  const needles: string[] = [];
  for (const text of texts) {
    const lower = text.toLowerCase();
    for (const { 0: word, index } of lower.matchAll(/[a-z]{3,}/g)) {
      if (!/[g-z]/.test(word)) continue;
      needles.push(`${index > 0 ? '\n' : ''}${word}${index + word.length < lower.length ? '\n' : ''}`);
    }
  }
  if (needles.length === 0) return null;
  // Long words are rare: the first test says no most often.
  needles.sort((a, b) => b.length - a.length);
  return blocksWith => needles.reduce((blocks, needle) => (blocks === 0 ? 0 : blocks & blocksWith(needle)), allBlocks);
}
