/** What came of a cell when everything works again and everything has drained: writer by writer, and in the auditor's words. */
import { Auditor } from './auditor.ts';
import type { Cell } from './cell.ts';
import { LineMarks, runsOf } from './line-marks.ts';
import { Lives } from './lives.ts';
import { checkStore, type Gap, type StoreCheck } from './store-check.ts';

export interface WriterVerdict {
  writer: string;
  written: number;
  lost: number[];
  /** Missing, of files that were destroyed without waiting for the shipper. */
  destroyed: number;
  doubled: number[];
}

export interface CellVerdict {
  cell: string;
  writers: WriterVerdict[];
  events: number;
  /** Beyond lost and doubled: altered lines, order, the auditor's findings, parts that ended by themselves or did not drain. A sentence each. */
  findings: string[];
  gaps: Gap[];
  /** Gap records that were not needed: nothing was lost there. */
  needlessGaps: string[];
  audit: { records: number; streams: number; chunkBytes: number; repeatedBytes: number; gapBytes: number } | null;
  starts: Record<string, number>;
}

const drainMsMax = 90_000;
const findingsMax = 40;

export async function judge(cell: Cell): Promise<CellVerdict> {
  const findings: string[] = [];
  await cell.stopWriters();
  for (const seat of cell.shippers) {
    const said = seat.part.count(/CHECKPOINT_DAMAGED/);
    // A start that is killed early may not come to say it, or leave it to the next start to say it again.
    if (said > 2 * seat.damages) findings.push(`${seat.name} found its checkpoint damaged ${said} times, it was damaged ${seat.damages} times`);
  }
  const left = await cell.drained(drainMsMax);
  if (left !== null) findings.push(`not drained after ${drainMsMax / 1000} s: ${left}`);
  const balances = await balancesOf(cell);
  for (const seat of cell.shippers) {
    const code = await seat.part.stop();
    if (code !== 0) findings.push(`${seat.name} ended with ${String(code)} when asked to: ${seat.part.output.slice(-500)}`);
  }
  const auditor = cell.kafka === null ? null : new Auditor(cell.historyFolder);
  if (auditor !== null) {
    await auditor.read(cell.kafka!.directBrokers, 'leadline.chunks');
    auditor.close(balances);
    findings.push(...limited(auditor.findings, 'the auditor: '));
    const behind = await cell.collected(drainMsMax);
    if (behind !== null) findings.push(`collector: ${behind}`);
    const code = await cell.collector!.stop();
    if (code !== 0) findings.push(`collector ended with ${String(code)} when asked to: ${cell.collector!.output.slice(-500)}`);
  }
  const check = await checkStore(cell.kafka === null ? cell.shippers[0]!.dataDir : cell.storeDir);
  const lives = auditor?.lives ?? new Lives(cell.historyFolder);
  findings.push(...cell.parts.flatMap(part => part.crashes), ...alterations(check, cell, lives));
  return {
    cell: cell.settings.name,
    writers: cell.shippers.flatMap(seat => seat.logs).map(log => writerVerdict(log.writer.spec.name, log.writer.n, check, lives)),
    events: check.events,
    findings,
    gaps: check.gaps,
    needlessGaps: auditor?.needlessGaps ?? [],
    audit: auditor === null ? null : { records: auditor.records, streams: auditor.streams, chunkBytes: auditor.chunkBytes, repeatedBytes: auditor.repeatedBytes, gapBytes: auditor.gapBytes },
    starts: Object.fromEntries(cell.parts.map(part => [part.name, part.starts])),
  };
}

function writerVerdict(writer: string, written: number, check: StoreCheck, lives: Lives): WriterVerdict {
  const marks = check.marks.get(writer) ?? new LineMarks();
  const missing = marks.missing(written);
  const inHarsh = missing.length === 0 ? [] : lives.all.filter(life => life.writer === writer && life.harsh).map(life => lives.numbersOf(life));
  const lost = missing.filter(n => !inHarsh.some(numbers => numbers.has(n)));
  return { writer, written, lost, destroyed: missing.length - lost.length, doubled: marks.doubled() };
}

function alterations(check: StoreCheck, cell: Cell, lives: Lives): string[] {
  const findings = check.altered.map(line => `no writer wrote this: ${line}`);
  if (check.alteredCount > check.altered.length) findings.push(`${check.alteredCount} events in all hold what no writer wrote`);
  findings.push(...limited(check.outOfOrder(), 'out of order in the store: '));
  for (const { writer } of cell.shippers.flatMap(seat => seat.logs)) {
    const { name, banner } = writer.spec;
    const beyond = check.marks.get(name)?.beyond(writer.n) ?? 0;
    if (beyond > 0) findings.push(`${name}: ${beyond} numbers beyond the last that was written`);
    const [written, stored] = [lives.bannerLines(name), check.banners.get(name) ?? 0];
    if (banner && written !== stored) findings.push(`${name}: ${written} banner lines written, ${stored} stored`);
  }
  return findings;
}

async function balancesOf(cell: Cell): Promise<Map<string, { writtenBytes: number; acknowledgedBytes: number }>> {
  const balances = new Map<string, { writtenBytes: number; acknowledgedBytes: number }>();
  if (cell.kafka === null) return balances;
  for (const seat of cell.shippers) {
    const status = await seat.part.json<{ streams: { streamId: string | null; writtenBytes: number; acknowledgedBytes: number }[] }>('/status');
    for (const stream of status?.streams ?? []) if (stream.streamId !== null) balances.set(stream.streamId, stream);
  }
  return balances;
}

function limited(sentences: readonly string[], prefix: string): string[] {
  const shown = sentences.slice(0, findingsMax).map(sentence => prefix + sentence);
  return sentences.length > findingsMax ? [...shown, `${prefix}${sentences.length} such findings in all`] : shown;
}

/** What is wrong in a cell, or nothing. */
export function complaints(verdict: CellVerdict): string[] {
  return [
    ...verdict.writers.flatMap(({ writer, written, lost, doubled }) => [
      ...(lost.length > 0 ? [`${writer}: ${lost.length} of ${written} lines lost: ${runsOf(lost)}`] : []),
      ...(doubled.length > 0 ? [`${writer}: ${doubled.length} of ${written} lines stored twice: ${runsOf(doubled)}`] : []),
    ]),
    ...verdict.findings,
  ].map(sentence => `cell ${verdict.cell}: ${sentence}`);
}
