/**
 * Replaces what must not leave by a keyed hash: `[redacted:KIND:12 hex digits]`. Works on a chunk's physical lines as bytes; what is not replaced
 * stays byte for byte, no newline comes or goes, container framing and JSON stay valid. Equal values get equal hashes under one key.
 *
 * Looks at one chunk at a time: a value cut by a container runtime's 16 KiB pieces, or by two chunks of one long line, is not found; nor is one that
 * reaches over lines, as a private key printed on many.
 */
import { LeadlineError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import { findEmails } from './redact-addresses.ts';
import { findCards } from './redact-cards.ts';
import { Found, type Finder } from './redact-found.ts';
import { KeyedHash } from './redact-hash.ts';
import { LinePieces, lineShape, type Piece } from './redact-lines.ts';
import { patternFinder } from './redact-patterns.ts';
import { findSecrets } from './redact-secrets.ts';

export type RedactionOptions = Pick<Options, 'redact' | 'redactKey'>;

export interface Redacted {
  /** Of its own memory. */
  value: Buffer;
  /** Source length of each physical line, its newline included: `ll-lengths`. */
  lengths: number[];
}

export interface Redaction {
  /**
   * @param bytes whole physical lines, the last perhaps without newline, or one piece of a line too long for a chunk
   * @returns null where nothing has to be replaced
   */
  redact(bytes: Buffer): Redacted | null;
  readonly counts: { /** Values replaced. */ values: number; /** Source bytes of them. */ bytes: number };
}

const builtIn: Readonly<Record<string, Finder>> = { secrets: findSecrets, cards: findCards, emails: findEmails };
/** Below it the hashes of cards could be tried out. */
const keyCharactersMin = 16;
const newline = 10;

/**
 * @returns null where nothing is to be redacted
 * @throws LeadlineError BAD_OPTION
 */
export function createRedaction(options: RedactionOptions): Redaction | null {
  if (options.redact.length === 0) return null;
  const key = options.redactKey ?? '';
  if (key.length < keyCharactersMin) {
    const problem = key === '' ? 'is needed with --redact' : `has ${key.length} characters, at least ${keyCharactersMin} are needed`;
    throw new LeadlineError('BAD_OPTION', { option: '--redact-key', problem, fix: 'Give all shippers one long random key, so that equal values have equal hashes: openssl rand -hex 32' });
  }
  let patterns = 0;
  return new ChunkRedaction(options.redact.map(what => builtIn[what] ?? ownFinder(what, (patterns += 1))), new KeyedHash(key));
}

function ownFinder(what: string, number: number): Finder {
  if (what.startsWith('/')) return patternFinder(what, `pattern${number}`);
  throw new LeadlineError('BAD_OPTION', { option: '--redact', problem: `"${what}" is not known`, fix: `Write ${Object.keys(builtIn).join(', ')}, or a /regular expression/` });
}

class ChunkRedaction implements Redaction {
  readonly counts = { values: 0, bytes: 0 };
  readonly #finders: readonly Finder[];
  readonly #hash: KeyedHash;
  readonly #found = new Found();

  constructor(finders: readonly Finder[], hash: KeyedHash) {
    this.#finders = finders;
    this.#hash = hash;
  }

  redact(bytes: Buffer): Redacted | null {
    this.#found.clear();
    for (const find of this.#finders) find(bytes, this.#found);
    if (this.#found.count === 0) return null;
    const pieces = this.#pieces(bytes);
    return pieces.length === 0 ? null : { value: this.#replaced(bytes, pieces), lengths: lineLengths(bytes) };
  }

  /** What was found, line by line, as ranges that can be replaced; in order. */
  #pieces(bytes: Buffer): Piece[] {
    const pieces: Piece[] = [];
    let line: LinePieces | null = null;
    let lineEnd = -1;
    for (const { from, to, kind } of this.#found.merged()) {
      if (line === null || from >= lineEnd) {
        const begin = from === 0 ? 0 : bytes.lastIndexOf(newline, from - 1) + 1;
        const end = bytes.indexOf(newline, from);
        lineEnd = end < 0 ? bytes.length : end;
        line = new LinePieces(bytes, lineShape(bytes, begin, lineEnd));
      }
      line.add(from, to, kind, pieces);
    }
    return pieces;
  }

  #replaced(bytes: Buffer, pieces: readonly Piece[]): Buffer {
    const marks = pieces.map(({ from, to, kind, quote }) => `${quote}[redacted:${kind.name}:${this.#hash.of(kind.canonical(bytes.subarray(from, to)))}]${quote}`);
    const value = Buffer.allocUnsafeSlow(pieces.reduce((size, { from, to }, index) => size - (to - from) + marks[index]!.length, bytes.length));
    let read = 0;
    let written = 0;
    for (const [index, { from, to }] of pieces.entries()) {
      written += bytes.copy(value, written, read, from);
      written += value.write(marks[index]!, written, 'latin1');
      read = to;
      this.counts.values += 1;
      this.counts.bytes += to - from;
    }
    bytes.copy(value, written, read);
    return value;
  }
}

function lineLengths(bytes: Buffer): number[] {
  const lengths: number[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(newline, from);
    const next = end < 0 ? bytes.length : end + 1;
    lengths.push(next - from);
    from = next;
  }
  return lengths;
}
