import test from 'ava';
import fc from 'fast-check';
import { formatTimeNs } from '#schemas/event.ts';
import { understandLine, type Understood } from '../../../collector/formats/understand.ts';
import { beginsOpen, continues } from '../../../collector/formats/continuation.ts';
import { parseCriLine } from '../../../collector/lines/cri.ts';
import { parseDockerLine } from '../../../collector/lines/docker.ts';

const understand = (line: string): Understood => understandLine(Buffer.from(line));
const timeOf = ({ timeNs }: Understood): string | null => (timeNs === null ? null : formatTimeNs(timeNs));

// [line, time, level, message]
for (const [line, time, level, message] of [
  ['2022-08-22 05:18:16,123 INFO x y', '2022-08-22T05:18:16.123000000Z', 'info', 'x y'],
  ['2022-08-22T05:18:16.154772363+02:00 warn: x', '2022-08-22T03:18:16.154772363Z', 'warn', 'x'],
  ['[2022-08-22 05:18:16,123][WARN ][a.b ] x', '2022-08-22T05:18:16.123000000Z', 'warn', 'x'],
  ['05:18:20.847 INFO  - msg', null, 'info', 'msg'],
  ['05:18:16.123 [main] ERROR c.e.Foo - msg', null, 'error', 'msg'],
  ['2022-08-22 05:18:16,123 - app.db - WARNING - disk', '2022-08-22T05:18:16.123000000Z', 'warn', 'disk'],
  ['ERROR: x', null, 'error', 'x'],
  ['[error] x', null, 'error', 'x'],
  ['Error: boom', null, 'error', 'Error: boom'],
  ['I0822 05:18:16.154321       1 main.go:10] msg', null, 'info', 'msg'],
  ['2022/08/22 05:18:16 [error] 31#31: *1 open() failed', '2022-08-22T05:18:16.000000000Z', 'error', 'open() failed'],
  ['2022-08-22 05:18:16 -0700 INFO x', '2022-08-22T12:18:16.000000000Z', 'info', 'x'],
  ['[Thu Apr 27 10:39:46.719636 2017] [php7:notice] [pid 17] Test', '2017-04-27T10:39:46.719636000Z', 'info', 'Test'],
  ['Dec 10 06:55:46 host sshd[24200]: x', null, null, 'x'],
  ['Jul 09, 2015 3:23:29 PM com.example.X main', '2015-07-09T15:23:29.000000000Z', null, 'com.example.X main'],
  ['<11>1 2022-08-22T05:18:16.003Z host app - - - x', '2022-08-22T05:18:16.003000000Z', 'error', 'x'],
  ['I, [2022-08-22T05:18:16.123456 #1]  INFO -- : hey', '2022-08-22T05:18:16.123456000Z', 'info', 'hey'],
  ['2022-08-22 05:18:16 Got an ERROR from x', '2022-08-22T05:18:16.000000000Z', null, 'Got an ERROR from x'],
  ['2022-08-22 05:18:16 error occurred', '2022-08-22T05:18:16.000000000Z', 'error', 'error occurred'],
  ['information wants to be free', null, null, 'information wants to be free'],
  ['ERROR -1 rows', null, 'error', '-1 rows'],
  ['2022-02-30 05:18:16 INFO no such day', null, null, '2022-02-30 05:18:16 INFO no such day'],
  ['\u001b[32m2022-08-22 05:18:16\u001b[0m \u001b[1mWARN\u001b[0m x\r', '2022-08-22T05:18:16.000000000Z', 'warn', 'x'],
  ['2022-08-22T05:18:16Z level=info msg="hi there"', '2022-08-22T05:18:16.000000000Z', 'info', 'hi there'],
  ['2022-08-22T05:18:16.1Z {"level":"warn","msg":"x"}', '2022-08-22T05:18:16.100000000Z', 'warn', 'x'],
] as const) {
  test(`text: ${line}`, t => {
    const understood = understand(line);
    t.deepEqual([timeOf(understood), understood.level, understood.message], [time, level, message]);
  });
}

test('a time without a date is a field, not a time', t => {
  const { timeNs, fields } = understand('05:18:20.847 INFO  - msg');
  t.deepEqual([timeNs, fields], [null, { time: '05:18:20.847' }]);
});

