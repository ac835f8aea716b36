/**
 * Physical lines of one stream -> closed groups: container framing off, partial pieces joined per output, stack traces held together.
 *
 * Everything that cuts is bytes: a line's own, limits in bytes and lines, the distance of two read times, an idle, closing or gap record
 * (never a clock), so that a replay cuts the same. Groups leave in stream order, and those whose pieces interlock (a stderr line between two pieces
 * of a stdout line) leave together: behind every set that leaves nothing is open, so that whoever begins again there cuts the same.
 */
import type { Chunk, Framing } from '#schemas/chunk.ts';
import type { EventPart, Output, Piece } from '#schemas/event.ts';
import type { UnfinishedLine } from '#schemas/store.ts';
import type { PhysicalLine } from '../trim.ts';
import type { Understood } from '../formats/understood.ts';
import { parseComposeLine, withoutComposePrefixes, writerOf, type Lane } from './compose.ts';
import { parseCriLine } from './cri.ts';
import { parseDockerLine } from './docker.ts';
import type { AssemblerLimits } from './assembler-limits.ts';
import { LineReader } from './line-reader.ts';
import { append, joinTouching, lastPart, withOwnLists, type LongLine, type OpenLine, type OutputState } from './open-lines.ts';

/** One or more application lines that make one event. */
export interface ClosedGroup {
  /** The application's bytes, its lines joined by newlines. */
  raw: Uint8Array;
  pieces: Piece[];
  physicalLines: number;
  output: Output | null;
  /** The container that a compose prefix names; null without one. */
  container: string | null;
  /** The runtime's stamp of the first line. */
  runtimeTimeNs: bigint | null;
  part: EventPart | null;
  readMs: number;
  understood: Understood;
  /** eventId of the unfinished line that it goes on with, or null. */
  begunAs: string | null;
}

const newline = Buffer.from('\n');
/** Events that interlock, with no unfinished line among them, may hold this many times `openEventBytesMax`: less than a shipper has in flight. */
const chainMax = 4;
/** Containers of compose that one stream tells apart; the lines of more are read as they are. */
const lanesMax = 256;

export class LineAssembler {
  private readonly limits: AssemblerLimits;
  private readonly reader: LineReader;
  private readonly outputs = new Map<Lane, OutputState>();
  private longLine: LongLine | null = null;
  private expected: number | null = null;
  private closed: { from: number; group: ClosedGroup }[] = [];
  /** Closed, with nothing open before or between. */
  private ready: ClosedGroup[] = [];
  /** At or before the start of what is not ready. */
  private heldFrom = Infinity;
  private abandoned: string[] = [];

  constructor(limits: AssemblerLimits, reader = new LineReader(limits)) {
    this.limits = limits;
    this.reader = reader;
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
    return this.reader.takeFailure();
  }

  /** eventIds of the beginnings that nothing in this stream goes on with, each once. */
  takeAbandoned(): string[] {
    const { abandoned } = this;
    this.abandoned = [];
    return abandoned;
  }

  /** Before the first line: the lines that the stream before this one ended in the middle of. Nothing leaves before it is known what became of them. */
  begin(lines: readonly UnfinishedLine[], readMs: number): void {
    for (const { event } of lines) {
      const state = this.output(event.output);
      state.line = { bodies: [event.raw], pieces: [], from: 0, begunAs: event.eventId, physicalLines: 0, bytes: event.raw.length, timeNs: event.timeSource === 'runtime' ? event.timeNs : null, readMs };
      state.partsDone = event.part === null ? 0 : event.part.n - 1;
    }
    this.expected = 0;
    this.heldFrom = 0;
  }

  /** As it is now, for whoever may have to go back to that. */
  copy(): LineAssembler {
    const copy = new LineAssembler(this.limits, this.reader.copy());
    for (const [output, { line, event, partsDone }] of this.outputs) copy.outputs.set(output, { line: line === null ? null : withOwnLists(line), event: event === null ? null : withOwnLists(event), partsDone });
    copy.longLine = this.longLine === null ? null : { ...this.longLine, bodies: [...this.longLine.bodies] };
    copy.expected = this.expected;
    copy.closed = [...this.closed];
    copy.ready = [...this.ready];
    copy.heldFrom = this.heldFrom;
    copy.abandoned = [...this.abandoned];
    return copy;
  }

