/** THE LOOP: a plan from a seed, cells under fire until the plan is through, then the verdict. */
import { appendFileSync, chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cell } from './cell.ts';
import { Chance } from './chance.ts';
import type { DoneFault, FaultKind } from './fault.ts';
import { runLane } from './lane.ts';
import { lanesOf, planOf, type CellShape } from './plan.ts';
import { complaints, judge, type CellVerdict } from './verdict.ts';

export interface CampaignSettings {
  seed: number;
  cells: readonly CellShape[];
  faults: number;
  perKindMin: number;
  minutes: number;
  linesPerS: number;
  /** Share of deletions and truncations that do not wait for the shipper. */
  harshShare: number;
  /** Only these kinds; null for all. */
  kinds: readonly FaultKind[] | null;
  /** Names of log shapes; null for all. */
  logs: readonly string[] | null;
  portsFrom: number;
  tree?: string;
  /** The cells' folders stay where something is wrong. */
  keep: boolean;
  say: (text: string) => void;
}

export interface CampaignOutcome {
  startedMs: number;
  faultsMs: number;
  wholeMs: number;
  planned: Partial<Record<FaultKind, number>>;
  done: DoneFault[];
  verdicts: CellVerdict[];
}

const sayEveryMs = 10_000;
/** Beyond the plan's time, for what hit nothing and comes again. */
const moreTimeShare = 0.5;

export async function runCampaign(settings: CampaignSettings): Promise<CampaignOutcome> {
  const { seed, cells: shapes, say, minutes } = settings;
  const startedMs = Date.now();
  const chance = new Chance(seed);
  const kinds = settings.kinds;
  const lanes = shapes.flatMap(lanesOf).map(lane => ({ ...lane, kinds: lane.kinds.filter(kind => kinds === null || kinds.includes(kind)) }));
  const plans = planOf(lanes, settings.faults, settings.perKindMin, chance.fork('plan'));
  const planned: Partial<Record<FaultKind, number>> = {};
  for (const { kind } of plans.flatMap(plan => plan.faults)) planned[kind] = (planned[kind] ?? 0) + 1;
  const folder = mkdtempSync(join(tmpdir(), 'leadline-campaign-'));
  // The parts run as another user.
  chmodSync(folder, 0o755);
  const cells: Cell[] = [];
  let verdicts: CellVerdict[] = [];
  const done: DoneFault[] = [];
  let faultsMs = 0;
  try {
    for (const shape of shapes) {
      cells.push(await Cell.start({ ...shape, folder: join(folder, shape.name), portsFrom: settings.portsFrom, linesPerS: settings.linesPerS, chance: chance.fork(shape.name), only: settings.logs, tree: settings.tree }));
    }
    say(`${cells.length} cells are up after ${((Date.now() - startedMs) / 1000).toFixed(0)} s; ${plans.reduce((sum, plan) => sum + plan.faults.length, 0)} faults in ${plans.length} lanes; seed ${seed}; ${folder}`);
    const beganMs = Date.now();
    const saying = setInterval(() => say(progress(beganMs, planned, done, cells)), sayEveryMs);
    const untilMs = beganMs + minutes * 60_000;
    const runs = plans.map(plan => runLane({ cell: cells.find(cell => cell.settings.name === plan.cell)!, plan, untilMs, atMostUntilMs: untilMs + moreTimeShare * minutes * 60_000, harshShare: settings.harshShare, onDone: fault => {
      done.push(fault);
      appendFileSync(join(folder, 'faults.ndjson'), `${JSON.stringify({ at: new Date(fault.atMs).toISOString(), ...fault })}\n`);
    } }));
    // All lanes end before anything is judged, also where one of them fails.
    const ends = await Promise.allSettled(runs);
    clearInterval(saying);
    faultsMs = Date.now() - beganMs;
    for (const end of ends) if (end.status === 'rejected') throw end.reason as Error;
    say(`${progress(beganMs, planned, done, cells)}; now everything is mended and drains`);
    for (const cell of cells) cell.mend();
    verdicts = await Promise.all(cells.map(cell => judge(cell)));
  } finally {
    for (const cell of cells) await cell.end();
    if (settings.keep && (verdicts.length === 0 || verdicts.some(verdict => complaints(verdict).length > 0))) say(`kept: ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
  return { startedMs, faultsMs, wholeMs: Date.now() - startedMs, planned, done, verdicts };
}

function progress(beganMs: number, planned: Partial<Record<FaultKind, number>>, done: readonly DoneFault[], cells: readonly Cell[]): string {
  const hits = done.filter(({ hit }) => hit).length;
  const all = Object.values(planned).reduce((sum, count) => sum + count, 0);
  const lag = cells.flatMap(cell => cell.shippers).reduce((sum, seat) => sum + seat.lagBytes, 0);
  const last = done.at(-1);
  return `${((Date.now() - beganMs) / 1000).toFixed(0).padStart(5)} s  ${hits} of ${all} hit, ${done.length - hits} missed, ${(lag / 1e6).toFixed(1)} MB behind${last === undefined ? '' : `; last: ${last.lane}: ${last.kind}, ${last.how}`}`;
}
