/** What a collector has in memory of a stream. */
import type { ByteRange } from '#lib/byte-ranges.ts';
import type { ChunkContext } from './event-of.ts';
import type { LineAssembler } from './lines/assembler.ts';

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
