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
  ['Python, source that begins with a bracket', 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    {}[\'k\']\n    ~~^^^^^\n  File "b.py", line 2, in f\n    [x for x in y]\nKeyError: \'k\'', 'KeyError'],
  ['Python, a group', '  + Exception Group Traceback (most recent call last):\n  |   File "a.py", line 1, in <module>\n  |     run()\n  | ExceptionGroup: two (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | ValueError: 1\n    +---------------- 2 ----------------\n    | TypeError: 2\n    +------------------------------------', 'ExceptionGroup'],
  ['Python, of a thread', 'Exception in thread worker-1:\nTraceback (most recent call last):\n  File "a.py", line 1, in run\n    pay()\nshop.Declined: 17', 'shop.Declined'],
  ['Python, of a task', 'Task exception was never retrieved\nfuture: <Task finished name=\'Task-2\' coro=<pay() done> exception=Declined()>\nTraceback (most recent call last):\n  File "a.py", line 1, in pay\n    raise Declined\nDeclined', 'Declined'],
  ['Python, of another process', 'concurrent.futures.process._RemoteTraceback: \n"""\nTraceback (most recent call last):\n  File "a.py", line 1, in pay\n    raise Declined\nDeclined\n"""\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  File "b.py", line 7, in <module>\n    result()\nDeclined: 17', 'Declined'],
  ['Python, a call that logs badly', '--- Logging error ---\nTraceback (most recent call last):\n  File "a.py", line 1, in emit\n    msg % args\nTypeError: not a number\nCall stack:\n  File "b.py", line 7, in <module>\n    log.info(x)\nMessage: \'bad %d\'\nArguments: (\'x\',)', 'TypeError'],
  ['Python, of a database', 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    save()\nsqlalchemy.exc.IntegrityError: (psycopg2.errors.UniqueViolation) duplicate key\nDETAIL:  Key (id)=(1) already exists.\n[SQL: INSERT INTO t VALUES (1)]\n(Background on this error at: https://sqlalche.me/e/20/gkpj)', 'sqlalchemy.exc.IntegrityError'],
  ['Python, as loguru prints it', 'Traceback (most recent call last):\n\n  File "a.py", line 1, in f\n    {}[\'k\']\n\nKeyError: \'k\'\n\n\nThe above exception was the direct cause of the following exception:\n\n\nTraceback (most recent call last):\n\n> File "a.py", line 9, in <module>\n    f()\n    \u2514 <function f at 0x7f>\n\nValueError: bad', 'ValueError'],
  ['Python, as rich draws it', '\u256d\u2500\u2500 Traceback (most recent call last) \u2500\u2500\u256e\n\u2502 a.py:5 in f \u2502\n\u2502 \u2771 5 \u2502 raise ValueError(1) \u2502\n\u2570\u2500\u2500\u2500\u256f\nValueError: 1', 'ValueError'],
  ['Python, coloured', '\u001b[33m\u001b[1mTraceback (most recent call last):\u001b[0m\n  File \u001b[35m"a.py"\u001b[0m, line \u001b[35m1\u001b[0m, in f\n    \u001b[31mpay\u001b[0m()\n\u001b[1;35mDeclined\u001b[0m: \u001b[35m17\u001b[0m', 'Declined'],
  ['Python, a crash', 'Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f957dfd8b80 (most recent call first):\n  File "a.py", line 1 in f', null],
  ['Node, coloured', 'TypeError: declined\n\u001b[90m    at Module._compile (node:internal/modules/cjs/loader:1:2)\u001b[39m\n    at pay (/app/pay.js:3:1) {\n  code: \u001b[32m\'E1\'\u001b[39m\n}', 'TypeError'],
  ['Node, uncaught, at the top of a file', 'file:///app/server.mjs:4\nthrow new QuotaExceeded("12 of 10");\n      ^\n\nQuotaExceeded: 12 of 10\n    at file:///app/server.mjs:4:7\n\nNode.js v24.1.0', 'QuotaExceeded'],
  ['Node, uncaught, with more to its message', 'node:internal/modules/cjs/loader:1564\n  throw err;\n  ^\n\nError: Cannot find module \'./nope\'\nRequire stack:\n- /app/server.js\n    at Module._load (node:internal/modules/cjs/loader:1:2) {\n  code: \'MODULE_NOT_FOUND\'\n}\n\nNode.js v24.1.0', 'Error'],
  ['Node, an error event', 'node:events:505\n    throw er; // Unhandled \'error\' event\n    ^\n\nError: connect ECONNREFUSED\n    at afterConnect (node:net:1:2)\nEmitted \'error\' event on Socket instance at:\n    at emitErrorNT (node:internal/streams/destroy:1:2) {\n  errno: -111\n}', 'Error'],
  ['Node, a message that begins on the next line', 'PrismaClientKnownRequestError: \nInvalid `prisma.user.create()` invocation in\n/app/user.js:12:34\n\n   9 async function main() {\n\nUnique constraint failed on the fields: (`email`)\n    at handle (/app/prisma.js:1:2)', 'PrismaClientKnownRequestError'],
  ['Java, a message of several lines', '2022-08-22 05:18:16,123 ERROR c.e.Cart - failed\ncom.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure\n\nThe last packet sent successfully to the server was 0 milliseconds ago.\n\tat c.e.Cart.pay(Cart.java:12)\nCaused by: java.io.IOException: one\ntwo\n\tat c.e.Net.read(Net.java:3)\n\t... 12 more', 'com.mysql.cj.jdbc.exceptions.CommunicationsException'],
  ['Java, uncaught, a message of two lines', 'Exception in thread "worker 1" Main$QuotaExceeded: one\ntwo\n\tat Main.main(Main.java:25)', 'Main$QuotaExceeded'],
  ['.NET, several inner exceptions', 'Unhandled exception. System.AggregateException: One or more errors occurred. (a) (b)\n ---> System.InvalidOperationException: a\n   at A.B() in /src/x.cs:line 5\n   --- End of inner exception stack trace ---\n   at A.C()\n\n ---> (Inner Exception #1) System.IO.IOException: b\n   at A.D()<---', 'System.AggregateException'],
  ['anyhow with a backtrace', 'Error: starting\n\nCaused by:\n    0: reading the configuration\n    1: No such file\n\nStack backtrace:\n   0: app::main\n             at ./src/main.rs:2:71', 'Error'],
  ['Go, a data race', 'WARNING: DATA RACE\nRead at 0x00c00009eb68 by goroutine 10:\n  main.main.func5()\n      /app/main.go:242 +0x2e\n\nPrevious write at 0x00c00009eb68 by main goroutine:\n  main.main()\n      /app/main.go:243 +0x4c\n\nGoroutine 10 (running) created at:\n  main.main()\n      /app/main.go:242 +0x4c\n==================', 'DATA RACE'],
  ['Go, told to quit', 'SIGQUIT: quit\nPC=0x40b60e m=0 sigcode=0\n\ngoroutine 1 gp=0x3b4e m=0 mp=0xa723 [running, locked to thread]:\nmain.main()\n\t/app/main.go:3 +0x1\n\nrax    0x0\nrip    0x40b60e', null],
  ['tinylog', '2022-08-22 05:18:16 [main] org.acme.Server.start()\nWARN: port 80 is taken', null],
  ['Spring Boot sets the exception apart', '2022-08-22T05:18:16.123Z ERROR 7 --- [main] o.s.boot.SpringApplication : Application run failed\n\norg.acme.ConfigException: no port\n\tat org.acme.App.main(App.java:7)\nCaused by: java.io.IOException: gone\n\t... 13 common frames omitted\n', 'org.acme.ConfigException'],
  ['PHP, uncaught, with another before', 'PHP Fatal error:  Uncaught DomainException: declined\nsecond line in /app/p.php:2\nStack trace:\n#0 /app/p.php(3): fail()\n#1 {main}\n\nNext RuntimeException: wrapped in /app/p.php:3\nStack trace:\n#0 /app/p.php(5): outer()\n#1 {main}\n  thrown in /app/p.php on line 3', 'DomainException'],
  ['Ruby, of a thread', "#<Thread:0x00007f85414784e8 /app/r.rb:15 run> terminated with exception (report_on_exception is true):\n/app/r.rb:15:in `block in <main>': in thread (RuntimeError)\n\tfrom /app/r.rb:1:in `x'", 'RuntimeError'],
  ['Java, carried without its indentation', '2022-08-22 05:18:16,123 ERROR c.e.Cart - failed\njava.lang.IllegalStateException: empty\nat c.e.Cart.pay(Cart.java:12)\nat java.base/java.lang.reflect.Method.invoke(Unknown Source)', 'java.lang.IllegalStateException'],
  ['Rails', "F, [2022-08-22T05:18:16.123456 #17] FATAL -- : \nNoMethodError (undefined method `x' for nil:NilClass):\n  \napp/carts.rb:3:in `index'\napp/cart.rb:4:in `pay'", 'NoMethodError'],
  ['php-fpm, of a worker', 'NOTICE: PHP message: PHP Fatal error:  Uncaught App\\Declined: no\nmore in /a.php:3\nStack trace:\n#0 /a.php(7): pay()\n#1 {main}\n  thrown in /a.php on line 3', 'App\\Declined'],
  ['Kotlin coroutines', 'Exception in thread "main" java.lang.IllegalStateException: boom\n\tat MainKt.main(Main.kt:3)\n\tSuppressed: kotlinx.coroutines.DiagnosticCoroutineContextException: [StandaloneCoroutine]', 'java.lang.IllegalStateException'],
];

const headedByAnother = /^[^\n]*Traceback \(most|^Task exception|^[A-Z]\w+Error: /;

for (const [what, event, type] of traces) {
  test(`one event: ${what}`, t => {
    // A Python traceback goes on with the line above that has a time: it says where it was logged.
    const headed = headedByAnother.test(event) ? [] : [['2022-08-22 05:18:16 INFO x', '2022-08-22 05:18:16 INFO y']];
    for (const [before, after] of [['listening', 'listening'], ['{"msg":1}', '{"msg":2}'], ...headed] as [string, string][]) t.deepEqual(joinText(`${before}\n${event}\n${after}`), [before, event, after]);
    t.deepEqual(joinText(`${event}\n${event}`), [event, event]);
    t.is(understandLine(Buffer.from(event)).exceptionType, type);
    const returned = event.replaceAll('\n', '\r\n');
    t.deepEqual(joinText(`${returned}\r\nlistening\r`), [`${returned}\r`, 'listening\r'], 'with carriage returns');
  });
}

test('lines that only look like a trace stand alone', t => {
  for (const [first, next] of [[' \u2713 Ready in 1234ms', ' \u2a2f TypeError: x'], [' \u25b2 Next.js', ' \u26a0 careful'], ['2022/08/22 05:18:16 Server started', 'INFO: 2022/08/22 05:18:17 ready'], ['/tmp/app.sock:1', 'listening'], ['java.io.IOException: gone', 'retrying'], ['2022-08-22 05:18:16 INFO x', 'future: bright'], ['ValueError: 1', 'count'], ['  <-- GET /', '  --> GET / 200 3ms'], ['    a', 'Message: hello'], ['listening', 'main.main'], ['2022-08-22 05:18:16 INFO x', 'example.com/a.html'], ['listening', '#1 in sales'], ['2022-08-22 05:18:16 INFO list', '#1 apples'], ['2022-08-22 05:18:16 ERROR x', 'Next Step: retry'], ['listening', '/app/x.js:17'], ['2022-08-22 05:18:16 INFO x', '** note **'], ['2022-08-22 05:18:16 INFO x', 'Error: boom'], ['2022-08-22 05:18:16 ERROR x', 'Unhandled exception. System.Exception: boom'], ['{"a":1}', '    at x (y:1:2)'], ['listening', 'note: see the manual'], ['listening', 'Stack trace:']] as const) {
    t.is(joinText(`${first}\n${next}`).length, 2, next);
  }
});

test('the fields that an exception lists belong to it', t => {
  const trace = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    Settings()\npydantic_core._pydantic_core.ValidationError: 2 validation errors for Settings\ndb_url\n  Field required [type=missing, input_value={}]\nports[0].number\n  Input should be a valid integer';
  t.deepEqual(joinText(`${trace}\nnow listening\nready`), [trace, 'now listening', 'ready']);
  t.is(understandLine(Buffer.from(trace)).exceptionType, 'pydantic_core._pydantic_core.ValidationError');
});

test('a message that no frame follows takes no more than a few lines', t => {
  const lines = Array.from({ length: 40 }, (_, n) => `line ${n} of something else`);
  t.true(joinText(['2022-08-22 05:18:16 ERROR x', 'java.io.IOException: gone', ...lines].join('\n'))[0]!.split('\n').length <= 10);
});
