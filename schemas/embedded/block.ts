/** A block that is read (`block-format.ts`): cheap columns for all of its events, whole events for those asked for. */
import { invariant } from '#lib/assert.ts';
import { canonicalId, idHash } from '../canonical-id.ts';
import type { IdKind, LogEvent } from '../event.ts';
import { BlockColumns, type ReadShape } from './block-columns.ts';
import { idColumnsOf } from './block-format.ts';
import { has, messageIs } from './block-shape.ts';
import { EventView } from './event-view.ts';
import { anyNumber, idListOf, noHash, type IdList } from './id-list.ts';
import { joinTime } from './nanoseconds.ts';

const portionBytes = 64 * 1024;

export class Block {
  readonly length: number;
  readonly rawBytes: number;
  /** Bytes it holds in memory when all of it is unpacked, for a cache's accounting. */
  readonly byteLength: number;
  private readonly columns: BlockColumns;
  private ownIdList: IdList | null = null;

  /** @throws Error from zlib where the bytes are damaged; those of the lines are looked at when they are wanted. */
  constructor(head: Uint8Array, headBytes: number, raw: Uint8Array) {
    this.columns = new BlockColumns(head, headBytes, raw);
    this.length = this.columns.length;
    this.rawBytes = this.columns.rawBytes;
    this.byteLength = headBytes + this.rawBytes;
  }

  timeNs(row: number): bigint {
    return joinTime(this.columns.timeMs[row]!, this.columns.rows.ns.at(row));
  }

  /** Whole milliseconds, rounded down. */
  timeMs(row: number): number {
    return this.columns.timeMs[row]!;
  }

  /** Milliseconds with fractions, as far as a double has them. */
  exactMs(row: number): number {
    return this.columns.timeMs[row]! + this.columns.rows.ns.at(row) / 1e6;
  }

  /** Rank of the level, -1 where unknown. */
  levelRank(row: number): number {
    return this.columns.rows.level.at(row);
  }

  service(row: number): string | null {
    return this.columns.streams[this.columns.rows.stream.at(row)]!.service;
  }

  streamId(row: number): string {
    return this.columns.streams[this.columns.rows.stream.at(row)]!.streamId;
  }

  streamOffset(row: number): number {
    return this.columns.streamOffsets[row]!;
  }

  source(row: number): string {
    return this.columns.streams[this.columns.rows.stream.at(row)]!.source;
  }

  template(row: number): string | null {
    const number = this.columns.rows.template.at(row);
    return number === 0 ? null : this.columns.templates[number - 1]!;
  }

  isGap(row: number): boolean {
    return (this.shapeOf(row).bits & has.gap) !== 0;
  }

  requestIdSource(row: number): string | null {
    return this.shapeOf(row).requestIdSource;
  }

  /** Tells of each of an event's ids the kind and its number here, which stands for one spelling. */
  eachId(row: number, tell: (kind: IdKind, number: number) => void): void {
    const shape = this.shapeOf(row);
    const first = shape.columns.length - idColumnsOf(shape);
    for (let index = 0; index < shape.ids.length; index++) tell(shape.ids[index]!.kind, shape.columns[first + index]!.at(this.columns.ordinals[row]!));
  }

  idValue(number: number): string {
    return this.columns.idValue(number);
  }

  /** All lines, one behind the other; each ends at `lineEnd`. */
  lines(): Buffer {
    return this.columns.lines();
  }

  lineEnd(row: number): number {
    return this.columns.lineEnds[row]!;
  }

  /** A line without a request id, as `lacksRequestId` has it. */
  isUnclaimed(row: number): boolean {
    const { bits, requestIdIs } = this.shapeOf(row);
    return requestIdIs < 0 && (bits & (has.requestId | has.gap)) === 0;
  }

  /** The hashes of its ids, as a sealed block's are kept. */
  idList(): IdList {
    if (this.ownIdList === null) {
      this.ownIdList = idListOf(Array.from({ length: this.columns.idCount }, (_, number) => {
        const canonical = canonicalId(this.columns.idValue(number));
        return canonical === null ? noHash : idHash(canonical);
      }));
    }
    return this.ownIdList;
  }

