// Makes a fresh clone ready before `npm start` and `npm test`: installs the locked dependencies when they are missing or older than the lock file,
// and builds the page when its sources are newer. Plain JavaScript, because it runs under whatever Node there is.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const timeOf = path => (existsSync(path) ? statSync(path).mtimeMs : 0);
const newestIn = folder => Math.max(0, ...readdirSync(folder, { withFileTypes: true }).filter(entry => entry.name !== 'dist').map(entry => (entry.isDirectory() ? newestIn(join(folder, entry.name)) : timeOf(join(folder, entry.name)))));

function run(command, args, what) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.status === 0) return;
  console.error(`leadline: ${what} failed (${result.error?.message ?? `exit ${result.status}`}). Run it by hand to see more: ${command} ${args.join(' ')}`);
  process.exit(3);
}

const bundledNode = join(root, 'node_modules', 'node', 'bin', 'node');
const installed = join(root, 'node_modules', '.package-lock.json');
if (!existsSync(bundledNode) || timeOf(installed) < timeOf(join(root, 'package-lock.json'))) {
  console.error('leadline: installing dependencies (once) ...');
  run('npm', ['ci', '--loglevel=error', '--no-fund', '--no-audit'], 'installing the dependencies');
  run(bundledNode, ['--no-warnings', '--max-semi-space-size=1', join(root, 'deploy', 'warm.mjs')], 'filling the compile cache');
  // And of leadline.ts, which cannot be imported without starting it.
  spawnSync(bundledNode, ['--no-warnings', '--max-semi-space-size=1', join(root, 'deploy', 'leadline.mjs'), '--version'], { cwd: root, stdio: 'ignore' });
}
const web = join(root, 'query', 'web');
if (timeOf(join(web, 'dist', 'app.js')) < Math.max(newestIn(web), timeOf(join(root, 'schemas', 'http-api.ts')))) run(bundledNode, [join(web, 'build.mjs')], 'building the page');
