/**
 * Heads that are laid out like no other: glog and klog, Ruby, Redis, Apache's and nginx' error logs, NestJS, gin and logcat. Each reader sets what it finds and
 * returns the message's index, or -1 and sets nothing.
 */
import type { Level } from '#schemas/event.ts';
import { levelOfLetter, levelOfName } from '../fields/level.ts';
import type { Reading } from '../fields/reading.ts';
import { readMonthDayClock, readTime, type TimeRead, type WhenRead } from '../fields/time.ts';
import { putPlace } from './caller.ts';
import { parseLogfmt } from './logfmt.ts';
import { closingBracket, code, isBlank, isDigit, isNumber, isWord, matchAt, skipBlanks, skipDigits } from './scan.ts';

export function putTime(reading: Reading, line: string, from: number, time: TimeRead): void {
  reading.put('time', line.slice(from, time.end));
  reading.timeNs = time.timeNs;
  reading.timeAssumed = time.assumed;
}

/** `I0822 05:18:16.154321       1 main.go:10] message`; with a year (`I20220822`, `I220822`); klog's quoted message with pairs behind it. */
export function readGlog(reading: Reading, line: string, when: WhenRead): number {
  const level = levelOfLetter(line[0]!);
  const digits = skipDigits(line, 1) - 1;
  if (level === null || (digits !== 4 && digits !== 6 && digits !== 8) || line.charCodeAt(digits + 1) !== code.space) return -1;
  const yearDigits = digits - 4;
  const year = yearDigits === 0 ? null : Number(line.slice(1, yearDigits + 1)) + (yearDigits === 2 ? 2000 : 0);
  const monthAt = yearDigits + 1;
  const time = readMonthDayClock(line, digits + 2, year, Number(line.slice(monthAt, monthAt + 2)), Number(line.slice(monthAt + 2, monthAt + 4)), when);
  if (time === null || !isBlank(line.charCodeAt(time.end))) return -1;
  const threadAt = skipBlanks(line, time.end);
  const threadEnd = skipDigits(line, threadAt);
  const placeAt = skipBlanks(line, threadEnd);
  const bracket = line.indexOf(']', placeAt);
  // CockroachDB ends the place with a sign of its own.
  const mark = line.indexOf(' \u22ee ', placeAt);
  const placeEnd = mark > 0 && (bracket < 0 || mark < bracket) ? mark : bracket;
  if (threadEnd === threadAt || placeEnd < 0 || placeEnd - placeAt > 256 || !putPlace(reading, line.slice(placeAt, placeEnd))) return -1;
  putTime(reading, line, 1, time);
  reading.level = level;
  reading.put('process.thread.id', Number(line.slice(threadAt, threadEnd)));
  const at = skipBlanks(line, placeEnd === mark ? mark + 3 : placeEnd + 1);
  if (line.charCodeAt(at) === code.quote) readQuotedMessage(reading, line, at);
  return at;
}

/** klog's structured form: `"message" name="value" other=1`. */
function readQuotedMessage(reading: Reading, line: string, at: number): void {
  let end = at + 1;
  while (end < line.length && line.charCodeAt(end) !== code.quote) end += line.charCodeAt(end) === 0x5c ? 2 : 1;
  if (end >= line.length || (end + 1 < line.length && line.charCodeAt(end + 1) !== code.space)) return;
  const pairs = parseLogfmt(line.slice(end + 1), true);
  if (pairs === null || pairs[0]?.hasValue === false) return;
  const { timeNs, level } = reading;
  const values = new Map<string, string | null>();
  let last = '';
  for (const { key, value, hasValue } of pairs) {
    // Go's structures are printed with blanks and without quotes.
    if (!hasValue) values.set(last, `${values.get(last) ?? ''} ${key}`);
    else if (!isNamed(reading, key)) values.set((last = key), value);
  }
  for (const [key, value] of values) reading.add(key, value);
  // A pair may be called like a time, a level or a message; what stands before the pairs is all of that.
  reading.message = line.slice(at + 1, end);
  reading.timeNs = timeNs;
  reading.level = level;
}

/** A pair may be called like something that the head has said already. */
function isNamed(reading: Reading, name: string): boolean {
  return Object.hasOwn(reading.fields, name) || name === 'message' || name === 'msg' || name === 'level';
}

const rubyTail = /#(\d+)\] +[A-Z]+ -- ([^:]{0,128}): ?/y;

