/**
 * Card numbers: 13 to 19 digits with a valid checksum (Luhn) and the beginning and length of a known issuer, alone or in the groups that are
 * printed on cards, between spaces or dashes.
 *
 * Ids and times are numbers too. They are told apart by what stands around them (letters, dots, dashes, a sign) and before them (a name such as
 * `span_id`); epoch times begin with a 1 until 2033, which no issuer has. A number of 19 digits without groups is more often an id than a card.
 */
import { digits, followsEscape, wordBytes } from './redact-bytes.ts';
import type { Finder, Kind } from './redact-found.ts';

const digitsMin = 13;
const digitsMax = 19;
/** Thirteen digits in a row cover one of two neighbouring bytes out of fourteen; a card in groups is longer, and never has two bytes between digits. */
const stride = digitsMin + 1;
const contextBytes = 48;
const space = 32;
const dash = 45;
const dot = 46;
const plus = 43;
const percent = 37;
const colon = 58;
const newline = 10;

export const cards: Kind = { name: 'cards', narrows: false, canonical: value => value.filter(byte => digits[byte] === 1) as Buffer };

interface Issuer {
  /** First digits, `[from, to]` of equal length. */
  from: string;
  to: string;
  lengths: readonly number[];
}

const upTo19 = [16, 17, 18, 19];
const issuers: readonly Issuer[] = [
  { from: '4', to: '4', lengths: [13, 16, 19] }, // Visa
  { from: '51', to: '55', lengths: [16] }, // Mastercard
  { from: '2221', to: '2720', lengths: [16] },
  { from: '34', to: '34', lengths: [15] }, // American Express
  { from: '37', to: '37', lengths: [15] },
  { from: '300', to: '305', lengths: [14, 16] }, // Diners Club
  { from: '36', to: '36', lengths: [14, 16] },
  { from: '38', to: '39', lengths: [14, 16] },
  { from: '6011', to: '6011', lengths: upTo19 }, // Discover
  { from: '644', to: '659', lengths: upTo19 },
  { from: '3528', to: '3589', lengths: upTo19 }, // JCB
  { from: '62', to: '62', lengths: upTo19 }, // UnionPay
  { from: '81', to: '81', lengths: upTo19 },
  { from: '2200', to: '2204', lengths: upTo19 }, // Mir
  { from: '5018', to: '5018', lengths: upTo19 }, // Maestro
  { from: '5020', to: '5020', lengths: upTo19 },
  { from: '5038', to: '5038', lengths: upTo19 },
  { from: '5893', to: '5893', lengths: upTo19 },
  { from: '6304', to: '6304', lengths: upTo19 },
  { from: '6759', to: '6763', lengths: upTo19 },
  { from: '508', to: '508', lengths: [16] }, // RuPay
  { from: '6521', to: '6522', lengths: [16] },
];
/** Lengths of the groups that cards are printed in. */
const groupings: readonly (readonly number[])[] = [[4, 4, 4, 4, 3], [4, 4, 4, 4], [4, 6, 5], [4, 6, 4]];

function isIssued(number: string): boolean {
  return issuers.some(({ from, to, lengths }) => lengths.includes(number.length) && number.slice(0, from.length) >= from && number.slice(0, from.length) <= to);
}

function passesLuhn(number: string): boolean {
  let sum = 0;
  for (let index = 0; index < number.length; index += 1) {
    const digit = number.charCodeAt(number.length - 1 - index) - 48;
    const weighed = index % 2 === 0 ? digit : digit * 2;
    sum += weighed > 9 ? weighed - 9 : weighed;
  }
  return sum % 10 === 0;
}

