import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { loadCheckpoint, saveCheckpoint } from '../../shipper/checkpoint-store.ts';
import { madeState } from '../contract/made-up.ts';
import { testFolder } from '../helpers/folder.ts';

const module = join(import.meta.dirname, '../../shipper/checkpoint-store.ts');

/** A process that writes a checkpoint of `streams` streams and may write files of 8 KiB at most: beyond that the system ends it, or refuses. */
function saveWithinLimit(path: string, streams: number): number | null {
  const program = `
    import { saveCheckpoint } from ${JSON.stringify(module)};
    const states = Array.from({ length: ${streams} }, (_, n) => ({ streamId: 'another-' + n, filler: 'x'.repeat(200) }));
    await saveCheckpoint(${JSON.stringify(path)}, { streams: states, copies: [] });
  `;
  return spawnSync('bash', ['-c', 'ulimit -f 8; exec "$0" --no-warnings --input-type=module -e "$1"', process.execPath, program]).status;
}

test('a process that ends in the middle of writing a checkpoint leaves the old one, and the next one is written', async t => {
  const path = join(testFolder(t), 'checkpoint.json');
  await saveCheckpoint(path, { streams: [madeState('one')], copies: [] });
  t.not(saveWithinLimit(path, 1000), 0);
  t.deepEqual((await loadCheckpoint(path))?.streams.map(({ streamId }) => streamId), ['one']);
  t.is(saveWithinLimit(path, 3), 0);
  t.deepEqual((await loadCheckpoint(path))?.streams.map(({ streamId }) => streamId), ['another-0', 'another-1', 'another-2']);
});
