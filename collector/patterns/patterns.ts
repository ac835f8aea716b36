/**
 * How the user's own lines look: `PATTERN` for every service, `GLOB => PATTERN` for those whose name fits, `NAME := PATTERN` for a named part of others.
 * A pattern is tried before the built-in formats, in the order given; the first that matches says what the line holds. Its fields are read as those of
 * any structured line: `time`, `level` and `message` by their names, ids by theirs.
 */
import { compileLinearRegex, type LinearRegex } from '#lib/linear-regex.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { FieldValue } from '#schemas/event.ts';
import { exceptionTypeOf } from '../fields/exception.ts';
import { Reading } from '../fields/reading.ts';
import { rolesOfName } from '../fields/roles.ts';
import { notKnownWhen, readTime, type WhenRead } from '../fields/time.ts';
import { withoutAnsi } from '../formats/ansi.ts';
import { textCharsMax, understoodOf, type Understood } from '../formats/understood.ts';
import { addIdsOfText } from '../ids/extract.ts';
import { expand, PatternError, type Capture } from './grok.ts';

interface Pattern {
  /** As it was given. */
  text: string;
  service: RegExp | null;
  regex: LinearRegex;
  captures: readonly Capture[];
}

/** The patterns that hold for one service, in order. */
export type ServicePatterns = readonly Pattern[];

export interface Patterns {
  /** Null where none does. */
  forService(service: string | null): ServicePatterns | null;
}

export interface PatternProblem {
  /** Index in the list. */
  index: number;
  problem: string;
}

const definition = /^([A-Za-z0-9_]+)\s*:=\s*(.+)$/s;
const ofService = /^([\w.*?-]+)\s+=>\s+(.+)$/s;
/** What one service's list is remembered for. */
const servicesMax = 10_000;
const compiled = new WeakMap<readonly string[], Patterns | null>();

/**
 * Remembered by the list itself: streams come in their thousands.
 * @throws LeadlineError BAD_PATTERN for the first that is none
 */
export function patternsOf(given: readonly string[]): Patterns | null {
  if (given.length === 0) return null;
  const known = compiled.get(given);
  if (known !== undefined) return known;
  const { patterns, problems } = compileAll(given);
  if (problems.length > 0) throw new LeadlineError('BAD_PATTERN', { pattern: given[problems[0]!.index], problem: problems[0]!.problem });
  const byService = new Map<string | null, ServicePatterns | null>();
  const made = patterns.length === 0 ? null : {
    forService: (service: string | null): ServicePatterns | null => {
      let found = byService.get(service);
      if (found === undefined) {
        const fitting = patterns.filter(pattern => pattern.service === null || (service !== null && pattern.service.test(service)));
        found = fitting.length === 0 ? null : fitting;
        if (byService.size >= servicesMax) byService.clear();
        byService.set(service, found);
      }
      return found;
    },
  };
  compiled.set(given, made);
  return made;
}

/** Everything that is wrong with a list of patterns. */
export function patternProblems(given: readonly string[]): PatternProblem[] {
  return compileAll(given).problems;
}

/**
 * What a line says by the first pattern that matches its first line; null where none does. An event of several lines keeps what follows as it is.
 * Linear in the line's length; 5 to 30 us for a line of 100 characters.
 */
export function applyPatterns(text: string, patterns: ServicePatterns, when: WhenRead = notKnownWhen): Understood | null {
  const plain = withoutAnsi(text);
  const head = plain.length > textCharsMax ? plain.slice(0, textCharsMax) : plain;
  const found = matchOf(head, patterns);
  if (found === null) return null;
  const { line, captures, groups } = found;
  const reading = new Reading(when);
  const captured = new Map<string, string>();
  for (const { field, type, group } of captures) {
    const value = groups[group];
    // A name in two alternatives is what took part.
    if (value === null || value === undefined || captured.has(field)) continue;
    captured.set(field, value);
    reading.add(field, typed(value, type));
  }
  if (reading.timeNs === null) readTimeParts(reading, captured, when);
  reading.finish();
  if (head.length > line.length) reading.exceptionType ??= exceptionTypeOf(head);
  addIdsOfText(reading.ids, head);
  return { ...understoodOf('pattern', reading, reading.message ?? line), complete: false };
}

