/**
 * The ids of one line: from fields by their names, and from text by labels (`TraceID: ...`, `request_id=...`, `traceparent: ...`) and by the two
 * forms that need no label (a W3C traceparent, OpenStack's `req-` and a UUID). No rule knows a service, and none guesses from a bare value.
 */
import { canonicalId, isPlaceholderId } from '#schemas/canonical-id.ts';
import { groupingIdKinds, linkingIdKinds, type EventId, type FieldValue, type IdKind } from '#schemas/event.ts';
import { rolesOfName } from '../fields/roles.ts';
import type { OwnPattern } from './own-rules.ts';
import type { IdRule } from './rule.ts';

const idCharsMin = 4;
const idCharsMax = 300;
/** More ids than this on one line are left out: such a line is a listing, not part of a request. */
const idsPerLineMax = 64;

const ranks = new Map<IdKind, number>([...linkingIdKinds, ...groupingIdKinds].map((kind, rank) => [kind, rank]));
const rankOf = (kind: IdKind): number => ranks.get(kind)!;

type FoundIn = 'field' | 'header' | 'text';

const spanRank = rankOf('span');

/** Of two ids with the same kind and meaning the first that was found stays. */
export class IdList {
  /** By kind, strongest first; in the order they were found among equals. */
  ids: EventId[] = [];
  /** The strongest of trace, request and correlation, the first found among equals. */
  requestId: string | null = null;
  /** `field:NAME`, `header:NAME` or `text:NAME`. */
  requestIdSource: string | null = null;
  /** Of a trace id whose low half stands elsewhere on the line: Datadog's `_dd.p.tid`. */
  highHalf: string | null = null;
  private strongestRank = spanRank;

  add(kind: IdKind, name: string, value: string, foundIn: FoundIn): void {
    const { ids } = this;
    if (ids.length >= idsPerLineMax) return;
    let canonical: string | null = null;
    for (const known of ids) {
      if (known.kind !== kind) continue;
      if (known.value === value) return;
      canonical ??= canonicalId(value);
      if (canonicalId(known.value) === canonical) return;
    }
    const id = { kind, name, value };
    const rank = rankOf(kind);
    let at = ids.length;
    while (at > 0 && rankOf(ids[at - 1]!.kind) > rank) at--;
    // Few in a list of just that size: the engine makes room for seventeen at the first that is pushed.
    if (ids.length === 0) this.ids = [id];
    else if (ids.length === 1) this.ids = at === 1 ? [ids[0]!, id] : [id, ids[0]!];
    else if (ids.length === 2) this.ids = at === 2 ? [ids[0]!, ids[1]!, id] : at === 1 ? [ids[0]!, id, ids[1]!] : [id, ids[0]!, ids[1]!];
    else ids.splice(at, 0, id);
    if (rank >= this.strongestRank) return;
    this.strongestRank = rank;
    this.requestId = value;
    this.requestIdSource = `${foundIn}:${name}`;
  }

  /** After the last. */
  finish(): void {
    const { highHalf } = this;
    if (highHalf === null) return;
    this.highHalf = null;
    for (const { kind, name, value } of this.ids) {
      const low = kind === 'trace' ? canonicalId(value) : null;
      if (low?.length !== 16) continue;
      this.add('trace', name, highHalf + low, 'field');
      return;
    }
  }
}

/** Takes the id out of a field whose name has a rule. Of an array (a header given twice) each member is one. */
export function addIdsOfField(list: IdList, rule: IdRule, name: string, value: FieldValue): void {
  if (typeof value === 'string') addId(list, rule, name, value, rule.isHeader ? 'header' : 'field');
  else if (typeof value === 'number') addId(list, rule, name, String(value), rule.isHeader ? 'header' : 'field');
  else if (Array.isArray(value)) for (const member of value.slice(0, 8)) if (!Array.isArray(member)) addIdsOfField(list, rule, name, member);
}

