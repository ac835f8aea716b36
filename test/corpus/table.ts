/** The tallies as a table, and the table's numbers read back: what the test holds. */
import { kinds, type Count, type Tally } from './tally.ts';

const begin = '<!-- corpus table: npm run corpus -->';
const end = '<!-- end of the corpus table -->';

const all = 'all';

export function tableOf(tallies: readonly Tally[]): string {
  const rows = tallies.map(({ set, counts, right, of }) => rowOf(set, { right, of }, kinds.map(kind => counts.get(kind))));
  const sums = kinds.map(kind => sumOf(tallies.flatMap(({ counts }) => counts.get(kind) ?? [])));
  rows.push(rowOf(all, sumOf(sums), sums));
  const misses = tallies.flatMap(tally => tally.misses.map(({ kind, reason, count }) => `| ${tally.set} | ${kind} | ${count} | ${reason} |`));
  return [
    begin,
    `| set | right / of | ${kinds.join(' | ')} |`,
    `| --- | --- | ${kinds.map(() => '---').join(' | ')} |`,
    ...rows,
    '',
    'Every miss:',
    '',
    '| set | kind | count | reason |',
    '| --- | --- | --- | --- |',
    ...misses,
    end,
  ].join('\n');
}

function rowOf(set: string, total: Count, counts: readonly (Count | undefined)[]): string {
  return `| ${set} | ${total.right} / ${total.of} | ${counts.map(count => (count === undefined ? '' : `${count.right} / ${count.of}`)).join(' | ')} |`;
}

function sumOf(counts: readonly Count[]): Count {
  return { right: counts.reduce((sum, { right }) => sum + right, 0), of: counts.reduce((sum, { of }) => sum + of, 0) };
}

export function withTable(page: string, table: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page has no lines ${begin} and ${end}`);
  return page.slice(0, from) + table + page.slice(to + end.length);
}

/** Set -> kind -> numbers of a page's table, the sums left out. */
export function numbersOf(page: string): Map<string, Map<string, { right: number; of: number }>> {
  const table = page.slice(page.indexOf(begin), page.indexOf('Every miss:'));
  return new Map(
    table.split('\n').filter(line => line.startsWith('| ') && !line.startsWith(`| ${all} |`)).slice(2).map(line => {
      const [, set, , ...cells] = line.split('|').map(cell => cell.trim());
      const numbers = kinds.flatMap((kind, index) => {
        const match = /^(\d+) \/ (\d+)$/.exec(cells[index] ?? '');
        return match === null ? [] : [[kind, { right: Number(match[1]), of: Number(match[2]) }] as const];
      });
      return [set!, new Map<string, { right: number; of: number }>(numbers)];
    }),
  );
}