/** `I, [2022-08-22T05:18:16.123456 #4711]  INFO -- program: message`. */
export function readRuby(reading: Reading, line: string, when: WhenRead): number {
  const level = levelOfLetter(line[0]!);
  if (level === null && line[0] !== 'A') return -1;
  const time = readTime(line, 4, when);
  if (time === null || line.charCodeAt(time.end) !== code.space) return -1;
  const tail = matchAt(rubyTail, line, skipBlanks(line, time.end));
  if (tail === null) return -1;
  putTime(reading, line, 4, time);
  reading.level = level;
  reading.put('process.pid', Number(tail[1]));
  if (tail[2] !== '') reading.put('process.name', tail[2]!);
  return skipBlanks(line, time.end) + tail[0].length;
}

const redisLevels: Record<string, Level> = { '.': 'debug', '-': 'debug', '*': 'info', '#': 'warn' };
const redisHead = /(?:(\d{1,10}):([XCSM]) |\[(\d{1,10})\] )(?=\d\d )/y;

/** `1:M 25 Apr 2024 05:32:35.018 * message`. */
export function readRedis(reading: Reading, line: string, when: WhenRead): number {
  const head = matchAt(redisHead, line, 0);
  if (head === null) return -1;
  const time = readTime(line, head[0].length, when);
  const level = time === null || line.charCodeAt(time.end) !== code.space || line.charCodeAt(time.end + 2) !== code.space ? undefined : redisLevels[line[time.end + 1]!];
  if (time === null || level === undefined) return -1;
  putTime(reading, line, head[0].length, time);
  reading.level = level;
  reading.put('process.pid', Number(head[1] ?? head[3]));
  if (head[2] !== undefined) reading.put('redis.role', head[2]);
  return time.end + 3;
}

const apacheLevel = /\[([\w-]{0,64}):([a-z]{3,8}\d?)\] |\[([a-z]{3,8}\d?)\] /y;
const apacheProcess = /\[pid (\d{1,10})(?::tid (\d{1,20}))?\] /y;
const apacheClient = /\[(?:client|remote) ([^\s\]]{1,64})\] /y;
const apacheCode = /(AH\d{5}): /y;
const apacheCause = /\((-?\d{1,10})\)([^:[\]]{1,200}): /y;

/** Apache httpd's error log, 2.2 and 2.4: `[Mon Aug 31 09:30:48.958285 2015] [module:level] [pid 1:tid 2] (70008)cause: [client 1.2.3.4:5] AH01075: message`. */
export function readApacheError(reading: Reading, line: string, when: WhenRead): number {
  const time = readTime(line, 1, when);
  if (time === null || line.charCodeAt(time.end) !== code.closeBracket) return -1;
  let at = skipBlanks(line, time.end + 1);
  const head = matchAt(apacheLevel, line, at);
  const level = head === null ? null : levelOfName(head[2] ?? head[3]!);
  if (head === null || level === null) return -1;
  putTime(reading, line, 1, time);
  reading.level = level;
  if (head[1] !== undefined && head[1] !== '') reading.put('apache.error.module', head[1]);
  at += head[0].length;
  const process = matchAt(apacheProcess, line, at);
  if (process !== null) {
    reading.put('process.pid', Number(process[1]));
    // Longer than a number can be exact.
    if (process[2] !== undefined) reading.put('process.thread.id', process[2].length > 15 ? process[2] : Number(process[2]));
    at += process[0].length;
  }
  const cause = line.charCodeAt(at) === code.open ? matchAt(apacheCause, line, at) : null;
  if (cause !== null) {
    reading.put('apache.error.proxy.error.code', cause[1]!);
    reading.put('apache.error.proxy.error.message', cause[2]!);
    at += cause[0].length;
  }
  const client = matchAt(apacheClient, line, at);
  if (client !== null) {
    putAddress(reading, client[1]!);
    at += client[0].length;
  }
  const errorCode = matchAt(apacheCode, line, at);
  if (errorCode === null) return at;
  reading.put('error.code', errorCode[1]!);
  return at + errorCode[0].length;
}

/** `1.2.3.4`, `1.2.3.4:56789`, `[::1]:56789`. */
export function putAddress(reading: Reading, text: string): void {
  const colon = text.lastIndexOf(':');
  const hasPort = colon > 0 && isNumber(text.slice(colon + 1)) && (text.indexOf(':') === colon || text.charCodeAt(colon - 1) === code.closeBracket);
  const address = hasPort ? text.slice(0, colon) : text;
  reading.put('source.address', address.charCodeAt(0) === code.openBracket ? address.slice(1, -1) : address);
  if (hasPort) reading.put('source.port', Number(text.slice(colon + 1)));
}

