/** One command of Leadline as a child process, run to its end, with what it said. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

const root = join(import.meta.dirname, '../..');
/** The smallest id that is nobody's on the machine, for what root may read and others may not. */
export const nobody = 65_534;
export const isRoot = process.getuid?.() === 0;

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CommandSettings {
  /** Folder to run in, for relative paths; the repository's without it. */
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Standard input; closed and empty without it. */
  input?: string | Buffer;
  /** Runs as this user and group. Only root may ask for it. */
  uid?: number;
  /** Flags for Node itself. */
  nodeFlags?: readonly string[];
}

/** The environment without our own variables, which would be options of the child. */
function bareEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LEADLINE_') && name !== 'NODE_OPTIONS'));
}

export function startCommand(args: readonly string[], { cwd = root, env = {}, uid, nodeFlags = [] }: CommandSettings = {}) {
  return spawn(process.execPath, ['--no-warnings', ...nodeFlags, join(root, 'deploy', 'leadline.mjs'), ...args], { cwd, env: { ...bareEnvironment(), ...env }, stdio: ['pipe', 'pipe', 'pipe'], ...(uid === undefined ? {} : { uid, gid: uid }) });
}

export async function runCommand(args: readonly string[], settings: CommandSettings = {}): Promise<Ended> {
  const child = startCommand(args, settings);
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  // A command that never reads its input closes it.
  child.stdin.on('error', () => undefined);
  child.stdin.end(settings.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...said };
}

/** It ended with this code, with sentences that say each of these, and without a look into its inside. */
export function said(t: ExecutionContext, ended: Ended, code: number, ...parts: readonly (string | RegExp)[]): void {
  t.is(ended.code, code, ended.stderr);
  t.notRegex(ended.stderr, /^\s+at |should not have|node:internal|undefined/m);
  for (const part of parts) {
    if (typeof part === 'string') t.true(ended.stderr.includes(part), `expected "${part}" in:\n${ended.stderr}`);
    else t.regex(ended.stderr, part);
  }
}

/** NDJSON of a command as values. */
export function rows<T>(ended: Ended): T[] {
  return ended.stdout.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as T);
}
