/** What a line of text begins with: a time, a level, or both in either order, with the brackets and marks around them. Looks at some 300 characters at most. */
import type { Level } from '#schemas/event.ts';
import { levelOfLetter, levelOfName } from '../fields/level.ts';
import { notKnownWhen, readTime, type TimeAssumed, type WhenRead } from '../fields/time.ts';
import { closingBracket, code, isBlank, isDigit, isLetter, isUpper, isWord, matchAt, skipBlanks } from './scan.ts';

export interface TextPrefix {
  timeNs: bigint | null;
  timeAssumed: TimeAssumed | null;
  /** The time as written, null where there is none. */
  timeText: string | null;
  level: Level | null;
  /** What stands behind the time in the time's own brackets: `#4711`, `INFO  my_app`, `: WARNING/ForkPoolWorker-1`. */
  inside: string;
  /** True where the time stands in brackets. */
  timeInBrackets: boolean;
  /** Index of what comes next. */
  end: number;
}

/** env_logger's `[INFO  my_app] message`. */
const levelAndName = /\[([A-Z]{4,8}) {1,8}[A-Za-z_][\w:.-]{1,127}(?: \(\d{1,10}\))?\] /y;
const levelInBrackets = /[[(<*] {0,8}(?:([\w.-]{0,64}):)?([A-Za-z]{1,13}\d?) {0,8}[\])>*]/y;
/** Lower case with a colon at the start of a line; other names (`fine:`, `alert:`, `note:`) begin sentences too. */
export const sentenceSafe: ReadonlySet<string> = new Set(['trace', 'trce', 'debug', 'dbug', 'info', 'warn', 'warning', 'error', 'err', 'fail', 'fatal', 'critical', 'crit', 'panic', 'notice', 'verbose']);
const bracketCharsMax = 200;
const processBehind = / [\w.-]{1,64}\[\d{1,10}\](?::| \[)/y;

export function readTextPrefix(line: string, when: WhenRead = notKnownWhen, from = 0): TextPrefix {
  const prefix: TextPrefix = { timeNs: null, timeAssumed: null, timeText: null, level: null, inside: '', timeInBrackets: false, end: from };
  let at = skipBlanks(line, from);
  // Time and level in either order, each at most once.
  for (let round = 0; round < 2; round++) {
    const afterTime = prefix.timeText === null ? readPrefixTime(prefix, line, at, when) : -1;
    const after = afterTime >= 0 ? afterTime : prefix.level === null ? readPrefixLevel(prefix, line, at, from) : -1;
    if (after < 0) break;
    at = skipMarks(line, after);
    if (afterTime >= 0) at = columnLevelEnd(prefix, line, at);
    prefix.end = at;
  }
  return prefix;
}

/** Index behind the time and the bracket it stands in, or -1. */
function readPrefixTime(prefix: TextPrefix, line: string, at: number, when: WhenRead): number {
  const first = line.charCodeAt(at);
  const opened = first === code.openBracket || first === code.open || first === code.less;
  const start = opened ? skipBlanks(line, at + 1) : at;
  const time = readTime(line, start, when);
  if (time === null) return -1;
  const follower = line.charCodeAt(time.end);
  // `10:20:30.foo` and `2022-08-22T05:18:16xyz` are something else.
  if (isWord(follower)) return -1;
  prefix.timeNs = time.timeNs;
  prefix.timeAssumed = time.assumed;
  prefix.timeText = line.slice(start, time.end);
  if (!opened) return time.end;
  const close = closingBracket(line, at, bracketCharsMax);
  if (close < time.end) return time.end;
  prefix.inside = line.slice(time.end, close);
  prefix.timeInBrackets = true;
  return close + 1;
}

/** Index behind the level and what encloses it, or -1. Before a time a bare word must be in capitals or have a colon. */
function readPrefixLevel(prefix: TextPrefix, line: string, at: number, from: number): number {
  const first = line.charCodeAt(at);
  if (first === code.openBracket || first === code.open || first === code.less || (first === code.star && prefix.timeText !== null)) {
    const inside = levelInBracketsAt(line, at);
    if (inside === null && first === code.openBracket && prefix.inside === '') return readLevelAndName(prefix, line, at);
    if (inside === null || inside.name !== null) return -1;
    prefix.level = inside.level;
    return inside.end;
  }
  if (!isLetter(first)) return -1;
  const end = levelWordEnd(line, at);
  if (end < 0) return readLetter(prefix, line, at);
  const word = line.slice(at, end);
  const level = levelOfName(word);
  const follower = line.charCodeAt(end);
  // Postgres reports what it says of itself as LOG.
  if (level === null) return prefix.timeText !== null && word === 'LOG' && follower === code.colon ? setLevel(prefix, 'info', end + 1) : -1;
  const isCapitals = word === word.toUpperCase();
  // npm's `ERR! code`; otherwise a cry.
  if (follower === 0x21 && isCapitals) {
    if (word === 'ERR') return setLevel(prefix, level, end + 1);
    prefix.level = level;
    return -1;
  }
  if (prefix.timeText === null && !isCapitals) {
    if (follower === code.space && timeFollows(line, end)) return setLevel(prefix, level, end);
    // signale puts a symbol before a column of its own.
    if (from > 0 && follower === code.space && line.charCodeAt(end + 1) === code.space) return setLevel(prefix, level, end);
    // Next.js's `error - message`.
    if (follower === code.space && sentenceSafe.has(word) && line.startsWith('- ', skipBlanks(line, end))) return setLevel(prefix, level, end);
    if (follower !== code.colon || !sentenceSafe.has(word.toLowerCase())) return -1;
    // `Error: boom` is what Node prints of an error: its level is plain, but the word belongs to the message.
    if (isUpper(first)) {
      prefix.level = level;
      return -1;
    }
  }
  // V8's `FATAL ERROR: Reached heap limit` is a sentence.
  if (isCapitals && follower === code.space && prefix.timeText === null && line.startsWith('ERROR:', end + 1)) {
    prefix.level = level;
    return -1;
  }
  if (isCapitals || follower === code.colon || follower === code.closeBracket || follower === code.bar || follower === code.close || follower === code.tab) return setLevel(prefix, level, end);
  // A column of its own, as two blanks tell.
  if (prefix.timeText !== null && follower === code.space && line.charCodeAt(end + 1) === code.space) return setLevel(prefix, level, end);
  // VMware's `info vpxd[45715] [...] message`.
  if (prefix.timeText !== null && follower === code.space && matchAt(processBehind, line, end) !== null) return setLevel(prefix, level, end);
  // `error occurred` behind a time: a level, but maybe a word of the sentence as well, so it stays in the message.
  prefix.level = level;
  return -1;
}

/** `TIME,LEVEL,message`: columns that are joined by commas, semicolons or bars; Datadog's agent names itself first. `at` where there is no level. */
function columnLevelEnd(prefix: TextPrefix, line: string, at: number): number {
  if (prefix.level !== null) return at;
  if (line.charCodeAt(at - 2) === code.bar && isUpper(line.charCodeAt(at))) {
    const named = matchAt(nameThenLevel, line, at);
    const level = named === null ? null : levelOfName(named[2]!);
    if (named === null || level === null) return at;
    prefix.inside = `${named[2]!} ${named[1]!}`;
    prefix.level = level;
    return at + named[0].length;
  }
  const mark = line.charCodeAt(at);
  if (mark !== code.comma && mark !== 0x3b) return at;
  const start = skipBlanks(line, at + 1);
  const end = levelWordEnd(line, start);
  const level = end < 0 || line.charCodeAt(end) !== mark ? null : levelOfName(line.slice(start, end));
  if (level === null) return at;
  prefix.level = level;
  return skipBlanks(line, end + 1);
}

const nameThenLevel = /([A-Z][A-Z-]{2,32}) +\| +([A-Z]{4,8}) +\| +/y;

/** TensorFlow's `TIME: W tensorflow/core/x.cc:64] message`. */
const placeInBracket = / [\w./-]{3,200}\.[a-z]{1,4}:\d{1,6}\] /y;
const mongoComponent = / (?:[A-Z_]{2,16}|-) +\[[^\]]{1,128}\] /y;