/** A time without its year or its day, and one in two parts. */
function readTimeParts(reading: Reading, captured: ReadonlyMap<string, string>, when: WhenRead): void {
  const named = [...captured].filter(([field]) => rolesOfName(field).time !== null).map(([, value]) => value);
  const both = captured.has('date') && captured.has('time') ? [`${captured.get('date')!} ${captured.get('time')!}`] : [];
  for (const value of [...both, ...named]) {
    const read = readTime(value, 0, when);
    if (read?.timeNs == null || read.end !== value.length) continue;
    reading.timeNs = read.timeNs;
    reading.timeAssumed = read.assumed;
    return;
  }
}

/** The pattern that matches, as it was given; null where none does. */
export function matchingPattern(text: string, patterns: ServicePatterns): string | null {
  return matchOf(withoutAnsi(text).slice(0, textCharsMax), patterns)?.text ?? null;
}

function matchOf(head: string, patterns: ServicePatterns): { text: string; line: string; captures: readonly Capture[]; groups: Record<string, string | null> } | null {
  const newline = head.indexOf('\n');
  const line = (newline < 0 ? head : head.slice(0, newline)).replace(/\r$/, '');
  for (const { text, regex, captures } of patterns) {
    const groups = regex.groupsOf(line);
    if (groups !== null) return { text, line, captures, groups };
  }
  return null;
}

function typed(value: string, type: Capture['type']): FieldValue {
  switch (type) {
    case 'string':
      return value;
    case 'boolean':
      return /^(?:true|yes|on)$/i.test(value) ? true : /^(?:false|no|off)$/i.test(value) ? false : value;
    default: {
      const number = Number(value);
      const fits = value.trim() !== '' && (type === 'float' || type === 'double' ? Number.isFinite(number) : Number.isSafeInteger(number));
      return fits ? number : value;
    }
  }
}

function compileAll(given: readonly string[]): { patterns: Pattern[]; problems: PatternProblem[] } {
  const problems: PatternProblem[] = [];
  const own: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const text of given) {
    const defined = definition.exec(text);
    if (defined !== null) own[defined[1]!] = defined[2]!.trim();
  }
  const patterns = given.flatMap((text, index): Pattern[] => {
    const defined = definition.exec(text);
    const limited = defined === null ? ofService.exec(text) : null;
    const pattern = defined?.[2]?.trim() ?? limited?.[2] ?? text;
    try {
      const { source, captures } = expand(pattern, own);
      const regex = compileLinearRegex(source);
      if (defined !== null) return [];
      if (captures.length === 0) throw new PatternError('it takes nothing out of a line: name a part, as in %{LOGLEVEL:level} or (?<level>\\w+)', null);
      return [{ text, service: limited === null ? null : globExpression(limited[1]!), regex, captures }];
    } catch (error) {
      problems.push({ index, problem: problemOf(error, pattern) });
      return [];
    }
  });
  return { patterns, problems };
}

function problemOf(error: unknown, pattern: string): string {
  if (error instanceof PatternError) return error.column === null ? error.message : `at character ${error.column} of it: ${error.message}`;
  if (/\(\?(?:<?[=!]|>)/.test(pattern)) return "look-around and atomic groups are not part of RE2's syntax, so that no line can make it slow";
  return `it is no regular expression of RE2's syntax (${(error instanceof Error ? error.message : String(error)).replace(/^error parsing regexp: /, '')})`;
}

function globExpression(glob: string): RegExp {
  return new RegExp(`^${glob.replace(/[.*+?^${}()|[\]\\-]/g, character => (character === '*' ? '.*' : character === '?' ? '.' : `\\${character}`))}$`);
}