const traceparentShape = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-|$)/i;
const b3Shape = /^([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(?:-[01d](?:-[0-9a-f]{16})?)?$/i;
const uberShape = /^([0-9a-f]{1,32})(?::|%3A)([0-9a-f]{1,16})(?::|%3A)[0-9a-f]{1,16}(?::|%3A)[0-9a-f]{1,2}$/i;
/** Under a name that says less than `uber-trace-id`. */
const longUberShape = /^([0-9a-f]{16}|[0-9a-f]{32}):([0-9a-f]{16}):[0-9a-f]{1,16}:[0-9a-f]{1,2}$/i;
const xrayRoot = /(?:^|;) ?(?:Root|Self)=(1-[0-9a-f]{8}-[0-9a-f]{24})/i;
const xrayParent = /(?:^|;) ?Parent=([0-9a-f]{16})/i;
const xrayBare = /^1-[0-9a-f]{8}-[0-9a-f]{24}$/i;
const cloudTraceShape = /^([0-9a-f]{32})(?:\/([0-9]{1,20}))?(?:;.*)?$/i;
const hex16Shape = /^[0-9a-f]{16}$/i;
/** Azure's `|trace.span_1.` under `Request-Id`. */
const hierarchicalShape = /^\|([0-9a-f]{32})\.([0-9a-f]{16})[_.]/i;
const tracePathShape = /^(?:projects\/[^/]+\/traces\/)?([0-9a-f]{32})$/i;
const uuidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function addId(list: IdList, rule: IdRule, name: string, value: string, foundIn: FoundIn): void {
  switch (rule.shape) {
    case 'plain':
      if (value.startsWith('|') && hierarchicalShape.test(value)) addPair(list, name, hierarchicalShape.exec(value), foundIn);
      else if (isId(value)) list.add(rule.kind, name, value, foundIn);
      break;
    case 'highHalf':
      if (hex16Shape.test(value) && !isPlaceholderId(value)) list.highHalf = value.toLowerCase();
      break;
    case 'hex16':
      if (hex16Shape.test(value)) addSpan(list, name, value, foundIn);
      break;
    case 'hex':
      if (isHex(value) || (value.includes('-') && (uuidShape.test(value) || xrayBare.test(value)))) {
        if (!isPlaceholderId(value)) list.add(rule.kind, name, value, foundIn);
      } else if (rule.kind === 'trace') {
        addPair(list, name, traceparentShape.exec(value) ?? tracePathShape.exec(value), foundIn);
      }
      break;
    case 'traceparent':
      addPair(list, name, traceparentShape.exec(value), foundIn, true);
      break;
    case 'b3':
      addPair(list, name, b3Shape.exec(value), foundIn, true);
      break;
    case 'uber':
      addPair(list, name, uberShape.exec(value), foundIn);
      break;
    case 'xray':
      if (xrayBare.test(value)) list.add('trace', name, value, foundIn);
      else addPair(list, name, xrayRoot.exec(value), foundIn);
      addSpan(list, name, xrayParent.exec(value)?.[1], foundIn);
      break;
    case 'cloudTrace':
      addPair(list, name, cloudTraceShape.exec(value), foundIn);
      break;
    case 'tracePath':
      addPair(list, name, tracePathShape.exec(value) ?? longUberShape.exec(value), foundIn);
  }
}

/** `match` holds a trace id and, with some shapes, a span id. Strict forms are no id at all where either is zero. */
function addPair(list: IdList, name: string, match: RegExpExecArray | null, foundIn: FoundIn, strict = false): void {
  if (match === null) return;
  const span = match[2];
  if (isPlaceholderId(match[1]!) || (strict && (span === undefined || isPlaceholderId(span)))) return;
  list.add('trace', name, match[1]!, foundIn);
  addSpan(list, name, span, foundIn);
}

function addSpan(list: IdList, name: string, span: string | undefined, foundIn: FoundIn): void {
  if (span !== undefined && !isPlaceholderId(span)) list.add('span', name, span, foundIn);
}

function isId(value: string): boolean {
  return value.length >= idCharsMin && value.length <= idCharsMax && !hasSpace(value) && !isPlaceholderId(value);
}

function hasSpace(value: string): boolean {
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code <= 0x20 || code === 0xa0 || code === 0x2028 || code === 0x3000) return true;
  }
  return false;
}

/** 4 to 32 hex or decimal digits. */
function isHex(value: string): boolean {
  if (value.length < idCharsMin || value.length > 32) return false;
  for (let index = 0; index < value.length; index++) if (!isOf(value.charCodeAt(index), hexDigit)) return false;
  return true;
}

// What a character may be, one bit each: text is scanned by code, since this runs on every line.
const hexDigit = 1;
const ofName = 2;
const beforeName = 4;
const endsValue = 8;
/** Last letters of what names an id: `id`, `traceparent`, `b3`, `session`, `context`; for `trace` and `ray`, whose letters end many words, see `endsRarer`. */
const endsName = 16;
const classes = new Uint8Array(128);
const mark = (characters: string, bit: number): void => {
  for (const character of characters) classes[character.charCodeAt(0)]! |= bit;
};
mark('0123456789abcdefABCDEF', hexDigit);
mark('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/@', ofName);
mark('"\'[(<{', beforeName);
mark('\t\n\v\f\r "\'`,;<>()[]{}|&\\', endsValue);
mark('dDtTnN3', endsName);

function isOf(code: number, bit: number): boolean {
  return code < 128 && (classes[code]! & bit) !== 0;
}

const greater = 0x3e;
const nameCharsMax = 64;

const bareTraceparent = /(?<![0-9a-zA-Z-])00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?![0-9a-zA-Z-])/gi;
const bareOpenStack = /(?<![0-9a-zA-Z-])req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-zA-Z-])/gi;

