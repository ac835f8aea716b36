/** One lane of one cell: makes its faults one after the other, evenly over its time, and again where one hit nothing. */
import { setTimeout as pause } from 'node:timers/promises';
import { brokerFault } from './broker-faults.ts';
import type { Cell } from './cell.ts';
import { Chance } from './chance.ts';
import { brokerFaultKinds, networkFaultKinds, shipperFaultKinds, type DoneFault, type FaultKind, type Outcome } from './fault.ts';
import type { LanePlan, PlannedFault } from './plan.ts';
import { rotationFault } from './rotation-fault.ts';
import { rotationKinds } from './rotated-log.ts';
import { shipperFault } from './shipper-faults.ts';

export interface LaneRun {
  cell: Cell;
  plan: LanePlan;
  /** When the lane should be through, and when it has to be. */
  untilMs: number;
  atMostUntilMs: number;
  harshShare: number;
  onDone: (fault: DoneFault) => void;
}

const stopMsMax = 10_000;
/** What hit nothing, as a process that has only just begun, needs some time before it is tried again. */
const afterMissMs = 2000;
const isOneOf = <T extends FaultKind>(kinds: readonly T[], kind: FaultKind): kind is T => (kinds as readonly FaultKind[]).includes(kind);

/** @returns what was made, and what of the plan was not */
export async function runLane({ cell, plan, untilMs, atMostUntilMs, harshShare, onDone }: LaneRun): Promise<{ left: PlannedFault[] }> {
  const waiting = [...plan.faults];
  let tries = waiting.length * 3;
  while (waiting.length > 0 && tries > 0 && Date.now() < atMostUntilMs) {
    const fault = waiting.shift()!;
    tries -= 1;
    const atMs = Date.now();
    const outcome = await make(cell, plan.lane, fault, harshShare);
    onDone({ ...outcome, kind: fault.kind, lane: `${plan.cell} ${plan.lane}`, atMs, tookMs: Date.now() - atMs });
    if (!outcome.hit) waiting.push({ kind: fault.kind, seed: fault.seed + 1 });
    const leftMs = untilMs - Date.now();
    const tookMs = Date.now() - atMs;
    if (waiting.length > 0) await pause(Math.min(20_000, Math.max(outcome.hit ? 200 : afterMissMs, leftMs / waiting.length - tookMs)));
  }
  return { left: waiting };
}

async function make(cell: Cell, lane: string, { kind, seed }: PlannedFault, harshShare: number): Promise<Outcome> {
  const chance = new Chance(seed);
  const seat = cell.shippers[Number(/\d+$/.exec(lane)?.[0] ?? 1) - 1]!;
  if (isOneOf(shipperFaultKinds, kind)) return shipperFault(kind, seat, chance);
  if (isOneOf(rotationKinds, kind)) return rotationFault(kind, seat, chance, harshShare);
  if (isOneOf(networkFaultKinds, kind) || isOneOf(brokerFaultKinds, kind)) return brokerFault(kind, cell.brokers, chance);
  return isOneOf(['restart-collector'], kind) ? restartCollector(cell) : killCollector(cell, chance);
}

async function restartCollector(cell: Cell): Promise<Outcome> {
  const collector = cell.collector!;
  const hit = cell.shippers.some(seat => seat.isMoving) && collector.isRunning;
  const code = await collector.stop(stopMsMax);
  collector.launch();
  return { hit, how: `ended with ${code ?? 'a kill after its time'}` };
}

async function killCollector(cell: Cell, chance: Chance): Promise<Outcome> {
  await pause(chance.below(0, 300));
  const collector = cell.collector!;
  const hit = cell.shippers.some(seat => seat.isMoving) && collector.isRunning;
  await collector.kill9();
  const downMs = chance.pick([0, 0, 300, 2000]);
  await pause(downMs);
  collector.launch();
  if (!chance.happens(0.25)) return { hit, how: `down for ${downMs} ms` };
  const afterMs = chance.below(50, 2000);
  await pause(afterMs);
  await collector.kill9();
  collector.launch();
  return { hit, how: `down for ${downMs} ms, and again after ${afterMs} ms` };
}
