/**
 * Secrets, found by how they begin: tokens whose makers gave them a prefix, JSON web tokens, private keys, what follows `Authorization:` and
 * `Bearer`, and values of names such as `password`, `client_secret`, `api_key`, `token`, as `name=value`, `"name":"value"` (escaped in JSON any number
 * of times), `name: value` and `--name value`.
 *
 * Regular expressions see a bounded piece of text behind a marker, each of their repeats has a limit, and where a value ends is found byte by byte:
 * the work is linear in the bytes, whatever they are.
 */
import { byteClass, digits, runEnd, type ByteClass } from './redact-bytes.ts';
import { findUrlPasswords } from './redact-addresses.ts';
import type { Finder, Found, Kind } from './redact-found.ts';
import { MarkerSearch, type Marker } from './redact-markers.ts';

export const secrets: Kind = { name: 'secrets', narrows: false, canonical: value => value };

/** What may stand at a marker. */
interface Shape {
  /** Sticky; matches from the marker's first byte on, and never over a newline. */
  head: RegExp;
  /** Adds what is secret behind `[from, to)`, the bytes that the head matched. @returns the end of it, or -1 for nothing */
  add: (bytes: Buffer, from: number, to: number, groups: readonly (string | undefined)[], found: Found) => number;
}

/** A token does not begin inside a word, but may behind an escape of JSON or of a URL. */
const edge = String.raw`(?:(?<!\w)|(?<=\\[bfnrt])|(?<=%[0-9A-Fa-f]{2}))`;
const tokenBytes = byteClass('\\w-');
const dottedBytes = byteClass('\\w.=-');
const bearerBytes = byteClass('\\w.~+/=-');
const notDigits = digits.map(member => 1 - member);
const newline = 10;
const backslash = 92;
const apostrophe = 39;

/** A token is taken to the end of its run, so that none leaves in part. */
function token(source: string, members: ByteClass = tokenBytes): Shape {
  return {
    head: new RegExp(edge + source, 'y'),
    add: (bytes, from, to, _groups, found) => {
      const end = runEnd(bytes, to, members);
      found.add(from, end, secrets);
      return end;
    },
  };
}

// A JSON web token begins with base64url of `{"` and a letter.
const jsonWebToken = token(String.raw`eyJ[h-z0-6][\w-]{5,8192}\.[\w-]{5,8192}(?:\.[\w-]{0,8192}){1,3}`, dottedBytes);
const jsonWebTokenMarkers = Array.from('hijklmnopqrstuvwxyz0123456', letter => `eyJ${letter}`).join(' ');

const keyBytes = byteClass('A-Za-z0-9+/=\\\\ \\t:,-');
const keyLabelBytes = byteClass('A-Z0-9 ');
const keyEnd = Buffer.from('-----END');
const dashes = Buffer.from('-----');

/** The block of a private key up to its end, or as far as it goes in this line. */
const privateKey: Shape = {
  head: /-BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/y,
  add: (bytes, from, to, _groups, found) => {
    let end = to;
    while (end < bytes.length && keyBytes[bytes[end]!] === 1 && !startsWith(bytes, end, keyEnd)) end += 1;
    if (startsWith(bytes, end, keyEnd)) {
      end = runEnd(bytes, end + keyEnd.length, keyLabelBytes);
      if (startsWith(bytes, end, dashes)) end += dashes.length;
    }
    found.add(Math.max(0, from + 1 - dashes.length), end, secrets);
    return end;
  },
};

function startsWith(bytes: Buffer, at: number, text: Buffer): boolean {
  for (let index = 0; index < text.length; index += 1) if (bytes[at + index] !== text[index]) return false;
  return true;
}

const prefixed: readonly [markers: string, ...shapes: Shape[]][] = [
  ['-BEGIN', privateKey],
  [jsonWebTokenMarkers, jsonWebToken],
  ['AKIA ASIA', token(String.raw`A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])`)],
  ['ghp_ gho_ ghu_ ghs_ ghr_', token('gh[pousr]_[A-Za-z0-9]{36}')],
  ['github_pat_', token(String.raw`github_pat_\w{22}`)],
  ['glpat-', token(String.raw`glpat-[\w-]{20}`)],
  ['xoxa xoxb xoxe xoxp xoxr xoxs', token('xox[abeprs]-[A-Za-z0-9-]{10}')],
  ['xapp-', token(String.raw`xapp-\d-[A-Za-z0-9-]{10}`)],
  ['sk_live_ sk_test_ rk_live_ rk_test_', token('[sr]k_(?:live|test)_[A-Za-z0-9]{10}')],
  ['whsec_', token('whsec_[A-Za-z0-9+/]{24}')],
  ['AIza', token(String.raw`AIza[\w-]{35}`)],
  ['ya29.', token(String.raw`ya29\.[\w-]{20}`, dottedBytes)],
  ['GOCSPX-', token(String.raw`GOCSPX-[\w-]{24}`)],
  ['npm_', token('npm_[A-Za-z0-9]{36}')],
  ['pypi-', token(String.raw`pypi-AgEI[\w-]{40}`)],
  ['dop_v1_', token('dop_v1_[a-f0-9]{64}')],
  ['shpat_ shpca_ shppa_ shpss_', token('shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}')],
  ['sk-ant- sk-proj- sk-svcacct-', token(String.raw`sk-(?:ant|proj|svcacct)-[\w-]{20}`)],
  ['hvs.', token(String.raw`hvs\.[\w-]{24}`)],
  ['dckr_pat_', token(String.raw`dckr_pat_[\w-]{20}`)],
  ['AGE-SECRET-KEY-', token('AGE-SECRET-KEY-1[0-9A-Z]{50}')],
];

