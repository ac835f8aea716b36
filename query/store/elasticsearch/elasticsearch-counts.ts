/**
 * Counting in Elasticsearch. What a filter decides exactly the server counts; the few documents that are not wholly in its index, and everything where no
 * filter decides, are read and looked at.
 */
import type { ElasticFlavour } from '#lib/elasticsearch/server.ts';
import type { LogEvent } from '#schemas/event.ts';
import { FacetCounter } from '#schemas/facet-counter.ts';
import { isOwnField } from '#schemas/query/field.ts';
import { compilePredicate } from '#schemas/query/predicate.ts';
import { facetValuesMax, type CountAnswer, type CountRequest, type FacetsAnswer, type FacetsRequest, type HistogramAnswer, type HistogramRequest, type ReadContext } from '#schemas/store.ts';
import { HistogramBars } from '../histogram-bars.ts';
import { ReadWork } from '../read-work.ts';
import { allOf, anyOf, exists, keywordOf, partlyIndexed, serverFilter, term, timeClause } from './filter.ts';
import type { Searcher } from './searcher.ts';

const bucketsPerPage = 5000;
const nsPerMs = 1_000_000n;
const countPage = 1000;

interface Parts {
  /** Of what the server counts; null where it cannot. */
  counted: object | null;
  /** Of what is looked at. */
  looked: object;
}

interface Terms {
  sum_other_doc_count: number;
  buckets: { key: string; doc_count: number }[];
}

export class ElasticsearchCounts {
  private readonly searcher: Searcher;
  private readonly events: string;

  constructor(searcher: Searcher, events: string) {
    this.searcher = searcher;
    this.events = events;
  }

  async count(request: CountRequest, context: ReadContext): Promise<CountAnswer> {
    const work = new ReadWork(context);
    const { counted, looked } = await this.parts(request);
    let count = 0;
    if (counted !== null) {
      const answer = await this.searcher.search(this.events, { size: 0, track_total_hits: true, query: counted }, work, context);
      if (answer === null) return { count, truncated: true, scanned: work.result() };
      count += answer.hits.total!.value;
    }
    const truncated = await this.look(request, looked, work, context, () => count, () => (count += 1));
    return { count, truncated, scanned: work.result() };
  }

  async histogram(request: HistogramRequest, context: ReadContext): Promise<HistogramAnswer> {
    const work = new ReadWork(context);
    const { by, stepMs } = request;
    const bars = new HistogramBars(stepMs);
    const { counted, looked } = await this.parts(request);
    if (counted !== null && !(await this.bars(bars, request, counted, work, context))) return { bars: bars.sorted(), truncated: true, scanned: work.result() };
    const truncated = await this.look(request, looked, work, context, () => bars.total, event => bars.add(floorMs(event.timeNs), by === null ? null : event[by], 1));
    return { bars: bars.sorted(), truncated, scanned: work.result() };
  }

  async facets(request: FacetsRequest, context: ReadContext): Promise<FacetsAnswer> {
    const work = new ReadWork(context);
    const counters = request.fields.map(field => new FacetCounter(field, request.perService));
    const flavour = await this.searcher.flavour();
    const { counted, looked } = await this.parts(request);
    const places = counted === null || request.perService === true ? null : placesOf(request.fields, flavour);
    let count = 0;
    let filter = looked;
    if (counted !== null && places !== null) {
      const answer = await this.terms(counters, places, counted, work, context);
      if (answer === 'cut') return { facets: counters.map(counter => counter.answer(request.valuesMax)), count, truncated: true, scanned: work.result() };
      // Too many different values for one answer.
      if (answer === 'tooMany') filter = rangeOf(request, anyOf([counted, partlyIndexed]));
      else count = answer;
    } else if (counted !== null) filter = rangeOf(request, anyOf([counted, partlyIndexed]));
    const truncated = await this.look(request, filter, work, context, () => count, event => {
      count += 1;
      for (const counter of counters) counter.add(event);
    });
    return { facets: counters.map(counter => counter.answer(request.valuesMax)), count, truncated, scanned: work.result() };
  }

  private async parts(request: CountRequest): Promise<Parts> {
    const { clause, isExact } = serverFilter(request.query, await this.searcher.flavour());
    if (!isExact) return { counted: null, looked: rangeOf(request, anyOf([clause, partlyIndexed])) };
    return { counted: rangeOf(request, { bool: { filter: [clause], must_not: [partlyIndexed] } }), looked: rangeOf(request, partlyIndexed) };
  }

