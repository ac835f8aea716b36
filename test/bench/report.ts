/** What every bench says of itself: the machine, the commit, and its figures as a table, also as a file under `reports/`. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';

export interface Figure {
  what: string;
  value: string;
  /** The goal, or the limit it stands beside. */
  beside: string;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

export function report(name: string, figures: readonly Figure[]): void {
  reportTable(name, ['what', 'measured', 'beside'], figures.map(({ what, value, beside }) => [what, value, beside]));
}

/** @param notes sentences below the table: how it was measured, what is not like for like */
export function reportTable(name: string, columns: readonly string[], rows: readonly (readonly string[])[], notes: readonly string[] = []): void {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain') === '' ? '' : ' with changes on top';
  const text = [
    `# ${name}`,
    '',
    `Commit ${git('rev-parse', '--short', 'HEAD')}${changed}, ${new Date().toISOString().slice(0, 10)}; Node ${process.versions.node}; ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB; load ${loadavg()[0]!.toFixed(1)} at the end.`,
    '',
    `| ${columns.join(' | ')} |`,
    `| ${columns.map(() => '---').join(' | ')} |`,
    ...rows.map(row => `| ${row.join(' | ')} |`),
    ...(notes.length === 0 ? [] : ['', ...notes.map(note => `- ${note}`)]),
    '',
  ].join('\n');
  const folder = join(import.meta.dirname, 'reports');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.md`), text);
  process.stdout.write(text);
}
