/**
 * One event of a block. Its parts are worked out when they are asked for, because a predicate asks for few of them.
 */
import { joinTime } from './nanoseconds.ts';
import { levels, type EventGap, type EventId, type EventPart, type Fields, type FieldValue, type Level, type LogEvent, type Output, type Piece, type TimeSource } from '../event.ts';
import type { BlockColumns, ReadShape } from './block-columns.ts';
import { idColumnsOf, type BlockStream } from './block-format.ts';
import { has, messageIs, valueIs } from './block-shape.ts';

export class EventView implements LogEvent {
  readonly streamOffset: number;
  private readonly columns: BlockColumns;
  private readonly row: number;
  private readonly shape: ReadShape;
  private readonly stream: BlockStream;
  private readonly ordinal: number;
  private lineText: string | null = null;
  private ownValues: unknown[] | null = null;
  private ownIds: EventId[] | null = null;
  private ownFields: Fields | null = null;

  constructor(columns: BlockColumns, row: number) {
    this.columns = columns;
    this.row = row;
    this.shape = columns.shapes[columns.rows.shape.at(row)]!;
    this.stream = columns.streams[columns.rows.stream.at(row)]!;
    this.ordinal = columns.ordinals[row]!;
    this.streamOffset = columns.streamOffsets[row]!;
  }

  get eventId(): string {
    const id = `${this.stream.streamId}:${this.streamOffset}`;
    return (this.shape.bits & has.gap) === 0 ? id : `${id}:gap`;
  }

  get timeNs(): bigint {
    return joinTime(this.columns.timeMs[this.row]!, this.columns.rows.ns.at(this.row));
  }

  get timeSource(): TimeSource {
    return this.shape.timeSource;
  }

  get service(): string | null {
    return this.stream.service;
  }

  get container(): string | null {
    return this.stream.container;
  }

  get pod(): string | null {
    return this.stream.pod;
  }

  get namespace(): string | null {
    return this.stream.namespace;
  }

  get node(): string | null {
    return this.stream.node;
  }

  get source(): string {
    return this.stream.source;
  }

  get streamId(): string {
    return this.stream.streamId;
  }

  get chainPosition(): number {
    return this.stream.chainPosition;
  }

  get level(): Level | null {
    const rank = this.columns.rows.level.at(this.row);
    return rank < 0 ? null : levels[rank]!;
  }

  get output(): Output | null {
    return this.shape.output;
  }

  get requestIdSource(): string | null {
    return this.shape.requestIdSource;
  }

  get confidence(): number | null {
    return this.shape.confidence;
  }

  get exceptionType(): string | null {
    return this.shape.exceptionType;
  }

  get template(): string | null {
    const number = this.columns.rows.template.at(this.row);
    return number === 0 ? null : this.columns.templates[number - 1]!;
  }

  get streamOffsetEnd(): number {
    const { rows } = this.columns;
    return this.streamOffset + rows.framingBytes.at(this.row) + rows.rawBytes.at(this.row);
  }

  /** The block's own bytes. */
  get raw(): Buffer {
    return this.columns.line(this.row);
  }

  get pieces(): Piece[] {
    if ((this.shape.bits & has.pieces) === 0) return [{ from: this.streamOffset, to: this.streamOffsetEnd }];
    return (this.own[0] as [number, number][]).map(([from, to]) => ({ from, to }));
  }

  get part(): EventPart | null {
    return (this.shape.bits & has.part) === 0 ? null : (this.own[this.ownBefore(has.part)] as EventPart);
  }

  get gap(): EventGap | null {
    return (this.shape.bits & has.gap) === 0 ? null : (this.own[this.ownBefore(has.gap)] as EventGap);
  }

  get ids(): EventId[] {
    const { shape: { columns, ids } } = this;
    const first = columns.length - idColumnsOf(this.shape);
    return (this.ownIds ??= ids.map(({ kind, name }, index) => ({ kind, name, value: this.columns.idValue(columns[first + index]!.at(this.ordinal)) })));
  }

  get requestId(): string | null {
    const { bits, requestIdIs, columns } = this.shape;
    if ((bits & has.requestId) !== 0) return this.columns.idValue(columns.at(-1)!.at(this.ordinal));
    return requestIdIs < 0 ? null : this.ids[requestIdIs]!.value;
  }

  get message(): string {
    const { message, messageAfter, columns } = this.shape;
    switch (message) {
      case messageIs.line:
        return this.text;
      case messageIs.own:
        return this.own[this.ownBefore(ownEnd)] as string;
      default: {
        let from = 0;
        for (let column = 0; column < 2 * messageAfter; column++) from += columns[column]!.at(this.ordinal);
        const place = columns.length - idColumnsOf(this.shape) - (message === messageIs.part ? 2 : 1);
        from += columns[place]!.at(this.ordinal);
        return message === messageIs.end ? this.text.slice(from) : this.text.slice(from, from + columns[place + 1]!.at(this.ordinal));
      }
    }
  }

  get fields(): Fields {
    if (this.ownFields !== null) return this.ownFields;
    const { shape: { fields: named, columns, message }, text, ordinal } = this;
    const fields: Fields = {};
    let nextOwn = this.ownBefore(ownEnd) + (message === messageIs.own ? 1 : 0);
    let reached = 0;
    let column = 0;
    for (const [name, is] of named) {
      let value: FieldValue = null;
      switch (is) {
        case valueIs.text:
        case valueIs.number: {
          const from = reached + columns[column]!.at(ordinal);
          reached = from + columns[column + 1]!.at(ordinal);
          column += 2;
          const spelled = text.slice(from, reached);
          value = is === valueIs.text ? spelled : Number(spelled);
          break;
        }
        case valueIs.true:
        case valueIs.false:
          value = is === valueIs.true;
          break;
        case valueIs.empty:
          value = '';
          break;
        case valueIs.own:
          value = this.own[nextOwn++] as FieldValue;
          break;
        case valueIs.null:
          break;
      }
      setField(fields, name, value);
    }
    return (this.ownFields = fields);
  }

  /** Empty where the line is not UTF-8: nothing lies in it then. */
  private get text(): string {
    return (this.lineText ??= (this.shape.bits & has.notUtf8) === 0 ? this.raw.toString('utf8') : '');
  }

  private get own(): unknown[] {
    if (this.ownValues === null) {
      const { columns, row } = this;
      const end = columns.ownFrom + columns.ownEnds[row]!;
      const bytes = columns.rows.ownBytes.at(row);
      this.ownValues = bytes === 0 ? [] : (JSON.parse(columns.head.toString('utf8', end - bytes, end)) as unknown[]);
    }
    return this.ownValues;
  }

  /** How many of the values of its own stand before that of this bit. */
  private ownBefore(bit: number): number {
    let before = this.shape.bits & (bit - 1) & ownBits;
    let count = 0;
    for (; before !== 0; before &= before - 1) count += 1;
    return count;
  }
}

const ownBits = has.pieces | has.part | has.gap;
/** Behind all of them. */
const ownEnd = has.gap << 1;

function setField(fields: Fields, name: string, value: FieldValue): void {
  // Assigned, it would set the prototype.
  if (name === '__proto__') Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
  else fields[name] = value;
}