const nginxTail = /, (client|server|request|subrequest|upstream|host|referrer): (?:"([^"]*)"|([^,"\s]+))/g;
const nginxNames: Record<string, string> = { server: 'server.address', subrequest: 'nginx.subrequest', upstream: 'nginx.upstream', host: 'url.domain', referrer: 'http.request.referrer' };

/** nginx' error log behind time and level: `31#31: *1 message, client: 1.2.3.4, server: x, request: "GET / HTTP/1.1", host: "y"`. */
export function readNginxError(reading: Reading, line: string, at: number): number {
  const pidEnd = skipDigits(line, at);
  if (pidEnd === at || line.charCodeAt(pidEnd) !== code.hash) return -1;
  const threadEnd = skipDigits(line, pidEnd + 1);
  if (line.charCodeAt(threadEnd) !== code.colon) return -1;
  reading.put('process.pid', Number(line.slice(at, pidEnd)));
  reading.put('process.thread.id', Number(line.slice(pidEnd + 1, threadEnd)));
  let start = skipBlanks(line, threadEnd + 1);
  const connection = line.charCodeAt(start) === code.star ? skipDigits(line, start + 1) : 0;
  if (connection > start + 1 && line.charCodeAt(connection) === code.space) {
    reading.add('connection_id', line.slice(start + 1, connection));
    start = connection + 1;
  }
  const client = line.lastIndexOf(', client: ');
  if (client < start) return start;
  for (const [, name, quoted, bare] of line.slice(client).matchAll(nginxTail)) {
    const value = quoted ?? bare!;
    if (name === 'client') putAddress(reading, value);
    else if (name === 'request') putRequest(reading, value);
    else reading.put(nginxNames[name!]!, value);
  }
  return start;
}

const httpVersion = /^HTTP\/(\d(?:\.\d)?)$/;
/** As hypercorn has it. */
const bareVersion = /^([123](?:\.[01])?)$/;
const method = /^[A-Z][A-Z_-]{1,31}$/;

/** `GET /path?query HTTP/1.1`. Other things stand there too: `-` for no request, and the bytes of a port scan. False for those. */
export function putRequest(reading: Reading, request: string): boolean {
  const first = request.indexOf(' ');
  if (first < 0 || !method.test(request.slice(0, first))) return false;
  let last = request.lastIndexOf(' ');
  const version = last > first ? (httpVersion.exec(request.slice(last + 1)) ?? bareVersion.exec(request.slice(last + 1))) : null;
  if (version === null) last = request.length;
  const target = request.slice(first + 1, last);
  reading.put('http.request.method', request.slice(0, first));
  reading.put('url.original', target);
  const query = target.indexOf('?');
  reading.put('url.path', query < 0 ? target : target.slice(0, query));
  if (version !== null) reading.put('http.version', version[1]!);
  return true;
}

const nestHead = /\[(?:Nest|[\w-]{1,64})\] (\d{1,10}) +- (\d\d)\/(\d\d)\/(\d{4}), (\d{1,2}):(\d\d):(\d\d) ([AP])M +([A-Z]{3,7}) /y;

/** NestJS: `[Nest] 17  - 08/22/2022, 5:18:16 AM     LOG [RoutesResolver] message`. */
export function readNest(reading: Reading, line: string, when: WhenRead): number {
  const head = matchAt(nestHead, line, 0);
  if (head === null) return -1;
  const [all, pid, month, day, year, hour, minute, second, half, word] = head as unknown as [string, string, string, string, string, string, string, string, string, string];
  const level = word === 'LOG' ? 'info' : levelOfName(word);
  const hours = (Number(hour) % 12) + (half === 'P' ? 12 : 0);
  const time = readTime(`${year}-${month}-${day} ${String(hours).padStart(2, '0')}:${minute}:${second}`, 0, when);
  if (level === null || time === null) return -1;
  const timeAt = line.indexOf(month + '/');
  reading.put('time', line.slice(timeAt, line.indexOf('M', timeAt) + 1));
  reading.timeNs = time.timeNs;
  reading.level = level;
  reading.put('process.pid', Number(pid));
  const at = skipBlanks(line, all.length);
  const close = line.charCodeAt(at) === code.openBracket ? closingBracket(line, at, 128) : -1;
  if (close < 0) return at;
  reading.put('log.logger', line.slice(at + 1, close));
  return skipBlanks(line, close + 1);
}

