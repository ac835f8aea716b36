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

// [what, event, exceptionType]: each is one event, between lines that are none of it.
const traces: readonly (readonly [string, string, string | null])[] = [
  ['.NET with an inner exception', 'Unhandled exception. System.InvalidOperationException: boom\n ---> System.IO.IOException: gone\n   at A.B() in /src/x.cs:line 5\n   --- End of inner exception stack trace ---\n   at A.C()', 'System.InvalidOperationException'],
  ['.NET console', 'fail: Shop.Cart[0]\n      cannot pay\n      System.TimeoutException: too late\n         at Shop.Cart.Pay() in /src/Cart.cs:line 5', 'System.TimeoutException'],
  ['Node, uncaught, with its excerpt of the source', '/app/server.js:17\n    throw new TypeError(\'boom\');\n    ^\n\nTypeError: boom\n    at Object.<anonymous> (/app/server.js:17:11)\n    at node:internal/main/run_main_module:28:49', 'TypeError'],
  ['Node, an error with a cause', 'Error: cannot pay\n    at pay (/app/pay.js:3:1)\n    ... 4 lines matching cause stack trace ...\n    at run (/app/run.js:1:1) {\n  [cause]: Error: declined\n      at bank (/app/bank.js:2:1)\n}', 'Error'],
  ['Ruby, uncaught', "/app/routes.rb:6:in `/': divided by 0 (ZeroDivisionError)\n\tfrom /app/routes.rb:6:in `block in <main>'\n\tfrom /app/main.rb:1:in `<main>'", 'ZeroDivisionError'],
  ['Ruby, of a logger', "E, [2022-08-22T05:18:16.123456 #17] ERROR -- : boom (Shop::DeclinedError)\n/app/pay.rb:6:in `pay'\n/app/cart.rb:12:in 'Cart#close'", 'Shop::DeclinedError'],
  ['PHP, uncaught', 'PHP Fatal error:  Uncaught App\\Pay\\Declined: no money in /app/pay.php:3\nStack trace:\n#0 /app/cart.php(7): pay()\n#1 {main}\n  thrown in /app/pay.php on line 3', 'App\\Pay\\Declined'],
  ['nginx, of PHP', '2022/08/22 05:18:16 [error] 7#7: *1 FastCGI sent in stderr: "PHP message: PHP Warning:  a in /x.php on line 0\nPHP message: PHP Warning:  b in /x.php on line 0', null],
  ['Laravel', '[2022-08-22 05:18:16] production.ERROR: declined {"exception":"[object] (App\\\\Declined(code: 0): declined at /app/pay.php:3)\n[stacktrace]\n#0 /app/cart.php(7): App\\\\Pay->pay()\n#1 {main}\n"} ', null],
  ['Rust, message on the next line', "thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds: the len is 3\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace", 'panic'],
  ['Rust with a backtrace', "thread 'tokio-runtime-worker' panicked at 'boom', src/main.rs:2:5\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/library/std/src/panicking.rs:584:5\n   1: core::panicking::panic_fmt\nnote: Some details are omitted", 'panic'],
  ['anyhow', 'Error: cannot start\n\nCaused by:\n    0: cannot read the configuration\n    1: No such file', null],
  ['Go, of a server that goes on', '2022/08/22 05:18:16 http: panic serving 10.0.0.7:1234: boom\ngoroutine 17 [running]:\nnet/http.(*conn).serve.func1()\n\t/usr/local/go/src/net/http/server.go:1850 +0xbf', null],
  ['Go, a crash in C', 'fatal error: unexpected signal during runtime execution\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x0]\n\nruntime stack:\nruntime.throw({0x1, 0x2})\n\t/usr/local/go/src/runtime/panic.go:1047 +0x5d\n\ngoroutine 1 [syscall]:\nruntime.cgocall(0x1, 0x2)\n\t/usr/local/go/src/runtime/cgocall.go:157 +0x5c', 'fatal error'],
  ['zap with a stack', '2022-08-22T05:18:16.123Z\tERROR\tserver/main.go:12\tboom\nmain.main\n\t/app/main.go:12\ngithub.com/org/repo/pkg.(*Server).Run\n\t/app/server.go:3\nruntime.main\n\t/usr/local/go/src/runtime/proc.go:250', null],
  ['Elixir', '05:18:16.123 [error] GenServer Shop.Cart terminating\n** (RuntimeError) boom\n    (shop 0.1.0) lib/cart.ex:12: Shop.Cart.pay/1\n    (stdlib 4.2) gen_server.erl:1123: :gen_server.try_dispatch/4', 'RuntimeError'],
  ['Python, a group', 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n  | ExceptionGroup: two (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | ValueError: 1\n    +------------------------------------\nExceptionGroup: two', 'ExceptionGroup'],
  ['Kotlin coroutines', 'Exception in thread "main" java.lang.IllegalStateException: boom\n\tat MainKt.main(Main.kt:3)\n\tSuppressed: kotlinx.coroutines.DiagnosticCoroutineContextException: [StandaloneCoroutine]', 'java.lang.IllegalStateException'],
];

for (const [what, event, type] of traces) {
  test(`one event: ${what}`, t => {
    // A Python traceback goes on with the line above that has a time: it says where it was logged.
    const headed = event.startsWith('Traceback') ? [] : [['2022-08-22 05:18:16 INFO x', '2022-08-22 05:18:16 INFO y']];
    for (const [before, after] of [['listening', 'listening'], ['{"msg":1}', '{"msg":2}'], ...headed] as [string, string][]) t.deepEqual(joinText(`${before}\n${event}\n${after}`), [before, event, after]);
    t.deepEqual(joinText(`${event}\n${event}`), [event, event]);
    t.is(understandLine(Buffer.from(event)).exceptionType, type);
    const returned = event.replaceAll('\n', '\r\n');
    t.deepEqual(joinText(`${returned}\r\nlistening\r`), [`${returned}\r`, 'listening\r'], 'with carriage returns');
  });
}

test('lines that only look like a trace stand alone', t => {
  for (const [first, next] of [['listening', 'main.main'], ['2022-08-22 05:18:16 INFO x', 'example.com/a.html'], ['listening', '#1 in sales'], ['2022-08-22 05:18:16 INFO list', '#1 apples'], ['2022-08-22 05:18:16 ERROR x', 'Next Step: retry'], ['listening', '/app/x.js:17'], ['2022-08-22 05:18:16 INFO x', '** note **'], ['2022-08-22 05:18:16 INFO x', 'Error: boom'], ['2022-08-22 05:18:16 ERROR x', 'Unhandled exception. System.Exception: boom'], ['{"a":1}', '    at x (y:1:2)'], ['listening', 'note: see the manual'], ['listening', 'Stack trace:']] as const) {
    t.is(joinText(`${first}\n${next}`).length, 2, next);
  }
});
