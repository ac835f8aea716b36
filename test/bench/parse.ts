/**
 * What understanding a line costs: CPU per line of about 240 bytes by format, beside `JSON.parse` of the same line (of the same text as a JSON string
 * where it is no JSON). From the line's bytes to time, level, message, fields and ids. `npm run bench:parse`
 */
import { understandLine } from '../../collector/formats/understand.ts';
import { percentile, reportTable } from './report.ts';

const linesOfRun = 2000;
const rounds = 21;
const readMs = Date.UTC(2022, 7, 22, 6);

type Line = (n: number) => string;
const lorem = ' and the customer was told by mail that the order has been placed, is being packed and will be sent on the next day that is no holiday, with a number to follow it by';
const padded = (line: Line): Line => n => line(n).padEnd(240, lorem).slice(0, 240);
const hex = (n: number, length: number): string => (n * 2654435761 + 0x1234567).toString(16).padStart(length, '4bf92f3577b34da6a3ce929d0e0e4736').slice(-length);
const ms = (n: number): string => String(n % 1000).padStart(3, '0');

const lines: Record<string, Line> = {
  'JSON, pino': n => JSON.stringify({ level: 30, time: 1661145496154 + n, pid: 17, hostname: 'cart-7d9f', reqId: hex(n, 12), req: { method: 'GET', url: `/cart/${n}` }, res: { statusCode: 200 }, responseTime: n % 300, msg: 'request completed for a customer who looked at the cart twice before' }),
  'JSON, bunyan': n => JSON.stringify({ name: 'cart', hostname: 'cart-7d9f', pid: 17, req_id: hex(n, 32), level: 30, status: 200, durationMs: n % 300, msg: 'request completed for a customer who looked twice', time: `2022-08-22T05:18:16.${ms(n)}Z`, v: 0 }),
  'JSON, zap': n => JSON.stringify({ level: 'info', ts: 1661145496.1547723 + n, caller: 'server/main.go:212', msg: 'order placed and paid by card, the mail is sent', trace_id: hex(n, 32), span_id: hex(n, 16), items: n % 17, total: 12.5 }),
  'JSON, ECS': n => JSON.stringify({ '@timestamp': `2022-08-22T05:18:16.${ms(n)}Z`, 'log.level': 'warn', 'message': 'the cache of the catalogue is cold again', 'ecs.version': '1.6.0', 'log': { logger: 'app.cache' }, 'process': { pid: 17, thread: { name: 'main' } }, 'trace': { id: hex(n, 32) } }),
  'logfmt': n => `time="2022-08-22T05:18:16.${ms(n)}Z" level=info msg="order placed and paid by card, the mail is sent" trace_id=${hex(n, 32)} namespace=shop pod=cart-7d9f-${n} attempt=${n % 9} took=12.5ms status=ok customer=${n}`.padEnd(240, ' a=b'),
  'access log, combined': n => `10.2.${n % 250}.${n % 199} - - [22/Aug/2022:05:18:${String(n % 60).padStart(2, '0')} +0000] "GET /cart/${n}?sort=price&page=${n % 9} HTTP/1.1" 200 ${1000 + n} "https://shop.example/product/${n}" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0"`,
  'logback': padded(n => `2022-08-22 05:18:16,${ms(n)} INFO  [http-nio-8080-exec-${n % 9}] c.e.cart.CartService - cart ${n} is paid`),
  'Spring Boot': padded(n => `2022-08-22 05:18:16.${ms(n)}  INFO 1 --- [nio-8080-exec-${n % 9}] c.e.cart.CartService                     : cart ${n} is paid`),
  'Python': padded(n => `2022-08-22 05:18:16,${ms(n)} - shop.cart - WARNING - cart ${n} is paid`),
  'glog': padded(n => `I0822 05:18:16.${ms(n)}321       1 main.go:10] cart ${n} is paid`),
  'Go': padded(n => `2022/08/22 05:18:16 main.go:10: cart ${n} is paid`),
  'syslog': padded(n => `Aug 22 05:18:16 host sshd[24200]: Failed password for invalid user webmaster ${n} from 173.234.31.186 port 38926 ssh2`),
  'RFC 5424': padded(n => `<165>1 2022-08-22T05:18:16.${ms(n)}Z host cart 77 ID47 - cart ${n} is paid`),
  'nginx error': n => `2022/08/22 05:18:16 [error] 31#31: *${n} open() "/usr/share/nginx/html/cart/${n}.html" failed (2: No such file or directory), client: 172.17.0.1, server: localhost, request: "GET /cart/${n}.html HTTP/1.1", host: "localhost:8080"`,
  'Kafka broker': padded(n => `[2022-08-22 05:18:16,${ms(n)}] INFO [Controller ${n % 3}]: partition ${n} has a new leader`),
  'text with two ids': padded(n => `TraceID: ${hex(n, 32)} SpanID: ${hex(n, 16)} GetCartAsync called with userId=${n}`),
  'text': padded(n => `Listening on port ${n} and waiting for requests`),
};

/** Median CPU of a line over the rounds, microseconds. */
function cost(run: () => void): number {
  for (let warm = 0; warm < 20; warm += 1) run();
  const perLine: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    perLine.push((user + system) / linesOfRun);
  }
  return percentile(perLine, 0.5);
}

const when = { readMs, zone: null };
const rows = Object.entries(lines).map(([name, line]) => {
  const texts = Array.from({ length: linesOfRun }, (_, n) => line(n));
  const bytes = texts.map(text => Buffer.from(text));
  const own = cost(() => {
    for (const each of bytes) understandLine(each, when);
  });
  const isJson = name.startsWith('JSON');
  const documents = isJson ? texts : texts.map(text => JSON.stringify(text));
  const parse = cost(() => {
    for (const each of documents) JSON.parse(each);
  });
  const length = Math.round(texts.reduce((sum, text) => sum + text.length, 0) / linesOfRun);
  return [name, String(length), own.toFixed(2), parse.toFixed(2), isJson ? (own / parse).toFixed(1) : ''];
});
reportTable('parse', ['format', 'bytes', 'us a line', 'JSON.parse, us', 'times'], rows, [
  'From the bytes of a line to time, level, message, fields and ids, templates left out; the median of 21 runs over 2,000 lines. JSON.parse reads a string that is there already, `us a line` begins with decoding the bytes.',
  'Goals: at most 3 times JSON.parse for JSON lines, some 3 us a line of 240 bytes for the others.',
]);
