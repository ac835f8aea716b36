/**
 * All lines that were read around a request, by columns: when and where each was written, whose it is by its own ids, and which lines name a value.
 * Of the few that are looked at more closely a `WindowLine` is made.
 */
import { idRank } from '#schemas/alias.ts';
import type { IdKind } from '#schemas/event.ts';
import type { LineColumns, WindowPart } from '#schemas/store.ts';
import { WindowLine, wordingOf } from './window-line.ts';

export interface RootId {
  canonical: string;
  kind: IdKind;
}

/** Ids are looked up no further from one that owns another. */
const ownersMax = 4;
const unknown = -1;
const several = -2;
const halfTraceChars = 16;

/** Bits by which most tokens that nobody asked for are passed over. */
const sieveBits = 16;

export class WindowColumns {
  readonly length: number;
  /** Since the epoch. */
  readonly ms: Float64Array;
  /** Number of the source. */
  readonly lane: Int32Array;
  /** Number of the request that the line's own ids name, or -1. */
  readonly request: Int32Array;
  readonly requests: readonly { canonical: string; kind: IdKind | null }[];
  readonly lanes: number;
  /** Number of the message as the store counts it, the same for all lines of one kind; -1 where it has none. */
  readonly template: Int32Array;
  readonly templates: readonly string[];
  /** Of the request that is asked for. */
  readonly own = 0;
  /** Every line that lies no further from one of the request's is there. */
  readonly reachMs: number;
  private readonly parts: { part: WindowPart; columns: LineColumns }[] = [];
  private readonly partOf: Uint32Array;
  private readonly row: Uint32Array;
  private readonly lines = new Map<number, WindowLine>();
  /** Wordings by number, and that of each template. */
  private readonly wordings = new Map<string, number>();
  private readonly wordingOf: Int32Array;

  /** @param rootIds canonical forms of the ids that are known to be the request's @param root its strongest @param reachMs how far around its lines was read */
  constructor(parts: readonly WindowPart[], rootIds: ReadonlySet<string>, root: RootId, reachMs: number) {
    this.reachMs = reachMs;
    let most = 0;
    for (const { rows } of parts) most += rows.length;
    this.ms = new Float64Array(most);
    this.lane = new Int32Array(most);
    this.partOf = new Uint32Array(most);
    this.row = new Uint32Array(most);
    this.request = new Int32Array(most).fill(unknown);
    const ids = new WindowIds(rootIds, root);
    this.template = new Int32Array(most);
    const lanes = new Map<string, number>();
    const templates = new Map<string, number>();
    let length = 0;
    for (const part of parts) {
      const columns = part.columns();
      const laneOf = columns.sources.map(source => numbered(lanes, source));
      const templateOf = columns.templates.map(template => (template === null ? unknown : numbered(templates, template)));
      const numberOf = ids.of(columns);
      for (const row of part.rows) {
        if (columns.isLine[row] === 0) continue;
        this.ms[length] = columns.ms[row]!;
        this.lane[length] = laneOf[columns.source[row]!]!;
        this.template[length] = templateOf[columns.template[row]!]!;
        this.partOf[length] = this.parts.length;
        this.row[length] = row;
        this.request[length] = numberOf(row);
        length += 1;
      }
      this.parts.push({ part, columns });
    }
    this.length = length;
    this.lanes = lanes.size;
    this.templates = [...templates.keys()];
    this.wordingOf = Int32Array.from(this.templates, template => numbered(this.wordings, wordingOf(template)));
    const wholeOf = ids.owners();
    for (let index = 0; index < length; index++) if (this.request[index]! >= 0) this.request[index] = wholeOf[this.request[index]!]!;
    this.requests = ids.requests;
  }

  line(index: number): WindowLine {
    let line = this.lines.get(index);
    if (line === undefined) {
      const number = this.request[index]!;
      const request = number < 0 ? null : this.requests[number]!;
      const event = this.parts[this.partOf[index]!]!.part.event(this.row[index]!);
      const template = this.template[index]!;
      const wording = template < 0 ? numbered(this.wordings, wordingOf(event.message)) : this.wordingOf[template]!;
      line = new WindowLine(event, this.ms[index]!, this.lane[index]!, wording, request?.canonical ?? null, request?.kind ?? null);
      this.lines.set(index, line);
    }
    return line;
  }

