/**
 * Physical lines of one stream -> closed groups: container framing off, partial pieces joined per output, stack traces held together.
 *
 * Everything that cuts is bytes: a line's own, limits in bytes and lines, the distance of two read times, an idle, closing or gap record
 * (never a clock), so that a replay cuts the same. Groups leave in stream order, and those whose pieces interlock (a stderr line between two pieces
 * of a stdout line) leave together: behind every set that leaves nothing is open, so that whoever begins again there cuts the same.
 */
import type { Chunk, Framing } from '#schemas/chunk.ts';
import type { EventPart, Output, Piece } from '#schemas/event.ts';
import type { PhysicalLine } from '../trim.ts';
import { beginsOpen, continues, type ContinuationState } from '../formats/continuation.ts';
import { bareText, understandLine, type Understood } from '../formats/understand.ts';
import { parseCriLine } from './cri.ts';
import { parseDockerLine } from './docker.ts';

/** One or more application lines that make one event. */
export interface ClosedGroup {
  /** The application's bytes, its lines joined by newlines. */
  raw: Uint8Array;
  pieces: Piece[];
  physicalLines: number;
  output: Output | null;
  /** The runtime's stamp of the first line. */
  runtimeTimeNs: bigint | null;
  part: EventPart | null;
  readMs: number;
  understood: Understood;
}

export interface AssemblerLimits {
  lineBytesMax: number;
  openEventLinesMax: number;
  openEventBytesMax: number;
  openEventMsMax: number;
}

/** An application line whose later docker or CRI pieces are still to come. */
interface OpenLine {
  bodies: Uint8Array[];
  pieces: Piece[];
  physicalLines: number;
  bytes: number;
  timeNs: bigint | null;
  readMs: number;
  lastReadMs: number;
}

/** A text event that may go on with continuation lines. */
interface OpenEvent {
  bodies: Uint8Array[];
  pieces: Piece[];
  physicalLines: number;
  bytes: number;
  runtimeTimeNs: bigint | null;
  part: EventPart | null;
  readMs: number;
  lastReadMs: number;
  understood: Understood;
  state: ContinuationState;
}

interface OutputState {
  line: OpenLine | null;
  event: OpenEvent | null;
  /** Parts that went out of a line that is not finished. */
  partsDone: number;
}

/** A line that came in more than one chunk. */
interface LongLine {
  framing: Framing;
  bodies: Uint8Array[];
  from: number;
  to: number;
  bytes: number;
  /** Parts of it that went out before; counted anew after a restart in the middle of a line. */
  partsDone: number;
  readMs: number;
}

const newline = Buffer.from('\n');

export class LineAssembler {
  private readonly limits: AssemblerLimits;
  private readonly outputs = new Map<Output | null, OutputState>();
  private longLine: LongLine | null = null;
  private expected: number | null = null;
  private closed: { from: number; group: ClosedGroup }[] = [];
  /** Closed, with nothing open before or between. */
  private ready: ClosedGroup[] = [];
  /** At or before the start of what is not ready. */
  private heldFrom = Infinity;
  private failure: unknown = null;

  constructor(limits: AssemblerLimits) {
    this.limits = limits;
  }

  /** True while something is held that is not closed yet. */
  get isOpen(): boolean {
    return this.longLine !== null || this.closed.length > 0 || [...this.outputs.values()].some(({ line, event }) => line !== null || event !== null);
  }

  /** The first streamOffset that is held, Infinity where none is. */
  get openFrom(): number {
    return this.heldFrom;
  }

  /** Why a parser failed on lines that were joined, once: they are closed with what is known of the first. Null where none did. */
  takeFailure(): unknown {
    const { failure } = this;
    this.failure = null;
    return failure;
  }

  /** As it is now, for whoever may have to go back to that. */
  copy(): LineAssembler {
    const copy = new LineAssembler(this.limits);
    for (const [output, { line, event, partsDone }] of this.outputs) copy.outputs.set(output, { line: line === null ? null : withOwnLists(line), event: event === null ? null : withOwnLists(event), partsDone });
    copy.longLine = this.longLine === null ? null : { ...this.longLine, bodies: [...this.longLine.bodies] };
    copy.expected = this.expected;
    copy.closed = [...this.closed];
    copy.ready = [...this.ready];
    copy.heldFrom = this.heldFrom;
    return copy;
  }

