/**
 * What events of one kind have in common, written once per block: which fields and ids they have, where their message lies, where their times came
 * from. A block has a handful of shapes and each event says which is its own; what differs from event to event stands in columns.
 */
import type { EventId, Output, TimeSource } from '../event.ts';

/** Where the message is: the line itself, a part of it, its end, or text of its own. */
export const messageIs = { line: 0, part: 1, end: 2, own: 3 } as const;
export type MessageIs = (typeof messageIs)[keyof typeof messageIs];

/**
 * Where a field's value is: `text` and `number` lie in the line, the others say it themselves; `own` is JSON of its own. A number lies in the line
 * where it is spelled there as it would be written.
 */
export const valueIs = { text: 0, number: 1, true: 2, false: 3, null: 4, empty: 5, own: 6 } as const;
export type ValueIs = (typeof valueIs)[keyof typeof valueIs];

/** Bits of a shape: what an event of it says in JSON of its own (the first three, in this order), what more it has, and how its line can be read. */
export const has = { pieces: 1, part: 2, gap: 4, requestId: 8, notUtf8: 16, notAscii: 32 } as const;

export interface Shape {
  bits: number;
  timeSource: TimeSource;
  output: Output | null;
  requestIdSource: string | null;
  confidence: number | null;
  exceptionType: string | null;
  message: MessageIs;
  /** The message begins behind so many of the values that lie in the line. */
  messageAfter: number;
  /** Which of its ids the request id is, or -1. */
  requestIdIs: number;
  ids: Pick<EventId, 'kind' | 'name'>[];
  fields: [name: string, is: ValueIs][];
}

/** Finds the shape of an event by what it is made of, one step after the other. */
export class ShapeTree {
  private root = new Step();
  private steps = 0;
  private at: Step = this.root;

  start(): void {
    // Lines whose field names never come again must not make it grow for ever.
    if (this.steps > stepsMax) {
      this.root = new Step();
      this.steps = 0;
    }
    this.at = this.root;
  }

  step(by: string | number | null): void {
    let next = this.at.next.get(by);
    if (next === undefined) {
      next = new Step();
      this.at.next.set(by, next);
      this.steps += 1;
    }
    this.at = next;
  }

  /** Number of the shape in this block, or -1 where it is not known there yet. */
  numberIn(block: object): number {
    return this.at.block === block ? this.at.number : -1;
  }

  /** Gives the shape that was walked to a number in this block. */
  number(block: object, number: number): void {
    this.at.block = block;
    this.at.number = number;
  }
}

const stepsMax = 50_000;

class Step {
  readonly next = new Map<string | number | null, Step>();
  block: object | null = null;
  number = -1;
}
