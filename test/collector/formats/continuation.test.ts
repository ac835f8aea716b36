import test from 'ava';
import { beginsOpen, continues, isContinuation, type ContinuationState } from '../../../collector/formats/continuation.ts';
import { understandLine } from '../../../collector/formats/understand.ts';
import { corpusBytes, corpusLines, corpusText, linesOf } from './corpus.ts';

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
  t.is(understood.message, '[main] c.e.Cart - failed');
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

test('corpus: each stack trace file is one event, also between plain lines and other traces', t => {
  const file = corpusText(t, 'stack-traces/detect-exceptions/expected.json');
  if (file === null) return;
  const { files } = JSON.parse(file) as { files: { file: string; expected_records: number }[] };
  for (const { file: name, expected_records } of files) {
    const trace = linesOf(corpusBytes(t, `stack-traces/detect-exceptions/${name}`)!);
    t.is(join(trace).length, expected_records, name);
    if (expected_records !== 1) continue;
    const plain = Buffer.from('This is a plain line.');
    t.is(join([plain, ...trace, plain, ...trace, ...trace]).length, 5, `${name} among others`);
  }
});

test('corpus: the exception types of the trace files', t => {
  for (const [name, type] of [['java_exc', 'RuntimeException'], ['complex_java_exc', 'javax.servlet.ServletException'], ['node_js_exc', 'ReferenceError'], ['python_exc', 'Exception'], ['go_exc', 'panic'], ['go_signal_exc', 'panic'], ['v8_js_exc', null], ['arbitrary_text', null]] as const) {
    const bytes = corpusBytes(t, `stack-traces/detect-exceptions/${name}.txt`);
    if (bytes === null) return;
    t.is(understandLine(bytes).exceptionType, type, name);
  }
});

test('corpus: traces of Java, Python and Go split into the records of others', t => {
  const file = corpusText(t, 'container-runtime/fluentbit-multiline-vectors.json');
  if (file === null) return;
  const { vectors } = JSON.parse(file) as { vectors: { name: string; input_lines: string[]; expected_records: string[] }[] };
  for (const { name, input_lines, expected_records } of vectors.filter(vector => ['java', 'python', 'go'].includes(vector.name))) {
    const events = join(input_lines.map(line => Buffer.from(line.replace(/\n$/, '')))).map(String);
    t.deepEqual(events, expected_records.map(record => record.replace(/\n$/, '')), name);
  }
});

test('corpus: broker logs have as many events as lines that begin with a time', t => {
  const file = corpusText(t, 'stack-traces/kafka0/expected.json');
  if (file === null) return;
  const { files } = JSON.parse(file) as { files: Record<string, { records: number; multi_line_records: number; levels: Record<string, number> }> };
  for (const [name, { records, multi_line_records, levels }] of Object.entries(files)) {
    // The garbage collector's log has no such lines: there each line that is not indented begins an event.
    if (records === 0) continue;
    const events = join(corpusLines(t, `stack-traces/kafka0/${name}.gz`)!);
    t.is(events.length, records, name);
    t.is(events.filter(event => event.includes('\n')).length, multi_line_records, name);
    const counted: Record<string, number> = {};
    for (const event of events) {
      const level = understandLine(event).level!.toUpperCase();
      counted[level] = (counted[level] ?? 0) + 1;
    }
    t.deepEqual(counted, levels, name);
  }
});
