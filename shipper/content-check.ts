/**
 * Whether a file is a log at all, by its first bytes. Refusing happens out loud (an error of the catalogue), because a binary file read as lines
 * fills the store with noise and UTF-16 cannot be cut at newlines byte by byte.
 */
import { isUtf8 } from 'node:buffer';
import { LeadlineError } from '#schemas/errors.ts';

export const checkedBytes = 8192;

const magics: readonly (readonly [evidence: string, bytes: readonly number[]])[] = [
  ['ELF program', [0x7f, 0x45, 0x4c, 0x46]],
  ['PNG image', [0x89, 0x50, 0x4e, 0x47]],
  ['JPEG image', [0xff, 0xd8, 0xff]],
  ['zip archive', [0x50, 0x4b, 0x03, 0x04]],
  ['gzip data in a file not named .gz', [0x1f, 0x8b, 0x08]],
  ['zstd data in a file not named .zst', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz data', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['bzip2 data', [0x42, 0x5a, 0x68, 0x39, 0x31, 0x41]],
  ['PDF document', [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ['SQLite database', [0x53, 0x51, 0x4c, 0x69, 0x74, 0x65, 0x20, 0x66]],
];

/** @param firstBytes the first 8 KiB, or all there are. @returns why the file should not be read as lines, or null */
export function contentProblem(path: string, firstBytes: Buffer, includeBinary: boolean): LeadlineError | null {
  if (includeBinary) return null;
  for (const [evidence, magic] of magics) {
    if (firstBytes.length >= magic.length && magic.every((byte, index) => firstBytes[index] === byte)) return new LeadlineError('BINARY_FILE', { path, evidence });
  }
  const mark = firstBytes.length >= 2 ? firstBytes.readUInt16BE(0) : 0;
  if (mark === 0xfffe || mark === 0xfeff) return new LeadlineError('UTF16_FILE', { path });
  if (/\.(?:gz|zst)$/.test(path) && looksLikeNoise(firstBytes)) return new LeadlineError('BINARY_FILE', { path, evidence: 'named like an archive, and neither one nor text' });
  const looked = firstBytes.subarray(0, checkedBytes);
  let even = 0;
  let odd = 0;
  for (let at = looked.indexOf(0); at >= 0; at = looked.indexOf(0, at + 1)) {
    if (at % 2 === 0) even += 1;
    else odd += 1;
  }
  const half = looked.length / 2;
  // Every other byte NUL is ASCII text in UTF-16 without a byte order mark.
  if (looked.length >= 8 && ((odd > half * 0.7 && even < half * 0.1) || (even > half * 0.7 && odd < half * 0.1))) return new LeadlineError('UTF16_FILE', { path });
  const nuls = even + odd;
  // A hole that a truncated writer left is NUL bytes too, but lines follow it.
  if (nuls > looked.length * 0.1 && looked.indexOf(10) < 0) return new LeadlineError('BINARY_FILE', { path, evidence: `${nuls} NUL bytes in the first ${looked.length} and no newline` });
  return null;
}

/** Enough kinds of control characters to be no protocol's separators (FIX has one), in bytes that are no UTF-8. */
const controlKindsMin = 8;

/** Encrypted or otherwise random bytes. Only asked of names that promise something else than lines: a log may hold a dump. */
function looksLikeNoise(bytes: Buffer): boolean {
  if (isUtf8(bytes)) return false;
  const kinds = new Set(bytes.filter(byte => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x1b));
  return kinds.size >= controlKindsMin;
}
