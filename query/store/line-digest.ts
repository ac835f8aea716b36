/**
 * What inference asks of very many lines: whose they are, when and where they were written and which values they name, in columns. Worked out once
 * for hundreds of lines of a block, some 3 us each.
 */
import { edgesOf } from '#schemas/alias.ts';
import { canonicalId } from '#schemas/canonical-id.ts';
import type { Block } from '#schemas/embedded/block.ts';
import { linkingIdKinds, type IdKind, type LogEvent } from '#schemas/event.ts';
import { generatedIdOf, generatedSource } from '#schemas/generated-id.ts';
import type { LineColumns, WindowPart } from '#schemas/store.ts';
import { addTokens } from './line-tokens.ts';

const kinds: readonly string[] = linkingIdKinds;
const [traces, spans] = [kinds.indexOf('trace'), kinds.indexOf('span')];
const unknown = -1;
const several = -2;

/** Lines, wherever they come from. */
interface Lines {
  length: number;
  /** Since the epoch, with fractions. */
  ms(row: number): number;
  source(row: number): string;
  template(row: number): string | null;
  isGap(row: number): boolean;
  requestIdSource(row: number): string | null;
  /** Tells a row's ids one after the other; `key` stands for one spelling. */
  eachId(row: number, tell: (kind: IdKind, key: number | string) => void): void;
  idValue(key: number | string): string;
  addTokens(row: number, target: number[]): void;
  event(row: number): LogEvent;
}

class Digest {
  private readonly ids: { canonical: string; kind: IdKind }[] = [];
  private readonly idNumber = new Map<string, number>();
  private readonly numbers = new Map<number | string, number>();
  private readonly owner: number[] = [];
  private readonly idNumbers: number[] = [];
  private readonly lines: Lines;
  // Of the row at hand.
  private places: number[] = [];
  private linking: number[] = [];
  private strongest = unknown;

  constructor(lines: Lines) {
    this.lines = lines;
  }

  columns(): LineColumns {
    const { lines, lines: { length } } = this;
    const sources = new Map<string, number>();
    const templates = new Map<string | null, number>();
    const ms = new Float64Array(length);
    const source = new Uint32Array(length);
    const template = new Uint32Array(length);
    const strongest = new Int32Array(length).fill(unknown);
    const isLine = new Uint8Array(length);
    const isGenerated = new Uint8Array(length);
    const idEnds = new Uint32Array(length);
    const tokenEnds = new Uint32Array(length);
    const tokens: number[] = [];
    for (let row = 0; row < length; row++) {
      ms[row] = lines.ms(row);
      source[row] = numbered(sources, lines.source(row));
      template[row] = numbered(templates, lines.template(row));
      if (!lines.isGap(row)) {
        isLine[row] = 1;
        lines.addTokens(row, tokens);
        if (lines.requestIdSource(row) === generatedSource) {
          isGenerated[row] = 1;
          this.idNumbers.push(this.numberOf('request', generatedIdOf(lines.event(row))!));
        }
        strongest[row] = this.takeIds(row);
      }
      idEnds[row] = this.idNumbers.length;
      tokenEnds[row] = tokens.length;
    }
    return {
      length, ms, isLine, isGenerated, ids: this.ids, idNumber: this.idNumber, owner: Int32Array.from(this.ids, (_, number) => this.owner[number] ?? unknown), idEnds, idNumbers: new Uint32Array(this.idNumbers), strongest,
      tokenEnds, tokens: new Uint32Array(tokens), source, sources: [...sources.keys()], template, templates: [...templates.keys()],
    };
  }

  /** @returns the number of the strongest */
  private takeIds(row: number): number {
    this.places.length = this.linking.length = 0;
    this.strongest = unknown;
    this.lines.eachId(row, this.take);
    const { places, linking, strongest } = this;
    if (linking.length < 2) return strongest;
    const first = places[linking.indexOf(strongest)]!;
    if (first === spans) return strongest;
    // Of two traces one may be the half of the other, or the line says nothing.
    if (first === traces && places.some((place, at) => place === traces && linking[at] !== strongest)) {
      for (const { lower, higher } of edgesOf(this.lines.event(row))) this.own(this.numberOf(lower.kind, lower.value), this.numberOf(higher.kind, higher.value));
    } else for (const lower of linking) if (lower !== strongest) this.own(lower, strongest);
    return strongest;
  }

  private readonly take = (kind: IdKind, key: number | string): void => {
    let number = this.numbers.get(key);
    if (number === undefined) this.numbers.set(key, (number = this.numberOf(kind, this.lines.idValue(key))));
    if (number === unknown) return;
    this.idNumbers.push(number);
    const place = kinds.indexOf(kind);
    if (place < 0) return;
    if (this.places.every(other => other > place)) this.strongest = number;
    this.places.push(place);
    this.linking.push(number);
  };

  private numberOf(kind: IdKind, value: string): number {
    const canonical = canonicalId(value);
    if (canonical === null) return unknown;
    let number = this.idNumber.get(canonical);
    if (number === undefined) this.idNumber.set(canonical, (number = this.ids.push({ canonical, kind }) - 1));
    return number;
  }

  private own(lower: number, higher: number): void {
    const known = this.owner[lower];
    this.owner[lower] = known === undefined || known === higher ? higher : several;
  }
}

function numbered<T>(numbers: Map<T, number>, value: T): number {
  let number = numbers.get(value);
  if (number === undefined) numbers.set(value, (number = numbers.size));
  return number;
}

/** @param rows of which they are, in this order */
export function columnsOfBlock(block: Block, rows: readonly number[]): LineColumns {
  const bytes = block.lines();
  const at = (row: number): number => rows[row]!;
  return new Digest({
    length: rows.length,
    ms: row => block.exactMs(at(row)),
    source: row => block.source(at(row)),
    template: row => block.template(at(row)),
    isGap: row => block.isGap(at(row)),
    requestIdSource: row => block.requestIdSource(at(row)),
    eachId: (row, tell) => { block.eachId(at(row), tell); },
    idValue: key => block.idValue(key as number),
    addTokens: (row, target) => { addTokens(bytes, at(row) === 0 ? 0 : block.lineEnd(at(row) - 1), block.lineEnd(at(row)), target); },
    event: row => block.view(at(row)),
  }).columns();
}

/** Events of a store that has no blocks. */
export function windowPartOf(events: readonly LogEvent[]): WindowPart {
  return {
    columns: () => new Digest({
      length: events.length,
      ms: row => Number(events[row]!.timeNs / 1_000_000n) + Number(events[row]!.timeNs % 1_000_000n) / 1e6,
      source: row => events[row]!.source,
      template: row => events[row]!.template,
      isGap: row => events[row]!.gap !== null,
      requestIdSource: row => events[row]!.requestIdSource,
      eachId: (row, tell) => { for (const { kind, value } of events[row]!.ids) tell(kind, value); },
      idValue: key => key as string,
      addTokens: (row, target) => { addTokens(events[row]!.raw, 0, events[row]!.raw.length, target); },
      event: row => events[row]!,
    }).columns(),
    rows: events.map((_, row) => row),
    event: row => events[row]!,
  };
}
