/**
 * Reads a query's text piece by piece. What a character means depends on where it stands (`/` in a path, `-` in a value), so the parser asks for
 * what it expects instead of being handed tokens.
 */
import { QuerySyntaxError } from './errors.ts';

/** `pre*` has the parts `pre` and ``; a value without a star has one part. */
export interface Glob {
  parts: string[];
  /** True where any of it stood in quotes: it is then taken as it is, never as an address or a keyword. */
  quoted: boolean;
}

export interface RegexText {
  pattern: string;
  caseInsensitive: boolean;
}

/** What a field's name may look like without quotes. */
export const plainName = /[\p{L}_@$][\p{L}\p{N}_.@$/#+[\]-]*/uy;

const space = /\s*/y;
const bareCharacters = /[^\s()|"]+/y;
const keywords = /(?:and|or|not|AND|OR|NOT)(?=[\s()|"]|$)/y;
const comparison = /[<>]=?/y;
const afterRegex = /i?(?=[\s()|]|$)/y;
const shownCharactersMax = 40;

export class Scanner {
  readonly text: string;
  /** 0-based; where the next piece begins. */
  position = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The next character, or '' at the end. */
  peek(): string {
    return this.text.charAt(this.position);
  }

  skipSpace(): void {
    this.take(space);
  }

  /** True also before a space: nothing more belongs to the piece at hand. */
  atPieceEnd(): boolean {
    const next = this.peek();
    return next === '' || next === ')' || next === '|' || /\s/.test(next);
  }

  takeCharacter(character: string): boolean {
    if (this.peek() !== character) return false;
    this.position++;
    return true;
  }

  peekKeyword(): 'and' | 'or' | 'not' | null {
    keywords.lastIndex = this.position;
    const word = keywords.exec(this.text)?.[0].toLowerCase();
    return word === 'and' || word === 'or' || word === 'not' ? word : null;
  }

  takeKeyword(keyword: 'and' | 'or' | 'not'): boolean {
    if (this.peekKeyword() !== keyword) return false;
    this.position += keyword.length;
    return true;
  }

  takeComparison(): string | null {
    return this.take(comparison);
  }

  /** A name without quotes, or null where none stands here. */
  takeName(): string | null {
    return this.take(plainName);
  }

  /** Everything up to a space, a quote, a bracket or a pipe. */
  takeBare(): string | null {
    return this.take(bareCharacters);
  }

  /**
   * The text of a quoted piece, which must begin here. A backslash stands for itself except before a quote or another backslash, so that
   * `"C:\logs"` needs no thought.
   */
  takeQuoted(): string {
    const start = this.position;
    let text = '';
    for (let index = start + 1; index < this.text.length; index++) {
      const character = this.text[index]!;
      if (character === '"') {
        this.position = index + 1;
        return text;
      }
      const next = this.text[index + 1];
      if (character === '\\' && (next === '"' || next === '\\')) {
        text += next;
        index++;
      } else text += character;
    }
    throw new QuerySyntaxError({
      column: start + 1,
      length: this.text.length - start,
      expected: 'a second " to close the one at this column',
      got: 'end of query',
      hint: 'Write \\" for a quote inside quotes',
    });
  }

  /** A value, with its stars: bare characters, or quoted text with stars around it (`"two wor"*`). */
  takeGlob(): Glob {
    const parts = [''];
    let quoted = false;
    for (;;) {
      if (this.peek() === '"') {
        parts.push((parts.pop() ?? '') + this.takeQuoted());
        quoted = true;
        if (this.peek() !== '*') break;
      } else {
        const bare = this.takeBare() ?? '';
        const [first = '', ...more] = bare.split('*');
        parts.push((parts.pop() ?? '') + first);
        parts.push(...more);
        if (!bare.endsWith('*') || this.peek() !== '"') break;
      }
    }
    // `a**b` says no more than `a*b`.
    return { parts: parts.filter((part, index) => part !== '' || index === 0 || index === parts.length - 1), quoted };
  }

  /**
   * A regex, or null where the `/` here begins a plain word such as `/healthz` or `/api/users/`: the next `/` (not escaped, not in `[...]`) must
   * end the piece. Over a space it must not follow a colon either, since there it begins the next value: `path:/a -path:/ x`.
   */
  takeRegex(): RegexText | null {
    const start = this.position;
    let pattern = '';
    let inClass = false;
    let overSpace = false;
    for (let index = start + 1; index < this.text.length; index++) {
      const character = this.text[index]!;
      if (character === '\\') {
        const next = this.text[index + 1] ?? '';
        pattern += next === '/' ? next : character + next;
        index++;
        continue;
      }
      if (character === '/' && !inClass) {
        afterRegex.lastIndex = index + 1;
        const flag = afterRegex.exec(this.text)?.[0];
        if (flag === undefined || pattern === '' || (overSpace && pattern.endsWith(':'))) return null;
        this.position = index + 1 + flag.length;
        return { pattern, caseInsensitive: flag === 'i' };
      }
      if (character === '[') inClass = true;
      else if (character === ']') inClass = false;
      else if (/\s/.test(character)) overSpace = true;
      pattern += character;
    }
    return null;
  }

  /** What stands at `from`, to follow the word "got". */
  describe(from = this.position): { got: string; length: number } {
    if (from >= this.text.length) return { got: 'end of query', length: 0 };
    bareCharacters.lastIndex = from;
    const word = bareCharacters.exec(this.text)?.[0] ?? this.text[from]!;
    if (/\s/.test(word)) return { got: 'a space', length: 1 };
    const shown = word.length > shownCharactersMax ? `${word.slice(0, shownCharactersMax)}…` : word;
    return { got: word === '"' ? 'a quote' : `"${shown}"`, length: word.length };
  }

  /** The mistake that something else should stand at `from`. */
  mistake(expected: string, hint: string | null = null, from = this.position): QuerySyntaxError {
    return new QuerySyntaxError({ column: from + 1, expected, hint, ...this.describe(from) });
  }

  private take(shape: RegExp): string | null {
    shape.lastIndex = this.position;
    const found = shape.exec(this.text)?.[0];
    if (found === undefined) return null;
    this.position += found.length;
    return found;
  }
}
