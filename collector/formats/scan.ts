/** Looking at a line by character code: what the readers of formats share. An index that is not found is -1. */

export const code = { tab: 0x09, space: 0x20, quote: 0x22, hash: 0x23, open: 0x28, close: 0x29, star: 0x2a, comma: 0x2c, dash: 0x2d, dot: 0x2e, slash: 0x2f, colon: 0x3a, less: 0x3c, greater: 0x3e, at: 0x40, openBracket: 0x5b, closeBracket: 0x5d, openBrace: 0x7b, bar: 0x7c, closeBrace: 0x7d } as const;

export function isDigit(char: number): boolean {
  return char >= 0x30 && char <= 0x39;
}

export function isUpper(char: number): boolean {
  return char >= 0x41 && char <= 0x5a;
}

export function isLetter(char: number): boolean {
  return isUpper(char) || (char >= 0x61 && char <= 0x7a);
}

/** A letter, a digit or `_`. */
export function isWord(char: number): boolean {
  return isLetter(char) || isDigit(char) || char === 0x5f;
}

export function isBlank(char: number): boolean {
  return char === code.space || char === code.tab;
}

export function skipBlanks(line: string, at: number): number {
  let index = at;
  while (isBlank(line.charCodeAt(index))) index++;
  return index;
}

/** Behind the digits that begin at `at`; `at` itself where there are none. */
export function skipDigits(line: string, at: number): number {
  let index = at;
  while (isDigit(line.charCodeAt(index))) index++;
  return index;
}

/** The next blank at or behind `at`, or the line's end. */
export function wordEnd(line: string, at: number): number {
  let index = at;
  while (index < line.length && !isBlank(line.charCodeAt(index))) index++;
  return index;
}

const closers: Record<number, number> = { [code.openBracket]: code.closeBracket, [code.open]: code.close, [code.openBrace]: code.closeBrace, [code.less]: code.greater };

/** The bracket that closes the one at `at`, those of its kind inside counted; -1 where it is not closed within `charsMax`. */
export function closingBracket(line: string, at: number, charsMax: number): number {
  const opener = line.charCodeAt(at);
  const closer = closers[opener];
  if (closer === undefined) return -1;
  const last = Math.min(line.length, at + charsMax);
  let depth = 0;
  for (let index = at; index < last; index++) {
    const char = line.charCodeAt(index);
    if (char === opener) depth++;
    else if (char === closer && --depth === 0) return index;
  }
  return -1;
}

/** Whether all of `text` is digits, one to fifteen. */
export function isNumber(text: string): boolean {
  return text.length > 0 && text.length <= 15 && skipDigits(text, 0) === text.length;
}

export function matchAt(expression: RegExp, text: string, at: number): RegExpExecArray | null {
  expression.lastIndex = at;
  return expression.exec(text);
}
