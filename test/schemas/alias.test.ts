import test from 'ava';
import { canonicalIdsOf, edgesOf } from '#schemas/alias.ts';
import { madeEvent } from '../contract/made-up.ts';
import { idsOf } from '../query/timeline/lines.ts';

const edges = (ids: string): string[] => edgesOf(madeEvent('a', 0, 1, { ids: idsOf(ids) })).map(({ lower, higher, peers }) => `${lower.value} ${peers ? '=' : '<'} ${higher.value}`);

for (const [ids, expected] of [
  ['T:trace', []],
  ['T:trace R:one R:two C:corr S:span', ['one < trace', 'two < trace', 'corr < trace', 'span < trace']],
  ['S:span R:one', ['span < one']],
  ['C:corr R:one S:span', ['corr = one', 'span < one']],
  ['R:one R:two', ['two = one']],
  ['S:one S:two', []],
  ['T:one T:two R:three', []],
  ['T:Trace R:TRACE S:span', ['span < Trace']],
  ['T:trace U:session', []],
  ['T:trace R:- S:0000', []],
] as [string, string[]][]) {
  test(`a line with ${ids} proves ${expected.length === 0 ? 'nothing' : expected.join(', ')}`, t => {
    t.deepEqual(edges(ids), expected);
  });
}

test('an edge names the line that proves it', t => {
  t.is(edgesOf(madeEvent('a', 7, 9, { ids: idsOf('T:trace S:span') }))[0]?.proofEventId, 'a:7');
});

test('placeholders have no canonical form', t => {
  t.deepEqual(canonicalIdsOf(madeEvent('a', 0, 1, { ids: idsOf('T:ABC1 R:- U:undefined') })).map(({ canonical }) => canonical), ['abc1']);
});
