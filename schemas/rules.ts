/**
 * Alert rules as people write them: `alerts:` in `leadline.yaml`, or a rules file with `rules:` (and `targets:`) at its top.
 *
 * Every mistake is reported at once, with its place and what to write instead, as one `BAD_RULES` with a line for each.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Document, LineCounter, isAlias, isMap, isNode, isScalar, isSeq, parseDocument, type Node, type YAMLMap } from 'yaml';
import { nearestName } from '#lib/nearest-name.ts';
import { defaultQuery, type AlertConfig, type Rule, type Target } from './alert.ts';
import { LeadlineError, systemCodeOf } from './errors.ts';
import { parseQuery } from './query/parse.ts';

export const ruleCountMax = 10_000;
export const ruleWindowMsMin = 1000;
export const ruleWindowMsMax = 86_400_000;
const nameCharactersMax = 100;
const rulesMax = 1000;
const targetsMax = 100;
const byFieldsMax = 5;

const sectionKeys = ['rules', 'targets'];
const ruleKeys = ['name', 'type', 'query', 'by', 'count', 'windowMs', 'notify'];
const targetKeys = ['type', 'url', 'headers'];
const laterSectionKeys = ['routes', 'silences'];
const laterRuleTypes = ['burst', 'ratio', 'newTemplate', 'silence', 'latency', 'missingStep'];

/** Where a node stands, for messages: `rules.yaml:7:5`, or the file alone where it is not known. */
export type Locate = (node: unknown) => string;

export interface RulesContext {
  environment: Readonly<Record<string, string | undefined>>;
  /** Folder that `fileOf` paths are relative to. */
  folder: string;
  /** True where targets may be declared elsewhere, so that `notify` is only checked against `targets` when there are some. */
  targetsElsewhere: boolean;
}

/**
 * Reads a rules file.
 * @throws LeadlineError BAD_RULES with all mistakes, PATH_NOT_FOUND, PATH_NOT_READABLE.
 */
export async function readRulesFile(path: string, environment: RulesContext['environment'] = process.env): Promise<AlertConfig> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const systemCode = systemCodeOf(error);
    throw new LeadlineError(systemCode === 'ENOENT' ? 'PATH_NOT_FOUND' : 'PATH_NOT_READABLE', { path, systemCode }, { cause: error });
  });
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  if (document.errors.length > 0) {
    const message = document.errors.map(error => {
      const { line, col } = lineCounter.linePos(error.pos[0]);
      return `${path}:${line}:${col} ${error.message}; mend the YAML here`;
    });
    throw new LeadlineError('BAD_RULES', { message: message.join('\n'), path });
  }
  return readAlertConfig(document.contents, locator(path, lineCounter), { environment, folder: dirname(resolve(path)), targetsElsewhere: true });
}

/**
 * Reads `alerts:` of a parsed `leadline.yaml`; none means no rules and no targets.
 * @param lineCounter the one the document was parsed with; without it messages name the file only.
 * @throws LeadlineError BAD_RULES with all mistakes.
 */
export function readAlertSection(document: Document, file: string, lineCounter?: LineCounter, environment: RulesContext['environment'] = process.env): AlertConfig {
  const section: unknown = document.get('alerts', true);
  if (section === undefined || section === null || (isScalar(section) && section.value === null)) return { rules: [], targets: [] };
  return readAlertConfig(section, locator(file, lineCounter), { environment, folder: dirname(resolve(file)), targetsElsewhere: false }, 'alerts.');
}

/** Line and column of YAML nodes, both from 1. */
export function locator(file: string, lineCounter?: LineCounter): Locate {
  return node => {
    const at = isNode(node) ? node.range?.[0] : undefined;
    if (at === undefined || lineCounter === undefined) return file;
    const { line, col } = lineCounter.linePos(at);
    return `${file}:${line}:${col}`;
  };
}

/**
 * Checks `{ rules, targets }`, given as a YAML node or as a plain object.
 * @param prefix stands before every path in the messages: `alerts.`.
 * @throws LeadlineError BAD_RULES with all mistakes, one a line.
 */
export function readAlertConfig(section: unknown, locate: Locate, context: Partial<RulesContext> = {}, prefix = ''): AlertConfig {
  const reader = new RulesReader(locate, { environment: process.env, folder: process.cwd(), targetsElsewhere: false, ...context }, prefix);
  const config = reader.read(isNode(section) ? section : new Document(section).contents);
  const problems = reader.problems.sort((a, b) => a.at - b.at).map(({ text }) => text);
  if (problems.length > 0) throw new LeadlineError('BAD_RULES', { message: problems.join('\n') });
  return config;
}

