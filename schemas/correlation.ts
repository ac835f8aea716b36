/** `correlation:` of the configuration: names and patterns of ids that are the user's own, and kinds of ids that join traces. Plain data, as every thread gets it. */
import { compileLinearRegex } from '#lib/linear-regex.ts';
import { groupingIdKinds, linkingIdKinds, type IdKind } from './event.ts';

export const idKinds: readonly IdKind[] = [...linkingIdKinds, ...groupingIdKinds];

const isKind = (text: string): text is IdKind => (idKinds as readonly string[]).includes(text);

/** `X-Order-Request=request` -> its name and kind; null where it is none. */
export function idFieldOf(text: string): { name: string; kind: IdKind } | null {
  const separator = text.lastIndexOf('=');
  const [name, kind] = [text.slice(0, separator).trim(), text.slice(separator + 1).trim().toLowerCase()];
  return separator > 0 && /[A-Za-z]/.test(name) && name.length <= 100 && isKind(kind) ? { name, kind } : null;
}

/** The kind of id that a named group holds: `request`, `request_order`; null for a group of another name. */
export function kindOfGroup(group: string): IdKind | null {
  const kind = group.split('_')[0]!;
  return isKind(kind) ? kind : null;
}

/** What is wrong with the value of one of these options, and what to write instead; null where nothing is. */
export function correlationProblem(name: CorrelationList, text: string): { problem: string; fix: string } | null {
  switch (name) {
    case 'idFields':
      return idFieldOf(text) === null ? { problem: `"${text}" does not say which kind of id a name holds`, fix: `Write NAME=KIND, such as X-Order-Request=request; kinds are ${idKinds.join(', ')}` } : null;
    case 'joinKinds':
      return isKind(text) && text !== 'trace' && text !== 'span' ? null : { problem: `"${text}" is not a kind of id that can join traces`, fix: `Write one of ${idKinds.filter(kind => kind !== 'trace' && kind !== 'span').join(', ')}` };
    case 'idPatterns': {
      const groups = [...text.matchAll(/\(\?P?<([A-Za-z_]\w*)>/g)].map(([, group]) => group!);
      if (groups.length === 0) return { problem: `"${text}" has no named group`, fix: 'Name what is the id by its kind: order (?<request>ORD-[0-9]+)' };
      try {
        compileLinearRegex(text);
      } catch (error) {
        return { problem: `"${text}" is not a regular expression of RE2's syntax (${error instanceof Error ? error.message : String(error)})`, fix: 'RE2 has neither look-around nor back-references, so that no line can make it slow' };
      }
      const odd = groups.find(group => kindOfGroup(group) === null);
      return odd === undefined ? null : { problem: `the group "${odd}" of "${text}" is not named by a kind of id`, fix: `Name it ${idKinds.join(', ')}, or one of these with _ and more behind it` };
    }
  }
}

export type CorrelationList = 'idFields' | 'idPatterns' | 'joinKinds';

export function isCorrelationList(name: string): name is CorrelationList {
  return name === 'idFields' || name === 'idPatterns' || name === 'joinKinds';
}

/** A list, one text alone, or of `idFields` a map of names and kinds. */
export function readCorrelationList(name: CorrelationList, given: unknown): { value: string[] } | { problem: string; fix: string } {
  const texts = name === 'idFields' && typeof given === 'object' && given !== null && !Array.isArray(given) ? Object.entries(given).map(([field, kind]) => `${field}=${String(kind)}`) : Array.isArray(given) ? given : typeof given === 'string' ? splitList(name, given) : given === null ? [] : null;
  if (texts === null || !texts.every(text => typeof text === 'string')) return { problem: 'is not a list of texts', fix: 'Write a list, one entry per line with a leading dash' };
  for (const text of texts) {
    const wrong = correlationProblem(name, text);
    if (wrong !== null) return wrong;
  }
  return { value: texts };
}

/** Of the environment; a comma may be part of a regular expression, so that one is one. */
function splitList(name: CorrelationList, text: string): string[] {
  return name === 'idPatterns' ? [text] : text.split(',').map(member => member.trim()).filter(member => member !== '');
}
