/**
 * The head of a line of text: time and level, and who speaks (thread, logger, process, place in the source), as the layouts of log4j, logback,
 * Python's logging, Go's loggers, .NET, Rust, PHP, databases and application servers write them. Read by shape, in whatever order they stand.
 *
 * What is taken off the message has become the time, the level or a field; what cannot be named stays in the message. Nothing is taken off on the
 * strength of a shape alone: a level behind it, or a separator that ends a head, must say that it was one.
 */
import type { Level } from '#schemas/event.ts';
import type { Reading } from '../fields/reading.ts';
import { levelOfName } from '../fields/level.ts';
import type { WhenRead } from '../fields/time.ts';
import { partsBehindLevel } from './behind-level.ts';
import { isPlainName, putPlace, putThread } from './caller.ts';
import { namedAll, type Part } from './head-parts.ts';
import { closingBracket, code, isBlank, isDigit, isLetter, isNumber, isUpper, matchAt, skipBlanks, skipDigits, wordEnd } from './scan.ts';
import { levelInBracketsAt, levelWordEnd, readTextPrefix, sentenceSafe, skipMarks, type TextPrefix } from './text-prefix.ts';

const partsMax = 6;
const bracketCharsMax = 256;
const wordCharsMax = 128;

/** Sets what the head says and returns the index of the message. */
export function readTextHeader(reading: Reading, line: string, when: WhenRead, from = 0): number {
  const start = numberBeforeTime(line, from);
  const prefix = readTextPrefix(line, when, start);
  if (start > from && prefix.timeText === null) return from;
  if (prefix.timeText !== null && prefix.level === null && isNumberAlone(prefix, line, when)) return from;
  if (start > from) reading.put('process.pid', Number(line.slice(from + 1, line.indexOf(']', from))));
  if (prefix.timeText !== null) {
    reading.put('time', prefix.timeText);
    reading.timeNs = prefix.timeNs;
    reading.timeAssumed = prefix.timeAssumed;
  }
  reading.level = prefix.level;
  if (prefix.inside !== '') readInside(reading, prefix, line);
  let at = prefix.timeText === null && prefix.level === null ? from : prefix.end;
  if (prefix.timeText !== null) at = requestColumnEnd(reading, line, at);
  if (reading.level === null) {
    if (prefix.timeText === null && line.charCodeAt(at) !== code.openBracket && !isDigit(line.charCodeAt(at))) {
      if (line.startsWith('PHP ', at)) phpLevel(reading, [], line, at + 3);
      else return levelBehindName(reading, line, at) ?? timeBehindWord(reading, line, at, when);
      return at;
    }
    if (prefix.timeText === null) {
      const program = isDigit(line.charCodeAt(at)) ? levelBehindName(reading, line, at) : null;
      if (program !== null) return program;
      const behind = timeBehindBracket(reading, line, at, when);
      if (behind > at) return behind;
    }
    at = levelBehindParts(reading, line, at, prefix.timeText !== null);
    if (reading.level === null) return prefix.timeText === null ? at : placeBehindTime(reading, line, at);
    if (at === prefix.end) return at;
  } else if (prefix.end === from) {
    return from;
  } else if (prefix.timeText === null) {
    at = timeBehindLevel(reading, line, at, when);
  }
  if (line.startsWith('PHP message: ', at)) phpOfWorker(reading, line, at + 'PHP message: '.length);
  return partsBehindLevel(reading, line, at);
}

/** What php-fpm passes on of its workers, all of it as a notice: the level is PHP's or the logger's own. */
function phpOfWorker(reading: Reading, line: string, at: number): void {
  if (line.startsWith('PHP ', at)) phpLevel(reading, [], line, at + 3);
  else reading.level = readTextPrefix(line, undefined, at).level ?? reading.level;
}

/** A count at the start of a sentence: a whole number that would be another day's time, or an hour to the minute. */
function isNumberAlone({ timeText, timeNs, timeInBrackets, end }: TextPrefix, line: string, when: WhenRead): boolean {
  if (timeInBrackets) return false;
  if (timeText!.endsWith('M') && timeNs === null) return true;
  if (!isNumber(timeText!) || timeNs === null || !(line.charCodeAt(end) >= 0x61 && line.charCodeAt(end) <= 0x7a)) return false;
  return when.readMs === null || Math.abs(Number(timeNs / 1_000_000n) - when.readMs) > dayMs;
}

const dayMs = 86_400_000;

/** NATS puts its process in brackets before the time: the index behind them where a digit follows, else `from`. */
function numberBeforeTime(line: string, from: number): number {
  if (line.charCodeAt(from) !== code.openBracket) return from;
  const end = skipDigits(line, from + 1);
  return end > from + 1 && end - from < 9 && line.charCodeAt(end) === code.closeBracket && line.charCodeAt(end + 1) === code.space && isDigit(line.charCodeAt(end + 2)) ? end + 2 : from;
}

