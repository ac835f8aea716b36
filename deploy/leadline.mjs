#!/usr/bin/env node
// Starts leadline.ts under Node 24: in this process where that is what runs it, else in a child under the one that the `node` package brings.
//
// The compile cache matters: without it each thread loads a TypeScript compiler to strip types, some 25 MB apiece and most of the time of a start.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bundledNode = join(root, 'node_modules', 'node', 'bin', 'node');

// A small young generation: the default, 16 MB a half, is mostly empty room for what we do.
const flags = ['--no-warnings', '--max-semi-space-size=1'];
// One arena of glibc for all threads, some 8 MB less under load; and its own thresholds, fixed: they would grow with what is freed, and what was freed then
// stays in the process (10 MB with 10,000 files).
const malloc = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };
const hasFlags = process.execArgv.some(flag => flag.startsWith('--max-semi-space-size'));

if (Number(process.versions.node.split('.')[0]) >= 24) {
  // The same process, begun again with the flags that only a start can give.
  if (!hasFlags && typeof process.execve === 'function') {
    try {
      process.execve(process.execPath, [process.execPath, ...process.execArgv, ...flags, fileURLToPath(import.meta.url), ...process.argv.slice(2)], { ...malloc, ...process.env });
    } catch {
      // Where that is forbidden it goes on as it is: larger, and with warnings.
    }
  }
  // A folder that cannot be written, as in a read-only container, only means that there is no cache.
  module.enableCompileCache(join(root, 'node_modules', '.cache', 'leadline'));
  await import('../leadline.ts');
} else if (existsSync(bundledNode)) {
  const child = spawn(bundledNode, [...flags, fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit', env: { ...malloc, ...process.env } });
  // A terminal sends Ctrl-C to both processes, so only the others are passed on.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.on('SIGHUP', () => child.kill('SIGHUP'));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
} else {
  console.error(`leadline: the dependencies are not installed yet. Run: npm ci --prefix ${root}`);
  process.exit(3);
}
