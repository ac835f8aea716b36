/**
 * What the shipper needs of whatever carries its chunks: Kafka, HTTP or another thread of the same process. One contract suite
 * (`test/contract/transport.ts`) runs against every implementation.
 *
 * Two things are apart on purpose: `publish` resolves when the next chunk may be handed over (back pressure), and `onAcknowledged` says what is
 * safe. A checkpoint follows the second only.
 */
import type { Chunk, Framing, PreviousStream } from './chunk.ts';
import type { Origin } from './event.ts';

/** A hash over the (at most) 1,024 bytes before `at`: proves that a file still holds what was read of it. */
export interface TailHash {
  at: number;
  hash: string;
}

/** What is known of a stream outside the shipper's own disk, so that a lost checkpoint loses nothing. The topic `leadline.streams`. */
export interface StreamState {
  streamId: string;
  /** `streamId` without its generation. */
  name: string;
  generation: number;
  source: string;
  /** What the name was hashed from: pod uid + container, or source id + path chain. */
  sourceId: string;
  partition: number | null;
  /** Decimal text: inode numbers pass 2^53. Null for streams named without them (`ingest`). */
  inode: string | null;
  birthTimeNs: string | null;
  /** The first line's bytes, at most 1,024, base64. */
  head: string;
  framing: Framing;
  origin: Origin;
  path: string | null;
  previous: PreviousStream | null;
  closed: boolean;
  sizeBytes: number;
  readBytes: number;
  /** Everything before this streamOffset is acknowledged. When loaded: the further of what was published and what is stored. */
  acknowledgedBytes: number;
  /** By cause. */
  droppedBytes: Record<string, number>;
  gapBytes: number;
  /** At or before `acknowledgedBytes`. */
  tailHash: TailHash | null;
  bootId: string | null;
  /** The stream was read to its end at this wall time (milliseconds), or null while it is behind. */
  readToEndMs: number | null;
  /**
   * Which rotated files can be copies of it, in times of its file system (all null where it keeps no birth times). No copy was born at or before
   * `copiesAfterNs`: those were there when the stream began. `readMtimeMs`: the file's last modification when `readBytes` had been read of it.
   * `truncatedMs`: the same when it was seen to be truncated; what is born later is a copy of a later stream.
   */
  copiesAfterNs: string | null;
  readMtimeMs: number | null;
  truncatedMs: number | null;
}

/** Bytes `[from, to)` of a stream are safe; `closed` where the stream's closing record is. */
export interface Acknowledgement {
  streamId: string;
  from: number;
  to: number;
  closed: boolean;
}

/** Over HTTP: the collector, by the name it gave itself at its start, that has answered chunks which it has not acknowledged. Another one refuses the request. */
export const collectorHeader = 'll-collector';

export interface Transport {
  /** The states of all streams of these sources, closed ones included. */
  loadStates(sources: readonly string[]): Promise<StreamState[]>;
  /**
   * The partition that all chunks of a source travel in, null where the transport has none. Asked after `loadStates` and before a stream of the
   * source is announced; what checkpoint or outside know (`known`) is kept, whatever the number of partitions is now.
   */
  partitionOf(source: string, known: number | null): number | null;
  /** Resolves when the states are durable. Later states of a stream replace earlier ones. */
  publishStates(states: readonly StreamState[]): Promise<void>;
  /**
   * Hands a chunk over; chunks of one source keep their order. Resolves when the next may be handed over, which is not when it is safe.
   * Owns `chunk.value` from here on. Retries by itself for as long as it takes; rejects only for what no retry can mend.
   */
  publish(chunk: Chunk): Promise<void>;
  /** Set by the shipper before its first `publish`. Called in any order, with ranges that may overlap. */
  onAcknowledged: (acknowledgements: readonly Acknowledgement[]) => void;
  /** Resolves when everything published is acknowledged, or after `timeoutMs`; true for the former. */
  drain(timeoutMs: number): Promise<boolean>;
  /** Why nothing gets through at the moment, in a sentence for a person, or null. */
  readonly troubledBy: string | null;
  close(): Promise<void>;
}
