/** One request as text: a lane per service, milliseconds since its start, delta to the line before. */
import type { EventBody, TimelineBody } from '#schemas/http-api.ts';
import { fit, levelText, levelWidth, milliseconds, paint, printable, serviceFormat, table, type Terminal } from './terminal.ts';

const serviceWidthMax = 24;
const joinsShownMax = 6;

export function renderTimeline(timeline: TimelineBody, terminal: Terminal): string {
  if (timeline.grouping !== null) return renderGrouping(timeline, terminal);
  const { events, services } = timeline;
  const first = events[0];
  if (first === undefined) return 'no lines';
  const startNs = BigInt(first.timeNs);
  const lastNs = BigInt(events.at(-1)!.timeNs);
  const head = [
    paint(terminal, 'bold', `request ${timeline.id}`),
    `${events.length} ${events.length === 1 ? 'line' : 'lines'}, ${services.length} ${services.length === 1 ? 'service' : 'services'}, ${milliseconds(lastNs - startNs)} ms, from ${first.time}`,
    ...renderIds(timeline, terminal),
    '',
  ];
  const offsetWidth = Math.max('ms'.length, milliseconds(lastNs - startNs).length);
  const deltas = events.map((event, index) => (index === 0 ? '' : `+${milliseconds(BigInt(event.timeNs) - BigInt(events[index - 1]!.timeNs))}`));
  const deltaWidth = Math.max('delta'.length, ...deltas.map(delta => delta.length));
  const serviceWidth = Math.min(serviceWidthMax, Math.max(...services.map(service => service.length)));
  const lanes = lanesOf(events, services);
  const messageWidth = terminal.width - offsetWidth - deltaWidth - services.length - serviceWidth - levelWidth - 10;
  const titles = `${'ms'.padStart(offsetWidth)}  ${'delta'.padStart(deltaWidth)}  ${' '.repeat(services.length)}  ${'service'.padEnd(serviceWidth)}  ${'level'.padEnd(levelWidth)}  message`;
  const rows = events.map((event, index) => {
    const service = serviceOf(event);
    const format = serviceFormat(services, service);
    const lane = lanes[index]!.map((mark, lane) => paint(terminal, serviceFormat(services, services[lane]!), mark)).join('');
    const inferred = event.confidence !== null && event.confidence < 1 ? paint(terminal, 'dim', ` (inferred, ${Math.round(event.confidence * 100)} %)`) : '';
    return `${milliseconds(BigInt(event.timeNs) - startNs).padStart(offsetWidth)}  ${paint(terminal, 'dim', deltas[index]!.padStart(deltaWidth))}  ${lane}  ${paint(terminal, format, fit(service, serviceWidth).padEnd(serviceWidth))}  ${levelText(terminal, event.level)}  ${fit(printable(firstLine(event)), Math.max(20, messageWidth))}${inferred}`;
  });
  const foot = [...timeline.gaps.map(gap => paint(terminal, 'yellow', `gap: ${printable(gap.message)} in ${gap.source}`)), ...(timeline.truncatedBecause === null ? [] : [paint(terminal, 'yellow', `not complete: ${timeline.truncatedBecause}`)])];
  return [...head, paint(terminal, 'dim', titles), ...rows, ...(foot.length > 0 ? ['', ...foot] : [])].join('\n');
}

/** One mark per lane and line: a dot for the line's own service, a bar where the lane is between its first and last line. */
export function lanesOf(events: readonly EventBody[], services: readonly string[]): string[][] {
  const firstOf = new Map<string, number>();
  const lastOf = new Map<string, number>();
  events.forEach((event, index) => {
    const service = serviceOf(event);
    if (!firstOf.has(service)) firstOf.set(service, index);
    lastOf.set(service, index);
  });
  return events.map((event, index) => services.map(service => (serviceOf(event) === service ? '●' : index > firstOf.get(service)! && index < lastOf.get(service)! ? '│' : ' ')));
}

export function serviceOf(event: EventBody): string {
  return event.service ?? event.source;
}

function firstLine(event: EventBody): string {
  return event.exceptionType !== null && !event.message.includes(event.exceptionType) ? `${event.message}  [${event.exceptionType}]` : event.message;
}

function renderIds(timeline: TimelineBody, terminal: Terminal): string[] {
  const others = timeline.joins.filter(join => join.kind !== 'span');
  const spans = timeline.joins.length - others.length;
  if (timeline.joins.length === 0) return [];
  const shown = others.slice(0, joinsShownMax).map(join => paint(terminal, 'dim', `also ${join.kind} ${join.value}  (a line of ${join.owner} carries both: ${join.proofEventId})`));
  const more = [...(others.length > joinsShownMax ? [`${others.length - joinsShownMax} more ids`] : []), ...(spans > 0 ? [`${spans} span ids`] : [])];
  return [...shown, ...(more.length > 0 ? [paint(terminal, 'dim', `and ${more.join(' and ')}`)] : [])];
}

function renderGrouping(timeline: TimelineBody, terminal: Terminal): string {
  const { kind, requests } = timeline.grouping!;
  const rows = requests.map(request => [request.from, request.id, request.durationMs.toFixed(1), String(request.lines), String(request.errors), fit(request.services.join(' '), 60)]);
  return [paint(terminal, 'bold', `${kind} ${timeline.asked}`), `groups ${requests.length} ${requests.length === 1 ? 'request' : 'requests'} and is none itself; open one with: leadline trace ID`, '', table(['from', 'request', 'ms', 'lines', 'errors', 'services'], rows)].join('\n');
}
