/**
 * Access logs: Apache common and combined, nginx, Tomcat, with or without a virtual host in front, and whatever an operator put behind; Envoy's
 * default format, morgan's and haproxy's. Found by `[time]`, a quoted request and a status in that order, nothing else; haproxy's by its own order.
 */
import { Reading } from '../fields/reading.ts';
import { notKnownWhen, readTime, type TimeRead, type WhenRead } from '../fields/time.ts';
import type { FieldValue } from '#schemas/event.ts';
import { addIdsOfText } from '../ids/extract.ts';
import { withoutAnsi } from './ansi.ts';
import { isDigit, matchAt } from './scan.ts';
import { putAddress, putRequest } from './special-heads.ts';
import { textCharsMax, understoodOf, type Understood } from './understood.ts';

/** The time begins within this many characters, or the line is something else. */
const headCharsMax = 1024;
const extrasMax = 64;
const address = /^[0-9a-fA-F:.]+$|^localhost$/;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const longHex = /^[0-9a-f]{32}$/i;
/** The last token may be a shorter hex number, if not one of digits only, which would be a duration or a size. */
const shortHex = /^(?=.*[a-f])[0-9a-f]{16,64}$/i;
const number = /^\d{1,15}$/;
const plainDecimal = /^\d{1,9}(?:\.\d{1,9})?$/;

interface Token {
  text: string;
  quoted: boolean;
  /** Name of a `name=value` token. */
  key: string | null;
}

export function understandAccessLog(line: string, when = notKnownWhen): Understood | null {
  // Werkzeug colours the request, morgan the status.
  const text = withoutAnsi(line);
  if (text.startsWith('[pid: ')) return understandUwsgi(text, when);
  if (text.charCodeAt(text.length - 4) === 0x20 && text.includes(' - ')) {
    const phpFpm = understandPhpFpm(text, when);
    if (phpFpm !== null) return phpFpm;
  }
  if (isMorganEnd(text)) {
    const morganLine = understandMorgan(text, when);
    if (morganLine !== null) return morganLine;
  }
  const open = text.indexOf('[');
  if (open < 0 || open > headCharsMax || text.length > textCharsMax || (open > 0 && text[open - 1] !== ' ')) return null;
  const time = readTime(text, open + 1, when);
  if (time === null || text[time.end] !== ']' || text[time.end + 1] !== ' ') return null;
  if (text[time.end + 2] !== '"') return understandHaproxy(text, open, time, when);
  const tokens = tokensFrom(text, time.end + 2);
  if (tokens === null) return null;
  const [request, status] = tokens;
  if (request === undefined || status === undefined || status.quoted || !(status.text === '-' || (status.text === '0' && request.text === '- - -') || /^[0-9]{3}$/.test(status.text))) return null;
  const head = text.slice(0, open).trim();
  const reading = new Reading(when);
  if (!addHead(reading, head)) return null;
  putRequest(reading, request.text);
  reading.put('time', text.slice(open + 1, time.end));
  reading.timeNs = time.timeNs;
  if (status.text !== '-' && status.text !== '0') reading.put('http.response.status_code', Number(status.text));
  addRest(reading, tokens.slice(2), head === '');
  reading.timeNs = moreExact(time.timeNs, reading.fields['msec']);
  // A field of this format may be called `level` or `message` by chance; an access log has neither.
  reading.level = null;
  return understoodOf('access', reading, text);
}

