/** What people get wrong with files: each is told in a sentence with what, where and what to do, and no line of the others is lost. */
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { storePaths } from '../../deploy/ingest.ts';
import { quietLog } from '#lib/log.ts';
import { sizeOf } from '#lib/byte-ranges.ts';
import { defaultOptions } from '#schemas/options.ts';
import type { StreamsAnswer } from '#schemas/http-api.ts';
import { isRoot, nobody, rows, runCommand, said, startCommand } from '../helpers/command.ts';
import { eventually } from '../helpers/leadline.ts';
import { testFolder } from '../helpers/folder.ts';
import { proofSkipped } from '../helpers/skipped.ts';
import { allEvents, ingested, queriesOf } from '../helpers/store.ts';

interface FileRow {
  path: string;
  bytes: number;
  bytesNew: number;
  events: number;
  problems: { code: string }[];
}

const twoLines = 'first line\nsecond line\n';
const someLines = Array.from({ length: 20_000 }, (_, index) => `line ${index} ${(index * 7919) % 10_007}\n`).join('');

/** Bytes that look random and are the same in every run. */
function noise(length: number): Buffer {
  let state = 1;
  return Buffer.from(Array.from({ length }, () => (state = (state * 48_271) % 2_147_483_647) >>> 8 & 0xff));
}

