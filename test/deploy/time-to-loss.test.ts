import test from 'ava';
import { TimeToLoss } from '../../deploy/time-to-loss.ts';
import { balanceOf, type StreamBalance } from '../../shipper/balance.ts';
import { TailedFolder } from '../helpers/tailed-folder.ts';

const generationBytes = 10_000;
const stepMs = 2000;

interface Behaviour {
  writtenPerSecond: number;
  acknowledgedPerSecond: number;
}

/** A source whose file is rotated by size, with so many rotated files kept, and a shipper that gets through as fast as it is told. */
class RotatedSource {
  readonly #source: string;
  readonly #keptMax: number;
  readonly #streams: { id: number; writtenBytes: number; acknowledgedBytes: number; isThere: boolean }[] = [{ id: 0, writtenBytes: 0, acknowledgedBytes: 0, isThere: true }];
  /** Whether a byte was gone before it was acknowledged. */
  hasLost = false;

  constructor(source: string, keptMax: number) {
    this.#source = source;
    this.#keptMax = keptMax;
  }

  step({ writtenPerSecond, acknowledgedPerSecond }: Behaviour, ms: number): void {
    const newest = this.#streams.at(-1)!;
    newest.writtenBytes += (writtenPerSecond * ms) / 1000;
    let budget = (acknowledgedPerSecond * ms) / 1000;
    for (const stream of this.#streams) {
      const bytes = Math.min(budget, stream.writtenBytes - stream.acknowledgedBytes);
      stream.acknowledgedBytes += bytes;
      budget -= bytes;
    }
    if (newest.writtenBytes >= generationBytes) this.#streams.push({ id: newest.id + 1, writtenBytes: 0, acknowledgedBytes: 0, isThere: true });
    for (const stream of this.#streams.slice(0, -1 - this.#keptMax)) {
      stream.isThere = false;
      if (stream.acknowledgedBytes < stream.writtenBytes) this.hasLost = true;
      else this.#streams.splice(this.#streams.indexOf(stream), 1);
    }
  }

  balances(): StreamBalance[] {
    const keptStreams = this.#streams.slice(0, -1).filter(({ isThere }) => isThere).length;
    const { length } = this.#streams;
    return this.#streams.map(({ id, writtenBytes, acknowledgedBytes, isThere }, index) => balanceOf(
      // Only the one that is read has an id: what waits behind it has not been looked into.
      { streamId: acknowledgedBytes > 0 || index === 0 ? `${this.#source}-${id}` : null, source: this.#source, path: `/${this.#source}.log`, phase: 'reading', writtenBytes, readBytes: acknowledgedBytes, acknowledgedBytes, inFlightBytes: 0, droppedBytes: {}, readToEndMs: null },
      { newerStreams: length - 1 - index, begunStreams: this.#streams.at(-1)!.id + 1, keptStreams, isThere },
    ));
  }
}

class Watch {
  readonly step = new TimeToLoss();
  nowMs = 0;

  /** @returns the predicted seconds after the last step, or null */
  run(source: RotatedSource, behaviour: Behaviour, seconds: number): number | null {
    let last: number | null = null;
    for (let end = this.nowMs + seconds * 1000; this.nowMs < end; this.nowMs += stepMs) {
      source.step(behaviour, stepMs);
      last = [...this.step.sample(source.balances(), this.nowMs).values()][0] ?? null;
    }
    return last;
  }
}

const keepsUp: Behaviour = { writtenPerSecond: 200, acknowledgedPerSecond: 200 };
const stuck: Behaviour = { writtenPerSecond: 200, acknowledgedPerSecond: 0 };

test('nothing gets through: the predicted time is that at which the last kept generation is rotated away', t => {
  const watch = new Watch();
  const source = new RotatedSource('a', 3);
  t.is(watch.run(source, keepsUp, 500), null, 'what keeps up loses nothing');
  const predicted = watch.run(source, stuck, 60);
  t.true(predicted !== null && predicted > 50, String(predicted));
  const beganMs = watch.nowMs;
  let lostMs: number | null = null;
  while (lostMs === null && watch.nowMs - beganMs < 1_000_000) {
    watch.run(source, stuck, 2);
    if (source.hasLost) lostMs = watch.nowMs - beganMs;
  }
  t.true(lostMs !== null && Math.abs(lostMs / 1000 - predicted!) <= generationBytes / 200, `predicted ${predicted}, lost after ${lostMs}`);
});

test('the rotations that pass while nothing is read shorten the time', t => {
  const watch = new Watch();
  const source = new RotatedSource('a', 3);
  watch.run(source, keepsUp, 500);
  const times = [60, 50, 50].map(seconds => watch.run(source, stuck, seconds)!);
  for (const [index, seconds] of [50, 50].entries()) t.true(Math.abs(times[index]! - times[index + 1]! - seconds) < 20, String(times));
});

