/** Regular expressions of queries: RE2's syntax, so no back references and no look-around, and no pattern that a long line makes slow. */
import { compileLinearRegex } from '#lib/linear-regex.ts';
import type { RegexText } from './scanner.ts';

const patternCharactersMax = 1000;

export type RegexTest = { problem: null; test: (text: string) => boolean } | { problem: string; test: null };

/** Tells whether a text holds a match, or what is wrong with the pattern. */
export function regexTest({ pattern, caseInsensitive }: RegexText): RegexTest {
  if (pattern.length > patternCharactersMax) return { problem: `it is longer than ${patternCharactersMax} characters`, test: null };
  try {
    // Alone first: a mistake is then told as it was written.
    const regex = compileLinearRegex(pattern);
    const { find } = caseInsensitive ? compileLinearRegex(`(?i:${pattern})`) : regex;
    return { problem: null, test: find };
  } catch (error) {
    return { problem: error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error), test: null };
  }
}
