/** The watch says within milliseconds what the sweep would find later. Time stands still in these tests: no look is due unless a hint asks for it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { folderEventsPerSecondMax, unwatchedMs } from '../../shipper/watched-folders.ts';
import type { ShipperOptions } from '../../shipper/shipper.ts';
import { skipHere } from '../helpers/skipped.ts';
import { TailedFolder } from '../helpers/tailed-folder.ts';

const hourMs = 3_600_000;
const breath = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await breath();
}

/** A shipper whose loop runs while its clock stands. `idle`: all that is there has been quiet for more than a minute. */
class Watched extends TailedFolder {
  static async start(t: { teardown: (fn: () => Promise<void>) => void }, prepare: (folder: Watched) => void, options: Partial<ShipperOptions> = {}): Promise<Watched> {
    const folder = new Watched({ watch: true, idlePollIntervalMs: hourMs, ...options });
    t.teardown(() => folder.dispose());
    prepare(folder);
    await folder.shipper.start();
    return folder;
  }

  /** All lines that were written are stored, and the files have been quiet since. */
  async idle(lines: readonly string[]): Promise<void> {
    await until(() => this.has(lines));
    for (let second = 0; second < 70; second += 1) {
      this.clock.advance(1000);
      for (let turn = 0; turn < 5; turn += 1) await breath();
    }
  }

  async stored(lines: readonly string[]): Promise<void> {
    await until(() => this.has(lines));
  }

  has(lines: readonly string[]): boolean {
    const stored = this.storedLines();
    return stored.length === lines.length && lines.every(line => stored.includes(line));
  }

  watches(count: number): Promise<void> {
    return until(() => this.shipper.watchedFolders === count);
  }
}

test('an idle file that gets a line is read although no look at it is due', async t => {
  const folder = await Watched.start(t, each => each.append('a.log', 'one\n'));
  await folder.watches(1);
  await folder.idle(['one']);
  folder.append('a.log', 'two\n');
  await folder.stored(['one', 'two']);
  t.pass();
});

test('a new file in a watched folder is read although no look at the folder is due', async t => {
  const folder = await Watched.start(t, each => each.append('a.log', 'one\n'));
  await folder.watches(1);
  await folder.idle(['one']);
  folder.append('b.log', 'two\n');
  await folder.stored(['one', 'two']);
  t.pass();
});

test('an idle file that is renamed and followed by a new one is read on under its stream', async t => {
  const folder = await Watched.start(t, each => each.append('a.log', 'one\n'));
  await folder.watches(1);
  await folder.idle(['one']);
  folder.append('a.log', 'two\n');
  folder.rename('a.log', 'a.log.1');
  folder.append('a.log', 'three\n');
  await until(() => folder.has(['one', 'two']));
  folder.clock.advance(2500); // the old one has been quiet
  await folder.stored(['one', 'two', 'three']);
  t.is(folder.store.streams().size, 2);
});

test('what a link leads to is watched where it is', async t => {
  const folder = await Watched.start(t, each => {
    mkdirSync(join(each.root, 'elsewhere'));
    writeFileSync(join(each.root, 'elsewhere', 'real.txt'), 'one\n');
    symlinkSync(join(each.root, 'elsewhere', 'real.txt'), each.path('link.log'));
  });
  await folder.watches(2);
  await folder.idle(['one']);
  writeFileSync(join(folder.root, 'elsewhere', 'real.txt'), 'two\n', { flag: 'a' });
  await folder.stored(['one', 'two']);
  t.pass();
});

test('a folder that is replaced by another is watched again', async t => {
  const folder = await Watched.start(t, each => {
    mkdirSync(each.path('pod'));
    each.append('pod/a.log', 'one\n');
  });
  await folder.watches(2);
  await folder.idle(['one']);
  renameSync(folder.path('pod'), join(folder.root, 'old-pod'));
  mkdirSync(folder.path('pod'));
  folder.append('pod/b.log', 'two\n');
  await folder.stored(['one', 'two']);
  folder.clock.advance(2000);
  await folder.watches(2);
  await folder.idle(['one', 'two']);
  folder.append('pod/b.log', 'three\n');
  await folder.stored(['one', 'two', 'three']);
  t.pass();
});

