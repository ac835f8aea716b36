/** From a file's path to its source: the key its chunks travel under and what its streams' names are hashed from. */
import type { Origin } from '#schemas/event.ts';
import type { Options } from '#schemas/options.ts';
import { chainOfPath, originOfPath, type PathPattern } from '#schemas/path-pattern.ts';

export interface FileSource {
  source: string;
  sourceId: string;
  origin: Origin;
  /** The real path without rotation suffix. */
  chain: string;
  /** 1 of `.1` (larger is older), the text of a date (smaller is older), null for the file that is being written. */
  rotation: number | string | null;
}

export type OriginOptions = Pick<Options, 'sourceId' | 'service' | 'container' | 'pod' | 'namespace' | 'node'>;

/** What was said outright beats what the path says. */
export function originWith(origin: Origin, options: OriginOptions): Origin {
  return {
    service: options.service ?? origin.service,
    container: options.container ?? origin.container,
    pod: options.pod ?? origin.pod,
    namespace: options.namespace ?? origin.namespace,
    node: options.node ?? origin.node,
  };
}

/**
 * The source of a tailed file: namespace/pod/container where the path names a pod, else the rotation chain of the file on this machine.
 * @param machine the `--source-id`, or the machine id
 */
export function tailedSource(file: { realPath: string; matchPath: string }, options: OriginOptions, patterns: readonly PathPattern[], machine: string): FileSource {
  const named = originOfPath(file.matchPath, patterns);
  const { chain, rotation } = chainOfPath(file.realPath);
  const { pod, container } = named.origin;
  const ofPod = named.podUid !== null && container !== null;
  const sourceId = ofPod ? `${named.podUid}/${container}` : `${machine}:${chain}`;
  return {
    // The whole id: two sidecars called frontend-1 and frontend-2 must not share a source, or each would close the other's streams.
    source: pod !== null && container !== null ? named.source : ofPod ? `${machine}:${chain}` : sourceId,
    sourceId,
    origin: originWith(named.origin, options),
    chain,
    rotation,
  };
}

/** The source of an ingested file: what the path pattern gives, wherever and on whatever machine the file lies. */
export function ingestedSource(file: { realPath: string; matchPath: string }, options: OriginOptions, patterns: readonly PathPattern[]): FileSource {
  const named = originOfPath(file.matchPath, patterns);
  const { chain, rotation } = chainOfPath(file.realPath);
  return { source: named.source, sourceId: named.source, origin: originWith(named.origin, options), chain, rotation };
}

/** Oldest first within a chain by suffix, between chains by the time of the last change. */
export function compareAge(a: { chain: string; rotation: FileSource['rotation']; mtimeMs: number; path: string }, b: typeof a): number {
  if (a.chain === b.chain && a.rotation !== b.rotation) {
    if (a.rotation === null) return 1;
    if (b.rotation === null) return -1;
    if (typeof a.rotation === 'number' && typeof b.rotation === 'number') return b.rotation - a.rotation;
    if (typeof a.rotation === 'string' && typeof b.rotation === 'string') return a.rotation < b.rotation ? -1 : 1;
  }
  return a.mtimeMs < b.mtimeMs ? -1 : a.mtimeMs > b.mtimeMs ? 1 : a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
