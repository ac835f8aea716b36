/**
 * What of a physical line may be altered, and how, so that it stays what it was: a line of docker's JSON, of CRI, or of JSON. A container's framing
 * is left alone; inside JSON a replacement never cuts an escape, never crosses a quote, and stands in quotes where a bare number stood.
 */
import { byteClass, runEnd } from './redact-bytes.ts';
import type { Kind } from './redact-found.ts';

const carriageReturn = 13;
const quote = 34;
const backslash = 92;
const brace = 123;
const letterN = 110;
const letterU = 117;
const letterT = 84;
const dash = 45;

const dockerStart = Buffer.from('{"log":"');
const criStart = /^\d{4}-\d\d-\d\dT\S{8,30} std(?:out|err) [PF](?::\S{1,40})? ?/;
const criStartBytesMax = 100;
const unicodeDigits = 4;

export interface LineShape {
  /** Half-open: the application's own text, without its newline. */
  from: number;
  to: number;
  /** How often the text was put into JSON strings: a quote in it is written with `2 ** depth - 1` backslashes, and 0 means that none is special. */
  depth: number;
  /** The text is JSON itself, whose quotes are those of `depth - 1`. */
  structured: boolean;
}

/** @param from, to a physical line without its newline, or the piece of a long line that is there */
export function lineShape(bytes: Buffer, from: number, to: number): LineShape {
  let end = to > from && bytes[to - 1] === carriageReturn ? to - 1 : to;
  let start = from;
  let depth = 0;
  if (bytes[from] === brace && bytes.subarray(from, from + dockerStart.length).equals(dockerStart)) {
    start = from + dockerStart.length;
    end = dockerTextEnd(bytes, start, end);
    depth = 1;
  } else if (bytes[from + 4] === dash && bytes[from + 10] === letterT) {
    const cri = criStart.exec(bytes.toString('latin1', from, Math.min(end, from + criStartBytesMax)));
    if (cri !== null) start = from + cri[0].length;
  }
  const structured = isObject(bytes, start, end, depth);
  return { from: start, to: end, depth: structured ? depth + 1 : depth, structured };
}

/** The end of docker's text before the escaped newline, which says that the line is whole. */
function dockerTextEnd(bytes: Buffer, from: number, to: number): number {
  let end = bytes.indexOf(quote, from);
  while (end >= 0 && end < to && backslashRun(bytes, end, from) % 2 === 1) end = bytes.indexOf(quote, end + 1);
  if (end < 0 || end > to) return to;
  const isNewline = bytes[end - 1] === letterN && backslashRun(bytes, end - 1, from) % 2 === 1;
  return isNewline ? end - 2 : end;
}

function isObject(bytes: Buffer, from: number, to: number, depth: number): boolean {
  let at = from;
  while (at < to && bytes[at] === 32) at += 1;
  if (bytes[at] !== brace) return false;
  return depth === 0 ? bytes[at + 1] === quote : bytes[at + 1] === backslash && bytes[at + 2] === quote;
}

function backslashRun(bytes: Buffer, at: number, from: number): number {
  let start = at;
  while (start > from && bytes[start - 1] === backslash) start -= 1;
  return at - start;
}

/** A range to replace. */
export interface Piece {
  from: number;
  to: number;
  kind: Kind;
  /** Stands around the replacement: where there was a bare number, JSON needs a string instead. Else empty. */
  quote: string;
}

const scalarBytes = byteClass('\\w.+-');
const notScalarBytes = scalarBytes.map((member, byte) => (byte === quote ? 0 : 1 - member));
const literal = /^(?:true|false|null)$/;

/** Turns ranges of one line, given in order, into pieces that can be replaced. Each line has its own. */
export class LinePieces {
  readonly #bytes: Buffer;
  readonly #shape: LineShape;
  /** Behind the last piece. */
  #done: number;
  /** Everything before it was looked at for quotes; `#quoteAt` is the next one. */
  #read: number;
  #quoteAt: number;
  #inString = false;
  /** As a string's own is written in this line. */
  readonly #quote: string;

