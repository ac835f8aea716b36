/**
 * Text -> query. Words next to each other are AND; `not` binds before AND, AND before OR.
 *
 *     query  = [ or ] { "|" pipe }
 *     or     = and { "or" and }
 *     and    = not { [ "and" ] not }
 *     not    = { "not" | "-" | "!" } ( "(" or ")" | term )
 *     term   = "*" | word | "phrase" | /regex/ | field ":" value | field (">" | ">=" | "<" | "<=") operand
 *     value  = "(" or, with values as terms, ")" | "*" | word | "phrase" | /regex/ | network | (">" ...) operand
 */
import type { Comparison, Node, Query } from './ast.ts';
import { QuerySyntaxError } from './errors.ts';
import { nearestLevel, readLevel } from './level-name.ts';
import { levels } from '../event.ts';
import { readTimeSpan } from './instant.ts';
import { prefixBitsMax, readNetwork } from './network.ts';
import { readOperand } from './operand.ts';
import { parsePipe } from './pipe.ts';
import { regexTest } from './regex.ts';
import { Scanner } from './scanner.ts';

export const queryLengthMax = 10_000;
/** Brackets and negations inside each other. */
export const queryDepthMax = 100;

export interface FieldUse {
  name: string;
  /** 1-based. */
  column: number;
}

export interface ParseOptions {
  /** What spans back from now (`time>-15m`) count from. */
  nowMs?: number;
  /** Receives the fields in the order they are written. */
  onField?: (use: FieldUse) => void;
}

/** @throws QuerySyntaxError, and nothing else, whatever the text. */
export function parseQuery(text: string, options: ParseOptions = {}): Query {
  if (text.length > queryLengthMax) {
    throw new QuerySyntaxError({ column: queryLengthMax + 1, length: text.length - queryLengthMax, expected: `at most ${queryLengthMax} characters`, got: `${text.length}`, hint: null });
  }
  return new Parser(text, options).query();
}

const term = 'a word, a "phrase" or field:value';
const comparable = 'a number, a duration (250ms), a size (10kb), a time or a version (1.4.2)';
const searchAsText = (text: string): string => `To search for the text, write "${text.replace(/["\\]/g, '\\$&')}"`;

class Parser {
  private readonly scanner: Scanner;
  private readonly nowMs: number;
  private readonly onField: (use: FieldUse) => void;
  private depth = 0;

  constructor(text: string, options: ParseOptions) {
    this.scanner = new Scanner(text);
    this.nowMs = options.nowMs ?? Date.now();
    this.onField = options.onField ?? (() => undefined);
  }

  query(): Query {
    const { scanner } = this;
    scanner.skipSpace();
    const query: Query = { filter: { type: 'all' }, pipes: [], text: scanner.text };
    if (scanner.peek() !== '' && scanner.peek() !== '|') query.filter = this.or(() => this.term());
    while (scanner.takeCharacter('|')) query.pipes.push(parsePipe(scanner, this.onField));
    if (scanner.peek() === ')') throw scanner.mistake('a "(" before this', `Remove it, or open it. ${searchAsText(')')}`);
    return query;
  }

  /** Ends, after spaces, at the end, a `)` or a `|`. */
  private or(leaf: () => Node): Node {
    const nodes = [this.and(leaf)];
    while (this.scanner.takeKeyword('or')) nodes.push(this.and(leaf));
    return joined('or', nodes);
  }

  private and(leaf: () => Node): Node {
    const { scanner } = this;
    const nodes = [this.not(leaf)];
    for (;;) {
      scanner.skipSpace();
      const next = scanner.peek();
      if (next === '' || next === ')' || next === '|' || scanner.peekKeyword() === 'or') return joined('and', nodes);
      scanner.takeKeyword('and');
      nodes.push(this.not(leaf));
    }
  }

  private not(leaf: () => Node): Node {
    const { scanner } = this;
    scanner.skipSpace();
    const start = scanner.position;
    if (scanner.takeKeyword('not') || this.takeNegation()) return { type: 'not', node: this.nested(start, () => this.not(leaf)) };
    if (scanner.takeCharacter('(')) {
      const node = this.nested(start, () => this.or(leaf));
      this.closeBracket(start);
      return node;
    }
    const keyword = scanner.peekKeyword();
    if (keyword !== null) throw scanner.mistake(term, `To search for the word itself, write "${keyword}" in quotes`);
    return leaf();
  }

