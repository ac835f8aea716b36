/** Parts of a line's head between which nothing says what they are: each gets its field by its shape. */
import type { Reading } from '../fields/reading.ts';
import { isPlainName, isQualifiedName, isTrace, putPlace, putThread, putTrace } from './caller.ts';
import { isNumber } from './scan.ts';

export interface Part {
  kind: 'bracket' | 'paren' | 'brace' | 'angle' | 'word' | 'number';
  text: string;
}

const sessionLine = /^\d{1,10}-\d{1,10}$/;

/** Gives each part its field. False, and no field given, where one cannot be named. */
export function namedAll(reading: Reading, parts: readonly Part[]): boolean {
  let thread = 0;
  let logger = 0;
  for (const { kind, text } of parts) {
    if (kind === 'word' && isPair(text)) continue;
    const isName = kind === 'word' && (isPlainName(text) || /^(?:[\w.-]+|\[unknown\])@(?:[\w.-]+|\[unknown\])$/.test(text));
    if (kind === 'word' ? !isName : kind === 'brace' && text !== '' && !/^[\w.\\/-]+(?::\d+)?$/.test(text)) return false;
    if (kind === 'word' && !text.includes('@') && ++logger > 1 && !isHostAndProcess(parts)) return false;
    if ((kind === 'bracket' || kind === 'paren' || kind === 'angle') && !text.includes('=') && !isTrace(text) && !isNumber(text.trim()) && !sessionLine.test(text) && !(kind === 'bracket' && isQualifiedName(text.trim())) && ++thread > 1) return false;
  }
  if (isHostAndProcess(parts)) {
    reading.put('host.hostname', parts[0]!.text);
    reading.put('process.name', parts[1]!.text);
    reading.put('process.pid', Number(parts[2]!.text));
    return true;
  }
  for (const part of parts) nameOf(reading, part);
  return true;
}

const pair = /^[A-Za-z_][\w.]*=[^\s"']*$/;
const isPair = (text: string): boolean => text.includes('=') && pair.test(text);

/** `host name[17] LEVEL`, as coloredlogs has it. */
function isHostAndProcess(parts: readonly Part[]): boolean {
  return parts.length === 3 && parts[0]!.kind === 'word' && parts[1]!.kind === 'word' && parts[2]!.kind === 'bracket' && isNumber(parts[2]!.text) && isPlainName(parts[0]!.text) && isPlainName(parts[1]!.text);
}

function nameOf(reading: Reading, { kind, text }: Part): void {
  if (kind === 'number') {
    reading.put(reading.fields['process.pid'] === undefined ? 'process.pid' : 'process.thread.id', Number(text));
  } else if (kind === 'word' && isPair(text)) {
    reading.add(text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1));
  } else if (kind === 'word') {
    const at = text.indexOf('@');
    if (at > 0) {
      reading.put('user.name', text.slice(0, at));
      reading.put('db.name', text.slice(at + 1));
      return;
    }
    const name = text.endsWith(':') ? text.slice(0, -1) : text;
    if (!putPlace(reading, name)) reading.put('log.logger', name);
  } else if (kind === 'brace') {
    if (text !== '' && !putPlace(reading, text)) reading.add('query_id', text);
  } else if (kind === 'bracket' && isNumber(text)) reading.put('process.pid', Number(text));
  else if (kind === 'bracket' && sessionLine.test(text)) {
    // Postgres' `%p-%l` and `%l-1`: a process, or the line of its session where the process was named before.
    const [first, second] = text.split('-') as [string, string];
    const isNamed = reading.fields['process.pid'] !== undefined;
    if (!isNamed) reading.put('process.pid', Number(first));
    reading.put('postgresql.log.session_line_number', Number(isNamed ? first : second));
  }
  else if (!putTrace(reading, text) && !putPlace(reading, text)) {
    // Two loggers in one head are rare; the first counts, the other is the thread.
    if (kind === 'bracket' && reading.fields['log.logger'] === undefined && isQualifiedName(text.trim()) && reading.fields['process.thread.name'] !== undefined) reading.put('log.logger', text.trim());
    else putThread(reading, text);
  }
}

/** Of what this is the id the line does not say. */
const idAlone = /^(?:[0-9a-f]{16}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/** Of several brackets the last is the thread; the application stands before it. */
export function nameAll(reading: Reading, parts: Part[]): void {
  const last = parts.findLastIndex(({ kind, text }) => kind === 'bracket' && !isNumber(text) && !text.includes('=') && !isTrace(text));
  parts.forEach((part, index) => {
    if (part.kind === 'bracket' && idAlone.test(part.text)) reading.put('log.context', part.text);
    else if (part.kind !== 'bracket' || index >= last || part.text.includes('=')) nameOf(reading, part);
    else if (!putTrace(reading, part.text) && part.text.trim() !== '') reading.put('service.name', part.text.trim());
  });
  parts.length = 0;
}
