import test from 'ava';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { renderShipper } from '../../deploy/render-shipper.ts';
import { ShipMetrics } from '../../deploy/ship-metrics.ts';
import { totalsOf, type ShipperStatus } from '../../deploy/ship-status.ts';
import { balanceOf, type FileWorkCounts } from '../../shipper/balance.ts';
import { TailedFolder } from '../helpers/tailed-folder.ts';

const counts: FileWorkCounts = { openFiles: 3, openFilesLimitHits: 2, checkpointFailures: 4, checkpointAgeMs: 1500 };

function statusWith(files: FileWorkCounts | null, secondsToLoss: number | null): ShipperStatus {
  const balance = balanceOf({ streamId: 'a', source: 's', path: '/var/log/a.log', phase: 'reading', writtenBytes: 100, readBytes: 0, acknowledgedBytes: 0, inFlightBytes: 0, droppedBytes: {}, readToEndMs: null });
  return {
    kind: 'shipper', version: '0', startedAt: '2026-01-01T00:00:00.000Z', target: 'nowhere', troubledBy: null,
    totals: { ...totalsOf([balance]), writtenBytesPerSecond: 10, acknowledgedBytesPerSecond: 0, lagMs: 5000, secondsToLoss },
    published: { chunks: 0, bytes: 0, retries: 0 },
    streams: [{ ...balance, lagMs: 5000, secondsToLoss }], problems: [], files,
  };
}

/** The samples by name. */
function samplesOf(text: string): Record<string, string> {
  return Object.fromEntries(text.split('\n').filter(line => line !== '' && !line.startsWith('#')).map(line => line.split(' ') as [string, string]));
}

test('files open, limits reached, checkpoints that failed and the time to loss are in the metrics; a time that is not predicted any more is not', t => {
  const metrics = new ShipMetrics();
  t.like(samplesOf(metrics.text(statusWith(counts, 240.4))), {
    leadline_shipper_seconds_to_loss: '240',
    leadline_shipper_open_files: '3',
    leadline_shipper_open_files_limit_hits_total: '2',
    leadline_shipper_checkpoint_failures_total: '4',
    leadline_shipper_checkpoint_age_seconds: '1.5',
  });
  t.false('leadline_shipper_seconds_to_loss' in samplesOf(metrics.text(statusWith(counts, null))));
});

test('a pipe has neither files nor a checkpoint in the metrics', t => {
  const names = Object.keys(samplesOf(new ShipMetrics().text(statusWith(null, null))));
  t.deepEqual(names.filter(name => /open_files|checkpoint|to_loss/.test(name)), []);
});

test('the status names the file whose bytes are about to be lost, and only then', t => {
  const terminal = { width: 100, colour: false, isTerminal: false };
  t.regex(renderShipper(statusWith(counts, 240), 'here', terminal), /^at this rate bytes of \/var\/log\/a\.log are lost in 4\.0 min$/m);
  t.notRegex(renderShipper(statusWith(null, null), 'here', terminal), /at this rate|one too many/);
});

test('more files than may be open take turns, which is counted; a checkpoint is up to date when everything is acknowledged', async t => {
  const folder = new TailedFolder({ openFilesMax: 16 });
  t.teardown(() => folder.dispose());
  for (let file = 0; file < 20; file += 1) folder.append(`${file}.log`, 'one\n');
  await folder.shipper.open();
  await folder.settle();
  const { openFiles, openFilesLimitHits, checkpointFailures, checkpointAgeMs } = folder.shipper.counts();
  t.is(openFiles, 16);
  t.true(openFilesLimitHits >= 4, String(openFilesLimitHits));
  t.deepEqual([checkpointFailures, checkpointAgeMs], [0, 0]);
});

test('a checkpoint that cannot be saved is counted, and what waits for it grows old until it can', async t => {
  const folder = new TailedFolder();
  t.teardown(() => folder.dispose());
  folder.append('a.log', 'one\n');
  await folder.shipper.open();
  await folder.settle();
  rmSync(folder.checkpointPath);
  mkdirSync(join(folder.checkpointPath, 'in-the-way'), { recursive: true });
  folder.append('a.log', 'two\n');
  await folder.settle();
  const stuck = folder.shipper.counts();
  t.true(stuck.checkpointFailures > 0);
  t.true(stuck.checkpointAgeMs >= 1000, String(stuck.checkpointAgeMs));
  rmSync(folder.checkpointPath, { recursive: true });
  await folder.settle();
  t.is(folder.shipper.counts().checkpointAgeMs, 0);
});

test('rotated files that are there, in their own file or as a copy, are what a source keeps', async t => {
  const folder = new TailedFolder();
  t.teardown(() => folder.dispose());
  for (const name of ['renamed.log', 'copied.log']) folder.append(name, `${name} first\nsecond\n`);
  await folder.shipper.open();
  await folder.settle();
  folder.rename('renamed.log', 'renamed.log.1');
  folder.copyTruncate('copied.log', 'copied.log.1');
  for (const name of ['renamed.log', 'copied.log']) folder.append(name, `${name} third\n`);
  await folder.settle();
  const newest = (): (number | undefined)[][] => folder.shipper.status().filter(({ rotation }) => rotation?.newerStreams === 0).map(({ rotation }) => [rotation?.begunStreams, rotation?.keptStreams]);
  t.deepEqual(newest(), [[2, 1], [2, 1]]);
  folder.remove('renamed.log.1');
  folder.remove('copied.log.1');
  await folder.settle();
  t.deepEqual(newest(), [[2, 0], [2, 0]]);
});
