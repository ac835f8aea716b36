import test from 'ava';
import { beginsOpen, continues, isContinuation, type ContinuationState } from '../../../collector/formats/continuation.ts';
import { understandLine } from '../../../collector/formats/understand.ts';

/** Joins lines as the collector does, without its limits. */
function join(lines: readonly Uint8Array[]): Buffer[] {
  const events: Buffer[][] = [];
  let state: ContinuationState | null = null;
  for (const line of lines) {
    const next: ContinuationState | null = state === null ? null : continues(state, line);
    if (next !== null) events.at(-1)!.push(Buffer.from(line));
    else events.push([Buffer.from(line)]);
    state = next ?? beginsOpen(line, understandLine(line));
  }
  return events.map(event => Buffer.concat(event.flatMap((line, index) => (index === 0 ? [line] : [Buffer.from('\n'), line]))));
}

const joinText = (text: string): string[] => join(text.split('\n').map(line => Buffer.from(line))).map(String);
const types = (text: string): (string | null)[] => join(text.split('\n').map(line => Buffer.from(line))).map(event => understandLine(event).exceptionType);

const javaTrace = '2022-08-22 05:18:16,123 ERROR [main] c.e.Cart - failed\njava.lang.IllegalStateException: empty\n\tat c.e.Cart.pay(Cart.java:12)\nCaused by: java.io.IOException: gone\n\tat c.e.Net.read(Net.java:3)\n\t... 12 more\n\tSuppressed: java.lang.RuntimeException: x';

test('a Java trace under its line is one event, and the next line another', t => {
  t.deepEqual(joinText(`${javaTrace}\n2022-08-22 05:18:16,124 INFO next`), [javaTrace, '2022-08-22 05:18:16,124 INFO next']);
  const understood = understandLine(Buffer.from(javaTrace));
  t.is(understood.exceptionType, 'java.lang.IllegalStateException');
  t.is(understood.message, 'failed');
  t.is(understood.level, 'error');
});

test('a Node error with the object printed behind it', t => {
  const trace = 'Error: connect ECONNREFUSED\n    at connect (node:net:1:2)\n    at /app/x.js:5:1 {\n  code: \'ECONNREFUSED\'\n}';
  t.deepEqual(joinText(`${trace}\nlistening`), [trace, 'listening']);
  t.deepEqual(types(`${trace}\nlistening`), ['Error', null]);
  t.is(understandLine(Buffer.from(trace)).message, 'Error: connect ECONNREFUSED');
});

test('a Python traceback ends with the line that names the exception', t => {
  const trace = 'ERROR:app:pay failed\nTraceback (most recent call last):\n  File "a.py", line 1, in <module>\n    pay()\nshop.errors.CardDeclined: 17';
  t.deepEqual(joinText(`${trace}\nserving`), [trace, 'serving']);
  t.is(understandLine(Buffer.from(trace)).exceptionType, 'shop.errors.CardDeclined');
});

test('chained Python tracebacks are one event and the last exception counts', t => {
  const trace = 'Traceback (most recent call last):\n  File "a.py", line 1\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File "a.py", line 3\nValueError: 2';
  t.deepEqual(joinText(trace), [trace]);
  t.is(understandLine(Buffer.from(trace)).exceptionType, 'ValueError');
});

test('indented lines belong to the text above, not to JSON, logfmt or access lines', t => {
  t.deepEqual(joinText('config:\n  a = 1\n\tb = 2\nnext'), ['config:\n  a = 1\n\tb = 2', 'next']);
  for (const complete of ['{"msg":"x"}', 'level=info msg=x', '1.2.3.4 - - [22/Aug/2022:05:18:16 +0200] "GET / HTTP/1.1" 200 1']) t.is(joinText(`${complete}\n  more`).length, 2, complete);
});

test('a line that begins with a time, a level or { is an event of its own, indented or not', t => {
  for (const line of ['2022-08-22 05:18:16 x', '  2022-08-22T05:18:16Z x', '[2022-08-22 05:18:16,1] x', '{"msg":1}', '  {"msg":1}', 'ERROR x', '  WARN x', '[error] x', 'Aug 22 05:18:16 host x', '05:18:16.123 x', 'I0822 05:18:16.154321 1 a.go:1] x', 'error: x']) {
    t.false(isContinuation(Buffer.from(line), false), line);
    t.false(isContinuation(Buffer.from(line), true), line);
  }
});

test('a number, a bracket or a word in capitals at the start of an indented line is no time and no level', t => {
  for (const line of ['  10 items', '    [0] = 5', '  ERRORS follow', '  TRACEABLE', '\t12 more']) t.true(isContinuation(Buffer.from(line), false), line);
});

test('JSON printed over several lines is one event, read as JSON', t => {
  const [event, next] = join('{\n  "level": "warn",\n  "msg": "over lines",\n  "a": {\n    "b": 1\n  }\n}\nnext'.split('\n').map(line => Buffer.from(line)));
  const understood = understandLine(event!);
  t.deepEqual([understood.format, understood.level, understood.message, understood.fields['a.b'], String(next)], ['json', 'warn', 'over lines', 1, 'next']);
});

test('blank lines and unindented lines under plain text stand alone', t => {
  t.deepEqual(joinText('one\n\ntwo\nIt is three'), ['one', '', 'two', 'It is three']);
});
