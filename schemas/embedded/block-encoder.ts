/** Events -> a block (`block-format.ts`). */
import { isAscii, isUtf8 } from 'node:buffer';
import { constants, zstdCompressSync } from 'node:zlib';
import { invariant } from '#lib/assert.ts';
import { levelRank, type FieldValue, type LogEvent } from '../event.ts';
import { RowColumns, type BlockStream, type Description } from './block-format.ts';
import { has, messageIs, ShapeTree, valueIs, type MessageIs, type Shape, type ValueIs } from './block-shape.ts';
import { ColumnPool, type ColumnWriter } from './columns.ts';
import { idListOf, type IdList } from './id-list.ts';
import { IdNumbers } from './id-numbers.ts';
import { splitTime, type SplitTime } from './nanoseconds.ts';
import type { WordSet } from './words.ts';

/** Longer lines are not searched for their fields' values: those are written beside it. */
const lineCharactersMax = 64 * 1024;

export interface EncodedBlock {
  n: number;
  rawBytes: number;
  headBytes: number;
  head: Uint8Array;
  raw: Uint8Array;
  /** The lines as they lie in `raw`; good until the next block is made. */
  lines: Buffer;
  ids: IdList;
}

/** Makes blocks; keeps what it learned of shapes from one to the next. */
export class BlockEncoder {
  private readonly tree = new ShapeTree();
  private readonly columns = new ColumnPool();
  private readonly ids = new IdNumbers();
  private lines = Buffer.allocUnsafe(1 << 20);

  /**
   * Any event can be written.
   * @param words takes the words of the lines and of what does not stand in them
   */
  encode(events: readonly LogEvent[], words: WordSet | null = null): EncodedBlock {
    let rawBytes = 0;
    for (const { raw } of events) rawBytes += raw.length;
    if (this.lines.length < rawBytes) this.lines = Buffer.allocUnsafe(Math.max(rawBytes, 2 * this.lines.length));
    else if (this.lines.length > linesKeptBytes && rawBytes <= linesKeptBytes) this.lines = Buffer.allocUnsafe(linesKeptBytes);
    this.columns.takeBack();
    this.ids.clear();
    const writing = new BlockWriting(this.tree, this.columns, this.ids, this.lines, words);
    for (const event of events) writing.add(event);
    return writing.finish(rawBytes);
  }
}

const linesKeptBytes = 4 << 20;

interface WrittenShape {
  shape: Shape;
  n: number;
  /** Of its fields, in the event before. */
  lastValues: (FieldValue | undefined)[];
  /** Places of message, fields and ids, in the order in which `EventReading` takes them. */
  columns: ColumnWriter[];
}

class BlockWriting {
  private readonly tree: ShapeTree;
  private readonly lines: Buffer;
  private readonly words: WordSet | null;
  private readonly pool: ColumnPool;
  private readonly rows: RowColumns<ColumnWriter>;
  private readonly streams: BlockStream[] = [];
  private readonly streamsById = new Map<string, number[]>();
  private readonly streamEnds: number[] = [];
  private readonly shapes: WrittenShape[] = [];
  private readonly templates = new Map<string | null, number>([[null, 0]]);
  private readonly ownTexts: string[] = [];
  private readonly ids: IdNumbers;
  private readonly idRow: ColumnWriter;
  private readonly idFrom: ColumnWriter;
  private readonly idLength: ColumnWriter;
  private readonly ownIds: string[] = [];
  private lastIdRow = 0;
  private readonly time: SplitTime = { ms: 0, ns: 0 };
  private lastMs = 0;
  private n = 0;
  private linesEnd = 0;
  // Of the event at hand: places of its values, then of its message, in the line; numbers of its ids.
  private readonly places: number[] = [];
  private readonly eventIds: number[] = [];
  private readonly fieldsAre: ValueIs[] = [];
  /** The shape that an event of this stream and level had last: most have the same again. */
  private readonly guesses: (number | undefined)[] = [];
  private readonly own: unknown[] = [];

