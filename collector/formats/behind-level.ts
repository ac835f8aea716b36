/** What stands between the level and the message of a line of text: a process, a thread, a logger, a place in the source. */
import type { Reading } from '../fields/reading.ts';
import { isPlainName, isQualifiedName, isMethodInFile, isSourcePlace, putClassAndMethod, putPlace, putThread, putTrace } from './caller.ts';
import { nameAll, type Part } from './head-parts.ts';
import { closingBracket, code, isBlank, isDigit, isLetter, isWord, matchAt, skipBlanks, skipDigits, wordEnd } from './scan.ts';
import { skipMarks } from './text-prefix.ts';

const partsMax = 6;
const bracketCharsMax = 256;
const wordCharsMax = 128;

/** Sets what is found and returns the message's index. */
export function partsBehindLevel(reading: Reading, line: string, from: number): number {
  // Python's `LEVEL:name:message`, without a blank.
  const python = pythonName(reading, line, from);
  if (python > from) return python;
  const behindSpans = spansEnd(reading, line, from);
  if (behindSpans > from) return behindSpans;
  const pending: Part[] = [];
  let taken = contextEnd(reading, line, namedByWordsEnd(reading, line, uptimeEnd(reading, line, from)));
  let at = taken;
  for (let count = 0; count < partsMax; count++) {
    const char = line.charCodeAt(at);
    if (char === code.openBracket || char === code.open || char === code.less) {
      const close = closingBracket(line, at, bracketCharsMax);
      if (close < 0) break;
      const text = line.slice(at + 1, close);
      const next = skipBlanks(line, close + 1);
      const isCommitted = char === code.openBracket ? bracketBehindLevel(reading, text, line, close + 1) : parenBehindLevel(reading, text, char, taken > from && pending.length === 0, line, close + 1);
      if (isCommitted) {
        nameAll(reading, pending);
        taken = skipMarks(line, close + 1);
        at = taken;
      } else if (char === code.less) {
        break;
      } else {
        pending.push({ kind: 'bracket', text });
        at = next;
      }
      continue;
    }
    const digits = skipDigits(line, at);
    if (digits > at && isBlank(line.charCodeAt(digits))) {
      const next = skipBlanks(line, digits);
      const isDashes = line.startsWith('---', next);
      if (!isDashes && line.charCodeAt(next) !== code.openBracket) break;
      pending.push({ kind: 'number', text: line.slice(at, digits) });
      if (isDashes) {
        nameAll(reading, pending);
        taken = skipBlanks(line, next + 3);
      }
      at = isDashes ? taken : next;
      continue;
    }
    const end = nameBehindLevel(reading, line, at, pending);
    if (end > at) return end;
    break;
  }
  if (pending.length !== 1 || pending[0]!.kind !== 'bracket' || !threadName.test(pending[0]!.text.trim())) return taken;
  nameAll(reading, pending);
  return at;
}

