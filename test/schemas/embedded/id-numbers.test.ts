import test from 'ava';
import { canonicalId, idHash } from '#schemas/canonical-id.ts';
import { idListOf, noHash, numbersIn } from '#schemas/embedded/id-list.ts';
import { IdNumbers } from '#schemas/embedded/id-numbers.ts';

test('each spelling has one number, in the order of coming, for one block after the other', t => {
  const ids = new IdNumbers();
  for (const count of [5, 40_000, 100]) {
    ids.clear();
    for (let turn = 0; turn < 2; turn++) for (let index = 0; index < count; index++) if (ids.numberOf(`req-${index}-${count}`) !== index) t.fail(`${index} of ${count}`);
    t.is(ids.size, count);
    t.is(ids.hashes.length, count);
  }
});

test('an id is found under every number of its spellings, and what is no id under none', t => {
  const ids = new IdNumbers();
  const spellings = ['4BF92F3577B34DA6A3CE929D0E0E4736', 'other', '4bf92f3577b34da6a3ce929d0e0e4736', '-', '4bf92f35-77b3-4da6-a3ce-929d0e0e4736'];
  for (const spelling of spellings) ids.numberOf(spelling);
  const list = idListOf(ids.hashes);
  t.is(ids.hashes[3], noHash);
  t.is(list.hashes.length, 4);
  t.deepEqual(numbersIn(list, idHash(canonicalId(spellings[0]!)!)), [0, 2, 4]);
  t.deepEqual(numbersIn(list, idHash('other')), [1]);
});
