import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { corpusTest } from '../helpers/corpus.ts';
import { corpusSets } from './sets.ts';
import { numbersOf } from './table.ts';
import { Tally, unexplained } from './tally.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/formats.md'), 'utf8');
const held = numbersOf(page);

test('the table in docs/formats.md has every set', t => {
  t.deepEqual([...held.keys()], Object.keys(corpusSets));
});

for (const [name, count] of Object.entries(corpusSets)) {
  corpusTest(`${name}: no less is right than docs/formats.md says, and no miss is without a reason`, t => {
    const tally = new Tally(name);
    count(tally);
    for (const [kind, { right, of }] of held.get(name)!) {
      const found = tally.counts.get(kind as never);
      t.is(found?.of, of, kind);
      t.true((found?.right ?? 0) >= right, `${kind}: ${found?.right} of ${of}, ${right} before. ${tally.examples.slice(0, 5).join('\n')}`);
    }
    t.deepEqual(tally.misses.filter(({ reason }) => reason === unexplained), []);
    t.deepEqual([...tally.counts.keys()].filter(kind => !held.get(name)!.has(kind)), []);
  });
}
