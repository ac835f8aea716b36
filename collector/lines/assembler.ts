/**
 * Physical lines of one stream -> closed groups: container framing off, partial pieces joined per output, stack traces held together.
 *
 * Everything that cuts is bytes: a line's own, limits in bytes and lines, the distance of two read times, an idle, closing or gap record
 * (never a clock), so that a replay cuts the same. Groups leave in stream order: one that is closed waits for an older one that is still open.
 */
import type { Chunk, Framing } from '#schemas/chunk.ts';
import type { EventPart, Output, Piece } from '#schemas/event.ts';
import type { PhysicalLine } from '../trim.ts';
import { beginsOpen, continues, type ContinuationState } from '../formats/continuation.ts';
import { understandLine, type Understood } from '../formats/understand.ts';
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
}

/** A text event that may go on with continuation lines. */
interface OpenEvent {
  bodies: Uint8Array[];
  pieces: Piece[];
  physicalLines: number;
  bytes: number;
  runtimeTimeNs: bigint | null;
  readMs: number;
  lastReadMs: number;
  understood: Understood;
  state: ContinuationState;
}

interface OutputState {
  line: OpenLine | null;
  event: OpenEvent | null;
}

/** A line that came in more than one chunk. */
interface LongLine {
  bodies: Uint8Array[];
  from: number;
  to: number;
  bytes: number;
  partsDone: number;
}

const newline = Buffer.from('\n');

export class LineAssembler {
  private readonly limits: AssemblerLimits;
  private readonly outputs = new Map<Output | null, OutputState>();
  private longLine: LongLine | null = null;
  private expected: number | null = null;
  private closed: { from: number; group: ClosedGroup }[] = [];

  constructor(limits: AssemblerLimits) {
    this.limits = limits;
  }

  /** True while something is held that is not closed yet. */
  get isOpen(): boolean {
    return this.longLine !== null || this.closed.length > 0 || [...this.outputs.values()].some(({ line, event }) => line !== null || event !== null);
  }

  /** Takes the new lines of a chunk and returns what they close. Copies what it holds on to. */
  add(chunk: Chunk, lines: Iterable<PhysicalLine>): ClosedGroup[] {
    for (const line of lines) {
      // Lines on the two sides of a hole are never joined.
      if (this.expected !== null && line.from !== this.expected) this.closeOpen();
      this.expected = line.to;
      if (chunk.part !== null) this.addPiece(chunk, line);
      else this.addLine(chunk.framing, line, chunk.readMs, null);
    }
    return this.takeClosed();
  }

  /** An idle, closing or gap record: everything open ends here. */
  closeAll(): ClosedGroup[] {
    this.closeOpen();
    return this.takeClosed();
  }

  private addPiece(chunk: Chunk, line: PhysicalLine): void {
    if (chunk.part!.n === 1) this.closeLongLine(true);
    // After a restart the line's beginning may be stored already: what follows is a later part of it.
    const partsBefore = chunk.part!.n === 1 ? 0 : Math.max(1, Math.floor(((chunk.part!.n - 1) * line.bytes.length) / this.limits.lineBytesMax));
    this.longLine ??= { bodies: [], from: line.from, to: line.from, bytes: 0, partsDone: partsBefore };
    const long = this.longLine;
    long.bodies.push(Buffer.from(line.bytes));
    long.bytes += line.bytes.length;
    long.to = line.to;
    const ends = line.newline || chunk.part!.of !== null;
    if (ends) this.closeLongLine(true, chunk);
    else if (long.bytes >= this.limits.lineBytesMax) this.closeLongLine(false, chunk);
  }