  constructor(bytes: Buffer, shape: LineShape) {
    this.#bytes = bytes;
    this.#shape = shape;
    this.#quote = `${'\\'.repeat(shape.depth > 1 ? 1 : 0)}"`;
    this.#done = shape.from;
    this.#read = shape.from;
    this.#quoteAt = shape.structured ? this.#quoteFrom(shape.from) : Infinity;
  }

  /** Adds the pieces of `[from, to)` to `pieces`. */
  add(from: number, to: number, kind: Kind, pieces: Piece[]): void {
    let start = Math.max(from, this.#done);
    let end = Math.min(to, this.#shape.to);
    if (this.#shape.depth > 0 && start < end) {
      start = kind.narrows ? this.#escapeEnd(start) : Math.max(this.#escapeStart(start), this.#done);
      end = this.#escapeEnd(end);
    }
    if (start >= end) return;
    if (this.#shape.structured) this.#addStructured(start, end, kind, pieces);
    else this.#push(start, end, kind, '', pieces);
  }

  #push(from: number, to: number, kind: Kind, quote: string, pieces: Piece[]): void {
    if (to > from) pieces.push({ from, to, kind, quote });
    this.#done = Math.max(this.#done, to);
  }

  /** String by string, and bare numbers between them. */
  #addStructured(from: number, to: number, kind: Kind, pieces: Piece[]): void {
    for (let at = this.#readTo(from); at < to; ) {
      const end = Math.min(to, this.#quoteAt);
      if (this.#inString) this.#push(at, end, kind, '', pieces);
      else this.#addScalars(at, end, kind, pieces);
      at = this.#readTo(end);
    }
  }

  #addScalars(from: number, to: number, kind: Kind, pieces: Piece[]): void {
    const bytes = this.#bytes;
    for (let at = runEnd(bytes, from, notScalarBytes, to); at < to; at = runEnd(bytes, at, notScalarBytes, to)) {
      let start = at;
      while (start > this.#done && scalarBytes[bytes[start - 1]!] === 1) start -= 1;
      const end = runEnd(bytes, at, scalarBytes, this.#shape.to);
      if (!literal.test(bytes.toString('latin1', start, Math.min(end, start + 8)))) this.#push(start, end, kind, this.#quote, pieces);
      at = Math.max(end, at + 1);
    }
  }

  /** Reads up to `to` and over a quote that begins right there. @returns where it stands then */
  #readTo(to: number): number {
    while (this.#quoteAt <= to) {
      this.#inString = !this.#inString;
      this.#read = this.#quoteAt + 2 ** (this.#shape.depth - 1);
      this.#quoteAt = this.#quoteFrom(this.#read);
    }
    this.#read = Math.max(this.#read, to);
    return this.#read;
  }

  /** Index of the next quote that begins or ends a string, with the backslashes that belong to it; behind the text where there is none. */
  #quoteFrom(from: number): number {
    const { depth, from: textFrom, to: textTo } = this.#shape;
    const own = 2 ** (depth - 1) - 1;
    for (let at = this.#bytes.indexOf(quote, from); at >= 0 && at < textTo; at = this.#bytes.indexOf(quote, at + 1)) {
      if (backslashRun(this.#bytes, at, textFrom) % 2 ** depth === own) return at - own;
    }
    return Infinity;
  }

  /** The beginning of the escape that `at` lies inside of, or `at`. */
  #escapeStart(at: number): number {
    const unit = 2 ** this.#shape.depth;
    for (let back = 0; back <= unicodeDigits; back += 1) {
      const place = at - back;
      if (back > 0 && this.#bytes[place] !== letterU) continue;
      const over = backslashRun(this.#bytes, place, this.#shape.from) % unit;
      if (over > 0) return place - over;
    }
    return at;
  }

  /** The end of the escape that `at` lies inside of, or `at`. */
  #escapeEnd(at: number): number {
    const start = this.#escapeStart(at);
    if (start === at) return at;
    let end = start;
    while (this.#bytes[end] === backslash && end - start < 2 ** this.#shape.depth) end += 1;
    if (end - start < 2 ** this.#shape.depth) end += this.#bytes[end] === letterU ? 1 + unicodeDigits : 1;
    return Math.min(this.#shape.to, end);
  }
}
