import test from 'ava';
import { checkLineOptions, multilineRulesOf } from '../../../collector/lines/multiline-rules.ts';
import { eventsOfText } from '../../corpus/pipeline.ts';

const raws = (text: string, multilineStart: string[], framing: 'plain' | 'cri' = 'plain'): string[] => eventsOfText(text, { framing, limits: { multilineStart, openEventLinesMax: 4 } }).map(({ raw }) => Buffer.from(raw).toString());

test('a rule says how events begin; what does not match goes on with the one above, blank lines and braces too', t => {
  t.deepEqual(raws('#1 a\nb\n\n{c}\n#2 d\n', ['^#\\d']), ['#1 a\nb\n\n{c}', '#2 d']);
});

test('what a rule joins is bounded', t => {
  t.deepEqual(raws('#1\n1\n2\n3\n4\n5\n', ['^#']), ['#1\n1\n2\n3', '4\n5']);
});

test('a structured line closes at its newline, whatever a rule says', t => {
  t.deepEqual(raws('{"msg":"a"}\nb\n#c\n', ['^#']), ['{"msg":"a"}', 'b', '#c']);
});

test('a rule joins per output', t => {
  const line = (output: string, text: string): string => `2022-08-22T05:18:16Z ${output} F ${text}\n`;
  t.deepEqual(raws(line('stdout', '#1') + line('stderr', '#2') + line('stdout', 'a') + line('stderr', 'b'), ['^#'], 'cri'), ['#1\na', '#2\nb']);
});

test('a rule of one service is for that service, beside those for all', t => {
  const rules = multilineRulesOf(['cart=^C', '^A'])!;
  const begins = (service: string | null, line: string): boolean => rules.ruleOf(service)!.begins(Buffer.from(line));
  t.deepEqual([begins('cart', 'C1'), begins('cart', 'A1'), begins('pay', 'C1'), begins('pay', 'A1'), begins(null, 'A1')], [true, true, false, true, true]);
  t.is(multilineRulesOf(['cart=^C'])!.ruleOf('pay'), null);
  t.is(multilineRulesOf([]), null);
});

test('what is no expression is refused before any line is read', t => {
  t.throws(() => checkLineOptions({ timeZone: 'UTC', multilineStart: ['cart=^('] }), { code: 'BAD_MULTILINE', message: /cart=\^\(/ });
  t.throws(() => checkLineOptions({ timeZone: 'Mars', multilineStart: [] }), { code: 'BAD_TIME_ZONE' });
  t.notThrows(() => checkLineOptions({ timeZone: 'Asia/Tokyo', multilineStart: ['^x'] }));
});
