/** What is known of streams when they are met again: the checkpoint's word and the outside's, of which the further counts. */
import type { StreamState } from '#schemas/transport.ts';

export interface Learned {
  states: StreamState[];
  /** Only the checkpoint knows of them: they have to be told again before they are sent. */
  untold: Set<string>;
}

/** Per stream the further position of the two; whether it is closed is what the outside was told. */
export function mergeStates(own: readonly StreamState[], outside: readonly StreamState[]): Learned {
  const merged = new Map(own.map(state => [state.streamId, state]));
  const untold = new Set(merged.keys());
  for (const state of outside) {
    untold.delete(state.streamId);
    const ours = merged.get(state.streamId);
    merged.set(state.streamId, ours === undefined ? state : furtherOf(ours, state));
  }
  // Closed on disk only: the outside has to be told again.
  for (const streamId of untold) merged.set(streamId, { ...merged.get(streamId)!, closed: false });
  return { states: [...merged.values()], untold };
}

function furtherOf(ours: StreamState, outside: StreamState): StreamState {
  const further = ours.acknowledgedBytes > outside.acknowledgedBytes ? ours : outside;
  const tails = [ours.tailHash, outside.tailHash].filter(tail => tail !== null && tail.at <= further.acknowledgedBytes).sort((a, b) => b!.at - a!.at);
  return { ...further, closed: outside.closed, partition: outside.partition ?? ours.partition, tailHash: tails[0] ?? null, sizeBytes: Math.max(ours.sizeBytes, outside.sizeBytes) };
}
