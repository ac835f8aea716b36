/** Streams with lag and balance, and the store, as text. */
import type { StreamsAnswer } from '#schemas/http-api.ts';
import { bytesText, counted, countText, fit, fitPath, paint, printable, shortTime, table, type Terminal } from './terminal.ts';

type Stream = StreamsAnswer['streams'][number];

interface Column {
  heading: string;
  cell: (stream: Stream) => string;
  /** Left out where the terminal is narrow. */
  onlyWide?: true;
}

const wideFrom = 130;
const serviceWidthMax = 24;
const serviceWidthMaxNarrow = 16;
const pathWidthMin = 16;

const droppedText = (stream: Stream): string => Object.entries(stream.droppedBytes).map(([cause, bytes]) => `${cause} ${bytesText(bytes)}`).join(', ') || '-';

export function renderStatus(answer: StreamsAnswer, name: string, terminal: Terminal): string {
  const { totals, store } = answer;
  const inGaps = totals.bytes - totals.storedBytes - totals.droppedBytes - totals.lagBytes;
  const terms = [`${bytesText(totals.storedBytes)} stored`, ...(totals.droppedBytes === 0 ? [] : [`${bytesText(totals.droppedBytes)} dropped`]), ...(inGaps === 0 ? [] : [`${bytesText(inGaps)} in gaps`]), `${bytesText(totals.lagBytes)} waiting`];
  return [
    paint(terminal, 'bold', printable(name)),
    `store: ${counted(store.events, 'event')} in ${counted(store.files, 'file')}, ${bytesText(store.bytes)}`,
    ...(store.oldest === null || store.newest === null ? [] : [`holds: ${shortTime(store.oldest)} to ${shortTime(store.newest)} UTC`]),
    `balance: ${bytesText(totals.bytes)} written = ${terms.join(' + ')}`,
    '',
    streamsTable(answer.streams, terminal),
    ...answer.limits.map(limit => paint(terminal, 'yellow', `limit reached: ${limit.limit} (${counted(limit.count, 'time')}): ${limit.message}`)),
  ].join('\n');
}

/** Those that are behind first. Gaps and drops have a column where there are any. */
function streamsTable(streams: readonly Stream[], terminal: Terminal): string {
  if (streams.length === 0) return 'no streams yet';
  const isWide = terminal.width >= wideFrom;
  const sorted = [...streams].sort((a, b) => b.lagBytes - a.lagBytes || (a.source < b.source ? -1 : 1));
  const hasGaps = streams.some(stream => stream.gapBytes > 0);
  const hasDrops = streams.some(stream => droppedText(stream) !== '-');
  const columns: Column[] = [
    { heading: 'state', cell: stream => (stream.closed ? 'closed' : stream.lagBytes > 0 ? 'behind' : 'read') },
    { heading: 'written', cell: stream => bytesText(stream.sizeBytes) },
    { heading: 'stored', cell: stream => bytesText(stream.storedBytes), onlyWide: true },
    { heading: 'lag', cell: stream => bytesText(stream.lagBytes) },
    ...(hasGaps ? [{ heading: 'gaps', cell: (stream: Stream) => bytesText(stream.gapBytes) }] : []),
    ...(hasDrops ? [{ heading: 'dropped', cell: droppedText }] : []),
    { heading: 'lines', cell: stream => countText(stream.lines), ...(hasGaps || hasDrops ? { onlyWide: true as const } : {}) },
    { heading: 'events', cell: stream => countText(stream.events), onlyWide: true },
  ];
  const shown = columns.filter(column => isWide || column.onlyWide !== true);
  const services = sorted.map(stream => fit(stream.service ?? '-', isWide ? serviceWidthMax : serviceWidthMaxNarrow));
  const cells = sorted.map(stream => shown.map(column => column.cell(stream)));
  const taken = widest(['service', ...services]) + shown.reduce((sum, column, index) => sum + 2 + widest([column.heading, ...cells.map(row => row[index]!)]), 0);
  const pathWidth = Math.max(pathWidthMin, terminal.width - taken - 2);
  return table(['service', 'path', ...shown.map(column => column.heading)], sorted.map((stream, index) => [services[index]!, fitPath(printable(stream.path ?? stream.source), pathWidth), ...cells[index]!]));
}

function widest(texts: readonly string[]): number {
  return Math.max(...texts.map(text => text.length));
}
