/** Who speaks, as a line's head names it: a logger, a thread, a place in the source, a trace. Each becomes a field. */
import type { Reading } from '../fields/reading.ts';
import { code, isDigit, isNumber, isUpper, isWord } from './scan.ts';

const nameCharsMax = 200;
/** `main.go:10`, `a/b/c.py:123`, `CassandraDaemon.java:650`. */
const sourcePlace = /^((?:[A-Za-z]:)?[\w./\\@<>$-]+\.[A-Za-z]{1,6}):(\d{1,7})(?::\d+)?$/;
/** What files of source end with: of anything else with a number behind it the last part is a class. */
const sourceEndings = new Set('c cc cpp cxx h hpp hh go rs py pyx rb rake java kt kts scala groovy clj js mjs cjs jsx ts mts cts tsx vue svelte php cs fs vb swift m mm ex exs erl hs ml lua pl pm sh r dart cr nim zig d jl sql s as asm erb html'.split(' '));
/** logback's `%logger:%line`. */
const classLine = /^([\w$.-]+):(\d{1,7})$/;
/** log4j's `%l`: `c.e.Cart.pay(Cart.java:57)`. */
const methodInFile = /^([\w$.]+)\.([\w$<>]+)\(([\w$.-]+):(\d{1,7})\)$/;
/** loguru: `__main__:main:12`; a module, a function, a line. */
const functionPlace = /^([\w.]+):([\w<>$]+):(\d{1,7})$/;
/** `AuthorizationMgr.initBuiltinRoleUnlocked():282`. */
const methodPlace = /^([\w$.]+)\.([\w$<>]+)\(\):(\d{1,7})$/;
/** Zookeeper: what stands behind the thread's name and a colon. */
const classAtLine = /^(.*):([\w$.]+)@(\d{1,7})$/;
const uptimeSeconds = /^(\d{1,9}\.\d{1,6})s$/;
/** Sleuth's `[app,trace,span,true]`, Spring Boot's `[trace-span]`, a pattern's `[%X{traceId}/%X{spanId}]` or `[%X{traceId}]`; empty outside of requests. */
const sleuth = /^([\w.-]*),([0-9a-f]{16}|[0-9a-f]{32}),([0-9a-f]{16})(?:,(?:true|false)?)?$/;
const traceAndSpan = /^([0-9a-f]{32}|[0-9a-f]{16})[-,/:| ]([0-9a-f]{16})$/;
const traceAlone = /^[0-9a-f]{32}$/;
const sleuthOfNothing = /^([\w.-]*),,(?:,|)$|^[-,/:|]$/;

/** An identifier with at least one dot (or `::`) between its parts: `c.e.Cart`, `my_app::server`, `dfs.DataNode$PacketResponder`. */
export function isQualifiedName(text: string): boolean {
  if (text.length < 3 || text.length > nameCharsMax) return false;
  let dots = 0;
  let letters = 0;
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (char === code.dot || (char === code.colon && text.charCodeAt(index + 1) === code.colon)) {
      if (index === 0 || index >= text.length - 1) return false;
      dots++;
      if (char === code.colon) index++;
    } else if (isWord(char)) {
      if (!isDigit(char)) letters++;
    } else if (char !== 0x24 && char !== code.dash) return false;
  }
  return dots > 0 && letters > 0;
}

/** One word that may name a logger where a separator follows it. */
export function isPlainName(text: string): boolean {
  if (text.length === 0 || text.length > nameCharsMax || isDigit(text.charCodeAt(0)) || text.charCodeAt(0) === code.dot) return false;
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (!isWord(char) && char !== code.dot && char !== code.dash && char !== 0x24 && char !== code.slash && char !== code.colon && char !== code.less && char !== code.greater) return false;
  }
  return true;
}

/** A place in a file of source, whatever stands around it: `main.go:10`. */
export function isSourcePlace(text: string): boolean {
  const source = text.length <= nameCharsMax && isDigit(text.charCodeAt(text.length - 1)) && text.includes(':') ? sourcePlace.exec(text) : null;
  return source !== null && sourceEndings.has(source[1]!.slice(source[1]!.lastIndexOf('.') + 1));
}

export function isMethodInFile(text: string): boolean {
  return text.length <= nameCharsMax && methodInFile.test(text);
}

