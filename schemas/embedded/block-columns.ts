/** The columns of a block (`block-format.ts`), unpacked; what they mean for an event is `event-view.ts`. */
import { zstdDecompressSync } from 'node:zlib';
import { idColumnsOf, placesOf, RowColumns, type BlockStream, type Description } from './block-format.ts';
import type { Shape } from './block-shape.ts';
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
  /** The first event with each id. */
  readonly idRows: Float64Array;
  readonly timeMs: Float64Array;
  /** Where each event's line ends. */
  readonly lineEnds: Float64Array;
  readonly ownFrom: number;
  readonly ownEnds: Float64Array;
  /** Which of its shape's events each one is. */
  readonly ordinals: Uint32Array;
  readonly streamOffsets: Float64Array;
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
    this.idRows = column(ids).runningSums();
    this.idFrom = column(ids);
    this.idLength = column(ids);
    this.shapes = shapes.map(shape => ({ ...shape, columns: Array.from({ length: placesOf(shape) + idColumnsOf(shape) }, () => column(shape.n)) }));
    this.ownFrom = at;
    this.timeMs = this.rows.msStep.runningSums();
    this.lineEnds = this.rows.rawBytes.runningSums();
    this.ownEnds = this.rows.ownBytes.runningSums();
    this.ordinals = new Uint32Array(n);
    this.streamOffsets = new Float64Array(n);
    this.idValues = Array.from<undefined>({ length: ids });
    const seen = new Uint32Array(shapes.length);
    const streamEnds = Float64Array.from(streams, ({ from }) => from);
    const { shape, stream, offsetStep, framingBytes, rawBytes: lineBytes } = this.rows;
    for (let row = 0; row < n; row++) {
      const number = shape.at(row);
      this.ordinals[row] = seen[number]!;
      seen[number]! += 1;
      const from = (this.streamOffsets[row] = streamEnds[stream.at(row)]! + offsetStep.at(row));
      streamEnds[stream.at(row)] = from + framingBytes.at(row) + lineBytes.at(row);
    }
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
      value = this.line(this.idRows[number]!).toString('utf8').slice(from, from + length);
    }
    return (this.idValues[number] = value);
  }
}
