/** Streams with lag and balance, and the store, as text. */
import type { StreamsAnswer } from '#schemas/http-api.ts';
import { bytesText, countText, fit, paint, table, type Terminal } from './terminal.ts';

export function renderStatus(answer: StreamsAnswer, name: string, terminal: Terminal): string {
  const { streams, totals, store } = answer;
  const rows = [...streams]
    .sort((a, b) => b.lagBytes - a.lagBytes || (a.source < b.source ? -1 : 1))
    .map(stream => [
      fit(stream.service ?? '-', 24),
      fit(stream.path ?? stream.source, Math.max(20, terminal.width - 110)),
      stream.closed ? 'closed' : stream.lagBytes > 0 ? 'behind' : 'read',
      bytesText(stream.sizeBytes),
      bytesText(stream.storedBytes),
      bytesText(stream.lagBytes),
      bytesText(stream.gapBytes),
      Object.entries(stream.droppedBytes).map(([cause, bytes]) => `${cause} ${bytesText(bytes)}`).join(', ') || '-',
      countText(stream.lines),
      countText(stream.events),
    ]);
  return [
    paint(terminal, 'bold', name),
    `store: ${countText(store.events)} events in ${countText(store.files)} ${store.files === 1 ? 'file' : 'files'}, ${bytesText(store.bytes)}${store.oldest === null ? '' : `, event times ${store.oldest} to ${store.newest ?? ''}`}`,
    `balance: ${bytesText(totals.bytes)} written = ${bytesText(totals.storedBytes)} stored + ${bytesText(totals.droppedBytes)} dropped + ${bytesText(totals.bytes - totals.storedBytes - totals.droppedBytes - totals.lagBytes)} in gaps + ${bytesText(totals.lagBytes)} waiting`,
    '',
    ...(rows.length === 0 ? ['no streams yet'] : [table(['service', 'path', 'state', 'written', 'stored', 'lag', 'gaps', 'dropped', 'lines', 'events'], rows)]),
    ...answer.limits.map(limit => paint(terminal, 'yellow', `limit reached: ${limit.limit} (${countText(limit.count)} times): ${limit.message}`)),
  ].join('\n');
}
