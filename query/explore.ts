/** Counts over time, top values and the lines around a line, in the shapes of the API. */
import { LeadlineError } from '#schemas/errors.ts';
import { eventToJson, formatTimeNs } from '#schemas/event.ts';
import type { ContextBody, FacetsBody, HistogramBody } from '#schemas/http-api.ts';
import type { CountRequest, HistogramRequest, ReadContext, StoreReader } from '#schemas/store.ts';
import { readSpanMs } from '#schemas/time-text.ts';

const nsPerMs = 1_000_000n;
const barsMax = 10_000;
const barsWanted = 120;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** Widths that people can read. */
const stepsMs = [1000, 5000, 10_000, 30_000, minuteMs, 5 * minuteMs, 10 * minuteMs, 30 * minuteMs, hourMs, 3 * hourMs, 6 * hourMs, 12 * hourMs, 24 * hourMs, 7 * 24 * hourMs];

/** @throws LeadlineError BAD_STEP */
export async function histogramOf(reader: StoreReader, range: CountRequest, step: string | undefined, by: HistogramRequest['by'], nowMs: number, context: ReadContext): Promise<HistogramBody> {
  const stepMs = step === undefined || step === '' ? await chosenStepMs(reader, range, nowMs, context) : await readStepMs(step, reader, range, nowMs, context);
  const { bars, truncated, scanned } = await reader.histogram({ ...range, stepMs, by }, context);
  return {
    stepMs,
    bars: bars.map(({ fromMs, key, count }) => ({ from: formatTimeNs(BigInt(fromMs) * nsPerMs), key, count })),
    count: bars.reduce((sum, { count }) => sum + count, 0),
    truncated,
    scanned,
  };
}

async function spanMs(reader: StoreReader, { fromNs, toNs }: CountRequest, nowMs: number, context: ReadContext): Promise<number> {
  let from = fromNs;
  let to = toNs;
  if (from === null || to === null) {
    const { oldestNs, newestNs } = await reader.stats(context);
    from ??= oldestNs;
    to ??= newestNs ?? BigInt(nowMs) * nsPerMs;
  }
  return from === null ? 0 : Math.max(0, Number((to - from) / nsPerMs));
}

async function chosenStepMs(reader: StoreReader, range: CountRequest, nowMs: number, context: ReadContext): Promise<number> {
  const span = await spanMs(reader, range, nowMs, context);
  const widest = stepsMs.at(-1)!;
  return stepsMs.find(stepMs => span / stepMs <= barsWanted) ?? widest * Math.ceil(span / barsWanted / widest);
}

async function readStepMs(step: string, reader: StoreReader, range: CountRequest, nowMs: number, context: ReadContext): Promise<number> {
  const stepMs = readSpanMs(step);
  if (stepMs === null || stepMs < 1) throw new LeadlineError('BAD_STEP', { value: step, problem: 'is no width' });
  if ((await spanMs(reader, range, nowMs, context)) / stepMs > barsMax) throw new LeadlineError('BAD_STEP', { value: step, problem: `would make more than ${barsMax} bars of this time range` });
  return stepMs;
}

export async function facetsOf(reader: StoreReader, range: CountRequest, fields: string, valuesMax: number, context: ReadContext): Promise<FacetsBody> {
  const names = [...new Set(fields.split(',').map(name => name.trim()).filter(name => name !== ''))];
  return reader.facets({ ...range, fields: names, valuesMax }, context);
}

/** @throws LeadlineError EVENT_NOT_FOUND */
export async function contextOf(reader: StoreReader, eventId: string, before: number, after: number, context: ReadContext): Promise<ContextBody> {
  const found = await reader.around(eventId, before, after, context);
  if (found === null) throw new LeadlineError('EVENT_NOT_FOUND', { id: eventId });
  return { events: found.events.map(eventToJson), truncated: found.truncated };
}
