import test from 'ava';
import { SteadyClock } from '../../shipper/steady-clock.ts';
import { WatchedClock } from '../../deploy/watched-clock.ts';

test.serial('a step of the wall clock does not move what a shipper schedules by', t => {
  const clock = new WatchedClock();
  const steady = new SteadyClock(clock);
  const realNow = Date.now;
  try {
    const before = steady.nowMs();
    Date.now = () => realNow() + 3_600_000;
    t.true(Math.abs(steady.nowMs() - before) < 60_000);
    t.true(clock.nowMs() - before > 3_000_000);
  } finally {
    Date.now = realNow;
  }
});
