/** One request as text: a lane per service, milliseconds since its start, delta to the line before. */
import type { EventBody, TimelineBody } from '#schemas/http-api.ts';
import { counted, fit, levelText, levelWidth, milliseconds, paint, printable, serviceFormat, shortTime, table, type Terminal } from './terminal.ts';

const serviceWidthMax = 24;
const serviceWidthMaxNarrow = 14;
/** Below it the time since the line before is left out and services are cut, so that the message keeps most of the line. */
const wideFrom = 110;
const messageWidthMin = 20;
/** Of an id that stands above the lines already. */
const idPrefixShown = 8;
const joinsShownMax = 6;
/** What the other columns of a grouping's table take, with a 32-digit id. */
const groupingTaken = 80;
const groupingTakenNarrow = 69;
const groupingServicesMin = 8;

export function renderTimeline(timeline: TimelineBody, terminal: Terminal): string {
  if (timeline.grouping !== null) return renderGrouping(timeline, terminal);
  const { events, services } = timeline;
  const first = events[0];
  if (first === undefined) return 'no lines';
  const startNs = BigInt(first.timeNs);
  const lastNs = BigInt(events.at(-1)!.timeNs);
  const head = [
    paint(terminal, 'bold', printable(`request ${timeline.id}`)),
    `${counted(events.length, 'line')}, ${counted(services.length, 'service')}, ${milliseconds(lastNs - startNs)} ms, from ${first.time}`,
    ...renderIds(timeline, terminal),
    '',
  ];
  const offsetWidth = Math.max('ms'.length, milliseconds(lastNs - startNs).length);
  const deltas = events.map((event, index) => (index === 0 ? '' : `+${milliseconds(BigInt(event.timeNs) - BigInt(events[index - 1]!.timeNs))}`));
  const isWide = terminal.width >= wideFrom;
  const deltaWidth = Math.max('delta'.length, ...deltas.map(delta => delta.length));
  const deltaColumn = (text: string): string => (isWide ? `${paint(terminal, 'dim', text.padStart(deltaWidth))}  ` : '');
  const serviceWidth = Math.min(isWide ? serviceWidthMax : serviceWidthMaxNarrow, Math.max(...services.map(service => service.length)));
  const lanes = lanesOf(events, services);
  const messageWidth = Math.max(messageWidthMin, terminal.width - offsetWidth - (isWide ? deltaWidth + 2 : 0) - services.length - serviceWidth - levelWidth - 8);
  const shorten = idShortener(timeline, isWide);
  const titles = `${'ms'.padStart(offsetWidth)}  ${isWide ? `${'delta'.padStart(deltaWidth)}  ` : ''}${' '.repeat(services.length)}  ${'service'.padEnd(serviceWidth)}  ${'level'.padEnd(levelWidth)}  message`;
  const rows = events.map((event, index) => {
    const service = printable(serviceOf(event));
    const format = serviceFormat(services, serviceOf(event));
    const lane = lanes[index]!.map((mark, lane) => paint(terminal, serviceFormat(services, services[lane]!), mark)).join('');
    const inferredText = event.confidence !== null && event.confidence < 1 ? ` (${event.evidence === undefined ? 'inferred' : evidenceShort[event.evidence.kind] ?? 'inferred'}, ${Math.round(event.confidence * 100)} %)` : '';
    const message = fit(printable(shorten(firstLine(event))), Math.max(messageWidthMin, messageWidth - inferredText.length));
    return `${milliseconds(BigInt(event.timeNs) - startNs).padStart(offsetWidth)}  ${deltaColumn(deltas[index]!)}${lane}  ${paint(terminal, format, fit(service, serviceWidth).padEnd(serviceWidth))}  ${levelText(terminal, event.level)}  ${message}${inferredText === '' ? '' : paint(terminal, 'dim', inferredText)}`;
  });
  const foot = [...renderEvidence(timeline, terminal), ...timeline.gaps.map(gap => paint(terminal, 'yellow', printable(`gap: ${gap.message} in ${gap.source}`))), ...(timeline.truncatedBecause === null ? [] : [paint(terminal, 'yellow', `not complete: ${timeline.truncatedBecause}`)])];
  return [...head, paint(terminal, 'dim', titles), ...rows, ...(foot.length > 0 ? ['', ...foot] : [])].join('\n');
}

