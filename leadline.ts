/** The command table. Each command loads its part only when it is asked for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { configOf, report, runCommandLine, withOptions } from './deploy/command-line.ts';
import { collectPortDefault, shipPortDefault } from './deploy/ports.ts';
import { printable } from './query/cli/render/terminal.ts';
import { nearestName } from '#lib/nearest-name.ts';
import type { OptionName } from '#schemas/options.ts';

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8')) as { version: string };

type Flags = Record<string, unknown>;

/** Options of `ship` that mean nothing where no file is read. */
const onlyForFiles: readonly OptionName[] = ['pathPattern', 'from', 'include', 'exclude', 'includeBinary', 'ignoreOlderMs', 'openFilesMax', 'pollIntervalMs', 'idlePollIntervalMs', 'watch', 'checkpointIntervalMs'];

const program = new Command('leadline')
  .description('Logs in, the story of one request out.')
  .version(version)
  .exitOverride()
  // What is wrong is said in runCommandLine, in sentences of our own.
  .configureOutput({ outputError: () => undefined })
  .enablePositionalOptions()
  .configureHelp({ sortSubcommands: false })
  .addHelpText('afterAll', '\nEvery option --some-name is also LEADLINE_SOME_NAME in the environment and someName in leadline.yaml.\nExit: 0 found or done, 1 nothing found, 2 bad usage, config or input, 3 something unreachable.');

withOptions(program.command('up [PATH...]'), ['common', 'kafka', 'elasticsearch', 'ship', 'collect', 'correlation', 'serve'], { except: ['server', 'json', 'to'] })
  .description('Everything in one process: tails the paths, stores, serves API and page, alerts. Without paths: starts the demo shop.')
  .action(async (paths: string[], flags: Flags) => {
    const { up } = await import('./deploy/up.ts');
    process.exitCode = await up(paths, configOf(flags), version);
  });

withOptions(program.command('ingest <PATH...>'), ['common', 'ship', 'collect', 'correlation'], {
  except: ['server', 'to', 'compression', 'from', 'redact', 'redactKey', 'heartbeatIntervalMs', 'pollIntervalMs', 'idlePollIntervalMs', 'watch', 'idleAfterMs', 'openFilesMax', 'checkpointIntervalMs', 'drainTimeoutMs', 'ignoreOlderMs', 'fetchBytesMax', 'topic', 'format', 'group', 'sessionTimeoutMs', 'parseThreads'],
})
  .description('Reads files, folders or - (standard input) to their end, once, stores every line and prints the balance.')
  .action(async (paths: string[], flags: Flags) => {
    const { ingest } = await import('./deploy/ingest.ts');
    process.exitCode = await ingest(paths, configOf(flags));
  });

const healthDefaults = (port: number): Partial<Record<OptionName, string>> => ({ host: 'all interfaces', port: String(port) });

withOptions(program.command('ship <PATH...>'), ['common', 'kafka', 'ship'], { except: ['server'], also: ['host', 'port', 'apiKey'], defaults: healthDefaults(shipPortDefault) })
  .description("The sidecar: tails files, folders or - (standard input) and publishes to Kafka (--kafka) or to a collector's HTTP intake (--to).")
  .action(async (paths: string[], flags: Flags) => {
    const { ship } = await import('./deploy/ship.ts');
    process.exitCode = await ship(paths, configOf(flags), version);
  });

withOptions(program.command('run <COMMAND...>'), ['common', 'kafka', 'ship'], { except: ['server', 'json', ...onlyForFiles], also: ['host', 'port', 'apiKey'], defaults: healthDefaults(shipPortDefault) })
  .description('Starts a command, passes its output and signals through, and ships both outputs: leadline run --kafka kafka:9092 -- java -jar app.jar')
  .passThroughOptions()
  .action(async (command: string[], flags: Flags) => {
    const { run } = await import('./deploy/run.ts');
    process.exitCode = await run(command, configOf(flags), version);
  });

withOptions(program.command('collect'), ['common', 'kafka', 'elasticsearch', 'collect', 'correlation'], { except: ['server'], also: ['host', 'port', 'apiKey', 'drainTimeoutMs'], defaults: healthDefaults(collectPortDefault) })
  .description('The other end: reads chunks from Kafka (--kafka), takes them over HTTP, and stores their events.')
  .action(async (flags: Flags) => {
    const { collect } = await import('./deploy/collect.ts');
    process.exitCode = await collect(configOf(flags), version);
  });

