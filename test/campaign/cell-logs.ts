/** The logs of one shipper: one or more of each way logs are written and rotated. */
import { join } from 'node:path';
import type { Chance } from './chance.ts';
import type { WriterFraming } from './framed-line.ts';
import { RotatedLog, type RotationStyle } from './rotated-log.ts';
import type { WriterProcess } from './writer-process.ts';
import type { WriterSpec } from './writer-protocol.ts';

interface LogShape {
  name: string;
  file: string;
  framing: WriterFraming;
  style: RotationStyle;
  banner?: boolean;
  longEvery?: number;
  longBytes?: number;
  /** Of the campaign's usual rate. */
  rateShare?: number;
  /** Not among the usual ones. */
  onlyWhenNamed?: true;
}

const style = (kind: RotationStyle['kind'], dated = false, gzShare = 0): RotationStyle => ({ kind, dated, gzShare });

const shapes: readonly LogShape[] = [
  { name: 'numbered', file: 'app.log', framing: 'plain', style: style('rename', false, 0.4) },
  { name: 'dated', file: 'app.log', framing: 'plain', style: style('rename', true, 0.3) },
  { name: 'cri', file: '0.log', framing: 'cri', style: style('rename', true) },
  { name: 'docker', file: 'app.log', framing: 'docker', style: style('rename') },
  { name: 'same-start', file: 'app.log', framing: 'plain', style: style('rename'), banner: true },
  { name: 'long', file: 'app.log', framing: 'plain', style: style('rename'), longEvery: 300, longBytes: 3_000_000, rateShare: 0.3 },
  { name: 'copied', file: 'app.log', framing: 'plain', style: style('copytruncate') },
  { name: 'copied-same-start', file: 'app.log', framing: 'plain', style: style('copytruncate', true), banner: true },
  { name: 'recreated', file: 'app.log', framing: 'plain', style: style('recreate') },
  { name: 'truncated', file: 'app.log', framing: 'plain', style: style('truncate') },
  { name: 'relinked', file: 'app.log', framing: 'plain', style: style('relink') },
  { name: 'renamed', file: 'app.log', framing: 'plain', style: style('rename'), onlyWhenNamed: true },
  { name: 'emptied', file: 'app.log', framing: 'plain', style: style('copytruncate'), onlyWhenNamed: true },
];

export interface LogSettings {
  /** Begins the names of all its writers: `a1`. */
  prefix: string;
  folder: string;
  historyFolder: string;
  linesPerS: number;
  chance: Chance;
  /** Names of the shapes wanted; null for all. */
  only: readonly string[] | null;
}

export async function openLogs(process: WriterProcess, { prefix, folder, historyFolder, linesPerS, chance, only }: LogSettings): Promise<RotatedLog[]> {
  const logs: RotatedLog[] = [];
  for (const shape of shapes) {
    if (only === null ? shape.onlyWhenNamed === true : !only.includes(shape.name)) continue;
    const name = `${prefix}-${shape.name}`;
    const path = join(folder, name, shape.file);
    const spec: WriterSpec = {
      name, path, framing: shape.framing, linesPerS: linesPerS * (shape.rateShare ?? 1), lineBytes: 240, banner: shape.banner ?? false, longEvery: shape.longEvery ?? 0, longBytes: shape.longBytes ?? 0,
      splitShare: 0.2, keepsOffset: false, seed: chance.below(0, 2 ** 31), historyFolder,
    };
    RotatedLog.prepare(path, shape.style);
    logs.push(new RotatedLog(await process.add(spec), shape.style));
  }
  return logs;
}