function readLevelAndName(prefix: TextPrefix, line: string, at: number): number {
  const found = matchAt(levelAndName, line, at);
  const level = found === null ? null : levelOfName(found[1]!);
  if (found === null || level === null) return -1;
  prefix.inside = found[0].slice(1, -2);
  return setLevel(prefix, level, at + found[0].length);
}

/** etcd's `T I | pkg: message`: one letter between a time and a bar; Telegraf's `T I! message`; MongoDB's before 4.4, `T I NETWORK  [conn1] message`. */
function readLetter(prefix: TextPrefix, line: string, at: number): number {
  if (prefix.timeText === null) return -1;
  if (line.charCodeAt(at + 1) === 0x21 && line.charCodeAt(at + 2) === code.space) {
    const marked = levelOfLetter(line[at]!);
    return marked === null ? -1 : setLevel(prefix, marked, at + 2);
  }
  if (line.charCodeAt(at + 1) !== code.space) return -1;
  if (line.charCodeAt(at + 2) !== code.bar && matchAt(mongoComponent, line, at + 1) === null && matchAt(placeInBracket, line, at + 1) === null) return -1;
  const level = levelOfLetter(line[at]!);
  return level === null ? -1 : setLevel(prefix, level, at + 1);
}

/** Winston's `info TIME message`. */
function timeFollows(line: string, at: number): boolean {
  const time = isDigit(line.charCodeAt(at + 1)) ? readTime(line, at + 1, someWhen) : null;
  return time !== null && time.timeNs !== null && time.assumed === null;
}

