/** What the assembler holds: lines and events that are not finished. */
import type { Framing } from '#schemas/chunk.ts';
import type { EventPart, Piece } from '#schemas/event.ts';
import type { ContinuationState } from '../formats/continuation.ts';
import type { Understood } from '../formats/understood.ts';

/** An application line whose later docker or CRI pieces are still to come. */
export interface OpenLine {
  bodies: Uint8Array[];
  /** None while it is only the beginning that the stream before this one ended with. */
  pieces: Piece[];
  /** Nothing from here on leaves before it: where its first piece begins; 0 for one that began in the stream before. */
  from: number;
  /** eventId of that beginning, or null. */
  begunAs: string | null;
  physicalLines: number;
  bytes: number;
  timeNs: bigint | null;
  readMs: number;
}

/** A text event that may go on with continuation lines. */
export interface OpenEvent {
  bodies: Uint8Array[];
  pieces: Piece[];
  from: number;
  begunAs: string | null;
  physicalLines: number;
  bytes: number;
  runtimeTimeNs: bigint | null;
  part: EventPart | null;
  readMs: number;
  lastReadMs: number;
  understood: Understood;
  state: ContinuationState;
}

export interface OutputState {
  line: OpenLine | null;
  event: OpenEvent | null;
  /** Parts that went out of a line that is not finished. */
  partsDone: number;
}

/** A line that came in more than one chunk. */
export interface LongLine {
  framing: Framing;
  bodies: Uint8Array[];
  from: number;
  to: number;
  bytes: number;
  /** Parts of it that went out before; counted anew after a restart in the middle of a line. */
  partsDone: number;
  readMs: number;
}

export function withOwnLists<T extends OpenLine | OpenEvent>(open: T): T {
  return { ...open, bodies: [...open.bodies], pieces: [...open.pieces] };
}

export function append(long: LongLine, bytes: Uint8Array, to: number): void {
  if (bytes.length > 0) long.bodies.push(Buffer.from(bytes));
  long.bytes += bytes.length;
  long.to = to;
}

/** The number of a line's last part, or null where it is whole. */
export function lastPart(state: OutputState, finished: boolean): EventPart | null {
  if (state.partsDone === 0) return null;
  const n = state.partsDone + 1;
  state.partsDone = 0;
  return { n, of: finished ? n : null };
}

/** Pieces that touch become one, so that an event without a foreign line inside has a single piece. */
export function joinTouching(pieces: readonly Piece[]): Piece[] {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if (last?.to === piece.from) last.to = piece.to;
    else joined.push({ from: piece.from, to: piece.to });
  }
  return joined;
}