  private closeLongLine(ends: boolean, chunk?: Chunk): void {
    const long = this.longLine;
    if (long === null) return;
    const partsDone = long.partsDone + 1;
    const part = ends && partsDone === 1 ? null : { n: partsDone, of: ends ? partsDone : null };
    if (long.bytes > 0 || partsDone === 1) {
      const line = { bytes: Buffer.concat(long.bodies), from: long.from, to: long.to, newline: ends };
      if (part === null) this.addLine(chunk?.framing ?? 'plain', line, chunk?.readMs ?? 0, null);
      else {
        // A part is not a whole line: it is stored as it is and joined with nothing.
        this.closeOpen();
        this.close(line.bytes, [{ from: line.from, to: line.to }], 1, null, null, part, chunk?.readMs ?? 0);
      }
    }
    this.longLine = ends ? null : { bodies: [], from: long.to, to: long.to, bytes: 0, partsDone };
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
      this.addApplicationLine(framed.output, framed.body, [piece], 1, framed.timeNs, readMs, part);
      return;
    }
    state.line ??= { bodies: [], pieces: [], physicalLines: 0, bytes: 0, timeNs: framed.timeNs, readMs };
    const open = state.line;
    open.bodies.push(Buffer.from(framed.body));
    open.pieces.push(piece);
    open.physicalLines += 1;
    open.bytes += framed.body.length;
    if (!framed.partial || open.bytes >= this.limits.lineBytesMax) this.closeLine(framed.output, state);
  }

  private closeLine(output: Output | null, state: OutputState): void {
    const open = state.line;
    if (open === null) return;
    state.line = null;
    this.addApplicationLine(output, Buffer.concat(open.bodies), open.pieces, open.physicalLines, open.timeNs, open.readMs, null);
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
    if (understood.complete || part !== null) {
      this.closed.push({ from: pieces[0]!.from, group: { raw: Buffer.from(body), pieces, physicalLines, output, runtimeTimeNs: timeNs, part, readMs, understood } });
      return;
    }
    state.event = { bodies: [Buffer.from(body)], pieces: [...pieces], physicalLines, bytes: body.length, runtimeTimeNs: timeNs, readMs, lastReadMs: readMs, understood, state: beginsOpen(body, understood) };
    this.closeWhatIsTooFar(pieces.at(-1)!.to);
  }

  private closeEvent(output: Output | null, state: OutputState): void {
    const open = state.event;
    if (open === null) return;
    state.event = null;
    if (open.bodies.length === 1) {
      this.closed.push({ from: open.pieces[0]!.from, group: { raw: open.bodies[0]!, pieces: open.pieces, physicalLines: open.physicalLines, output, runtimeTimeNs: open.runtimeTimeNs, part: null, readMs: open.readMs, understood: open.understood } });
      return;
    }
    const joined = Buffer.concat(open.bodies.flatMap((body, index) => (index === 0 ? [body] : [newline, body])));
    this.close(joined, joinTouching(open.pieces), open.physicalLines, output, open.runtimeTimeNs, null, open.readMs);
  }

  private close(raw: Uint8Array, pieces: Piece[], physicalLines: number, output: Output | null, runtimeTimeNs: bigint | null, part: EventPart | null, readMs: number): void {
    this.closed.push({ from: pieces[0]!.from, group: { raw, pieces, physicalLines, output, runtimeTimeNs, part, readMs, understood: understandLine(raw) } });
  }

  private closeOpen(): void {
    this.closeLongLine(true);
    for (const [output, state] of this.outputs) {
      this.closeLine(output, state);
      this.closeEvent(output, state);
    }
  }

  /** An open event that the other output has run far away from is closed, by distance in bytes, so that what waits behind it stays bounded. */
  private closeWhatIsTooFar(end: number): void {
    for (const [output, state] of this.outputs) {
      const from = state.line?.pieces[0]?.from ?? state.event?.pieces[0]?.from;
      if (from === undefined || end - from <= this.limits.openEventBytesMax + this.limits.lineBytesMax) continue;
      this.closeLine(output, state);
      this.closeEvent(output, state);
    }
  }

  /** What is closed and has nothing older open before it, in stream order. */
  private takeClosed(): ClosedGroup[] {
    let openFrom = this.longLine === null || this.longLine.bytes === 0 ? Infinity : this.longLine.from;
    for (const { line, event } of this.outputs.values()) openFrom = Math.min(openFrom, line?.pieces[0]!.from ?? Infinity, event?.pieces[0]!.from ?? Infinity);
    if (this.closed.length === 0) return [];
    this.closed.sort((a, b) => a.from - b.from);
    const upTo = this.closed.findIndex(({ from }) => from >= openFrom);
    const taken = upTo < 0 ? this.closed : this.closed.slice(0, upTo);
    this.closed = upTo < 0 ? [] : this.closed.slice(upTo);
    return taken.map(({ group }) => group);
  }

  private output(output: Output | null): OutputState {
    let state = this.outputs.get(output);
    if (state === undefined) {
      state = { line: null, event: null };
      this.outputs.set(output, state);
    }
    return state;
  }
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
