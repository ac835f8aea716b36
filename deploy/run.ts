/** `leadline run -- CMD`: the command's output goes through unchanged and is shipped; its exit code is ours. */
import { basename } from 'node:path';
import { originWith } from '../shipper/file-source.ts';
import { runChild, type RunningChild } from '../shipper/child-process.ts';
import { printable } from '../query/cli/render/terminal.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { Config } from './config.ts';
import { createLog } from './log.ts';
import { noOrigin, pipeSourceId } from './pipe-work.ts';
import { healthAddress, shipPortDefault } from './ports.ts';
import { checkShipOptions, notForPeople } from './ship-transport.ts';
import { Shipping, type WorkParts } from './shipping.ts';

/**
 * @returns the command's exit code, 128 + n where signal n ended it
 * @throws LeadlineError for options that do not fit and a command that cannot be started.
 */
export async function run([command, ...args]: readonly string[], config: Config, version: string): Promise<number> {
  const { options } = config;
  if (command === undefined) throw new LeadlineError('BAD_OPTION', { option: 'run', problem: 'there is no command to start', fix: 'Write: leadline run --kafka HOST:PORT -- COMMAND ARGUMENTS' });
  checkShipOptions(options);
  const name = basename(command);
  let child: RunningChild | null = null;
  const begin = async (parts: WorkParts) => {
    const running = await runChild({ command, args, source: `${pipeSourceId(options)}/${name}`, origin: originWith({ ...noOrigin, service: name }, options), ...parts });
    child = running;
    const { shipping } = running;
    return {
      started: Promise.resolve(),
      finished: shipping.finished,
      balances: () => shipping.status(),
      problems: () => [],
      counts: () => null,
      // The command has ended by then, so that both its outputs come to their end by themselves.
      stop: () => Promise.race([shipping.finished.then(() => true, () => false), parts.clock.sleep(options.drainTimeoutMs).then(() => false)]),
    };
  };
  const shipping = await Shipping.start({
    options,
    version,
    // Its sentences stand between the command's own lines: only what a person must see.
    log: createLog('shipper', options, true, notForPeople),
    address: { ...healthAddress(config, shipPortDefault), orAnyPort: config.origins.port === 'default' },
    what: `the output of ${name}`,
    speaks: false,
    begin,
    onListening: () => undefined,
  });
  let isEnding = false;
  // The command goes on whatever becomes of its lines.
  shipping.finished.catch((error: unknown) => {
    if (!isEnding) process.stderr.write(`leadline: ${printable(name)} runs on, but its output is no longer shipped: ${printable(error instanceof Error ? error.message : String(error))}\n`);
  });
  try {
    const code = await child!.exited;
    isEnding = true;
    // Why was said when it began.
    if ((await shipping.stop()) !== 'drained') process.stderr.write(`leadline: the end of the output of ${printable(name)} was not acknowledged within ${options.drainTimeoutMs} ms and may be only where this output went; --drain-timeout-ms waits longer\n`);
    return code;
  } finally {
    await shipping.close();
  }
}
