/** What a campaign says of itself at its end: a page for people and the same as JSON. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commitOf, commitText, machineText } from '../helpers/ran-on.ts';
import { faultKinds, type DoneFault, type FaultKind } from './fault.ts';
import { complaints, type CellVerdict } from './verdict.ts';

export interface CampaignResult {
  /** Where it is not the whole, what it is. */
  part: string;
  seed: number;
  command: string;
  startedMs: number;
  faultsMs: number;
  wholeMs: number;
  planned: Partial<Record<FaultKind, number>>;
  done: readonly DoneFault[];
  verdicts: readonly CellVerdict[];
  /** Markdown of further parts, such as the cases measured beside peers. */
  more: string;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const thousands = (number: number): string => number.toString().replace(/\B(?=(\d{3})+$)/g, ',');

export function totalsOf(verdicts: readonly CellVerdict[]): { written: number; lost: number; doubled: number; destroyed: number; findings: number } {
  const writers = verdicts.flatMap(verdict => verdict.writers);
  return { written: sum(writers.map(({ written }) => written)), lost: sum(writers.map(({ lost }) => lost.length)), doubled: sum(writers.map(({ doubled }) => doubled.length)), destroyed: sum(writers.map(({ destroyed }) => destroyed)), findings: sum(verdicts.map(({ findings }) => findings.length)) };
}

export function reportText(result: CampaignResult): string {
  const { seed, command, startedMs, faultsMs, wholeMs, verdicts, more } = result;
  const hasFaults = verdicts.length > 0;
  const ran = `${commitText()}, ${new Date(startedMs).toISOString()}; seed ${seed}; ${hasFaults ? `faults over ${(faultsMs / 60_000).toFixed(1)} minutes, ${(wholeMs / 60_000).toFixed(1)} in all; ` : ''}${machineText()}.`;
  return [hasFaults ? titleOf(result) : '# Campaign: cases alone', '', ran, '', `Replay: \`${command}\``, '', ...(hasFaults ? faultLines(result) : []), more].join('\n');
}

function titleOf({ done, verdicts }: CampaignResult): string {
  const totals = totalsOf(verdicts);
  return `# Campaign: ${thousands(done.filter(({ hit }) => hit).length)} faults that hit, ${thousands(totals.written)} lines, ${thousands(totals.lost)} lost, ${thousands(totals.doubled)} stored twice`;
}

/** The folder of a run says nothing to others. */
const withoutFolder = (sentence: string): string => sentence.replaceAll(/\/\S*?leadline-campaign-\w+\//g, '');

function faultLines({ planned, done, verdicts }: CampaignResult): string[] {
  const hits = done.filter(({ hit }) => hit).length;
  const rows = faultKinds.filter(kind => planned[kind] !== undefined).map(kind => {
    const of = done.filter(fault => fault.kind === kind);
    const hit = of.filter(fault => fault.hit);
    return `| ${kind} | ${planned[kind]!} | ${hit.length} | ${of.length - hit.length} | ${hit.length === 0 ? '-' : (sum(hit.map(({ tookMs }) => tookMs)) / hit.length / 1000).toFixed(1)} |`;
  });
  const wrong = verdicts.flatMap(complaints);
  return [
    '| kind | planned | hit | missed | seconds each |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    `| all | ${sum(Object.values(planned))} | ${hits} | ${done.length - hits} | |`,
    '',
    '| cell | lines written | stored events | lost | stored twice | destroyed unread | gap records | records in the topic | bytes sent again | starts |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...verdicts.map(verdict => {
      const own = totalsOf([verdict]);
      return `| ${verdict.cell} | ${thousands(own.written)} | ${thousands(verdict.events)} | ${own.lost} | ${own.doubled} | ${own.destroyed} | ${verdict.gaps.length} | ${verdict.audit === null ? '-' : thousands(verdict.audit.records)} | ${verdict.audit === null ? '-' : `${((100 * verdict.audit.repeatedBytes) / Math.max(1, verdict.audit.chunkBytes)).toFixed(1)} %`} | ${Object.entries(verdict.starts).map(([part, starts]) => `${part} ${starts}`).join(', ')} |`;
    }),
    '',
    'A fault hit where the process it befell was alive and lines were on their way. Destroyed unread: lines of files that were deleted or truncated without waiting for the shipper (a share of those rotations, on purpose); gap records say so.',
    '',
    ...(wrong.length === 0 ? ['The auditor, who sees only the files and the topic, agrees with the balance of the shippers; every line is as it was written, in the order of its stream.'] : ['## What is wrong', '', ...wrong.map(sentence => `- ${withoutFolder(sentence)}`)]),
    '',
  ];
}

/** @returns where the page is */
export function writeReport(result: CampaignResult): string {
  const folder = join(import.meta.dirname, 'reports');
  mkdirSync(folder, { recursive: true });
  const name = [commitOf(), new Date(result.startedMs).toISOString().slice(0, 10), ...(result.part === '' ? [] : [result.part])].join('-');
  writeFileSync(join(folder, `${name}.md`), reportText(result));
  const { done, verdicts, seed, command, startedMs, faultsMs, wholeMs, planned } = result;
  const brief = verdicts.map(({ gaps, ...verdict }) => ({ ...verdict, gapRecords: gaps.length, writers: verdict.writers.map(({ lost, doubled, ...writer }) => ({ ...writer, lost: lost.length, doubled: doubled.length })) }));
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ seed, command, startedMs, faultsMs, wholeMs, planned, verdicts: brief, faults: done.map(({ kind, lane, atMs, tookMs, hit, how }) => [kind, lane, atMs - result.startedMs, tookMs, hit ? 1 : 0, how]) })}\n`);
  return join(folder, `${name}.md`);
}
