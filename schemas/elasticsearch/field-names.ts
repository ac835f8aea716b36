/** Under which names numbers and addresses of log fields stand in the index. Two fields never share one. */

const admissible = /^(?!.*(?:__|_\.|\._))[\w@-]{1,100}(?:\.[\w@-]{1,100})*$/;
const nameCharsMax = 200;

const namesKeptMax = 10_000;
const found = new Map<string, string | null>();

/** `http.status_code` is `http__status_code`: a dot would make an object, which no field beside it may be. Null for a name that has no such form. */
export function indexedName(field: string): string | null {
  let name = found.get(field);
  if (name === undefined) {
    name = makeName(field);
    // Logs name few fields, again and again.
    if (found.size < namesKeptMax) found.set(field, name);
  }
  return name;
}

function makeName(field: string): string | null {
  return field.length <= nameCharsMax && admissible.test(field) && !field.startsWith('_') && !field.endsWith('_') ? field.replaceAll('.', '__') : null;
}

/** Counts different names up to a limit, in the order in which they came. */
export class NameBudget {
  /** Fields left out because too many other names had come before. */
  overflow = 0;
  private readonly names = new Set<string>();
  private readonly namesMax: number;

  constructor(namesMax: number) {
    this.namesMax = namesMax;
  }

  get size(): number {
    return this.names.size;
  }

  /** Names that an index knows already. */
  know(names: Iterable<string>): void {
    for (const name of names) this.names.add(name);
  }

  admits(name: string): boolean {
    if (this.names.has(name)) return true;
    if (this.names.size >= this.namesMax) {
      this.overflow += 1;
      return false;
    }
    this.names.add(name);
    return true;
  }
}