const someWhen: WhenRead = { readMs: 0, zone: null };

function setLevel(prefix: TextPrefix, level: Level, end: number): number {
  prefix.level = level;
  return end;
}

/** The end of a word of letters, 3 to 13 of them and perhaps a digit, that is not part of a longer thing; -1 where there is none. */
export function levelWordEnd(line: string, at: number): number {
  let end = at;
  while (isLetter(line.charCodeAt(end)) && end - at <= 13) end++;
  if (end - at < 3 || end - at > 13) return -1;
  const digit = line.charCodeAt(end);
  if (digit >= 0x30 && digit <= 0x39) end++;
  const follower = line.charCodeAt(end);
  return isWord(follower) || follower === code.dot || follower === 0x24 || follower === code.slash || follower === code.dash ? -1 : end;
}

/** `[error]`, `(INFO)`, `<Information>`, `[E]`, `[php7:notice]` (whose first part is `name`), or null. */
export function levelInBracketsAt(line: string, at: number): { level: Level; name: string | null; end: number } | null {
  const inside = matchAt(levelInBrackets, line, at);
  if (inside === null) return null;
  const word = inside[2]!;
  const level = word.length === 1 ? levelOfLetter(word) : levelOfName(word);
  return level === null ? null : { level, name: inside[1] ?? null, end: at + inside[0].length };
}

/** Blanks, and the marks between the parts of a head. A dash counts only where a blank follows: `-1 rows` is a message. */
export function skipMarks(line: string, at: number): number {
  let index = skipBlanks(line, at);
  for (let marks = 0; marks < 4; marks++) {
    const char = line.charCodeAt(index);
    const isDash = char === code.dash || char === code.greater || char === code.comma || char === 0x2013;
    const isMark = char === code.colon || char === code.closeBracket || char === code.bar || (isDash && (isBlank(line.charCodeAt(index + 1)) || line.charCodeAt(index + 1) === code.dash));
    if (!isMark) break;
    index = skipBlanks(line, index + 1);
  }
  return index;
}
