/** The folder of real logs with expected results. Tests that need it are skipped, saying so, where it is absent; in CI its absence fails. */
import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { corpusFolder } from './corpus-folder.ts';
import { proofSkipped } from './skipped.ts';

export const hasCorpus = existsSync(corpusFolder);

/** A test over the corpus. */
export function corpusTest(title: string, run: (t: ExecutionContext) => void | Promise<void>): void {
  if (hasCorpus) test(title, run);
  else if (process.env['CI'] === 'true') test(title, t => t.fail(`the corpus is not at ${corpusFolder}`));
  else proofSkipped(title, `no corpus at ${corpusFolder}; set LEADLINE_CORPUS`);
}
