/** How events of several lines begin, where the user has to say it: `REGEX` for every service, `SERVICE=REGEX` for one. */
import { LeadlineError } from '#schemas/errors.ts';
import { compileLinearRegex, type LinearRegex } from '#lib/linear-regex.ts';
import { zoneOf } from '../fields/zone.ts';
import { bufferOf } from './docker.ts';

export interface MultilineRule {
  /** Whether a line begins an event. Only its first 1,024 bytes are looked at. */
  begins(body: Uint8Array): boolean;
}

export interface MultilineRules {
  ruleOf(service: string | null): MultilineRule | null;
}

const headBytesMax = 1024;
const namedRule = /^([A-Za-z0-9][\w.-]*)=(.+)$/s;

/** Assemblers are made for every stream, of which there are thousands; what is compiled is kept. */
const compiled = new Map<readonly string[], MultilineRules | null>();

/** @throws LeadlineError BAD_MULTILINE for an expression that is none. */
export function multilineRulesOf(rules: readonly string[]): MultilineRules | null {
  if (rules.length === 0) return null;
  const known = compiled.get(rules);
  if (known !== undefined) return known;
  const byService = new Map<string, LinearRegex[]>();
  const ofAll: LinearRegex[] = [];
  for (const rule of rules) {
    const named = namedRule.exec(rule);
    const expression = compile(rule, named?.[2] ?? rule);
    if (named === null) ofAll.push(expression);
    else byService.set(named[1]!, [...(byService.get(named[1]!) ?? []), expression]);
  }
  const ruleFor = (expressions: readonly LinearRegex[]): MultilineRule | null => (expressions.length === 0 ? null : { begins: body => beginsBy(expressions, body) });
  const all = ruleFor(ofAll);
  const named = new Map([...byService].map(([service, expressions]) => [service, ruleFor([...expressions, ...ofAll])] as const));
  const found = { ruleOf: (service: string | null) => (service === null ? null : named.get(service)) ?? all };
  compiled.set(rules, found);
  return found;
}

/** @throws LeadlineError BAD_TIME_ZONE, BAD_MULTILINE for options that no line could be read by. */
export function checkLineOptions({ timeZone, multilineStart }: { timeZone: string; multilineStart: readonly string[] }): void {
  zoneOf(timeZone);
  multilineRulesOf(multilineStart);
}

function compile(rule: string, pattern: string): LinearRegex {
  try {
    return compileLinearRegex(pattern);
  } catch (error) {
    throw new LeadlineError('BAD_MULTILINE', { rule, problem: `is not a regular expression (${error instanceof Error ? error.message : String(error)})` }, { cause: error });
  }
}

function beginsBy(expressions: readonly LinearRegex[], body: Uint8Array): boolean {
  const text = bufferOf(body).toString('utf8', 0, Math.min(body.length, headBytesMax));
  return expressions.some(expression => expression.find(text));
}
