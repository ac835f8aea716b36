/** What every command shares: options from the catalogue as flags, values from flags, environment and file, and an end with one sentence. */
import { Command, CommanderError, Option } from 'commander';
import { nearestName } from '#lib/nearest-name.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { defaultText, flagOf, optionNames, quantityKind, options as catalogue, type OptionName, type OptionSection, type OptionSpec } from '#schemas/options.ts';
import { printable } from '../query/cli/render/terminal.ts';
import { readConfig, type Config } from './config.ts';

interface Choice {
  /** Left out of the sections' options. */
  except?: readonly OptionName[];
  /** Taken from other sections. */
  also?: readonly OptionName[];
  /** Where the command has another default than the catalogue. */
  defaults?: Partial<Record<OptionName, string>>;
}

/** Adds `--config` and the flags of these sections, each with its default; what they are in the environment says the help's foot. */
export function withOptions(command: Command, sections: readonly OptionSection[], { except = [], also = [], defaults = {} }: Choice = {}): Command {
  command.addOption(new Option('--config <FILE>', 'Configuration file; default: leadline.yaml where there is one.'));
  for (const name of optionNames) {
    const spec: OptionSpec = catalogue[name];
    if (!also.includes(name) && (!sections.includes(spec.section) || except.includes(name))) continue;
    const shown = spec.type === 'flag' ? '' : spec.type === 'integer' ? ` <${quantityKind(name)}>` : spec.type === 'list' ? ` <${spec.placeholder}...>` : ` <${spec.placeholder}>`;
    const value = defaults[name] ?? defaultText(name);
    const option = new Option(`${flagOf(name)}${shown}`, `${spec.doc}${value === null ? '' : ` (default ${value})`}`);
    // Lists are given by repeating the flag, so that a PATH behind one is not taken for a member.
    if (spec.type === 'list') {
      option.variadic = false;
      option.argParser((member: string, before: unknown) => [...(Array.isArray(before) ? (before as string[]) : []), member]);
    }
    if (spec.type === 'flag' && spec.default) {
      // What is on is turned off; that it can be said to be on needs no line in the help, and keeps commander from filling in a default.
      command.addOption(option.hideHelp());
      command.addOption(new Option(`--no-${flagOf(name).slice(2)}`, `Turn off: ${spec.doc}`));
    } else command.addOption(option);
  }
  return command;
}

/** The configuration that a command's flags and surroundings give. What looks like a mistyped variable is told. @throws LeadlineError BAD_CONFIG */
export function configOf(flags: Record<string, unknown>): Config {
  const given = Object.fromEntries(optionNames.filter(name => flags[name] !== undefined).map(name => [name, flags[name]]));
  const config = readConfig(given, typeof flags['config'] === 'string' ? flags['config'] : null);
  for (const warning of config.warnings) say(warning);
  return config;
}

/**
 * Runs the program and returns its exit code. A failure becomes one sentence on standard error; only a bug shows where in the code it was.
 * @param argv arguments without program and script
 */
export async function runCommandLine(program: Command, argv: readonly string[]): Promise<number> {
  try {
    await program.parseAsync(['node', 'leadline', ...argv]);
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    if (error instanceof CommanderError) return reportUsage(program, argv, error);
    return report(error);
  }
}

/** Says a failure on standard error. @returns its exit code */
export function report(error: unknown): number {
  if (error instanceof LeadlineError) {
    say(error.message);
    return error.exitCode;
  }
  // Whoever reads the output has gone, as `| head` does.
  if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return 0;
  process.stderr.write(`leadline: something went wrong that should not have. Please report this:\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 3;
}

function say(message: string): void {
  process.stderr.write(`leadline: ${message.split('\n').map(printable).join('\n')}\n`);
}

/** What commander found wrong, with what to write instead. Help and version that were asked for are no mistakes. */
function reportUsage(program: Command, argv: readonly string[], error: CommanderError): number {
  if (error.exitCode === 0) return 0;
  const { command, name } = commandOf(program, argv);
  const named = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const help = `leadline ${name}${name === '' ? '' : ' '}--help shows what there is.`;
  switch (error.code) {
    // Commander has shown the help, because a command is missing.
    case 'commander.help':
      break;
    case 'commander.unknownOption':
      say(unknownOption(program, command, name, named.split('=')[0]!));
      break;
    case 'commander.unknownCommand': {
      const known = command.commands.map(each => each.name());
      const nearest = nearestName(named, known);
      say(`there is no command "${name} ${named}". ${nearest === null ? `Known are ${known.join(', ')}.` : `Did you mean leadline ${name} ${nearest}?`}`);
      break;
    }
    case 'commander.missingArgument':
      say(`${name}: ${named} is missing. Write: leadline ${name} ${argumentsOf(command)}`);
      break;
    case 'commander.optionMissingArgument':
      say(`${named.split(' ')[0]!} needs a value: ${named}. ${help}`);
      break;
    default:
      say(`${error.message.replace(/^error: /, '').replace(/\.?$/, '.')} ${help}`);
  }
  return 2;
}

function unknownOption(program: Command, command: Command, name: string, flag: string): string {
  const here = command.options.flatMap(option => (option.long === undefined || option.long === null ? [] : [option.long]));
  const all = optionNames.map(flagOf);
  const meant = all.includes(flag) ? flag : nearestName(flag, [...here, ...all]);
  if (meant !== null && here.includes(meant)) return `${name}: there is no option ${flag}. Did you mean ${meant}?`;
  const owners = meant === null ? [] : program.commands.filter(each => each.options.some(option => option.long === meant)).map(each => each.name());
  if (meant === null || owners.length === 0) return `${name}: there is no option ${flag}. leadline ${name} --help shows what there is.`;
  return `${name}: there is no option ${flag}.${meant === flag ? '' : ` Did you mean ${meant}?`} ${meant} is one of ${owners.join(', ')}, not of ${name}.`;
}

/** The deepest command that the arguments name. */
function commandOf(program: Command, argv: readonly string[]): { command: Command; name: string } {
  let command = program;
  const names: string[] = [];
  for (const word of argv) {
    const next = command.commands.find(each => each.name() === word);
    if (next === undefined) break;
    command = next;
    names.push(word);
  }
  return { command, name: names.join(' ') };
}

function argumentsOf(command: Command): string {
  return command.registeredArguments.map(argument => `${argument.required ? '' : '['}${argument.name()}${argument.variadic ? '...' : ''}${argument.required ? '' : ']'}`).join(' ');
}
