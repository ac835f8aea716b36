/**
 * What the user says of ids: names that are an id's, and regular expressions whose named groups are ids. In force for the thread that called
 * `useOwnIdRules` last; a stream's assembler calls it before it reads, so every stream is read by the rules it was made with.
 */
import { compileLinearRegex, type LinearRegex } from '#lib/linear-regex.ts';
import { idFieldOf, kindOfGroup } from '#schemas/correlation.ts';
import { forgetNames } from '../fields/roles.ts';
import { setOwnNames, setOwnPatterns } from './extract.ts';
import { setOwnRules, wordsOfName, type IdRule } from './rule.ts';

const none: readonly string[] = [];
let fieldsInForce = none;
let patternsInForce = none;

export interface OwnPattern {
  regex: LinearRegex;
  /** What the pattern must have in a line, so that most lines need no look with the expression; empty where nothing is certain. */
  literal: string;
}

/**
 * @param fields `NAME=KIND` @param patterns regular expressions of RE2's syntax; both were checked when the configuration was read
 * Costs two comparisons where nothing has changed.
 */
export function useOwnIdRules(fields: readonly string[] = none, patterns: readonly string[] = none): void {
  if (fields === fieldsInForce && patterns === patternsInForce) return;
  if (fields.length > 0 || fieldsInForce.length > 0) {
    const rules = new Map<string, Pick<IdRule, 'kind' | 'shape'>>();
    const names: string[] = [];
    for (const text of fields) {
      const field = idFieldOf(text);
      if (field === null) continue;
      rules.set(wordsOfName(field.name).join(' '), { kind: field.kind, shape: 'plain' });
      names.push(field.name);
    }
    setOwnRules(rules);
    setOwnNames(names);
    forgetNames();
  }
  if (patterns.length > 0 || patternsInForce.length > 0) setOwnPatterns(patterns.map(pattern => ({ regex: compileLinearRegex(pattern), literal: literalOf(pattern) })), kindOfGroup);
  fieldsInForce = fields;
  patternsInForce = patterns;
}

/** The longest run of plain characters that stands outside of every group, class and alternative. */
function literalOf(pattern: string): string {
  if (/[|\\]|\(\?[a-z]*i/.test(pattern.replace(/\\[dwsb.]/g, ''))) return '';
  let depth = 0;
  let inClass = false;
  let run = '';
  let longest = '';
  for (let at = 0; at <= pattern.length; at++) {
    const char = pattern[at] ?? '';
    const isPlain = char !== '' && depth === 0 && !inClass && /[\w :=/@-]/.test(char);
    if (isPlain && !/[*+?{]/.test(pattern[at + 1] ?? '')) run += char;
    else {
      if (run.length > longest.length) longest = run;
      run = '';
    }
    if (char === '\\') at++;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '(' && !inClass) depth++;
    else if (char === ')' && !inClass) depth--;
  }
  return longest;
}
