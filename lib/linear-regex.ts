/**
 * Regular expressions that take time linear in the text, whatever the pattern (RE2 syntax). The engine is some 7 MB per thread, so it is loaded when
 * the first pattern comes, which for most threads is never.
 */
import { createRequire } from 'node:module';
import type * as Re2 from 're2js';

const require = createRequire(import.meta.url);
let engine: typeof Re2 | null = null;

/** @throws Error that says what is wrong with the pattern. */
export function compileLinearRegex(pattern: string): LinearRegex {
  engine ??= require('re2js') as typeof Re2;
  const compiled = engine.RE2JS.compile(pattern);
  const names = Object.entries(compiled.namedGroups());
  const shown = compiled.groupCount() > 0 ? 1 : 0;
  return {
    find: text => compiled.matcher(text).find(),
    groupsOf: text => {
      // Whether it matches at all is cheaper to ask than what its groups hold.
      if (!compiled.test(text)) return null;
      const matcher = compiled.matcher(text);
      if (!matcher.find()) return null;
      return Object.fromEntries(names.map(([name, group]) => [name, matcher.group(group)]));
    },
    *ranges(utf8) {
      // Whether there is any costs a third of where it is.
      if (!compiled.test(utf8)) return;
      for (const matcher = compiled.matcher(utf8); matcher.find(); ) if (matcher.end(shown) > matcher.start(shown)) yield [matcher.start(shown), matcher.end(shown)];
    },
  };
}

export interface LinearRegex {
  find: (text: string) => boolean;
  /** What the named groups of the first match hold, null for one that took no part; null where nothing matches. */
  groupsOf: (text: string) => Record<string, string | null> | null;
  /** Half-open byte ranges of all matches in UTF-8, empty ones left out; of the first group where the pattern has one. */
  ranges(utf8: Uint8Array): Iterable<readonly [number, number]>;
}
