/**
 * Metrics made from a catalogue, in Prometheus' text format. Values are set from outside, mostly right before they are read. Written by hand: the
 * usual client library takes 12 MB of memory, an eighth of what a whole shipper may have, for these few lines.
 */

type Catalogue = Record<string, { type: 'gauge' | 'counter'; help: string; labels?: readonly string[] }>;

export class Metrics<C extends Catalogue> {
  private readonly catalogue: C;
  /** Per metric the values by their labels as they are printed: `{cause="deleted"}`, or nothing. */
  private readonly values = new Map<string, Map<string, number>>();

  /** A metric without labels is there from the start, as 0; one with labels when its first value is. */
  constructor(catalogue: C) {
    this.catalogue = catalogue;
    for (const [name, { labels = [] }] of Object.entries(catalogue)) this.values.set(name, new Map(labels.length === 0 ? [['', 0]] : []));
  }

  set(name: keyof C & string, value: number, labels: Record<string, string> = {}): void {
    this.values.get(name)?.set(labelText(labels), value);
  }

  /** Counts up by `by`. */
  count(name: keyof C & string, by = 1, labels: Record<string, string> = {}): void {
    const values = this.values.get(name);
    const label = labelText(labels);
    values?.set(label, (values.get(label) ?? 0) + by);
  }

  /** Takes over a total that is counted elsewhere. */
  total(name: keyof C & string, value: number): void {
    this.set(name, value);
  }

  /** Forgets the values of a metric: its labels come and go, or nothing is known now. */
  clear(name: keyof C & string): void {
    this.values.get(name)?.clear();
  }

  text(): string {
    return Object.entries(this.catalogue)
      .flatMap(([name, { type, help }]) => [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...[...this.values.get(name)!].map(([label, value]) => `${name}${label} ${numberText(value)}`)])
      .map(line => `${line}\n`)
      .join('');
  }
}

function labelText(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  return value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value);
}
