/** Which bytes of which streams a block's events are, for finding the lines around one: `f64 place in the chain, f64 from, f64 to` each. */
import type { LogEvent } from '../event.ts';

export interface BlockStreamRange {
  chainPosition: number;
  /** The least and the greatest of its events' streamOffsets there; between them may be bytes of other blocks. */
  from: number;
  to: number;
}

const numbersEach = 3;

export function writeBlockStreams(events: readonly LogEvent[]): Uint8Array {
  const ranges = new Map<number, BlockStreamRange>();
  for (const { chainPosition = 0, streamOffset } of events) {
    const range = ranges.get(chainPosition);
    if (range === undefined) ranges.set(chainPosition, { chainPosition, from: streamOffset, to: streamOffset });
    else {
      range.from = Math.min(range.from, streamOffset);
      range.to = Math.max(range.to, streamOffset);
    }
  }
  return new Uint8Array(Float64Array.from([...ranges.values()].flatMap(({ chainPosition, from, to }) => [chainPosition, from, to])).buffer);
}

/** Null where the block holds nothing of the stream. */
export function readBlockStream(data: Uint8Array, chainPosition: number): BlockStreamRange | null {
  const numbers = new Float64Array(data.slice().buffer);
  for (let index = 0; index < numbers.length; index += numbersEach) {
    if (numbers[index] === chainPosition) return { chainPosition, from: numbers[index + 1]!, to: numbers[index + 2]! };
  }
  return null;
}
