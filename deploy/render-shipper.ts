/** A shipper's balance as text: the status line, `leadline status`, and the last words. */
import { bytesText, counted, fit, fitPath, paint, printable, table, type Terminal } from '../query/cli/render/terminal.ts';
import type { ShipperStatus, ShipperTotals } from './ship-status.ts';
import type { Ended } from './shipping.ts';

type Stream = ShipperStatus['streams'][number];
type Column = [heading: string, cell: (stream: Stream) => string];

/** More streams than this are only summed up at the end. */
const streamsShownMax = 20;
/** Predicted losses told one by one. */
const lossesShownMax = 5;
const pathWidthMin = 16;

export function statusLineText({ totals, troubledBy }: ShipperStatus): string {
  return `${counted(totals.streams, 'stream')}, ${bytesText(totals.acknowledgedBytes)} acknowledged, ${bytesText(totals.lagBytes)} waiting${troubledBy === null ? '' : `  WAITING: ${troubledBy}`}`;
}

/** `leadline status` of a shipper. */
export function renderShipper(status: ShipperStatus, name: string, terminal: Terminal): string {
  return [
    paint(terminal, 'bold', `${printable(name)}: shipper, to ${printable(status.target)}`),
    ...(status.troubledBy === null ? [] : [paint(terminal, 'red', `nothing gets through: ${printable(status.troubledBy)}`)]),
    balanceText(status.totals),
    `now: ${bytesText(Math.round(status.totals.writtenBytesPerSecond))}/s written, ${bytesText(Math.round(status.totals.acknowledgedBytesPerSecond))}/s acknowledged${status.totals.lagMs === 0 ? '' : `, the oldest byte waits for ${secondsText(status.totals.lagMs)}`}`,
    ...lossLines(status.streams, terminal),
    ...filesLines(status.files, terminal),
    '',
    streamsTable(status.streams, terminal),
    ...status.problems.map(problem => paint(terminal, 'yellow', printable(problem.message))),
  ].join('\n');
}

/** What stands at the end, after draining. */
export function renderBalance({ streams, totals, troubledBy }: ShipperStatus, ended: Ended, terminal: Terminal): string {
  if (ended === 'notStarted') return paint(terminal, 'yellow', `ended before anything was read${troubledBy === null ? '' : `: ${printable(troubledBy)}`}`);
  const end = ended === 'drained'
    ? paint(terminal, 'green', 'everything that was read is acknowledged')
    : paint(terminal, 'yellow', `${bytesText(totals.inFlightBytes)} were sent and not acknowledged${troubledBy === null ? '' : `: ${printable(troubledBy)}`} The next start with this data directory sends them again.`);
  const unread = totals.unreadBytes === 0 ? [] : [paint(terminal, 'yellow', `${bytesText(totals.unreadBytes)} are not read yet: they stay in their files, and the next start with this data directory goes on there`)];
  return [balanceText(totals), ...(streams.length > 0 && streams.length <= streamsShownMax ? [streamsTable(streams, terminal)] : []), end, ...unread].join('\n');
}

function balanceText(totals: ShipperTotals): string {
  const dropped = Object.entries(totals.droppedBytes).filter(([, bytes]) => bytes > 0).map(([cause, bytes]) => ` + ${bytesText(bytes)} ${cause}`);
  return `balance of ${counted(totals.streams, 'stream')}: ${bytesText(totals.writtenBytes)} written = ${bytesText(totals.acknowledgedBytes)} acknowledged + ${bytesText(totals.inFlightBytes)} in flight + ${bytesText(totals.unreadBytes)} unread${dropped.join('')}`;
}

/** The soonest first. */
function lossLines(streams: readonly Stream[], terminal: Terminal): string[] {
  const losing = streams.flatMap(({ path, source, secondsToLoss }) => (secondsToLoss === null ? [] : [{ name: path ?? source, secondsToLoss }])).sort((a, b) => a.secondsToLoss - b.secondsToLoss);
  const lines = losing.slice(0, lossesShownMax).map(({ name, secondsToLoss }) => `at this rate bytes of ${printable(name)} are lost ${secondsToLoss < 1 ? 'at any moment' : `in ${secondsText(secondsToLoss * 1000)}`}`);
  const rest = losing.length - lines.length;
  return [...lines, ...(rest > 0 ? [`and of ${counted(rest, 'more stream')}`] : [])].map(line => paint(terminal, 'red', line));
}

/** Only what a person should know of. */
function filesLines(files: ShipperStatus['files'], terminal: Terminal): string[] {
  if (files === null || files.openFilesLimitHits === 0) return [];
  return [paint(terminal, 'yellow', `${counted(files.openFiles, 'file')} open; ${counted(files.openFilesLimitHits, 'time')} one more was one too many (--open-files-max)`)];
}

/** Those that are behind first. */
function streamsTable(streams: readonly Stream[], terminal: Terminal): string {
  if (streams.length === 0) return 'no streams yet';
  const sorted = [...streams].sort((a, b) => b.lagBytes - a.lagBytes || ((a.path ?? a.source) < (b.path ?? b.source) ? -1 : 1));
  const droppedText = (stream: Stream): string => Object.entries(stream.droppedBytes).filter(([, bytes]) => bytes > 0).map(([cause, bytes]) => `${cause} ${bytesText(bytes)}`).join(', ') || '-';
  const columns: Column[] = [
    ['phase', stream => stream.phase],
    ['written', stream => bytesText(stream.writtenBytes)],
    ['acked', stream => bytesText(stream.acknowledgedBytes)],
    ['in flight', stream => bytesText(stream.inFlightBytes)],
    ['unread', stream => bytesText(stream.unreadBytes)],
    ...(streams.some(stream => stream.lagMs > 0) ? [['waits', stream => (stream.lagMs === 0 ? '-' : secondsText(stream.lagMs))] as Column] : []),
    ...(streams.some(stream => droppedText(stream) !== '-') ? [['dropped', droppedText] as Column] : []),
  ];
  const cells = sorted.map(stream => columns.map(([, cell]) => cell(stream)));
  const taken = columns.reduce((sum, [heading], column) => sum + 2 + Math.max(heading.length, ...cells.map(row => row[column]!.length)), 0);
  const pathWidth = Math.max(pathWidthMin, terminal.width - taken);
  return table(['path', ...columns.map(([heading]) => heading)], sorted.map((stream, index) => [stream.path === null ? fit(stream.source, pathWidth) : fitPath(printable(stream.path), pathWidth), ...cells[index]!]));
}

/** `12 s`, `3.5 min`, `2.1 h`. */
function secondsText(ms: number): string {
  const seconds = ms / 1000;
  return seconds < 100 ? `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s` : seconds < 6000 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