const requestColumn = /(?:([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})|undefined)\t/y;

/** AWS Lambda's request in a column of its own: `TIME TAB request TAB LEVEL TAB message`, or the level first. */
function requestColumnEnd(reading: Reading, line: string, at: number): number {
  const found = line.charCodeAt(at - 1) === code.tab ? matchAt(requestColumn, line, at) : null;
  if (found === null) return at;
  if (found[1] !== undefined) reading.add('request_id', found[1]);
  return at + found[0].length;
}

/** What the time's own brackets hold besides: a level, and a thread, a process or a target. */
function readInside(reading: Reading, { inside, end: behind }: TextPrefix, line: string): void {
  const at = skipMarks(inside, 0);
  if (inside.charCodeAt(at) === code.hash) {
    const pid = inside.slice(at + 1).trim();
    if (isNumber(pid)) reading.put('process.pid', Number(pid));
    return;
  }
  // celery joins level and process with a slash.
  const end = wordEnd(inside, at);
  const slash = inside.indexOf('/', at);
  const wordStop = slash > at && slash < end ? slash : end;
  const level = levelOfName(inside.slice(at, wordStop));
  if (level === null) return;
  reading.level ??= level;
  const rest = inside.slice(wordStop + 1).trim();
  if (rest === '') return;
  if (wordStop === slash) {
    reading.put('process.thread.name', rest);
    putTask(reading, line, behind);
  }
  else putNameAndPid(reading, rest);
}

const nameAndPid = /^(\S{1,128}) \((\d{1,10})\)$/;

/** `shop::cart` of env_logger, `tini (7)`. */
function putNameAndPid(reading: Reading, text: string): void {
  const found = nameAndPid.exec(text);
  const name = found?.[1] ?? text;
  if (!isPlainName(name)) return;
  reading.put('log.logger', name);
  if (found !== null) reading.put('process.pid', Number(found[2]));
}