  constructor(tree: ShapeTree, pool: ColumnPool, ids: IdNumbers, lines: Buffer, words: WordSet | null) {
    this.tree = tree;
    this.pool = pool;
    this.ids = ids;
    this.rows = new RowColumns(() => pool.take());
    this.idRow = pool.take();
    this.idFrom = pool.take();
    this.idLength = pool.take();
    this.lines = lines;
    this.words = words;
  }

  add(event: LogEvent): void {
    const { rows, places, eventIds, fieldsAre } = this;
    const raw = Buffer.isBuffer(event.raw) ? event.raw : Buffer.from(event.raw.buffer, event.raw.byteOffset, event.raw.byteLength);
    this.lines.set(raw, this.linesEnd);
    this.linesEnd += raw.length;
    const plain = isAscii(raw);
    const text = plain ? raw.toString('latin1') : isUtf8(raw) ? raw.toString('utf8') : null;
    const { own } = this;
    own.length = 0;
    let bits = plain ? 0 : text === null ? has.notUtf8 | has.notAscii : has.notAscii;
    const { pieces } = event;
    if (pieces.length !== 1 || pieces[0]!.from !== event.streamOffset || pieces[0]!.to !== event.streamOffsetEnd) {
      bits |= has.pieces;
      own.push(pieces.map(({ from, to }) => [from, to]));
    }
    if (event.part !== null) {
      bits |= has.part;
      own.push(event.part);
    }
    if (event.gap !== null) {
      bits |= has.gap;
      own.push(event.gap);
    }

    eventIds.length = 0;
    let requestIdIs = -1;
    for (let index = 0; index < event.ids.length; index++) {
      const { value } = event.ids[index]!;
      if (requestIdIs < 0 && value === event.requestId) requestIdIs = index;
      eventIds.push(this.idNumber(value, text));
    }
    if (event.requestId !== null && requestIdIs < 0) {
      // One id more, which is none of the event's own.
      bits |= has.requestId;
      eventIds.push(this.idNumber(event.requestId, text));
    }

    const line = text !== null && text.length <= lineCharactersMax ? text : null;
    const { message } = event;
    const stream = this.streamNumber(event);
    const rank = levelRank(event.level);
    const slot = stream * shapeSlots + rank + 1;
    const guess = this.guesses[slot];
    const guessed = guess === undefined ? null : this.shapes[guess]!;
    let isGuessed = guessed !== null;

    places.length = 0;
    fieldsAre.length = 0;
    let fieldCount = 0;
    let reached = 0;
    // Where the message is, if it is one of the fields or stands behind some of them.
    let messageFrom = -1;
    let messageAfter = 0;
    let messageBase = 0;
    // A constant of its own: so the engine reads each value where it lies, without looking the name up.
    const { fields } = event;
    for (const name in fields) {
      const value = fields[name]!;
      let valueAt = placeOf(value);
      if (valueAt <= valueIs.number) {
        const spelled = typeof value === 'string' ? value : String(value);
        let from = line === null ? -1 : line.indexOf(spelled, reached);
        if (from < 0 && reached > 0 && line !== null) from = line.indexOf(spelled);
        if (from < 0) valueAt = valueIs.own;
        else {
          if (messageFrom < 0 && value === message) {
            messageFrom = from;
            messageAfter = places.length / 2;
            messageBase = reached;
          }
          places.push(from - reached, spelled.length);
          reached = from + spelled.length;
        }
      }
      if (valueAt === valueIs.own) own.push(value);
      if (this.words !== null && typeof value !== 'number') this.addWords(guessed, fieldCount, value);
      fieldsAre.push(valueAt);
      if (isGuessed) {
        const field = guessed!.shape.fields[fieldCount];
        isGuessed = field !== undefined && field[0] === name && field[1] === valueAt;
      }
      fieldCount += 1;
    }
    let is: MessageIs = messageIs.part;
    if (message === text) is = messageIs.line;
    else if (messageFrom < 0) {
      if (text?.endsWith(message) === true) {
        is = messageIs.end;
        messageFrom = text.length - message.length;
      } else {
        messageFrom = line?.indexOf(message) ?? -1;
        if (messageFrom < 0) is = messageIs.own;
      }
      this.words?.addText(message);
    }
    if (is === messageIs.line) this.words?.addText(message);
    // Before the values of fields, where it is read.
    if (is === messageIs.own) own.splice(countBits(bits & ownBits), 0, message);
    if (is === messageIs.line || is === messageIs.own) messageAfter = 0;
    else places.push(messageFrom - messageBase);
    if (is === messageIs.part) places.push(message.length);

    let number = guess ?? -1;
    if (!isGuessed || guessed!.shape.fields.length !== fieldCount || !isLike(guessed!.shape, event, bits, is, messageAfter, requestIdIs)) {
      number = this.shapeNumber(event, bits, is, messageAfter, requestIdIs);
      this.guesses[slot] = number;
    }
    const written = this.shapes[number]!;
    written.n += 1;
    const { columns } = written;
    invariant(columns.length === places.length + eventIds.length, 'events of one shape have as many places and ids');
    let column = 0;
    for (let index = 0; index < places.length; index++) columns[column++]!.push(places[index]!);
    for (let index = 0; index < eventIds.length; index++) columns[column++]!.push(eventIds[index]!);

    rows.shape.push(number);
    rows.stream.push(stream);
    rows.level.push(rank);
    splitTime(event.timeNs, this.time);
    rows.msStep.push(this.time.ms - this.lastMs);
    this.lastMs = this.time.ms;
    rows.ns.push(this.time.ns);
    rows.offsetStep.push(event.streamOffset - this.streamEnds[stream]!);
    this.streamEnds[stream] = event.streamOffsetEnd;
    rows.framingBytes.push(event.streamOffsetEnd - event.streamOffset - raw.length);
    rows.rawBytes.push(raw.length);
    let ownBytes = 0;
    if (own.length > 0) {
      const json = JSON.stringify(own);
      ownBytes = Buffer.byteLength(json);
      this.ownTexts.push(json);
    }
    rows.ownBytes.push(ownBytes);
    let template = this.templates.get(event.template);
    if (template === undefined) this.templates.set(event.template, (template = this.templates.size));
    rows.template.push(template);
    this.n += 1;
  }

