/**
 * The configuration in force: defaults, over them `leadline.yaml`, over that the environment, over that the flags. Every problem is found before
 * anything starts, all of them in one message with file and line.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
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
    problems.push(...document.errors.map(error => `${path}:${lines.linePos(error.pos[0]).line}: ${error.message.split('\n')[0] ?? ''}`));
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
  if (problems.length > 0) throw new LeadlineError('BAD_CONFIG', { message: problems.join('\n') });
  return { options: values, origins, alerts, file: path };
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

function readYaml(path: string): { document: Document.Parsed; lines: LineCounter } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new LeadlineError(systemCodeOf(error) === 'ENOENT' ? 'PATH_NOT_FOUND' : 'PATH_NOT_READABLE', { path, systemCode: systemCodeOf(error) ?? '' }, { cause: error });
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
      this.problem(root, 'the file must be a map of options. Write, for instance: dataDir: ./leadline-data');
      return;
    }
    for (const pair of root.items) {
      const key = keyOf(pair);
      if (otherSections.includes(key)) continue;
      const section = sections.find(name => name === key);
      if (section === undefined) this.option(pair, 'common', '');
      else if (isMap(pair.value)) for (const inner of pair.value.items) this.option(inner, section, `${section}.`);
      else if (!(isScalar(pair.value) && pair.value.value === null)) this.problem(pair.key as Node, `${key} must be a map of options`);
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
      const advice = elsewhere !== undefined ? `It belongs under ${options[elsewhere].section === 'common' ? 'no section' : `${options[elsewhere].section}:`}` : nearest === null ? `Known here: ${known.join(', ')}` : `Did you mean ${prefix}${nearest}?`;
      this.problem(pair.key as Node, `${prefix}${key} is not an option. ${advice}`);
      return;
    }
    const node = pair.value as Node | null;
    const value = node === null ? null : this.resolve(node);
    if (value !== undefined) this.set(name, value, `${this.at(pair.key as Node)} ${prefix}${name}`);
  }

  /** The value with `${NAME}` and `fileOf: PATH` put in; undefined where that failed and the problem is noted. */
  private resolve(node: Node): unknown {
    if (isMap(node) && node.items.length === 1 && keyOf(node.items[0]!) === 'fileOf') {
      const secretPath = resolve(dirname(this.path), String((node.items[0]!.value as { value?: unknown } | null)?.value));
      try {
        return readFileSync(secretPath, 'utf8').trimEnd();
      } catch (error) {
        this.problem(node, `fileOf: ${secretPath} cannot be read (${systemCodeOf(error) ?? String(error)})`);
        return undefined;
      }
    }
    const value = node.toJSON() as unknown;
    if (typeof value !== 'string') return value;
    return value.replace(/\$\{(\w+)\}/g, (_, name: string) => {
      const given = this.environment[name];
      if (given === undefined) this.problem(node, `\${${name}} is not set in the environment`);
      return given ?? '';
    });
  }

  private at(node: Node): string {
    return `${this.path}:${this.lines.linePos(node.range?.[0] ?? 0).line}`;
  }

  private problem(node: Node, text: string): void {
    this.problems.push(`${this.at(node)}: ${text}.`);
  }
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}