/** Adds the ids that stand in text. The caller bounds the text; the work is linear in it. */
export function addIdsOfText(list: IdList, text: string): void {
  // Separators are rare, and the built-in search for one character is many times faster than looking at each.
  for (const separator of [':', '=']) {
    for (let at = text.indexOf(separator, 1); at >= 0 && list.ids.length < idsPerLineMax; at = text.indexOf(separator, at + 1)) addLabelled(list, text, at);
  }
  if (text.includes('00-')) {
    for (const match of text.matchAll(bareTraceparent)) addPair(list, 'traceparent', traceparentShape.exec(match[0]), 'header', true);
  }
  if (text.includes('req-')) {
    for (const match of text.matchAll(bareOpenStack)) if (isId(match[0])) list.add('request', 'req', match[0], 'text');
  }
  if (ownPatterns.length > 0) addIdsOfOwnPatterns(list, text);
}

let ownPatterns: readonly OwnPattern[] = [];
let kindOfOwnGroup: (group: string) => IdKind | null = () => null;

/** The user's own patterns; called by `own-rules.ts` alone. */
export function setOwnPatterns(patterns: readonly OwnPattern[], kindOfGroup: (group: string) => IdKind | null): void {
  ownPatterns = patterns;
  kindOfOwnGroup = kindOfGroup;
}

/** Labels may end in the last letters of the user's own names from now on; called by `own-rules.ts` alone. */
export function setOwnNames(names: readonly string[]): void {
  mark(names.map(name => name.at(-1)!).filter(letter => letter.charCodeAt(0) < 128).flatMap(letter => [letter.toLowerCase(), letter.toUpperCase()]).join(''), endsName);
}

function addIdsOfOwnPatterns(list: IdList, text: string): void {
  for (const { regex, literal } of ownPatterns) {
    if (literal !== '' && !text.includes(literal)) continue;
    const groups = regex.groupsOf(text);
    if (groups === null) continue;
    for (const [group, value] of Object.entries(groups)) {
      const kind = kindOfOwnGroup(group);
      if (kind !== null && value !== null && isId(value)) list.add(kind, group, value, 'text');
    }
  }
}

/** `separator` is the index of a `:` or `=`. Before it may stand a label of an id, with a quote or spaces between; behind it then stands the id. */
function addLabelled(list: IdList, text: string, separator: number): void {
  let end = separator;
  while (end > separator - 3 && isSpace(text.charCodeAt(end - 1))) end--;
  if (text.charCodeAt(end - 1) === 0x22 || text.charCodeAt(end - 1) === 0x27) end--;
  if (end <= 0 || (!isOf(text.charCodeAt(end - 1), endsName) && !endsRarer(text, end))) return;
  const name = nameEndingAt(text, end);
  if (name === null) return;
  const { id: rule } = rolesOfName(name);
  if (rule === null) return;
  let start = separator + 1;
  if (text.charCodeAt(start) === greater) start++;
  while (start < separator + 4 && isSpace(text.charCodeAt(start))) start++;
  addId(list, rule, name, valueAt(text, start, rule), rule.isHeader ? 'header' : 'text');
}

/** `...ce` or `...ay`. */
function endsRarer(text: string, end: number): boolean {
  const last = text.charCodeAt(end - 1) | 0x20;
  const before = text.charCodeAt(end - 2) | 0x20;
  return (last === 0x65 && before === 0x63) || (last === 0x79 && before === 0x61);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The label that ends before `end`: `trace_id`, `http.req.id`, or `Request ID`, two words with a space. Null where it is too long for one. */
function nameEndingAt(text: string, end: number): string | null {
  const first = Math.max(0, end - nameCharsMax);
  let start = end;
  while (start > first && isOf(text.charCodeAt(start - 1), ofName)) start--;
  if (end - start === 2 && (text.charCodeAt(start) | 0x20) === 0x69 && text.charCodeAt(start - 1) === 0x20) {
    let wordStart = start - 1;
    while (wordStart > first && isOf(text.charCodeAt(wordStart - 1), ofName)) wordStart--;
    if (wordStart < start - 1) start = wordStart;
  }
  while (start < end && !isLetter(text.charCodeAt(start))) start++;
  return start === first && start > 0 ? null : text.slice(start, end);
}

function isLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

function valueAt(text: string, at: number, rule: IdRule): string {
  let start = at;
  while (start < at + 2 && isOf(text.charCodeAt(start), beforeName)) start++;
  if (rule.shape === 'plain' && text.charCodeAt(start) === 0x7c) {
    const hierarchical = hierarchicalShape.exec(text.slice(start, start + 80));
    if (hierarchical !== null) return hierarchical[0];
  }
  const last = Math.min(text.length, start + idCharsMax + 1);
  // The X-Ray and Google headers hold `;` themselves.
  const keepsSemicolons = rule.shape === 'xray' || rule.shape === 'cloudTrace';
  let end = start;
  for (let code = text.charCodeAt(end); end < last && (!isOf(code, endsValue) || (keepsSemicolons && code === 0x3b)); code = text.charCodeAt(++end));
  // The end of the sentence is not the id's.
  while (end > start && '.:!?'.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}
