/**
 * How events lie in one row of `data`: their lines, one behind the other, as one zstd frame, and everything else that is known of them as another
 * (the head). What was read out of a line (message, fields, ids) is not written again: the head says where in the line it lies, or, where it is not
 * there as it was understood (escapes, damaged bytes), what it is. The codec's number stands beside each block; a better one is added, not swapped in
 * under old data.
 *
 *     head: u32 length of the description | the description, JSON | columns
 *
 * Places in a line count UTF-16 units of its text.
 */
import type { Origin } from '../event.ts';
import { has, messageIs, valueIs, type Shape } from './block-shape.ts';
import type { ColumnShape } from './columns.ts';

export const blockCodec = 2;

export interface BlockStream extends Origin {
  streamId: string;
  source: string;
  chainPosition: number;
  /** streamOffset of the first of its events here. */
  from: number;
}

export interface Description {
  n: number;
  rawBytes: number;
  streams: BlockStream[];
  shapes: (Shape & { n: number })[];
  templates: string[];
  ids: number;
  /** Values of ids that lie in no line, in order. */
  ownIds: string[];
  columns: ColumnShape[];
}

/** The columns with one value per event, in order. */
export class RowColumns<T> {
  readonly shape: T;
  readonly stream: T;
  readonly level: T;
  readonly msStep: T;
  readonly ns: T;
  readonly offsetStep: T;
  readonly framingBytes: T;
  readonly rawBytes: T;
  readonly ownBytes: T;
  readonly template: T;

  constructor(make: () => T) {
    this.shape = make();
    this.stream = make();
    this.level = make();
    this.msStep = make();
    this.ns = make();
    this.offsetStep = make();
    this.framingBytes = make();
    this.rawBytes = make();
    this.ownBytes = make();
    this.template = make();
  }

  /** In the order in which they are made. */
  all(): T[] {
    return [this.shape, this.stream, this.level, this.msStep, this.ns, this.offsetStep, this.framingBytes, this.rawBytes, this.ownBytes, this.template];
  }
}

/** Columns of ids that events of a shape have: of their own, and of a request id that is none of those. */
export function idColumnsOf({ ids, bits }: Shape): number {
  return ids.length + ((bits & has.requestId) === 0 ? 0 : 1);
}

/** Columns of places that events of a shape have: two for each value in the line, and those of the message. */
export function placesOf({ fields, message }: Shape): number {
  const values = fields.reduce((count, [, is]) => (is <= valueIs.number ? count + 2 : count), 0);
  return values + (message === messageIs.part ? 2 : message === messageIs.end ? 1 : 0);
}