  /** Takes the new lines of a chunk and returns what they close. Copies what it holds on to; what leaves may lie in the chunk's value. */
  add(chunk: Chunk, lines: readonly PhysicalLine[]): ClosedGroup[] {
    let isFirst = true;
    this.reader.serve(chunk.origin.service, chunk.bootId !== null);
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
      // Asked at newlines only, which are the same however a long line was cut; what ends without one ends the stream.
      if (line.newline && this.longLine === null && line.to - this.heldFrom > this.limits.openEventBytesMax) this.closeWhatIsTooFar(line.to);
    }
    return this.takeReady();
  }

  /** An idle or gap record: everything open ends here. */
  closeAll(): ClosedGroup[] {
    this.closeOpen();
    return this.takeReady();
  }

  /** A closing record: everything ends here but docker and CRI lines whose rest may be the beginning of the next stream. */
  endStream(): { closed: ClosedGroup[]; unfinished: ClosedGroup[] } {
    this.closeLongLine(false);
    const unfinished: ClosedGroup[] = [];
    for (const [output, state] of this.outputs) {
      const { line } = state;
      this.closeEvent(output, state);
      if (line === null || line.pieces.length === 0) continue;
      state.line = null;
      const raw = Buffer.concat(line.bodies);
      unfinished.push({ raw, pieces: joinTouching(line.pieces), physicalLines: line.physicalLines, ...writerOf(output), runtimeTimeNs: line.timeNs, part: lastPart(state, false), readMs: line.readMs, understood: this.reader.understandJoined(raw, line.readMs), begunAs: line.begunAs });
    }
    return { closed: this.closeAll(), unfinished };
  }

  /** What may wait behind an unfinished line, in bytes of the stream. */
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
    this.close({ raw: Buffer.concat(long.bodies), pieces: [{ from: long.from, to: long.to }], physicalLines: 0, output: null, container: null, runtimeTimeNs: null, part, readMs: long.readMs, begunAs: null });
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
      // Between two pieces of a line such a line is a hole in it.
      if (framing !== 'plain') for (const [output, state] of this.outputs) this.closeLine(output, state, false);
      const compose = framing === 'plain' && part === null ? parseComposeLine(line.bytes) : null;
      const isKnown = compose !== null && (this.outputs.has(compose.lane) || this.outputs.size < lanesMax);
      this.addApplicationLine(isKnown ? compose.lane : null, line.bytes, [piece], 1, null, readMs, part, null, isKnown ? compose.at : 0);
      return;
    }
    const state = this.output(framed.output);
    if (state.line === null && !framed.partial) {
      this.addApplicationLine(framed.output, framed.body, [piece], 1, framed.timeNs, readMs, lastPart(state, true));
      return;
    }
    state.line ??= { bodies: [], pieces: [], from: piece.from, begunAs: null, physicalLines: 0, bytes: 0, timeNs: framed.timeNs, readMs };
    const open = state.line;
    open.bodies.push(Buffer.from(framed.body));
    open.pieces.push(piece);
    open.physicalLines += 1;
    open.bytes += framed.body.length;
    if (!framed.partial) this.closeLine(framed.output, state, true);
    else if (open.bytes >= this.limits.lineBytesMax) this.closeLinePart(framed.output, state, open);
  }

  private closeLinePart(output: Lane, state: OutputState, open: OpenLine): void {
    state.line = null;
    this.closeEvent(output, state);
    state.partsDone += 1;
    this.close({ raw: Buffer.concat(open.bodies), pieces: open.pieces, physicalLines: open.physicalLines, ...writerOf(output), runtimeTimeNs: open.timeNs, part: { n: state.partsDone, of: null }, readMs: open.readMs, begunAs: open.begunAs }, null, open.from);
  }

  private closeLine(output: Lane, state: OutputState, finished: boolean): void {
    const open = state.line;
    if (open === null) {
      state.partsDone = 0;
      return;
    }
    state.line = null;
    if (open.pieces.length === 0) {
      state.partsDone = 0;
      this.abandoned.push(open.begunAs!);
      return;
    }
    this.addApplicationLine(output, Buffer.concat(open.bodies), open.pieces, open.physicalLines, open.timeNs, open.readMs, lastPart(state, finished), open);
  }

  private addApplicationLine(output: Lane, body: Uint8Array, pieces: Piece[], physicalLines: number, timeNs: bigint | null, readMs: number, part: EventPart | null, line: Pick<OpenLine, 'from' | 'begunAs'> | null = null, at = 0): void {
    const text = at === 0 ? body : body.subarray(at);
    const state = this.output(output);
    const open = state.event;
    if (open !== null) {
      const fits = open.physicalLines + physicalLines <= this.limits.openEventLinesMax && open.bytes + body.length <= this.limits.openEventBytesMax && readMs - open.lastReadMs <= this.limits.openEventMsMax;
      const next = fits ? this.reader.continues(open.state, text) : null;
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
    const from = line?.from ?? pieces[0]!.from;
    const begunAs = line?.begunAs ?? null;
    const understood = this.reader.understand(text, readMs);
    if (understood.complete) {
      const { output: own, container } = writerOf(output);
      this.closed.push({ from, group: { raw: body, pieces, physicalLines, output: own, container, runtimeTimeNs: timeNs, part, readMs, understood, begunAs } });
      return;
    }
    state.event = { bodies: [Buffer.from(body)], pieces: [...pieces], from, begunAs, physicalLines, bytes: body.length, runtimeTimeNs: timeNs, part, readMs, lastReadMs: readMs, understood, state: this.reader.begins(text, understood) };
  }

  private closeEvent(output: Lane, state: OutputState): void {
    const open = state.event;
    if (open === null) return;
    state.event = null;
    const { physicalLines, runtimeTimeNs, part, readMs, understood, begunAs, from } = open;
    if (open.bodies.length === 1) {
      this.closed.push({ from, group: { raw: open.bodies[0]!, pieces: open.pieces, physicalLines, ...writerOf(output), runtimeTimeNs, part, readMs, understood, begunAs } });
      return;
    }
    const raw = Buffer.concat(open.bodies.flatMap((body, index) => (index === 0 ? [body] : [newline, body])));
    this.close({ raw, pieces: joinTouching(open.pieces), physicalLines, ...writerOf(output), runtimeTimeNs, part, readMs, begunAs }, understood, from);
  }

  private close(group: Omit<ClosedGroup, 'understood'>, first: Understood | null = null, from = group.pieces[0]!.from): void {
    this.closed.push({ from, group: { ...group, understood: this.reader.understandJoined(group.container === null ? group.raw : withoutComposePrefixes(group.raw), group.readMs, first) } });
  }

  private closeOpen(): void {
    this.closeLongLine(false);
    for (const [output, state] of this.outputs) {
      this.closeLine(output, state, false);
      this.closeEvent(output, state);
    }
  }

  /**
   * A record of the stream read this much later closes the events that are open, whichever output it is of. Not an unfinished line: what comes next
   * of its output is its rest, whenever that is, and whatever a clock did meanwhile.
   */
  private closeWhatIsOld(readMs: number): void {
    for (const [output, state] of this.outputs) if (state.event !== null && readMs - state.event.lastReadMs > this.limits.openEventMsMax) this.closeEvent(output, state);
  }

  /**
   * What the other output has run far away from is closed, by distance in bytes, so that what waits behind it stays bounded. An event, whose lines are
   * whole, holds little: its shipper waits for what is behind it. While a line is unfinished the shipper sends on.
   */
  private closeWhatIsTooFar(end: number): void {
    const { openEventBytesMax } = this.limits;
    let isInsideLine = false;
    for (const [output, state] of this.outputs) {
      const { line } = state;
      if (line !== null && end - line.from > (line.pieces.length === 0 ? openEventBytesMax : this.heldBytesMax)) this.closeLine(output, state, false);
      if (state.event !== null && end - state.event.pieces.at(-1)!.to > openEventBytesMax) this.closeEvent(output, state);
      isInsideLine ||= state.line !== null;
    }
    // A chain of events that interlock, each of them within the limit.
    const heldBytesMax = isInsideLine ? this.heldBytesMax : chainMax * openEventBytesMax;
    if (end - this.heldFrom <= heldBytesMax) return;
    this.settle();
    if (end - this.heldFrom > heldBytesMax) this.closeOpen();
  }

  /** Moves to `ready` what is closed, in stream order, as far as no group reaches behind the start of what is still open. */
  private settle(): void {
    let openFrom = this.longLine === null || this.longLine.bytes === 0 ? Infinity : this.longLine.from;
    for (const { line, event } of this.outputs.values()) openFrom = Math.min(openFrom, line?.from ?? Infinity, event?.from ?? Infinity);
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

  private output(output: Lane): OutputState {
    let state = this.outputs.get(output);
    if (state === undefined) {
      state = { line: null, event: null, partsDone: 0 };
      this.outputs.set(output, state);
    }
    return state;
  }
}