for (const [logger, line, time, level, message] of [
  ['bunyan', '{"name":"svc","pid":1,"level":55,"msg":"hi","time":"2012-02-08T22:56:55.856Z","v":0}', '2012-02-08T22:56:55.856000000Z', 'error', 'hi'],
  ['pino', '{"level":30,"time":1661145496154,"pid":1,"msg":"hi"}', '2022-08-22T05:18:16.154000000Z', 'info', 'hi'],
  ['zap', '{"level":"warn","ts":1661145496.1547723,"caller":"a.go:1","msg":"hi"}', '2022-08-22T05:18:16.154772300Z', 'warn', 'hi'],
  ['zerolog in nanoseconds', '{"level":"info","time":1661145496154772363,"message":"hi"}', '2022-08-22T05:18:16.154772363Z', 'info', 'hi'],
  ['slog', '{"time":"2022-08-22T05:18:16.154772363+02:00","level":"ERROR","msg":"hi"}', '2022-08-22T03:18:16.154772363Z', 'error', 'hi'],
  ['Serilog', '{"@t":"2022-08-22T05:18:16.1547723Z","@m":"hi","@l":"Warning"}', '2022-08-22T05:18:16.154772300Z', 'warn', 'hi'],
  ['Serilog at Information', '{"@t":"2022-08-22T05:18:16Z","@mt":"hi"}', '2022-08-22T05:18:16.000000000Z', 'info', 'hi'],
  ['ECS flat', '{"@timestamp":"2022-08-22T05:18:16Z","log.level":"debug","message":"hi"}', '2022-08-22T05:18:16.000000000Z', 'debug', 'hi'],
  ['ECS nested', '{"@timestamp":"2022-08-22T05:18:16Z","log":{"level":"debug"},"message":"hi"}', '2022-08-22T05:18:16.000000000Z', 'debug', 'hi'],
  ['GCP', '{"severity":"CRITICAL","timestamp":{"seconds":1661145496,"nanos":5},"message":"hi"}', '2022-08-22T05:18:16.000000005Z', 'fatal', 'hi'],
  ['log4j2', '{"instant":{"epochSecond":1661145496,"nanoOfSecond":154772363},"level":"TRACE","message":"hi"}', '2022-08-22T05:18:16.154772363Z', 'trace', 'hi'],
  ['OpenTelemetry', '{"timeUnixNano":"1661145496154772363","severityNumber":17,"body":"hi"}', '2022-08-22T05:18:16.154772363Z', 'error', 'hi'],
  ['MongoDB', '{"t":{"$date":"2022-08-22T05:18:16.123+00:00"},"s":"W","msg":"hi"}', '2022-08-22T05:18:16.123000000Z', 'warn', 'hi'],
  ['GELF', '{"version":"1.1","short_message":"hi","timestamp":1661145496.5,"level":3}', '2022-08-22T05:18:16.500000000Z', 'error', 'hi'],
  ['nothing known', '{"hi":"there"}', null, null, '{"hi":"there"}'],
  ['names in capitals', '{"Time":"2022-08-22T05:18:16Z","LEVEL":"Notice","Message":"hi"}', '2022-08-22T05:18:16.000000000Z', 'info', 'hi'],
  ['a duration under a time\'s name', '{"time":0.25,"ts":"2022-08-22T05:18:16Z","msg":"hi"}', '2022-08-22T05:18:16.000000000Z', null, 'hi'],
] as const) {
  test(`JSON of ${logger}`, t => {
    const understood = understand(line);
    t.deepEqual([understood.format, understood.complete, timeOf(understood), understood.level, understood.message], ['json', true, time, level, message]);
  });
}

test('JSON fields: flattened, sources kept, long numbers keep their digits, arrays keep their members', t => {
  const { fields } = understand('{"msg":"m","level":30,"service":{"name":"cart"},"big":12345678901234567890,"huge":1e999,"f":1.5,"neg":-9007199254740993,"list":[1,"a",null,{"x":1},[2]],"empty":{},"none":null,"__proto__":{"y":2}}');
  t.deepEqual(fields, { 'msg': 'm', 'level': 30, 'service.name': 'cart', 'big': '12345678901234567890', 'huge': '1e999', 'f': 1.5, 'neg': '-9007199254740993', 'list': [1, 'a', null, '{"x":1}', [2]], 'empty': '{}', 'none': null, '__proto__.y': 2 });
  const named = understand('{"__proto__":["x"],"msg":"m"}').fields;
  t.is(Object.getPrototypeOf(named), Object.prototype);
  t.deepEqual(Object.entries(named), [['__proto__', ['x']], ['msg', 'm']]);
});