  /** Takes the new lines of a chunk and returns what they close. Copies what it holds on to. */
  add(chunk: Chunk, lines: Iterable<PhysicalLine>): ClosedGroup[] {
    let isFirst = true;
    for (const line of lines) {
      // Lines on the two sides of a hole are never joined.
      if (this.expected !== null && line.from !== this.expected) this.closeOpen();
      if (isFirst) this.closeWhatIsOld(chunk.readMs);
      isFirst = false;
      this.expected = line.to;
      this.heldFrom = Math.min(this.heldFrom, line.from);
      // What goes on behind an unfinished line belongs to it, however the chunks were cut.
      if (chunk.part !== null || this.longLine !== null || line.bytes.length > this.limits.lineBytesMax) this.addPiece(chunk, line);
      else this.addLine(chunk.framing, line, chunk.readMs, null);
      // Asked at the ends of lines only, which are the same however a long line was cut.
      if (this.longLine === null && line.to - this.heldFrom > this.heldBytesMax) this.closeWhatIsTooFar(line.to);
    }
    return this.takeReady();
  }

  /** An idle, closing or gap record: everything open ends here. */
  closeAll(): ClosedGroup[] {
    this.closeOpen();
    return this.takeReady();
  }

  /** What may wait behind an open event, in bytes of the stream. */
  private get heldBytesMax(): number {
    return this.limits.openEventBytesMax + this.limits.lineBytesMax;
  }

  /**
   * A piece belongs to the line that the bytes before it left unfinished; its number does not count, because a shipper that begins again numbers
   * anew. A line is cut at every `lineBytesMax` of its bytes, wherever the chunks were cut.
   */
  private addPiece(chunk: Chunk, line: PhysicalLine): void {
    const { lineBytesMax } = this.limits;
    this.longLine ??= { framing: chunk.framing, bodies: [], from: line.from, to: line.from, bytes: 0, partsDone: 0, readMs: chunk.readMs };
    let long = this.longLine;
    let { bytes } = line;
    // At exactly `lineBytesMax` the newline may still follow.
    while (long.bytes + bytes.length > lineBytesMax) {
      const room = lineBytesMax - long.bytes;
      append(long, bytes.subarray(0, room), long.to + room);
      bytes = bytes.subarray(room);
      long = this.closePart(long);
    }
    append(long, bytes, line.to);
    if (line.newline) this.closeLongLine(true);
  }

  /** A part that is not the last is stored as it is and joined with nothing. */
  private closePart(long: LongLine): LongLine {
    this.longLine = null;
    this.closeOpen();
    const part = { n: long.partsDone + 1, of: null };
    this.close(Buffer.concat(long.bodies), [{ from: long.from, to: long.to }], 0, null, null, part, long.readMs);
    this.longLine = { ...long, bodies: [], from: long.to, bytes: 0, partsDone: part.n };
    return this.longLine;
  }

  /** The last part is taken as a line, because after a restart nobody knows what came before it. */
  private closeLongLine(newline: boolean): void {
    const long = this.longLine;
    if (long === null) return;
    this.longLine = null;
    if (long.to === long.from) return;
    const n = long.partsDone + 1;
    const part = n === 1 ? null : { n, of: newline ? n : null };
    this.addLine(long.framing, { bytes: Buffer.concat(long.bodies), from: long.from, to: long.to, newline }, long.readMs, part);
  }

