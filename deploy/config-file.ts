/** `leadline.yaml`: its options, its alert section, and every mistake in it with file, line and column. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isMap, isScalar, LineCounter, parseDocument, type Document, type Node, type Pair } from 'yaml';
import { nearestName } from '#lib/nearest-name.ts';
import type { AlertConfig } from '#schemas/alert.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import { optionNames, options, type OptionName, type OptionSection } from '#schemas/options.ts';
import { readAlertSection } from '#schemas/rules.ts';
import { configFileDefault } from './config.ts';
import { readPatternList } from './config-patterns.ts';

const sections: readonly OptionSection[] = ['kafka', 'elasticsearch', 'ship', 'collect', 'correlation', 'serve'];
/** Sections of the file that later parts read. */
const otherSections = ['alerts', 'log'];

/**
 * Reads the file, tells `set` of each option with its place, and adds what is wrong to `problems`.
 * @returns its alert rules, or null where it has none
 * @throws LeadlineError BAD_CONFIG where there is no such file to read.
 */
export function readConfigFile(path: string, environment: NodeJS.ProcessEnv, problems: string[], set: (name: OptionName, given: unknown, origin: string) => void): AlertConfig | null {
  const { document, lines } = readYaml(path);
  if (document.errors.length > 0) {
    problems.push(
      ...document.errors.map(error => {
        const { line, col } = lines.linePos(error.pos[0]);
        return `${path}:${line}:${col}: ${yamlAdvice[error.code] ?? `this is not YAML: ${error.message.split('\n')[0] ?? ''}. Check the indentation and the brackets and quotes above it.`}`;
      }),
    );
    return null;
  }
  new FileReader(path, lines, environment, problems, set).read(document);
  if (!document.has('alerts')) return null;
  try {
    return readAlertSection(document, path, lines, environment);
  } catch (error) {
    if (!(error instanceof LeadlineError)) throw error;
    problems.push(...error.message.split('\n'));
    return null;
  }
}

/** The mistakes of YAML that people make most, in other words than its grammar's. */
const yamlAdvice: Partial<Record<string, string>> = {
  DUPLICATE_KEY: 'this key stands above already. Put both together under one.',
  TAB_AS_INDENT: 'a tab indents here. Write spaces instead.',
  BLOCK_AS_IMPLICIT_KEY: 'two keys stand on one line. Begin a new line with the second, or put the value in quotes.',
  BAD_INDENT: 'the indentation fits none of the lines above, or a bracket above is not closed. Indent it as its neighbours are.',
  MULTILINE_IMPLICIT_KEY: 'a key without a colon. Write key: value.',
};

function readYaml(path: string): { document: Document.Parsed; lines: LineCounter } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const systemCode = systemCodeOf(error) ?? String(error);
    const problem = systemCode === 'ENOENT' || systemCode === 'ENOTDIR' ? 'there is no such configuration file. Check the spelling, or leave --config out' : systemCode === 'EISDIR' ? `is a folder. Name the file in it: --config ${join(path, configFileDefault)}` : `the configuration cannot be read (${systemCode}). Give this user read permission`;
    throw new LeadlineError('BAD_CONFIG', { message: `${path}: ${problem}.` }, { cause: error });
  }
  const lines = new LineCounter();
  return { document: parseDocument(text, { lineCounter: lines, prettyErrors: false }), lines };
}

/** Walks the file's option sections. */
class FileReader {
  private readonly path: string;
  private readonly lines: LineCounter;
  private readonly environment: NodeJS.ProcessEnv;
  private readonly problems: string[];
  private readonly set: (name: OptionName, given: unknown, origin: string) => void;

  constructor(path: string, lines: LineCounter, environment: NodeJS.ProcessEnv, problems: string[], set: (name: OptionName, given: unknown, origin: string) => void) {
    this.path = path;
    this.lines = lines;
    this.environment = environment;
    this.problems = problems;
    this.set = set;
  }

  read(document: Document.Parsed): void {
    const root = document.contents;
    if (root === null) return;
    if (!isMap(root)) {
      this.problem(root, 'the file must be a map of options. Write, for instance, dataDir: ./leadline-data');
      return;
    }
    for (const pair of root.items) {
      const key = keyOf(pair);
      if (otherSections.includes(key)) continue;
      const section = sections.find(name => name === key);
      if (section === undefined) this.option(pair, 'common', '');
      else if (isMap(pair.value)) for (const inner of pair.value.items) this.option(inner, section, `${section}.`);
      // Servers alone need no section: `kafka: kafka-1:9092`.
      else if ((section === 'kafka' || section === 'elasticsearch') && !(isScalar(pair.value) && pair.value.value === null)) this.option(pair, section, '');
      else if (!(isScalar(pair.value) && pair.value.value === null)) this.problem(pair.key, `${key} must be a map of options. Write each on a line of its own below it, indented`);
    }
  }

  private option(pair: Pair, section: OptionSection, prefix: string): void {
    const key = keyOf(pair);
    const here = optionNames.filter(name => options[name].section === section);
    const name = here.find(candidate => candidate === key);
    if (name === undefined) {
      const elsewhere = optionNames.find(candidate => candidate === key);
      const known = section === 'common' ? [...here, ...sections, ...otherSections] : here;
      const nearest = nearestName(key, known);
      const advice = elsewhere !== undefined ? (options[elsewhere].section === 'common' ? 'Move it out of the section, to the left edge.' : `Move it under ${options[elsewhere].section}:`) : nearest === null ? `Known here: ${known.join(', ')}.` : `Did you mean ${prefix}${nearest}?`;
      this.problem(pair.key as Node, `${prefix}${key} is not an option. ${advice}`);
      return;
    }
    const node = pair.value as Node | null;
    if (name === 'patterns') {
      const patterns = readPatternList(node, (at, problem) => this.problem(at, problem));
      if (patterns !== null) this.set(name, patterns, `${this.at(pair.key as Node)}: ${prefix}${name}`);
      return;
    }
    const value = node === null ? null : this.resolve(node);
    if (value !== undefined) this.set(name, value, `${this.at(pair.key as Node)}: ${prefix}${name}`);
  }

  /** The value with `${NAME}` and `fileOf: PATH` put in; undefined where that failed and the problem is noted. */
  private resolve(node: Node): unknown {
    if (isMap(node) && node.items.length === 1 && keyOf(node.items[0]!) === 'fileOf') {
      const secretPath = resolve(dirname(this.path), String((node.items[0]!.value as { value?: unknown } | null)?.value));
      try {
        return readFileSync(secretPath, 'utf8').trimEnd();
      } catch (error) {
        this.problem(node, `fileOf: ${secretPath} cannot be read (${systemCodeOf(error) ?? String(error)}). The path is relative to this file`);
        return undefined;
      }
    }
    const value = node.toJSON() as unknown;
    if (typeof value !== 'string') return value;
    return value.replace(/\$\{(\w+)\}/g, (_, name: string) => {
      const given = this.environment[name];
      if (given === undefined) this.problem(node, `\${${name}} is not set in the environment. Set it, or write the value here`);
      return given ?? '';
    });
  }

  private at(node: Node): string {
    const { line, col } = this.lines.linePos(node.range?.[0] ?? 0);
    return `${this.path}:${line}:${col}`;
  }

  private problem(node: Node, text: string): void {
    this.problems.push(`${this.at(node)}: ${text}${/[.?:]$/.test(text) ? '' : '.'}`);
  }
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}