test('JSON past its limits stays as JSON text', t => {
  let deep = '1';
  for (let depth = 0; depth < 30; depth++) deep = `{"d":${deep}}`;
  const [name, value] = Object.entries(understand(deep).fields)[0]!;
  t.is(name.split('.').length, 20);
  t.deepEqual(JSON.parse(value as string), JSON.parse(deep.slice(5 * 20, -20)));
  const wide = understand(JSON.stringify(Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`k${index}`, index])))).fields;
  t.is(Object.keys(wide).length, 1001);
  t.is(Object.keys(JSON.parse(wide['_rest'] as string) as object).length, 500);
});

test('broken JSON is text, and JSON too deep to take apart too', t => {
  t.is(understand('{"level":"error","msg":"cut of').format, 'text');
  t.is(understand('{"a":1} trailing').format, 'text');
  t.notThrows(() => understand('{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)));
  t.notThrows(() => understand(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`));
});

test('the exception of a structured line comes from its error object or its stack', t => {
  t.is(understand('{"level":50,"msg":"x","err":{"type":"TypeError","stack":"TypeError: q\\n    at x (y:1:2)"}}').exceptionType, 'TypeError');
  t.is(understand('{"level":"ERROR","message":"x","stack_trace":"java.io.IOException: gone\\n\\tat a.B.c(B.java:1)"}').exceptionType, 'java.io.IOException');
  t.is(understand('{"level":"ERROR","message":"x","exc_info":"Traceback (most recent call last):\\n  File \\"a\\", line 1\\nKeyError: 1"}').exceptionType, 'KeyError');
  t.is(understand('{"level":"ERROR","message":"plain"}').exceptionType, null);
});

test('an access line that names nginx\' msec has its milliseconds, unless the two times disagree', t => {
  const line = (msec: string): bigint | null => understandLine(Buffer.from(`203.0.113.5 - - [22/Aug/2022:05:18:16 +0000] "GET / HTTP/1.1" 200 5 "-" "curl" msec=${msec}`)).timeNs;
  t.is(line('1661145496.154'), 1661145496154000000n);
  t.is(line('1661145496.150'), 1661145496150000000n);
  t.is(line('1661145497.154'), 1661145496000000000n);
  t.is(line('-'), 1661145496000000000n);
});

test('access lines: combined with extras, common, with a virtual host, Envoy', t => {
  const { format, level, fields, ids, requestIdSource, timeNs } = understand('1.2.3.4 - bob [22/Aug/2022:05:18:16 +0200] "GET /a/b?c=d HTTP/1.1" 200 12 "-" "curl \\"7\\"" rt=0.005 0.25 fe3974115b911675d0640788986f80c9');
  t.deepEqual([format, level, timeNs], ['access', null, 1661138296000000000n]);
  t.deepEqual(fields, {
    'source.address': '1.2.3.4', 'user.name': 'bob', 'http.request.method': 'GET', 'url.original': '/a/b?c=d', 'url.path': '/a/b', 'http.version': '1.1', 'time': '22/Aug/2022:05:18:16 +0200',
    'http.response.status_code': 200, 'http.response.body.bytes': 12, 'user_agent.original': 'curl \\"7\\"', 'rt': 0.005, 'request_id': 'fe3974115b911675d0640788986f80c9', 'extra': ['0.25'],
  });
  t.deepEqual(ids, [{ kind: 'request', name: 'request_id', value: 'fe3974115b911675d0640788986f80c9' }]);
  t.is(requestIdSource, 'field:request_id');
  t.is(understand('1.2.3.4 - - [22/Aug/2022:05:18:16 +0200] "GET / HTTP/1.1" 200 1 "-" "-" fe3974115b911675d0640788986f80c9 0.25').requestId, 'fe3974115b911675d0640788986f80c9');
  t.is(understand('shop:443 1.2.3.4 - - [22/Aug/2022:05:18:16 +0200] "GET / HTTP/2.0" 404 - 116075').fields['server.address'], 'shop:443');
  t.is(understand('10.1.1.1 - - [15/Feb/2013:06:00:31 +0000] "-" 400 0 "-" "-"').fields['http.response.status_code'], 400);
  t.is(understand('[2022-08-22T05:18:16.310Z] "POST /v1 HTTP/2" 204 - "-" "-" 154 0 226 100 "10.0.35.28" "ua" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "svc" "tcp://10.0.35.28:80"').requestId, 'cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2');
  t.is(understand('[2022-08-22 05:18:16] "quoted" text').format, 'text');
  t.is(understand('1.2.3.4 - Jane Q. Doe [22/Aug/2022:05:18:16 +0200] "GET / HTTP/1.1" 200 1').fields['user.name'], 'Jane Q. Doe');
  t.is(understand('1.2.3.4, 5.6.7.8 - - [22/Aug/2022:05:18:16 +0200] "GET / HTTP/1.1" 200 1').fields['source.address'], '1.2.3.4');
  t.is(understand('2001:db8::7 - - [22/Aug/2022:05:18:16 +0200] "GET / HTTP/1.1" 200 1').fields['source.address'], '2001:db8::7');
  t.is(understand('host.example - - [22/Aug/2022:05:18:16 +0200] "GET / HTTP/1.1" 200 1').fields['source.address'], 'host.example');
});

test('logfmt: at least two pairs, numbers kept as spelled, loose words borne beside a known name', t => {
  t.deepEqual(understand('level=info msg="a \\"b\\"" dur=12 ver=1.10 id=007 path=/x?a=b on').fields, { level: 'info', msg: 'a "b"', dur: 12, ver: '1.10', id: '007', path: '/x?a=b', on: null });
  t.is(understand('a=1 b=2').format, 'logfmt');
  for (const text of ['a=1', 'hello a=1 b=2', 'a=1 b=2 loose words', 'x="unclosed b=2']) t.is(understand(text).format, 'text', text);
});

test('invalid UTF-8 is understood with U+FFFD in its place', t => {
  t.is(understandLine(Buffer.from([0x45, 0x52, 0x52, 0x4f, 0x52, 0x3a, 0x20, 0xff, 0x78])).message, '\ufffdx');
  t.is(understandLine(Buffer.from([0xef, 0xbb, 0xbf, 0x78])).message, 'x');
  t.is(understandLine(new Uint8Array(0)).message, '');
});

test('no bytes make it throw', t => {
  const alphabet = fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', ' ', '=', '-', '\n', '\t', '0', '9', 'e', 'T', 'Z', 'id', 'trace', 'level', 'ERROR', 'at ', 'time', '2022-08-22', '05:18:16', '00-', '\u001b[', 'req-', '1e999', '__proto__', '/', 'HTTP/1.1', ' - - [22/Aug/2022:05:18:16 +0200] "');
  const lines = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.array(alphabet, { maxLength: 60 }).map(parts => Buffer.from(parts.join(''))), fc.json().map(text => Buffer.from(text)));
  fc.assert(fc.property(lines, lines, (line, next) => {
    const understood = understandLine(line);
    continues(beginsOpen(line, understood), next);
    parseCriLine(line);
    parseDockerLine(line);
    JSON.stringify(understood, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
  }), { numRuns: 3000 });
  t.pass();
});

test('a line sixteen times as long takes no more than sixteen times the work, roughly: 4 MiB of what regexes fear is read at all', t => {
  for (const piece of ['a', ' ', '(', '[', '"', '=', 'a=', 'id:', '00-', 'req-', '\u001b]', '\u001b[1', 'a.', 'Error', ' at ', '\n', '\n at', 'x:y ', '[a] ']) {
    t.notThrows(() => understand(piece.repeat(Math.ceil(4_194_304 / piece.length))), JSON.stringify(piece));
  }
});

test('a number called level is a level beside a time or a message only', t => {
  for (const line of ['{"player":"bob","level":12}', '{"severity":3,"ticket":"A-1"}', 'level=3 boss=dragon']) t.is(understandLine(Buffer.from(line)).level, null, line);
  for (const line of ['{"level":30,"time":1661145496123}', '{"level":30,"msg":"x"}', '{"level":6,"timestamp":1661145496,"host":"h"}', 'level=6 msg=x']) t.is(understandLine(Buffer.from(line)).level, 'info', line);
});

test('a name above its frames is an exception, above a list it is not', t => {
  t.is(understandLine(Buffer.from('QuotaExceeded: 12 of 10\n    at pay (/app/pay.js:3:1)')).exceptionType, 'QuotaExceeded');
  t.is(understandLine(Buffer.from('OpeningHours: today\n    at the bar\n    at home')).exceptionType, null);
  t.is(understandLine(Buffer.from('Trace: here\n    at pay (/app/pay.js:3:1)')).exceptionType, null);
});
