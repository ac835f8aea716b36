/** The kinds of faults, whom each befalls, and what is told of one that was made. */
import { rotationKinds, type RotationKind } from './rotated-log.ts';

export const shipperFaultKinds = ['kill-shipper', 'restart-shipper', 'disk-full', 'checkpoint-deleted', 'checkpoint-old', 'clock-step', 'no-descriptors', 'no-access'] as const;
export const collectorFaultKinds = ['kill-collector', 'restart-collector'] as const;
export const networkFaultKinds = ['cut', 'slow-answers', 'lost-answer'] as const;
export const brokerFaultKinds = ['kill-broker', 'pause-broker', 'move-leader', 'add-partition'] as const;

export type ShipperFaultKind = (typeof shipperFaultKinds)[number];
export type CollectorFaultKind = (typeof collectorFaultKinds)[number];
export type NetworkFaultKind = (typeof networkFaultKinds)[number];
export type BrokerFaultKind = (typeof brokerFaultKinds)[number];
export type FaultKind = ShipperFaultKind | CollectorFaultKind | NetworkFaultKind | BrokerFaultKind | RotationKind;

export const faultKinds: readonly FaultKind[] = [...shipperFaultKinds, ...collectorFaultKinds, ...networkFaultKinds, ...brokerFaultKinds, ...rotationKinds];

/** What one attempt came to: a fault counts only if it hit something that was alive, with lines on their way. */
export interface Outcome {
  hit: boolean;
  /** What exactly was done, or why nothing was. */
  how: string;
}

export interface DoneFault extends Outcome {
  kind: FaultKind;
  lane: string;
  atMs: number;
  tookMs: number;
}
