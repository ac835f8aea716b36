/**
 * Where a record ends in plain, docker and CRI bytes; never what it means. A container runtime splits a long line into pieces, each on a line
 * of its own, and the position that is safe to start from again never lies between two of them.
 */
import type { Framing } from '#schemas/chunk.ts';

const dockerStart = Buffer.from('{"log":"');
const dockerOutput = Buffer.from('"stream":"std');
const space = 32;
/** Every line of an output has it. Others may, too. */
const marks = {
  docker: { stdout: Buffer.from('"stream":"stdout"'), stderr: Buffer.from('"stream":"stderr"') },
  cri: { stdout: Buffer.from(' stdout '), stderr: Buffer.from(' stderr ') },
};

/** The framing of a stream, by its first bytes; asked once, when the stream gets its name. */
export function framingOf(firstBytes: Buffer): Framing {
  if (firstBytes.subarray(0, dockerStart.length).equals(dockerStart)) return 'docker';
  return criTagAt(firstBytes, 0, firstBytes.length) >= 0 ? 'cri' : 'plain';
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57;

/** Index of the tag (`F` or `P`) of the CRI line in `[from, to)`, or -1 where it is none: `2022-08-22T05:18:16.154772363Z stdout F text`. */
function criTagAt(bytes: Buffer, from: number, to: number): number {
  // The date's shape and the `T` decide; the rest of the stamp only has to end at a space within 40 bytes.
  if (to - from < 28 || !isDigit(bytes[from]) || !isDigit(bytes[from + 3]) || bytes[from + 4] !== 45 || bytes[from + 7] !== 45 || bytes[from + 10] !== 84) return -1;
  const stampEnd = bytes.indexOf(space, from + 19);
  if (stampEnd < 0 || stampEnd > from + 40 || stampEnd + 9 >= to) return -1;
  // ` std` then `out ` or `err `
  if (bytes[stampEnd + 1] !== 115 || bytes[stampEnd + 2] !== 116 || bytes[stampEnd + 3] !== 100 || bytes[stampEnd + 7] !== space) return -1;
  const tag = bytes[stampEnd + 8];
  return tag === 70 || tag === 80 ? stampEnd + 8 : -1;
}

/** Start of the first piece of each output's unfinished line (a streamOffset), or -1. */
export interface OpenPieces {
  stdout: number;
  stderr: number;
}

export const noOpenPieces: Readonly<OpenPieces> = { stdout: -1, stderr: -1 };

/** The earliest unfinished piece, or null. */
export function firstOpenPiece(open: Readonly<OpenPieces>): number | null {
  if (open.stdout < 0) return open.stderr < 0 ? null : open.stderr;
  return open.stderr < 0 ? open.stdout : Math.min(open.stdout, open.stderr);
}

/**
 * Which outputs are inside a split line after these whole physical lines, which begin at `streamOffset`. A line that is not of the framing
 * changes nothing: it belongs to no output. Read from the end, since an output's last line decides, and so only as far as both outputs need; what has
 * no line of an output at all is told by one search for its name. Plain streams cost nothing.
 */
export function openPiecesAfter(bytes: Buffer, streamOffset: number, framing: Framing, before: Readonly<OpenPieces>): Readonly<OpenPieces> {
  if (framing === 'plain') return before;
  const stdout: Seen = { isDecided: !bytes.includes(marks[framing].stdout), openFrom: -1, isSeen: false };
  const stderr: Seen = { isDecided: !bytes.includes(marks[framing].stderr), openFrom: -1, isSeen: false };
  let to = bytes.length - (bytes.at(-1) === 10 ? 1 : 0);
  while (to >= 0 && !(stdout.isDecided && stderr.isDecided)) {
    const from = to === 0 ? 0 : bytes.lastIndexOf(10, to - 1) + 1;
    const partial = framing === 'cri' ? criPartial(bytes, from, to) : dockerPartial(bytes, from, to);
    if (partial !== null) {
      const of = partial.output === 'stdout' ? stdout : stderr;
      of.isSeen = true;
      if (partial.open && !of.isDecided) of.openFrom = streamOffset + from;
      else of.isDecided = true;
    }
    to = from - 1;
  }
  return { stdout: openAfter(stdout, before.stdout), stderr: openAfter(stderr, before.stderr) };
}

/** What was seen of an output, from the end on. */
interface Seen {
  /** A whole line of it was met, or there is none of it. */
  isDecided: boolean;
  /** Start of the earliest of the pieces that no whole line follows, or -1. */
  openFrom: number;
  isSeen: boolean;
}

function openAfter({ isDecided, openFrom, isSeen }: Seen, before: number): number {
  if (!isSeen) return before;
  // All of its lines are pieces: the line began before them, if one was open.
  return !isDecided && before >= 0 ? before : openFrom;
}

interface Partial {
  output: keyof OpenPieces;
  open: boolean;
}
// Shared constants: no object per line.
const partials: Record<keyof OpenPieces, { open: Partial; whole: Partial }> = {
  stdout: { open: { output: 'stdout', open: true }, whole: { output: 'stdout', open: false } },
  stderr: { open: { output: 'stderr', open: true }, whole: { output: 'stderr', open: false } },
};

function criPartial(bytes: Buffer, from: number, to: number): Partial | null {
  const tag = criTagAt(bytes, from, to);
  if (tag < 0) return null;
  const of = bytes[tag - 4] === 111 ? partials.stdout : partials.stderr;
  return bytes[tag] === 80 ? of.open : of.whole;
}

/** A docker piece is unfinished where its text does not end in an escaped newline: `...\n","stream":"stdout",...`. */
function dockerPartial(bytes: Buffer, from: number, to: number): Partial | null {
  const output = bytes.lastIndexOf(dockerOutput, to);
  if (output < from + dockerStart.length || bytes[from] !== 123) return null;
  const of = bytes[output + dockerOutput.length] === 111 ? partials.stdout : partials.stderr;
  // `output` is at `"stream"`; before it stand `",`, the text's closing quote and a comma. Attributes between them make it another key's quote.
  let quote = output - 2;
  const text = bytes.indexOf(34, from + dockerStart.length);
  if (text < quote && bytes[quote] !== 34) quote = textEnd(bytes, from + dockerStart.length, to);
  if (quote < 0) return null;
  if (bytes[quote - 1] !== 110 || bytes[quote - 2] !== 92) return of.open;
  let slashes = 0;
  for (let at = quote - 2; at >= from && bytes[at] === 92; at -= 1) slashes += 1;
  return slashes % 2 === 1 ? of.whole : of.open;
}

/** Index of the quote that closes the JSON string whose text begins at `from`, or -1. */
function textEnd(bytes: Buffer, from: number, to: number): number {
  for (let quote = bytes.indexOf(34, from); quote >= 0 && quote < to; quote = bytes.indexOf(34, quote + 1)) {
    let slashes = 0;
    for (let at = quote - 1; at >= from && bytes[at] === 92; at -= 1) slashes += 1;
    if (slashes % 2 === 0) return quote;
  }
  return -1;
}
