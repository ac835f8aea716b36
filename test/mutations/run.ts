/**
 * `npm run mutations`: takes each defence away in a scratch copy of the tree and runs what must then fail. A mutation that survives is a defence
 * without a proof, or no defence. `--only NAME,...` runs some.
 */
import { spawn } from 'node:child_process';
import { cpSync, chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { commitText, machineText } from '../helpers/ran-on.ts';
import type { CampaignProof, Mutation } from './mutation.ts';
import { collectingMutations } from './collecting.ts';
import { shippingMutations } from './shipping.ts';
import { readingMutations } from './reading.ts';

const root = join(import.meta.dirname, '../..');
const { values } = parseArgs({ options: { only: { type: 'string' }, seed: { type: 'string', default: '1' }, list: { type: 'boolean', default: false } } });
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** What the mutated tree needs not have. */
const leftOut: ReadonlySet<string> = new Set(['node_modules', '.git', 'test/bench/reports', 'test/campaign/reports']);

function scratchCopy({ edits }: Mutation): string {
  const folder = mkdtempSync(join(tmpdir(), 'leadline-mutation-'));
  chmodSync(folder, 0o755);
  cpSync(root, folder, { recursive: true, filter: source => !leftOut.has(relative(root, source)) });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const { file, search, replace } of edits) {
    const text = readFileSync(join(folder, file), 'utf8');
    writeFileSync(join(folder, file), text.replace(search, () => replace));
  }
  return folder;
}

/** Edits that do not stand in the code exactly once. */
function misfits({ edits }: Mutation): string[] {
  return edits.flatMap(({ file, search }) => {
    const count = readFileSync(join(root, file), 'utf8').split(search).length - 1;
    return count === 1 ? [] : [`${file} has it ${count} times: ${search}`];
  });
}

/** @param minutesMax a tree that never comes to its end is stopped: `code` is null then */
function run(args: readonly string[], cwd: string, minutesMax = 15): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--no-warnings', ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_OPTIONS: '' } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), minutesMax * 60_000);
  return new Promise(resolve =>
    child.on('close', code => {
      clearTimeout(timer);
      resolve({ code, output });
    }));
}

function campaignArgs({ kinds, logs, cells = 'a:1:1', faults, minutes, linesPerS }: CampaignProof, tree: string): string[] {
  return [
    join(root, 'test/campaign/run.ts'), '--tree', tree, '--seed', values.seed, '--cells', cells, '--faults', String(faults), '--minutes', String(minutes), '--kinds', kinds.join(','), '--harsh', '0', '--cases', 'none', '--no-report',
    ...(logs === undefined ? [] : ['--logs', logs.join(',')]),
    ...(linesPerS === undefined ? [] : ['--rate', String(linesPerS)]),
  ];
}

const passed = new Map<string, Promise<boolean>>();

/** Tests that fail anyway prove nothing. */
function passAsItIs(tests: readonly string[]): Promise<boolean> {
  const name = tests.join(' ');
  let passes = passed.get(name);
  if (passes === undefined) passed.set(name, (passes = run([join(root, 'node_modules/ava/entrypoints/cli.js'), ...tests], root).then(({ code }) => code === 0)));
  return passes;
}

type Verdict = 'found' | 'SURVIVED' | 'DOES NOT FIT' | 'DID NOT RUN';

async function tryOut(mutation: Mutation): Promise<{ verdict: Verdict; evidence: string }> {
  const wrong = misfits(mutation);
  if (wrong.length > 0) return { verdict: 'DOES NOT FIT', evidence: wrong.join('; ') };
  const tree = scratchCopy(mutation);
  try {
    if ('campaign' in mutation.proof) {
      const { code, output } = await run(campaignArgs(mutation.proof.campaign, tree), root);
      const complaints = output.split('\n').filter(line => line.startsWith('- cell '));
      // What is lost or doubled says more than what the parts cried meanwhile.
      const evidence = (complaints.find(line => /lines (?:lost|stored twice)/.test(line)) ?? complaints.find(line => line.includes('the auditor')) ?? complaints[0])?.slice(2, 260) ?? output.split('\n').filter(line => line !== '').at(-1) ?? '';
      return { verdict: code === 0 ? 'SURVIVED' : complaints.length > 0 ? 'found' : 'DID NOT RUN', evidence };
    }
    if (!(await passAsItIs(mutation.proof.tests))) return { verdict: 'DID NOT RUN', evidence: 'the tests fail without it, too' };
    // One that waits for what never comes is noticed, too.
    const { code, output } = await run([join(root, 'node_modules/ava/entrypoints/cli.js'), '--timeout=60s', ...mutation.proof.tests], tree);
    const failed = output.split('\n').map(line => line.replace(/\u001b\[[0-9;]*m/g, '').trim()).filter(line => line.startsWith('✘'));
    return { verdict: code === 0 ? 'SURVIVED' : failed.length > 0 ? 'found' : 'DID NOT RUN', evidence: failed[0]?.slice(0, 260) ?? output.slice(-260) };
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

const mutations = [...shippingMutations, ...collectingMutations, ...readingMutations];
const only = values.only?.split(',');
const chosen = mutations.filter(({ name }) => only === undefined || only.includes(name));
if (values.list) {
  for (const mutation of chosen) say(`${mutation.name}: without "${mutation.without}"${misfits(mutation).map(problem => `\n  DOES NOT FIT: ${problem}`).join('')}`);
  process.exit(chosen.some(mutation => misfits(mutation).length > 0) ? 1 : 0);
}
const rows: string[] = [];
let isAllFound = true;
for (const mutation of chosen) {
  const beganMs = Date.now();
  const { verdict, evidence } = await tryOut(mutation);
  if (verdict !== 'found') isAllFound = false;
  const by = 'campaign' in mutation.proof ? mutation.proof.campaign.kinds.join(', ') : mutation.proof.tests.join(', ');
  say(`${mutation.name}: ${verdict} after ${((Date.now() - beganMs) / 1000).toFixed(0)} s; ${evidence}`);
  rows.push(`| ${mutation.name} | ${mutation.without} | ${by} | ${verdict} | ${evidence.replaceAll('|', '/').replaceAll('`', "'")} |`);
}
const text = ['# Mutations', '', `${commitText()}, ${new Date().toISOString().slice(0, 10)}; seed ${values.seed}; ${machineText()}.`, '', '| mutation | without this defence | tried by | verdict | first evidence |', '| --- | --- | --- | --- | --- |', ...rows, ''].join('\n');
say(`\n${text}`);
if (only === undefined) {
  const reports = join(root, 'test/campaign/reports');
  mkdirSync(reports, { recursive: true });
  writeFileSync(join(reports, 'mutations.md'), text);
}
process.exit(isAllFound ? 0 : 1);
