/** `leadline serve`: API, page and alerts over a store that others write, embedded in a directory or in Elasticsearch. It writes its alert state only. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AlertLoop } from '../query/alerts/loop.ts';
import { buildServer, listen } from '../query/server.ts';
import { ReaderPool } from '../query/store/reader-pool.ts';
import type { ReadStore } from '../query/store/open-reader.ts';
import { StoreOwner, type OwnerFiles } from '../collector/store/store-owner.ts';
import { bytesText, countText, printable } from '../query/cli/render/terminal.ts';
import { Metrics } from '#lib/metrics.ts';
import { eventsFolder } from '#schemas/embedded/layout.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { metrics as metricCatalogue } from '#schemas/telemetry.ts';
import { newAlertLoop } from './alerting.ts';
import type { Config } from './config.ts';
import { deadLetterSource } from './dead-letter-source.ts';
import { storeChoice } from './elasticsearch-options.ts';
import { createLog } from './log.ts';
import { runningOwner } from './read-source.ts';
import { StatusLine } from './status-line.ts';
import { stopAsked } from './stop-asked.ts';
import { setStoreMetrics } from './store-metrics.ts';

const readerThreads = 1;
/** A store that does not answer a small question in this time is not ready. */
const answerMsMax = 5000;

/** Whoever judges alerts over a directory's state is the only one. */
const serveFiles = (dataDir: string): OwnerFiles => ({ lock: join(dataDir, 'serve.db'), note: join(dataDir, 'serve.json') });

/** @returns the exit code after SIGINT or SIGTERM. @throws LeadlineError for what keeps it from starting. */
export async function serve(config: Config, version: string): Promise<number> {
  const { options } = config;
  const choice = storeChoice(options);
  const store: ReadStore = choice.kind === 'embedded' ? { kind: 'embedded', dataDir: options.dataDir } : choice;
  const isTerminal = process.stderr.isTTY;
  const log = createLog('serve', options, isTerminal);
  const asked = stopAsked();
  if (store.kind === 'embedded') {
    if (!existsSync(eventsFolder(options.dataDir))) throw new LeadlineError('NO_STORE', { dir: options.dataDir });
    // `up` answers and alerts over its own store.
    const url = await runningOwner(options.dataDir);
    if (url !== null) throw new LeadlineError('STORE_OWNED', { dir: options.dataDir, owner: `, which answers at ${url}` });
  }
  const owner = new StoreOwner(options.dataDir, serveFiles(options.dataDir));
  const steps: (() => Promise<void> | void)[] = [() => owner.release()];
  try {
    const pool = await ReaderPool.start(store, options, readerThreads);
    steps.unshift(() => pool.stop());
    // What cannot be reached at the start is said at the start.
    await pool.value('streams', [[]]);
    const metrics = new Metrics(metricCatalogue);
    let alerts: AlertLoop | null = null;
    const server = await buildServer({
      options,
      log,
      version,
      pool,
      metrics,
      deadLetters: deadLetterSource(options),
      alerts: { list: () => alerts?.list() ?? [], get: id => alerts?.get(id) ?? null },
      limitsReached: () => Promise.resolve([]),
      onCommitted: null,
      refreshMetrics: async () => setStoreMetrics(metrics, await pool.value('streams', [[]]), alerts?.list().filter(({ state }) => state === 'firing').length ?? 0),
      notReadyBecause: () => problemOf(pool),
    });
    steps.unshift(() => server.close());
    const url = await listen(server, options);
    owner.note(url);
    alerts = newAlertLoop(pool, config, url, log);
    const loop = alerts;
    loop.start();
    steps.unshift(() => loop.stop());

    const where = store.kind === 'embedded' ? options.dataDir : store.server.nodes.join(', ');
    log.info({ event: 'servingStarted', version, url, store: where }, `serving ${where} at ${url}`);
    const line = new StatusLine(process.stdout, { quiet: options.quiet, intro: [`Leadline is at ${url}`, `over the store ${printable(where)}${store.kind === 'embedded' ? '' : `, namespace ${store.namespace}`}`, 'Ctrl-C ends it.'] });
    steps.unshift(() => line.end());
    line.start(async () => {
      const { totals, store: stored } = await pool.value('streams', [[]]);
      return `${countText(totals.lines)} lines, ${countText(totals.events)} events, ${bytesText(totals.lagBytes)} waiting, store ${bytesText(stored.bytes)}`;
    });
    await Promise.race([asked, line.interrupted]);
    return 0;
  } finally {
    for (const step of steps) await step();
  }
}

/** Why nothing can be read at the moment, or null. */
async function problemOf(pool: ReaderPool): Promise<string | null> {
  try {
    await pool.value('events', [{ limit: 1 }], AbortSignal.timeout(answerMsMax));
    return null;
  } catch (error) {
    return error instanceof LeadlineError && error.code === 'CANCELLED' ? `the store has not answered for ${answerMsMax / 1000} s` : (error as Error).message;
  }
}
