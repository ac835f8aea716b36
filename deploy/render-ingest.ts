/** The balance of an `ingest` run as text. */
import { dirname, sep } from 'node:path';
import { sizeOf } from '#lib/byte-ranges.ts';
import { bytesText, counted, countText, fitPath, paint, printable, table, type Terminal } from '../query/cli/render/terminal.ts';
import type { StoredReport } from './ingest.ts';

type ReportedFile = StoredReport['files'][number];

/** Files shown where all is well; those with a problem are shown whatever their number. */
const filesShownMax = 40;
const pathWidthMin = 20;

export function renderIngestReport(report: StoredReport, seconds: number, terminal: Terminal): string {
  const told = new Set(report.problems.map(problem => (problem.message.includes(problem.path) ? problem.message : `${problem.path}: ${problem.message}`)));
  return [
    ...(report.files.length === 0 ? [] : [filesTable(report, terminal), '']),
    `${counted(report.files.length, 'file')}, ${bytesText(report.bytes)}, ${counted(report.lines, 'line')}${report.streams === null ? '' : `, ${counted(eventsOf(report), 'event')} stored`}; ${newText(report)}, in ${seconds.toFixed(1)} s`,
    ...[...told].map(problem => paint(terminal, 'yellow', `problem: ${printable(problem)}`)),
  ].join('\n');
}

function newText({ bytes, bytesNew }: StoredReport): string {
  if (bytes === 0) return 'nothing to store';
  if (bytesNew === 0) return 'nothing new: all of it was stored before';
  return bytesNew === bytes ? 'all of it new' : `${bytesText(bytesNew)} of it new`;
}

/** A stream that several files of this run are copies of counts once. */
function eventsOf({ files, streams }: StoredReport): number {
  return [...new Set(files.map(file => file.streamId))].reduce((sum, streamId) => sum + (streamId === null ? 0 : (streams?.get(streamId)?.events ?? 0)), 0);
}

function filesTable(report: StoredReport, terminal: Terminal): string {
  const streamOf = (file: ReportedFile) => (file.streamId === null ? undefined : report.streams?.get(file.streamId));
  const isOdd = (file: ReportedFile): boolean => file.problems.length > 0 || Object.keys(file.droppedBytes).length > 0;
  const calm = report.files.filter(file => !isOdd(file)).slice(0, filesShownMax);
  const shown = report.files.filter(file => isOdd(file) || calm.includes(file));
  const folder = commonFolder(shown.map(file => file.path));
  const hasDropped = shown.some(file => Object.keys(file.droppedBytes).length > 0);
  const numbers = shown.map(file => {
    const stream = streamOf(file);
    const dropped = Object.entries(file.droppedBytes).map(([cause, bytes]) => `${cause} ${countText(bytes)}`).join(', ');
    // Who stores elsewhere is asked with `leadline status`.
    const stored = stream === undefined ? [] : [countText(sizeOf(stream.storedRanges)), countText(stream.events)];
    return { file, cells: [countText(file.bytes), countText(file.lines), ...(report.streams === null ? [] : stored.length === 0 ? ['-', '-'] : stored), file.bytesNew === 0 ? '-' : file.bytesNew === file.bytes ? 'all' : bytesText(file.bytesNew), ...(hasDropped ? [dropped === '' ? '-' : dropped] : [])] };
  });
  const headings = ['bytes', 'lines', ...(report.streams === null ? [] : ['stored', 'events']), 'new', ...(hasDropped ? ['dropped'] : [])];
  const taken = headings.reduce((sum, heading, column) => sum + 2 + Math.max(heading.length, ...numbers.map(({ cells }) => cells[column]!.length)), 0);
  const rows = numbers.map(({ file, cells }) => [fitPath(printable(file.path.slice(folder.length)), Math.max(pathWidthMin, terminal.width - taken)), ...cells]);
  const left = report.files.length - shown.length;
  return [...(folder === '' ? [] : [paint(terminal, 'dim', printable(`in ${folder}`))]), table(['file', ...headings], rows), ...(left === 0 ? [] : [`and ${counted(left, 'more file')}, all without a problem`])].join('\n');
}

/** The folder that all paths lie in, with its final slash; empty where there is none but the root. */
export function commonFolder(paths: readonly string[]): string {
  let folder = dirname(paths[0] ?? '');
  while (folder !== dirname(folder) && !paths.every(path => path.startsWith(folder + sep))) folder = dirname(folder);
  return folder === '.' || folder === sep ? '' : folder + sep;
}
