/** What waits behind something open, against a shipper that waits for what it has sent: files of 16 MB, twice what a shipper has in flight. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { testFolder } from '../helpers/folder.ts';
import { eventually, RunningLeadline } from '../helpers/leadline.ts';
import { ingested } from '../helpers/store.ts';

const stamp = '2022-08-22T05:18:16.154772363Z';
const docker = (output: 'stdout' | 'stderr', log: string): string => `${JSON.stringify({ log, stream: output, time: stamp })}\n`;
const wide = 'x'.repeat(900);
const lines = 16_000;
const jsonLines = (output: 'stdout' | 'stderr'): string => docker(output, `{"msg":"${wide}"}\n`).repeat(lines);

/** Both outputs print a trace without end, each a line at a time, so that an event of the one is always open where one of the other ends. */
const interlocked = (docker('stdout', `    at ${wide}\n`) + docker('stderr', `    at ${wide}\n`)).repeat(lines / 2);

const files: [title: string, byName: Record<string, string>, wholeLine: string | null][] = [
  ['one line of text on stderr, then only stdout', { 'app-json.log': docker('stderr', 'a warning\n') + jsonLines('stdout') }, null],
  ['a line that is finished 16 MB of the other output later', { 'app-json.log': docker('stdout', '{"begun":') + jsonLines('stderr') + docker('stdout', '1}\n') }, '{"begun":1}'],
  ['a line that the file before began and nothing goes on with', { 'app-json.log.1': docker('stdout', '{"begun":'), 'app-json.log': jsonLines('stderr') }, '{"begun":'],
  ['a line that the file before began', { 'app-json.log.1': docker('stdout', '{"begun":'), 'app-json.log': docker('stdout', '1}\n') + jsonLines('stderr') }, '{"begun":1}'],
  ['traces on both outputs without end', { 'app-json.log': docker('stdout', 'Error: out\n') + docker('stderr', 'Error: err\n') + interlocked }, null],
];

for (const [title, byName, wholeLine] of files) {
  test(`${title}: ingested to its end, every line`, async t => {
    const folder = testFolder(t);
    const logs = join(folder, 'logs');
    mkdirSync(logs);
    for (const [name, text] of Object.entries(byName)) writeFileSync(join(logs, name), text);
    const { streams } = await ingested([logs], join(folder, 'data'));
    const stored = [...streams!.values()];
    t.is(stored.reduce((sum, stream) => sum + stream.lines, 0), Object.values(byName).join('').split('\n').length - 1);
    t.true(stored.every(({ storedRanges, state }) => storedRanges.length === 1 && storedRanges[0]!.to === state!.sizeBytes && state!.closed));
    if (wholeLine !== null) t.is(stored.reduce((sum, stream) => sum + stream.events, 0), lines + 1);
  });
}

test('one line of text on stderr, then only stdout: tailed to its end', async t => {
  t.timeout(120_000);
  const folder = testFolder(t);
  writeFileSync(join(folder, 'app-json.log'), docker('stderr', 'a warning\n') + jsonLines('stdout'));
  const leadline = await RunningLeadline.up([join(folder, 'app-json.log'), '--data-dir', join(folder, 'data')], {}, '23077');
  t.teardown(() => leadline.kill9());
  const stored = new RegExp(`^leadline_events ${lines + 1}$`, 'm');
  t.regex(await eventually(async () => (await fetch(`${leadline.url}/metrics`)).text(), text => stored.test(text)), stored);
  t.is(await leadline.stop(), 0);
});