  /** `-word` and `!word`; a second dash makes it a word: `--verbose`. */
  private takeNegation(): boolean {
    const { scanner } = this;
    const sign = scanner.peek();
    if (sign !== '-' && sign !== '!') return false;
    const next = scanner.text.charAt(scanner.position + 1);
    if (next === sign || next === '=') return false;
    if (/^[\s)|]?$/.test(next)) throw scanner.mistake(`a word right after "${sign}"`, searchAsText(sign), scanner.position + 1);
    scanner.position++;
    return true;
  }

  private nested(start: number, parse: () => Node): Node {
    this.depth++;
    if (this.depth > queryDepthMax) throw this.scanner.mistake(`at most ${queryDepthMax} brackets and negations inside each other`, null, start);
    const node = parse();
    this.depth--;
    return node;
  }

  private closeBracket(openedAt: number): void {
    this.scanner.skipSpace();
    if (!this.scanner.takeCharacter(')')) throw this.scanner.mistake(`")" for the "(" at column ${openedAt + 1}`);
  }

  private term(): Node {
    const { scanner } = this;
    const start = scanner.position;
    if (scanner.atPieceEnd()) throw scanner.mistake(term);
    const name = scanner.peek() === '"' ? scanner.takeQuoted() : scanner.takeName();
    if (name !== null && this.atFieldSign()) return this.fieldTerm(name, start);
    scanner.position = start;
    return scanner.peek() === '<' || scanner.peek() === '>' ? this.missingField() : (this.regex(null) ?? this.words());
  }

  private missingField(): never {
    const bare = this.scanner.text.slice(this.scanner.position).split(/[\s()|"]/, 1)[0]!;
    throw this.scanner.mistake(`a field before "${bare}"`, searchAsText(bare));
  }

  /** Whether what was just read is a field's name. `http://host` and `std::vector` are words that people paste. */
  private atFieldSign(): boolean {
    const { scanner } = this;
    const rest = scanner.text.slice(scanner.position, scanner.position + 3);
    if (rest.startsWith(':')) return rest !== '://' && (!rest.startsWith('::') || rest === ':::');
    const end = scanner.position;
    scanner.skipSpace();
    const found = scanner.peek() === '<' || scanner.peek() === '>';
    if (!found) scanner.position = end;
    return found;
  }

  private fieldTerm(field: string, start: number): Node {
    this.onField({ name: field, column: start + 1 });
    if (!this.scanner.takeCharacter(':')) return this.comparison(field, start);
    if (this.scanner.takeCharacter('(')) {
      const opened = this.scanner.position - 1;
      const node = this.nested(opened, () => this.or(() => this.value(field, start)));
      this.closeBracket(opened);
      return node;
    }
    return this.value(field, start);
  }

  private comparison(field: string, start: number): Node {
    const { scanner } = this;
    const sign = scanner.takeComparison() as Comparison;
    const before = scanner.text.slice(start, scanner.position);
    scanner.skipSpace();
    const operandStart = scanner.position;
    if (scanner.atPieceEnd()) throw scanner.mistake(`a value after "${before}"`);
    const written = scanner.peek() === '"' ? scanner.takeQuoted() : (scanner.takeBare() ?? '');
    const operand = readOperand(field, written, this.nowMs);
    if (operand !== null) return { type: 'compare', field, comparison: sign, operand };
    if (field === 'level') throw this.unknownLevel(before, written, operandStart);
    const expected = field === 'time' ? 'a time (2026-11-21T08:15:00Z, 2026-11-21) or a span back from now (-15m)' : comparable;
    throw scanner.mistake(`${expected} after "${before}"`, searchAsText(scanner.text.slice(start, scanner.position)), operandStart);
  }

  /** `start` is where the field's name begins, for what is said of a mistake. */
  private value(field: string, start: number): Node {
    const { scanner } = this;
    const valueStart = scanner.position;
    const before = `"${field}:"`;
    if (scanner.atPieceEnd()) {
      const hint = scanner.peek() === ' ' ? 'Write the value right after the colon, or put all of it in quotes to search for the text' : `Write ${field}:* for any value, or put it in quotes to search for the text`;
      throw scanner.mistake(`a value after ${before}`, hint);
    }
    if (scanner.peek() === '<' || scanner.peek() === '>') return this.comparison(field, start);
    const regex = this.regex(field);
    if (regex !== null) return regex;
    if (scanner.peek() === '(') throw scanner.mistake(`a value after ${before}`);
    const { parts, quoted } = scanner.takeGlob();
    if (parts.length > 1) return parts.some(part => part !== '') ? { type: 'glob', field, parts } : { type: 'exists', field };
    const value = parts[0]!;
    if (field === 'level') return { type: 'equals', field, value: readLevel(value) ?? this.throwUnknownLevel(before.slice(1, -1), value, valueStart) };
    if (field === 'time' || field === 'timeNs') return this.timeSpan(field, value, valueStart);
    const network = quoted ? null : readNetwork(value);
    if (network === null) return { type: 'equals', field, value };
    if (network.prefixBits > prefixBitsMax(network)) {
      throw scanner.mistake(`a network of at most /${prefixBitsMax(network)}`, `For this text as it is, write "${value}" in quotes`, valueStart);
    }
    return { type: 'network', field, ...network };
  }

  /** `time:2026-11-21` is that whole day. */
  private timeSpan(field: string, value: string, valueStart: number): Node {
    if (field === 'timeNs') return { type: 'equals', field, value };
    const span = readTimeSpan(value);
    if (span === null) throw this.scanner.mistake('a time (2026-11-21T08:15:00Z) or a day (2026-11-21) after "time:"', 'For a span back from now, write time>-15m', valueStart);
    return {
      type: 'and',
      nodes: [
        { type: 'compare', field, comparison: '>=', operand: { kind: 'time', ns: span.fromNs } },
        { type: 'compare', field, comparison: '<', operand: { kind: 'time', ns: span.toNs } },
      ],
    };
  }

  private unknownLevel(before: string, written: string, from: number): QuerySyntaxError {
    const nearest = nearestLevel(written);
    return this.scanner.mistake(`a level (${levels.join(', ')}) after "${before}"`, nearest === null ? null : `Did you mean ${nearest}?`, from);
  }

  private throwUnknownLevel(before: string, written: string, from: number): never {
    throw this.unknownLevel(before, written, from);
  }

  private regex(field: string | null): Node | null {
    const { scanner } = this;
    const start = scanner.position;
    const regex = scanner.peek() === '/' ? scanner.takeRegex() : null;
    if (regex === null) return null;
    const problem = regexTest(regex).problem;
    if (problem === null) return { type: 'regex', field, ...regex };
    const written = scanner.text.slice(start, scanner.position);
    throw new QuerySyntaxError({ column: start + 1, length: written.length, expected: 'a regular expression (RE2 syntax)', got: `one that cannot be read: ${problem}`, hint: `For this text as it is, write ${field === null ? '' : `${field}:`}"${written.replace(/["\\]/g, '\\$&')}"` });
  }

  private words(): Node {
    const parts = this.scanner.takeGlob().parts.filter(part => part !== '');
    return parts.length === 0 ? { type: 'all' } : { type: 'text', parts };
  }
}

/** One node stays alone, and nodes of the same kind lose their brackets: `(a b) c` is `a b c`. */
function joined(type: 'and' | 'or', nodes: Node[]): Node {
  const flat = nodes.flatMap(node => (node.type === type ? node.nodes : [node]));
  return flat.length === 1 ? flat[0]! : { type, nodes: flat };
}

/** The fields a query names, in the order they are written; a caller that knows the fields of its events can say which of them no event has. */
export function fieldsUsed(query: Query): FieldUse[] {
  const uses: FieldUse[] = [];
  parseQuery(query.text, { onField: use => uses.push(use) });
  return uses;
}

export { QuerySyntaxError } from './errors.ts';
