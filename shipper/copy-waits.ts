/** How long streams and sources wait for copies that may be there and were not seen: a refresh has to come, or a file or folder has to be readable. */
import type { Chain } from './chain.ts';
import type { IndexedFiles } from './file-index.ts';
import type { TailedStream } from './tailed-stream.ts';

/** Nobody waits longer for what cannot be read. */
const waitMsMax = 30_000;

interface Wait {
  /** Which may have been made before the stream's file was truncated. */
  found: IndexedFiles | null;
  /** The first refresh that should have seen the copy. */
  sinceMs: number | null;
}

export class CopyWaits {
  /** Of the refresh that is being taken in, or was last. */
  #found: IndexedFiles | null = null;
  readonly #waits = new Map<TailedStream, Wait>();
  /** Sources with a file that may be a copy and cannot be read, and since when. */
  #unread = new Map<Chain, number>();
  #unreadBefore: ReadonlyMap<Chain, number> = this.#unread;

  /** A refresh is taken in from here on. */
  refreshed(found: IndexedFiles): void {
    this.#found = found;
    this.#unreadBefore = this.#unread;
    this.#unread = new Map();
  }

  /** The stream's file was truncated. */
  begin(stream: TailedStream): void {
    this.#waits.set(stream, { found: this.#found, sinceMs: null });
  }

  /** A file of the source cannot be read now. @returns whether the source is to wait for it: what it holds comes before what is written now */
  unread(chain: Chain, nowMs: number): boolean {
    const sinceMs = this.#unreadBefore.get(chain) ?? nowMs;
    this.#unread.set(chain, sinceMs);
    return nowMs - sinceMs < waitMsMax;
  }

  /**
   * Asked when all files of a refresh were judged.
   * @param isUnseen the folder of its file could not be looked at
   * @returns whether a copy of the stream may still be found
   */
  mayCome(stream: TailedStream, chain: Chain, isUnseen: boolean, nowMs: number): boolean {
    const wait = this.#waits.get(stream) ?? { found: null, sinceMs: null };
    wait.sinceMs ??= nowMs;
    const mayBeThere = wait.found === this.#found || this.#unread.has(chain) || isUnseen;
    if (stream.reader === null && mayBeThere && nowMs - wait.sinceMs < waitMsMax) {
      this.#waits.set(stream, wait);
      return true;
    }
    this.#waits.delete(stream);
    return false;
  }
}
