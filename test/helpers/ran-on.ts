/** What a report says of where its figures come from. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';

const git = (...args: string[]): string => {
  try {
    return execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
};

/** Short, as file names have it. */
export function commitOf(): string {
  return git('rev-parse', '--short', 'HEAD') || 'no-commit';
}

/** `Commit 1a2b3c4`; says so where files differ from it. */
export function commitText(): string {
  return `Commit ${commitOf()}${git('status', '--porcelain') === '' ? '' : ' with changes on top'}`;
}

/** Node, processors, memory, and how busy the machine was. */
export function machineText(): string {
  return `Node ${process.versions.node}; ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB; load ${loadavg()[0]!.toFixed(1)} at the end`;
}
