/**
 * Which parts of a message are values and which are its wording, by their look alone: nothing is learned, so a message has the same template in every
 * thread, process and version of the state.
 *
 * A value is a word with a digit, a path, an address (user@host, URL, host name), a long hexadecimal word, what stands in quotes, what follows `key=`.
 * Everything else is wording. That a word of letters is a value (a user's name) no look can tell: those are joined at read (`query/templates/`).
 */

/** Beyond it, or beyond so many values, a message is not looked at; its template then ends in `…`. */
const maskedCharsMax = 1024;
const valuesMax = 256;

export const valueMark = '<*>';

const digit = 1;
const slash = 2;
const at = 4;
const dot = 8;
/** What no hexadecimal number has. */
const notHex = 16;
/** Ends a word. */
const separator = 32;
const quote = 64;
const equals = 128;

const classes = new Uint8Array(128).fill(notHex);
for (const [characters, bits] of [
  ['0123456789', digit], ['abcdefABCDEF', 0], ['/\\', slash | notHex], ['@', at | notHex], ['.', dot],
  [' \t\r\n,;()[]{}<>|:', separator], ['"\'`', separator | quote], ['=', separator | equals],
] as const) {
  for (const character of characters) classes[character.charCodeAt(0)] = bits;
}
/** From here on characters are ideographs and the like: words stand without spaces between them, so each is one. */
const firstIdeograph = 0x2e80;
const classOf = (code: number): number => (code < 128 ? classes[code]! : code < firstIdeograph ? notHex : separator);

const hostEnding = /^[a-z\d-]+(?:\.[a-z\d-]+)*\.(?:com|net|org|edu|gov|mil|int|arpa|local|internal|lan|svc|cluster|[a-z]{2})$/i;

/** Finds the values of one message after the other; what it says is valid until the next `scan`. */
export class Mask {
  /** Two hashes of the wording with the places of the values: equal where the masked text is equal. */
  key = 0;
  check = 0;
  private message = '';
  private end = 0;
  private values = 0;
  private readonly starts = new Int32Array(valuesMax);
  private readonly ends = new Int32Array(valuesMax);

  /** Linear in the message's length. */
  scan(message: string): void {
    this.message = message;
    this.values = 0;
    let end = message.length <= maskedCharsMax ? message.length : wordEndBefore(message, maskedCharsMax);
    let key = 0x1505;
    let check = 0x9e3779b9 | 0;
    for (let index = 0; index < end; ) {
      if (this.values === valuesMax) end = index;
      const code = message.charCodeAt(index);
      const bits = classOf(code);
      // Of what is mixed in, a word's hash and a character's code may be equal: the two hashes are of 64 bits together.
      let mixed = code;
      if ((bits & separator) === 0) {
        const start = index;
        let flags = 0;
        mixed = 0x811c;
        for (let next = code, nextBits = bits; (nextBits & separator) === 0; nextBits = classOf(next)) {
          flags |= nextBits;
          mixed = Math.imul(mixed ^ next, 0x01000193);
          if (++index >= end) break;
          next = message.charCodeAt(index);
        }
        if ((flags & digit) !== 0 || (flags !== notHex && this.isValue(start, index, flags))) {
          index = this.add(start, index);
          mixed = -1;
        }
      } else {
        index += 1;
        if ((bits & (quote | equals)) !== 0) {
          const valueEnd = (bits & quote) !== 0 ? this.quotedEnd(index - 1, end) : this.assignedEnd(index, end);
          if (valueEnd >= 0) {
            this.addExactly(index, valueEnd);
            // The quote that closes must not open the next.
            index = (bits & quote) !== 0 ? valueEnd + 1 : valueEnd;
            mixed = ~code;
          }
        }
      }
      key = Math.imul(key ^ mixed, 0x85ebca6b);
      key ^= key >>> 15;
      check = (Math.imul(check, 0x2c1b3c6d) + mixed) | 0;
    }
    this.key = end < message.length ? ~key : key;
    this.check = check;
    this.end = end;
  }

  /** The message with `<*>` for each value. */
  masked(): string {
    let text = '';
    let from = 0;
    for (let value = 0; value < this.values; value++) {
      text += this.message.slice(from, this.starts[value]) + valueMark;
      from = this.ends[value]!;
    }
    return `${text}${this.message.slice(from, this.end)}${this.end < this.message.length ? '…' : ''}`;
  }

  /** A word that has no digit. */
  private isValue(start: number, end: number, flags: number): boolean {
    if ((flags & notHex) === 0 && (flags & dot) === 0) return end - start >= 8;
    if ((flags & at) !== 0 && end - start > 2) return true;
    if ((flags & slash) !== 0) return isPath(this.message, start, end);
    return (flags & dot) !== 0 && end - start > 3 && hostEnding.test(this.message.slice(start, end));
  }

  /** @returns where it ends: a sentence's full stop behind it is wording */
  private add(start: number, end: number): number {
    let valueEnd = end;
    while (valueEnd > start + 1 && isFullStop(this.message.charCodeAt(valueEnd - 1))) valueEnd -= 1;
    this.addExactly(start, valueEnd);
    return valueEnd;
  }

  private addExactly(start: number, end: number): void {
    this.starts[this.values] = start;
    this.ends[this.values] = end;
    this.values += 1;
  }

  /** Where the quote that opens at `open` is closed, or -1: an apostrophe opens none. */
  private quotedEnd(open: number, end: number): number {
    const { message } = this;
    if (open > 0 && (classOf(message.charCodeAt(open - 1)) & separator) === 0) return -1;
    const mark = message[open]!;
    for (let close = message.indexOf(mark, open + 1); close >= 0 && close < end; close = message.indexOf(mark, close + 1)) {
      if (message.charCodeAt(close - 1) === 0x5c) continue;
      if (close + 1 >= message.length || (classOf(message.charCodeAt(close + 1)) & separator) !== 0 || isFullStop(message.charCodeAt(close + 1))) return close;
    }
    return -1;
  }

  /** Where the value behind `key=` ends, also an empty one; -1 where it is no assignment or the value is in quotes or brackets. */
  private assignedEnd(from: number, end: number): number {
    const { message } = this;
    if (from < 2 || (classOf(message.charCodeAt(from - 2)) & separator) !== 0) return -1;
    let index = from;
    for (; index < end; index++) {
      const code = message.charCodeAt(index);
      if (code === 0x3a || (classOf(code) & separator) === 0) continue;
      // `==`, `=>`, an opening quote or bracket.
      if (index === from && '=>"\'`([{<'.includes(message[index]!)) return -1;
      break;
    }
    while (index > from && isFullStop(message.charCodeAt(index - 1))) index -= 1;
    return index;
  }
}

/** A word that is cut in its middle may look like another kind. */
function wordEndBefore(message: string, max: number): number {
  for (let end = max; end > 0; end--) if ((classOf(message.charCodeAt(end - 1)) & separator) !== 0) return end;
  return max;
}

function isFullStop(code: number): boolean {
  return code === 0x2e || code === 0x21 || code === 0x3f;
}

/** `/var/log`, `./x`, `a/b/c`, `//host/path` behind a scheme; not `read/write`, nor a lone slash. */
function isPath(message: string, start: number, end: number): boolean {
  if (end - start < 2) return false;
  let slashes = 0;
  for (let index = start; index < end; index++) {
    const code = message.charCodeAt(index);
    if (code === 0x2f || code === 0x5c) slashes += 1;
  }
  const first = message.charCodeAt(start);
  return slashes > 1 || first === 0x2f || first === 0x5c || ((first === 0x2e || first === 0x7e) && message.charCodeAt(start + 1) === 0x2f);
}
