/** Streams that were open when the last run ended and whose file has not been found yet, by inode, so that matching costs the same for each file. */
import type { StreamState } from '#schemas/transport.ts';
import { sameFile } from './file-identity.ts';

export interface UnmatchedState {
  state: StreamState;
  /** Refreshes that did not find its file, although nothing changed while they looked. */
  missedRounds: number;
  /** Since when its file is there and cannot be opened, or null. */
  heldSinceMs: number | null;
}

export class UnmatchedStates {
  readonly #byInode = new Map<string, UnmatchedState[]>();

  get isEmpty(): boolean {
    return this.#byInode.size === 0;
  }

  add(state: StreamState): void {
    const inode = state.inode ?? '';
    const there = this.#byInode.get(inode);
    if (there === undefined) this.#byInode.set(inode, [{ state, missedRounds: 0, heldSinceMs: null }]);
    else there.push({ state, missedRounds: 0, heldSinceMs: null });
  }

  remove(state: StreamState): void {
    const inode = state.inode ?? '';
    const left = (this.#byInode.get(inode) ?? []).filter(each => each.state !== state);
    if (left.length === 0) this.#byInode.delete(inode);
    else this.#byInode.set(inode, left);
  }

  /** Those whose file this may be. */
  candidatesOf(file: { inode: string; birthTimeNs: string | null }): StreamState[] {
    return (this.#byInode.get(file.inode) ?? []).map(({ state }) => state).filter(state => sameFile(state, file));
  }

  all(): UnmatchedState[] {
    return [...this.#byInode.values()].flat();
  }

  of(source: string): StreamState[] {
    return this.states().filter(state => state.source === source);
  }

  states(): StreamState[] {
    return this.all().map(({ state }) => state);
  }
}
