/**
 * What the index of messages can say about a part of a message, whatever its case.
 *
 * Messages are cut by Lucene's standard tokenizer (Unicode word boundaries, UAX #29) and put in lower case. It never cuts inside a run of ASCII letters and
 * digits, so a run that a message holds stands in one of its tokens; whether it begins or ends one is known only where a character stands beside it
 * that always cuts.
 */

/** Characters that join what stands on their two sides in some cases, besides letters and digits: all of ASCII that UAX #29 has a rule for. */
const joining = '_.,:;\'"';
const alwaysCuts = new Set([...Array(128).keys()].map(code => String.fromCharCode(code)).filter(text => !/[A-Za-z0-9]/.test(text) && !joining.includes(text)));
/** The tokenizer cuts longer tokens into pieces. */
const tokenCharsMax = 255;
const maybeLongToken = new RegExp(`[^${[...alwaysCuts].map(text => `\\x${text.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')}]{${tokenCharsMax},}`);
/** The only characters beyond ASCII whose small letters hold one of ASCII. */
const foldsIntoAscii = /[\u0130\u212a]/;

/** False where a run that the message holds may stand in no token of it, or a token hold a run that the message does not. */
export function isIndexedAsRuns(message: string): boolean {
  return !foldsIntoAscii.test(message) && (message.length < tokenCharsMax || !maybeLongToken.test(message)) && message.isWellFormed();
}

/** A run in small letters, and whether it is the beginning or the end of its token. */
export interface Run {
  text: string;
  isStart: boolean;
  isEnd: boolean;
}

/** The runs of a part that is looked for; a message that holds the part has a token for each. */
export function runsOf(part: string): Run[] {
  const lower = part.toLowerCase();
  return [...lower.matchAll(/[a-z0-9]+/g)].map(({ 0: text, index }) => ({ text, isStart: index > 0 && alwaysCuts.has(lower[index - 1]!), isEnd: alwaysCuts.has(lower[index + text.length] ?? '') }));
}

/** True where a message holds the part if one of its tokens holds the run. */
export function isOneRun(part: string): boolean {
  return /^[A-Za-z0-9]+$/.test(part);
}
