import fc from 'fast-check';
import test from 'ava';
import { GroupWords, mayHold, packWords, unpackWords, WordSet, wordsBytesMax, wordTest } from '#schemas/embedded/words.ts';
import { parseQuery } from '#schemas/query/parse.ts';
import { compilePredicate } from '#schemas/query/predicate.ts';
import { lineSearch } from '#schemas/query/line-search.ts';
import { anyEvent, anyNode } from '../query/sample.ts';

function wordsOf(...texts: string[]): string {
  const words = new WordSet();
  words.clear();
  for (const text of texts) words.addText(text);
  return words.text()!;
}

const may = (query: string, words: string): boolean => {
  const tested = wordTest(parseQuery(query));
  return tested === null || mayHold(tested, words);
};

test('a group says of each of its blocks whether it may hold what is looked for', t => {
  const group = GroupWords.of(new Map([['card', 1], ['declined', 3], ['discard', 4], ['payment', 2 ** 31]]));
  const blocks = (query: string): number => wordTest(parseQuery(query))!(needle => group.blocksWith(needle)) >>> 0;
  t.deepEqual(['card', '"card declined"', 'declined', 'clin', 'discard or payment', 'card payment', '"x card x"', 'refused'].map(blocks), [5, 1, 3, 3, 2 ** 31 + 4, 0, 1, 0]);
});

test('words are runs of three letters and more, in lower case, unless hexadecimal', t => {
  t.is(wordsOf('Card DECLINED by-issuer x12ab zz z99', 'feedbeef deadbeefs card'), '\ncard\ndeadbeefs\ndeclined\nissuer\n');
  t.is(wordsOf('\u212aelvin'), '\nkelvin\n');
  const text = wordsOf('one two three');
  t.is(unpackWords(packWords(text), text.length), text);
});

test('parts of words are looked for at the ends of a text, whole words in its middle', t => {
  const words = wordsOf('payment declined by issuer');
  for (const query of ['declined', 'clin', 'DECL', '"ment declined by iss"', 'pay*issuer', 'x', '12', 'payment or nothing', '-nothing', '/nothing/', 'note:Declined', 'code:7']) t.true(may(query, words), query);
  for (const query of ['refused', '"payment refused"', '"ment clin by"', '"declined-y"', 'declined refused', 'refused or unknown', 'note:"refused it"', 'message:refused']) t.is(may(query, words), query === '"declined-y"', query);
});

test('a block with more words than are kept has none', t => {
  const words = new WordSet();
  words.clear();
  const letters = (n: number): string => String(n).padStart(6, '0').replace(/\d/g, digit => 'ghijklmnop'[Number(digit)]!);
  for (let n = 0; n * 6 <= wordsBytesMax; n++) words.addText(letters(n));
  t.is(words.text(), null);
  words.clear();
  words.addText('again');
  t.is(words.text(), '\nagain\n');
});

test('no line whose event matches is passed over by its words or by a look at all lines', t => {
  let matched = 0;
  fc.assert(
    fc.property(anyNode, fc.array(anyEvent, { minLength: 20, maxLength: 20 }), (node, events) => {
      const test_ = wordTest(node);
      const search = lineSearch(node);
      for (const event of events.filter(compilePredicate(node))) {
        matched += 1;
        const words = new WordSet();
        words.clear();
        words.addText(Buffer.from(event.raw).toString('utf8'));
        words.addText(event.message);
        for (const value of Object.values(event.fields)) words.addValue(value);
        if (test_ !== null && !mayHold(test_, words.text()!)) return false;
        // The same words in a group, as the third of its blocks.
        if (test_ !== null) {
          const group = GroupWords.unpack(GroupWords.of(new Map(words.text()!.slice(1, -1).split('\n').map(word => [word, 4]))).pack(), words.text()!.length);
          if (test_(needle => group.blocksWith(needle)) === 0) return false;
        }
        if (search !== null) {
          search.lastIndex = 0;
          // Lines that are not ASCII are looked at anyway.
          if (/^[\x00-\x7f]*$/.test(event.message) && !search.test(event.message)) return false;
        }
      }
      return true;
    }),
    { numRuns: 3000 },
  );
  t.true(matched > 1000);
});
