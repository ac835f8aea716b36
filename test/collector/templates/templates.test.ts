import test from 'ava';
import fc from 'fast-check';
import { Templates } from '../../../collector/templates/templates.ts';
import { corpusTest } from '../../helpers/corpus.ts';
import { corpusText } from '../formats/corpus.ts';
import { groupingAccuracy, readCsv } from './grouping-accuracy.ts';

const limits = { templatesPerServiceMax: 20_000, templatesMax: 200_000 };
const templateOf = (message: string): string => new Templates(limits).of('shop', message);

for (const [message, template] of [
  ['order 4711 placed in 12 ms', 'order <*> placed in <*>'],
  ['order 4711 placed.', 'order <*> placed.'],
  ['took 12.', 'took <*>.'],
  ['connected to 10.0.0.1:5432', 'connected to <*>'],
  ['connected to db.example.com:5432', 'connected to <*>'],
  ['GET https://shop.example/cart?x=1 failed', 'GET https:<*> failed'],
  ['read /var/log/a.log and not read/write', 'read <*> and not read/write'],
  ['mail to ann@example.org bounced', 'mail to <*> bounced'],
  ['commit deadbeefcafe rejected, facade is a word', 'commit <*> rejected, facade is a word'],
  ['user=ann role= state="not here" done', 'user=<*> role=<*> state="<*>" done'],
  ['a == b, a => b, x=[1, 2]', 'a == b, a => b, x=[<*>]'],
  ["can't open 'the file' it's gone", "can't open '<*>' it's gone"],
  ['said "one ""two " end', 'said "<*>" end'],
  ['an open "quote without end', 'an open "quote without end'],
  ['java.io.IOException: reset', 'java.io.IOException: reset'],
  ['ids 1, 2, 3', 'ids <*>'],
  ['ids 1, 2, 3, 4 5:6', 'ids <*>'],
  ["ids ['a', 'b', 'c']", "ids ['<*>']"],
  ['[id:"a" n:1 id:"b" n:2 id:"c" n:3 ]', '[id:"<*>" n:<*> ]'],
  ['{"a": 1, "b": 2}', '{"<*>": <*>}'],
  ['from 1 to 2', 'from <*> to <*>'],
  ['since Fri Jun 17 07:07:00 2005', 'since <*>'],
  ['used 5.2 KB of 1 MB', 'used <*> of <*>'],
  ['User alice logged in', 'User <*> logged in'],
  ['user authentication failed', 'user authentication failed'],
  ['opened for user cyrus by root', 'opened for user <*> by root'],
  ['用户123登录失败', '用户<*>登录失败'],
  ['  two   spaces\tand a tab ', 'two spaces and a tab'],
  ['', ''],
  ['4711', '<*>'],
] as const) {
  test(`the template of "${message}" is "${template}"`, t => t.is(templateOf(message), template));
}

const word = fc.oneof(fc.constantFrom('order', 'user', 'a=', '"', "'", ' ', ',', '=', '/', '.', '用', 'for', 'from', '10.0.0.1', 'x7', '…', '\\', 'Jun', '<*>', 'deadbeef'), fc.string({ maxLength: 6 }));
const messages = fc.array(fc.array(word, { maxLength: 30 }).map(words => words.join('')), { maxLength: 30 });

test('a message has the same template whatever came before it, in any order, in any instance', t => {
  fc.assert(fc.property(messages, all => {
    const [forwards, backwards] = [new Templates(limits), new Templates({ ...limits, templatesMax: 100_000 })];
    const seen = new Map(all.map(message => [message, forwards.of('a', message)]));
    for (const message of all.toReversed()) if (backwards.of(null, message) !== seen.get(message) || templateOf(message) !== seen.get(message)) return false;
    // Known by their wording now.
    return all.every(message => forwards.of('a', message) === seen.get(message));
  }), { numRuns: 500 });
  t.pass();
});

test('a message of any length costs no more than its first kilobyte: what follows is not told apart, nor is a word cut in two', t => {
  const start = 'a list of blocks: ';
  t.is(templateOf(start + Array.from({ length: 500 }, (_, n) => `blk_${n}`).join(' ')), `${start}<*>`);
  t.is(templateOf(`${start}blk_1 blk_2`), `${start}<*>`);
  t.true(templateOf('word '.repeat(10_000)).length <= 401);
  t.is(templateOf('x'.repeat(5000)), templateOf('x'.repeat(6000)));
});

test('beyond a limit new templates overflow and are counted, those that are known stay, and other services go on', t => {
  const templates = new Templates({ templatesPerServiceMax: 2, templatesMax: 3 });
  t.deepEqual(['a', 'b', 'c', 'a', 'c'].map(message => templates.of('one', message)), ['a', 'b', '<overflow>', 'a', '<overflow>']);
  t.deepEqual(['c', 'd', 'c'].map(message => templates.of('two', message)), ['c', '<overflow>', 'c']);
  t.deepEqual([templates.size, templates.overflowed], [3, 3]);
});

test('wordings that are forgotten get the same template again', t => {
  const templates = new Templates({ templatesPerServiceMax: 3, templatesMax: 3 });
  for (const name of 'abcdefghijklmnop') t.is(templates.of('one', `opened for user ${name}`), 'opened for user <*>');
  t.deepEqual([templates.size, templates.overflowed], [1, 0]);
});

test('grouping accuracy counts the lines of groups that are exactly a group of the truth', t => {
  t.is(groupingAccuracy(['x', 'x', 'y', 'z', 'z'], ['1', '1', '2', '3', '2']), 2 / 5);
});

for (const [set, goal] of [['Apache', 1], ['HDFS', 1], ['Hadoop', 0.98], ['Linux', 0.75], ['OpenSSH', 1], ['Spark', 0.99], ['Zookeeper', 0.99]] as const) {
  corpusTest(`grouping accuracy of ${set} is at least ${goal}`, t => {
    const rows = readCsv(corpusText(t, `loghub/${set}/${set}_2k.log_structured.csv.gz`)!);
    const [header] = rows.splice(0, 1);
    const [content, truth] = ['Content', 'EventTemplate'].map(name => rows.map(row => row[header!.indexOf(name)]!)) as [string[], string[]];
    t.is(content.length, 2000);
    const templates = new Templates(limits);
    const accuracy = groupingAccuracy(content.map(message => templates.of(set, message)), truth);
    t.log(`${set}: ${accuracy.toFixed(4)}, ${templates.size} templates`);
    t.true(accuracy >= goal, String(accuracy));
  });
}
