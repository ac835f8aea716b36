/**
 * One form for all spellings of one id. Ids are stored as their line spelled them and compared, hashed and looked up in this form only; it is
 * never shown. What is the same id:
 *
 * - upper and lower case; space around it
 * - a UUID with and without dashes, in braces, or with OpenStack's `req-` before it
 * - a 128-bit hex id whose high half is zero, and its low half alone; hex with a few leading zeros cut off (Jaeger prints numbers)
 * - a 64-bit id in decimal (17 to 20 digits) and in hex; fewer digits could be either, so they stay as they are
 * - X-Ray's `1-5759e988-bd862e3fe1be46a994272793` and the same 32 hex digits
 * - a whole `traceparent` or single-header `b3`, or GCP's `projects/x/traces/HEX`, and the trace id in it
 * - a UUID before and after Envoy. Envoy writes its sampling decision (4, 9, a, b) over the version digit of the `x-request-id` it forwards, so that
 *   digit cannot tell ids apart and becomes 4. This happens to 32 hex digits without dashes too, else the two spellings of one UUID would part; but
 *   only where they look like a UUID (variant digit 8 to b, version 1 to b). Of random W3C ids one in six does, and is left with 124 exact bits of 128.
 *
 * What it cannot know: that Datadog's decimal id is the low half of a 128-bit id whose high half is not zero. A line with both, or with the half itself
 * (`_dd.p.tid`), proves it (`alias.ts`).
 * The form of a form is itself.
 */
export function canonicalId(value: string): string | null {
  // Most are hex or a UUID in small letters, and this is asked of every id of every line.
  if (isHexIn(value, 0, value.length)) return canonicalHex(value);
  if (value.length === uuidChars && isUuid(value)) return canonicalHex(value.slice(0, 8) + value.slice(9, 13) + value.slice(14, 18) + value.slice(19, 23) + value.slice(24));
  const text = value.trim().toLowerCase();
  if (hexOnly.test(text)) return canonicalHex(text);
  if (placeholders.has(text) || nothingButFiller.test(text)) return null;
  const last = text.length - 1;
  if (last > 1 && text.charCodeAt(0) === openingBrace && text.charCodeAt(last) === closingBrace) return canonicalId(text.slice(1, last));
  if (text.includes('-')) {
    const uuid = uuidShape.exec(text);
    if (uuid !== null) return canonicalHex(uuid[1]! + uuid[2]! + uuid[3]! + uuid[4]! + uuid[5]!);
    const xray = xrayShape.exec(text);
    if (xray !== null) return canonicalHex(xray[1]! + xray[2]!);
    const header = traceHeaderShape.exec(text);
    if (header !== null) return canonicalHex(header[1]!);
  }
  const cloudTrace = text.includes('/traces/') ? cloudTraceShape.exec(text) : null;
  if (cloudTrace !== null) return canonicalHex(cloudTrace[1]!);
  return text;
}

const uuidChars = 36;
const dash = 0x2d;

function isUuid(text: string): boolean {
  return text.charCodeAt(8) === dash && text.charCodeAt(13) === dash && text.charCodeAt(18) === dash && text.charCodeAt(23) === dash && isHexIn(text, 0, 8) && isHexIn(text, 9, 13) && isHexIn(text, 14, 18) && isHexIn(text, 19, 23) && isHexIn(text, 24, uuidChars);
}

/** Digits and small letters a to f, and something at all. */
function isHexIn(text: string, from: number, to: number): boolean {
  for (let index = from; index < to; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x30 || code > 0x66 || (code > 0x39 && code < 0x61)) return false;
  }
  return to > from;
}

const openingBrace = 0x7b;
const closingBrace = 0x7d;
const hexOnly = /^[0-9a-f]+$/;
const digitsOnly = /^[0-9]+$/;
const uuidShape = /^(?:req-)?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/;
const xrayShape = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/;
/** `version-trace-span-flags` of W3C, or `trace-span[-flag[-parent]]` of b3. */
const traceHeaderShape = /^(?:[0-9a-f]{2}-(?=[0-9a-f]{32}-[0-9a-f]{16}-))?([0-9a-f]{32}|[0-9a-f]{16})-[0-9a-f]{16}(?:-[0-9a-f]{1,2}(?:-[0-9a-f]{16})?)?$/;
const cloudTraceShape = /^projects\/[^/]+\/traces\/([0-9a-f]{32})$/;
/** Zeros, also in the shape of a UUID. */
const nothingButFiller = /^[0\-_.:]*$/;
const zeros = /^0+$/;

