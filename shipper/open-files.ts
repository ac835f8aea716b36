/**
 * The files held open, at most so many. Who needs one more gets that of the stream that was read longest ago, so that with more growing files than
 * descriptors each gets its turn; only files that can be opened again by their path are closed for another.
 */
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import type { StreamProblem } from './balance.ts';
import { meansAbsent } from './rotation.ts';
import { StreamReader, type ByteReader } from './stream-reader.ts';
import type { TailedStream } from './tailed-stream.ts';

/** After the system said that there are too many open files, no more are opened for this long. */
const backOffMs = 1000;

export interface OpenFilesParts {
  openFilesMax: number;
  report: (problem: StreamProblem) => void;
  /** The problem of this code at this path is over. */
  over: (code: string, path: string) => void;
}

export const tooManyFiles = 'TOO_MANY_OPEN_FILES';

export class OpenFiles {
  readonly #parts: OpenFilesParts;
  /** Least recently read first. */
  readonly #open = new Set<TailedStream>();
  #againMs = 0;
  /** Times that one file more was one too many, for the limit or for the system. */
  limitHits = 0;

  constructor(parts: OpenFilesParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#open.size;
  }

  get hasRoom(): boolean {
    return this.#open.size < this.#parts.openFilesMax;
  }

  /**
   * The stream's reader, opened where it is not; null where it cannot be had now.
   * @returns `rotated` where its path names another file or none
   */
  readerOf(stream: TailedStream, nowMs: number): ByteReader | 'rotated' | null {
    if (stream.reader !== null) {
      this.#open.delete(stream);
      this.#open.add(stream);
      return stream.reader;
    }
    if (!stream.present || nowMs < this.#againMs) return null;
    if (!this.hasRoom) {
      this.limitHits += 1;
      // Where all that is open could not be opened again, one more is: those may be waiting for what this one holds up.
      if (!this.#makeRoom(1) && this.#open.size > this.#parts.openFilesMax) return null;
    }
    try {
      const reader = new StreamReader(stream.path);
      if (reader.inode() !== stream.inode) {
        reader.close();
        return 'rotated';
      }
      this.hold(stream, reader);
      this.#parts.over('PATH_NOT_READABLE', stream.path);
      this.#parts.over(tooManyFiles, '');
      return reader;
    } catch (error) {
      const systemCode = systemCodeOf(error);
      if (systemCode === null) throw error;
      if (meansAbsent(systemCode)) return 'rotated';
      if (systemCode === 'EMFILE' || systemCode === 'ENFILE') {
        this.#againMs = nowMs + backOffMs;
        this.limitHits += 1;
        this.#makeRoom(Math.max(1, this.#open.size >> 3));
        this.#parts.report({ path: '', code: tooManyFiles, message: `The system allows no more open files (${systemCode}, ${this.#open.size} are log files). Files wait for each other; raise its limit, or lower --open-files-max.` });
        return null;
      }
      const problem = new LeadlineError('PATH_NOT_READABLE', { path: stream.path, systemCode });
      this.#parts.report({ path: stream.path, code: problem.code, message: problem.message });
      return null;
    }
  }

  /** The stream reads from this one from now on. */
  hold(stream: TailedStream, reader: ByteReader): void {
    stream.reader?.close();
    stream.reader = reader;
    this.#open.delete(stream);
    this.#open.add(stream);
  }

  /** The file that one reads is the other's from now on; closed between the two, it could be gone. */
  pass(from: TailedStream, to: TailedStream): void {
    const { reader } = from;
    if (reader === null) return;
    this.#open.delete(from);
    from.reader = null;
    this.hold(to, reader);
  }

  close(stream: TailedStream): void {
    this.#open.delete(stream);
    stream.reader?.close();
    stream.reader = null;
  }

  /** @returns whether there is room for one more */
  #makeRoom(count: number): boolean {
    for (const stream of this.#open) {
      if (count <= 0) break;
      if (stream.file === null || !stream.present || stream.readsCopy) continue;
      this.close(stream);
      count -= 1;
    }
    return this.hasRoom;
  }
}
