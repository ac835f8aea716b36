/**
 * A timeline laid out for drawing: flat arrays beside the events, so that a hundred thousand lines cost no object each and a pointer's move
 * costs a binary search.
 */
import type { EventBody, TimelineBody } from '#schemas/http-api.ts';

/** Shown for a line of which neither path, environment nor log says who wrote it. */
export const namelessService = '(no service)';

/** Ranks for drawing; a level that was not read is drawn below all. */
export const levelRanks: Record<string, number> = { trace: 1, debug: 2, info: 3, warn: 4, error: 5, fatal: 6 };
export const errorRank = 5;

export interface LaneLayout {
  /** In the order of their first line. */
  services: string[];
  /** Per event: nanoseconds since the first line, ascending. Exact up to 104 days. */
  offsetsNs: Float64Array;
  spanNs: number;
  /** Per event: index into `services`. */
  laneOf: Uint16Array;
  /** Per event: 0 unknown to 6 fatal. */
  rankOf: Uint8Array;
  /** Per lane: its events' indexes, ascending. */
  eventsOf: Int32Array[];
  /** Indexes of lines of level error or fatal, ascending. */
  errors: number[];
}

export function layLanes(timeline: Pick<TimelineBody, 'services' | 'events'>): LaneLayout {
  const { events } = timeline;
  const services = [...timeline.services];
  const laneByService = new Map(services.map((service, lane) => [service, lane]));
  const offsetsNs = new Float64Array(events.length);
  const laneOf = new Uint16Array(events.length);
  const rankOf = new Uint8Array(events.length);
  const members: number[][] = services.map(() => []);
  const errors: number[] = [];
  const startNs = events.length === 0 ? 0n : BigInt(events[0]!.timeNs);
  let latestNs = 0;
  events.forEach((event, index) => {
    // An answer is in time order; should one line ever step back, it is drawn where the line before it stands rather than left of the chart.
    latestNs = Math.max(latestNs, Number(BigInt(event.timeNs) - startNs));
    offsetsNs[index] = latestNs;
    const service = event.service ?? namelessService;
    let lane = laneByService.get(service);
    if (lane === undefined) {
      lane = services.push(service) - 1;
      laneByService.set(service, lane);
      members.push([]);
    }
    laneOf[index] = lane;
    members[lane]!.push(index);
    rankOf[index] = event.level === null ? 0 : (levelRanks[event.level] ?? 0);
    if (rankOf[index] >= errorRank) errors.push(index);
  });
  const used = services.map((service, lane) => ({ service, lane })).filter(({ lane }) => members[lane]!.length > 0);
  const newLane = new Map(used.map(({ lane }, position) => [lane, position]));
  return {
    services: used.map(({ service }) => service),
    offsetsNs,
    spanNs: latestNs,
    laneOf: laneOf.map(lane => newLane.get(lane)!),
    rankOf,
    eventsOf: used.map(({ lane }) => Int32Array.from(members[lane]!)),
    errors,
  };
}

/** The event of a lane whose time lies nearest, or null in an empty lane. */
export function nearestInLane(layout: LaneLayout, lane: number, offsetNs: number): number | null {
  const events = layout.eventsOf[lane];
  if (events === undefined || events.length === 0) return null;
  let low = 0;
  let high = events.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (layout.offsetsNs[events[middle]!]! < offsetNs) low = middle + 1;
    else high = middle;
  }
  const after = events[low]!;
  const before = events[Math.max(0, low - 1)]!;
  return offsetNs - layout.offsetsNs[before]! < layout.offsetsNs[after]! - offsetNs ? before : after;
}

/** The next error after (`step` 1) or before (-1) an event, going around at the end; null without errors. `from` is -1 before the first line. */
export function neighbourError(errors: readonly number[], from: number, step: 1 | -1): number | null {
  if (errors.length === 0) return null;
  if (step === 1) return errors.find(index => index > from) ?? errors[0]!;
  return errors.findLast(index => index < from) ?? errors.at(-1)!;
}

/** Nanoseconds from the line before, null for the first. */
export function deltaNs(layout: LaneLayout, index: number): number | null {
  return index === 0 ? null : layout.offsetsNs[index]! - layout.offsetsNs[index - 1]!;
}

/** The join that proves that the id asked for belongs to this request, with the line that carries both where it is part of the answer. */
export function proofOf(timeline: TimelineBody): { kind: string; proofEventId: string; proof: EventBody | null } | null {
  const bare = (id: string): string => id.toLowerCase().replaceAll('-', '');
  const join = timeline.joins.find(each => each.value === timeline.asked) ?? timeline.joins.find(each => bare(each.value) === bare(timeline.asked));
  if (join === undefined) return null;
  return { kind: join.kind, proofEventId: join.proofEventId, proof: timeline.events.find(event => event.eventId === join.proofEventId) ?? null };
}