/** What programs write where they have no id. */
const placeholders = new Set(['null', 'undefined', 'none', 'unknown', 'nil', '<nil>', '(null)', '(none)', '<null>', 'n/a', 'na', 'nan', 'empty', 'true', 'false']);

/** True for what programs write where they have no id: nothing, `-`, zeros in any shape, `undefined`. Faster than asking for the form. */
export function isPlaceholderId(value: string): boolean {
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    // 0 - _ . : and space
    if (code !== 0x30 && code !== 0x2d && code !== 0x5f && code !== 0x2e && code !== 0x3a && code !== 0x20) return value.length <= placeholderCharsMax && placeholders.has(value.toLowerCase());
  }
  return true;
}

const placeholderCharsMax = Math.max(...[...placeholders].map(({ length }) => length));

const zeroHalf = '0000000000000000';
const version = 12;
const variant = 16;

function canonicalHex(hex: string): string | null {
  const { length } = hex;
  if (length === 16) return zeros.test(hex) ? null : hex;
  if (length === 32) {
    if (hex.startsWith(zeroHalf)) return canonicalHex(hex.slice(16));
    const isUuid = isBetween(hex, variant, '8', 'b') && isBetween(hex, version, '1', 'b');
    return isUuid ? `${hex.slice(0, version)}4${hex.slice(version + 1)}` : hex;
  }
  if (length >= 17 && length <= 20 && digitsOnly.test(hex)) {
    const number = BigInt(hex);
    if (number === 0n) return null;
    return number < 1n << 64n ? number.toString(16).padStart(16, '0') : hex;
  }
  // Digits alone are more likely a counter or a time than hex with its zeros cut off.
  if (length >= 13 && length <= 15 && !digitsOnly.test(hex)) return hex.padStart(16, '0');
  if (length >= 29 && length <= 31 && !digitsOnly.test(hex)) return canonicalHex(hex.padStart(32, '0'));
  return zeros.test(hex) || placeholders.has(hex) ? null : hex;
}

function isBetween(text: string, index: number, from: string, to: string): boolean {
  const code = text.charCodeAt(index);
  return code >= from.charCodeAt(0) && code <= to.charCodeAt(0);
}

/**
 * 53 bits, never negative, the same in every version: the store's index of ids is made of it. A hash finds candidates and the canonical form
 * decides. Two 32-bit lanes are fed each UTF-16 unit with different odd multipliers (FNV's prime and the golden ratio), then each is mixed with the
 * other (xor-shift and multiply), so that ids that differ in one digit land far apart. No defence against chosen collisions.
 */
export function idHash(canonical: string): number {
  let low = 0x811c9dc5;
  let high = 0x2545f491 ^ canonical.length;
  for (let index = 0; index < canonical.length; index++) {
    const unit = canonical.charCodeAt(index);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x9e3779b1);
    high ^= high >>> 15;
  }
  low = Math.imul(low ^ (low >>> 16) ^ high, 0x7feb352d);
  high = Math.imul(high ^ (high >>> 15) ^ low, 0x68e31da5);
  low = Math.imul(low ^ (low >>> 15) ^ (high >>> 7), 0x1b873593);
  low ^= low >>> 16;
  high ^= high >>> 13;
  return (high & 0x1fffff) * 0x1_0000_0000 + (low >>> 0);
}

/** Of all forms that an event is found by, each once. */
export function idHashesOf(ids: readonly { value: string }[]): Set<number> {
  const hashes = new Set<number>();
  for (const { value } of ids) {
    const canonical = canonicalId(value);
    if (canonical !== null) hashes.add(idHash(canonical));
  }
  return hashes;
}
