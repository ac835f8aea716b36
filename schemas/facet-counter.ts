/** Counts the values of a field over events. */
import type { FieldValue, LogEvent } from './event.ts';
import { fieldReader, type FieldReader } from './query/field.ts';
import { facetValuesMax, type Facet } from './store.ts';

export class FacetCounter {
  readonly field: string;
  private readonly read: FieldReader;
  private readonly counts = new Map<string, number>();
  private events = 0;
  private uncounted = 0;

  constructor(field: string) {
    this.field = field;
    this.read = fieldReader(field);
  }

  add(event: LogEvent): void {
    const value = this.read(event);
    if (value === undefined) return;
    this.events += 1;
    if (!Array.isArray(value)) this.count(String(value), 1);
    else for (const member of new Set(membersOf(value))) this.count(member, 1);
  }

  private count(value: string, times: number): void {
    const before = this.counts.get(value);
    if (before === undefined && this.counts.size >= facetValuesMax) this.uncounted += times;
    else this.counts.set(value, (before ?? 0) + times);
  }

  answer(valuesMax: number): Facet {
    const values = [...this.counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
    return { field: this.field, values: values.slice(0, valuesMax), distinct: values.length, events: this.events, uncounted: this.uncounted };
  }
}

function membersOf(values: readonly FieldValue[]): string[] {
  return values.flatMap(value => (Array.isArray(value) ? membersOf(value) : [String(value)]));
}
