/**
 * The configuration in force: defaults, over them `leadline.yaml`, over that the environment, over that the flags. Every problem is found before
 * anything starts, all of them in one message with file and line.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { nearestName } from '#lib/nearest-name.ts';
import { defaultRules, type AlertConfig } from '#schemas/alert.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { defaultOptions, environmentNameOf, flagOf, optionNames, readOption, type OptionName, type Options } from '#schemas/options.ts';

const require = createRequire(import.meta.url);
/** Read where it is there, without being asked for. */
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
    // Loaded only where there is a file: the YAML library is some 8 MB.
    const { readConfigFile } = require('./config-file.ts') as typeof import('./config-file.ts');
    alerts = readConfigFile(path, environment, problems, set) ?? alerts;
  }
  for (const name of optionNames) {
    const given = environment[environmentNameOf(name)];
    if (given !== undefined && given !== '') set(name, given, environmentNameOf(name));
  }
  for (const [name, given] of Object.entries(flags)) if (given !== undefined) set(name as OptionName, given, flagOf(name));
  if (values.patterns.length > 0 && (flags.patterns !== undefined || origins.patterns === environmentNameOf('patterns'))) {
    // Those of the file are told with their lines. The regular expressions' library is loaded only where there are any.
    const { patternProblems } = require('../collector/patterns/patterns.ts') as typeof import('../collector/patterns/patterns.ts');
    for (const { index, problem } of patternProblems(values.patterns)) problems.push(`${origins.patterns}: "${values.patterns[index]!}": ${problem}.`);
  }
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
