/**
 * The configuration in force: defaults, over them `leadline.yaml`, over that the environment, over that the flags. Every problem is found before
 * anything starts, all of them in one message with file and line.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isMap, isScalar, LineCounter, parseDocument, type Document, type Node, type Pair } from 'yaml';
import { nearestName } from '#lib/nearest-name.ts';
import type { AlertConfig } from '#schemas/alert.ts';
import { defaultRules } from '#schemas/alert.ts';
import { LeadlineError, systemCodeOf } from '#schemas/errors.ts';
import { defaultOptions, environmentNameOf, flagOf, optionNames, options, readOption, type OptionName, type Options, type OptionSection } from '#schemas/options.ts';
import { readAlertSection } from '#schemas/rules.ts';

export const configFileDefault = 'leadline.yaml';

export interface Config {
  options: Options;
  /** Where each value came from: `default`, `leadline.yaml:3`, `LEADLINE_PORT`, `--port`. */
  origins: Record<OptionName, string>;
  alerts: AlertConfig;
  /** The file that was read, or null. */
  file: string | null;
  /** What does not keep it from starting and is most likely a mistake all the same. */
  warnings: string[];
}

const sections: readonly OptionSection[] = ['ship', 'collect', 'serve'];
/** Sections of the file that later parts read. */
const otherSections = ['alerts', 'correlation', 'log'];

/**
 * @param flags values of flags as given, by option name
 * @param file path given by `--config`, or null for `leadline.yaml` where it exists
 * @throws LeadlineError BAD_CONFIG or BAD_OPTION with every problem, one per line.
 */
export function readConfig(flags: Partial<Record<OptionName, unknown>>, file: string | null, environment: NodeJS.ProcessEnv = process.env): Config {
  const values = defaultOptions();
  const origins = Object.fromEntries(optionNames.map(name => [name, 'default'])) as Record<OptionName, string>;
  const problems: string[] = [];
  const set = (name: OptionName, given: unknown, origin: string): void => {
    const result = readOption(name, given);
    if ('problem' in result) problems.push(`${origin}: ${result.problem}. ${result.fix}.`);
    else {
      (values as Record<OptionName, unknown>)[name] = result.value;
      origins[name] = origin;
    }
  };
  const path = file ?? (existsSync(configFileDefault) ? configFileDefault : null);
  let alerts: AlertConfig = { rules: [...defaultRules], targets: [] };
  if (path !== null) {
    const { document, lines } = readYaml(path);
    problems.push(
      ...document.errors.map(error => {
        const { line, col } = lines.linePos(error.pos[0]);
        return `${path}:${line}:${col}: ${yamlAdvice[error.code] ?? `this is not YAML: ${error.message.split('\n')[0] ?? ''}. Check the indentation and the brackets and quotes above it.`}`;
      }),
    );
    if (problems.length === 0) {
      new FileReader(path, lines, environment, problems, set).read(document);
      if (document.has('alerts')) alerts = collect(problems, () => readAlertSection(document, path, lines, environment)) ?? alerts;
    }
  }
  for (const name of optionNames) {
    const given = environment[environmentNameOf(name)];
    if (given !== undefined && given !== '') set(name, given, environmentNameOf(name));
  }
  for (const [name, given] of Object.entries(flags)) if (given !== undefined) set(name as OptionName, given, flagOf(name));
  if (problems.length > 0) throw new LeadlineError('BAD_CONFIG', { message: problems.length === 1 ? problems[0]! : `the configuration has ${problems.length} mistakes:\n${problems.map(problem => `  ${problem}`).join('\n')}` });
  return { options: values, origins, alerts, file: path, warnings: mistypedVariables(environment) };
}

/** Our own prefix on a name that is nearly an option's. Others may be meant for others: a cluster sets variables for every service it has. */
function mistypedVariables(environment: NodeJS.ProcessEnv): string[] {
  const known = optionNames.map(environmentNameOf);
  return Object.keys(environment).flatMap(name => {
    if (!name.startsWith('LEADLINE_') || known.includes(name)) return [];
    const nearest = nearestOption(name.slice('LEADLINE_'.length).toLowerCase(), known.map(each => each.slice('LEADLINE_'.length).toLowerCase()));
    return nearest === null ? [] : [`${name} in the environment is not an option and changes nothing. Did you mean LEADLINE_${nearest.toUpperCase()}?`];
  });
}

/** Only with one mistake in it, so that `SERVICE_HOST` of a cluster is not taken for `SERVICE`. */
function nearestOption(word: string, known: readonly string[]): string | null {
  const nearest = nearestName(word, known);
  return nearest !== null && Math.abs(nearest.length - word.length) <= 2 ? nearest : null;
}

function collect<T>(problems: string[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof LeadlineError)) throw error;
    problems.push(...error.message.split('\n'));
    return undefined;
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
      else if (!(isScalar(pair.value) && pair.value.value === null)) this.problem(pair.key as Node, `${key} must be a map of options. Write each on a line of its own below it, indented`);
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
