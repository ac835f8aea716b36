/** syslog as files and daemons write it: RFC 3164 and 5424, with or without a priority, and with an ISO time as rsyslog and journald have it. */
import { levelOfName, levelOfSyslogSeverity } from '../fields/level.ts';
import { readTime, type WhenRead } from '../fields/time.ts';
import type { Reading } from '../fields/reading.ts';
import { code, isBlank, isDigit, isNumber, isUpper, matchAt, skipBlanks, wordEnd } from './scan.ts';

const priority = /<(\d{1,3})>/y;
/** What OpenWrt writes in the host's place. */
const facilityAndLevel = /^(?:kern|user|mail|daemon|auth|authpriv|syslog|lpr|news|uucp|cron|ftp|local\d)\.(emerg|alert|crit|err|warn|notice|info|debug)$/;
const tagCharsMax = 128;
const hostCharsMax = 255;
const dataCharsMax = 8192;

/** Sets what the head says and returns the message's index; -1 where the line is not syslog's. */
export function readSyslog(reading: Reading, line: string, when: WhenRead): number {
  const found = line.charCodeAt(0) === code.less ? matchAt(priority, line, 0) : null;
  let at = 0;
  if (found !== null) {
    if (Number(found[1]) >= 192) return -1;
    at = found[0].length;
  }
  const end = isDigit(line.charCodeAt(at)) && line.charCodeAt(at + 1) === code.space && found !== null ? readVersioned(reading, line, at, when) : readClassic(reading, line, at, when, found !== null);
  if (found === null) return end;
  // Whatever stands behind a priority, the priority says how severe it is.
  const value = Number(found[1]);
  reading.level = levelOfSyslogSeverity(value % 8);
  reading.put('log.syslog.priority', value);
  return end < 0 ? at : end;
}

/** `Dec 10 06:55:46 host sshd[24200]: message`; the host may be missing. Without a priority the tag must be there. */
function readClassic(reading: Reading, line: string, at: number, when: WhenRead, hasPriority: boolean): number {
  const first = line.charCodeAt(at);
  if (!isUpper(first) && !isDigit(first)) return -1;
  const time = readTime(line, at, when);
  if (time === null || !isBlank(line.charCodeAt(time.end))) return -1;
  const start = skipBlanks(line, time.end);
  const firstEnd = wordEnd(line, start);
  // Some name a host that ends with a colon; the tag then follows.
  const ownTag = readTag(line, start, firstEnd);
  const tagAt = ownTag === null ? skipBlanks(line, firstEnd) : start;
  const tag = ownTag ?? readTag(line, tagAt, -1);
  if (tag === null && !hasPriority) return -1;
  // With an ISO time a head like this is anyone's; a process number makes it a daemon's.
  if (isDigit(first) && !hasPriority && (tag === null || tag.pid === null || ownTag !== null || line.charCodeAt(tag.end - 1) !== code.colon || levelOfName(line.slice(start, firstEnd)) !== null)) return -1;
  reading.put('time', line.slice(at, time.end));
  reading.timeNs = time.timeNs;
  reading.timeAssumed = time.assumed;
  const host = ownTag === null && firstEnd - start <= hostCharsMax ? line.slice(start, firstEnd) : null;
  const severity = host === null ? null : facilityAndLevel.exec(host);
  if (severity !== null) reading.level = levelOfName(severity[1]!);
  else if (host !== null) reading.put('host.hostname', host);
  if (tag === null) return tagAt;
  reading.put('process.name', tag.name);
  if (tag.pid !== null) reading.put('process.pid', tag.pid);
  return skipBlanks(line, tag.end);
}

interface Tag {
  name: string;
  pid: number | null;
  end: number;
}