const task = /(?:Task )?[\w.]{1,200}\[([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\][: ]/y;

/** celery names the task that a line is of: `Task shop.pay[UUID] received`, and `shop.pay[UUID]: message` of the task's own logger. */
function putTask(reading: Reading, line: string, at: number): void {
  const found = matchAt(task, line, at);
  if (found !== null) reading.add('job_id', found[1]!);
}

/**
 * A file's name, a host or a mark in front of the time, as whoever gathers logs puts there: time and level are read, the message stays whole. A word
 * of letters before a time is a sentence's.
 */
function timeBehindWord(reading: Reading, line: string, from: number, when: WhenRead): number {
  const blank = line.indexOf(' ', from);
  if (blank < 0 || blank - from > wordCharsMax) return from;
  const timeAt = skipBlanks(line, blank) + (line.startsWith('|', skipBlanks(line, blank)) ? 1 : 0);
  if (!isDigit(line.charCodeAt(timeAt))) return from;
  let isMark = false;
  for (let index = from; index < blank; index++) isMark ||= !isLetter(line.charCodeAt(index));
  const { timeText, timeNs, timeAssumed, end, level } = readTextPrefix(line, when, timeAt);
  // A level behind the time says as much as a mark before it.
  if (timeText === null || timeNs === null || timeAssumed === 'date' || (!isMark && level === null)) return from;
  reading.put('time', timeText);
  reading.timeNs = timeNs;
  reading.timeAssumed = timeAssumed;
  reading.level = level;
  const pid = skipDigits(line, end);
  if (level !== null || pid === end) return from;
  // The number of a process between time and level, as OpenStack has it.
  const levelAt = skipBlanks(line, pid);
  const levelEnd = levelWordEnd(line, levelAt);
  const word = levelEnd < 0 ? '' : line.slice(levelAt, levelEnd);
  if (word === word.toUpperCase()) reading.level = levelOfName(word);
  return from;
}

const programName = /^[\w./-]+$/;

/** `s6-rc: info: message`, as programs and scripts say who they are; null where it is not that. */
function levelBehindName(reading: Reading, line: string, from: number): number | null {
  const colon = line.indexOf(' ', from) - 1;
  if (line.charCodeAt(colon) !== code.colon || colon <= from || colon - from > wordCharsMax) return null;
  const end = levelWordEnd(line, colon + 2);
  if (end < 0 || line.charCodeAt(end) !== code.colon || line.charCodeAt(end + 1) !== code.space) return null;
  const name = line.slice(from, colon);
  const word = line.slice(colon + 2, end);
  if (!sentenceSafe.has(word) || !programName.test(name)) return null;
  reading.level = levelOfName(word);
  reading.put('process.name', name);
  return end + 2;
}

/** `[name] TIME message`, as Go's log writes its prefix, and `[thread] 05:18:16 LEVEL message`; a time of day alone needs the level. `at` where it is not that. */
function timeBehindBracket(reading: Reading, line: string, at: number, when: WhenRead): number {
  const close = line.charCodeAt(at) === code.openBracket && line.charCodeAt(at + 1) !== code.closeBracket ? closingBracket(line, at, bracketCharsMax) : -1;
  if (close < 0 || line.charCodeAt(close + 1) !== code.space) return at;
  const { timeText, timeNs, timeAssumed, level, end } = readTextPrefix(line, when, close + 1);
  if (timeText === null || (level === null && (timeNs === null || timeAssumed === 'date'))) return at;
  reading.put('time', timeText);
  reading.timeNs = timeNs;
  reading.timeAssumed = timeAssumed;
  reading.level = level;
  const name = line.slice(at + 1, close);
  if (level === null && isPlainName(name)) reading.put('log.logger', name);
  else putThread(reading, name);
  return level === null ? placeBehindTime(reading, line, end) : partsBehindLevel(reading, line, end);
}

/** `LEVEL [thread] TIME place - message`, as Cassandra has it: the index behind the time, or `at`. */
function timeBehindLevel(reading: Reading, line: string, at: number, when: WhenRead): number {
  if (line.charCodeAt(at) !== code.openBracket) return at;
  const close = closingBracket(line, at, bracketCharsMax);
  if (close < 0) return at;
  const { timeText, timeNs, timeAssumed, end, level } = readTextPrefix(line, when, close + 1);
  if (timeText === null || level !== null) return at;
  putThread(reading, line.slice(at + 1, close));
  reading.put('time', timeText);
  reading.timeNs = timeNs;
  reading.timeAssumed = timeAssumed;
  return end;
}

/**
 * A level that stands behind other parts of a head: `[main] INFO c.e.App - x`, `12345 [Note] x`, `- app.db - WARNING - disk`. Returns the index
 * behind the level where all parts before it could be named; else `from`, and the level is known all the same where it is sure.
 */
function levelBehindParts(reading: Reading, line: string, from: number, afterTime: boolean): number {
  const parts: Part[] = [];
  let at = from;
  let words = 0;
  for (let count = 0; count < partsMax; count++) {
    const char = line.charCodeAt(at);
    if (count > 0 && (char === code.openBracket || char === code.less || char === code.open)) {
      const inside = levelInBracketsAt(line, at);
      if (inside !== null && line[inside.end - 2] !== '[' && !(char === code.open && inside.end - at === 3)) {
        reading.level = inside.level;
        return namedAll(reading, parts) ? skipMarks(line, inside.end) : from;
      }
    }
    const end = partAt(line, at, parts);
    if (end < 0) return from;
    const part = parts.at(-1)!;
    if (part.kind === 'bracket' && afterTime && count === 0 && threadAndLevel(reading, part)) return skipMarks(line, end);
    if (part.kind === 'word') {
      const lower = parts.length > 1 && line.charCodeAt(end - 1) === code.colon ? levelBehindBrackets(parts) : null;
      if (lower !== null) {
        reading.level = lower;
        parts.pop();
        return namedAll(reading, parts) ? skipMarks(line, end) : from;
      }
      const level = levelInWord(reading, parts, line, end, afterTime);
      if (level !== 'none') return level === 'named' ? skipMarks(line, end) : from;
      // One plain lower-case word may be a logger's or a program's name; two are a sentence.
      if (!afterTime || (isSentenceWord(part.text) && (++words > 1 || part.text !== part.text.toLowerCase()))) return from;
    }
    at = skipMarks(line, end);
    const next = levelWordEnd(line, at);
    if (next < 0) continue;
    const word = line.slice(at, next);
    if (word !== word.toUpperCase()) continue;
    const level = levelOfName(word) ?? (word === 'LOG' && afterTime ? 'info' : null);
    if (level === null) {
      // What Postgres adds to the line above: of the same process, without a level of its own.
      if (!(afterTime && line.charCodeAt(next) === code.colon && postgresAddition.has(word))) continue;
      namedAll(reading, parts);
      return at;
    }
    reading.level = level;
    return namedAll(reading, parts) ? skipMarks(line, next) : from;
  }
  return from;
}

const postgresAddition = new Set(['STATEMENT', 'DETAIL', 'HINT', 'CONTEXT', 'QUERY', 'LOCATION']);

/** Adds the part that begins at `at` and returns the index behind it, or -1. */
function partAt(line: string, at: number, parts: Part[]): number {
  const char = line.charCodeAt(at);
  // What Postgres writes while a session has no user yet.
  if (line.startsWith('[unknown]@', at)) {
    const end = wordEnd(line, at);
    parts.push({ kind: 'word', text: line.slice(at, end) });
    return end;
  }
  const kind = char === code.openBracket ? 'bracket' : char === code.open ? 'paren' : char === code.openBrace ? 'brace' : char === code.less ? 'angle' : null;
  if (kind !== null) {
    const close = closingBracket(line, at, bracketCharsMax);
    if (close < 0) return -1;
    const text = line.slice(at + 1, close);
    // Airflow under a template engine doubles its braces.
    parts.push({ kind, text: kind === 'brace' && text.startsWith('{') && text.endsWith('}') ? text.slice(1, -1) : text });
    return close + 1;
  }
  const digits = skipDigits(line, at);
  const follower = line.charCodeAt(digits);
  if (digits > at && (isBlank(follower) || follower === code.closeBracket)) {
    parts.push({ kind: 'number', text: line.slice(at, digits) });
    return digits;
  }
  let end = at;
  while (end < line.length && !isBlank(line.charCodeAt(end)) && line.charCodeAt(end) !== code.openBracket && line.charCodeAt(end) !== code.closeBracket) end++;
  if (end === at || end >= line.length || end - at > wordCharsMax || line.charCodeAt(end) === code.closeBracket) return -1;
  parts.push({ kind: 'word', text: line.slice(at, end) });
  return end;
}

/** Minecraft's `[TIME] [Server thread/INFO]: message`. */
function threadAndLevel(reading: Reading, { text }: Part): boolean {
  const slash = text.lastIndexOf('/');
  const name = slash < 1 ? '' : text.slice(slash + 1);
  const level = name.length > 2 && name === name.toUpperCase() ? levelOfName(name) : null;
  if (level === null) return false;
  reading.level = level;
  putThread(reading, text.slice(0, slash));
  return true;
}

/** BIND's `general: info: message`, Winston's `[label] error: message`: a level as loggers write it, and only brackets or a name with a colon before it. */
function levelBehindBrackets(parts: readonly Part[]): Level | null {
  const word = parts.at(-1)!.text;
  if (!sentenceSafe.has(word.slice(0, -1))) return null;
  return parts.every(({ kind, text }, index) => kind === 'bracket' || index === parts.length - 1 || (index === 0 && text.endsWith(':') && isPlainName(text.slice(0, -1)))) ? levelOfName(word.slice(0, -1)) : null;
}

/** A level inside a word: Laravel's `production.ERROR:`, `lotuscreds:ERROR:Could`; PHP's `Warning:` is preceded by its name. */
function levelInWord(reading: Reading, parts: Part[], line: string, end: number, afterTime: boolean): 'none' | 'found' | 'named' {
  const word = parts.at(-1)!.text;
  if (word === 'PHP' && afterTime) return phpLevel(reading, parts, line, end);
  for (let start = 0; start < word.length; ) {
    let stop = start;
    while (stop < word.length && word.charCodeAt(stop) !== code.colon && word.charCodeAt(stop) !== code.dot) stop++;
    const piece = word.slice(start, stop);
    const isAlone = start === 0 || word.charCodeAt(start - 1) === code.colon || (word.charCodeAt(stop) === code.colon && stop === word.length - 1);
    if (isAlone && stop - start >= 3 && isUpper(piece.charCodeAt(0)) && piece === piece.toUpperCase()) {
      const level = levelOfName(piece) ?? (piece === 'LOG' && word === 'LOG:' && afterTime ? 'info' : null);
      if (level !== null) {
        reading.level = level;
        parts.pop();
        if (stop < word.length - 1) return 'found';
        if (start > 1) parts.push({ kind: 'word', text: word.slice(0, start - 1) });
        return namedAll(reading, parts) ? 'named' : 'found';
      }
    }
    start = stop + 1;
  }
  return 'none';
}

/** `PHP Warning:  `, `PHP Fatal error:  `: the level by PHP's own names; they stay in the message. */
function phpLevel(reading: Reading, parts: Part[], line: string, end: number): 'none' | 'found' {
  const colon = line.indexOf(':', end);
  const name = colon < 0 ? '' : line.slice(end + 1, colon);
  parts.pop();
  const level = name === 'Warning' || name === 'Core Warning' ? 'warn' : name === 'Notice' ? 'info' : name === 'Fatal error' || name === 'Parse error' || name === 'Recoverable fatal error' ? 'error' : null;
  if (level === null) return 'none';
  reading.level = level;
  return 'found';
}

/** A word that sentences are made of: letters only. */
function isSentenceWord(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (!isLetter(text.charCodeAt(index))) return false;
  return true;
}

/** Go's standard logger: `TIME main.go:10: message`. */
function placeBehindTime(reading: Reading, line: string, at: number): number {
  const end = wordEnd(line, at);
  if (end - at < 5 || end - at > wordCharsMax || line.charCodeAt(end - 1) !== code.colon || !isDigit(line.charCodeAt(end - 2))) return at;
  return putPlace(reading, line.slice(at, end - 1)) ? skipBlanks(line, end) : at;
}