/** Behind the time: `frontend backend/server 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {request headers} {response headers} "request"`. */
const haproxyHttp = /(\S{1,128}) ([^\s/]{1,128})\/(\S{1,128})(?: [^\s\d][^\s"]{0,255})? ([\d/+-]{5,64}) (-?\d{1,3}) \+?(\d{1,15}) (\S{1,256}) (\S{1,256}) (\S{4}) ([\d/+]{5,64}) (\d+\/\d+) (?:\{[^}]*\} ){0,2}"([^"]*)(?:"(?: (\S.{0,1023}))?)?$/y;
const uniqueId = /^(?=[^\s/]*\d)[\w:.-]{16,128}$/;
const haproxyTcp = /(\S{1,128}) ([^\s/]{1,128})\/(\S{1,128}) (-?\d+\/-?\d+\/\+?\d+) \+?(\d{1,15}) (\S{2}) ([\d/+]{5,64}) (\d+\/\d+)$/y;

/** haproxy's HTTP and TCP lines: `address:port [time.ms] frontend backend/server timers ...`. */
export function understandHaproxy(text: string, open: number, time: TimeRead, when: WhenRead): Understood | null {
  const client = text.slice(0, open).trimEnd();
  if (client === '' || client.includes(' ') || !client.includes(':')) return null;
  const http = matchAt(haproxyHttp, text, time.end + 2);
  const found = http ?? matchAt(haproxyTcp, text, time.end + 2);
  if (found === null) return null;
  const reading = new Reading(when);
  putAddress(reading, client);
  reading.put('time', text.slice(open + 1, time.end));
  reading.timeNs = time.timeNs;
  reading.put('haproxy.frontend_name', found[1]!);
  reading.put('haproxy.backend_name', found[2]!);
  reading.put('haproxy.server_name', found[3]!);
  reading.put('haproxy.timers', found[4]!);
  const milliseconds = Number(found[4]!.slice(found[4]!.lastIndexOf('/') + 1).replace('+', ''));
  if (milliseconds >= 0) reading.put('duration_ms', milliseconds);
  if (http !== null) {
    if (Number(http[5]) > 0) reading.put('http.response.status_code', Number(http[5]));
    reading.put('http.response.body.bytes', Number(http[6]));
    reading.put('haproxy.termination_state', http[9]!);
    reading.put('haproxy.connections', http[10]!);
    putRequest(reading, http[12]!);
    // The unique id, where the operator put it behind; not what a TLS frontend adds, which has slashes.
    if (http[13] !== undefined && uniqueId.test(http[13])) reading.add('request_id', http[13]);
    else if (http[13] !== undefined) reading.put('extra', http[13].split(' ', extrasMax));
  } else {
    reading.put('haproxy.bytes_read', Number(found[5]));
    reading.put('haproxy.termination_state', found[6]!);
    reading.put('haproxy.connections', found[7]!);
  }
  addIdsOfText(reading.ids, text);
  return understoodOf('access', reading, text);
}

const uwsgi = /\[pid: (\d{1,10})\|app: [^|]{0,32}\|req: [\d/]{1,40}\] (\S{1,64}) \(([^)]{0,128})\) \{\d+ vars in \d+ bytes\} \[([^\]]{20,40})\] ([A-Z]{3,16}) (.{1,8192}?) => generated (\d{1,15}) bytes in (\d{1,12}) (msecs|micros)\b.{0,40}?\(HTTP\/([\d.]{1,3}) (\d{3})\)/y;

/** uWSGI's request lines: `[pid: 7|app: 0|req: 1/1] 10.0.0.7 (bob) {38 vars in 696 bytes} [Mon Aug 22 05:18:16 2022] GET /cart => generated 47 bytes in 129 msecs (HTTP/1.1 200) ...`. */
function understandUwsgi(text: string, when: WhenRead): Understood | null {
  const found = text.startsWith('[pid: ') && text.length <= textCharsMax ? matchAt(uwsgi, text, 0) : null;
  const time = found === null ? null : readTime(found[4]!, 0, when);
  if (found === null || time === null) return null;
  const reading = new Reading(when);
  const [, pid, client, user, written, method, target, bytes, duration, unit, version, status] = found as unknown as [string, string, string, string, string, string, string, string, string, string, string, string];
  reading.put('time', written);
  reading.timeNs = time.timeNs;
  reading.timeAssumed = time.assumed;
  reading.put('process.pid', Number(pid));
  reading.put('source.address', client);
  if (user !== '') reading.put('user.name', user);
  putRequest(reading, `${method} ${target} HTTP/${version}`);
  reading.put('http.response.status_code', Number(status));
  reading.put('http.response.body.bytes', Number(bytes));
  reading.put('duration_ms', unit === 'msecs' ? Number(duration) : Number(duration) / 1000);
  addIdsOfText(reading.ids, text);
  return understoodOf('access', reading, text);
}

const phpFpm = /(\S{1,64}) - {1,2}(\S{0,64}) ?(\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}) "([^"]{0,8192})" (\d{3})$/y;

