/** What follows a `|`: what is done with the events found. */
import { nearestName } from '#lib/nearest-name.ts';
import type { Pipe } from './ast.ts';
import { QuerySyntaxError } from './errors.ts';
import type { Scanner } from './scanner.ts';

export const limitMax = 1_000_000;

const available = 'limit, sort or fields';
const availableNames = ['limit', 'sort', 'fields'];
/** Part of the language; this version cannot do them yet and says so. */
const laterNames = ['stats', 'top', 'parse'];
const wordShape = /[^\s()|",]+/y;

/** Reads one pipe; the scanner stands behind its `|`, and afterwards at the end or at the next `|`. */
export function parsePipe(scanner: Scanner, onField: (use: { name: string; column: number }) => void): Pipe {
  scanner.skipSpace();
  const start = scanner.position;
  const name = takeWord(scanner)?.toLowerCase() ?? '';
  const pipe = readPipe(scanner, name, start, onField);
  scanner.skipSpace();
  if (scanner.peek() !== '' && scanner.peek() !== '|') throw scanner.mistake(`"|" or the end of the query after "${scanner.text.slice(start, scanner.position).trim()}"`);
  return pipe;
}

function readPipe(scanner: Scanner, name: string, start: number, onField: (use: { name: string; column: number }) => void): Pipe {
  switch (name) {
    case 'limit':
      return { type: 'limit', count: takeCount(scanner) };
    case 'sort':
      return takeSort(scanner);
    case 'fields':
      return { type: 'fields', names: takeNames(scanner, onField) };
    default:
      throw unknownPipe(scanner, name, start);
  }
}

function unknownPipe(scanner: Scanner, name: string, start: number): QuerySyntaxError {
  if (laterNames.includes(name)) {
    return new QuerySyntaxError({ column: start + 1, length: name.length, expected: `${available} after "|"`, got: `"${name}", which is not available in this version`, hint: null });
  }
  const nearest = nearestName(name, [...availableNames, ...laterNames]);
  const hint = scanner.text.charAt(start) === '|' ? 'Write or between two alternatives' : nearest === null ? 'To search for a | as text, put it in quotes' : `Did you mean ${nearest}?`;
  return scanner.mistake(`${available} after "|"`, hint, start);
}

function takeCount(scanner: Scanner): number {
  scanner.skipSpace();
  const start = scanner.position;
  const word = takeWord(scanner) ?? '';
  const count = /^\d{1,9}$/.test(word) ? Number(word) : 0;
  if (count < 1 || count > limitMax) throw scanner.mistake(`a whole number from 1 to ${limitMax} after "limit"`, null, start);
  return count;
}

/** `sort`, `sort time`, `sort by time desc`; oldest first unless said. */
function takeSort(scanner: Scanner): Pipe {
  let word = nextWord(scanner);
  if (word.text === 'by') word = nextWord(scanner);
  if (word.text === '') return { type: 'sort', field: 'time', descending: false };
  if (word.text !== 'time' && word.text !== '-time') throw scanner.mistake('"time" after "sort"', 'This version sorts by time only', word.start);
  const order = word.text === '-time' ? { text: 'desc' } : nextWord(scanner);
  if (order.text !== '' && order.text !== 'asc' && order.text !== 'desc') throw scanner.mistake('"asc" or "desc" after "sort time"', null, scanner.position - order.text.length);
  return { type: 'sort', field: 'time', descending: order.text === 'desc' };
}

function takeNames(scanner: Scanner, onField: (use: { name: string; column: number }) => void): string[] {
  const names: string[] = [];
  for (;;) {
    scanner.skipSpace();
    const start = scanner.position;
    const name = scanner.peek() === '"' ? scanner.takeQuoted() : takeWord(scanner);
    if (name === null || name === '') throw scanner.mistake(names.length === 0 ? 'the names of fields after "fields"' : 'the name of a field after ","', names.length === 0 ? 'Write | fields service, message' : null, start);
    names.push(name);
    onField({ name, column: start + 1 });
    scanner.skipSpace();
    // The comma may be left out.
    if (!scanner.takeCharacter(',') && (scanner.peek() === '' || scanner.peek() === '|')) return names;
  }
}

function nextWord(scanner: Scanner): { text: string; start: number } {
  scanner.skipSpace();
  const start = scanner.position;
  return { text: takeWord(scanner)?.toLowerCase() ?? '', start };
}

function takeWord(scanner: Scanner): string | null {
  wordShape.lastIndex = scanner.position;
  const word = wordShape.exec(scanner.text)?.[0] ?? null;
  scanner.position += word?.length ?? 0;
  return word;
}