interface Entry {
  key: unknown;
  value: unknown;
}

class RulesReader {
  /** With the place in the text, from its start, to sort by. */
  readonly problems: { at: number; text: string }[] = [];
  private readonly pathByName = new Map<string, string>();
  private readonly locate: Locate;
  private readonly context: RulesContext;
  private readonly prefix: string;

  constructor(locate: Locate, context: RulesContext, prefix: string) {
    this.locate = locate;
    this.context = context;
    this.prefix = prefix;
  }

  read(section: Node | null): AlertConfig {
    const map = this.map(section, this.prefix.replace(/\.$/, '') || 'rules file', 'rules: with a list of rules under it');
    if (map === null) return { rules: [], targets: [] };
    const entries = this.entries(map, this.prefix, sectionKeys, laterSectionKeys);
    const targets = this.targets(entries.get('targets'));
    const known = entries.has('targets') || !this.context.targetsElsewhere ? targets.names : null;
    return { rules: this.rules(entries.get('rules'), known), targets: targets.read };
  }

  private rules(entry: Entry | undefined, targetNames: readonly string[] | null): Rule[] {
    if (entry === undefined) return [];
    const list = this.list(entry, `${this.prefix}rules`, 'a list of rules, each with a leading dash', rulesMax);
    return list.flatMap((item, index) => this.rule(item, `${this.prefix}rules[${index}]`, targetNames) ?? []);
  }

  private rule(item: unknown, path: string, targetNames: readonly string[] | null): Rule | null {
    const map = this.map(item, path, 'a rule, such as { name: payment-errors, type: threshold, count: 5, windowMs: 60000 }');
    if (map === null) return null;
    const entries = this.entries(map, `${path}.`, ruleKeys, []);
    const name = this.text(entries.get('name'), item, `${path}.name`, nameCharactersMax, 'name: payment-errors');
    if (name !== null) this.checkUnique(name, entries.get('name')?.value, path);
    const known = this.ruleType(entries.get('type'), item, `${path}.type`);
    const query = this.query(entries.get('query'), `${path}.query`);
    const by = this.names(entries.get('by'), `${path}.by`, ['service'], byFieldsMax, 'by: [service]');
    const count = known ? this.integer(entries.get('count'), item, `${path}.count`, 'a number of events', 1, ruleCountMax) : null;
    const windowMs = known ? this.integer(entries.get('windowMs'), item, `${path}.windowMs`, 'a number of milliseconds', ruleWindowMsMin, ruleWindowMsMax) : null;
    const notify = this.names(entries.get('notify'), `${path}.notify`, [], targetsMax, 'notify: [ops]');
    if (targetNames !== null) this.checkNotify(notify, entries.get('notify'), `${path}.notify`, targetNames);
    if (name === null || !known || query === null || count === null || windowMs === null) return null;
    return { name, type: 'threshold', query, by, count, windowMs, notify };
  }

  private checkUnique(name: string, node: unknown, path: string): void {
    const first = this.pathByName.get(name);
    if (first === undefined) this.pathByName.set(name, path);
    else this.report(node, `${path}.name`, `"${name}" is the name of ${first} too`, 'write another name; it stands for the rule in alerts');
  }

  private ruleType(entry: Entry | undefined, item: unknown, path: string): boolean {
    const instead = 'write type: threshold, with count and windowMs';
    if (entry === undefined) {
      this.report(item, path, 'is left out, which means burst, and this version has no burst rules', instead);
      return false;
    }
    const value = plain(entry.value);
    if (value === 'threshold') return true;
    if (typeof value === 'string' && laterRuleTypes.includes(value)) this.report(entry.value, path, `this version has no ${value} rules`, instead);
    else this.report(entry.value, path, `${shown(value)} is not a type of rule${this.nearest(value, ['threshold', ...laterRuleTypes])}`, instead);
    return false;
  }