/** php-fpm's access lines, whose time has no brackets: `172.18.0.1 -  22/Aug/2022:05:18:16 +0000 "GET /index.php" 200`. */
function understandPhpFpm(text: string, when: WhenRead): Understood | null {
  const found = matchAt(phpFpm, text, 0);
  const time = found === null ? null : readTime(found[3]!, 0, when);
  if (found === null || time === null) return null;
  const reading = new Reading(when);
  reading.put('source.address', found[1]!);
  if (found[2] !== '' && found[2] !== '-') reading.put('user.name', found[2]!);
  reading.put('time', found[3]!);
  reading.timeNs = time.timeNs;
  putRequest(reading, found[4]!);
  reading.put('http.response.status_code', Number(found[5]));
  addIdsOfText(reading.ids, text);
  return understoodOf('access', reading, text);
}

/** Express' morgan, `dev`, `tiny` and `short`: `GET /cart 200 5.123 ms - 17`, `10.0.0.7 - GET /cart HTTP/1.1 200 17 - 5.123 ms`. */
const morgan = /(?:(\S{3,64}) (?:-|(\S{1,64})) )?([A-Z]{3,8}) (\S{1,8192}) (?:HTTP\/([\d.]{1,3}) )?(\d{3}|-) (?:(\d{1,9}\.\d{3}|-) ms - (\d{1,15}|-)|(\d{1,15}|-) - (\d{1,9}\.\d{3}|-) ms)$/y;

function isMorganEnd(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  if (last === 0x73) return text.endsWith(' ms');
  return (isDigit(last) || last === 0x2d) && text.includes(' ms - ', text.length - 32);
}

function understandMorgan(text: string, when: WhenRead): Understood | null {
  const found = matchAt(morgan, text, 0);
  const reading = new Reading(when);
  if (found === null || !putRequest(reading, `${found[3]!} ${found[4]!}${found[5] === undefined ? '' : ` HTTP/${found[5]}`}`)) return null;
  if (found[1] !== undefined) putAddress(reading, found[1]);
  if (found[2] !== undefined) reading.put('user.name', found[2]);
  const bytes = found[8] ?? found[9]!;
  const duration = found[7] ?? found[10]!;
  if (found[6] !== '-') reading.put('http.response.status_code', Number(found[6]));
  if (bytes !== '-') reading.put('http.response.body.bytes', Number(bytes));
  if (duration !== '-') reading.put('duration_ms', Number(duration));
  addIdsOfText(reading.ids, text);
  return understoodOf('access', reading, text);
}

const statusBehindQuote = /" (\d{3})(?: |$)/y;
const clientAtStart = /^(\[[0-9a-fA-F:.]{2,45}\]:\d{1,5}|(?=[^ ]{0,44}[.:])[\da-fA-F.:]{3,45}|\S{3,64}:\d{1,5}) /;

/**
 * A request and its status inside of text, as uvicorn, granian and nginx with a format of the operator's have it: `10.0.0.7:51234 - "GET / HTTP/1.1" 200 OK`.
 * A word that is nothing but a UUID or 32 hex digits is the request's id there, as in access logs.
 */
export function readQuotedRequest(reading: Reading, message: string): void {
  const version = message.indexOf(' HTTP/');
  const end = version < 0 ? -1 : message.indexOf('"', version);
  const found = end < 0 || end - version > 9 ? null : matchAt(statusBehindQuote, message, end);
  const start = found === null ? -1 : message.lastIndexOf('"', version);
  // A quote that is not closed is a line that was cut.
  if (found === null || start < 0 || message.split('"').length % 2 === 0 || !putRequest(reading, message.slice(start + 1, end))) return;
  reading.put('http.response.status_code', Number(found[1]));
  const client = clientAtStart.exec(message);
  if (client !== null) putAddress(reading, client[1]!);
  if (reading.ids.ids.length > 0) return;
  const words = `${message.slice(0, start)} ${message.slice(end + found[0].length)}`.split(' ', extrasMax);
  const id = words.find(word => uuid.test(word) || longHex.test(word));
  if (id !== undefined) reading.add('request_id', id);
}

/**
 * nginx' `$msec` is the same moment as its time in brackets, with milliseconds: where a line names it so and both agree, it is taken, because whole
 * seconds put an access line in front of everything its request did.
 */
