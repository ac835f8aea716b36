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

/** Safe integers, in the order added. */
export class ColumnWriter {
  readonly values: number[] = [];
  shape: ColumnShape = [0, 0];

  /** Works the shape out. @returns bytes it takes */
  close(): number {
    const { values } = this;
    let min = Infinity;
    let max = -Infinity;
    for (let index = 0; index < values.length; index++) {
      const value = values[index]!;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    if (values.length === 0) min = max = 0;
    const range = max - min;
    let width = 0;
    for (let reach = 1; reach <= range && width <= planesMax; reach *= 256) width += 1;
    if (width > planesMax) {
      width = doubles;
      min = 0;
    }
    this.shape = [min, width];
    return width * values.length;
  }

  /** After `close`. @returns where the next column begins */
  write(target: Buffer, from: number): number {
    const { values, shape: [base, width] } = this;
    const count = values.length;
    if (width === doubles) {
      for (let index = 0; index < count; index++) target.writeDoubleLE(values[index]!, from + doubles * index);
    } else if (width <= 4) {
      for (let plane = 0; plane < width; plane++) {
        const shift = 8 * plane;
        let at = from + plane * count;
        for (let index = 0; index < count; index++) target[at++] = (values[index]! - base) >>> shift;
      }
    } else {
      for (let index = 0; index < count; index++) {
        let rest = values[index]! - base;
        for (let plane = 0; plane < width; plane++) {
          target[from + plane * count + index] = rest % 256;
          rest = Math.floor(rest / 256);
        }
      }
    }
    return from + width * count;
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
