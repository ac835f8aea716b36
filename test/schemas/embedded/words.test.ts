import fc from 'fast-check';
import test from 'ava';
import { packWords, unpackWords, WordSet, wordsBytesMax, wordTest } from '#schemas/embedded/words.ts';
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

test('words are runs of three letters and more, in lower case, unless hexadecimal', t => {
  t.is(wordsOf('Card DECLINED by-issuer x12ab zz z99', 'feedbeef deadbeefs card'), '\ncard\ndeadbeefs\ndeclined\nissuer\n');
  t.is(wordsOf('\u212aelvin'), '\nkelvin\n');
  const text = wordsOf('one two three');
  t.is(unpackWords(packWords(text), text.length), text);
});

test('parts of words are looked for at the ends of a text, whole words in its middle', t => {
  const words = wordsOf('payment declined by issuer');
  for (const query of ['declined', 'clin', 'DECL', '"ment declined by iss"', 'pay*issuer', 'x', '12', 'payment or nothing', '-nothing', '/nothing/', 'note:Declined', 'code:7']) t.true(wordTest(parseQuery(query))?.(words) ?? true, query);
  for (const query of ['refused', '"payment refused"', '"ment clin by"', '"declined-y"', 'declined refused', 'refused or unknown', 'note:"refused it"', 'message:refused']) t.is(wordTest(parseQuery(query))?.(words) ?? true, query === '"declined-y"', query);
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
        if (test_ !== null && !test_(words.text()!)) return false;
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