/** Names whose value is a number that is no card. */
const idNamed = /(?:(?:trace|span|parent)(?:[_.-]?id)?|(?:req(?:uest)?|correlation|event|message|transaction|session|thread|process|user)[_.-]?id|offset|seq(?:uence)?|nanos?|time(?:stamp)?|ts|size|bytes|duration|count|uuid)["'\\]{0,8}[ \t]{0,4}(?:[:=]|=>)?[ \t]{0,4}["'\\]{0,8}$/i;
const cardNamed = /(?:card|acct|account|(?<![a-z])(?:pan|cc))[\w .-]{0,16}["'\\]{0,8}[ \t]{0,4}(?:[:=]|=>)?[ \t]{0,4}["'\\]{0,8}$/i;

function isCard(bytes: Buffer, from: number, to: number, number: string, grouped: boolean): boolean {
  if (!isIssued(number) || !passesLuhn(number)) return false;
  // Between colons with more behind them: a span in `trace:span:parent:flags`.
  if (bytes[from - 1] === colon && bytes[to] === colon && wordBytes[bytes[to + 1] ?? newline] === 1) return false;
  const before = bytes.toString('latin1', Math.max(0, from - contextBytes), from);
  return !idNamed.test(before) && (grouped || number.length < digitsMax || cardNamed.test(before));
}

/** Adds the cards among the groups of digits of the run `[from, to)`, which has single spaces or dashes between them. */
function addCardsOf(bytes: Buffer, from: number, to: number, add: (from: number, to: number) => void): void {
  const text = bytes.toString('latin1', from, to);
  const starts = [0];
  for (let at = 0; at < text.length; at += 1) if (digits[text.charCodeAt(at)] === 0) starts.push(at + 1);
  const endOf = (group: number): number => (group + 1 < starts.length ? starts[group + 1]! - 1 : text.length);
  const startsClean = (group: number): boolean => (group > 0 ? text.charCodeAt(starts[group]! - 1) === space : isEdgeBefore(bytes, from));
  const endsClean = (group: number): boolean => (group + 1 < starts.length ? text.charCodeAt(endOf(group)) === space : isEdgeAfter(bytes, to));
  for (let group = 0; group < starts.length; ) {
    const taken = startsClean(group) ? groupsOfCard(group) : 0;
    if (taken > 0) add(from + starts[group]!, from + endOf(group + taken - 1));
    group += Math.max(1, taken);
  }

  /** How many groups from this one on are a card, or 0. */
  function groupsOfCard(first: number): number {
    const alone = text.slice(starts[first], endOf(first));
    if (alone.length >= digitsMin) return alone.length <= digitsMax && endsClean(first) && isCard(bytes, from + starts[first]!, from + endOf(first), alone, false) ? 1 : 0;
    for (const lengths of groupings) {
      const last = first + lengths.length - 1;
      if (last >= starts.length || !endsClean(last)) continue;
      const between = text.charAt(endOf(first));
      if (!lengths.every((length, index) => endOf(first + index) - starts[first + index]! === length && (first + index === last || text.charAt(endOf(first + index)) === between))) continue;
      if (isCard(bytes, from + starts[first]!, from + endOf(last), text.slice(starts[first], endOf(last)).replaceAll(between, ''), true)) return lengths.length;
    }
    return 0;
  }
}

/** Nothing stands before that makes the digits a part of something else: a word, a fraction, a signed number, a longer id. */
function isEdgeBefore(bytes: Buffer, from: number): boolean {
  if (from === 0 || followsEscape(bytes, from) || bytes[from - 3] === percent) return true;
  const before = bytes[from - 1]!;
  return wordBytes[before] === 0 && before !== dash && before !== dot && before !== plus;
}

function isEdgeAfter(bytes: Buffer, to: number): boolean {
  const after = bytes[to] ?? newline;
  if (wordBytes[after] === 1 || after === dash) return false;
  return after !== dot || wordBytes[bytes[to + 1] ?? newline] === 0;
}

export const findCards: Finder = (bytes, found) => {
  const isDigit = digits;
  const end = bytes.length;
  const add = (from: number, to: number): void => found.add(from, to, cards);
  let done = 0; // everything before it was looked at
  for (let at = 0; at < end; at += stride) {
    if (isDigit[bytes[at]!] === 0 && (at + 1 >= end || isDigit[bytes[at + 1]!] === 0)) continue;
    let from = isDigit[bytes[at]!] === 1 ? at : at + 1;
    let to = from + 1;
    while (from > done && (isDigit[bytes[from - 1]!] === 1 || (from - 1 > done && isDigit[bytes[from - 2]!] === 1 && isBetween(bytes[from - 1]!)))) from -= 1;
    while (to < end && (isDigit[bytes[to]!] === 1 || (to + 1 < end && isDigit[bytes[to + 1]!] === 1 && isBetween(bytes[to]!)))) to += 1;
    // In a URL the two digits behind a percent sign stand for another character.
    if (bytes[from - 1] === percent && to - from > digitsMin + 2) from += 2;
    if (to - from >= digitsMin) addCardsOf(bytes, from, to, add);
    done = to;
    // The next pair that may meet a card behind this run.
    if (to > at) at = to - stride;
  }
};

const isBetween = (byte: number): boolean => byte === space || byte === dash;