withOptions(program.command('serve'), ['common', 'kafka', 'elasticsearch', 'serve'], { except: ['server', 'json', 'pathPattern'], also: ['store'] })
  .description('API, page and alerts over a store that others write: a data directory, or --store elasticsearch=URL.')
  .action(async (flags: Flags) => {
    const { serve } = await import('./deploy/serve.ts');
    process.exitCode = await serve(configOf(flags), version);
  });

const topics = program.command('topics').description("Leadline's topics in Kafka.");
withOptions(topics.command('apply'), ['common', 'kafka'], { except: ['server', 'pathPattern', 'dataDir'] })
  .description('Makes the topics that are missing and says of the others what does not fit.')
  .action(async (flags: Flags) => {
    const { applyTopics } = await import('./deploy/topics.ts');
    process.exitCode = await applyTopics(configOf(flags));
  });

withOptions(program.command('parse'), ['common'], { except: ['server', 'dataDir'], also: ['patterns', 'timeZone', 'multilineStart', 'service', 'lineBytesMax', 'openEventLinesMax', 'openEventBytesMax'] })
  .description('What is understood of each line of a file, and from what; nothing is stored.')
  .requiredOption('--try <FILE>', 'The file, also .gz and .zst, or - for standard input.')
  .option('--lines <N>', 'Read so many lines; 0 reads all. (default 100)')
  .action(async (flags: Flags) => {
    const { tryParse } = await import('./deploy/parse-command.ts');
    process.exitCode = await tryParse(String(flags['try']), flags, configOf(flags));
  });

const deadLetters = program.command('dead-letters').description('Records that the collector could not take in.');
withOptions(deadLetters.command('list'), ['common', 'kafka'], { except: ['server', 'pathPattern', 'dataDir'] })
  .description('Those that wait, with the reason and where they lay.')
  .option('--all', 'Also those that were replayed.')
  .option('--reason <TEXT>', 'Only those whose reason has this text.')
  .action(async (flags: Flags) => {
    const { listLetters } = await import('./deploy/dead-letter-commands.ts');
    process.exitCode = await listLetters(flags, configOf(flags));
  });
withOptions(deadLetters.command('show <ID>'), ['common', 'kafka'], { except: ['server', 'pathPattern', 'dataDir'] })
  .description('One of them: headers and value.')
  .action(async (id: string, flags: Flags) => {
    const { showLetter } = await import('./deploy/dead-letter-commands.ts');
    process.exitCode = await showLetter(id, configOf(flags));
  });
withOptions(deadLetters.command('replay [ID...]'), ['common', 'kafka'], { except: ['server', 'dataDir'] })
  .description('Puts records back into their partition, where they fill the hole they left.')
  .option('--all', 'All that wait, but for those that came back from a replay.')
  .option('--reason <TEXT>', 'All that wait and whose reason has this text.')
  .option('--again', 'With --all or --reason: also those that came back from a replay.')
  .option('--dry-run', 'Only say what would be replayed, and what could not.')
  .addOption(new Option('--header <NAME=VALUE>', 'Give one letter this header in place of its own; may be repeated.').argParser((given: string, before: unknown) => [...(Array.isArray(before) ? (before as string[]) : []), given]))
  .option('--value <FILE>', 'Give one letter the bytes of this file as its value; a batch of records of a --topic has one in each line.')
  .addOption(new Option('--format <FORMAT>', 'Take records of a --topic as lines or as json, in place of how they were collected.').choices(['lines', 'json']))
  .action(async (ids: string[], flags: Flags) => {
    const { replayLetters } = await import('./deploy/dead-letter-commands.ts');
    process.exitCode = await replayLetters(ids, flags, configOf(flags));
  });

withOptions(program.command('trace <ID> [PATH...]'), ['common'])
  .description("One request's timeline, by any id it is known under; with paths straight from files, nothing left behind.")
  .option('--no-inferred', 'Only lines that carry an id of the request, none that were given to it by evidence.')
  .action(async (id: string, paths: string[], flags: Flags) => {
    const { trace } = await import('./deploy/read-commands.ts');
    process.exitCode = await trace(id, paths, flags, configOf(flags));
  });

