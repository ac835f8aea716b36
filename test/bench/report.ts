/** What every bench says of itself: the machine, the commit, and its figures as a table, also as a file under `reports/`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commitText, machineText } from '../helpers/ran-on.ts';

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
  const text = [
    `# ${name}`,
    '',
    `${commitText()}, ${new Date().toISOString().slice(0, 10)}; ${machineText()}.`,
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
