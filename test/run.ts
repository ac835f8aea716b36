/** `npm test`: types, lint and every test, then the proofs that had to be skipped, by name, then the line that counts. Arguments go to AVA. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'leadline-test-'));
const skippedFile = join(folder, 'skipped');
writeFileSync(skippedFile, '');

/** @returns the exit code; each line of output goes through. */
function run(script: string, args: readonly string[], onLine: (line: string) => void = () => undefined): Promise<number> {
  const child = spawn(process.execPath, ['--no-warnings', join(root, 'node_modules', script), ...args], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, LEADLINE_SKIPPED_FILE: skippedFile, NODE_OPTIONS: '' } });
  createInterface({ input: child.stdout }).on('line', line => {
    onLine(line);
    process.stdout.write(`${line}\n`);
  });
  return new Promise(resolve => {
    child.on('close', code => resolve(code ?? 1));
    // A server or container that a test left behind may hold the pipe open for ever; what the runner itself wrote has long arrived then.
    child.on('exit', code => setTimeout(() => resolve(code ?? 1), 5000));
  });
}

const argv = process.argv.slice(2);
const counts = { passed: 0, failed: 0 };
const count = (passed: boolean): void => {
  if (passed) counts.passed += 1;
  else counts.failed += 1;
};
if (argv.length === 0) {
  count((await run('typescript/bin/tsc', ['--noEmit', '-p', '.'])) === 0);
  count((await run('eslint/bin/eslint.js', ['.'])) === 0);
}
const code = await run('ava/entrypoints/cli.js', [...argv], line => {
  const text = line.replace(/\u001b\[[0-9;]*m/g, '');
  // One mark a test; what fails outside of any test is only in the summary.
  if (/^\s*✔ /.test(text)) counts.passed += 1;
  else if (/^\s*✘ \[fail\]/.test(text)) counts.failed += 1;
  else counts.failed += Number(/^\s*(\d+) (?:hooks? failed|uncaught exceptions?|unhandled rejections?|tests? remained pending)/.exec(text)?.[1] ?? 0);
});
// A runner that ends badly without a count, as on a crash, must not look like success.
if (code !== 0 && counts.failed === 0) counts.failed = 1;

const skipped = readFileSync(skippedFile, 'utf8').split('\n').filter(line => line !== '').map(line => JSON.parse(line) as { title: string; why: string });
rmSync(folder, { recursive: true });
if (skipped.length > 0) {
  process.stdout.write(`\n${skipped.length} proofs were skipped:\n`);
  for (const { title, why } of skipped) process.stdout.write(`  - ${title} (${why})\n`);
}
process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed\n`);
process.exit(counts.failed === 0 && code === 0 ? 0 : 1);
