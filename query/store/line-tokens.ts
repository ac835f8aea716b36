/**
 * What a line names, as numbers: the hashes of its words with a digit or an @ in them, so that lines which name the same are found without taking one
 * apart. Different words may have one hash; who finds lines by it compares what they say.
 */

const charsMin = 4;
/** What a byte is to a word. */
const isOfWord = 1;
/** Makes the word one that may tell lines apart. */
const isTelling = 2;
/** Does not count at either end. */
const isEdge = 4;
const kinds = new Uint8Array(256);
const smallLetter = new Uint8Array(256);
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code);
  kinds[code] = (/[\w.@%+-]/.test(char) ? isOfWord : 0) | (/[\d@]/.test(char) ? isTelling : 0) | (/[.+%-]/.test(char) ? isEdge : 0);
  smallLetter[code] = char.toLowerCase().charCodeAt(0);
}
const backslash = 0x5c;
const escapes = new Set(Buffer.from('bfnrtu'));
const unicodeEscape = 0x75;
const unicodeEscapeChars = 5;
/** FNV-1a. */
const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;

/** Adds the hashes of the words of a line, which lies in `bytes` from `lineFrom` to `lineTo`. Some 3 ns a byte. */
export function addTokens(bytes: Uint8Array, lineFrom: number, lineTo: number, target: number[]): void {
  for (let at = lineFrom; at < lineTo; ) {
    const first = kinds[bytes[at]!]!;
    if ((first & isOfWord) === 0 || (first & isEdge) !== 0) {
      at += 1;
      continue;
    }
    const from = at;
    let seen = 0;
    for (let kind = first; kind !== 0; kind = ++at < lineTo ? kinds[bytes[at]!]! : 0) seen |= kind;
    if ((seen & isTelling) === 0) continue;
    let to = at;
    while ((kinds[bytes[to - 1]!]! & isEdge) !== 0) to -= 1;
    if (to - from >= charsMin) {
      let hash = offsetBasis;
      for (let index = from; index < to; index++) hash = Math.imul(hash ^ smallLetter[bytes[index]!]!, prime);
      target.push(hash >>> 0);
    }
    // `\n1234` is 1234 on a new line in JSON, and n1234 in other texts.
    if (from > lineFrom && bytes[from - 1] === backslash && escapes.has(bytes[from]!)) addTokens(bytes, from + (bytes[from] === unicodeEscape ? unicodeEscapeChars : 1), to, target);
  }
}

/** The hash by which lines with this value are found; null where it is of no kind that is kept. */
export function tokenOf(value: string): number | null {
  let longest = '';
  for (const part of value.split('/')) if (part.length > longest.length && /[\d@]/.test(part)) longest = part;
  const found: number[] = [];
  const bytes = Buffer.from(longest, 'latin1');
  addTokens(bytes, 0, bytes.length, found);
  return found[0] ?? null;
}
