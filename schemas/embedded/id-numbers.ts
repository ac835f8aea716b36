/**
 * Numbers the ids of one block. A table of its own, because it is filled for every block anew: it keeps its room, where a `Map` would grow step by step
 * each time and leave all of it to the collector of garbage.
 */
import { canonicalId, idHash } from '../canonical-id.ts';
import { noHash } from './id-list.ts';

const slotsAtFirst = 1 << 10;
/** More than most blocks need. */
const slotsKept = 1 << 15;

export class IdNumbers {
  /** Of the canonical form, by number; `noHash` where an id has none. */
  readonly hashes: number[] = [];
  private readonly values: string[] = [];
  private readonly codes: number[] = [];
  /** Number + 1 by hash of the spelling, 0 where there is none; a power of two, at least half of it empty. */
  private slots = new Int32Array(slotsAtFirst);

  get size(): number {
    return this.values.length;
  }

  clear(): void {
    if (this.slots.length > slotsKept) this.slots = new Int32Array(slotsAtFirst);
    else if (this.values.length > 0) this.slots.fill(0);
    this.hashes.length = this.values.length = this.codes.length = 0;
  }

  /** The id's number; a new one where `size` was it before. */
  numberOf(value: string): number {
    const { values, codes, slots } = this;
    const code = codeOf(value);
    let slot = code & (slots.length - 1);
    for (let number = slots[slot]! - 1; number >= 0; number = slots[slot]! - 1) {
      if (codes[number] === code && values[number] === value) return number;
      slot = (slot + 1) & (slots.length - 1);
    }
    const number = values.length;
    values.push(value);
    codes.push(code);
    const canonical = canonicalId(value);
    this.hashes.push(canonical === null ? noHash : idHash(canonical));
    slots[slot] = number + 1;
    if (2 * values.length > slots.length) this.grow();
    return number;
  }

  private grow(): void {
    const { codes } = this;
    const slots = new Int32Array(2 * this.slots.length);
    for (let number = 0; number < codes.length; number++) {
      let slot = codes[number]! & (slots.length - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
      slots[slot] = number + 1;
    }
    this.slots = slots;
  }
}

/** FNV-1a, with its high bits folded into those that choose the slot. */
function codeOf(value: string): number {
  let code = 0x811c9dc5;
  for (let index = 0; index < value.length; index++) code = Math.imul(code ^ value.charCodeAt(index), 0x01000193);
  return code ^ (code >>> 15);
}
