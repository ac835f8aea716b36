/** Plain text, of one line or of several that were joined. */
import { exceptionTypeOf } from '../fields/exception.ts';
import { levelOfName } from '../fields/level.ts';
import { Reading } from '../fields/reading.ts';
import { notKnownWhen, type WhenRead } from '../fields/time.ts';
import { addIdsOfText } from '../ids/extract.ts';
import { readQuotedRequest, understandAccessLog } from './access-log.ts';
import { withoutAnsi } from './ansi.ts';
import { isQualifiedName, putThread } from './caller.ts';
import { understandJson } from './json.ts';
import { understandLogfmt } from './logfmt.ts';
import { code, isBlank, isDigit, isLetter, isUpper, matchAt, skipDigits } from './scan.ts';
import { addRubyHash } from './ruby-hash.ts';
import { readGlog, readNginxError, readSpecialHead } from './special-heads.ts';
import { readSyslog } from './syslog.ts';
import { readTextHeader } from './text-header.ts';
import { readTextPrefix } from './text-prefix.ts';
import { textCharsMax, understoodOf, type Understood } from './understood.ts';

export function understandText(text: string, when: WhenRead = notKnownWhen): Understood {
  const plain = withoutAnsi(text);
  const newline = plain.indexOf('\n');
  const line = newline < 0 ? withoutReturn(plain) : withoutReturn(plain.slice(0, newline));
  const reading = new Reading(when);
  const end = readHead(reading, line, when);
  let message = reading.message ?? (end === 0 ? line : line.slice(end));
  if (message.charCodeAt(0) === code.openBracket && (end === 0 || line.charCodeAt(1) === code.comma)) message = withoutRequestTag(reading, message);
  if (newline < 0) {
    const inner = end > 0 ? understandInner(message, reading, when) : null;
    if (inner !== null) return inner;
    if (end > 0 && message.includes('"') && reading.fields['http.request.method'] === undefined) readQuotedRequest(reading, message);
  } else {
    message = secondLineMessage(reading, message, plain, newline);
    reading.exceptionType = exceptionTypeOf(headOf(plain));
  }
  if (reading.level === null && message.charCodeAt(1) === 0x61 && message.startsWith('atal error: ', 1)) reading.level = message.startsWith('F') ? 'error' : message.startsWith('f') ? 'fatal' : null;
  if (reading.timeNs !== null || reading.level !== null) message = withoutTail(reading, message, line.charCodeAt(0) === code.openBracket);
  addIdsOfText(reading.ids, headOf(plain));
  return understoodOf('text', reading, message);
}

function headOf(text: string): string {
  return text.length > textCharsMax ? text.slice(0, textCharsMax) : text;
}

function withoutReturn(line: string): string {
  return line.charCodeAt(line.length - 1) === 0x0d ? line.slice(0, -1) : line;
}

/** The index of the message, 0 where the line has no head. */
function readHead(reading: Reading, line: string, when: WhenRead): number {
  const first = line.charCodeAt(0);
  if (isUpper(first) || isDigit(first) || first === code.openBracket || first === code.less) {
    const special = readSpecialHead(reading, line, when);
    if (special >= 0) return special;
    // A month's name, a priority, or an ISO time with a daemon behind it.
    if (first === code.less || (isUpper(first) ? line.charCodeAt(3) === code.space : line.charCodeAt(4) === code.dash)) {
      const syslog = readSyslog(reading, line, when);
      if (syslog >= 0) return reading.level === null ? headBehindSyslog(reading, line, syslog, when) : syslog;
    }
  }
  const from = isLetter(first) ? processEnd(reading, line) || gluedEnd(reading, line) : first > 0x7f ? symbolEnd(line) : 0;
  const end = readTextHeader(reading, line, when, from);
  if (first > 0x7f && end === from) return 0;
  if (isDigit(line.charCodeAt(end)) && reading.level !== null && line.charCodeAt(skipDigits(line, end)) === code.hash) {
    const nginx = readNginxError(reading, line, end);
    if (nginx >= 0) return nginx;
  }
  return end;
}

/** What a program of its own layout writes to syslog: glog's head (as the kubelet does), or a level in brackets or behind a time. `at` where it has none. */
function headBehindSyslog(reading: Reading, line: string, at: number, when: WhenRead): number {
  const first = line.charCodeAt(at);
  if (!isDigit(first) && first !== code.openBracket && !(isUpper(first) && isDigit(line.charCodeAt(at + 1)))) return at;
  const rest = line.slice(at);
  if (isUpper(first)) {
    const glog = readGlog(reading, rest, when);
    return glog < 0 ? at : at + glog;
  }
  const prefix = readTextPrefix(rest, when);
  if (prefix.level === null) return at;
  const { timeNs, timeAssumed } = reading;
  const end = readTextHeader(reading, rest, when);
  // The outer time counts where the inner one does not say the day.
  if (reading.timeNs === null || reading.timeAssumed === 'date') {
    reading.timeNs = timeNs;
    reading.timeAssumed = timeAssumed;
  }
  return at + end;
}

const processHead = /^([\w./-]{2,64})\[(\d{1,10})\]: /;

/** `haproxy[14389]: message`, as a daemon's lines are without what syslog puts before. */
function processEnd(reading: Reading, line: string): number {
  const open = line.indexOf('[');
  const found = open > 1 && open <= 64 ? processHead.exec(line) : null;
  if (found === null) return 0;
  reading.put('process.name', found[1]!);
  reading.put('process.pid', Number(found[2]));
  return found[0].length;
}

const glued = /\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d[ .]/y;
const gluedCharsMax = 32;