withOptions(program.command('search <QUERY> [PATH...]'), ['common'])
  .description('Events that match, newest last. -word and -field:value leave out.')
  .option('--since <TIME>', 'From this time on: 2026-11-21T08:15:00Z, 2026-11-21, 15m.')
  .option('--until <TIME>', 'Before this time.')
  .option('--around <TIME>', 'Around this time, instead of --since and --until.')
  .option('--window <SPAN>', 'How far to both sides of --around: 5s, 1m. (default 5s)')
  .option('--limit <N>', 'Newest so many. (default 100)')
  .option('--fields <NAMES>', 'Show these fields, separated by commas, instead of the message.')
  .addOption(new Option('-o, --output <FORMAT>', 'How; default text on a terminal, json elsewhere.').choices(['text', 'json', 'raw', 'csv']))
  .action(async (query: string, paths: string[], flags: Flags) => {
    const { search } = await import('./deploy/read-commands.ts');
    process.exitCode = await search(query, paths, flags, configOf(flags));
  });

withOptions(program.command('tail [QUERY]'), ['common'])
  .description('Events as they arrive.')
  .addOption(new Option('-o, --output <FORMAT>', 'How; default text on a terminal, json elsewhere.').choices(['text', 'json', 'raw']))
  .action(async (query: string | undefined, flags: Flags) => {
    const { tail } = await import('./deploy/read-commands.ts');
    process.exitCode = await tail(query ?? '', flags, configOf(flags));
  });

withOptions(program.command('status'), ['common'])
  .description('Streams with lag and balance, of a store or of a shipper (--server http://HOST:4681, or the one that owns the data directory).')
  .option('--watch', 'Again every second.')
  .action(async (flags: Flags) => {
    const { status } = await import('./deploy/status.ts');
    process.exitCode = await status(flags['watch'] === true, configOf(flags));
  });

const store = program.command('store').description('Upkeep of an embedded store; also while it is being written to.');
withOptions(store.command('check'), ['common'], { except: ['server', 'apiKey', 'pathPattern'] })
  .description('Reads every page, block and index entry and says what does not fit.')
  .action(async (flags: Flags) => {
    const { checkStoreCommand } = await import('./deploy/store-commands.ts');
    process.exitCode = await checkStoreCommand(configOf(flags));
  });
withOptions(store.command('stats'), ['common'], { except: ['server', 'apiKey', 'pathPattern'] })
  .description('What it takes on the disk, file by file and part by part.')
  .action(async (flags: Flags) => {
    const { statsCommand } = await import('./deploy/store-commands.ts');
    process.exitCode = statsCommand(configOf(flags));
  });
withOptions(store.command('backup <DIR>'), ['common'], { except: ['server', 'apiKey', 'pathPattern'] })
  .description('Copies it as it is at one moment into a new folder, and reads the copy again.')
  .action(async (dir: string, flags: Flags) => {
    const { backupCommand } = await import('./deploy/store-commands.ts');
    process.exitCode = await backupCommand(dir, configOf(flags));
  });
withOptions(store.command('delete'), ['common'], { except: ['server', 'apiKey', 'pathPattern'] })
  .description('Deletes every event that carries an id, and every line that holds it as text. Stop the process that writes the store first.')
  .requiredOption('--id <ID>', 'The id, in any spelling.')
  .action(async (flags: Flags) => {
    const { deleteCommand } = await import('./deploy/store-commands.ts');
    process.exitCode = await deleteCommand(flags, configOf(flags));
  });
withOptions(store.command('export [QUERY]'), ['common'], { except: ['server', 'apiKey', 'pathPattern', 'json'] })
  .description('Events as NDJSON, all or those that match, in the order in which they were stored.')
  .option('--since <TIME>', 'From this time on: 2026-11-21T08:15:00Z, 2026-11-21, 15m.')
  .option('--until <TIME>', 'Before this time.')
  .option('--request <ID>', 'All lines of one request, by any id it is known under; the other choices are left aside then.')
  .action(async (query: string | undefined, flags: Flags) => {
    const { exportCommand } = await import('./deploy/store-commands.ts');
    process.exitCode = await exportCommand(query ?? '', flags, configOf(flags));
  });

const alerts = program.command('alerts').description('Alert episodes and rules.');
withOptions(alerts.command('list'), ['common'])
  .description('Episodes, newest first.')
  .action(async (flags: Flags) => {
    const { listAlerts } = await import('./deploy/alert-commands.ts');
    process.exitCode = await listAlerts(configOf(flags));
  });
