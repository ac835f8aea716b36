import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { Writable } from 'node:stream';

/** Eight services with nine files and one backup each stay below 36 MB. */
const logBytesMaxDefault = 2_000_000;

/**
 * A log file that rotates by rename: at `bytesMax` `x.log` becomes `x.log.1`, and what was `x.log.1` is gone.
 *
 * Each write is one system call and is done when `write` returns: a killed service has then written everything it said, and its lines have
 * the order in which they were said. A file is never longer than `bytesMax`, unless a single write is.
 */
export class RotatingLog extends Writable {
  readonly #path: string;
  readonly #bytesMax: number;
  #descriptor: number;
  #sizeBytes: number;

  /** Appends to what an earlier run left at `path`. */
  constructor(path: string, bytesMax = logBytesMaxDefault) {
    super({ decodeStrings: true });
    this.#path = path;
    this.#bytesMax = bytesMax;
    mkdirSync(dirname(path), { recursive: true });
    this.#descriptor = openSync(path, 'a');
    this.#sizeBytes = fstatSync(this.#descriptor).size;
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    try {
      if (this.#sizeBytes > 0 && this.#sizeBytes + bytes.length > this.#bytesMax) this.#rotate();
      writeSync(this.#descriptor, bytes);
      this.#sizeBytes += bytes.length;
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    closeSync(this.#descriptor);
    done();
  }

  #rotate(): void {
    closeSync(this.#descriptor);
    renameSync(this.#path, `${this.#path}.1`);
    this.#descriptor = openSync(this.#path, 'a');
    this.#sizeBytes = 0;
  }
}