/** Between a name and its value. Groups: the name's closing quote, the sign, the value's opening quote. */
const sign = String.raw`[ \t]{0,8}(=>|:=|==?|:|>(?=[^\s<=>]))[ \t]{0,8}`;
const afterFlag = String.raw`(?<=--[\w-]{0,40})[ \t]{1,4}(?=[^\s-])`;
const separator = String.raw`(\\{0,7}["'])?(?:${sign}|${afterFlag})(?:\[[ \t]{0,4})?(\\{0,7}["'${'`'}])?`;

/** Values that say that there is no value. */
const placeholder = /^(?:\*+|x{3,}|\.{3,}|<.*>?|\[?redacted.*|\$\{.*|\$[A-Z_]*|%[a-z]|\{\w*|\[|-|n\/a|null|nil|none|undefined|true|false|empty|unset)$/i;
/** Words that follow `password:` in a sentence. */
const proseWord = /^(?:a|an|and|are|be|can|cannot|changed?|expired|failed|failure|for|from|has|hash|in|incorrect|invalid|is|mismatch|missing|must|needs?|no|not|of|on|or|provided|required?|reset|set|should|the|to|too|updated?|user|was|were|will|with|wrong|you|your)\.?$/i;
/** How much of a value is looked at to judge it. */
const judgedBytesMax = 64;
const looksRandom = (value: string): boolean => value.length >= 8 && /\d/.test(value);

interface Judged {
  /** What may pass for a value behind `name: ` without quotes, where a sentence may go on. */
  inProse: (value: string) => boolean;
  /** What is no value whatever stands around it. */
  never?: RegExp;
  /** What may stand before the value and is no part of it, in a group. */
  scheme?: string;
}

/** @param name the name from its marker on, in any case */
function valueOf(name: string, { inProse, never, scheme = '' }: Judged): Shape {
  return {
    head: new RegExp(name + separator + scheme, 'iy'),
    add: (bytes, _from, to, [, nameQuote, sign, quote, schemeName], found) => {
      const end = quote === undefined ? bareEnd(bytes, to) : quotedEnd(bytes, to, quote);
      const judged = bytes.toString('latin1', to, Math.min(end, to + judgedBytesMax));
      if (judged === '' || placeholder.test(judged) || never?.test(judged) === true) return -1;
      const mayBeProse = sign === ':' && nameQuote === undefined && quote === undefined && schemeName === undefined;
      if (mayBeProse && !inProse(judged)) return -1;
      found.add(to, end, secrets);
      return end;
    },
  };
}

const bareEnds = byteClass('\\s"\'`,;&)}\\]<>|');
const escapable = byteClass('nrtbfu"\'\\\\/');

/** The end of a value without quotes. A backslash is a part of it unless it begins an escape. */
function bareEnd(bytes: Buffer, from: number): number {
  let end = from;
  while (end < bytes.length && bareEnds[bytes[end]!] === 0 && !(bytes[end] === backslash && escapable[bytes[end + 1] ?? newline] === 1)) end += 1;
  return end;
}

/**
 * The end of a value in quotes, at the closing one or the line's end.
 * @param quote the opening quote with the backslashes before it: as many as JSON put there each time it was put into JSON again
 */
function quotedEnd(bytes: Buffer, from: number, quote: string): number {
  const mark = quote.charCodeAt(quote.length - 1);
  const depth = quote.length - 1;
  let run = 0;
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte === newline) return at;
    // SQL doubles a quote inside of its strings.
    if (byte === apostrophe && mark === apostrophe && bytes[at + 1] === apostrophe && at > from) at += 1;
    else if (byte === mark && (run < depth || run % (2 * (depth + 1)) === depth)) return at - Math.min(run, depth);
    run = byte === backslash ? run + 1 : 0;
  }
  return bytes.length;
}

const password = valueOf(String.raw`pass(?:word|wd|phrase|code)\d{0,3}(?:[_-]?hash)?`, { inProse: value => !proseWord.test(value) });
// Alone they are also counts of tests, and folders.
const pass = valueOf('(?<![a-z])pass', { inProse: looksRandom, never: /^(?:\d{0,5}|ed|fail)$/i });
const pwd = valueOf('pwd', { inProse: looksRandom, never: /^[\\/.~]/ });
const secret = valueOf(String.raw`secret(?:[_-]?(?:access[_-]?)?key|[_-]?value)?\d{0,3}`, { inProse: looksRandom });
const tokenValue = valueOf(String.raw`token(?:[_-]?value)?\d{0,3}`, { inProse: looksRandom, never: /^(?:bearer|basic|\d{1,3})$/i });
const key = valueOf(String.raw`(?:[a-z]{2}|[_-])key\d{0,3}(?<=(?:access|account|api|auth|encryption|master|private|shared|signing)[_-]?key\d{0,3})`, { inProse: looksRandom });
const authorization = valueOf('rization', {
  inProse: looksRandom,
  never: /^(?:basic|bearer|digest|negotiate|ntlm)$/i,
  scheme: String.raw`(?:(api-?key|aws4-hmac-sha256|basic|bearer|digest|negotiate|ntlm|token)[ \t]{1,4})?`,
});

const bearer: Shape = {
  head: /bearer(?:[ \t]|%20){1,4}(?=[\w.~+/-]{16})/iy,
  add: (bytes, _from, to, _groups, found) => {
    const end = runEnd(bytes, to, bearerBytes);
    if (runEnd(bytes, to, notDigits, end) === end) return -1; // words
    found.add(to, end, secrets);
    return end;
  },
};

const basic: Shape = {
  head: /basic[ \t]{1,4}(?=([A-Za-z0-9+/]{8,1024}={0,2})(?![\w+/=]))/iy,
  add: (_bytes, _from, to, [, credentials], found) => {
    // "Basic authentication" is a word, not a user and a password.
    if (!/^[\x20-\x7e\x80-\xff]*:[\x20-\x7e\x80-\xff]*$/.test(Buffer.from(credentials!, 'base64').toString('latin1'))) return -1;
    found.add(to, to + credentials!.length, secrets);
    return to + credentials!.length;
  },
};

/** In any case. */
const names: readonly [markers: string, ...shapes: Shape[]][] = [
  ['pass', password, pass],
  ['pwd= pwd: pwd" pwd\' pwd\\', pwd],
  ['secret', secret],
  ['token', tokenValue],
  // With a sign before it, and as in accessKey, accountKey, apiKey, authKey, encryptionKey, masterKey, privateKey, sharedKey, signingKey.
  ['_key -key sskey ntkey pikey thkey onkey erkey tekey edkey ngkey', key],
  ['rization', authorization],
  ['bearer', bearer],
  ['basic', basic],
];

const markersOf = (table: readonly [markers: string, ...shapes: Shape[]][], caseless: boolean): Marker<readonly Shape[]>[] =>
  table.flatMap(([markers, ...shapes]) => markers.split(' ').map(text => ({ text, caseless, meaning: shapes })));
const markers = new MarkerSearch([...markersOf(prefixed, false), ...markersOf(names, true)]);

const lookBackBytes = 64;
/** More than any head can match. */
const lookAheadBytes = 48 * 1024;

/** The text around markers, decoded a stretch at a time. One byte is one character, so that indexes agree. */
class TextAround {
  readonly #bytes: Buffer;
  #from = 0;
  #to = 0;
  text = '';

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The index in `text` of the byte at `at`; what a head can match is there. */
  indexOf(at: number): number {
    if (this.#to < Math.min(this.#bytes.length, at + lookAheadBytes)) {
      this.#from = Math.max(0, at - lookBackBytes);
      this.#to = Math.min(this.#bytes.length, at + 2 * lookAheadBytes);
      this.text = this.#bytes.toString('latin1', this.#from, this.#to);
    }
    return at - this.#from;
  }
}

export const findSecrets: Finder = (bytes, found) => {
  const around = new TextAround(bytes);
  markers.each(bytes, (shapes, at) => {
    const index = around.indexOf(at);
    for (const { head, add } of shapes) {
      head.lastIndex = index;
      const match = head.exec(around.text);
      const end = match === null ? -1 : add(bytes, at, at + match[0].length, match, found);
      if (end >= 0) return end;
    }
    return at + 1;
  });
  findUrlPasswords(bytes, found, secrets);
};