withOptions(alerts.command('show <ID>'), ['common'])
  .description('One episode.')
  .action(async (id: string, flags: Flags) => {
    const { showAlert } = await import('./deploy/alert-commands.ts');
    process.exitCode = await showAlert(id, configOf(flags));
  });
withOptions(alerts.command('test [PATH...]'), ['common'])
  .description('Replays rules over what is stored, or over files, and prints the episodes there would have been.')
  .option('--rules <FILE>', 'Rules file; default: those of the configuration.')
  .option('--since <TIME>', 'Stored events from this time on.')
  .option('--until <TIME>', 'Stored events before this time.')
  .action(async (paths: string[], flags: Flags) => {
    const { testAlerts } = await import('./deploy/alert-commands.ts');
    process.exitCode = await testAlerts(paths, flags, configOf(flags));
  });
const rules = alerts.command('rules').description('Rules as files.');
rules
  .command('check <FILE>')
  .description('Reads a rules file and says what is wrong with it.')
  .action(async (file: string) => {
    const { checkRules } = await import('./deploy/alert-commands.ts');
    process.exitCode = await checkRules(file);
  });

withOptions(program.command('check [PATH...]'), ['common', 'kafka', 'elasticsearch', 'ship', 'collect', 'correlation', 'serve'], { except: ['server', 'json'] })
  .description('Tries configuration, paths, data directory, port, with --kafka the brokers, the login and the topics, with --store the servers of a store; each failure says what to do.')
  .option('--print-config', 'Show what is in force and where each value came from.')
  .action(async (paths: string[], flags: Flags) => {
    const { check } = await import('./deploy/check.ts');
    process.exitCode = await check(paths, flags['printConfig'] === true, () => configOf(flags));
  });

withOptions(program.command('demo'), ['common'], { except: ['server', 'json', 'pathPattern'] })
  .description('Only the demo shop: real processes that log, call each other and fail on request. While one runs, --burst commands that one.')
  .option('--burst <SERVICE>', 'Make this service fail.')
  .option('--at <SPAN>', 'When, from the start on: 30s.', '0s')
  .option('--for <SPAN>', 'How long.', '20s')
  .option('--rate <N>', 'Requests per second.')
  .action(async (flags: Flags) => {
    const { demo } = await import('./deploy/demo-command.ts');
    process.exitCode = await demo(flags, configOf(flags));
  });

/** `leadline search -path:/healthz` is a query, not a flag: one dash and a word that is no short option of the command. */
function keepNegatedWords(argv: readonly string[]): string[] {
  const command = argv[0];
  if (command !== 'search' && command !== 'tail') return [...argv];
  const negated = argv.findIndex((word, index) => index > 0 && /^-[^-]/.test(word) && !/^-(?:o.*|h|V)$/.test(word));
  if (negated < 0) return [...argv];
  // Everything that commander must not look at goes behind `--`.
  const before = argv.slice(0, negated);
  const after = argv.slice(negated);
  const flags: string[] = [];
  const words: string[] = [];
  for (let index = 0; index < after.length; index++) {
    const word = after[index]!;
    if (/^(--[a-z]|-o)/.test(word)) {
      flags.push(word);
      const takesValue = !word.includes('=') && !['--json', '--quiet', '--verbose', '--help'].includes(word) && word !== '-o=';
      if (takesValue && index + 1 < after.length) flags.push(after[++index]!);
    } else words.push(word);
  }
  return [...before, ...flags, '--', ...words];
}

const argv = process.argv.slice(2);
const known = program.commands.map(command => command.name());
if (argv.length === 0) argv.push('up');
else if (!argv[0]!.startsWith('-') && !known.includes(argv[0]!) && argv[0] !== 'help') {
  const nearest = nearestName(argv[0]!, known);
  process.stderr.write(`leadline: there is no command "${printable(argv[0]!)}".${nearest === null ? ` Known are ${known.join(', ')}.` : ` Did you mean ${nearest}?`}\n`);
  process.exit(2);
} else if (argv[0]!.startsWith('--') && !['--help', '--version'].includes(argv[0]!)) argv.unshift('up');

process.on('uncaughtException', error => {
  process.exit(report(error));
});

const exitCode = await runCommandLine(program, keepNegatedWords(argv));
// Output that a pipe has not taken yet would be cut off by an exit.
process.exitCode = exitCode;
