/**
 * One colour per service, the same in every view. A name's hash picks it; a name that meets a taken colour gets the next free one.
 */
export const colourCount = 12;

function hash(name: string): number {
  let value = 2_166_136_261;
  for (let i = 0; i < name.length; i += 1) value = Math.imul(value ^ name.charCodeAt(i), 16_777_619);
  return (value ^ (value >>> 15)) >>> 0;
}

export class ServiceColours {
  readonly #slots = new Map<string, number>();

  /** 0 to 11; beyond twelve services colours repeat. */
  slot(service: string): number {
    const known = this.#slots.get(service);
    if (known !== undefined) return known;
    const taken = new Set(this.#slots.values());
    let slot = hash(service) % colourCount;
    if (taken.size < colourCount) while (taken.has(slot)) slot = (slot + 1) % colourCount;
    this.#slots.set(service, slot);
    return slot;
  }
}
