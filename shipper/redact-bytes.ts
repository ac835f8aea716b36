/** Classes of bytes, as tables: one look-up per byte and no regular expression where a value may be a megabyte long. */
export type ByteClass = Uint8Array;

/** The class of these ASCII characters; `a-z` is a span. Bytes of `also` are in it as well. */
export function byteClass(spans: string, also: (byte: number) => boolean = () => false): ByteClass {
  const table = new Uint8Array(256);
  const members = new RegExp(`[${spans}]`);
  for (let byte = 0; byte < 256; byte += 1) if ((byte < 0x80 && members.test(String.fromCharCode(byte))) || also(byte)) table[byte] = 1;
  return table;
}

export const digits = byteClass('0-9');
export const wordBytes = byteClass('\\w');

/** The end of the run of the class that begins at `from`. */
export function runEnd(bytes: Buffer, from: number, members: ByteClass, max = bytes.length): number {
  let at = from;
  const end = Math.min(bytes.length, max);
  while (at < end && members[bytes[at]!] === 1) at += 1;
  return at;
}

/** Backslashes that stand right before `at`, not looking further back than `from`. */
export function backslashesBefore(bytes: Buffer, at: number, from = 0): number {
  let count = 0;
  while (at - count > from && bytes[at - count - 1] === 92) count += 1;
  return count;
}

/** Whether `at` follows an escape such as `\n`, as it stands in JSON text: then it begins a word, whatever the letter before. */
export function followsEscape(bytes: Buffer, at: number): boolean {
  return at >= 2 && bytes[at - 2] === 92 && escapeLetters[bytes[at - 1]!] === 1;
}

const escapeLetters = byteClass('bfnrt');