  private query(entry: Entry | undefined, path: string): string | null {
    if (entry === undefined) return defaultQuery;
    const value = plain(entry.value);
    if (typeof value !== 'string') {
      this.report(entry.value, path, `${shown(value)} is not a query`, `write what is counted, such as query: ${defaultQuery}`);
      return null;
    }
    try {
      if (parseQuery(value).pipes.length === 0) return value;
      this.report(entry.value, path, 'has a pipe', 'take out everything from the | on; a rule counts the events that the part before it matches');
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'QuerySyntaxError') throw error;
      this.report(entry.value, path, error.message);
    }
    return null;
  }

  private checkNotify(notify: readonly string[], entry: Entry | undefined, path: string, known: readonly string[]): void {
    for (const name of notify) {
      if (known.includes(name)) continue;
      const instead = known.length === 0 ? `declare it: targets: { ${name}: { type: webhook, url: https://... } }` : `write one of ${known.join(', ')}`;
      this.report(entry?.value, path, `there is no target "${name}"${this.nearest(name, known)}`, instead);
    }
  }

  private targets(entry: Entry | undefined): { names: string[]; read: Target[] } {
    const names: string[] = [];
    const read: Target[] = [];
    if (entry === undefined) return { names, read };
    const map = this.map(entry.value, `${this.prefix}targets`, 'targets: { ops: { type: webhook, url: https://... } }');
    if (map === null) return { names, read };
    if (map.items.length > targetsMax) this.report(entry.value, `${this.prefix}targets`, `has ${map.items.length} targets`, `write at most ${targetsMax}`);
    for (const { key, value } of map.items) {
      const name = String(plain(key));
      names.push(name);
      const target = this.target(name, value, `${this.prefix}targets.${name}`);
      if (target !== null) read.push(target);
    }
    return { names, read };
  }

  private target(name: string, value: unknown, path: string): Target | null {
    const map = this.map(value, path, `${name}: { type: webhook, url: https://... }`);
    if (map === null) return null;
    const entries = this.entries(map, `${path}.`, targetKeys, []);
    const type = entries.get('type');
    const typeValue = plain(type?.value);
    if (typeValue !== 'webhook') this.report(type?.value ?? value, `${path}.type`, type === undefined ? 'is missing' : `this version has no ${shown(typeValue)} targets`, 'write type: webhook');
    const url = this.url(entries.get('url'), value, `${path}.url`);
    const headers = this.headers(entries.get('headers'), `${path}.headers`);
    return typeValue === 'webhook' && url !== null && headers !== null ? { name, type: 'webhook', url, headers } : null;
  }

  private url(entry: Entry | undefined, owner: unknown, path: string): string | null {
    const instead = 'write url: https://... or url: { fileOf: PATH }';
    const text = this.secret(entry, owner, path, instead);
    if (text === null) return null;
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) this.report(entry?.value, path, 'is not an http or https address', instead);
    else if (url.username !== '' || url.password !== '') this.report(entry?.value, path, 'holds a user or a password', 'write it as a header: headers: { Authorization: { fileOf: PATH } }');
    else return text;
    return null;
  }

  private headers(entry: Entry | undefined, path: string): Record<string, string> | null {
    if (entry === undefined) return {};
    const map = this.map(entry.value, path, 'headers: { Authorization: { fileOf: PATH } }');
    if (map === null) return null;
    const headers: Record<string, string> = {};
    for (const { key, value } of map.items) {
      const name = String(plain(key));
      const text = this.secret({ key, value }, value, `${path}.${name}`, `write ${name}: VALUE`);
      if (text === null) continue;
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) this.report(key, `${path}.${name}`, 'is not the name of a header', 'write letters, digits and dashes');
      else if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) this.report(value, `${path}.${name}`, 'has a character that a header cannot carry', 'write it on one line and without such characters');
      else headers[name.toLowerCase()] = text;
    }
    return headers;
  }

  /** A text with `${NAME}` from the environment, or `{ fileOf: PATH }`. Its value is never put into a message. */
  private secret(entry: Entry | undefined, owner: unknown, path: string, instead: string): string | null {
    const value = entry?.value;
    if (isMap(value)) return this.secretFile(value, path);
    const text = textOf(value);
    if (entry === undefined || text === null || text === '') {
      this.report(value ?? owner, path, isNode(value) && !isScalar(value) ? 'is not a text' : 'is missing', instead);
      return null;
    }
    const missing = new Set<string>();
    const filled = text.replace(/\$\{(\w+)\}/g, (_, name: string) => {
      const found = this.context.environment[name];
      if (found === undefined || found === '') missing.add(name);
      return found ?? '';
    });
    for (const name of missing) this.report(value, path, `the environment has no ${name}`, `set ${name}, or write { fileOf: PATH }`);
    return missing.size > 0 ? null : filled;
  }

  private secretFile(map: YAMLMap, path: string): string | null {
    const entries = this.entries(map, `${path}.`, ['fileOf'], []);
    const file = this.text(entries.get('fileOf'), map, `${path}.fileOf`, 4096, 'fileOf: PATH');
    if (file === null) return null;
    try {
      const text = readFileSync(resolve(this.context.folder, file), 'utf8').trim();
      if (text !== '') return text;
      this.report(map, `${path}.fileOf`, `${file} is empty`, 'put the value into it');
    } catch (error) {
      this.report(map, `${path}.fileOf`, `${file} cannot be read (${systemCodeOf(error) ?? 'failed'})`, 'write the path of a file that this user may read');
    }
    return null;
  }

  /** The entries of a map; unknown and repeated keys are reported. */
  private entries(map: YAMLMap, prefix: string, known: readonly string[], later: readonly string[]): Map<string, Entry> {
    const entries = new Map<string, Entry>();
    for (const { key, value } of map.items) {
      const name = String(plain(key));
      if (known.includes(name)) entries.set(name, { key, value });
      else if (later.includes(name)) this.report(key, `${prefix}${name}`, 'is not in this version', 'take it out');
      else this.report(key, `${prefix}${name}`, `is not known${this.nearest(name, known)}`, `write one of ${known.join(', ')}`);
    }
    return entries;
  }

  private map(value: unknown, path: string, example: string): YAMLMap | null {
    if (isMap(value)) return value;
    this.report(value, path, value === null || plain(value) === null ? 'is empty' : isAlias(value) ? 'is an alias' : 'is not a set of names and values', `write ${example}`);
    return null;
  }

  private list({ value }: Entry, path: string, expected: string, itemsMax: number): unknown[] {
    if (isSeq(value)) {
      if (value.items.length > itemsMax) this.report(value, path, `has ${value.items.length} entries`, `write at most ${itemsMax}`);
      return value.items;
    }
    if (plain(value) !== null) this.report(value, path, 'is not a list', `write ${expected}`);
    return [];
  }

  /** A list of names; one name alone is a list of one. */
  private names(entry: Entry | undefined, path: string, otherwise: readonly string[], itemsMax: number, example: string): string[] {
    if (entry === undefined) return [...otherwise];
    const items = isSeq(entry.value) ? this.list(entry, path, example, itemsMax) : [entry.value];
    const names = items.map(plain);
    if (names.every(name => typeof name === 'string' && name !== '')) return [...new Set(names as string[])];
    this.report(entry.value, path, 'is not a list of names', `write ${example}`);
    return [];
  }

  private text(entry: Entry | undefined, owner: unknown, path: string, charactersMax: number, example: string): string | null {
    const node = entry?.value;
    const text = textOf(node);
    if (text === null || text === '') this.report(node ?? owner, path, isNode(node) && !isScalar(node) ? 'is not a text' : 'is missing', `write ${example}`);
    else if (text.length > charactersMax) this.report(node, path, `has ${text.length} characters`, `write at most ${charactersMax}`);
    else return text;
    return null;
  }

  private integer(entry: Entry | undefined, owner: unknown, path: string, what: string, min: number, max: number): number | null {
    const value = plain(entry?.value);
    const instead = `write ${what} from ${min} to ${max}`;
    if (entry === undefined || value === null) this.report(entry?.value ?? owner, path, 'is missing', instead);
    else if (typeof value !== 'number' || !Number.isInteger(value)) this.report(entry.value, path, `${shown(value)} is not a whole number`, instead);
    else if (value < min || value > max) this.report(entry.value, path, `${value} is out of range`, instead);
    else return value;
    return null;
  }

  private nearest(word: unknown, known: readonly string[]): string {
    const name = typeof word === 'string' ? nearestName(word, known) : null;
    return name === null ? '' : `, did you mean ${name}?`;
  }

  private report(node: unknown, path: string, problem: string, instead: string | null = null): void {
    const at = isNode(node) ? (node.range?.[0] ?? 0) : 0;
    this.problems.push({ at, text: `${this.locate(node)} ${path}: ${problem}${instead === null ? '' : `; ${instead}`}` });
  }
}

/** A scalar's value; maps and lists stay objects. */
function plain(value: unknown): unknown {
  return isScalar(value) ? value.value : value === undefined ? null : value;
}

/** A scalar as text, numbers and booleans too; null for anything else. */
function textOf(node: unknown): string | null {
  const value = plain(node);
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint' ? value.toString() : null;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : isNode(value) ? 'this' : JSON.stringify(value);
}
