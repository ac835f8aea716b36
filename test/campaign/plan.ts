/** Which faults happen where and in which order: drawn from a seed before anything starts, so that a seed replays the same plan. */
import type { Chance } from './chance.ts';
import { brokerFaultKinds, collectorFaultKinds, faultKinds, networkFaultKinds, shipperFaultKinds, type FaultKind } from './fault.ts';
import { rotationKinds } from './rotated-log.ts';

/** What a cell can be hit in. A lane makes its faults one after the other; lanes run side by side. */
export interface LaneSpec {
  cell: string;
  lane: string;
  kinds: readonly FaultKind[];
}

export interface PlannedFault {
  kind: FaultKind;
  /** Seeds all that the fault draws when it is made. */
  seed: number;
}

export interface LanePlan extends LaneSpec {
  faults: PlannedFault[];
}

export interface CellShape {
  name: string;
  nodes: 0 | 1 | 3;
  shippers: number;
}

/** The lanes of a cell: one for the brokers and the way to them, one for the collector, two per shipper. */
export function lanesOf({ name, nodes, shippers }: CellShape): LaneSpec[] {
  const lanes: LaneSpec[] = [];
  if (nodes > 0) {
    lanes.push({ cell: name, lane: 'brokers', kinds: [...networkFaultKinds, ...brokerFaultKinds.filter(kind => nodes > 1 || kind !== 'move-leader')] });
    lanes.push({ cell: name, lane: 'collector', kinds: collectorFaultKinds });
  }
  for (let index = 1; index <= shippers; index++) {
    lanes.push({ cell: name, lane: `shipper ${index}`, kinds: nodes > 0 ? shipperFaultKinds : shipperFaultKinds.filter(kind => kind !== 'disk-full') });
    lanes.push({ cell: name, lane: `files ${index}`, kinds: rotationKinds });
  }
  return lanes;
}

/** Deals at least `perKind` faults of each kind, and `total` in all, out to the lanes that can make them, by weight of the kind's room. */
export function planOf(lanes: readonly LaneSpec[], total: number, perKindMin: number, chance: Chance): LanePlan[] {
  const plans = lanes.map(lane => ({ ...lane, faults: [] as PlannedFault[] }));
  const possible = faultKinds.filter(kind => lanes.some(lane => lane.kinds.includes(kind)));
  const perKind = Math.max(perKindMin, Math.ceil(total / possible.length));
  const ableFor = (kind: FaultKind): (typeof plans)[number][] => plans.filter(lane => lane.kinds.includes(kind));
  // First those that only few lanes can make, so that these are left with less of the others.
  for (const kind of possible.sort((a, b) => ableFor(a).length - ableFor(b).length)) {
    const able = ableFor(kind);
    for (let index = 0; index < perKind; index++) {
      const lane = able.reduce((least, each) => (each.faults.length < least.faults.length ? each : least));
      lane.faults.push({ kind, seed: chance.below(0, 2 ** 31) });
    }
  }
  return plans.map(plan => ({ ...plan, faults: chance.fork(`${plan.cell} ${plan.lane}`).shuffled(plan.faults) }));
}
