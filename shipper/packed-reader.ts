/**
 * The bytes of a stream in a compressed file, from a position on: a window that moves forward while it is unpacked. Nothing lands on a disk and no more
 * than a chunk in memory.
 */
import type { StreamProblem } from './balance.ts';
import { openByteSource, type ByteSource } from './byte-source.ts';
import { tailBytesMax } from './file-identity.ts';
import type { ByteReader } from './stream-reader.ts';

export class PackedReader implements ByteReader {
  readonly #source: ByteSource;
  /** Holds `[from, to)` of the unpacked bytes. */
  readonly #window: Buffer;
  #from = 0;
  #to = 0;
  #isComplete = false;
  #filling = false;
  #failure: { error: unknown } | null = null;
  #isClosed = false;

  /** @param windowBytes at least what is looked at for one chunk, and 1,024. @throws the system error of opening the file */
  constructor(path: string, windowBytes: number) {
    this.#source = openByteSource(path);
    this.#window = Buffer.allocUnsafeSlow(Math.max(windowBytes, tailBytesMax) + tailBytesMax);
  }

  /** The archive was unpacked to its end, or as far as it can be. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** What was found broken; complete at the end. */
  get problem(): StreamProblem | null {
    return this.#source.problem;
  }

  /** streamOffset behind what is unpacked. */
  get to(): number {
    return this.#to;
  }

  /** Whether a chunk can be read at this position, or nothing more will come. @throws what reading the archive failed with */
  isReadyAt(position: number): boolean {
    if (this.#failure !== null) throw this.#failure.error;
    return !this.#filling && (this.#isComplete || this.#to - this.#wantedFrom(position) === this.#window.length);
  }

  /** Moves the window on to a position that is not before it; `done` when that is over. */
  fill(position: number, done: () => void): void {
    if (this.#filling || this.isReadyAt(position)) return;
    this.#filling = true;
    this.advance(position).then(
      () => {
        this.#filling = false;
        done();
      },
      (error: unknown) => {
        this.#filling = false;
        this.#failure = { error };
        done();
      },
    );
  }

  /** As `fill`, for whoever can wait. */
  async advance(position: number): Promise<void> {
    const from = this.#wantedFrom(position);
    for (;;) {
      // What lies before the window's new begin is not needed any more.
      const keepFrom = Math.min(from, this.#to);
      this.#window.copyWithin(0, keepFrom - this.#from, this.#to - this.#from);
      this.#from = keepFrom;
      const room = this.#window.subarray(this.#to - this.#from);
      if (room.length === 0 || this.#isComplete || this.#isClosed) return;
      const length = await this.#source.read(room);
      this.#to += length;
      if (length < room.length) this.#isComplete = true;
    }
  }

  /** The unpacked bytes `[from, to)` as far as the window holds them; a view. */
  bytes(from: number, to: number): Buffer {
    return this.#window.subarray(Math.max(0, from - this.#from), Math.max(0, Math.min(to, this.#to) - this.#from));
  }

  stats(): { size: number; mtimeMs: number; nlink: number } {
    return { size: this.#isComplete ? this.#to : this.#to + 1, mtimeMs: 0, nlink: 1 };
  }

  read(buffer: Buffer, position: number): { lead: number; length: number } {
    const lead = Math.min(tailBytesMax, position);
    const length = this.bytes(position - lead, this.#to).copy(buffer);
    return { lead, length: Math.max(0, length - lead) };
  }

  /** It was proven when it was opened, and what is unpacked from one descriptor stays what it is. */
  proves(): boolean {
    return true;
  }

  close(): void {
    this.#isClosed = true;
    this.#source.close();
  }

  #wantedFrom(position: number): number {
    return Math.max(0, position - tailBytesMax);
  }
}