  finish(rawBytes: number): EncodedBlock {
    const { rows } = this;
    const columns = [...rows.all(), this.idRow, this.idFrom, this.idLength, ...this.shapes.flatMap(shape => shape.columns)];
    let bytes = 0;
    for (const column of columns) bytes += column.close();
    const own = Buffer.from(this.ownTexts.join(''));
    const description = Buffer.from(JSON.stringify({
      n: this.n,
      rawBytes,
      streams: this.streams,
      shapes: this.shapes.map(({ shape, n }) => ({ ...shape, n })),
      templates: [...this.templates.keys()].slice(1) as string[],
      ids: this.ids.size,
      ownIds: this.ownIds,
      columns: columns.map(({ shape }) => shape),
    } satisfies Description));
    const head = Buffer.allocUnsafe(4 + description.length + bytes + own.length);
    head.writeUInt32LE(description.length, 0);
    head.set(description, 4);
    let at = 4 + description.length;
    for (const column of columns) at = column.write(head, at);
    head.set(own, at);
    const lines = this.lines.subarray(0, rawBytes);
    return { n: this.n, rawBytes, headBytes: head.length, head: zstdCompressSync(head, compression), raw: zstdCompressSync(lines, compression), lines, ids: idListOf(this.ids.hashes) };
  }

  private shapeNumber(event: LogEvent, bits: number, is: MessageIs, messageAfter: number, requestIdIs: number): number {
    const { tree } = this;
    tree.start();
    tree.step(event.timeSource);
    tree.step(event.output);
    tree.step(event.requestIdSource);
    tree.step(event.confidence);
    tree.step(event.exceptionType);
    tree.step(event.ids.length);
    for (const { kind, name } of event.ids) {
      tree.step(kind);
      tree.step(name);
    }
    let index = 0;
    for (const name in event.fields) {
      tree.step(name);
      tree.step(this.fieldsAre[index++]!);
    }
    // Never a field's name: those are strings.
    tree.step(-1);
    tree.step(bits);
    tree.step(is);
    tree.step(messageAfter);
    tree.step(requestIdIs);
    const known = tree.numberIn(this);
    return known < 0 ? this.newShape(event, bits, is, messageAfter, requestIdIs) : known;
  }

