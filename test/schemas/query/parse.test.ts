import fc from 'fast-check';
import test from 'ava';
import type { Node } from '#schemas/query/ast.ts';
import { fieldsUsed, parseQuery, queryLengthMax, queryDepthMax, QuerySyntaxError } from '#schemas/query/parse.ts';

const filter = (text: string): Node => parseQuery(text, { nowMs: 0 }).filter;
const text = (...parts: string[]): Node => ({ type: 'text', parts });
const equals = (field: string, value: string): Node => ({ type: 'equals', field, value });

const meanings: [string, Node][] = [
  ['', { type: 'all' }],
  ['  ', { type: 'all' }],
  ['*', { type: 'all' }],
  ['declined', text('declined')],
  ['"card declined"', text('card declined')],
  ['"say \\"no\\" in C:\\logs\\\\x"', text('say "no" in C:\\logs\\x')],
  ['card*declined', text('card', 'declined')],
  ['"two words"*"more words"', text('two words', 'more words')],
  ['a b', { type: 'and', nodes: [text('a'), text('b')] }],
  ['a and b AND c', { type: 'and', nodes: [text('a'), text('b'), text('c')] }],
  ['a or b c', { type: 'or', nodes: [text('a'), { type: 'and', nodes: [text('b'), text('c')] }] }],
  ['(a or b) c', { type: 'and', nodes: [{ type: 'or', nodes: [text('a'), text('b')] }, text('c')] }],
  ['(a)or(b)', { type: 'or', nodes: [text('a'), text('b')] }],
  ['not a b', { type: 'and', nodes: [{ type: 'not', node: text('a') }, text('b')] }],
  ['-a', { type: 'not', node: text('a') }],
  ['-(a or b)', { type: 'not', node: { type: 'or', nodes: [text('a'), text('b')] } }],
  ['!request.id:*', { type: 'not', node: { type: 'exists', field: 'request.id' } }],
  ['--verbose', text('--verbose')],
  ['"and"', text('and')],
  ['android', text('android')],
  ['service:payment', equals('service', 'payment')],
  ['field:"two words"', equals('field', 'two words')],
  ['field:""', equals('field', '')],
  ['field:pre*', { type: 'glob', field: 'field', parts: ['pre', ''] }],
  ['field:"two wor"*', { type: 'glob', field: 'field', parts: ['two wor', ''] }],
  ['field:*end', { type: 'glob', field: 'field', parts: ['', 'end'] }],
  ['field:*', { type: 'exists', field: 'field' }],
  ['field:-5', equals('field', '-5')],
  ['field:(a or "b c")', { type: 'or', nodes: [equals('field', 'a'), equals('field', 'b c')] }],
  ['field:(a -b)', { type: 'and', nodes: [equals('field', 'a'), { type: 'not', node: equals('field', 'b') }] }],
  ['"odd name":x', equals('odd name', 'x')],
  ['a:b:c', equals('a', 'b:c')],
  ['ip:::1', equals('ip', '::1')],
  ['12:30:45', text('12:30:45')],
  ['http://host/path', text('http://host/path')],
  ['std::vector', text('std::vector')],
  ['url:http://host', equals('url', 'http://host')],
  ['level>=warn', { type: 'compare', field: 'level', comparison: '>=', operand: { kind: 'level', level: 'warn' } }],
  ['level >= WARNING', { type: 'compare', field: 'level', comparison: '>=', operand: { kind: 'level', level: 'warn' } }],
  ['level:err', equals('level', 'error')],
  ['status:>=400', { type: 'compare', field: 'status', comparison: '>=', operand: { kind: 'number', text: '400' } }],
  ['duration>1m30s', { type: 'compare', field: 'duration', comparison: '>', operand: { kind: 'duration', ms: 90_000 } }],
  ['bytes<10kb', { type: 'compare', field: 'bytes', comparison: '<', operand: { kind: 'size', bytes: 10_000 } }],
  ['bytes<10KiB', { type: 'compare', field: 'bytes', comparison: '<', operand: { kind: 'size', bytes: 10_240 } }],
  ['version>=v1.4.2-rc.1', { type: 'compare', field: 'version', comparison: '>=', operand: { kind: 'version', text: 'v1.4.2-rc.1' } }],
  ['time>=2022-08-22T05:18:16.154772363Z', { type: 'compare', field: 'time', comparison: '>=', operand: { kind: 'time', ns: 1_661_145_496_154_772_363n } }],
  ['time>-15m', { type: 'compare', field: 'time', comparison: '>', operand: { kind: 'time', ns: -900_000_000_000n } }],
  ['time>"1970-01-02 00:00"', { type: 'compare', field: 'time', comparison: '>', operand: { kind: 'time', ns: 86_400_000_000_000n } }],
  ['time:1970-01-01', { type: 'and', nodes: [{ type: 'compare', field: 'time', comparison: '>=', operand: { kind: 'time', ns: 0n } }, { type: 'compare', field: 'time', comparison: '<', operand: { kind: 'time', ns: 86_400_000_000_000n } }] }],
  ['ip:10.0.0.0/8', { type: 'network', field: 'ip', address: '10.0.0.0', prefixBits: 8 }],
  ['ip:2001:db8::/32', { type: 'network', field: 'ip', address: '2001:db8::', prefixBits: 32 }],
  ['ip:"10.0.0.0/8"', equals('ip', '10.0.0.0/8')],
  ['/card (declined|refused)/', { type: 'regex', field: null, pattern: 'card (declined|refused)', caseInsensitive: false }],
  ['path:/^\\/api[/]v\\d/i x', { type: 'and', nodes: [{ type: 'regex', field: 'path', pattern: '^/api[/]v\\d', caseInsensitive: true }, text('x')] }],
  ['path:/healthz', equals('path', '/healthz')],
  ['-path:/healthz /time.?out/', { type: 'and', nodes: [{ type: 'not', node: equals('path', '/healthz') }, { type: 'regex', field: null, pattern: 'time.?out', caseInsensitive: false }] }],
  ['path:/a -path:/ x', { type: 'and', nodes: [equals('path', '/a'), { type: 'not', node: equals('path', '/') }, text('x')] }],
  ['/api/users/', text('/api/users/')],
  ['//', text('//')],
];