const ginHead = /\[[\w-]{1,32}\] (\d{4}\/\d\d\/\d\d) - (\d\d:\d\d:\d\d) \| +(\d{3}) \| +([\d.]+)(\u00b5s|us|ms|ns|s|m[\d.]*s?) \| +(\S{1,64}) \| +([A-Z]{3,7}) +"([^"]*)"/y;
const milliseconds: Record<string, number> = { ns: 1e-6, us: 1e-3, '\u00b5s': 1e-3, ms: 1, s: 1000 };

/** gin: `[GIN] 2022/08/22 - 05:18:16 | 200 |     1.234ms |       127.0.0.1 | GET      "/ping"`. The whole line is the message. */
export function readGin(reading: Reading, line: string, when: WhenRead): number {
  const head = matchAt(ginHead, line, 0);
  if (head === null) return -1;
  const [, date, clock, status, duration, unit, client, verb, path] = head as unknown as [string, string, string, string, string, string, string, string, string];
  const time = readTime(`${date} ${clock}`, 0, when);
  if (time === null) return -1;
  reading.put('time', `${date} - ${clock}`);
  reading.timeNs = time.timeNs;
  reading.put('http.response.status_code', Number(status));
  if (milliseconds[unit] !== undefined) reading.put('duration_ms', Number((Number(duration) * milliseconds[unit]).toFixed(6)));
  reading.put('source.address', client);
  putRequest(reading, `${verb} ${path}`);
  return 0;
}

const logcatTail = / +(\d{1,7}) +(\d{1,7}) ([VDIWEFA]) ([^:]{1,64}?) *: /y;

/** Android's logcat: `08-22 05:18:16.123  1702  2395 D WindowManager: message`. */
function readLogcat(reading: Reading, line: string, when: WhenRead): number {
  const time = readMonthDayClock(line, 6, null, Number(line.slice(0, 2)), Number(line.slice(3, 5)), when);
  const tail = time === null ? null : matchAt(logcatTail, line, time.end);
  if (time === null || tail === null) return -1;
  putTime(reading, line, 0, time);
  reading.level = tail[3] === 'A' ? 'fatal' : levelOfLetter(tail[3]!);
  reading.put('process.pid', Number(tail[1]));
  reading.put('process.thread.id', Number(tail[2]));
  reading.put('log.logger', tail[4]!);
  return time.end + tail[0].length;
}

const tornadoTail = / ([\w.]{1,64})(?::(\d{1,7}))?\] /y;

/** Tornado and Jupyter: `[I 220822 05:18:16 web:2250] message`, the date left out or ISO. */
function readTornado(reading: Reading, line: string, when: WhenRead): number {
  const level = levelOfLetter(line[1]!);
  const time = level === null ? null : readTime(line, 3, when);
  const tail = time === null ? null : matchAt(tornadoTail, line, time.end);
  if (time === null || tail === null) return -1;
  putTime(reading, line, 3, time);
  reading.level = level;
  reading.put('log.logger', tail[1]!);
  if (tail[2] !== undefined) reading.put('log.origin.file.line', Number(tail[2]));
  return time.end + tail[0].length;
}

/** The reader of a head by how the line begins, before the layouts that many share are tried. */
export function readSpecialHead(reading: Reading, line: string, when: WhenRead): number {
  const first = line.charCodeAt(0);
  const second = line.charCodeAt(1);
  if (first === code.openBracket) {
    if (isDigit(second)) return line.charCodeAt(2) === code.closeBracket || line.charCodeAt(3) === code.closeBracket || line.indexOf(']') < 9 ? readRedis(reading, line, when) : -1;
    if (line.charCodeAt(2) === code.space) return readTornado(reading, line, when);
    // A weekday begins Apache's time.
    if (line.charCodeAt(4) === code.space && isWord(second)) {
      const apache = readApacheError(reading, line, when);
      if (apache >= 0) return apache;
    }
    const nest = line.includes('M ', 20) && line.includes('] ') ? readNest(reading, line, when) : -1;
    return nest >= 0 || !line.includes(' | ') ? nest : readGin(reading, line, when);
  }
  if (isDigit(first)) {
    if (line.charCodeAt(2) === code.dash && line.charCodeAt(5) === code.space) return readLogcat(reading, line, when);
    const colon = skipDigits(line, 0);
    return line.charCodeAt(colon) === code.colon && line.charCodeAt(colon + 2) === code.space ? readRedis(reading, line, when) : -1;
  }
  if (isDigit(second)) return readGlog(reading, line, when);
  if (second === code.comma && line.startsWith(' [', 2)) return readRuby(reading, line, when);
  return -1;
}

