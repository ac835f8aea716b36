/**
 * An event as a document, and back, exactly. What people and their tools look for has its name of the Elastic Common Schema; what only we need stands
 * below `leadline`; the rest, unindexed, in `leadline.more`.
 */
import { isIP } from 'node:net';
import { canonicalId } from '../canonical-id.ts';
import { decodeUtf8, formatTimeNs, type EventGap, type EventId, type EventPart, type Fields, type FieldValue, type Level, type LogEvent, type Output, type Piece, type TimeSource } from '../event.ts';
import { readNumber } from '../query/quantity.ts';
import { indexedName, type NameBudget } from './field-names.ts';
import { isIndexedAsRuns } from './message-runs.ts';
import { keywordCharsMax } from './template.ts';

export interface EventDocument {
  '@timestamp': string;
  message: string;
  log?: { level: Level };
  service?: { name: string };
  container?: { name: string };
  kubernetes?: { namespace?: string; pod?: { name: string }; node?: { name: string } };
  error?: { type: string };
  trace?: { id: string };
  span?: { id: string };
  /** The line as text, where it is not the message. */
  event?: { original: string };
  fields?: Fields;
  numbers?: Record<string, number | number[]>;
  addresses?: Record<string, string | string[]>;
  leadline: {
    time_ns: string;
    time_source: TimeSource;
    source: string;
    chain: number;
    stream_id: string;
    offset: number;
    offset_end: number;
    gap_bytes?: number;
    gap_cause?: string;
    output?: Output;
    template?: string;
    ids?: string[];
    request?: string;
    null_fields?: string[];
    partly_indexed?: true;
    more?: More;
  };
}

interface More {
  /** Of a line that is not UTF-8. */
  raw_base64?: string;
  ids?: [kind: EventId['kind'], name: string, value: string][];
  request?: [id: string, source: string | null, confidence: number | null];
  /** Where it was found and how surely, without an id. */
  request_source?: string;
  confidence?: number;
  pieces?: Piece[];
  part?: EventPart;
  gap?: EventGap;
  /** Fields whose names or depth no index takes, as JSON: parsed by nobody on the way. */
  fields?: string;
}

/** Which names of fields have a place in `numbers` and `addresses`. */
export interface NameBudgets {
  numbers: NameBudget;
  addresses: NameBudget;
}

const fieldNameCharsMax = 256;
const arrayDepthMax = 8;
/** Beyond it two different numbers are one double. */
const exactMax = Number.MAX_SAFE_INTEGER;

export function eventToDocument(event: LogEvent, budgets: NameBudgets): EventDocument {
  const { timeNs, level, message, requestId, ids, gap, pieces } = event;
  const indexed = new IndexedFields(event.fields, budgets);
  const original = decodeUtf8(event.raw);
  const more: More = {};
  if (original === null) more.raw_base64 = Buffer.from(event.raw.buffer, event.raw.byteOffset, event.raw.byteLength).toString('base64');
  if (ids.length > 0) more.ids = ids.map(({ kind, name, value }) => [kind, name, value]);
  if (requestId !== null) more.request = [requestId, event.requestIdSource, event.confidence];
  else {
    if (event.requestIdSource !== null) more.request_source = event.requestIdSource;
    if (event.confidence !== null) more.confidence = event.confidence;
  }
  if (pieces.length !== 1 || pieces[0]!.from !== event.streamOffset || pieces[0]!.to !== event.streamOffsetEnd) more.pieces = pieces;
  if (event.part !== null) more.part = event.part;
  if (gap !== null) more.gap = gap;
  if (indexed.irregular !== null) more.fields = JSON.stringify(indexed.irregular);
  const isPartlyIndexed = indexed.isPartly || timeNs < 0n || !isIndexedAsRuns(message) || !areIndexable(event) || (gap !== null && !isIndexable(gap.cause));
  // Member by member: this runs for every event, and joining objects takes several times as long.
  const document = { '@timestamp': formatTimeNs(timeNs < 0n ? 0n : timeNs), message } as EventDocument;
  if (level !== null) document.log = { level };
  if (event.service !== null) document.service = { name: event.service };
  if (event.container !== null) document.container = { name: event.container };
  const { namespace, pod, node } = event;
  if (namespace !== null || pod !== null || node !== null) {
    const kubernetes: EventDocument['kubernetes'] = {};
    if (namespace !== null) kubernetes.namespace = namespace;
    if (pod !== null) kubernetes.pod = { name: pod };
    if (node !== null) kubernetes.node = { name: node };
    document.kubernetes = kubernetes;
  }
  if (event.exceptionType !== null) document.error = { type: event.exceptionType };
  const leadline: EventDocument['leadline'] = {
    time_ns: timeNs.toString(),
    time_source: event.timeSource,
    source: event.source,
    chain: event.chainPosition ?? 0,
    stream_id: event.streamId,
    offset: event.streamOffset,
    offset_end: event.streamOffsetEnd,
  };
  const lookedUp: string[] = [];
  for (const { kind, value } of ids) {
    if (kind === 'trace') document.trace ??= { id: value };
    else if (kind === 'span') document.span ??= { id: value };
    const form = lookUpForm(value);
    if (form !== null && !lookedUp.includes(form)) lookedUp.push(form);
  }
  if (original !== null && original !== message) document.event = { original };
  if (indexed.regular !== null) document.fields = indexed.regular;
  if (indexed.numbers !== null) document.numbers = indexed.numbers;
  if (indexed.addresses !== null) document.addresses = indexed.addresses;
  if (gap !== null) {
    leadline.gap_bytes = gap.bytes;
    leadline.gap_cause = gap.cause;
  }
  if (event.output !== null) leadline.output = event.output;
  if (event.template !== null) leadline.template = event.template;
  if (lookedUp.length > 0) leadline.ids = lookedUp;
  const canonicalRequest = requestId === null ? null : lookUpForm(requestId);
  if (canonicalRequest !== null) leadline.request = canonicalRequest;
  if (indexed.nullFields.length > 0) leadline.null_fields = indexed.nullFields;
  if (isPartlyIndexed) leadline.partly_indexed = true;
  if (!isEmptyObject(more)) leadline.more = more;
  document.leadline = leadline;
  return document;
}

