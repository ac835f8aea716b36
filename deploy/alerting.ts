/** The alert loop over a store that a pool of readers answers for, as `up` and `serve` run it. */
import { AlertLoop } from '../query/alerts/loop.ts';
import type { ReaderPool } from '../query/store/reader-pool.ts';
import { systemClock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { alertsFile } from '#schemas/embedded/layout.ts';
import type { Config } from './config.ts';

/** @param url where the page is, for links, unless the options say otherwise */
export function newAlertLoop(pool: ReaderPool, { options, alerts }: Pick<Config, 'options' | 'alerts'>, url: string, log: Log): AlertLoop {
  return new AlertLoop({
    reader: { signalsAfter: (cursor, limit) => pool.value('signalsAfter', [cursor, limit]), streams: () => pool.value('storedStreams', []) },
    alertsDbPath: alertsFile(options.dataDir),
    config: alerts,
    publicUrl: options.publicUrl ?? url,
    log,
    clock: systemClock,
  });
}
