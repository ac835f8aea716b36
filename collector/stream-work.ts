/** What a collector has in memory of a stream. */
import { addRanges, withoutRanges, type ByteRange } from '#lib/byte-ranges.ts';
import type { Chunk } from '#schemas/chunk.ts';
import type { LogEvent } from '#schemas/event.ts';
import type { StoredStream } from '#schemas/store.ts';
import { contextOf, type ChunkContext } from './event-of.ts';
import { LineAssembler } from './lines/assembler.ts';
import type { AssemblerLimits } from './lines/assembler-limits.ts';

export interface StreamWork {
  /** Stored, queued for the store, or held in an open event. */
  taken: ByteRange[];
  /** Known to be lost, so that a gap is told once. */
  gaps: ByteRange[];
  assembler: LineAssembler;
  /** Of the last chunk with lines. */
  context: ChunkContext;
  lastTimeNs: bigint | null;
  watermarkNs: bigint;
  silent: boolean;
  /** The last record may have been stored by others, or what it left open. */
  isDoubtful: boolean;
}

/** @param known what is stored of it, null for nothing */
export function newStreamWork(chunk: Chunk, known: StoredStream | null, limits: AssemblerLimits, silent: boolean): StreamWork {
  return {
    // A gap never covers: bytes that fill it later are stored.
    taken: known?.storedRanges ?? [],
    gaps: addRanges([], known?.gaps ?? []),
    assembler: new LineAssembler(limits),
    context: contextOf(chunk),
    lastTimeNs: known?.lastTimeNs ?? null,
    watermarkNs: known?.watermarkNs ?? 0n,
    silent,
    isDoubtful: false,
  };
}

/** The store refused an event for good: its bytes are taken in should they come again. */
export function forgetBytes(work: StreamWork | undefined, { gap, pieces, streamOffset }: LogEvent): void {
  if (work === undefined) return;
  if (gap === null) work.taken = withoutRanges(work.taken, pieces);
  else work.gaps = work.gaps.filter(({ from }) => from !== streamOffset);
}

export function learnStored(work: StreamWork | undefined, known: StoredStream | null): void {
  if (work === undefined || known === null) return;
  work.taken = addRanges(work.taken, known.storedRanges);
  work.gaps = addRanges(work.gaps, known.gaps);
}
