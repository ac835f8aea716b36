/** Counts the values of a field over events. */
import type { FieldValue, LogEvent } from './event.ts';
import { fieldReader, type FieldReader } from './query/field.ts';
import { facetValuesMax, type Facet, type FacetValue } from './store.ts';

export class FacetCounter {
  readonly field: string;
  private readonly read: FieldReader;
  private readonly perService: boolean;
  /** By service; all of them are one where they are not counted apart. */
  private readonly counts = new Map<string | null, Map<string, FacetValue>>();
  private distinct = 0;
  private events = 0;
  private uncounted = 0;

  constructor(field: string, perService = false) {
    this.field = field;
    this.read = fieldReader(field);
    this.perService = perService;
  }

  add(event: LogEvent): void {
    const value = this.read(event);
    if (value === undefined) return;
    this.events += 1;
    if (!Array.isArray(value)) this.count(String(value), event);
    else for (const member of new Set(membersOf(value))) this.count(member, event);
  }

  /** What was counted elsewhere, not by service: so many events that have the field, so many of them with each value. */
  addCounted(events: number, values: Iterable<[value: string, times: number]>): void {
    this.events += events;
    let counts = this.counts.get(null);
    if (counts === undefined) this.counts.set(null, (counts = new Map<string, FacetValue>()));
    for (const [value, times] of values) {
      this.distinct += 1;
      counts.set(value, { value, count: times });
    }
  }

  private count(value: string, event: LogEvent): void {
    const service = this.perService ? event.service : null;
    let counts = this.counts.get(service);
    if (counts === undefined) this.counts.set(service, (counts = new Map<string, FacetValue>()));
    let counted = counts.get(value);
    if (counted === undefined) {
      if (this.distinct >= facetValuesMax) {
        this.uncounted += 1;
        return;
      }
      this.distinct += 1;
      counted = { value, count: 0, ...(this.perService ? { seen: { service, firstNs: event.timeNs, lastNs: event.timeNs } } : {}) };
      counts.set(value, counted);
    }
    counted.count += 1;
    if (counted.seen === undefined) return;
    const { timeNs } = event;
    if (timeNs < counted.seen.firstNs) counted.seen.firstNs = timeNs;
    if (timeNs > counted.seen.lastNs) counted.seen.lastNs = timeNs;
  }

  answer(valuesMax: number): Facet {
    const values = [...this.counts.values()].flatMap(counts => [...counts.values()]).sort(byCount);
    return { field: this.field, values: values.slice(0, valuesMax), distinct: values.length, events: this.events, uncounted: this.uncounted };
  }
}

function byCount(a: FacetValue, b: FacetValue): number {
  if (a.count !== b.count) return b.count - a.count;
  if (a.value !== b.value) return a.value < b.value ? -1 : 1;
  return (a.seen?.service ?? '') < (b.seen?.service ?? '') ? -1 : 1;
}

function membersOf(values: readonly FieldValue[]): string[] {
  return values.flatMap(value => (Array.isArray(value) ? membersOf(value) : [String(value)]));
}
