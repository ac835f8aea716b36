import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { startPeer, type Peer } from './peer.ts';

const root = join(import.meta.dirname, '../../..');

/** What the container image gives to Node, in a container of 128 MB. */
export const nodeFlags = ['--no-warnings', '--max-semi-space-size=1', '--max-old-space-size=64'];
const environment = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };

/** As an installation does: V8's cache depends on the flags, and a start without it loads a compiler of some 25 MB. */
export function warmCompileCache(): void {
  for (const program of [['warm.mjs'], ['leadline.mjs', '--version']]) execFileSync(process.execPath, [...nodeFlags, join(root, 'deploy', program[0]!), ...program.slice(1)], { stdio: 'ignore', env: { ...process.env, NODE_OPTIONS: '' } });
}

/** The topic is `PREFIX.chunks`. */
export function shipArguments(run: { brokers: readonly string[]; topic: string; folder: string }, paths: readonly string[], more: readonly string[] = []): string[] {
  return [...nodeFlags, join(root, 'deploy', 'leadline.mjs'), 'ship', ...paths, '--kafka', run.brokers.join(','), '--topic-prefix', run.topic.replace(/\.chunks$/, ''), '--data-dir', join(run.folder, 'data'), '--port', '0', ...more];
}

export const leadline = (name: string, more: readonly string[] = []): Peer => ({
  name,
  recordHolds: 'chunk',
  endSeenBy: 'byteRange',
  sendsTheFile: true,
  start: run => startPeer(process.execPath, shipArguments(run, [run.file], more), environment),
});
