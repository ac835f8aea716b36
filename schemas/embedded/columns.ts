/**
 * Columns of whole numbers, packed: each is a base and, for what lies above it, as many bytes per value as its largest needs. Bytes of equal weight
 * lie together (all lowest bytes, then all second ones, ...), because those of one weight are alike and compress well; any value is read without
 * the others.
 */
import { invariant } from '#lib/assert.ts';

/** Planes of one byte per value; more than six, and the values lie as doubles. */
const planesMax = 6;
const doubles = 8;

/** What a reader must know of a column: its smallest value and its bytes per value (0 where all are the same). */
export type ColumnShape = [base: number, width: number];

const lengthAtFirst = 16;

/** Safe integers, in the order added. */
export class ColumnWriter {
  length = 0;
  shape: ColumnShape = [0, 0];
  private narrow = new Int32Array(lengthAtFirst);
  /** All values, once one does not fit into 32 bits. */
  private wide: Float64Array | null = null;

  get capacity(): number {
    return (this.wide ?? this.narrow).length;
  }

  push(value: number): void {
    const { narrow, length } = this;
    if (this.wide !== null || length === narrow.length || (value | 0) !== value) this.pushSlowly(value);
    else narrow[length] = value;
    this.length = length + 1;
  }

  /** Keeps its room for other values. */
  clear(): void {
    this.length = 0;
  }

  /** Works the shape out. @returns bytes it takes */
  close(): number {
    const { length } = this;
    const [min, max] = this.wide === null ? extent(this.narrow, length) : extent(this.wide, length);
    const range = max - min;
    let width = 0;
    for (let reach = 1; reach <= range && width <= planesMax; reach *= 256) width += 1;
    const isPlanes = width <= planesMax;
    this.shape = isPlanes ? [min, width] : [0, doubles];
    return (isPlanes ? width : doubles) * length;
  }

  /** After `close`. @returns where the next column begins */
  write(target: Buffer, from: number): number {
    const { narrow, wide, length, shape: [base, width] } = this;
    if (wide === null) {
      for (let plane = 0; plane < width; plane++) {
        const shift = 8 * plane;
        let at = from + plane * length;
        for (let index = 0; index < length; index++) target[at++] = (narrow[index]! - base) >>> shift;
      }
    } else if (width === doubles) {
      for (let index = 0; index < length; index++) target.writeDoubleLE(wide[index]!, from + doubles * index);
    } else {
      for (let index = 0; index < length; index++) {
        let rest = wide[index]! - base;
        for (let plane = 0; plane < width; plane++) {
          target[from + plane * length + index] = rest % 256;
          rest = Math.floor(rest / 256);
        }
      }
    }
    return from + width * length;
  }

  private pushSlowly(value: number): void {
    const { length } = this;
    if (this.wide === null && (value | 0) === value) {
      const grown = new Int32Array(2 * length);
      grown.set(this.narrow);
      this.narrow = grown;
      grown[length] = value;
      return;
    }
    if (this.wide === null || length === this.wide.length) {
      const grown = new Float64Array(Math.max(2 * length, this.narrow.length));
      grown.set((this.wide ?? this.narrow).subarray(0, length));
      this.wide = grown;
    }
    this.wide[length] = value;
  }
}

function extent(values: Int32Array | Float64Array, length: number): [min: number, max: number] {
  if (length === 0) return [0, 0];
  let min = Infinity;
  let max = -Infinity;
  for (let index = 0; index < length; index++) {
    const value = values[index]!;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return [min, max];
}

/** Columns and values that are kept for the next block: more than most need. */
const keptColumnsMax = 512;
const keptLengthMax = 16 * 1024;

/** Lends columns out: what is written into for each event should not be made anew for each block. */
export class ColumnPool {
  private readonly columns: ColumnWriter[] = [];
  private lent = 0;

  /** An empty one. */
  take(): ColumnWriter {
    const column = this.columns[this.lent] ?? new ColumnWriter();
    this.columns[this.lent++] = column;
    return column;
  }

  /** All are back, and none is used any more by who had it. */
  takeBack(): void {
    this.lent = 0;
    if (this.columns.length > keptColumnsMax) this.columns.length = keptColumnsMax;
    for (const [index, column] of this.columns.entries()) {
      if (column.capacity > keptLengthMax) this.columns[index] = new ColumnWriter();
      else column.clear();
    }
  }
}

/** A column where it lies. */
export class Column {
  readonly length: number;
  /** Where the next column begins. */
  readonly end: number;
  private readonly bytes: Buffer;
  private readonly from: number;
  private readonly base: number;
  private readonly width: number;

  constructor(bytes: Buffer, from: number, length: number, [base, width]: ColumnShape) {
    this.bytes = bytes;
    this.from = from;
    this.length = length;
    this.base = base;
    this.width = width;
    this.end = from + width * length;
    invariant(this.end <= bytes.length && (width <= planesMax || width === doubles), 'a column lies within its block');
  }

  at(index: number): number {
    const { bytes, length, width } = this;
    const at = this.from + index;
    switch (width) {
      case 0:
        return this.base;
      case 1:
        return this.base + bytes[at]!;
      case 2:
        return this.base + (bytes[at]! | (bytes[at + length]! << 8));
      case doubles:
        return bytes.readDoubleLE(this.from + doubles * index);
      default: {
        let value = 0;
        for (let plane = width - 1; plane >= 0; plane--) value = value * 256 + bytes[at + plane * length]!;
        return this.base + value;
      }
    }
  }

  /** Each value plus all before it. */
  runningSums(): Float64Array {
    const sums = new Float64Array(this.length);
    let sum = 0;
    for (let index = 0; index < this.length; index++) sums[index] = sum += this.at(index);
    return sums;
  }
}