/** What stands behind a line that carries no id. */
const evidenceShort: Partial<Record<string, string>> = { worker: 'same worker', continuation: 'goes on', onlyOpen: 'between its lines', content: 'by what it says' };
const evidenceShownMax = 6;

/** Why lines without an id are the request's, each reason once. */
function renderEvidence({ events, inference }: TimelineBody, terminal: Terminal): string[] {
  const reasons = new Map<string, number>();
  for (const { evidence } of events) if (evidence !== undefined) reasons.set(evidence.because, (reasons.get(evidence.because) ?? 0) + 1);
  const most = [...reasons].sort((a, b) => b[1] - a[1]);
  return [
    ...(most.length === 0 ? [] : [`${counted(inference?.lines ?? 0, 'line')} without an id, given to this request by evidence (--no-inferred leaves them out):`]),
    ...most.slice(0, evidenceShownMax).map(([because, lines]) => paint(terminal, 'dim', fit(printable(`  ${counted(lines, 'line')}: ${because}`), Math.max(messageWidthMin, terminal.width)))),
    ...(most.length > evidenceShownMax ? [paint(terminal, 'dim', `  and ${counted(most.length - evidenceShownMax, 'reason')} more; --json has one for each line`)] : []),
  ];
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

/**
 * The request's own ids stand in nearly every line; whole, they would push the rest off it. Where there is little room, those at the front
 * (`TraceID: … SpanID: …`) leave only a mark. The page, `--json` and `search` show them whole.
 */
function idShortener(timeline: TimelineBody, isWide: boolean): (text: string) => string {
  const ids = [...new Set([timeline.id, timeline.asked, ...timeline.joins.filter(join => !isWide || join.kind !== 'span').map(join => join.value)])].filter(id => id.length > idPrefixShown + 2);
  const known = new Set(ids);
  const withoutFront = (text: string): string => {
    let rest = text;
    for (let match = labelledId.exec(rest); match !== null && known.has(match[1]!); match = labelledId.exec(rest)) rest = rest.slice(match[0].length);
    return rest === text ? text : `… ${rest}`;
  };
  return text => ids.reduce((shown, id) => shown.replaceAll(id, `${id.slice(0, idPrefixShown)}…`), isWide ? text : withoutFront(text));
}

/** `TraceID: 0247…`, `[trace=0247…]` at the front of a message. */
const labelledId = /^[[(\s]*[\w.-]+\s*[:=]\s*"?([\w-]+)"?[\])\s,;|]*/;

function renderIds(timeline: TimelineBody, terminal: Terminal): string[] {
  const others = timeline.joins.filter(join => join.kind !== 'span');
  const spans = timeline.joins.length - others.length;
  if (timeline.joins.length === 0) return [];
  const shown = others.slice(0, joinsShownMax).map(join => paint(terminal, 'dim', printable(`also ${join.kind} ${join.value} (${proofOf(join.proofEventId, timeline)})`)));
  const more = [...(others.length > joinsShownMax ? [`${others.length - joinsShownMax} more ids`] : []), ...(spans > 0 ? [`${spans} span ids`] : [])];
  return [...shown, ...(more.length > 0 ? [paint(terminal, 'dim', `and ${more.join(' and ')}`)] : [])];
}

/** Where both ids stand in one line. */
function proofOf(eventId: string, { events }: TimelineBody): string {
  const proof = events.find(event => event.eventId === eventId);
  return proof === undefined ? `shown by ${eventId}` : `shown by ${serviceOf(proof)} at ${milliseconds(BigInt(proof.timeNs) - BigInt(events[0]!.timeNs))} ms`;
}

function renderGrouping(timeline: TimelineBody, terminal: Terminal): string {
  const { kind, requests } = timeline.grouping!;
  const isWide = terminal.width >= wideFrom;
  const rows = requests.map(request => [isWide ? shortTime(request.from) : shortTime(request.from).slice('2022-08-22 '.length), request.id, request.durationMs.toFixed(1), String(request.lines), String(request.errors), fit(request.services.join(' '), Math.max(groupingServicesMin, terminal.width - (isWide ? groupingTaken : groupingTakenNarrow)))]);
  return [paint(terminal, 'bold', printable(`${kind} ${timeline.asked}`)), `groups ${counted(requests.length, 'request')} and is none itself; open one with: leadline trace ID`, '', table(['from (UTC)', 'request', 'ms', 'lines', 'errors', 'services'], rows)].join('\n');
}