/** A place in the source becomes its fields. False where the text is none. */
export function putPlace(reading: Reading, text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  if (text.length > nameCharsMax || (!isDigit(last) && last !== code.close) || !text.includes(':')) return false;
  const source = sourcePlace.exec(text);
  if (source !== null) {
    const file = source[1]!;
    const type = file.endsWith('.go') || sourceEndings.has(file.slice(file.lastIndexOf('.') + 1)) ? null : classLine.exec(text);
    reading.put(type === null ? 'log.origin.file.name' : 'log.logger', file);
    reading.put('log.origin.file.line', Number(source[2]));
    return true;
  }
  const located = last === code.close ? methodInFile.exec(text) : classLine.exec(text);
  if (located !== null && (located.length > 3 || isQualifiedName(located[1]!) || isUpper(text.charCodeAt(0)))) {
    reading.put('log.logger', located[1]!);
    if (located.length > 3) {
      reading.put('log.origin.function', located[2]!);
      reading.put('log.origin.file.name', located[3]!);
    }
    reading.put('log.origin.file.line', Number(located.at(-1)));
    return true;
  }
  const inside = methodPlace.exec(text) ?? functionPlace.exec(text);
  if (inside === null) return false;
  reading.put('log.logger', inside[1]!);
  reading.put('log.origin.function', inside[2]!);
  reading.put('log.origin.file.line', Number(inside[3]));
  return true;
}

/** The ids that a logging library puts into brackets of its own. False where the text holds none. */
export function putTrace(reading: Reading, text: string): boolean {
  if (text.length > 160) return false;
  if (text.length < 32) {
    if (!mayBeNothing(text)) return false;
    const nothing = sleuthOfNothing.exec(text);
    if (nothing !== null && nothing[1] !== undefined && nothing[1] !== '') reading.put('service.name', nothing[1]);
    return nothing !== null;
  }
  if (traceAlone.test(text)) {
    reading.add('trace.id', text);
    return true;
  }
  const found = sleuth.exec(text);
  if (found !== null) {
    if (found[1] !== '') reading.put('service.name', found[1]!);
    reading.add('trace.id', found[2]!);
    reading.add('span.id', found[3]!);
    return true;
  }
  const pair = traceAndSpan.exec(text);
  if (pair === null) return false;
  reading.add('trace.id', pair[1]!);
  reading.add('span.id', pair[2]!);
  return true;
}

function mayBeNothing(text: string): boolean {
  return text.length === 1 || text.charCodeAt(text.length - 1) === code.comma;
}

/** Whether brackets hold ids (`putTrace`). */
export function isTrace(text: string): boolean {
  if (text.length < 32) return mayBeNothing(text) && sleuthOfNothing.test(text);
  return text.length <= 160 && (traceAlone.test(text) || sleuth.test(text) || traceAndSpan.test(text));
}

/** A thread's name as brackets hold it; Zookeeper puts class and line behind it, StarRocks the thread's number. */
export function putThread(reading: Reading, text: string): void {
  const name = text.trim();
  if (name === '') return;
  // What the logger was told of the request, by name.
  if (name.includes('=')) {
    reading.put('log.context', name);
    return;
  }
  // The JVM's own log has the seconds that it has run.
  const uptime = uptimeSeconds.exec(name);
  if (uptime !== null) {
    reading.put('process.uptime', Number(uptime[1]));
    return;
  }
  const behind = name.includes('@') ? classAtLine.exec(name) : null;
  const before = reading.fields['process.thread.name'];
  // Of two brackets one is what the logger was told of the request or user.
  if (before !== undefined) reading.put('log.context', behind === null ? name : before);
  if (before !== undefined && behind === null) return;
  if (behind !== null) {
    reading.put('process.thread.name', behind[1]!);
    reading.put('log.logger', behind[2]!);
    reading.put('log.origin.file.line', Number(behind[3]));
    return;
  }
  const bar = name.lastIndexOf('|');
  if (bar > 0 && isNumber(name.slice(bar + 1))) {
    reading.put('process.thread.name', name.slice(0, bar));
    reading.put('process.thread.id', Number(name.slice(bar + 1)));
  } else if (isNumber(name)) {
    reading.put('process.thread.id', Number(name));
  } else {
    reading.put('process.thread.name', name);
  }
}

/** `org.apache.catalina.startup.HostConfig.deployDirectory`: a class and its method. False where the last two parts are not that. */
export function putClassAndMethod(reading: Reading, text: string): boolean {
  const last = text.lastIndexOf('.');
  const before = text.lastIndexOf('.', last - 1);
  if (before <= 0 || !isUpper(text.charCodeAt(before + 1))) return false;
  const method = text.charCodeAt(last + 1);
  if (isUpper(method) || !isQualifiedName(text.slice(0, last))) return false;
  reading.put('log.logger', text.slice(0, last));
  reading.put('log.origin.function', text.slice(last + 1));
  return true;
}