test('a backlog that grows slowly is lost later than one that nothing is read of', t => {
  const [slow, none] = [100, 0].map(acknowledgedPerSecond => {
    const watch = new Watch();
    const source = new RotatedSource('a', 3);
    watch.run(source, keepsUp, 500);
    return watch.run(source, { writtenPerSecond: 200, acknowledgedPerSecond }, 100)!;
  });
  t.true(slow! > none! + 50, `${slow} ${none}`);
});

test('a backlog that is read faster than it grows, and is gone before its file is, is not lost', t => {
  const watch = new Watch();
  const source = new RotatedSource('a', 3);
  watch.run(source, keepsUp, 500);
  t.not(watch.run(source, stuck, 60), null);
  const drains = { writtenPerSecond: 200, acknowledgedPerSecond: 600 };
  watch.run(source, drains, 14);
  t.true(source.balances().some(({ lagBytes }) => lagBytes > 0));
  t.is(watch.run(source, drains, 2), null);
  t.false(source.hasLost);
});

test('a file that is emptied with nothing kept: what waits at its next rotation is lost', t => {
  const watch = new Watch();
  const source = new RotatedSource('a', 0);
  watch.run(source, keepsUp, 510);
  const predicted = watch.run(source, stuck, 20);
  t.true(predicted !== null && predicted <= 50, String(predicted));
});

test('without a rotation, or where every rotated file stays, nothing is predicted', t => {
  const [fresh, growing] = [new Watch(), new Watch()];
  t.is(fresh.run(new RotatedSource('a', 3), { writtenPerSecond: 100, acknowledgedPerSecond: 1 }, 90), null);
  const keepsAll = new RotatedSource('a', 1_000_000);
  growing.run(keepsAll, keepsUp, 500);
  t.is(growing.run(keepsAll, stuck, 500), null);
});

test('a rotation that is late by a whole generation is not waited for', t => {
  const watch = new Watch();
  const source = new RotatedSource('a', 0);
  watch.run(source, keepsUp, 500);
  t.not(watch.run(source, stuck, 20), null);
  t.is(watch.run(source, { writtenPerSecond: 0, acknowledgedPerSecond: 0 }, 3600), null);
});

test('of several sources each has its own time, and a pipe none', t => {
  const watch = new TimeToLoss();
  const [behind, well] = [new RotatedSource('behind', 1), new RotatedSource('well', 1)];
  const pipe = balanceOf({ streamId: 'p', source: 'pipe', path: 'stdin', phase: 'reading', writtenBytes: 1000, readBytes: 0, acknowledgedBytes: 0, inFlightBytes: 0, droppedBytes: {}, readToEndMs: null });
  let losses: ReadonlyMap<StreamBalance, number> = new Map();
  for (let second = 0; second < 560; second += 2) {
    behind.step(second < 500 ? keepsUp : stuck, stepMs);
    well.step(keepsUp, stepMs);
    losses = watch.sample([...behind.balances(), ...well.balances(), pipe], second * 1000);
  }
  t.deepEqual([...losses.keys()].map(({ source }) => source), ['behind']);
});

test('real files that are renamed and removed while nothing is acknowledged: the loss is predicted before it happens', async t => {
  const folder = new TailedFolder({ inFlightBytesMax: 64 * 1024 }, false);
  t.teardown(() => folder.dispose());
  await folder.shipper.open();
  const watch = new TimeToLoss();
  const kept = 2;
  let acknowledges = true;
  const predictions: (number | null)[] = [];
  const beganMs = folder.clock.nowMs();
  /** Ten balances, four seconds apart, and a rotation. */
  const generation = async (): Promise<void> => {
    for (let step = 0; step < 10; step += 1) {
      folder.append('a.log', `${'x'.repeat(99)}\n`.repeat(100));
      for (let turn = 0; turn < 8; turn += 1) {
        await folder.turn(500);
        if (acknowledges) folder.transport.acknowledgeAll();
      }
      predictions.push([...watch.sample(folder.shipper.status(), folder.clock.nowMs() - beganMs).values()][0] ?? null);
    }
    if (folder.exists(`a.log.${kept}`)) folder.remove(`a.log.${kept}`);
    for (let place = kept - 1; place >= 1; place -= 1) if (folder.exists(`a.log.${place}`)) folder.rename(`a.log.${place}`, `a.log.${place + 1}`);
    folder.rename('a.log', 'a.log.1');
  };
  for (let count = 0; count < 6; count += 1) await generation();
  t.deepEqual(new Set(predictions), new Set([null]), 'what keeps up loses nothing');
  acknowledges = false;
  await generation();
  const predicted = predictions.at(-1)!;
  // The generation that began when nothing got through any more is removed with the third rotation from its beginning: 84 s later.
  t.true(predicted !== null && predicted > 40 && predicted <= 130, String(predicted));
  await generation();
  await generation();
  t.true(predictions.at(-1)! < 45, String(predictions));
});