test('a folder that speaks too much is not listened to for a minute, and nothing is lost', async t => {
  const folder = await Watched.start(t, each => each.append('a.log', 'first\n'));
  await folder.watches(1);
  await folder.idle(['first']);
  const lines = ['first'];
  while (folder.shipper.watchedFolders > 0) {
    const line = `line ${lines.length}`;
    folder.append('a.log', `${line}\n`);
    lines.push(line);
    await breath();
  }
  t.true(lines.length > folderEventsPerSecondMax);
  folder.append('a.log', 'last\n');
  lines.push('last');
  await folder.stored(lines);
  folder.clock.advance(unwatchedMs);
  await folder.watches(1);
  await folder.idle(lines);
  folder.append('a.log', 'again\n');
  await folder.stored([...lines, 'again']);
});

test('without the watch the looks find everything', async t => {
  const folder = await Watched.start(t, each => each.append('a.log', 'one\n'), { watch: false, idlePollIntervalMs: 50 });
  await folder.idle(['one']);
  folder.append('a.log', 'two\n');
  folder.append('b.log', 'three\n');
  await until(() => {
    folder.clock.advance(10);
    return folder.has(['one', 'two', 'three']);
  });
  t.is(folder.shipper.watchedFolders, 0);
});

test('after the end nothing is watched', async t => {
  const folder = await Watched.start(t, each => each.append('a.log', 'one\n'));
  await folder.watches(1);
  t.true(await folder.shipper.stop());
  t.is(folder.shipper.watchedFolders, 0);
});

/** A process that may have so many watches, and no more, tails four folders and says what it watches and what stands in the way. */
const refusedScript = `
  const { TailedFolder } = await import(${JSON.stringify(join(import.meta.dirname, '..', 'helpers', 'tailed-folder.ts'))});
  const { mkdirSync } = await import('node:fs');
  const folder = new TailedFolder({ watch: true });
  for (const name of ['x', 'y', 'z']) {
    mkdirSync(folder.path(name));
    folder.append(name + '/a.log', name + '\\n');
  }
  await folder.shipper.start();
  while (folder.shipper.problems().length === 0 || folder.storedLines().length < 3) {
    folder.clock.advance(10);
    await new Promise(resolve => setImmediate(resolve));
  }
  process.stdout.write(JSON.stringify({ watched: folder.shipper.watchedFolders, problems: folder.shipper.problems() }));
  await folder.shipper.stop();
  await folder.dispose();
`;

for (const [limit, allowed, why] of [['max_inotify_watches', 2, 'ENOSPC, see fs.inotify.max_user_watches'], ['max_inotify_instances', 0, 'EMFILE, see fs.inotify.max_user_instances']] as const) {
  test(`${limit} reached: said once, and everything is read all the same`, t => {
    // Limits of a user namespace are its own.
    const run = (script: string): ReturnType<typeof spawnSync> => spawnSync('unshare', ['--user', '--map-root-user', 'sh', '-c', script, process.execPath, refusedScript], { encoding: 'utf8' });
    if (run(`echo 0 > /proc/sys/user/${limit}`).status !== 0) {
      skipHere(t, 'no user namespace with its own limits here');
      return;
    }
    const { status, stdout, stderr } = run(`echo ${allowed} > /proc/sys/user/${limit}; exec "$0" --no-warnings --input-type=module -e "$1"`);
    t.is(status, 0, String(stderr));
    const said = JSON.parse(String(stdout)) as { watched: number; problems: { code: string; message: string }[] };
    t.is(said.watched, allowed);
    t.deepEqual(said.problems.map(({ code }) => code), ['WATCH_NOT_AVAILABLE']);
    t.regex(said.problems[0]!.message, new RegExp(`^watching is not available here \\(${why}\\): files that were quiet are looked at every 0.05 s$`));
  });
}