export function moreExact(timeNs: bigint | null, msec: FieldValue | undefined): bigint | null {
  if (timeNs === null || !(typeof msec === 'number' || typeof msec === 'string')) return timeNs;
  const match = /^(\d{9,11})(?:\.(\d{1,3}))?$/.exec(String(msec));
  if (match === null || BigInt(match[1]!) * 1_000_000_000n !== timeNs) return timeNs;
  return timeNs + BigInt((match[2] ?? '').padEnd(9, '0'));
}

/** `address ident user`, with a virtual host or a list of forwarded addresses before it, or only some of the three. Empty for Envoy. */
function addHead(reading: Reading, head: string): boolean {
  if (head === '') return true;
  const parts = head.split(/ +/);
  while (parts.length > 1 && parts[0]!.endsWith(',')) parts.splice(1, 1);
  parts[0] = parts[0]!.replace(/,$/, '');
  // A virtual host stands before the address; a user's name may have blanks in it.
  if (parts.length > 3 && address.test(parts[1]!)) reading.put('server.address', parts.shift()!);
  if (parts.length > 3) parts.splice(2, parts.length, parts.slice(2).join(' '));
  if (parts.length > 3 || (parts.length === 1 && !address.test(parts[0]))) return false;
  if (parts[0] !== '-') putAddress(reading, parts[0]);
  const user = parts[2];
  if (user !== undefined && user !== '-' && user !== '""') reading.put('user.name', user);
  return true;
}

function addRest(reading: Reading, tokens: Token[], isEnvoy: boolean): void {
  let rest = tokens;
  if (!isEnvoy && rest[0] !== undefined && !rest[0].quoted && rest[0].key === null) {
    if (number.test(rest[0].text)) reading.put('http.response.body.bytes', Number(rest[0].text));
    rest = rest.slice(1);
    const [referrer, userAgent] = rest;
    if (referrer?.quoted === true && referrer.key === null) {
      if (referrer.text !== '-' && referrer.text !== '') reading.put('http.request.referrer', referrer.text);
      rest = rest.slice(1);
      if (userAgent?.quoted === true && userAgent.key === null) {
        if (userAgent.text !== '-' && userAgent.text !== '') reading.put('user_agent.original', userAgent.text);
        rest = rest.slice(1);
      }
    }
  }
  const extra: string[] = [];
  let requestId: string | null = null;
  rest.forEach((token, index) => {
    if (token.key !== null) reading.add(token.key, !token.quoted && plainDecimal.test(token.text) && String(Number(token.text)) === token.text ? Number(token.text) : token.text);
    else if (requestId === null && (uuid.test(token.text) || longHex.test(token.text) || (index === rest.length - 1 && shortHex.test(token.text)))) requestId = token.text;
    else extra.push(token.text);
  });
  if (requestId !== null && reading.fields['request_id'] === undefined) reading.add('request_id', requestId);
  if (extra.length > 0) reading.put('extra', extra);
}

/** Quoted strings (`\"` inside) and words from `at` on. Null where a quote is not closed, or where there are too many to be an access log. */
function tokensFrom(text: string, at: number): Token[] | null {
  const tokens: Token[] = [];
  let index = at;
  while (index < text.length) {
    if (text[index] === ' ') {
      index++;
      continue;
    }
    if (tokens.length > extrasMax) return null;
    let key: string | null = null;
    const start = index;
    while (index < text.length && text[index] !== ' ' && text[index] !== '"') {
      if (text[index] === '=' && key === null && index > start) key = text.slice(start, index);
      index++;
    }
    const wordStart = key === null ? start : start + key.length + 1;
    if (text[index] === '"' && index === wordStart) {
      const end = endOfQuote(text, index);
      if (end < 0) return null;
      tokens.push({ text: text.slice(index + 1, end), quoted: true, key });
      index = end + 1;
    } else {
      while (index < text.length && text[index] !== ' ') index++;
      tokens.push({ text: text.slice(wordStart, index), quoted: false, key });
    }
  }
  return tokens;
}

function endOfQuote(text: string, open: number): number {
  for (let index = open + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x5c) index++;
    else if (code === 0x22) return index;
  }
  return -1;
}
