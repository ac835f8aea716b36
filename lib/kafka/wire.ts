/** Kafka's primitive types, written and read. Big-endian; "compact" lengths are one more than the length, as unsigned varints, with 0 for null. */

const growBytesMin = 256;

export class WireWriter {
  private buffer: Buffer;
  private at = 0;

  constructor(bytesExpected = growBytesMin) {
    this.buffer = Buffer.allocUnsafe(bytesExpected);
  }

  get length(): number {
    return this.at;
  }

  /** A view of what was written; write no more to this writer. */
  get bytes(): Buffer {
    return this.buffer.subarray(0, this.at);
  }

  int8(value: number): this {
    const at = this.room(1);
    this.buffer.writeInt8(value, at);
    return this;
  }

  int16(value: number): this {
    const at = this.room(2);
    this.buffer.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.room(4);
    this.buffer.writeInt32BE(value, at);
    return this;
  }

  uint32(value: number): this {
    const at = this.room(4);
    this.buffer.writeUInt32BE(value, at);
    return this;
  }

  int64(value: bigint): this {
    const at = this.room(8);
    this.buffer.writeBigInt64BE(value, at);
    return this;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  unsignedVarint(value: number): this {
    let rest = value >>> 0;
    for (; rest > 0x7f; rest >>>= 7) this.byte((rest & 0x7f) | 0x80);
    this.byte(rest);
    return this;
  }

  private byte(value: number): void {
    // `this.buffer[this.room(1)]` would write into the buffer from before it grew.
    const at = this.room(1);
    this.buffer[at] = value;
  }

  /** Zigzag, as lengths inside records are. */
  varint(value: number): this {
    return this.unsignedVarint((value << 1) ^ (value >> 31));
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1);
    this.int16(Buffer.byteLength(value));
    return this.text(value);
  }

  compactString(value: string): this {
    this.unsignedVarint(Buffer.byteLength(value) + 1);
    return this.text(value);
  }

  /** UTF-8 without a length. */
  text(value: string): this {
    const bytes = Buffer.byteLength(value);
    const at = this.room(bytes);
    this.buffer.write(value, at, bytes, 'utf8');
    return this;
  }

  raw(bytes: Uint8Array): this {
    const at = this.room(bytes.length);
    this.buffer.set(bytes, at);
    return this;
  }

  array<T>(values: readonly T[], write: (value: T) => void): this {
    this.int32(values.length);
    for (const value of values) write(value);
    return this;
  }

  /** The end of a structure in the flexible versions: no tagged fields. */
  noTags(): this {
    return this.unsignedVarint(0);
  }

  private room(bytes: number): number {
    const at = this.at;
    if (at + bytes > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, at + bytes));
      larger.set(this.buffer.subarray(0, at));
      this.buffer = larger;
    }
    this.at = at + bytes;
    return at;
  }
}

/** An answer that ends too early or says something impossible. */
export class WireError extends Error {}

export class WireReader {
  at: number;
  private readonly bytes: Buffer;
  private readonly end: number;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  int8(): number {
    return this.bytes.readInt8(this.take(1));
  }

  int16(): number {
    return this.bytes.readInt16BE(this.take(2));
  }

  int32(): number {
    return this.bytes.readInt32BE(this.take(4));
  }

  uint32(): number {
    return this.bytes.readUInt32BE(this.take(4));
  }

  int64(): bigint {
    return this.bytes.readBigInt64BE(this.take(8));
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.take(1)]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new WireError('a varint has more than 5 bytes');
  }

  varint(): number {
    const value = this.unsignedVarint();
    return (value >>> 1) ^ -(value & 1);
  }

  /** As a number: exact for what times and offsets differ by. */
  varlong(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.bytes[this.take(1)]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      factor *= 128;
    }
    throw new WireError('a varlong has more than 10 bytes');
  }

  string(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.text(length);
  }

  compactString(): string | null {
    const length = this.unsignedVarint() - 1;
    return length < 0 ? null : this.text(length);
  }

  text(length: number): string {
    const at = this.take(length);
    return this.bytes.toString('utf8', at, at + length);
  }

  /** A view. */
  raw(length: number): Buffer {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** 32 hex digits. */
  uuid(): string {
    const at = this.take(16);
    return this.bytes.toString('hex', at, at + 16);
  }

  array<T>(read: () => T): T[] {
    return this.times(this.int32(), read);
  }

  compactArray<T>(read: () => T): T[] {
    return this.times(this.unsignedVarint() - 1, read);
  }

  skipTags(): void {
    for (let count = this.unsignedVarint(); count > 0; count--) {
      this.unsignedVarint();
      this.take(this.unsignedVarint());
    }
  }

  /** A null array (-1) is read as an empty one. */
  private times<T>(count: number, read: () => T): T[] {
    if (count > this.left) throw new WireError(`an array of ${count} does not fit into ${this.left} bytes`);
    const values: T[] = [];
    for (let index = 0; index < count; index++) values.push(read());
    return values;
  }

  private take(length: number): number {
    const at = this.at;
    if (length < 0 || at + length > this.end) throw new WireError(`${length} bytes are wanted where ${this.end - at} are left`);
    this.at = at + length;
    return at;
  }
}
