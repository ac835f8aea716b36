/**
 * Counting in the embedded store. What asks for level and service only is answered from the counts per minute that every commit adds to; the minutes
 * at the ends of a time range, and everything else, by looking at events, newest block first.
 */
import type { StatementSync } from 'node:sqlite';
import { allServices, minuteMs, serviceKey } from '#schemas/embedded/layout.ts';
import { levels, type LogEvent } from '#schemas/event.ts';
import { FacetCounter } from '#schemas/facet-counter.ts';
import { headFields } from '#schemas/query/head-only.ts';
import type { CountAnswer, CountRequest, FacetsAnswer, FacetsRequest, HistogramAnswer, HistogramRequest, ReadContext } from '#schemas/store.ts';
import type { EventsFile } from './events-file.ts';
import { HistogramBars } from './histogram-bars.ts';
import { ReadWork } from './read-work.ts';
import { Sought, type StoreFiles } from './store-files.ts';

const minuteNs = BigInt(minuteMs) * 1_000_000n;
const noTime = -(2 ** 52);

export class EmbeddedCounts {
  private readonly files: StoreFiles;

  constructor(files: StoreFiles) {
    this.files = files;
  }

  async count(request: CountRequest, context: ReadContext): Promise<CountAnswer> {
    let count = 0;
    const { truncated, work } = await this.tally(request, minuteMs, false, context, (_fromMs, _level, _service, n) => (count += n), () => count);
    return { count, truncated, scanned: work.result() };
  }

  async histogram(request: HistogramRequest, context: ReadContext): Promise<HistogramAnswer> {
    const bars = new HistogramBars(request.stepMs);
    const { by } = request;
    const { truncated, work } = await this.tally(request, request.stepMs, by === 'service', context, (ms, level, service, n) => bars.add(ms, by === null ? null : by === 'level' ? level : service, n), () => bars.total);
    return { bars: bars.sorted(), truncated, scanned: work.result() };
  }

  async facets(request: FacetsRequest, context: ReadContext): Promise<FacetsAnswer> {
    const counters = request.fields.map(field => new FacetCounter(field, request.perService));
    let count = 0;
    const work = new ReadWork(context);
    const truncated = await this.look(new Sought(request.query, request.fromNs, request.toNs), work, context, () => count, event => {
      count += 1;
      for (const counter of counters) counter.add(event);
    });
    return { facets: counters.map(counter => counter.answer(request.valuesMax)), count, truncated, scanned: work.result() };
  }

  /**
   * Gives every match to `add`: several at once where they are counted already, with a time in their step.
   * @param stepMs where it is not whole minutes, nothing is counted already
   */
  private async tally(
    { query, fromNs, toNs }: CountRequest, stepMs: number, needsService: boolean, context: ReadContext,
    add: (ms: number, level: LogEvent['level'], service: string | null, n: number) => void, counted: () => number,
  ): Promise<{ truncated: boolean; work: ReadWork }> {
    const work = new ReadWork(context);
    const sought = new Sought(query, fromNs, toNs);
    const look = (from: bigint | null, to: bigint | null): Promise<boolean> =>
      this.look(new Sought(query, from, to), work, context, counted, (event, ms) => add(ms, event.level, event.service, 1));
    const fields = headFields(query);
    // A time in the query may be one of several, as in `time<x or level:error`.
    if (fields === null || fields.has('time') || stepMs % minuteMs !== 0) return { truncated: await look(fromNs, toNs), work };
    const firstMinute = fromNs === null ? null : ceilMinute(fromNs);
    const endMinute = toNs === null ? null : floorMinute(toNs);
    if (firstMinute !== null && endMinute !== null && firstMinute >= endMinute) return { truncated: await look(fromNs, toNs), work };
    const needsNames = needsService || fields.has('service');
    for (const file of this.files.open().reverse()) {
      if (!(await work.goesOn())) return { truncated: true, work };
      for (const service of needsNames ? servicesIn(file) : [allServices]) {
        const name = service === allServices || service === '' ? null : service.slice(serviceKey('').length);
        for (const { minute, level: rank, n } of countsOf(file).all(service, firstMinute ?? noTime, endMinute ?? -noTime) as unknown as { minute: number; level: number; n: number }[]) {
          const level = rank < 0 ? null : levels[rank]!;
          // It reads nothing else of an event.
          if (sought.predicate({ level, service: name } as LogEvent)) add(minute * minuteMs, level, name, n);
        }
      }
    }
    let truncated = false;
    if (endMinute !== null && BigInt(endMinute) * minuteNs < toNs!) truncated = await look(BigInt(endMinute) * minuteNs, toNs);
    if (firstMinute !== null && BigInt(firstMinute) * minuteNs > fromNs!) truncated = (await look(fromNs, BigInt(firstMinute) * minuteNs)) || truncated;
    return { truncated, work };
  }

  /** @returns true where the budget ended it early */
  private async look(sought: Sought, work: ReadWork, context: ReadContext, counted: () => number, found: (event: LogEvent, ms: number) => void): Promise<boolean> {
    for (const { head, mayHold } of this.files.heads(sought)) {
      if (!(await work.goesOn())) return true;
      const looked = this.files.look(head, mayHold, sought.search, work);
      if (looked === null) continue;
      const { rows, block } = looked;
      for (const row of rows) {
        if (!sought.mayMatch(block, row)) continue;
        const event = block.view(row);
        if (sought.matches(event)) found(event, block.timeMs(row));
      }
      if (context.onProgress !== undefined && work.isProgressDue()) context.onProgress({ count: counted(), scanned: work.result() });
    }
    return false;
  }
}

const statements = new WeakMap<EventsFile, { counts: StatementSync; nextService: StatementSync }>();

function statementsOf(file: EventsFile): { counts: StatementSync; nextService: StatementSync } {
  let prepared = statements.get(file);
  if (prepared === undefined) {
    prepared = {
      counts: file.database.prepare('select minute, level, n from counts where service = ? and minute >= ? and minute < ?'),
      nextService: file.database.prepare('select service from counts where service > ? order by service limit 1'),
    };
    statements.set(file, prepared);
  }
  return prepared;
}

const countsOf = (file: EventsFile): StatementSync => statementsOf(file).counts;

/** As `counts` names them. From one to the next in the index: there are few, of many rows. */
function* servicesIn(file: EventsFile): Generator<string> {
  const { nextService, counts } = statementsOf(file);
  if (counts.get('', noTime, -noTime) !== undefined) yield '';
  for (let last = ''; ; ) {
    const row = nextService.get(last) as { service: string } | undefined;
    if (row === undefined) return;
    last = row.service;
    if (last !== allServices) yield last;
  }
}

function floorMinute(ns: bigint): number {
  const minute = ns / minuteNs;
  return Number(minute * minuteNs > ns ? minute - 1n : minute);
}

function ceilMinute(ns: bigint): number {
  return -floorMinute(-ns);
}
