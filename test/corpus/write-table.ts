/** Writes the corpus table into docs/formats.md: `npm run corpus`. With `-- --misses` the misses, with log content, go to standard output. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpusSets } from './sets.ts';
import { tableOf, withTable } from './table.ts';
import { Tally } from './tally.ts';

const path = join(import.meta.dirname, '../../docs/formats.md');
const tallies = Object.entries(corpusSets).map(([name, count]) => {
  const tally = new Tally(name);
  count(tally);
  return tally;
});
writeFileSync(path, withTable(readFileSync(path, 'utf8'), tableOf(tallies)));
for (const tally of tallies) process.stdout.write(`${tally.set}: ${tally.right} / ${tally.of}\n`);
if (process.argv.includes('--misses')) for (const example of tallies.flatMap(tally => tally.examples)) process.stdout.write(`${example.slice(0, 600)}\n`);
