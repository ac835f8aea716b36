/** A Prometheus registry made from a catalogue of metrics. Values are set from outside, mostly right before they are read. */
import { Counter, Gauge, Registry } from 'prom-client';

type Catalogue = Record<string, { type: 'gauge' | 'counter'; help: string; labels?: readonly string[] }>;

export class Metrics<C extends Catalogue> {
  readonly registry = new Registry();
  private readonly gauges = new Map<string, Gauge>();
  private readonly counters = new Map<string, Counter>();

  constructor(catalogue: C) {
    for (const [name, { type, help, labels = [] }] of Object.entries(catalogue)) {
      const configuration = { name, help, labelNames: [...labels], registers: [this.registry] };
      if (type === 'gauge') this.gauges.set(name, new Gauge(configuration));
      else this.counters.set(name, new Counter(configuration));
    }
  }

  set(name: keyof C & string, value: number, labels: Record<string, string> = {}): void {
    this.gauges.get(name)?.set(labels, value);
  }

  /** Counts up by `by`. */
  count(name: keyof C & string, by = 1, labels: Record<string, string> = {}): void {
    this.counters.get(name)?.inc(labels, by);
  }

  /** Takes over a total that is counted elsewhere. */
  total(name: keyof C & string, value: number): void {
    const counter = this.counters.get(name);
    counter?.reset();
    counter?.inc(value);
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }
}
