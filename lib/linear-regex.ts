/**
 * Regular expressions that take time linear in the text, whatever the pattern (RE2 syntax). The engine is some 7 MB per thread, so it is loaded when
 * the first pattern comes, which for most threads is never.
 */
import { createRequire } from 'node:module';
import type * as Re2 from 're2js';

const require = createRequire(import.meta.url);
let engine: typeof Re2 | null = null;

/** @throws Error that says what is wrong with the pattern. */
export function compileLinearRegex(pattern: string): { find: (text: string) => boolean } {
  engine ??= require('re2js') as typeof Re2;
  const compiled = engine.RE2JS.compile(pattern);
  return { find: text => compiled.matcher(text).find() };
}
