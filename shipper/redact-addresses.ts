/** What an `@` gives away: e-mail addresses, and the password of `scheme://user:password@host`. One look from `@` to `@`, linear in the bytes. */
import { byteClass, digits, runEnd, wordBytes, type ByteClass } from './redact-bytes.ts';
import type { Finder, Found, Kind } from './redact-found.ts';

const at = 64;
const dot = 46;
const colon = 58;
const slash = 47;
const dash = 45;
const backslash = 92;
const localBytesMax = 64;
const domainBytesMax = 255;
const userInfoBytesMax = 1024;

const beyondAscii = (byte: number): boolean => byte >= 0x80;
const localBytes = byteClass("\\w.%+'-", beyondAscii);
const domainBytes = byteClass('A-Za-z0-9.-', beyondAscii);
const letters = byteClass('A-Za-z', beyondAscii);
/** What ends the part of a URL that may hold a user and a password. */
const userInfoEnds = byteClass('\\s"\'\\\\/<>`|');

export const emails: Kind = { name: 'emails', narrows: true, canonical: value => Buffer.from(value.map(byte => (byte >= 65 && byte <= 90 ? byte + 32 : byte))) };

/** Looks like an address and is a version, a unit of systemd, a picture for a dense screen. */
const noDomain = /^(?:v?\d+\.\d|\d+x?\.)|\.(?:service|socket|target|timer|slice|scope|mount|automount|path|swap|device|png|jpe?g|gif|svg|webp|ico|css|m?js|cjs|tsx?|json|html?|php|tgz|gz|jar|dll|exe|log|conf|txt)$/i;

export const findEmails: Finder = (bytes, found) => {
  let done = 0;
  for (let here = bytes.indexOf(at); here >= 0; here = bytes.indexOf(at, here + 1)) {
    const end = domainEnd(bytes, here + 1);
    const from = end < 0 ? here : runStart(bytes, here, Math.max(done, here - localBytesMax), localBytes);
    if (from === here || isPassword(bytes, from)) continue;
    // `git@host.example:group/project` is an address of another kind.
    if (bytes[end] === colon && letters[bytes[end + 1] ?? 0] === 1) continue;
    found.add(from, end, emails);
    done = end;
  }
};

/** Whether what begins at `from`, up to its `@`, is the password of a URL and what follows is its host. */
function isPassword(bytes: Buffer, from: number): boolean {
  if (bytes[from - 1] !== colon) return false;
  let stop = from - 2;
  while (stop > from - localBytesMax && stop >= 0 && userInfoEnds[bytes[stop]!] === 0) stop -= 1;
  return endsScheme(bytes, stop);
}

function runStart(bytes: Buffer, to: number, from: number, members: ByteClass): number {
  let start = to;
  while (start > from && members[bytes[start - 1]!] === 1) start -= 1;
  // A name does not begin with what may end a sentence or a quotation.
  while (start < to && wordBytes[bytes[start]!] === 0 && bytes[start]! < 0x80) start += 1;
  return start;
}

/** The end of the domain that begins at `from`, or -1: labels with dots between them, the last of letters. */
function domainEnd(bytes: Buffer, from: number): number {
  let end = runEnd(bytes, from, domainBytes, from + domainBytesMax);
  while (end > from && (bytes[end - 1] === dot || bytes[end - 1] === dash)) end -= 1;
  let lastDot = end - 1;
  while (lastDot > from && bytes[lastDot] !== dot) lastDot -= 1;
  if (lastDot <= from || end - lastDot < 3 || digits[bytes[end - 1]!] === 1) return -1;
  if (letters[bytes[lastDot + 1]!] === 0 || bytes[from] === dot || bytes[from] === dash) return -1;
  return noDomain.test(bytes.toString('latin1', from, end)) ? -1 : end;
}

/** Adds the passwords in URLs. */
export function findUrlPasswords(bytes: Buffer, found: Found, kind: Kind): void {
  /** Where the user info that reaches up to the last `@` begins, or -1; where its password begins, or -1. */
  let userFrom = -1;
  let passwordFrom = -1;
  let seen = 0;
  for (let here = bytes.indexOf(at); here >= 0; here = bytes.indexOf(at, here + 1)) {
    const oldest = Math.max(seen, here - userInfoBytesMax);
    let stop = here - 1;
    while (stop >= oldest && userInfoEnds[bytes[stop]!] === 0) stop -= 1;
    const isNew = stop >= oldest;
    if (isNew) userFrom = endsScheme(bytes, stop) ? stop + 1 : -1;
    else if (oldest > seen) userFrom = -1;
    if (userFrom < 0 || here - userFrom > userInfoBytesMax) passwordFrom = -1;
    else if (isNew || passwordFrom < 0) {
      // Not looked at twice, however many `@` follow.
      let next = isNew ? userFrom : seen;
      while (next < here && bytes[next] !== colon) next += 1;
      passwordFrom = next < here ? next + 1 : -1;
    }
    if (passwordFrom >= 0) found.add(passwordFrom, here, kind);
    seen = here + 1;
  }
}

/** Whether the slash at `stop` ends `://`, also as JSON may write it: `:\/\/`. */
function endsScheme(bytes: Buffer, stop: number): boolean {
  if (bytes[stop] !== slash) return false;
  if (bytes[stop - 1] === slash) return bytes[stop - 2] === colon;
  return bytes[stop - 1] === backslash && bytes[stop - 2] === slash && bytes[stop - 3] === backslash && bytes[stop - 4] === colon;
}