  /** Tells of every line that has one of these tokens, once for each that it has, in the order of the lines. */
  linesWith<T>(wanted: ReadonlyMap<number, T>, tell: (index: number, what: T) => void): void {
    if (wanted.size === 0) return;
    const sieve = new Uint8Array(1 << sieveBits);
    for (const token of wanted.keys()) sieve[token & (sieve.length - 1)] = 1;
    for (let index = 0; index < this.length; ) {
      const number = this.partOf[index]!;
      const { tokens, tokenEnds } = this.parts[number]!.columns;
      for (; index < this.length && this.partOf[index] === number; index++) {
        const row = this.row[index]!;
        const end = tokenEnds[row]!;
        for (let at = row === 0 ? 0 : tokenEnds[row - 1]!; at < end; at++) {
          const token = tokens[at]!;
          if (sieve[token & (sieve.length - 1)] === 0) continue;
          const what = wanted.get(token);
          if (what !== undefined) tell(index, what);
        }
      }
    }
  }
}

function numbered(numbers: Map<string, number>, value: string): number {
  let number = numbers.get(value);
  if (number === undefined) numbers.set(value, (number = numbers.size));
  return number;
}

/** The ids of a window's lines by numbers that are the same in all of its parts. The request that is asked for has number 0. */
class WindowIds {
  readonly requests: { canonical: string; kind: IdKind | null }[];
  private readonly numbers = new Map<string, number>();
  private readonly parts: LineColumns[] = [];
  private readonly rootIds: ReadonlySet<string>;

  constructor(rootIds: ReadonlySet<string>, root: RootId) {
    this.rootIds = new Set([...rootIds, root.canonical]);
    this.requests = [{ canonical: root.canonical, kind: idRank(root.kind) === null ? null : root.kind }];
    for (const id of rootIds) this.numbers.set(id, 0);
    this.numbers.set(root.canonical, 0);
  }

  private number({ canonical, kind }: RootId): number {
    let number = this.numbers.get(canonical);
    if (number === undefined) this.numbers.set(canonical, (number = this.requests.push({ canonical, kind }) - 1));
    return number;
  }

  /** The number of a row's id: one that is known to be the request's, else its strongest. An id that we made ties a line to nothing else: it may well be another request's. */
  of(columns: LineColumns): (row: number) => number {
    const { ids, idEnds, idNumbers, strongest, isGenerated } = columns;
    const own = new Set<number>();
    for (const id of this.rootIds) {
      const number = columns.idNumber.get(id);
      if (number !== undefined) own.add(number);
    }
    const numbers = new Int32Array(ids.length).fill(unknown);
    this.parts.push(columns);
    return row => {
      if (own.size > 0) for (let at = row === 0 ? 0 : idEnds[row - 1]!; at < idEnds[row]!; at++) if (own.has(idNumbers[at]!)) return 0;
      const id = strongest[row]!;
      if (id < 0 || isGenerated[row] === 1) return unknown;
      return numbers[id] === unknown ? (numbers[id] = this.number(ids[id]!)) : numbers[id]!;
    };
  }

  /** For each number that of its request: ids that lines of the window tie to exactly one stronger id are that one's. */
  owners(): Int32Array {
    const owner: number[] = [];
    const note = (number: number, owning: number, ids: LineColumns['ids']): void => {
      if (owning === unknown) return;
      const found = owning === several ? several : this.number(ids[owning]!);
      owner[number] = owner[number] === undefined || owner[number] === found ? found : several;
    };
    // A trace id has none, or is the half of one.
    const mayBeOwned = ({ kind, canonical }: { canonical: string; kind: IdKind | null }): boolean => kind !== 'trace' || canonical.length === halfTraceChars;
    const ownable = this.requests.filter(mayBeOwned).length;
    if (ownable * this.parts.length < this.parts.reduce((sum, { ids }) => sum + ids.length, 0)) {
      // Goes on over those that are added meanwhile.
      for (let number = 1; number < this.requests.length; number++) {
        const id = this.requests[number]!;
        if (mayBeOwned(id)) for (const { idNumber, owner: owners, ids } of this.parts) note(number, owners[idNumber.get(id.canonical) ?? -1] ?? unknown, ids);
      }
    } else {
      for (const { owner: owners, ids } of this.parts) {
        for (let id = 0; id < owners.length; id++) {
          const number = owners[id] === unknown ? undefined : this.numbers.get(ids[id]!.canonical);
          if (number !== undefined && number !== 0) note(number, owners[id]!, ids);
        }
      }
    }
    return Int32Array.from(this.requests, (_, number) => {
      let at = number;
      for (let depth = 0; depth < ownersMax && at !== 0; depth++) {
        const next = owner[at];
        if (next === undefined || next === several) break;
        at = next;
      }
      return at;
    });
  }
}