  private addLine(framing: Framing, line: PhysicalLine, readMs: number, part: EventPart | null): void {
    const framed = framing === 'docker' ? parseDockerLine(line.bytes) : framing === 'cri' ? parseCriLine(line.bytes) : null;
    const piece = { from: line.from, to: line.to };
    // A line that is not in its stream's framing is kept as it is: the runtime's own messages, or a file that changed its writer.
    if (framed === null) {
      this.addApplicationLine(null, line.bytes, [piece], 1, null, readMs, part);
      return;
    }
    const state = this.output(framed.output);
    if (state.line === null && !framed.partial) {
      this.addApplicationLine(framed.output, framed.body, [piece], 1, framed.timeNs, readMs, lastPart(state, true));
      return;
    }
    state.line ??= { bodies: [], pieces: [], physicalLines: 0, bytes: 0, timeNs: framed.timeNs, readMs, lastReadMs: readMs };
    const open = state.line;
    open.bodies.push(Buffer.from(framed.body));
    open.pieces.push(piece);
    open.physicalLines += 1;
    open.bytes += framed.body.length;
    open.lastReadMs = readMs;
    if (!framed.partial) this.closeLine(framed.output, state, true);
    else if (open.bytes >= this.limits.lineBytesMax) this.closeLinePart(framed.output, state, open);
  }

  private closeLinePart(output: Output | null, state: OutputState, open: OpenLine): void {
    state.line = null;
    this.closeEvent(output, state);
    state.partsDone += 1;
    this.close(Buffer.concat(open.bodies), open.pieces, open.physicalLines, output, open.timeNs, { n: state.partsDone, of: null }, open.readMs);
  }

  private closeLine(output: Output | null, state: OutputState, finished: boolean): void {
    const open = state.line;
    if (open === null) {
      state.partsDone = 0;
      return;
    }
    state.line = null;
    this.addApplicationLine(output, Buffer.concat(open.bodies), open.pieces, open.physicalLines, open.timeNs, open.readMs, lastPart(state, finished));
  }

  private addApplicationLine(output: Output | null, body: Uint8Array, pieces: Piece[], physicalLines: number, timeNs: bigint | null, readMs: number, part: EventPart | null): void {
    const state = this.output(output);
    const open = state.event;
    if (open !== null) {
      const fits = open.physicalLines + physicalLines <= this.limits.openEventLinesMax && open.bytes + body.length <= this.limits.openEventBytesMax && readMs - open.lastReadMs <= this.limits.openEventMsMax;
      const next = fits ? continues(open.state, body) : null;
      if (next !== null) {
        open.bodies.push(Buffer.from(body));
        open.pieces.push(...pieces);
        open.physicalLines += physicalLines;
        open.bytes += body.length + 1;
        open.state = next;
        open.lastReadMs = readMs;
        return;
      }
      this.closeEvent(output, state);
    }
    const understood = understandLine(body);
    if (understood.complete) {
      this.closed.push({ from: pieces[0]!.from, group: { raw: Buffer.from(body), pieces, physicalLines, output, runtimeTimeNs: timeNs, part, readMs, understood } });
      return;
    }
    state.event = { bodies: [Buffer.from(body)], pieces: [...pieces], physicalLines, bytes: body.length, runtimeTimeNs: timeNs, part, readMs, lastReadMs: readMs, understood, state: beginsOpen(body, understood) };
  }

  private closeEvent(output: Output | null, state: OutputState): void {
    const open = state.event;
    if (open === null) return;
    state.event = null;
    if (open.bodies.length === 1) {
      this.closed.push({ from: open.pieces[0]!.from, group: { raw: open.bodies[0]!, pieces: open.pieces, physicalLines: open.physicalLines, output, runtimeTimeNs: open.runtimeTimeNs, part: open.part, readMs: open.readMs, understood: open.understood } });
      return;
    }
    const joined = Buffer.concat(open.bodies.flatMap((body, index) => (index === 0 ? [body] : [newline, body])));
    this.close(joined, joinTouching(open.pieces), open.physicalLines, output, open.runtimeTimeNs, open.part, open.readMs, open.understood);
  }

