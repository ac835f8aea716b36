/**
 * Six cases in which shippers lose or double lines, as they were measured for others on the same kind of machine: one writer, one file, one
 * shipper, one broker, at 10,000 to 40,000 lines/s, with a collector reading behind.
 */
import { mkdtempSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Cell } from './cell.ts';
import { Chance } from './chance.ts';
import { complaints, judge, type CellVerdict } from './verdict.ts';

interface CaseSpec {
  id: string;
  title: string;
  log: 'renamed' | 'emptied';
  seconds: number;
  /** Runs beside the writer. */
  faults: (cell: Cell, chance: Chance, untilMs: number) => Promise<void>;
  /** Lines at which others were measured, and theirs lost / stored twice. */
  peers: { linesPerS: number; rsyslog: string; rsyslogDisk: string; fluentBit: string; otel: string; filebeat: string };
}

async function killShipper(cell: Cell, downMs: number): Promise<void> {
  const { part } = cell.shippers[0]!;
  await part.kill9();
  await pause(downMs);
  part.launch();
}

async function rotateEvery(cell: Cell, chance: Chance, everyMs: number, untilMs: number): Promise<void> {
  const seat = cell.shippers[0]!;
  while (Date.now() + everyMs < untilMs) {
    await pause(everyMs);
    await seat.logs[0]!.rotate({ chance, harsh: false, shipped: seat, waitMsMax: 2500 });
  }
}

async function killAtRandom(cell: Cell, chance: Chance, times: number, downMs: number, untilMs: number): Promise<void> {
  const spanMs = untilMs - Date.now();
  const moments = Array.from({ length: times }, () => chance.next() * (spanMs - 2000 - downMs)).sort((a, b) => a - b);
  const beganMs = Date.now();
  for (const atMs of moments) {
    await pause(Math.max(0, beganMs + atMs - Date.now()));
    await killShipper(cell, downMs);
  }
}

const cases: readonly CaseSpec[] = [
  {
    id: '1a', title: 'kill -9 of the shipper x10, every 4.4 s', log: 'renamed', seconds: 50,
    async faults(cell) {
      for (let times = 0; times < 10; times++) {
        await pause(4400);
        await killShipper(cell, 0);
      }
    },
    peers: { linesPerS: 20_000, rsyslog: '1,845 / 0', rsyslogDisk: '0 / 673,213', fluentBit: '0 / 0', otel: '381 / 700', filebeat: '0 / 0' },
  },
  {
    id: '1b', title: 'kill -9 of the shipper x20, at random', log: 'renamed', seconds: 60, faults: (cell, chance, untilMs) => killAtRandom(cell, chance, 20, 0, untilMs),
    peers: { linesPerS: 40_000, rsyslog: '0 / 2,330,832', rsyslogDisk: '-', fluentBit: '5,458 / 44', otel: '652 / 24,205', filebeat: '0 / 19,615' },
  },
  {
    id: '2', title: 'rename and create every 3 s', log: 'renamed', seconds: 45, faults: (cell, chance, untilMs) => rotateEvery(cell, chance, 3000, untilMs),
    peers: { linesPerS: 20_000, rsyslog: '0 / 0', rsyslogDisk: '0 / 0', fluentBit: '0 / 0', otel: '0 / 0', filebeat: '0 / 0' },
  },
  {
    id: '3', title: 'copytruncate every 3 s', log: 'emptied', seconds: 45, faults: (cell, chance, untilMs) => rotateEvery(cell, chance, 3000, untilMs),
    peers: { linesPerS: 20_000, rsyslog: '0 / 0', rsyslogDisk: '0 / 0', fluentBit: '0 / 0', otel: '11,423 / 0', filebeat: '29,756 / 0' },
  },
  {
    id: '4', title: 'kill -9 of the broker, back after 20 s', log: 'renamed', seconds: 50,
    async faults(cell) {
      await pause(10_000);
      cell.kafka!.kill9(1);
      await pause(20_000);
      await cell.kafka!.startNode(1);
    },
    peers: { linesPerS: 20_000, rsyslog: '0 / 0', rsyslogDisk: '0 / 0', fluentBit: '0 / 0', otel: '0 / 170', filebeat: '0 / 0' },
  },
  {
    id: '5', title: 'as 2, and the shipper killed 6 times and down for 4 s', log: 'renamed', seconds: 60,
    async faults(cell, chance, untilMs) {
      await Promise.all([rotateEvery(cell, chance, 3000, untilMs), killAtRandom(cell, chance, 6, 4000, untilMs)]);
    },
    peers: { linesPerS: 10_000, rsyslog: '0 / 627,391', rsyslogDisk: '-', fluentBit: '0 / 239,980', otel: '200 / 100', filebeat: '0 / 79,574' },
  },
];

