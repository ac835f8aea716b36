#!/usr/bin/env node
// Runs leadline.ts under the Node 24 that the `node` package brings, whatever Node started this. A terminal sends Ctrl-C to both processes, so only
// SIGTERM is passed on.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const program = join(root, 'leadline.ts');
const bundledNode = join(root, 'node_modules', 'node', 'bin', 'node');
if (!existsSync(bundledNode)) {
  console.error(`leadline: the dependencies are not installed yet. Run: npm ci --prefix ${root}`);
  process.exit(3);
}
const child = spawn(bundledNode, ['--no-warnings', program, ...process.argv.slice(2)], { stdio: 'inherit' });
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
process.on('SIGHUP', () => child.kill('SIGHUP'));
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
