/**
 * Searches compressed files for the unread rest of streams whose own file is gone: rotated and compressed while the shipper was stopped, or faster
 * than it could read. One at a time, beside the loop.
 */
import type { Log } from '#lib/log.ts';
import { systemCodeOf } from '#schemas/errors.ts';
import { lookBytes, type ChunkLimits } from './chunker.ts';
import { noBirth } from './copies.ts';
import { headAgrees, headBytesMax, tailBytesMax, tailHashOf } from './file-identity.ts';
import type { OpenFiles } from './open-files.ts';
import { PackedReader } from './packed-reader.ts';
import { copyCase, meansAbsent, type CopyCase } from './rotation.ts';
import { resumeBehind } from './resume.ts';
import type { TailedStream } from './tailed-stream.ts';

export interface TwinSearchParts {
  limits: ChunkLimits;
  files: OpenFiles;
  log: Log;
  /** The search for this stream is over, whatever came of it. */
  onSearched: (stream: TailedStream) => void;
}

/** A file that cannot be read now (no descriptor left, no right) is tried again, so often and after so long. */
const triesMax = 30;
const retryMs = 1000;

export class TwinSearch {
  readonly #parts: TwinSearchParts;
  #searching = false;
  #againMs = 0;
  readonly #tries = new WeakMap<TailedStream, number>();

  constructor(parts: TwinSearchParts) {
    this.#parts = parts;
  }

  get isSearching(): boolean {
    return this.#searching;
  }

  /** Begins with the first of these that is to be searched for, where none is being. @returns whether there is one */
  begin(streams: Iterable<TailedStream>): boolean {
    if (this.#searching || performance.now() < this.#againMs) return true;
    for (const stream of streams) {
      if (stream.twin !== 'searching') continue;
      this.#searching = true;
      void this.#search(stream).then(isSure => {
        this.#searching = false;
        const tries = (this.#tries.get(stream) ?? 0) + 1;
        this.#tries.set(stream, tries);
        if (!isSure && tries < triesMax) {
          this.#againMs = performance.now() + retryMs;
          return;
        }
        stream.twin = 'searched';
        stream.awaitsCopy = false;
        stream.twinPaths = [];
        this.#parts.onSearched(stream);
      });
      return true;
    }
    return false;
  }

  /** @returns false where a file could not be read, and none was the one */
  async #search(stream: TailedStream): Promise<boolean> {
    let isSure = true;
    for (const path of stream.twinPaths) {
      let reader: PackedReader | null = null;
      try {
        reader = new PackedReader(path, lookBytes(this.#parts.limits));
        const verdict = await judgeTwin(reader, stream);
        if (verdict === 'copy' || (verdict === 'undecided' && stream.twinPaths.length === 1)) {
          this.#read(stream, reader, path);
          return true;
        }
      } catch (error) {
        if (systemCodeOf(error) === null) throw error;
        // An error never means that it is gone.
        if (!meansAbsent(systemCodeOf(error))) isSure = false;
        this.#parts.log.warn({ event: 'twinUnreadable', path, streamId: stream.streamId }, `${path}: cannot be read (${systemCodeOf(error) ?? ''})`);
      }
      reader?.close();
    }
    return isSure;
  }

  #read(stream: TailedStream, reader: PackedReader, path: string): void {
    this.#parts.log.info({ event: 'copyFound', path, streamId: stream.streamId }, 'a compressed file holds the rest of a stream');
    this.#parts.files.hold(stream, reader);
    stream.readsCopy = true;
    stream.phase = 'draining';
    stream.lookedSizeBytes = -1;
    stream.readToEndMs = null;
    stream.takeBackGap();
    if (stream.openLine === null && stream.position > 0) resumeBehind(stream, reader.bytes(stream.position - 1, stream.position)[0]!);
  }
}

/** Unpacks up to the position and compares on the way. */
async function judgeTwin(reader: PackedReader, stream: TailedStream): Promise<CopyCase> {
  const { position, seenStart, tail } = stream;
  await reader.advance(0);
  const first = Buffer.from(reader.bytes(0, headBytesMax));
  let tailAgrees: boolean | null = null;
  if (tail !== null) {
    await reader.advance(tail.at);
    if (reader.to >= tail.at) tailAgrees = tailHashOf(reader.bytes(Math.max(0, tail.at - tailBytesMax), tail.at), tail.at).hash === tail.hash;
  }
  await reader.advance(position);
  return copyCase({
    relatedName: true,
    // Those that are older were not offered, and when an archive was made says nothing about when its bytes were copied.
    ...noBirth,
    wholeFirstLine: first.length >= headBytesMax || first.includes(10),
    headAgrees: headAgrees(stream.head, first),
    // More than it has, while it is not known to be all.
    candidateBytes: reader.isComplete ? reader.to : Number.MAX_SAFE_INTEGER,
    headBytes: stream.head.length,
    position,
    startAgrees: seenStart === null || seenStart.length <= stream.head.length ? null : first.subarray(0, seenStart.length).equals(seenStart),
    remembered: false,
    tailAgrees,
    agreesWithOriginal: null,
  });
}