/** @param eventId the document's `_id` */
export function documentToEvent(eventId: string, document: EventDocument): LogEvent {
  const { leadline } = document;
  const more = leadline.more ?? {};
  const raw = more.raw_base64 !== undefined ? Buffer.from(more.raw_base64, 'base64') : Buffer.from(document.event?.original ?? document.message);
  const irregular = more.fields === undefined ? null : (JSON.parse(more.fields) as Fields);
  const fields = document.fields ?? {};
  return {
    eventId,
    timeNs: BigInt(leadline.time_ns),
    timeSource: leadline.time_source,
    service: document.service?.name ?? null,
    container: document.container?.name ?? null,
    pod: document.kubernetes?.pod?.name ?? null,
    namespace: document.kubernetes?.namespace ?? null,
    node: document.kubernetes?.node?.name ?? null,
    level: document.log?.level ?? null,
    message: document.message,
    raw,
    // Not assigned: a field may be called `__proto__`.
    fields: irregular === null ? fields : Object.fromEntries([...Object.entries(fields), ...Object.entries(irregular)]),
    requestId: more.request?.[0] ?? null,
    requestIdSource: more.request === undefined ? (more.request_source ?? null) : more.request[1],
    confidence: more.request === undefined ? (more.confidence ?? null) : more.request[2],
    ids: (more.ids ?? []).map(([kind, name, value]) => ({ kind, name, value })),
    source: leadline.source,
    streamId: leadline.stream_id,
    streamOffset: leadline.offset,
    streamOffsetEnd: leadline.offset_end,
    pieces: more.pieces ?? [{ from: leadline.offset, to: leadline.offset_end }],
    output: leadline.output ?? null,
    part: more.part ?? null,
    gap: more.gap ?? null,
    exceptionType: document.error?.type ?? null,
    template: leadline.template ?? null,
    chainPosition: leadline.chain,
  };
}

/** An id as it is looked up: its canonical form, of which no index takes more than this. Two that begin alike for so long are told apart by reading. */
export function lookUpForm(id: string): string | null {
  return cutForLookUp(canonicalId(id));
}

export function cutForLookUp(canonical: string | null): string | null {
  return canonical === null ? null : canonical.slice(0, keywordCharsMax);
}

/** True where a text stands in the index as it is. */
function isIndexable(text: string | null): boolean {
  return text === null || (text.length <= keywordCharsMax && text.isWellFormed());
}