  private newShape(event: LogEvent, bits: number, message: MessageIs, messageAfter: number, requestIdIs: number): number {
    const number = this.shapes.length;
    const { timeSource, output, requestIdSource, confidence, exceptionType } = event;
    const fields = Object.keys(event.fields).map((name, index): Shape['fields'][number] => [name, this.fieldsAre[index]!]);
    const shape: Shape = { bits, timeSource, output, requestIdSource, confidence, exceptionType, message, messageAfter, requestIdIs, ids: event.ids.map(({ kind, name }) => ({ kind, name })), fields };
    this.shapes.push({ shape, n: 0, lastValues: [], columns: Array.from({ length: this.places.length + this.eventIds.length }, () => this.pool.take()) });
    this.tree.number(this, number);
    return number;
  }

  /** Values come again and again: what the last event of the shape had is known. */
  private addWords(guessed: WrittenShape | null, index: number, value: FieldValue): void {
    if (guessed !== null) {
      if (guessed.lastValues[index] === value) return;
      guessed.lastValues[index] = value;
    }
    if (typeof value === 'string') this.words!.addText(value);
    else this.words!.addValue(value);
  }

  private streamNumber(event: LogEvent): number {
    const { streams } = this;
    let numbers = this.streamsById.get(event.streamId);
    if (numbers === undefined) this.streamsById.set(event.streamId, (numbers = []));
    for (const number of numbers) {
      const stream = streams[number]!;
      if (stream.service === event.service && stream.container === event.container && stream.pod === event.pod && stream.namespace === event.namespace && stream.node === event.node && stream.source === event.source && stream.chainPosition === (event.chainPosition ?? 0)) return number;
    }
    const { streamId, source, service, container, pod, namespace, node, chainPosition, streamOffset } = event;
    numbers.push(streams.length);
    this.streamEnds.push(streamOffset);
    return streams.push({ streamId, source, service, container, pod, namespace, node, chainPosition: chainPosition ?? 0, from: streamOffset }) - 1;
  }

  private idNumber(value: string, text: string | null): number {
    const known = this.ids.size;
    const number = this.ids.numberOf(value);
    if (number < known) return number;
    const from = value === '' ? -1 : (text?.indexOf(value) ?? -1);
    this.idRow.push(this.n - this.lastIdRow);
    this.lastIdRow = this.n;
    this.idFrom.push(Math.max(0, from));
    this.idLength.push(from < 0 ? 0 : value.length);
    if (from < 0) this.ownIds.push(value);
    return number;
  }
}

/** Fast, and with a checksum, so that a damaged block is noticed. */
const compression = { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } };

/** Levels, and none. */
const shapeSlots = 7;
const ownBits = has.pieces | has.part | has.gap;

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

/** Whether an event with the same fields is of this shape. */
function isLike(shape: Shape, event: LogEvent, bits: number, is: MessageIs, messageAfter: number, requestIdIs: number): boolean {
  const { ids } = event;
  if (
    shape.bits !== bits || shape.message !== is || shape.messageAfter !== messageAfter || shape.requestIdIs !== requestIdIs || shape.timeSource !== event.timeSource || shape.output !== event.output ||
    shape.requestIdSource !== event.requestIdSource || shape.confidence !== event.confidence || shape.exceptionType !== event.exceptionType || shape.ids.length !== ids.length
  ) return false;
  for (let index = 0; index < ids.length; index++) {
    const { kind, name } = shape.ids[index]!;
    if (kind !== ids[index]!.kind || name !== ids[index]!.name) return false;
  }
  return true;
}

/** Where a value may lie; whether it does is for the line to say. */
function placeOf(value: FieldValue): ValueIs {
  switch (typeof value) {
    case 'string':
      return value === '' ? valueIs.empty : valueIs.text;
    case 'number':
      return valueIs.number;
    case 'boolean':
      return value ? valueIs.true : valueIs.false;
    default:
      return value === null ? valueIs.null : valueIs.own;
  }
}
