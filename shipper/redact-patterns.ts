/**
 * The user's own `/regular expression/`: RE2 syntax over UTF-8, one line at a time, linear in its bytes. Where the expression has a group, what its
 * first group matched is replaced, else all of it. A line costs one to three microseconds per expression.
 */
import { compileLinearRegex } from '#lib/linear-regex.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { Finder, Kind } from './redact-found.ts';

/**
 * @param text with its slashes
 * @throws LeadlineError BAD_OPTION
 */
export function patternFinder(text: string, name: string): Finder {
  const kind: Kind = { name, narrows: false, canonical: value => value };
  const bad = (problem: string, fix: string, cause?: unknown): LeadlineError => new LeadlineError('BAD_OPTION', { option: '--redact', problem, fix }, { cause });
  const source = text.slice(1, -1);
  if (text.length < 3 || !text.endsWith('/')) throw bad(`"${text}" is a regular expression without its end`, 'Close it with a slash; one that holds a comma goes into leadline.yaml, as an entry of its own under ship.redact');
  let regex: ReturnType<typeof compileLinearRegex>;
  try {
    regex = compileLinearRegex(source);
  } catch (error) {
    throw bad(`${text} is not a regular expression of RE2 (${error instanceof Error ? error.message : String(error)})`, 'RE2 has neither look-around nor back-references', error);
  }
  return (bytes, found) => {
    for (let from = 0; from < bytes.length; ) {
      const newline = bytes.indexOf(10, from);
      const to = newline < 0 ? bytes.length : newline;
      const line = bytes.subarray(from, to);
      for (const [start, end] of regex.ranges(line)) found.add(from + start, from + end, kind);
      from = to + 1;
    }
  };
}