/** Go's log with a prefix that has no blank: `raft2022/08/22 05:18:16 message`. */
function gluedEnd(reading: Reading, line: string): number {
  let end = 1;
  while (end <= gluedCharsMax && isLetter(line.charCodeAt(end))) end++;
  if (!isDigit(line.charCodeAt(end)) || matchAt(glued, line, end) === null) return 0;
  reading.put('log.logger', line.slice(0, end));
  return end;
}

const requestTag = /\[([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\] /y;

/** What Rails puts before every message: the request, alone at the line's start or behind Ruby's own head. Returns the message behind it. */
function withoutRequestTag(reading: Reading, message: string): string {
  const found = matchAt(requestTag, message, 0);
  if (found === null) return message;
  reading.add('request_id', found[1]!);
  return message.slice(found[0].length);
}

const symbol = /[\p{S}\p{Po}\ufe0f\u200d]{1,4} {1,4}(?=[A-Za-z])/uy;

/** A tick or a warning sign, as consoles put before the level; 0 where there is none. */
function symbolEnd(line: string): number {
  return matchAt(symbol, line, 0)?.[0].length ?? 0;
}

const structuredHead = /^(?:time|ts|t|level|lvl|severity|msg)=/;

/** A structured line behind a head, as `docker logs -t`, syslog and log routers write it. What the line says itself comes first. */
function understandInner(message: string, outer: Reading, when: WhenRead): Understood | null {
  const first = message.charCodeAt(0);
  let inner: Understood | null = null;
  if (first === code.openBrace) inner = understandJson(message.trimEnd(), when);
  else if (isLetter(first) && structuredHead.test(message)) inner = understandLogfmt(message, when);
  else if ((isDigit(first) || first === code.openBracket) && message.includes('[')) inner = understandAccessLog(message, when);
  if (inner === null) return null;
  inner.timeNs ??= outer.timeNs;
  inner.level ??= outer.level;
  for (const [name, value] of Object.entries(outer.fields)) if (!Object.hasOwn(inner.fields, name)) inner.fields[name] = value;
  return inner;
}

/** `org.acme.Server start`, or tinylog's `[main] org.acme.Server.start()`. */
const methodHead = /^(?:\[([^\]]{1,100})\] )?([\w$.]{3,200}?)[ .](<?[\w$]{1,100}>?)(?:\(\))?$/;

/** With scopes .NET's console has a line of them, `=> TraceId:... => RequestPath:/cart`, before the message. */
function withoutScopes(reading: Reading, second: string, plain: string, at: number): string {
  if (!second.startsWith('=> ') || at < 0) return second;
  const end = plain.indexOf('\n', at + 1);
  reading.put('log.context', second.slice(3));
  return plain.slice(at + 1, end < 0 ? plain.length : end).trim();
}

/** .NET's console and java.util.logging write the head on one line and the message on the next. */
function secondLineMessage(reading: Reading, message: string, plain: string, newline: number): string {
  const end = plain.indexOf('\n', newline + 1);
  const second = plain.slice(newline + 1, end < 0 ? plain.length : end);
  if (message === '' && isBlank(second.charCodeAt(0))) return withoutScopes(reading, second.trim(), plain, end);
  const colon = second.indexOf(': ');
  if (reading.level !== null || colon < 3 || colon > 16) return message;
  const head = methodHead.exec(message);
  const level = head === null ? null : levelOfName(second.slice(0, colon));
  if (head === null || level === null) return message;
  reading.level = level;
  if (head[1] !== undefined) putThread(reading, head[1]);
  reading.put('log.logger', head[2]!);
  reading.put('log.origin.function', head[3]!);
  return withoutReturn(second.slice(colon + 2));
}

/** What some loggers put behind the message: log4j's `(logger)` of Kafka, .NET's `Name[1] message` on one line, and JSON of zap and Monolog. */
function withoutTail(reading: Reading, message: string, isInBrackets: boolean): string {
  const last = message.charCodeAt(message.length - 1);
  if (last === code.close && reading.fields['log.logger'] === undefined) {
    const open = message.lastIndexOf(' (');
    const name = open < 0 ? '' : message.slice(open + 2, -1);
    if (!isQualifiedName(name) || isDigit(name.charCodeAt(0)) || name.endsWith('.')) return message;
    reading.put('log.logger', name);
    return message.slice(0, open);
  }
  if (last !== code.closeBrace && last !== code.closeBracket) return message;
  if (message.includes('=>')) {
    addRubyHash(reading, headOf(message));
    return message;
  }
  // zap puts a tab before it.
  const tab = message.lastIndexOf('\t{');
  if (tab >= 0 && addObject(reading, message.slice(tab + 1))) return message.slice(0, tab);
  return isInBrackets ? withoutMonologTail(reading, message) : message;
}

/** Monolog puts context and extra behind the message, each an object or `[]`; Laravel only the first. */
function withoutMonologTail(reading: Reading, message: string): string {
  let rest = message;
  for (let count = 0; count < 2; count++) {
    if (rest.endsWith(' []')) {
      rest = rest.slice(0, -3);
      continue;
    }
    if (!rest.endsWith('}')) return rest;
    const first = rest.indexOf(' {"');
    const last = rest.lastIndexOf(' {"');
    const open = first >= 0 && addObject(reading, rest.slice(first + 1)) ? first : last > first && addObject(reading, rest.slice(last + 1)) ? last : -1;
    if (open < 0) return rest;
    rest = rest.slice(0, open);
  }
  return rest;
}

function addObject(reading: Reading, text: string): boolean {
  const object = understandJson(text);
  if (object === null) return false;
  for (const [name, value] of Object.entries(object.fields)) if (!Object.hasOwn(reading.fields, name)) reading.add(name, value);
  return true;
}