function filesIn(t: ExecutionContext, files: Record<string, string | Buffer>): string {
  const folder = testFolder(t);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

test('a path that does not exist is told by every command that takes paths', async t => {
  const folder = testFolder(t);
  for (const args of [['ingest', 'nope.log'], ['up', 'nope.log', '--port', '0'], ['trace', 'id', 'nope.log'], ['search', 'text', 'nope.log'], ['check', 'nope.log', '--port', '0']]) {
    const ended = await runCommand([...args, '--data-dir', 'data'], { cwd: folder });
    if (args[0] === 'check') t.is(ended.code, 2);
    else said(t, ended, 2, 'leadline: nope.log: there is no such file or folder. Check the spelling');
    t.true(`${ended.stdout}${ended.stderr}`.includes('nope.log: there is no such file or folder.'));
  }
});

test('a folder without logs is told, with the names that are taken', async t => {
  const folder = filesIn(t, { 'picture.jpg': 'x' });
  for (const args of [['ingest', folder], ['search', 'text', folder]]) said(t, await runCommand([...args, '--data-dir', join(folder, 'data')]), 2, 'no log files in this folder', '*.log', '--include "*"');
});

if (isRoot) {
  test('a file and a folder that may not be read are told, and the readable ones are stored', async t => {
    const folder = filesIn(t, { 'open.log': twoLines, 'secret.log': twoLines });
    chmodSync(folder, 0o777);
    chmodSync(join(folder, 'secret.log'), 0o600);
    mkdirSync(join(folder, 'locked'), { mode: 0o700 });
    writeFileSync(join(folder, 'locked', 'a.log'), twoLines);
    const run = (...args: string[]) => runCommand([...args, '--data-dir', join(folder, 'data')], { uid: nobody, cwd: tmpdir() });
    const all = await run('ingest', folder);
    said(t, all, 2, /problem: \S+secret\.log: may not be read by this user \(EACCES\)\. Give the user read permission/, /problem: \S+locked: may not be read/);
    t.deepEqual(rows<FileRow>(all).map(({ events }) => events), [2, 0]);
    said(t, await run('ingest', join(folder, 'locked')), 2, 'locked: may not be read by this user (EACCES)');
    said(t, await run('trace', 'id', join(folder, 'secret.log')), 2, 'secret.log: may not be read', 'Nothing could be read from');
    const checked = await run('check', folder, '--port', '0');
    t.is(checked.code, 2);
    t.regex(checked.stdout, /failed\S*\s+\S+secret\.log: may not be read/);
  });

  test('a file that up may not open is told once, and read when it may be', async t => {
    const folder = filesIn(t, { 'secret.log': twoLines });
    chmodSync(folder, 0o777);
    const secret = join(folder, 'secret.log');
    chmodSync(secret, 0o600);
    const child = startCommand(['up', secret, '--data-dir', join(folder, 'data'), '--port', '0', '--idle-poll-interval-ms', '50'], { uid: nobody, cwd: tmpdir() });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    const url = (await eventually(() => Promise.resolve(/Leadline is at (\S+)/.exec(output)?.[1]), found => found !== undefined))!;
    await eventually(() => Promise.resolve(output), text => text.includes('secret.log: may not be read by this user (EACCES)'));
    // Several scans go by.
    await pause(400);
    chmodSync(secret, 0o644);
    await eventually(async () => (await (await fetch(`${url}/api/v1/streams`)).json()) as StreamsAnswer, answer => answer.totals.events === 2);
    t.is(output.match(/"event":"problemFound"/g)?.length, 1, output);
    child.kill('SIGTERM');
    t.deepEqual(await once(child, 'close'), [0, null]);
  });

  test('a data directory that belongs to someone else is told', async t => {
    const folder = filesIn(t, { 'a.log': twoLines });
    chmodSync(folder, 0o755);
    const data = join(folder, 'data');
    await ingested([join(folder, 'a.log')], data);
    for (const dir of [data, join(folder, 'new')]) said(t, await runCommand(['ingest', join(folder, 'a.log'), '--data-dir', dir], { uid: nobody, cwd: tmpdir() }), 2, `${dir}: cannot be written (EACCES). Give write permission, or choose another with --data-dir.`);
  });
} else {
  proofSkipped('a file and a folder that may not be read are told, and the readable ones are stored', 'only root can run a command as another user');
  proofSkipped('a file that up may not open is told once, and read when it may be', 'only root can run a command as another user');
  proofSkipped('a data directory that belongs to someone else is told', 'only root can run a command as another user');
}

test('a temporary folder that cannot be written is told where files are read into a store there', async t => {
  const folder = filesIn(t, { 'app.log': twoLines });
  said(t, await runCommand(['trace', 'id', join(folder, 'app.log')], { env: { TMPDIR: join(folder, 'nowhere') } }), 2, 'nowhere: cannot be written (ENOENT)', 'TMPDIR');
});

test('an empty file is no mistake', async t => {
  const folder = filesIn(t, { 'empty.log': '' });
  said(t, await runCommand(['ingest', join(folder, 'empty.log'), '--data-dir', join(folder, 'data')]), 0, '1 file, 0 B, 0 lines, 0 events stored; nothing to store');
});

test('a cut archive, a damaged one, noise named .gz, a program and UTF-16 among logs: each is told, and what can be read is stored', async t => {
  const whole = gzipSync(someLines);
  const damaged = Buffer.from(whole);
  damaged.fill(0xff, 30_000, 30_100);
  const folder = filesIn(t, { 'good.log': twoLines, 'cut.log.gz': whole.subarray(0, whole.length / 2), 'damaged.log.gz': damaged, 'noise.log.gz': noise(3000), 'wide.log': Buffer.from(`\ufeff${twoLines}`, 'utf16le') });
  copyFileSync('/bin/true', join(folder, 'program.log'));
  const data = join(folder, 'data');
  const ended = await runCommand(['ingest', folder, '--data-dir', data]);
  said(t, ended, 2, /cut\.log\.gz: the archive ends in its middle\. .*fetch it again/, /damaged\.log\.gz: the archive is damaged at about byte \d+\. .*fetch it again/, /noise\.log\.gz: looks like a binary file .*--include-binary/, /program\.log: looks like a binary file \(ELF program\)/, /wide\.log: is UTF-16 text.*iconv -f UTF-16/);
  t.is(ended.stderr.match(/program\.log: looks/g)?.length, 1, 'each is said once');
  const files = Object.fromEntries(rows<FileRow>(ended).map(file => [file.path.slice(folder.length + 1), file]));
  t.is(files['good.log']?.events, 2);
  for (const name of ['cut.log.gz', 'damaged.log.gz']) {
    const { bytes, bytesNew } = files[name]!;
    t.true(bytes > 0 && bytes < someLines.length && bytesNew <= bytes, name);
  }
  for (const name of ['noise.log.gz', 'program.log', 'wide.log']) t.is(files[name]?.bytes, 0, name);

  const programBytes = readFileSync(join(folder, 'program.log')).length;
  const all = await runCommand(['ingest', join(folder, 'program.log'), '--include-binary', '--data-dir', data]);
  said(t, all, 0);
  t.is(rows<FileRow>(all)[0]?.bytesNew, programBytes);
});

test('lines of 3 MB and 40 MB are stored to the byte, in bounded memory', async t => {
  const long = 'x'.repeat(40_000_000);
  const folder = filesIn(t, { 'long.log': `before\n${'y'.repeat(3_000_000)}\n${long}\nafter\n` });
  const data = join(folder, 'data');
  const rssFile = join(folder, 'rss');
  const tell = `data:text/javascript,import{writeFileSync}from"node:fs";process.on("exit",()=>writeFileSync(${JSON.stringify(rssFile)},String(process.resourceUsage().maxRSS)))`;
  said(t, await runCommand(['ingest', join(folder, 'long.log'), '--data-dir', data], { nodeFlags: ['--import', tell] }), 0);
  const rssKiB = Number(readFileSync(rssFile, 'utf8'));
  t.log(`most memory: ${Math.round(rssKiB / 1024)} MiB`);
  t.true(rssKiB < 700 * 1024, `${rssKiB} KiB`);
  const events = (await allEvents(queriesOf(t, data, { queryMsMax: 60_000 }))).reverse();
  t.deepEqual([events[0]?.raw, events[1]?.raw?.length, events.at(-1)?.raw], ['before', 3_000_000, 'after']);
  const parts = events.slice(2, -1);
  t.true(parts.length > 1);
  t.is(parts.map(event => event.raw ?? '').join(''), long);
});

test('a file cut or replaced while it is read: told, and the balance holds for what was read', async t => {
  const content = someLines.repeat(60);
  const store = async (change: (path: string) => void) => {
    const folder = filesIn(t, { 'app.log': content });
    const path = join(folder, 'app.log');
    let changed = false;
    const options = { ...defaultOptions(), dataDir: join(folder, 'data') };
    return storePaths([path], options, quietLog, {
      durable: false,
      onProgress: () => {
        if (changed) return;
        changed = true;
        change(path);
      },
    });
  };
  const cut = await store(path => truncateSync(path, 0));
  t.true(cut.problems.length > 0 && cut.problems[0]!.message.includes('app.log'));
  t.true(cut.bytes < content.length);
  t.is(sizeOf(cut.streams!.get(cut.files[0]!.streamId!)!.storedRanges), cut.bytes);
  const replaced = await store(path => {
    renameSync(path, `${path}.1`);
    writeFileSync(path, twoLines);
  });
  t.is(sizeOf(replaced.streams!.get(replaced.files[0]!.streamId!)!.storedRanges), content.length, 'the file that was opened is read to its end');
});

test('the same standard input twice stores nothing twice', async t => {
  const data = join(testFolder(t), 'data');
  const first = rows<FileRow>(await runCommand(['ingest', '-', '--data-dir', data], { input: someLines }));
  const second = rows<FileRow>(await runCommand(['ingest', '-', '--data-dir', data], { input: someLines }));
  t.deepEqual([first[0]?.bytesNew, first[0]?.events], [someLines.length, 20_000]);
  t.deepEqual([second[0]?.bytesNew, second[0]?.events], [0, 20_000]);
});

test('searching and tracing over paths leaves nothing behind, also when it fails', async t => {
  const folder = filesIn(t, { 'a.log': twoLines });
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary);
  const run = (...args: string[]) => runCommand(args, { cwd: folder, env: { TMPDIR: temporary } });
  t.is((await run('search', 'second', 'a.log')).code, 0);
  said(t, await run('trace', 'unknown-id', 'a.log'), 1, 'No stored line carries the id unknown-id');
  t.is((await run('search', 'nothing-like-it', 'a.log')).code, 1);
  t.false(existsSync(join(folder, 'leadline-data')));
  t.deepEqual(readdirSync(temporary).filter(name => name.startsWith('leadline-')), []);
});

test('a last line without a newline, from a pipe, is a line', async t => {
  const ended = await runCommand(['search', '*', '-'], { input: `${twoLines}no newline` });
  said(t, ended, 0);
  t.is(rows(ended).length, 3);
});
