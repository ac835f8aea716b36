import test from 'ava';
import { episodeTable, messagesFor, type EpisodeState, type SpanInput } from '../../../query/alerts/episode.ts';

const cells: [EpisodeState, SpanInput, EpisodeState, string[]][] = [
  ['inactive', 'running', 'firing', ['open']],
  ['inactive', 'over', 'resolved', ['open', 'resolve']],
  ['firing', 'running', 'firing', []],
  ['firing', 'over', 'resolved', ['resolve']],
  ['resolved', 'running', 'firing', ['open']],
  ['resolved', 'over', 'resolved', []],
];
for (const [state, input, next, tell] of cells) {
  test(`${state}, ${input}: next is ${next} and told is ${tell.join(', ') || 'nothing'}`, t => {
    t.deepEqual(episodeTable[state][input], { next, tell } as (typeof episodeTable)[EpisodeState][SpanInput]);
  });
}

test('an episode nobody may be told of says nothing, not even its end', t => {
  t.deepEqual(messagesFor(episodeTable.inactive.over, false, false), []);
  t.deepEqual(messagesFor(episodeTable.firing.over, false, false), []);
});

test('an episode that becomes recent enough is told from its opening on', t => {
  t.deepEqual(messagesFor(episodeTable.firing.running, false, true), ['open']);
  t.deepEqual(messagesFor(episodeTable.resolved.over, false, true), ['open', 'resolve']);
});

test('the end of an episode that was told is told however old it is by then', t => {
  t.deepEqual(messagesFor(episodeTable.firing.over, true, false), ['resolve']);
});