function areIndexable({ source, service, container, namespace, pod, node, exceptionType, template }: LogEvent): boolean {
  return isIndexable(source) && isIndexable(service) && isIndexable(container) && isIndexable(namespace) && isIndexable(pod) && isIndexable(node) && isIndexable(exceptionType) && isIndexable(template);
}

function isEmptyObject(object: object): boolean {
  for (const name in object) if (Object.hasOwn(object, name)) return false;
  return true;
}

/** Fields as they can be indexed: by name and text, by number, by address. */
class IndexedFields {
  regular: Fields | null = null;
  irregular: Fields | null = null;
  numbers: Record<string, number | number[]> | null = null;
  addresses: Record<string, string | string[]> | null = null;
  readonly nullFields: string[] = [];
  isPartly = false;

  constructor(fields: Fields, budgets: NameBudgets) {
    const irregular: [string, FieldValue][] = [];
    const names = Object.keys(fields);
    for (const name of names) {
      const value = fields[name]!;
      if (!isRegularName(name) || !this.isRegular(value, 0)) {
        irregular.push([name, value]);
        continue;
      }
      if (holdsNull(value)) this.nullFields.push(name);
      else if (Array.isArray(value) && isEmpty(value)) this.isPartly = true;
      const short = indexedName(name);
      if (short === null) continue;
      const numbers = allOf(value, numberOf);
      if (numbers !== null && budgets.numbers.admits(short)) (this.numbers ??= {})[short] = numbers;
      else if (numbers === null && typeof value !== 'number') {
        const addresses = allOf(value, addressOf);
        if (addresses !== null && budgets.addresses.admits(short)) (this.addresses ??= {})[short] = addresses;
      }
    }
    if (irregular.length > 0) {
      this.isPartly = true;
      this.irregular = Object.fromEntries(irregular);
      const left = new Set(irregular.map(([name]) => name));
      if (left.size < names.length) this.regular = Object.fromEntries(Object.entries(fields).filter(([name]) => !left.has(name)));
    } else if (names.length > 0) this.regular = fields;
  }

  private isRegular(value: FieldValue, depth: number): boolean {
    if (typeof value === 'string') {
      // A long text is not indexed, and OpenSearch would refuse the whole document for it.
      if (value.length > keywordCharsMax) return false;
      if (!value.isWellFormed()) this.isPartly = true;
      return true;
    }
    return !Array.isArray(value) || (depth < arrayDepthMax && value.every(member => this.isRegular(member, depth + 1)));
  }
}

function isRegularName(name: string): boolean {
  return name.length <= fieldNameCharsMax && name.trim() !== '' && name !== '__proto__' && !name.includes('\0') && name.isWellFormed();
}

function holdsNull(value: FieldValue): boolean {
  return value === null || (Array.isArray(value) && value.some(holdsNull));
}

/** Nothing of it stands in the index. */
function isEmpty(value: FieldValue): boolean {
  return Array.isArray(value) && value.every(isEmpty);
}

/** What every member is, in one list; null where one is something else, or there is none. */
function allOf<T>(value: FieldValue, read: (value: string | number) => T | null): T | T[] | null {
  if (!Array.isArray(value)) return typeof value === 'string' || typeof value === 'number' ? read(value) : null;
  const found: T[] = [];
  for (const member of value) {
    const one = typeof member === 'string' || typeof member === 'number' ? read(member) : null;
    if (one === null) return null;
    found.push(one);
  }
  return found.length === 0 ? null : found;
}

const beginsNumber = /^[\d.+-]/;
/** What every address begins with, its brackets included; most texts do not, and the test for one is long. */
const beginsAddress = /^(?:\d{1,3}\.\d|\[|[0-9a-fA-F]{0,4}:)/;

function numberOf(value: string | number): number | null {
  const number = typeof value === 'number' ? value : beginsNumber.test(value) ? readNumber(value) : null;
  return number === null || Math.abs(number) > exactMax ? null : number;
}

const withPort = /^(?:(\d+\.\d+\.\d+\.\d+)|\[([0-9a-fA-F.:]+)\]):\d{1,5}$/;
const addressCharsMax = 64;

/** An address, its port left out. One with a zone no index takes. */
function addressOf(value: string | number): string | null {
  if (typeof value !== 'string' || value.length > addressCharsMax || !beginsAddress.test(value) || value.includes('%')) return null;
  if (isIP(value) !== 0) return value;
  const found = withPort.exec(value);
  const address = found?.[1] ?? found?.[2];
  return address !== undefined && isIP(address) !== 0 ? address : null;
}
