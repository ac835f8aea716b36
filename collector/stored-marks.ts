/** What of a stream needs not come again, as byte positions. */
import { addRanges, lowWaterMark } from '#lib/byte-ranges.ts';
import type { StoredStream } from '#schemas/store.ts';
import type { StreamState } from '#schemas/transport.ts';

/** Everything before it is stored, or known to be lost. */
export function durableMark(stream: StoredStream): number {
  return lowWaterMark(addRanges(stream.storedRanges, stream.gaps));
}

/** The same without a gap that nothing stored follows: a file may still turn up that holds those bytes. */
export function storedMark(stream: StoredStream): number {
  const lastStored = stream.storedRanges.at(-1)?.to ?? 0;
  return durableMark({ ...stream, gaps: stream.gaps.filter(({ to }) => to <= lastStored) });
}

/** A stream's state with the further of the published and the stored position; null where it has none. @param state the newest, which may not be stored yet */
export function knownState(stream: StoredStream, state: StreamState | null): StreamState | null {
  return state === null ? null : { ...state, acknowledgedBytes: Math.max(state.acknowledgedBytes, storedMark(stream)) };
}
