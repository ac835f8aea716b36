/**
 * Text -> query. Words next to each other are AND; `not` binds before AND, AND before OR.
 *
 * Hand-written recursive descent over the characters, because what a character means depends on what stands before it: a `/` begins a regular
 * expression only where a term or a value begins and only if another closes it, a `-` negates only before a term.
 */
import { compileLinearRegex } from '#lib/linear-regex.ts';
import { nearestName } from '#lib/nearest-name.ts';
import { levels } from '../event.ts';
import { comparisons, type Comparison, type Node, type Pipe, type Query } from './ast.ts';
import { QuerySyntaxError } from './errors.ts';
import { isNetwork } from './network.ts';
import { readComparedValue } from './values.ts';

export const queryLengthMax = 10_000;
export const queryDepthMax = 100;
const limitMax = 1_000_000;

const laterPipes = ['stats', 'top', 'parse'];
const pipeNames = ['limit', 'fields', 'sort', ...laterPipes];
/** A field name starts with a letter, so that `12:30` stays a word. */
const fieldName = /^[\p{L}_@$][\p{L}\p{N}_@$.[\]-]*/u;
const wordEnd = /[\s()|"]/;

/** @throws QuerySyntaxError */
export function parseQuery(text: string): Query {
  if (text.length > queryLengthMax) throw new QuerySyntaxError(queryLengthMax + 1, 1, `at most ${queryLengthMax} characters`, `${text.length}`);
  return new Parser(text).query();
}

class Parser {
  private readonly text: string;
  private at = 0;
  private depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  query(): Query {
    this.space();
    const filter: Node = this.at === this.text.length || this.text[this.at] === '|' ? { type: 'all' } : this.or();
    const pipes: Pipe[] = [];
    this.space();
    while (this.text[this.at] === '|') pipes.push(this.pipe());
    if (this.at < this.text.length) throw this.error('the end of the query', this.text[this.at] === ')' ? 'Remove it, or open it with (' : null);
    return { filter, pipes, text: this.text };
  }

  private or(): Node {
    this.depth += 1;
    if (this.depth > queryDepthMax) throw this.error(`at most ${queryDepthMax} brackets inside each other`);
    const nodes = [this.and()];
    while (this.keyword('or')) nodes.push(this.and());
    this.depth -= 1;
    return nodes.length === 1 ? nodes[0]! : { type: 'or', nodes };
  }

  private and(): Node {
    const nodes = [this.not()];
    for (;;) {
      if (this.keyword('and')) {
        nodes.push(this.not());
        continue;
      }
      this.space();
      const next = this.text[this.at];
      if (next === undefined || next === ')' || next === '|' || this.peekKeyword('or')) break;
      nodes.push(this.not());
    }
    return nodes.length === 1 ? nodes[0]! : { type: 'and', nodes };
  }

  private not(): Node {
    let negated = false;
    for (;;) {
      this.space();
      if (this.keyword('not')) negated = !negated;
      else if (this.text[this.at] === '-' && !/^[\s)|]?$/.test(this.text[this.at + 1] ?? '')) {
        this.at += 1;
        negated = !negated;
      } else break;
    }
    const node = this.term();
    return negated ? { type: 'not', node } : node;
  }

  private term(): Node {
    this.space();
    const next = this.text[this.at];
    if (next === undefined || next === ')' || next === '|') throw this.error('a word, a "phrase" or field:value');
    if (this.peekKeyword('and') || this.peekKeyword('or')) throw this.error('a word, a "phrase" or field:value', `To search for the word itself write "${this.word()}"`);
    if (next === '(') {
      const from = this.at;
      this.at += 1;
      const node = this.or();
      this.space();
      if (this.text[this.at] !== ')') throw this.errorAt(from, 1, 'a closing ) for this (', this.foundAt(this.at));
      this.at += 1;
      return node;
    }
    if (next === '"') return { type: 'text', value: this.quoted() };
    const regex = this.regex();
    if (regex !== null) return { type: 'regex', field: null, pattern: regex };
    return this.fieldTerm() ?? this.plainWord();
  }

  private plainWord(): Node {
    const from = this.at;
    const word = this.word();
    if (word === '') throw this.errorAt(from, 1, 'a word, a "phrase" or field:value', this.foundAt(from));
    return word === '*' ? { type: 'all' } : { type: 'text', value: word };
  }

  /** `field:...` or `field>=...`, or null where what stands here is a plain word. */
  private fieldTerm(): Node | null {
    const field = fieldName.exec(this.text.slice(this.at, this.at + 300))?.[0];
    if (field === undefined) return null;
    const from = this.at;
    const after = from + field.length;
    const comparison = comparisons.find(operator => this.text.startsWith(operator, after));
    if (comparison !== undefined) {
      this.at = after + comparison.length;
      return this.comparison(field, comparison);
    }
    // `http://host` is a word people paste, not a field.
    if (this.text[after] !== ':' || this.text.startsWith('://', after)) return null;
    this.at = after + 1;
    const inner = comparisons.find(operator => this.text.startsWith(operator, this.at));
    if (inner !== undefined) {
      this.at += inner.length;
      return this.comparison(field, inner);
    }
    if (this.text[this.at] === '(') return this.values(field);
    return this.value(field);
  }

  private values(field: string): Node {
    const from = this.at;
    this.at += 1;
    const nodes = [this.spacedValue(field)];
    for (;;) {
      this.space();
      if (this.text[this.at] === ')') break;
      if (this.text[this.at] === undefined) throw this.errorAt(from, 1, 'a closing ) for this (', 'the end of the query');
      if (!this.keyword('or')) throw this.error('"or" between the values, or )');
      nodes.push(this.spacedValue(field));
    }
    this.at += 1;
    return nodes.length === 1 ? nodes[0]! : { type: 'or', nodes };
  }

  private spacedValue(field: string): Node {
    this.space();
    return this.value(field);
  }

  private value(field: string): Node {
    const from = this.at;
    if (this.text[from] === '"') return { type: 'equals', field, value: this.levelChecked(field, this.quoted(), from) };
    const pattern = this.regex();
    if (pattern !== null) return { type: 'regex', field, pattern };
    const word = this.word();
    if (word === '') throw this.errorAt(from, 1, `a value after "${field}:"`, this.foundAt(from), `Write ${field}:* for any value`);
    if (word === '*') return { type: 'exists', field };
    if (word.endsWith('*')) return { type: 'prefix', field, value: word.slice(0, -1) };
    if (isNetwork(word)) return { type: 'network', field, value: word };
    return { type: 'equals', field, value: this.levelChecked(field, word, from) };
  }

  private comparison(field: string, comparison: Comparison): Node {
    const from = this.at;
    this.space();
    const value = this.text[this.at] === '"' ? this.quoted() : this.word();
    if (value === '') throw this.errorAt(from, 1, `a value after "${field}${comparison}"`, this.foundAt(from));
    if (field === 'level') this.levelChecked(field, value, from);
    else if (readComparedValue(value) === null) throw this.errorAt(from, value.length, 'a number, a duration (250ms), a size (10kb), a time or a version (1.4.2)', `"${value}"`, `For text write ${field}:${JSON.stringify(value)}`);
    return { type: 'compare', field, comparison, value: field === 'level' ? value.toLowerCase() : value };
  }

  /** A level's name, checked: a mistyped one would match nothing, silently. */
  private levelChecked(field: string, value: string, from: number): string {
    if (field !== 'level') return value;
    const level = value.toLowerCase();
    if ((levels as readonly string[]).includes(level)) return level;
    const nearest = nearestName(level, levels);
    throw this.errorAt(from, value.length, `a level (${levels.join(', ')})`, `"${value}"`, nearest === null ? null : `Did you mean ${nearest}?`);
  }

  private pipe(): Pipe {
    this.at += 1;
    this.space();
    const from = this.at;
    const name = this.word().toLowerCase();
    if (laterPipes.includes(name)) throw this.errorAt(from, name.length, '| limit, | fields or | sort', `"${name}"`, `| ${name} is not available in this version`);
    switch (name) {
      case 'limit': {
        this.space();
        const countFrom = this.at;
        const word = this.word();
        if (!/^\d{1,9}$/.test(word) || Number(word) < 1 || Number(word) > limitMax) throw this.errorAt(countFrom, word.length, `a whole number from 1 to ${limitMax}`, word === '' ? this.foundAt(countFrom) : `"${word}"`);
        this.space();
        return { type: 'limit', count: Number(word) };
      }
      case 'fields': {
        const names = this.restOfPipe().split(/[\s,]+/).filter(part => part !== '');
        if (names.length === 0) throw this.error('names of fields after "fields"', 'Write | fields service, message');
        return { type: 'fields', names };
      }
      case 'sort': {
        const words = this.restOfPipe().split(/\s+/).filter(part => part !== '');
        const [field = 'time', order = 'desc'] = words;
        if (words.length > 2 || !['asc', 'desc'].includes(order) || field !== 'time') throw this.errorAt(from, name.length, '"time", then asc or desc, after "sort"', words.length === 0 ? 'nothing' : `"${words.join(' ')}"`);
        return { type: 'sort', field, descending: order === 'desc' };
      }
      default: {
        const nearest = nearestName(name, pipeNames);
        throw this.errorAt(from, name.length, 'a pipe (limit, fields, sort)', name === '' ? this.foundAt(from) : `"${name}"`, nearest === null ? null : `Did you mean ${nearest}?`);
      }
    }
  }

  private restOfPipe(): string {
    const next = this.text.indexOf('|', this.at);
    const end = next < 0 ? this.text.length : next;
    const rest = this.text.slice(this.at, end);
    this.at = end;
    return rest;
  }

  private quoted(): string {
    const from = this.at;
    let value = '';
    for (let index = from + 1; index < this.text.length; index++) {
      const character = this.text[index]!;
      if (character === '"') {
        this.at = index + 1;
        return value;
      }
      const escaped = this.text[index + 1];
      if (character === '\\' && (escaped === '"' || escaped === '\\')) {
        value += escaped;
        index += 1;
      } else value += character;
    }
    throw this.errorAt(from, 1, 'a closing " for this one', 'the end of the query');
  }

  /** The pattern where `/.../` stands here and ends as a word does; else null, and nothing is taken. */
  private regex(): string | null {
    if (this.text[this.at] !== '/') return null;
    for (let index = this.at + 1; index < this.text.length; index++) {
      const character = this.text[index]!;
      if (character === '\\') index += 1;
      else if (character === '/') {
        const after = this.text[index + 1];
        if (index === this.at + 1 || (after !== undefined && !/[\s)|]/.test(after))) return null;
        const pattern = this.text.slice(this.at + 1, index);
        try {
          compileLinearRegex(pattern);
        } catch (error) {
          throw this.errorAt(this.at, pattern.length + 2, 'a regular expression', `"${pattern}"`, error instanceof Error ? error.message : null);
        }
        this.at = index + 1;
        return pattern;
      }
    }
    return null;
  }

  private word(): string {
    const from = this.at;
    while (this.at < this.text.length && !wordEnd.test(this.text[this.at]!)) this.at += 1;
    return this.text.slice(from, this.at);
  }

  private peekKeyword(keyword: string): boolean {
    this.space();
    const found = this.text.slice(this.at, this.at + keyword.length).toLowerCase() === keyword;
    const after = this.text[this.at + keyword.length];
    return found && (after === undefined || wordEnd.test(after));
  }

  private keyword(keyword: string): boolean {
    if (!this.peekKeyword(keyword)) return false;
    this.at += keyword.length;
    return true;
  }

  private space(): void {
    while (this.at < this.text.length && /\s/.test(this.text[this.at]!)) this.at += 1;
  }

  private foundAt(index: number): string {
    const word = /^\s*(?:[^\s()|"]+|[()|"])/.exec(this.text.slice(index, index + 60))?.[0].trim();
    return word === undefined || word === '' ? 'the end of the query' : `"${word}"`;
  }

  private error(expected: string, hint: string | null = null): QuerySyntaxError {
    return this.errorAt(this.at, 1, expected, this.foundAt(this.at), hint);
  }

  private errorAt(index: number, length: number, expected: string, found: string, hint: string | null = null): QuerySyntaxError {
    return new QuerySyntaxError(index + 1, Math.max(1, length), expected, found, hint);
  }
}
export { QuerySyntaxError } from './errors.ts';
