import test from 'ava';
import { ShipRates } from '../../deploy/ship-rates.ts';
import { balanceOf, type StreamBalance } from '../../shipper/balance.ts';

function balance(streamId: string, writtenBytes: number, acknowledgedBytes: number, dropped = 0): StreamBalance {
  return balanceOf({ streamId, source: 's', path: `/${streamId}`, phase: 'reading', writtenBytes, readBytes: acknowledgedBytes, acknowledgedBytes, inFlightBytes: 0, droppedBytes: dropped === 0 ? {} : { truncated: dropped }, readToEndMs: null });
}

test('the oldest byte that waits tells the lag: of the stream that is stuck, not of those that go on', t => {
  const rates = new ShipRates();
  t.is(rates.sample([balance('a', 100, 100)], 0).lagMs, 0);
  t.is(rates.sample([balance('a', 200, 100), balance('b', 50, 0)], 1000).lagMs, 0);
  t.is(rates.sample([balance('a', 300, 100), balance('b', 1050, 1000)], 3000).lagMs, 2000);
  // Everything of `a` up to its size at 1000 ms is acknowledged: what waits came at 3000 ms.
  const streams = [balance('a', 300, 200), balance('b', 1050, 1050)];
  t.is(rates.sample(streams, 5000).lagMs, 2000);
  t.deepEqual(streams.map(stream => rates.lagMsOf(stream, 5000)), [2000, 0]);
  t.is(rates.sample([balance('a', 300, 200, 100)], 6000).lagMs, 0, 'what is dropped waits for nothing');
});

test('the age of a byte that waits for hours stays right, however often it is looked at', t => {
  const rates = new ShipRates();
  for (let second = 0; second <= 36_000; second += 2) rates.sample([balance('a', 1000 + second, 0)], second * 1000);
  t.is(rates.sample([balance('a', 37_002, 0)], 36_002_000).lagMs, 36_002_000);
  // Half of it got through: bytes of about that time are the oldest now.
  const { lagMs } = rates.sample([balance('a', 37_004, 19_000)], 36_004_000);
  t.true(lagMs > 17_000_000 && lagMs < 22_000_000, String(lagMs));
});

test('rates follow what grows and what is acknowledged, and a stream that is forgotten does not count backwards', t => {
  const rates = new ShipRates();
  let last = rates.sample([], 0);
  for (let second = 1; second <= 300; second++) last = rates.sample([balance('a', 1000 * second, 400 * second)], second * 1000);
  t.true(Math.abs(last.writtenBytesPerSecond - 1000) < 1 && Math.abs(last.acknowledgedBytesPerSecond - 400) < 1, JSON.stringify(last));
  last = rates.sample([], 301_000);
  t.true(last.writtenBytesPerSecond > 0 && last.writtenBytesPerSecond < 1000);
  const before = last;
  t.deepEqual(rates.sample([], 301_100), before, 'too soon to say more');
});
