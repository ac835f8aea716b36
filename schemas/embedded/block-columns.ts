/** The columns of a block (`block-format.ts`), unpacked; what they mean for an event is `event-view.ts`. */
import { zstdDecompressSync } from 'node:zlib';
import { idColumnsOf, placesOf, RowColumns, type BlockStream, type Description } from './block-format.ts';
import { has, type Shape } from './block-shape.ts';
import { Column } from './columns.ts';

export interface ReadShape extends Shape {
  columns: Column[];
}

export class BlockColumns {
  readonly length: number;
  readonly rawBytes: number;
  readonly head: Buffer;
  readonly streams: BlockStream[];
  readonly shapes: ReadShape[];
  readonly templates: string[];
  readonly rows: RowColumns<Column>;
  readonly ownFrom: number;
  // What is worked out from columns is worked out when it is wanted: a search that finds nothing in a block wants little of it.
  private idRowsMade: Float64Array | null = null;
  private timeMsMade: Float64Array | null = null;
  private lineEndsMade: Float64Array | null = null;
  private ownEndsMade: Float64Array | null = null;
  private ordinalsMade: Uint32Array | null = null;
  private streamOffsetsMade: Float64Array | null = null;
  private readonly idRowSteps: Column;
  private readonly packedLines: Uint8Array;
  private unpackedLines: Buffer | null = null;
  private readonly ownIds: string[];
  private readonly idFrom: Column;
  private readonly idLength: Column;
  /** Each id as its line spelled it, once it was asked for. */
  private readonly idValues: (string | undefined)[];

  /** @throws Error from zlib where the bytes are damaged. */
  constructor(head: Uint8Array, headBytes: number, raw: Uint8Array) {
    this.packedLines = raw;
    this.head = zstdDecompressSync(head, { chunkSize: headBytes + 64 });
    const descriptionEnd = 4 + this.head.readUInt32LE(0);
    const { n, rawBytes, streams, shapes, templates, ids, ownIds, columns } = JSON.parse(this.head.toString('utf8', 4, descriptionEnd)) as Description;
    this.length = n;
    this.rawBytes = rawBytes;
    this.streams = streams;
    this.templates = templates;
    this.ownIds = ownIds;
    let at = descriptionEnd;
    let next = 0;
    const column = (length: number): Column => {
      const made = new Column(this.head, at, length, columns[next++]!);
      at = made.end;
      return made;
    };
    this.rows = new RowColumns(() => column(n));
    this.idRowSteps = column(ids);
    this.idFrom = column(ids);
    this.idLength = column(ids);
    this.shapes = shapes.map(shape => ({ ...shape, columns: Array.from({ length: placesOf(shape) + idColumnsOf(shape) }, () => column(shape.n)) }));
    this.ownFrom = at;
    this.idValues = Array.from<undefined>({ length: ids });
  }

  /** The first event with each id. */
  get idRows(): Float64Array {
    return (this.idRowsMade ??= this.idRowSteps.runningSums());
  }

  get timeMs(): Float64Array {
    return (this.timeMsMade ??= this.rows.msStep.runningSums());
  }

  /** Where each event's line ends. */
  get lineEnds(): Float64Array {
    return (this.lineEndsMade ??= this.rows.rawBytes.runningSums());
  }

  get ownEnds(): Float64Array {
    return (this.ownEndsMade ??= this.rows.ownBytes.runningSums());
  }

  /** Which of its shape's events each one is. */
  get ordinals(): Uint32Array {
    if (this.ordinalsMade === null) {
      const seen = new Uint32Array(this.shapes.length);
      this.ordinalsMade = new Uint32Array(this.length);
      for (let row = 0; row < this.length; row++) this.ordinalsMade[row] = seen[this.rows.shape.at(row)]!++;
    }
    return this.ordinalsMade;
  }

  get streamOffsets(): Float64Array {
    if (this.streamOffsetsMade === null) {
      const { stream, offsetStep, framingBytes, rawBytes } = this.rows;
      const ends = Float64Array.from(this.streams, ({ from }) => from);
      this.streamOffsetsMade = new Float64Array(this.length);
      for (let row = 0; row < this.length; row++) {
        const number = stream.at(row);
        const from = (this.streamOffsetsMade[row] = ends[number]! + offsetStep.at(row));
        ends[number] = from + framingBytes.at(row) + rawBytes.at(row);
      }
    }
    return this.streamOffsetsMade;
  }

  get idCount(): number {
    return this.idValues.length;
  }

  line(row: number): Buffer {
    const end = this.lineEnds[row]!;
    return this.lines().subarray(end - this.rows.rawBytes.at(row), end);
  }

  /** All lines, one behind the other; unpacked when the first of them is wanted. */
  lines(): Buffer {
    this.unpackedLines ??= this.rawBytes === 0 ? Buffer.alloc(0) : zstdDecompressSync(this.packedLines, { chunkSize: this.rawBytes + 64 });
    return this.unpackedLines;
  }

  idValue(number: number): string {
    const known = this.idValues[number];
    if (known !== undefined) return known;
    const length = this.idLength.at(number);
    let value: string;
    if (length === 0) {
      let ordinal = 0;
      for (let before = 0; before < number; before++) if (this.idLength.at(before) === 0) ordinal += 1;
      value = this.ownIds[ordinal]!;
    } else {
      const from = this.idFrom.at(number);
      const row = this.idRows[number]!;
      const isAscii = (this.shapes[this.rows.shape.at(row)]!.bits & has.notAscii) === 0;
      const lineFrom = this.lineEnds[row]! - this.rows.rawBytes.at(row);
      value = isAscii ? this.lines().toString('latin1', lineFrom + from, lineFrom + from + length) : this.line(row).toString('utf8').slice(from, from + length);
    }
    return (this.idValues[number] = value);
  }
}
