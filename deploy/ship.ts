/** `leadline ship`: the sidecar. One process, one thread. */
import { StoreOwner } from '../collector/store/store-owner.ts';
import { checkPaths } from '../shipper/discovery.ts';
import { Shipper } from '../shipper/shipper.ts';
import { checkpointFile, shipperLockFile, shipperNote } from '#schemas/embedded/layout.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { Config } from './config.ts';
import { createLog } from './log.ts';
import { healthAddress, shipPortDefault } from './ports.ts';
import { checkShipOptions, notForPeople, redactionOf } from './ship-transport.ts';
import { Shipping, type Work, type WorkParts } from './shipping.ts';
import { stopAsked } from './stop-asked.ts';

/**
 * @returns 0 where everything read was acknowledged, 3 where the rest has to wait for the next start.
 * @throws LeadlineError for what keeps it from starting.
 */
export async function ship(paths: readonly string[], config: Config, version: string): Promise<number> {
  const { options } = config;
  const isPipe = paths.includes('-');
  if (isPipe && paths.length > 1) throw new LeadlineError('BAD_OPTION', { option: 'PATH', problem: 'standard input (-) is shipped alone', fix: 'Start a second leadline ship, with another --data-dir, for the files' });
  checkShipOptions(options);
  await redactionOf(options);
  if (!isPipe) checkPaths(paths);
  const asked = stopAsked();
  // Two shippers on one checkpoint would undo each other's positions. A pipe has none.
  const owner = isPipe ? null : new StoreOwner(options.dataDir, { lock: shipperLockFile(options.dataDir), note: shipperNote(options.dataDir) });
  try {
    const pipes = isPipe ? await import('./pipe-work.ts') : null;
    const shipping = await Shipping.start({
      options,
      version,
      log: createLog('shipper', options, process.stderr.isTTY, notForPeople),
      address: { ...healthAddress(config, shipPortDefault), orAnyPort: false },
      what: isPipe ? 'standard input' : paths.join(' '),
      speaks: true,
      begin: parts => (pipes === null ? fileWork(paths, parts) : pipes.pipeWork([pipes.stdinPipe(options)], parts)),
      onListening: url => owner?.note(url),
    });
    try {
      await Promise.race([shipping.finished, asked]);
      return (await shipping.stop()) === 'drained' ? 0 : 3;
    } finally {
      await shipping.close();
    }
  } finally {
    owner?.release();
  }
}

function fileWork(paths: readonly string[], parts: WorkParts): Work {
  const shipper = new Shipper({ paths, checkpointPath: checkpointFile(parts.options.dataDir), ...parts });
  return { started: shipper.start(), finished: shipper.finished, balances: () => shipper.balances(), problems: () => shipper.problems(), counts: () => shipper.counts(), stop: () => shipper.stop() };
}
