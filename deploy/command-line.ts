/** What every command shares: options from the catalogue as flags, values from flags, environment and file, and an end with one sentence. */
import { Command, CommanderError, Option } from 'commander';
import { LeadlineError } from '#schemas/errors.ts';
import { flagOf, optionNames, options as catalogue, type OptionName, type OptionSection, type OptionSpec } from '#schemas/options.ts';
import { readConfig, type Config } from './config.ts';

/** Adds `--config` and the flags of these sections; each says its default and its environment variable's rule is in the help's foot. */
export function withOptions(command: Command, sections: readonly OptionSection[], except: readonly OptionName[] = []): Command {
  command.addOption(new Option('--config <FILE>', 'Configuration file; default: leadline.yaml where there is one.'));
  for (const name of optionNames) {
    const spec: OptionSpec = catalogue[name];
    if (!sections.includes(spec.section) || except.includes(name)) continue;
    const shown = spec.type === 'flag' ? '' : spec.type === 'integer' ? ' <N>' : spec.type === 'list' ? ` <${spec.placeholder}...>` : ` <${spec.placeholder}>`;
    const value = spec.default === null || spec.type === 'flag' || (Array.isArray(spec.default) && spec.default.length === 0) ? '' : ` (default ${String(spec.default)})`;
    const option = new Option(`${flagOf(name)}${shown}`, `${spec.doc}${value}`);
    // Lists are given by repeating the flag, so that a PATH behind one is not taken for a member.
    if (spec.type === 'list') {
      option.variadic = false;
      option.argParser((member: string, before: unknown) => [...(Array.isArray(before) ? (before as string[]) : []), member]);
    }
    command.addOption(option);
  }
  return command;
}

/** The configuration that a command's flags and surroundings give. @throws LeadlineError BAD_CONFIG */
export function configOf(flags: Record<string, unknown>): Config {
  const given = Object.fromEntries(optionNames.filter(name => flags[name] !== undefined).map(name => [name, flags[name]]));
  return readConfig(given, typeof flags['config'] === 'string' ? flags['config'] : null);
}

/**
 * Runs the program and returns its exit code. A failure becomes one sentence on standard error; only a bug shows where in the code it was.
 * @param argv arguments without program and script
 */
export async function runCommandLine(program: Command, argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  program.hook('postAction', () => undefined);
  try {
    await program.parseAsync(['node', 'leadline', ...argv]);
    exitCode = typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    exitCode = report(error);
  }
  return exitCode;
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has said it already. Help and version that were asked for are no mistakes.
    return error.exitCode === 0 ? 0 : 2;
  }
  if (error instanceof LeadlineError) {
    process.stderr.write(`${error.message.split('\n').map((line, index) => (index === 0 ? `leadline: ${line}` : line)).join('\n')}\n`);
    return error.exitCode;
  }
  if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return 0;
  process.stderr.write(`leadline: something went wrong that should not have. Please report this:\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 3;
}
