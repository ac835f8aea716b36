/**
 * `%{NAME:field:type}` and `(?<field>...)` -> one regular expression of RE2's syntax and what its groups are called. A pattern without `%{` is a plain
 * regular expression with named groups.
 */
import { nearestName } from '#lib/nearest-name.ts';
import { basePatterns } from './base-patterns.ts';

export const captureTypes = ['string', 'int', 'long', 'float', 'double', 'boolean'] as const;
export type CaptureType = (typeof captureTypes)[number];

export interface Capture {
  /** Of the event, with dots. */
  field: string;
  type: CaptureType;
  /** The group's name in the expression. */
  group: string;
}

export interface Expanded {
  source: string;
  captures: Capture[];
}

/** What is wrong with a pattern, in words, and where in it. */
export class PatternError extends Error {
  /** 1-based, or null where it is not known. */
  readonly column: number | null;

  constructor(message: string, column: number | null) {
    super(message);
    this.name = 'PatternError';
    this.column = column;
  }
}

const depthMax = 16;
const sourceCharsMax = 100_000;
const reference = /%\{([A-Za-z0-9_]+)(?::([^:{}]+))?(?::([^:{}]*))?\}/g;

/** @param own named parts of the user, before the built-in ones. @throws PatternError */
export function expand(pattern: string, own: Readonly<Record<string, string>> = {}): Expanded {
  const captures: Capture[] = [];
  const groupFor = (field: string, type: CaptureType): string => {
    const group = `g${captures.length}`;
    captures.push({ field, type, group });
    return group;
  };
  const expandIn = (text: string, depth: number): string => {
    if (depth > depthMax) throw new PatternError('its parts name each other in a circle', null);
    // A mistake inside a named part has no place in what was written.
    const at = (index: number): number | null => (depth === 0 && index >= 0 ? index + 1 : null);
    const stray = /%\{(?![A-Za-z0-9_]+(?::[^:{}]+)?(?::[^:{}]*)?\})/.exec(text);
    if (stray !== null) throw new PatternError('%{ begins a named part: write %{NAME}, %{NAME:field} or %{NAME:field:type}', at(stray.index));
    // A group of the user's may have a dot in its name, which RE2 does not allow.
    const named = text.replace(/\\.|\(\?P?<([A-Za-z_][\w.@-]*)>/g, (piece, field: string | undefined) => (field === undefined ? piece : `(?P<${groupFor(field, 'string')}>`));
    const source = named.replace(reference, (_, name: string, field: string | undefined, typeName: string | undefined) => {
      const part = own[name] ?? basePatterns[name];
      if (part === undefined) {
        const nearest = nearestName(name, [...Object.keys(own), ...Object.keys(basePatterns)]);
        throw new PatternError(`there is no named part %{${name}}${nearest === null ? '' : `; did you mean %{${nearest}}?`}`, at(text.indexOf(`%{${name}`)));
      }
      const type = captureTypes.find(each => each === (typeName ?? 'string'));
      if (type === undefined) throw new PatternError(`"${typeName ?? ''}" is no type: write one of ${captureTypes.join(', ')}`, at(text.indexOf(`%{${name}`)));
      const group = field === undefined ? null : groupFor(fieldName(field), type);
      const inner = expandIn(part, depth + 1);
      return group === null ? `(?:${inner})` : `(?P<${group}>${inner})`;
    });
    if (source.length > sourceCharsMax) throw new PatternError(`with its named parts put in it is longer than ${sourceCharsMax} characters`, null);
    return source;
  };
  const source = expandIn(pattern, 0);
  return { source, captures };
}

/** `[http][status]` is `http.status`. */
function fieldName(text: string): string {
  return text.startsWith('[') ? text.replace(/^\[|\]$/g, '').replaceAll('][', '.') : text;
}