/** `sshd[24200]:`, `kernel:`, `syslogd 1.4.1:`; only its first word where `onlyEnd` is given. */
function readTag(line: string, at: number, onlyEnd: number): Tag | null {
  const last = Math.min(line.length, at + tagCharsMax);
  let bracket = -1;
  // login names the user so: `-- root[2421]:`.
  const from = line.startsWith('-- ', at) ? at + 3 : at;
  for (let index = from; index < last; index++) {
    const char = line.charCodeAt(index);
    if (char === code.openBracket && index > from) {
      const close = line.indexOf(']', index);
      const pid = close < 0 ? '' : line.slice(index + 1, close);
      if (isNumber(pid)) {
        const colon = line.charCodeAt(close + 1) === code.colon;
        return colon || isBlank(line.charCodeAt(close + 1)) ? { name: line.slice(at, index), pid: Number(pid), end: close + (colon ? 2 : 1) } : null;
      }
      bracket = index;
    } else if (char === code.colon && index > from && bracket < 0 && (isBlank(line.charCodeAt(index + 1)) || index + 1 === line.length)) {
      return { name: line.slice(at, index), pid: null, end: index + 1 };
    } else if (isBlank(char) && (onlyEnd >= 0 || !isDigit(line.charCodeAt(index + 1)))) {
      return null;
    }
  }
  return null;
}

/** RFC 5424: `1 TIME HOST APP PROCID MSGID DATA message`, `-` for what is not there. */
function readVersioned(reading: Reading, line: string, start: number, when: WhenRead): number {
  let at = start + 2;
  const time = line.charCodeAt(at) === code.dash ? null : readTime(line, at, when);
  if (time === null && !(line.charCodeAt(at) === code.dash && line.charCodeAt(at + 1) === code.space)) return -1;
  const timeEnd = time?.end ?? at + 1;
  if (line.charCodeAt(timeEnd) !== code.space) return -1;
  const words: string[] = [];
  const timeStart = at;
  at = timeEnd + 1;
  for (let count = 0; count < 4; count++) {
    const end = line.indexOf(' ', at);
    if (end < 0 || end - at > hostCharsMax) return -1;
    words.push(line.slice(at, end));
    // A program that joins its name and number has one word less.
    if (count === 1 && words[1]!.endsWith(']') && words[1]!.includes('[')) words.push('-');
    at = end + 1;
    if (words.length === 4) break;
  }
  reading.put('log.syslog.version', line.slice(start, start + 1));
  if (time !== null) {
    reading.put('time', line.slice(timeStart, time.end));
    reading.timeNs = time.timeNs;
  }
  const [host, app, process, message] = words as [string, string, string, string];
  if (host !== '-') reading.put('host.hostname', host);
  putProcess(reading, app, process);
  if (message !== '-') reading.put('log.syslog.msgid', message);
  return readData(reading, line, at);
}

function putProcess(reading: Reading, app: string, process: string): void {
  const bracket = app.endsWith(']') ? app.indexOf('[') : -1;
  if (bracket > 0) {
    reading.put('process.name', app.slice(0, bracket));
    const pid = app.slice(bracket + 1, -1);
    if (isNumber(pid)) reading.put('process.pid', Number(pid));
  } else if (app !== '-') reading.put('process.name', app);
  if (process !== '-') reading.put('process.pid', isNumber(process) ? Number(process) : process);
}

const element = /\[([^\s\]="]{1,64})((?:\s+[^\s\]="]{1,64}=(?:"(?:[^"\\]|\\.){0,4096}"|[^\s\]"]{0,256}))*)\s*\]/y;
const parameter = /([^\s="]{1,64})=(?:"((?:[^"\\]|\\.){0,4096})"|([^\s"]{0,256}))/g;

/** `[id name="value"]...` or `-`; each parameter is a field. */
function readData(reading: Reading, line: string, start: number): number {
  let at = skipBlanks(line, start);
  if (line.charCodeAt(at) === code.dash && (isBlank(line.charCodeAt(at + 1)) || at + 1 === line.length)) return withoutMark(line, skipBlanks(line, at + 1));
  const from = at;
  while (line.charCodeAt(at) === code.openBracket && at - from < dataCharsMax) {
    const found = matchAt(element, line, at);
    if (found === null) break;
    for (const [, name, quoted, bare] of found[2]!.matchAll(parameter)) reading.add(`log.syslog.structured_data.${found[1]!}.${name!}`, quoted?.replace(/\\([\\"\]])/g, '$1') ?? bare ?? '');
    at += found[0].length;
  }
  return withoutMark(line, skipBlanks(line, at));
}

/** The byte order mark before an UTF-8 message. */
function withoutMark(line: string, at: number): number {
  return line.charCodeAt(at) === 0xfeff ? at + 1 : at;
}

