/** `leadline status` of a collector: what is stored, and where it stands in Kafka. */
import { bytesText, counted, countText, paint, printable, table, type Terminal } from '../query/cli/render/terminal.ts';
import type { CollectorReport } from './collector-work.ts';

export type CollectorStatus = CollectorReport & { kind: 'collector' };

export function renderCollector({ stored, stalledBecause, kafka }: CollectorStatus, name: string, terminal: Terminal): string {
  const reason = stalledBecause ?? kafka?.troubledBy ?? null;
  const partitions = kafka?.partitions ?? [];
  return [
    paint(terminal, 'bold', `${printable(name)}: collector`),
    ...(reason === null ? [] : [paint(terminal, 'red', printable(reason))]),
    `stored: ${counted(stored.events, 'event')} of ${counted(stored.lines, 'line')}, ${bytesText(stored.storedBytes)} of ${counted(stored.streams, 'stream')}${stored.gapBytes === 0 ? '' : `, ${bytesText(stored.gapBytes)} missing`}`,
    ...(kafka === null ? [] : [`dead letters since the start: ${countText(kafka.deadLetters)}`]),
    ...(partitions.length === 0 ? [] : ['', table(['topic', 'partition', 'at record', 'safe up to', 'behind'], partitions.map(each => [printable(each.topic), String(each.partition), countText(Number(each.position)), each.storedPosition === null ? '-' : countText(Number(each.storedPosition)), countText(each.lagRecords)]))]),
  ].join('\n');
}