  /** Numbers of the ids whose spelling satisfies `wanted`, among these (`anyNumber` stands for all from it on). */
  idsLike(numbers: readonly number[], wanted: (value: string) => boolean): number[] {
    const all = numbers.flatMap(number => (number === anyNumber ? Array.from({ length: this.columns.idCount - anyNumber }, (_, index) => anyNumber + index) : [number]));
    return all.filter(number => wanted(this.columns.idValue(number)));
  }

  /** The events that carry any of these ids, or have one as their request id, ascending. */
  rowsWithIds(numbers: readonly number[]): number[] {
    const wanted = new Set(numbers);
    // An id's first event is known; those after it are found by their shape's columns of ids.
    let first = this.length;
    for (const number of wanted) first = Math.min(first, this.columns.idRows[number]!);
    const rows: number[] = [];
    for (let row = first; row < this.length; row++) {
      const shape = this.columns.shapes[this.columns.rows.shape.at(row)]!;
      const ordinal = this.columns.ordinals[row]!;
      for (let index = shape.columns.length - idColumnsOf(shape); index < shape.columns.length; index++) {
        if (!wanted.has(shape.columns[index]!.at(ordinal))) continue;
        rows.push(row);
        break;
      }
    }
    return rows;
  }

  /**
   * Where a text can be in the message, by a look at all lines at once: every event whose message matches is among them, and some that do not.
   * @param search a global regular expression over bytes as Latin-1 text; it decides only for lines that are ASCII and hold their message as it is
   */
  rowsThatMayMatch(search: RegExp): number[] {
    const { lineEnds, shapes, rows: { shape } } = this.columns;
    const lines = this.columns.lines();
    const rows: number[] = [];
    const unclear = shapes.map(({ bits, message }) => (bits & has.notAscii) !== 0 || message === messageIs.own);
    const anyUnclear = unclear.includes(true);
    // In portions: a text of a whole block is more than a processor's cache, and than what is young to the heap.
    for (let firstRow = 0; firstRow < this.length; ) {
      const from = firstRow === 0 ? 0 : lineEnds[firstRow - 1]!;
      const endRow = Math.max(firstRow + 1, this.rowOf(from + portionBytes, firstRow));
      const text = lines.toString('latin1', from, lineEnds[endRow - 1]);
      let row = firstRow;
      search.lastIndex = 0;
      while (row < endRow) {
        const found = search.exec(text);
        const hit = found === null ? endRow : this.rowOf(from + found.index, row);
        if (anyUnclear) for (; row < hit; row++) if (unclear[shape.at(row)]!) rows.push(row);
        if (hit >= endRow) break;
        rows.push(hit);
        row = hit + 1;
        search.lastIndex = lineEnds[hit]! - from;
      }
      firstRow = endRow;
    }
    return rows;
  }

  /** An event whose parts are worked out when they are asked for: for predicates, which ask for few. Good while nobody keeps it. */
  view(row: number): LogEvent {
    return new EventView(this.columns, row);
  }

  event(row: number): LogEvent {
    invariant(row >= 0 && row < this.length, `row ${row} of a block of ${this.length}`);
    const { eventId, timeNs, timeSource, service, container, pod, namespace, node, level, message, raw, fields, requestId, requestIdSource, confidence, ids, source, streamId, streamOffset, streamOffsetEnd, pieces, output, part, gap, exceptionType, template, chainPosition } = new EventView(this.columns, row);
    // The line is a copy: the block's bytes are not for the reader to keep.
    return { eventId, timeNs, timeSource, service, container, pod, namespace, node, level, message, raw: Buffer.from(raw), fields, requestId, requestIdSource, confidence, ids, source, streamId, streamOffset, streamOffsetEnd, pieces, output, part, gap, exceptionType, template, chainPosition };
  }

  private shapeOf(row: number): ReadShape {
    return this.columns.shapes[this.columns.rows.shape.at(row)]!;
  }

  /** The row whose line holds this byte, from `row` on. */
  private rowOf(byte: number, row: number): number {
    let low = row;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.columns.lineEnds[middle]! > byte) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