  /** What came in earlier chunks must not be held against the one that closes it, so a parser that fails closes all the same. */
  private close(raw: Uint8Array, pieces: Piece[], physicalLines: number, output: Output | null, runtimeTimeNs: bigint | null, part: EventPart | null, readMs: number, first: Understood | null = null): void {
    let understood: Understood;
    try {
      understood = understandLine(raw);
    } catch (error) {
      this.failure = error;
      understood = first ?? bareText(raw);
    }
    this.closed.push({ from: pieces[0]!.from, group: { raw, pieces, physicalLines, output, runtimeTimeNs, part, readMs, understood } });
  }

  private closeOpen(): void {
    this.closeLongLine(false);
    for (const [output, state] of this.outputs) {
      this.closeLine(output, state, false);
      this.closeEvent(output, state);
    }
  }

  /** A record of the stream read this much later closes what is open, whichever output it is of. */
  private closeWhatIsOld(readMs: number): void {
    for (const [output, state] of this.outputs) {
      if (state.line !== null && readMs - state.line.lastReadMs > this.limits.openEventMsMax) this.closeLine(output, state, false);
      if (state.event !== null && readMs - state.event.lastReadMs > this.limits.openEventMsMax) this.closeEvent(output, state);
    }
  }

  /** What the other output has run far away from is closed, by distance in bytes, so that what waits behind it stays bounded. */
  private closeWhatIsTooFar(end: number): void {
    this.settle();
    for (const [output, state] of this.outputs) {
      const from = state.line?.pieces[0]?.from ?? state.event?.pieces[0]?.from;
      if (from === undefined || end - from <= this.heldBytesMax) continue;
      this.closeLine(output, state, false);
      this.closeEvent(output, state);
    }
    this.settle();
    // A chain of events that interlock, each of them within the limit.
    if (end - this.heldFrom > this.heldBytesMax) this.closeOpen();
  }

  /** Moves to `ready` what is closed, in stream order, as far as no group reaches behind the start of what is still open. */
  private settle(): void {
    let openFrom = this.longLine === null || this.longLine.bytes === 0 ? Infinity : this.longLine.from;
    for (const { line, event } of this.outputs.values()) openFrom = Math.min(openFrom, line?.pieces[0]!.from ?? Infinity, event?.pieces[0]!.from ?? Infinity);
    if (this.closed.length > 0) {
      this.closed.sort((a, b) => a.from - b.from);
      let end = 0;
      let upTo = 0;
      for (const [index, { group }] of this.closed.entries()) {
        end = Math.max(end, group.pieces.at(-1)!.to);
        if (end > openFrom) break;
        if (end <= (this.closed[index + 1]?.from ?? Infinity)) upTo = index + 1;
      }
      for (const { group } of upTo === this.closed.length ? this.closed : this.closed.slice(0, upTo)) this.ready.push(group);
      this.closed = upTo === this.closed.length ? [] : this.closed.slice(upTo);
    }
    this.heldFrom = Math.min(openFrom, this.closed[0]?.from ?? Infinity);
  }

  private takeReady(): ClosedGroup[] {
    this.settle();
    const { ready } = this;
    this.ready = [];
    return ready;
  }

  private output(output: Output | null): OutputState {
    let state = this.outputs.get(output);
    if (state === undefined) {
      state = { line: null, event: null, partsDone: 0 };
      this.outputs.set(output, state);
    }
    return state;
  }
}

function withOwnLists<T extends OpenLine | OpenEvent>(open: T): T {
  return { ...open, bodies: [...open.bodies], pieces: [...open.pieces] };
}

function append(long: LongLine, bytes: Uint8Array, to: number): void {
  if (bytes.length > 0) long.bodies.push(Buffer.from(bytes));
  long.bytes += bytes.length;
  long.to = to;
}

/** The number of a line's last part, or null where it is whole. */
function lastPart(state: OutputState, finished: boolean): EventPart | null {
  if (state.partsDone === 0) return null;
  const n = state.partsDone + 1;
  state.partsDone = 0;
  return { n, of: finished ? n : null };
}

/** Pieces that touch become one, so that an event without a foreign line inside has a single piece. */
function joinTouching(pieces: readonly Piece[]): Piece[] {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if (last?.to === piece.from) last.to = piece.to;
    else joined.push({ ...piece });
  }
  return joined;
}
