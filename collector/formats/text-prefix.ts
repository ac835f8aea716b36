/** What stands before the message of a plain text line: time, level, brackets and the marks between them. Looks at some 700 characters at most. */
import type { Level } from '#schemas/event.ts';
import { levelOfLetter, levelOfName, levelOfSyslogSeverity } from '../fields/level.ts';
import { readTime } from '../fields/time.ts';

export interface TextPrefix {
  timeNs: bigint | null;
  /** The time as written, null where there is none. */
  timeText: string | null;
  level: Level | null;
  /** Index of the message. */
  end: number;
}

const glog = /([IWEFDC])(\d{4} \d{2}:\d{2}:\d{2}\.\d{1,9}) +\d+ [^\s\]]{1,256}:\d+\] ?/y;
const rubyHead = /([DIWEFA]), (?=\[\d{4})/y;
const syslogPriority = /<(\d{1,3})>(?:1 )?/y;
const levelInBrackets = /[[(] {0,8}(?:[\w.-]{1,64}:)?([A-Za-z]{1,13}\d?) {0,8}[\])]/y;
const levelWord = /([A-Za-z]{3,13}\d?)(?![\w.$/-])/y;
/** A thread, a process id, a logger: `[main]`, `(pool-1)`, `25376]`, `app.module`, `4711`. */
const bystander = /\[[^\]\n]{0,128}\]|\([^)\n]{0,64}\)|\d+\]:?|[^\s[\]]{1,64}(?=[\s[])/y;
const plainWord = /^[A-Za-z]+$/;
const upperLevel = /(?:^|:)([A-Z]{3,13}\d?)(?::|$)/;
const bystandersMax = 4;

/** Lower case with a colon at the start of a line; other names (`fine:`, `alert:`, `note:`) begin sentences too. */
const sentenceSafe = new Set(['trace', 'trce', 'debug', 'dbug', 'info', 'warn', 'warning', 'error', 'err', 'fail', 'fatal', 'critical', 'crit', 'panic', 'notice']);
/** Postgres reports what it says of itself as LOG. */
const postgresLog = /LOG: /y;

function matchAt(expression: RegExp, text: string, at: number): RegExpExecArray | null {
  expression.lastIndex = at;
  return expression.exec(text);
}

export function readTextPrefix(line: string): TextPrefix {
  const prefix: TextPrefix = { timeNs: null, timeText: null, level: null, end: 0 };
  let at = skipSpaces(line, 0);
  const head = matchAt(glog, line, at);
  if (head !== null) return { timeNs: null, timeText: head[2]!, level: levelOfLetter(head[1]!), end: at + head[0].length };
  const priority = line.charCodeAt(at) === 0x3c ? matchAt(syslogPriority, line, at) : null;
  if (priority !== null && Number(priority[1]) < 192) {
    prefix.level = levelOfSyslogSeverity(Number(priority[1]) % 8);
    at += priority[0].length;
    prefix.end = at;
  }
  const ruby = matchAt(rubyHead, line, at);
  if (ruby !== null) {
    prefix.level = levelOfLetter(ruby[1]!);
    at += ruby[0].length;
  }
  // Time and level in either order, each at most once.
  for (let round = 0; round < 2; round++) {
    const afterTime = prefix.timeText === null ? readPrefixTime(prefix, line, at) : -1;
    const after = afterTime >= 0 ? afterTime : prefix.level === null ? readPrefixLevel(prefix, line, at) : -1;
    if (after < 0) break;
    at = skipMarks(line, after);
    prefix.end = at;
  }
  if (ruby !== null) prefix.end = skipRubyHead(line, prefix.end);
  else if (prefix.level === null && (prefix.timeText !== null || line.charCodeAt(at) === 0x5b)) prefix.level = levelBehindBystanders(line, at, prefix.timeText !== null);
  return prefix;
}

/** Index behind the time and the bracket it stands in, or -1. */
function readPrefixTime(prefix: TextPrefix, line: string, at: number): number {
  const bracket = line[at] === '[' || line[at] === '(' ? 1 : 0;
  const start = bracket === 1 ? skipSpaces(line, at + 1) : at;
  const time = readTime(line, start);
  if (time === null) return -1;
  const follower = line.charCodeAt(time.end);
  // `10:20:30.foo` and `2022-08-22T05:18:16xyz` are something else.
  if (isWordCode(follower)) return -1;
  prefix.timeNs = time.timeNs;
  prefix.timeText = line.slice(start, time.end);
  return bracket === 1 && (line[time.end] === ']' || line[time.end] === ')') ? time.end + 1 : time.end;
}

/** Index behind the level and what encloses it, or -1. Before a time a bare word must be in capitals or have a colon. */
function readPrefixLevel(prefix: TextPrefix, line: string, at: number): number {
  const first = line.charCodeAt(at);
  if (first === 0x5b || first === 0x28) {
    const inside = matchAt(levelInBrackets, line, at);
    const level = inside === null ? null : levelOfNameOrLetter(inside[1]!);
    if (level === null) return -1;
    prefix.level = level;
    return at + inside![0].length;
  }
  const word = matchAt(levelWord, line, at)?.[1];
  if (word === undefined) return -1;
  const level = levelOfName(word);
  const end = at + word.length;
  if (level === null) return prefix.timeText !== null && word === 'LOG' && matchAt(postgresLog, line, at) !== null ? setLevel(prefix, 'info', end + 1) : -1;
  const isUpper = word === word.toUpperCase();
  const follower = line[end];
  if (prefix.timeText === null && !isUpper) {
    if (follower !== ':' || !sentenceSafe.has(word.toLowerCase())) return -1;
    // `Error: boom` is what Node prints of an error: its level is plain, but the word belongs to the message.
    if (word !== word.toLowerCase()) {
      prefix.level = level;
      return -1;
    }
  }
  if (isUpper || follower === ':' || follower === ']' || follower === '|' || follower === ')') return setLevel(prefix, level, end);
  // `error occurred` behind a time: a level, but maybe a word of the sentence as well, so it stays in the message.
  prefix.level = level;
  return -1;
}

function setLevel(prefix: TextPrefix, level: Level, end: number): number {
  prefix.level = level;
  return end;
}

function levelOfNameOrLetter(name: string): Level | null {
  return name.length === 1 ? levelOfLetter(name) : levelOfName(name);
}

/** `[main] INFO c.e.App - x`, `12345 [Note] x`, `[12] db@host ERROR:  x`: the level behind things that no sentence begins with. */
function levelBehindBystanders(line: string, from: number, afterTime: boolean): Level | null {
  let at = from;
  let words = 0;
  for (let count = 0; count < bystandersMax; count++) {
    const token = matchAt(bystander, line, at)?.[0];
    if (token === undefined) return null;
    const isBracket = token.startsWith('[') || token.startsWith('(');
    if (isBracket) {
      const inside = matchAt(levelInBrackets, line, at);
      const level = inside === null || inside[1]!.length === 1 ? null : levelOfName(inside[1]!);
      if (level !== null && count > 0) return level;
    } else {
      const upper = upperLevel.exec(token);
      const level = upper === null ? null : levelOfName(upper[1]!);
      if (level !== null) return level;
      if (upper?.[1] === 'LOG' && token === 'LOG:' && afterTime) return 'info';
      // One plain lower-case word may be a logger's or a program's name; two are a sentence.
      if (!afterTime || (plainWord.test(token) && (++words > 1 || token !== token.toLowerCase()))) return null;
    }
    at = skipMarks(line, at + token.length);
    const next = matchAt(levelWord, line, at)?.[1];
    if (next !== undefined && next === next.toUpperCase()) {
      const level = levelOfName(next) ?? (next === 'LOG' && afterTime ? 'info' : null);
      if (level !== null) return level;
    }
  }
  return null;
}

/** ` #4711]  INFO -- prog: ` behind Ruby's time. */
function skipRubyHead(line: string, at: number): number {
  const match = matchAt(/#\d+\] +[A-Z]+ -- [^:\s]{0,64}: /y, line, at);
  return match === null ? at : at + match[0].length;
}

function skipSpaces(line: string, at: number): number {
  let index = at;
  while (line.charCodeAt(index) === 0x20 || line.charCodeAt(index) === 0x09) index++;
  return index;
}

/** Spaces, and the marks between the parts of a prefix. A dash counts only where space follows: `-1 rows` is a message. */
function skipMarks(line: string, at: number): number {
  let index = skipSpaces(line, at);
  for (let marks = 0; marks < 4; marks++) {
    const code = line.charCodeAt(index);
    const isDash = code === 0x2d || code === 0x3e || code === 0x2c || code === 0x2013;
    const isMark = code === 0x3a || code === 0x5d || code === 0x7c || (isDash && !isWordCode(line.charCodeAt(index + 1)));
    if (!isMark) break;
    index = skipSpaces(line, index + 1);
  }
  return index;
}

function isWordCode(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x5f;
}