for (const [written, meaning] of meanings) test(`what ${written || 'nothing'} means`.replace('  ', 'a space'), t => t.deepEqual(filter(written), meaning));

test('pipes follow the filter in their order', t => {
  t.deepEqual(parseQuery('x | sort time desc | limit 10 | fields service, "odd name" message').pipes, [
    { type: 'sort', field: 'time', descending: true },
    { type: 'limit', count: 10 },
    { type: 'fields', names: ['service', 'odd name', 'message'] },
  ]);
  t.deepEqual(parseQuery('| sort').pipes, [{ type: 'sort', field: 'time', descending: false }]);
  t.deepEqual(parseQuery('| sort by -time').pipes, [{ type: 'sort', field: 'time', descending: true }]);
});

/** Query, column, length, and what the message must say. */
const mistakes: [string, number, number, RegExp][] = [
  ['level>=', 8, 0, /^column 8: expected a value after "level>=", got end of query$/],
  ['x level>=warm', 10, 4, /expected a level \(.*\) after "level>=", got "warm"\. Did you mean warn\?$/],
  ['level:wran', 7, 4, /Did you mean warn\?$/],
  ['field:', 7, 0, /expected a value after "field:", got end of query\. Write field:\* for any value/],
  ['TraceID: fe39', 9, 1, /got a space\. Write the value right after the colon/],
  ['"card declined', 1, 14, /expected a second " .*, got end of query/],
  ['(a or b', 8, 0, /expected "\)" for the "\(" at column 1, got end of query/],
  ['f:(a or b', 10, 0, /expected "\)" for the "\(" at column 3/],
  ['a) b', 2, 1, /expected a "\(" before this, got "\)"/],
  ['()', 2, 1, /expected a word/],
  ['and and', 1, 3, /expected a word, a "phrase" or field:value, got "and"\. .* in quotes$/],
  ['a or', 5, 0, /got end of query$/],
  ['a - b', 4, 1, /right after "-", got a space/],
  ['a->b', 4, 1, /expected a number.*To search for the text, write "a->b"$/],
  ['> 5', 1, 1, /expected a field before ">"/],
  ['time>soon', 6, 4, /expected a time/],
  ['time:soon', 6, 4, /time>-15m/],
  ['duration>fast', 10, 4, /expected a number, a duration \(250ms\)/],
  ['ip:10.0.0.0/33', 4, 11, /expected a network of at most \/32/],
  ['f:/(/', 3, 3, /expected a regular expression.*missing closing \)/],
  ['f:/a(?=b)/', 3, 8, /expected a regular expression/],
  ['x | stats count() by service', 5, 5, /expected limit, sort or fields after "\|", got "stats", which is not available in this version$/],
  ['x | top 10 service', 5, 3, /"top", which is not available in this version$/],
  ['x | parse "{a}"', 5, 5, /"parse", which is not available in this version$/],
  ['x | lmit 5', 5, 4, /Did you mean limit\?$/],
  ['x || y', 4, 1, /Write or between two alternatives$/],
  ['x | limit 0', 11, 1, /whole number from 1 to 1000000/],
  ['x | limit 5 6', 13, 1, /expected "\|" or the end of the query after "limit 5", got "6"/],
  ['x | sort level', 10, 5, /sorts by time only$/],
  ['x | fields', 11, 0, /expected the names of fields/],
];

