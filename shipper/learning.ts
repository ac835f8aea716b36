/** What is known of streams when they are met again: the checkpoint's word and the outside's, of which the further counts. */
import type { StreamState } from '#schemas/transport.ts';

export interface Learned {
  states: StreamState[];
  /** Those that both sides know; all others have to be made known again before anything of them is sent. */
  told: ReadonlySet<StreamState>;
}

/** Per stream the further position of the two; whether it is closed is what the outside was told. */
export function mergeStates(own: readonly StreamState[], outside: readonly StreamState[]): Learned {
  // Closed on disk only: the outside has to be told again.
  const merged = new Map(own.map(state => [state.streamId, { ...state, closed: false }]));
  const told = new Set<StreamState>();
  for (const state of outside) {
    const ours = merged.get(state.streamId);
    const both = ours === undefined ? state : furtherOf(ours, state);
    merged.set(state.streamId, both);
    if (ours !== undefined) told.add(both);
  }
  return { states: [...merged.values()], told };
}

function furtherOf(ours: StreamState, outside: StreamState): StreamState {
  const further = ours.acknowledgedBytes > outside.acknowledgedBytes ? ours : outside;
  const tails = [ours.tailHash, outside.tailHash].filter(tail => tail !== null && tail.at <= further.acknowledgedBytes).sort((a, b) => b!.at - a!.at);
  return { ...further, closed: outside.closed, partition: outside.partition ?? ours.partition, tailHash: tails[0] ?? null, sizeBytes: Math.max(ours.sizeBytes, outside.sizeBytes) };
}
