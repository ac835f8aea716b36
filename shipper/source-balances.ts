/** The balances of all streams, each with its place in the rotation of its source. */
import type { StreamBalance } from './balance.ts';
import type { Chain } from './chain.ts';
import type { TailedStream } from './tailed-stream.ts';

/**
 * Of sources at work, each with all its streams.
 * @param copied per source the streams whose bytes lie in a copy
 */
export function* sourceBalances(chains: Iterable<Chain>, copied: ReadonlyMap<string, ReadonlySet<string>>): Generator<StreamBalance> {
  for (const chain of chains) {
    const streams = [...chain.closedHere, ...chain.streams];
    const keptStreams = keptOf(streams, copied.get(chain.source));
    for (const [index, stream] of streams.entries()) yield stream.balance({ newerStreams: streams.length - 1 - index, begunStreams: chain.begunStreams, keptStreams, isThere: isThere(stream) });
  }
}

function keptOf(streams: readonly TailedStream[], copied: ReadonlySet<string> = new Set()): number {
  let kept = streams.slice(0, -1).filter(isThere).length;
  // A copy of what is there in a file of its own keeps nothing more.
  const there = copied.size === 0 ? copied : new Set(streams.filter(stream => stream.isNamed && isThere(stream)).map(stream => stream.streamId));
  for (const streamId of copied) if (!there.has(streamId)) kept += 1;
  return kept;
}

function isThere(stream: TailedStream): boolean {
  return stream.present || stream.readsCopy;
}