const tracePairs = /(?:[A-Za-z_][\w.]{0,63}=[^\s,]{0,128},? ){2,12}(?=\[)/y;

/** Quarkus and patterns with OpenTelemetry's names: `LEVEL traceId=..., spanId=... [logger] (thread) message`. */
function contextEnd(reading: Reading, line: string, from: number): number {
  if (!isLetter(line.charCodeAt(from))) return from;
  let end = from + 1;
  while (isWord(line.charCodeAt(end)) || line.charCodeAt(end) === code.dot) end++;
  const found = line.charCodeAt(end) === 0x3d ? matchAt(tracePairs, line, from) : null;
  if (found === null || !/trace|span/i.test(found[0])) return from;
  reading.put('log.context', found[0].trimEnd());
  return from + found[0].length;
}

const inModule = /in ([A-Za-z_][\w.]{0,127}): /y;
/** What bunyan's own tool prints: `[TIME]  INFO: cart/17 on host: message`. */
const bunyanWriter = /([\w.@-]{1,64})\/(\d{1,10}) on (\S{1,255}): /y;
const rubyProgram = /-- ([\w.:-]{1,64}): /y;

/** Flask's `[TIME] LEVEL in module: message`, Ruby's `LEVEL -- program: message`. */
function namedByWordsEnd(reading: Reading, line: string, from: number): number {
  const bunyan = line.charCodeAt(from - 2) === code.colon && line.includes(' on ', from) ? matchAt(bunyanWriter, line, from) : null;
  if (bunyan !== null) {
    reading.put('log.logger', bunyan[1]!);
    reading.put('process.pid', Number(bunyan[2]));
    reading.put('host.hostname', bunyan[3]!);
    return from + bunyan[0].length;
  }
  const isModule = line.charCodeAt(from) === 0x69 && line.charCodeAt(0) === code.openBracket && line.charCodeAt(from - 2) !== code.colon;
  const found = isModule ? matchAt(inModule, line, from) : line.startsWith('-- ', from - 3) ? matchAt(rubyProgram, line, from - 3) : null;
  if (found === null) return from;
  reading.put(isModule ? 'log.logger' : 'process.name', found[1]!);
  return isModule ? from + found[0].length : from - 3 + found[0].length;
}

/** logrus on a terminal: `WARN[0012] message`, the seconds that the process has run. */
function uptimeEnd(reading: Reading, line: string, from: number): number {
  if (line.charCodeAt(from) !== code.openBracket || !isLetter(line.charCodeAt(from - 1))) return from;
  const end = skipDigits(line, from + 1);
  if (end < from + 5 || line.charCodeAt(end) !== code.closeBracket) return from;
  reading.put('process.uptime', Number(line.slice(from + 1, end)));
  return skipBlanks(line, end + 1);
}

/** True where the bracket says by itself what it is. */
function bracketBehindLevel(reading: Reading, text: string, line: string, end: number): boolean {
  const name = text.trim();
  if (putTrace(reading, name)) return true;
  if (isQualifiedName(name) && !isDigit(name.charCodeAt(0)) && reading.fields['log.logger'] === undefined) {
    reading.put('log.logger', name);
    return true;
  }
  if (isSourcePlace(name) || /\(\):\d+$/.test(name)) return putPlace(reading, name);
  if (name === '' || separatorEnd(line, end) < 0) return false;
  putThread(reading, text);
  return true;
}

/** Serilog's `[WRN] (Shop.Cart) message`. */
const className = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$/;
/** pino's pretty print: `INFO (17 on host): message`, `INFO (cart/17): message`. */
const pinoProcess = /^(?:([\w.@ -]{1,64})\/)?(\d{1,10})(?: on (\S{1,255}))?$/;
/** Names that only threads have, so that no separator need follow. */
const threadName = /^(?:main|Thread-\d{1,9}|[\w.-]{0,64}(?:thread|exec|worker|pool|executor|dispatcher|eventloop)[\w.-]{0,64}[-#]\d{1,9})$/i;

function parenBehindLevel(reading: Reading, text: string, char: number, isBehindName: boolean, line: string, end: number): boolean {
  const process = char === code.open ? pinoProcess.exec(text) : null;
  if (process !== null && (line.charCodeAt(end) === code.colon || line.startsWith(' : ', end))) {
    if (process[1] !== undefined) reading.put('log.logger', process[1]);
    reading.put('process.pid', Number(process[2]));
    if (process[3] !== undefined) reading.put('host.hostname', process[3]);
    return true;
  }
  if (isSourcePlace(text)) return putPlace(reading, text);
  if (char === code.open && className.test(text) && reading.fields['log.logger'] === undefined) {
    reading.put('log.logger', text);
    return true;
  }
  const isThread = char === code.less ? /^\d+\.\d+\.\d+$/.test(text) : isBehindName || /\|\d+$/.test(text);
  if (isThread) putThread(reading, text);
  return isThread;
}

/** A name that a separator follows; returns the index of the message behind both, or `at`. */
function nameBehindLevel(reading: Reading, line: string, at: number, pending: Part[]): number {
  const bar = line.charCodeAt(at - 1) === code.bar ? line.indexOf('|', at) : -1;
  const end = bar > 0 ? bar : wordEnd(line, at);
  const length = end - at;
  if (length < 2 || length > wordCharsMax) return at;
  // NLog puts bars between the parts and nothing else.
  if (bar > 0) return barsEnd(reading, line, at, pending);
  const process = line.charCodeAt(end - 1) === code.closeBracket || line.charCodeAt(end - 2) === code.closeBracket ? processNumber.exec(line.slice(at, end)) : null;
  if (process !== null && (process[3] === ':' || line.charCodeAt(end + 1) === code.openBracket)) {
    reading.put('process.name', process[1]!);
    reading.put('process.pid', Number(process[2]));
    return named(reading, pending, skipBlanks(line, end));
  }
  const event = line.charCodeAt(end - 1) === code.closeBracket && line.charCodeAt(at - 2) === code.colon ? dotnetEvent.exec(line.slice(at, end)) : null;
  if (event !== null) {
    reading.put('log.logger', event[1]!);
    reading.put('event.code', event[2]!);
    return named(reading, pending, skipBlanks(line, end));
  }
  let text = line.slice(at, end);
  // A file and its line right behind a level are no sentence: `INF server/main.go:81 message`, `INFO engine.py:123] message`.
  const bare = text.charCodeAt(length - 1) === code.closeBracket ? text.slice(0, -1) : text;
  if (isBlank(line.charCodeAt(end)) && line.charCodeAt(end) !== code.tab && (isSourcePlace(bare) || (bare.charCodeAt(bare.length - 1) === code.close && isMethodInFile(bare)))) {
    putPlace(reading, bare);
    return named(reading, pending, skipMarks(line, end));
  }
  const hasColon = text.charCodeAt(length - 1) === code.colon;
  if (hasColon) text = text.slice(0, -1);
  const separator = hasColon ? skipBlanks(line, end) : separatorEnd(line, end);
  const isTabbed = !hasColon && separator < 0 && line.charCodeAt(at - 1) === code.tab && line.charCodeAt(end) === code.tab;
  const last = text.charCodeAt(text.length - 1);
  const isPlace = (isDigit(last) || last === code.close) && text.includes(':');
  if (separator >= 0) {
    if (isPlace && putPlace(reading, text)) return named(reading, pending, separator);
    // A plain word before a colon or a dash begins sentences too, unless a thread stands beside it or it is written as types are.
    const isName = isQualifiedName(text.includes('.[') ? text.replace(containerPart, '') : text) || (!hasColon && isPlainName(text) && (pending.length > 0 || isTypeName.test(text) || reading.fields['process.thread.name'] !== undefined || isBehindBrackets(line, at)));
    if (!isName || reading.fields['log.logger'] !== undefined) return at;
    reading.put('log.logger', text);
    return named(reading, pending, separator);
  }
  if (isTabbed && line.charCodeAt(end + 1) !== code.openBrace) {
    const isNamed = isPlace ? putPlace(reading, text) : isPlainName(text);
    if (!isNamed) return at;
    if (!isPlace) reading.put('log.logger', text);
    nameAll(reading, pending);
    // zap: a logger, then the place in the source.
    const next = nameBehindLevel(reading, line, end + 1, pending);
    return next > end + 1 && isPlaceNamed(reading) ? next : end + 1;
  }
  // OpenStack's loggers: the request in brackets follows.
  if ((line.startsWith(' [req-', end) || line.startsWith(' [-] ', end)) && isQualifiedName(text)) {
    reading.put('log.logger', text);
    return named(reading, pending, end + 1);
  }
  // What the logger was told of the request stands in brackets behind its name.
  const opener = line.charCodeAt(end + 1);
  const context = (opener === code.openBracket || opener === code.openBrace) && isQualifiedName(text) && reading.fields['log.logger'] === undefined ? closingBracket(line, end + 1, bracketCharsMax) : -1;
  // log4j2's `%c %X %m`.
  if (context > 0 && opener === code.openBrace && isBlank(line.charCodeAt(context + 1)) && mapOfContext.test(line.slice(end + 2, context))) {
    reading.put('log.logger', text);
    if (context > end + 2) reading.put('log.context', line.slice(end + 2, context));
    return named(reading, pending, skipBlanks(line, context + 1));
  }
  // log4j's `%c [%t] %m`: nothing but a thread is called so.
  if (context > 0 && threadName.test(line.slice(end + 2, context).trim())) {
    reading.put('log.logger', text);
    putThread(reading, line.slice(end + 2, context));
    return named(reading, pending, skipMarks(line, context + 1));
  }
  const behindContext = context < 0 ? -1 : separatorEnd(line, context + 1);
  if (behindContext > 0) {
    reading.put('log.logger', text);
    if (context > end + 2 && !putTrace(reading, line.slice(end + 2, context))) reading.put('log.context', line.slice(end + 2, context));
    return named(reading, pending, behindContext);
  }
  // MongoDB's component stands before the thread.
  if (isLetter(line.charCodeAt(at - 2)) && isBlank(line.charCodeAt(at - 3)) && mongoComponent.test(line.slice(at, at + 160))) {
    const open = line.indexOf('[', end);
    const close = line.indexOf(']', open);
    if (text !== '-') reading.put('log.logger', text);
    putThread(reading, line.slice(open + 1, close));
    return skipBlanks(line, close + 1);
  }
  if (pending.length > 0 && putClassAndMethod(reading, text)) return named(reading, pending, skipBlanks(line, end));
  return at;
}

/** `thread|logger|trace|message`: behind the logger only what cannot be a message. */
function barsEnd(reading: Reading, line: string, from: number, pending: Part[]): number {
  let at = from;
  for (let bar = line.indexOf('|', at); bar > 0 && bar - at <= wordCharsMax; bar = line.indexOf('|', at)) {
    const text = line.slice(at, bar).trim();
    if (text !== '' && !putTrace(reading, text)) {
      if (reading.fields['process.thread.name'] === undefined && threadName.test(text)) putThread(reading, text);
      else if (reading.fields['log.logger'] === undefined && isPlainName(text)) reading.put('log.logger', text);
      else break;
    }
    at = bar + 1;
  }
  return at === from ? from : named(reading, pending, skipBlanks(line, at));
}

/** The spans of Rust's tracing, outermost first, at least one of them with fields: `request{id=7}:work: shop::db: message`. */
const spans = /(?:[\w.-]{1,64}(?:\{[^{}]{0,1024}\})?:(?!:))+ /y;
const target = /((?:\w+::)+\w+|\w*_\w*): /y;

const rustThread = /(?:([\w.-]{1,64}) +)?ThreadId\((\d{1,9})\) /y;

function spansEnd(reading: Reading, line: string, from: number): number {
  if (!isLetter(line.charCodeAt(from))) return from;
  let at = from;
  let char = line.charCodeAt(at);
  while (isLetter(char) || (char >= 0x2d && char <= 0x3a) || char === 0x5f) char = line.charCodeAt(++at);
  const second = skipBlanks(line, at);
  const isThread = char === code.open || (line.charCodeAt(second) === 0x54 && line.startsWith('ThreadId(', second));
  if (char !== code.openBrace && !isThread) return from;
  const thread = isThread ? matchAt(rustThread, line, from) : null;
  at = from;
  if (thread !== null) {
    if (thread[1] !== undefined) reading.put('process.thread.name', thread[1]);
    reading.put('process.thread.id', Number(thread[2]));
    at += thread[0].length;
  }
  const found = matchAt(spans, line, at);
  if (found?.[0].includes('{') === true) {
    reading.put('log.context', found[0].slice(0, -2));
    at += found[0].length;
  } else if (thread === null) return from;
  const named = matchAt(target, line, at);
  if (named === null) return at;
  reading.put('log.logger', named[1]!);
  at += named[0].length;
  const end = wordEnd(line, at);
  return line.charCodeAt(end - 1) === code.colon && isSourcePlace(line.slice(at, end - 1)) && putPlace(reading, line.slice(at, end - 1)) ? skipBlanks(line, end) : at;
}

function isPlaceNamed(reading: Reading): boolean {
  return reading.fields['log.origin.file.name'] !== undefined;
}

const mongoComponent = /^(?:[A-Z_]{2,16}|-) +\[[^\]]{1,128}\] /;
/** `vpxd[45715]`, which a colon or a bracket follows. */
const processNumber = /^([\w./-]{1,64})\[(\d{1,10})\](:?)$/;
/** log4js has time and level in brackets of their own, then a category. */
function isBehindBrackets(line: string, at: number): boolean {
  return line.charCodeAt(0) === code.openBracket && line.charCodeAt(at - 2) === code.closeBracket && line.indexOf('] [') === line.lastIndexOf('] [', at);
}

const mapOfContext = /^(?:[\w.-]+=[^{}]*)?$/;
/** .NET's console puts the event's number behind the logger: `Shop.Cart[0]`. */
const dotnetEvent = /^([\w.]{1,128}(?:`\d)?)\[(\d{1,9})\]$/;
const isTypeName = /[a-z0-9][A-Z]|_/;

function named(reading: Reading, pending: Part[], end: number): number {
  const logger = reading.fields['log.logger'];
  nameAll(reading, pending);
  if (logger !== undefined) reading.put('log.logger', logger);
  return end;
}

/** Tomcat's loggers: `o.a.c.c.C.[Tomcat].[localhost].[/]`. */
const containerPart = /\.\[[^\]]*\]/g;

/** Behind ` - `, ` -- `, ` : `, ` | ` or `: ` at `at`, or -1. */
function separatorEnd(line: string, at: number): number {
  let index = skipBlanks(line, at);
  const char = line.charCodeAt(index);
  if (char === code.colon) return isBlank(line.charCodeAt(index + 1)) && index > at ? index + 2 : -1;
  if (index === at || (char !== code.dash && char !== code.bar)) return -1;
  index++;
  if (char === code.dash && line.charCodeAt(index) === code.dash) index++;
  return isBlank(line.charCodeAt(index)) ? skipBlanks(line, index) : -1;
}

function pythonName(reading: Reading, line: string, from: number): number {
  if (line.charCodeAt(from - 1) !== code.colon || !isLetter(line.charCodeAt(from))) return from;
  const colon = line.indexOf(':', from);
  if (colon < 0 || colon - from > wordCharsMax) return from;
  const name = line.slice(from, colon);
  if (!isPlainName(name)) return from;
  reading.put('log.logger', name);
  return skipBlanks(line, colon + 1);
}
