/**
 * Access logs: Apache common and combined, nginx, Tomcat, with or without a virtual host in front, and whatever an operator put behind; and Envoy's
 * default format. Found by `[time]`, a quoted request and a status in that order, nothing else.
 */
import { Reading } from '../fields/reading.ts';
import { readTime } from '../fields/time.ts';
import type { FieldValue } from '#schemas/event.ts';
import { textCharsMax, understoodOf, type Understood } from './understood.ts';

/** The time begins within this many characters, or the line is something else. */
const headCharsMax = 1024;
const extrasMax = 64;
const address = /^[0-9a-fA-F:.]+$|^localhost$/;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const longHex = /^[0-9a-f]{32}$/i;
/** The last token may be a shorter hex number, if not one of digits only, which would be a duration or a size. */
const shortHex = /^(?=.*[a-f])[0-9a-f]{16,64}$/i;
const httpVersion = /^HTTP\/(\d(?:\.\d)?)$/;
const method = /^[A-Z][A-Z_-]{1,31}$/;
const number = /^\d{1,15}$/;
const plainDecimal = /^\d{1,9}(?:\.\d{1,9})?$/;

interface Token {
  text: string;
  quoted: boolean;
  /** Name of a `name=value` token. */
  key: string | null;
}

export function understandAccessLog(text: string): Understood | null {
  const open = text.indexOf('[');
  if (open < 0 || open > headCharsMax || text.length > textCharsMax || (open > 0 && text[open - 1] !== ' ')) return null;
  const time = readTime(text, open + 1);
  if (time === null || text[time.end] !== ']' || text[time.end + 1] !== ' ' || text[time.end + 2] !== '"') return null;
  const tokens = tokensFrom(text, time.end + 2);
  if (tokens === null) return null;
  const [request, status] = tokens;
  if (request === undefined || status === undefined || status.quoted || !(status.text === '-' || /^[0-9]{3}$/.test(status.text))) return null;
  const head = text.slice(0, open).trim();
  const reading = new Reading();
  if (!addHead(reading, head) || !addRequest(reading, request.text)) return null;
  reading.add('time', text.slice(open + 1, time.end));
  reading.timeNs = time.timeNs;
  if (status.text !== '-') reading.add('http.response.status_code', Number(status.text));
  addRest(reading, tokens.slice(2), head === '');
  reading.timeNs = moreExact(time.timeNs, reading.fields['msec']);
  // A field of this format may be called `level` or `message` by chance; an access log has neither.
  reading.level = null;
  return understoodOf('access', reading, text);
}

/**
 * nginx' `$msec` is the same moment as its time in brackets, with milliseconds: where a line names it so and both agree, it is taken, because whole
 * seconds put an access line in front of everything its request did.
 */
function moreExact(timeNs: bigint | null, msec: FieldValue | undefined): bigint | null {
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
  if (parts.length === 4) reading.add('server.address', parts.shift()!);
  if (parts.length > 3 || (parts.length === 1 && !address.test(parts[0]))) return false;
  if (parts[0] !== '-') reading.add('client.address', parts[0]);
  const user = parts[2];
  if (user !== undefined && user !== '-' && user !== '""') reading.add('user.name', user);
  return true;
}

/** `GET /path?query HTTP/1.1`. Other things stand there too: `-` for no request, and the bytes of a port scan. */
function addRequest(reading: Reading, request: string): boolean {
  const first = request.indexOf(' ');
  if (first < 0 || !method.test(request.slice(0, first))) return true;
  let last = request.lastIndexOf(' ');
  const version = last > first ? httpVersion.exec(request.slice(last + 1)) : null;
  if (version === null) last = request.length;
  const target = request.slice(first + 1, last);
  reading.add('http.request.method', request.slice(0, first));
  reading.add('url.original', target);
  const query = target.indexOf('?');
  reading.add('url.path', query < 0 ? target : target.slice(0, query));
  if (version !== null) reading.add('http.version', version[1]!);
  return true;
}

function addRest(reading: Reading, tokens: Token[], isEnvoy: boolean): void {
  let rest = tokens;
  if (!isEnvoy && rest[0] !== undefined && !rest[0].quoted && rest[0].key === null) {
    if (number.test(rest[0].text)) reading.add('http.response.bytes', Number(rest[0].text));
    rest = rest.slice(1);
    const [referrer, userAgent] = rest;
    if (referrer?.quoted === true && referrer.key === null) {
      if (referrer.text !== '-' && referrer.text !== '') reading.add('referrer', referrer.text);
      rest = rest.slice(1);
      if (userAgent?.quoted === true && userAgent.key === null) {
        if (userAgent.text !== '-' && userAgent.text !== '') reading.add('user_agent', userAgent.text);
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
  if (extra.length > 0) reading.add('extra', extra);
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