for (const [written, column, length, message] of mistakes) {
  test(`the mistake in ${written} is told with its place`, t => {
    const error = t.throws(() => parseQuery(written), { instanceOf: QuerySyntaxError });
    t.is(error.column, column, error.message);
    t.is(error.length, length, error.message);
    t.regex(error.message, message);
    t.true(error.message.startsWith(`column ${column}: expected ${error.expected}, got `));
    t.is(error.code, 'BAD_QUERY');
  });
}

test('brackets nested past the limit are refused, up to it they are taken', t => {
  t.deepEqual(filter('('.repeat(queryDepthMax) + 'a' + ')'.repeat(queryDepthMax)), text('a'));
  t.notThrows(() => parseQuery('(a) -b '.repeat(queryDepthMax + 1)));
  t.throws(() => parseQuery('('.repeat(5000)), { instanceOf: QuerySyntaxError, message: /at most 100 brackets/ });
  t.throws(() => parseQuery('not '.repeat(2000)), { instanceOf: QuerySyntaxError, message: /at most 100 brackets/ });
  t.throws(() => parseQuery('-!'.repeat(2000)), { instanceOf: QuerySyntaxError });
});

test('a query past the length limit is refused', t => {
  t.notThrows(() => parseQuery('a'.repeat(queryLengthMax)));
  t.throws(() => parseQuery('a'.repeat(queryLengthMax + 1)), { instanceOf: QuerySyntaxError, message: /^column 10001: expected at most 10000 characters/ });
});

test('the fields of a query come with their columns, own keys and pipes too', t => {
  t.deepEqual(fieldsUsed(parseQuery('service:a -(sevice:(b or c) "odd name">5) level>=warn | fields x')), [
    { name: 'service', column: 1 },
    { name: 'sevice', column: 13 },
    { name: 'odd name', column: 29 },
    { name: 'level', column: 43 },
    { name: 'x', column: 64 },
  ]);
});

const pieces = ['a', ' ', '(', ')', '"', '*', ':', '/', '|', '-', '!', 'not ', 'and ', ' or ', 'level', '>=', '<', 'warn', 'time', '2022-08-22', '\\', '[', 'ip:10.0.0.0/', '33', 'limit ', 'fields', ',', 'é', '\u{1f600}', '\ud800', '\0', '\n', '250ms', '{1000}'];
const soup = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map(all => all.join('')),
  fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes).toString('latin1')),
);

test('whatever is typed is a query or a told mistake inside the text', t => {
  fc.assert(
    fc.property(soup, typed => {
      try {
        parseQuery(typed);
      } catch (error) {
        if (!(error instanceof QuerySyntaxError)) throw error;
        return error.column >= 1 && error.length >= 0 && error.column - 1 + error.length <= typed.length;
      }
      return true;
    }),
    { numRuns: 5000 },
  );
  t.pass();
});