  /** @returns true where the budget ended it early */
  private async look(request: CountRequest, filter: object, work: ReadWork, context: ReadContext, counted: () => number, found: (event: LogEvent) => void): Promise<boolean> {
    const matches = compilePredicate(request.query);
    for await (const page of this.searcher.pages(this.events, filter, null, countPage, work, context)) {
      if (page === null) return true;
      for (const event of page) if (matches(event)) found(event);
      if (context.onProgress !== undefined && work.isProgressDue()) context.onProgress({ count: counted(), scanned: work.result() });
    }
    return false;
  }

  /** False where the time was up. */
  private async bars(bars: HistogramBars, { by, stepMs }: HistogramRequest, filter: object, work: ReadWork, context: ReadContext): Promise<boolean> {
    const sources = [{ step: { date_histogram: { field: '@timestamp', fixed_interval: `${stepMs}ms`, order: 'desc' } } }, ...(by === null ? [] : [{ key: { terms: { field: keywordOf[by]!, missing_bucket: true } } }])];
    for (let after: object | null = null; ; ) {
      if (!(await work.goesOn())) return false;
      const answer = await this.searcher.search(this.events, { size: 0, query: filter, aggs: { bars: { composite: { size: bucketsPerPage, sources, ...(after === null ? {} : { after }) } } } }, work, context);
      if (answer === null) return false;
      const { buckets = [], after_key } = (answer.aggregations?.['bars'] ?? {}) as { buckets?: { key: { step: number; key?: string | null }; doc_count: number }[]; after_key?: object };
      for (const { key, doc_count } of buckets) bars.add(key.step, key.key ?? null, doc_count);
      if (context.onProgress !== undefined && work.isProgressDue()) context.onProgress({ count: bars.total, scanned: work.result() });
      if (buckets.length < bucketsPerPage || after_key === undefined) return true;
      after = after_key;
    }
  }

  /** @returns how many events there are, or why the counters were left alone */
  private async terms(counters: readonly FacetCounter[], places: readonly Place[], filter: object, work: ReadWork, context: ReadContext): Promise<number | 'cut' | 'tooMany'> {
    const aggs: Record<string, object> = {};
    places.forEach(({ values, has, nulls }, index) => {
      aggs[`values${index}`] = { terms: { field: values, size: facetValuesMax } };
      aggs[`has${index}`] = { filter: has };
      if (nulls !== null) aggs[`nulls${index}`] = { filter: nulls };
    });
    const answer = await this.searcher.search(this.events, { size: 0, track_total_hits: true, query: filter, aggs }, work, context);
    if (answer === null) return 'cut';
    const found = answer.aggregations ?? {};
    const terms = places.map((_, index) => (found[`values${index}`] as Terms | undefined) ?? { sum_other_doc_count: 0, buckets: [] });
    if (terms.some(({ sum_other_doc_count, buckets }) => sum_other_doc_count > 0 || buckets.length >= facetValuesMax)) return 'tooMany';
    const countOf = (name: string): number => (found[name] as { doc_count: number } | undefined)?.doc_count ?? 0;
    counters.forEach((counter, index) => {
      const nulls = countOf(`nulls${index}`);
      const values = terms[index]!.buckets.map(({ key, doc_count }): [string, number] => [key, doc_count]);
      counter.addCounted(countOf(`has${index}`), nulls === 0 ? values : [...values, ['null', nulls]]);
    });
    return answer.hits.total!.value;
  }
}

/** Where the values of a field stand in the index. */
interface Place {
  values: string;
  has: object;
  nulls: object | null;
}

/** Null where one of them stands nowhere as it is counted. */
function placesOf(fields: readonly string[], flavour: ElasticFlavour): Place[] | null {
  const places: Place[] = [];
  for (const field of fields) {
    if (isOwnField(field)) {
      const values = keywordOf[field];
      if (values === undefined) return null;
      places.push({ values, has: exists(values), nulls: null });
    } else {
      if (flavour !== 'elasticsearch' || field.startsWith('fields.') || /[*?]/.test(field) || field.trim() === '') return null;
      const nulls = term('leadline.null_fields', field);
      places.push({ values: `fields.${field}`, has: anyOf([exists(`fields.${field}`), nulls]), nulls });
    }
  }
  return places;
}

function rangeOf({ fromNs, toNs }: CountRequest, clause: object): object {
  const range = timeClause(fromNs, toNs);
  return range === null ? clause : allOf([range, clause]);
}

function floorMs(ns: bigint): number {
  const ms = ns / nsPerMs;
  return Number(ms * nsPerMs > ns ? ms - 1n : ms);
}