export interface CaseOutcome {
  id: string;
  linesPerS: number;
  verdict: CellVerdict;
  problems: string[];
  tookMs: number;
}

export interface CasesSettings {
  seed: number;
  rates: readonly number[];
  ids: readonly string[] | null;
  /** Of the usual length. */
  lengthShare: number;
  portsFrom: number;
  tree?: string;
  say: (text: string) => void;
}

export async function runCases({ seed, rates, ids, lengthShare, portsFrom, tree, say }: CasesSettings): Promise<CaseOutcome[]> {
  const outcomes: CaseOutcome[] = [];
  for (const spec of cases.filter(({ id }) => ids === null || ids.includes(id))) {
    for (const linesPerS of rates) {
      const beganMs = Date.now();
      const folder = mkdtempSync(join(tmpdir(), 'leadline-case-'));
      chmodSync(folder, 0o755);
      const chance = new Chance(seed);
      const cell = await Cell.start({ name: 'case', nodes: 1, shippers: 1, folder: join(folder, 'cell'), portsFrom, linesPerS, chance, only: [spec.log], tree });
      try {
        const untilMs = Date.now() + spec.seconds * 1000 * lengthShare;
        await Promise.all([spec.faults(cell, chance, untilMs), pause(untilMs - Date.now())]);
        cell.mend();
        const verdict = await judge(cell);
        const problems = complaints(verdict);
        const tookMs = Date.now() - beganMs;
        outcomes.push({ id: spec.id, linesPerS, verdict, problems, tookMs });
        const { written, lost, doubled } = verdict.writers[0]!;
        say(`case ${spec.id} at ${linesPerS} lines/s: ${written} lines, ${lost.length} lost, ${doubled.length} stored twice, ${problems.length} complaints, ${(tookMs / 1000).toFixed(0)} s${problems.map(problem => `\n  ${problem}`).join('')}`);
      } finally {
        await cell.end();
        rmSync(folder, { recursive: true, force: true });
      }
    }
  }
  return outcomes;
}

const thousands = (number: number): string => number.toString().replace(/\B(?=(\d{3})+$)/g, ',');

/** The table beside the figures of others. */
export function casesText(outcomes: readonly CaseOutcome[]): string {
  if (outcomes.length === 0) return '';
  const rates = [...new Set(outcomes.map(({ linesPerS }) => linesPerS))];
  const cellOf = (id: string, linesPerS: number): string => {
    const outcome = outcomes.find(each => each.id === id && each.linesPerS === linesPerS);
    if (outcome === undefined) return '-';
    const { written, lost, doubled } = outcome.verdict.writers[0]!;
    const audit = outcome.verdict.audit!;
    return `${thousands(lost.length)} / ${thousands(doubled.length)} of ${thousands(written)} (${((100 * audit.repeatedBytes) / Math.max(1, audit.chunkBytes)).toFixed(1)} %)`;
  };
  return [
    '## Six cases beside others',
    '',
    'Lost / stored twice. Ours: from file to store, in brackets the share of bytes that were sent again and trimmed by the collector. The others: lost / doubled in the topic at the rate given, one run of each, measured on the same kind of machine (two AMD EPYC cores, Debian 12, one broker of Kafka 4.3.1) in November 2026: rsyslog 8.2302 with a disk-assisted queue and with a disk queue, Fluent Bit 5.1.1, OpenTelemetry collector 0.159.0, Filebeat 7.17.29, each with durable settings.',
    '',
    `| case | ${rates.map(rate => `Leadline at ${thousands(rate)} lines/s`).join(' | ')} | others at | rsyslog | rsyslog, disk | Fluent Bit | OpenTelemetry | Filebeat |`,
    `| --- | ${rates.map(() => '---').join(' | ')} | --- | --- | --- | --- | --- | --- |`,
    ...cases.filter(({ id }) => outcomes.some(outcome => outcome.id === id)).map(({ id, title, peers }) => `| ${id} ${title} | ${rates.map(rate => cellOf(id, rate)).join(' | ')} | ${thousands(peers.linesPerS)} | ${peers.rsyslog} | ${peers.rsyslogDisk} | ${peers.fluentBit} | ${peers.otel} | ${peers.filebeat} |`),
    '',
  ].join('\n');
}
