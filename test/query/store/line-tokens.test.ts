import test from 'ava';
import { addTokens, tokenOf } from '../../../query/store/line-tokens.ts';
import { contentKeysOf } from '../../../query/timeline/inherit/content-keys.ts';
import { madeEvent } from '../../contract/made-up.ts';

function tokensOf(line: string): number[] {
  const bytes = Buffer.from(`1234 ${line} 5678`);
  const tokens: number[] = [];
  addTokens(bytes, 5, bytes.length - 5, tokens);
  return tokens;
}

const message = 'Order 7D21D9E0-0250-4e06-a5cd-027c1a89afdd of ann@shop.example. (448.668) GET /orders/812345?x=A-17z9, 203.0.113.7:\n12345 "u_77421"';

for (const [form, line] of [['as it is', message], ['in JSON', JSON.stringify({ level: 30, msg: message })]] as const) {
  test(`whatever a line ${form} names is found by its token`, t => {
    const tokens = tokensOf(line);
    const keys = contentKeysOf(madeEvent('a', 0, 10, { message }), 1_795_262_400_000);
    t.deepEqual(keys.map(({ value }) => value), ['7d21d9e0-0250-4e06-a5cd-027c1a89afdd', 'ann@shop.example', '448.668', '812345', 'orders/812345', 'a-17z9', '203.0.113.7', '12345', 'u_77421']);
    for (const { value } of keys) t.true(tokens.includes(tokenOf(value)!), value);
  });
}

test('a token is of one line only, and of what may tell lines apart', t => {
  t.deepEqual(tokensOf('no digits here, 12 and 123'), []);
  t.is(tokensOf('a1b2').length, 1);
  t.is(tokenOf('abcd'), null);
  t.deepEqual(tokensOf('Order-1234'), tokensOf('..order-1234--'));
  t.notDeepEqual(tokensOf('order-1234'), tokensOf('order-1235'));
});

test('behind a backslash a letter may be an escape or not, so both words are found', t => {
  t.deepEqual(tokensOf(String.raw`C:\temp1234`), [...tokensOf('temp1234'), ...tokensOf('emp1234')]);
  t.true(tokensOf(String.raw`\u00e999812`).includes(tokenOf('99812')!));
});
