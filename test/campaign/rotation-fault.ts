import type { Chance } from './chance.ts';
import type { Outcome } from './fault.ts';
import type { RotationKind } from './rotated-log.ts';
import type { ShipperSeat } from './shipper-seat.ts';

const waitMsMax = 8000;

/** A rotation of one of the shipper's logs. It hits where there was something to rotate and the log is written on; the shipper may be down meanwhile. */
export async function rotationFault(kind: RotationKind, seat: ShipperSeat, chance: Chance, harshShare: number): Promise<Outcome> {
  const log = chance.pick(seat.logs.filter(each => each.style.kind === kind));
  const outcome = await log.rotate({ chance, harsh: chance.happens(harshShare), shipped: seat, waitMsMax });
  const name = log.writer.spec.name;
  return outcome.done ? { hit: log.writer.bytes >= 0 && log.writer.n > 0, how: `${name}: ${outcome.how}` } : { hit: false, how: `${name}: ${outcome.why}` };
}
