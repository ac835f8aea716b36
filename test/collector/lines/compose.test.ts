import test from 'ava';
import { parseComposeLine } from '../../../collector/lines/compose.ts';
import { eventsOfText, lostBytes } from '../../corpus/pipeline.ts';

const read = (line: string): [string, string] | null => {
  const bytes = Buffer.from(line);
  const found = parseComposeLine(bytes);
  return found === null ? null : [found.lane.slice(1), bytes.subarray(found.at).toString()];
};

for (const [line, container, text] of [
  ['web-1  | listening', 'web-1', 'listening'],
  ['web_1  | listening', 'web_1', 'listening'],
  ['shop-web-12 | a | b', 'shop-web-12', 'a | b'],
  ['web-1  | ', 'web-1', ''],
  ['web-1  |', 'web-1', ''],
  ['web-1  |   indented', 'web-1', '  indented'],
  ['\u001b[2Kweb-1  | \u001b[31mx\u001b[0m', 'web-1', '\u001b[31mx\u001b[0m'],
  ['\u001b[36mweb-1  |\u001b[0m x', 'web-1', 'x'],
  ['\u001b[36mredis    |\u001b[0m x', 'redis', 'x'],
] as const) {
  test(`compose: ${JSON.stringify(line)}`, t => {
    t.deepEqual(read(line), [container, text]);
  });
}

test('no prefix: names without a number or colour, no blank, no bar, too long', t => {
  for (const line of ['INFO   | jvm 1    | x', 'redis  | x', 'web-1| x', 'web-1 |x', 'web-1 x', '| web-1 | x', ' web-1 | x', `${'w'.repeat(70)}-1 | x`, '', '-1 | x', '2022-08-22 | x y', 'a b-1 | x', 'ORDER-17 | shipped', 'order-20220822 | x']) t.is(read(line), null, line);
});

test('each container\'s lines are joined with its own: traces that interleave are one event each', t => {
  const text = ['web-1  | 2022-08-22 05:18:16 ERROR boom', 'db-1   | 2022-08-22 05:18:16.100 UTC [7] LOG:  ready', 'web-1  | Traceback (most recent call last):', 'db-1   | {"level":"info","msg":"x"}', 'web-1  |   File "a.py", line 1', 'web-1  | KeyError: 1', 'web-2  | started', ''].join('\n');
  const events = eventsOfText(text);
  t.deepEqual(events.map(({ service, container, level, message, exceptionType, lineCount }) => [service, container, level, message, exceptionType, lineCount]), [
    ['web', 'web-1', 'error', 'boom', 'KeyError', 4],
    ['db', 'db-1', 'info', 'ready', null, 1],
    ['db', 'db-1', 'info', 'x', null, 1],
    ['web', 'web-2', null, 'started', null, 1],
  ]);
  t.deepEqual(lostBytes(Buffer.from(text), events, 'plain'), []);
  t.is(Buffer.from(events[0]!.raw).toString().split('\n')[3], 'web-1  | KeyError: 1', 'the raw line keeps what stands before it');
});

test('lines without a prefix among them are the stream\'s own', t => {
  const [own] = eventsOfText('Attaching to web-1\nweb-1  | x\n');
  t.deepEqual([own!.service, own!.container, own!.message], [null, null, 'Attaching to web-1']);
});
