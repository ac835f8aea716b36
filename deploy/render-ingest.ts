/** The balance of an `ingest` run as text. */
import { sizeOf } from '#lib/byte-ranges.ts';
import { bytesText, countText, fit, paint, table, type Terminal } from '../query/cli/render/terminal.ts';
import type { StoredReport } from './ingest.ts';

export function renderIngestReport(report: StoredReport, seconds: number, terminal: Terminal): string {
  const rows = report.files.map(file => {
    const stream = file.streamId === null ? undefined : report.streams?.get(file.streamId);
    const dropped = Object.entries(file.droppedBytes).map(([cause, bytes]) => `${cause} ${countText(bytes)}`).join(', ');
    return [fit(file.path, Math.max(30, terminal.width - 80)), countText(file.bytes), stream === undefined ? '-' : countText(sizeOf(stream.storedRanges)), countText(file.lines), stream === undefined ? '-' : countText(stream.events), countText(file.bytesNew), dropped === '' ? '-' : dropped];
  });
  const events = report.streams === null ? null : [...new Set(report.files.map(file => file.streamId))].reduce((sum, streamId) => sum + (streamId === null ? 0 : (report.streams!.get(streamId)?.events ?? 0)), 0);
  const told = new Set(report.problems.map(problem => (problem.message.includes(problem.path) ? problem.message : `${problem.path}: ${problem.message}`)));
  return [
    table(['file', 'bytes', 'stored', 'lines', 'events', 'new bytes', 'dropped'], rows),
    '',
    `${countText(report.files.length)} ${report.files.length === 1 ? 'file' : 'files'}, ${bytesText(report.bytes)}, ${countText(report.lines)} lines${events === null ? '' : `, ${countText(events)} events stored`}; ${report.bytesNew === 0 ? 'nothing new: all of it was stored before' : `${bytesText(report.bytesNew)} new`}, in ${seconds.toFixed(1)} s`,
    ...[...told].map(problem => paint(terminal, 'yellow', `problem: ${problem}`)),
  ].join('\n');
}
