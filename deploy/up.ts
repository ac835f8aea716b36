/**
 * `leadline up`: everything in one process. The main thread serves HTTP and judges alerts; one thread tails, one parses and writes, one answers
 * queries. Whatever fails at the start leaves nothing running.
 */
import type { AlertLoop } from '../query/alerts/loop.ts';
import type { CollectorCounts } from '../collector/parts.ts';
import { httpIntakeRoutes } from '../collector/http-intake.ts';
import { ReaderPool } from '../query/store/reader-pool.ts';
import { buildServer, listen } from '../query/server.ts';
import { Metrics } from '#lib/metrics.ts';
import type { StreamsAnswer } from '#schemas/http-api.ts';
import type { Options } from '#schemas/options.ts';
import { metrics as metricCatalogue } from '#schemas/telemetry.ts';
import { bytesText, countText } from '../query/cli/render/terminal.ts';
import { newAlertLoop } from './alerting.ts';
import { CollectorHost } from './collector-host.ts';
import { setKafkaMetrics, setPublishingMetrics } from './collector-metrics.ts';
import type { Config } from './config.ts';
import { deadLetterSource } from './dead-letter-source.ts';
import { demoServices, startDemo, type RunningDemo } from './demo/demo.ts';
import { storeChoice } from './elasticsearch-options.ts';
import { createLog } from './log.ts';
import { demoDir } from './read-source.ts';
import { ShipperHost } from './shipper-host.ts';
import { StatusLine } from './status-line.ts';
import { stopAsked } from './stop-asked.ts';
import { setStoreMetrics } from './store-metrics.ts';

const readerThreads = 1;
/** The demo's store never grows past this. */
const demoRetentionBytesMax = 200_000_000;
const demoFileBytesMax = 32_000_000;
const demoBurstMs = 20_000;

/** Ends what was started, last first. */
class Ending {
  private readonly steps: (() => Promise<unknown>)[] = [];

  add(step: () => Promise<unknown>): void {
    this.steps.unshift(step);
  }

  async run(): Promise<void> {
    for (const step of this.steps.splice(0)) await step();
  }
}

/** @returns the exit code after SIGINT or SIGTERM. @throws LeadlineError for what keeps it from starting. */
export async function up(paths: readonly string[], config: Config, version: string): Promise<number> {
  const isDemo = paths.length === 0;
  const options: Options = isDemo ? demoOptions(config) : config.options;
  const store = storeChoice(options);
  const isTerminal = process.stderr.isTTY;
  const log = createLog('up', options, isTerminal);
  const ending = new Ending();
  let crash: (error: Error) => void = () => undefined;
  const crashed = new Promise<never>((_, reject) => {
    crash = reject;
  });
  crashed.catch(() => undefined);
  const asked = stopAsked();

  try {
    const collector = await CollectorHost.start(options, config.alerts.rules, isTerminal, crash);
    ending.add(() => collector.stop());
    const pool = await ReaderPool.start(store.kind === 'embedded' ? { kind: 'embedded', dataDir: options.dataDir } : store, options, readerThreads);
    ending.add(() => pool.stop());

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
      limitsReached: async () => limitsOf((await collector.counts()).counts),
      onCommitted: listener => collector.onCommitted(listener),
      refreshMetrics: async () => {
        const { counts, stalledBecause, kafka, publishing } = await collector.report();
        setPublishingMetrics(metrics, publishing);
        const streams = await pool.value('streams', [limitsOf(counts)]);
        setKafkaMetrics(metrics, kafka);
        setStoreMetrics(metrics, streams, alerts?.list().filter(({ state }) => state === 'firing').length ?? 0);
        setCollectorCounts(metrics, counts, stalledBecause);
      },
      notReadyBecause: async () => {
        const { stalledBecause, kafka } = await collector.report();
        return stalledBecause ?? kafka?.troubledBy ?? null;
      },
      addRoutes: routes => httpIntakeRoutes(routes, collector.newTransport()),
    });
    ending.add(() => server.close());
    const url = await listen(server, options);
    collector.note(url);

    alerts = newAlertLoop(pool, { options, alerts: config.alerts }, url, log);
    const loop = alerts;
    loop.start();
    ending.add(() => loop.stop());
    collector.onCommitted(() => loop.wake());

    let shop: RunningDemo | null = null;
    if (isDemo) {
      shop = await startDemo({ dir: options.dataDir, log });
      const running = shop;
      ending.add(() => running.stop());
    }
    const shipper = await ShipperHost.start({ paths: shop === null ? paths : [shop.logsDir], options, isTerminal, port: collector.newPort() }, crash);
    ending.add(() => shipper.stop());
    // Before the shipper, so that its last lines are drained with the rest. Stopping twice is stopping once.
    const demo = shop;
    if (demo !== null) ending.add(() => demo.stop());

    const line = new StatusLine(process.stdout, { quiet: options.quiet, intro: introOf(url, shop, paths, options, store.kind === 'embedded' ? options.dataDir : `Elasticsearch at ${store.server.nodes.join(', ')}`) });
    ending.add(() => {
      line.end();
      return Promise.resolve();
    });
    const saidStates = new Map<string, string>();
    loop.onChange = alert => {
      // Every counted error is a change; only an opening and a resolving are news.
      if (saidStates.get(alert.episodeId) === alert.state) return;
      saidStates.set(alert.episodeId, alert.state);
      if (alert.state === 'resolved') saidStates.delete(alert.episodeId);
      if (alert.told) line.say(`${alert.state === 'firing' ? 'ALERT' : 'resolved'} ${alert.rule} ${Object.values(alert.key).join(' ')}: ${alert.count} counted${alert.topError === null ? '' : `, "${alert.topError.message}"`}  ${alert.url}`);
    };
    line.start(async () => {
      const { stalledBecause } = await collector.counts();
      const { totals, store } = await pool.value('streams', [[]]);
      return `${countText(totals.lines)} lines, ${countText(totals.events)} events, ${bytesText(totals.lagBytes)} waiting, store ${bytesText(store.bytes)}${stalledBecause === null ? '' : `  STALLED: ${stalledBecause}`}`;
    });
    if (shop !== null) {
      const running = shop;
      line.onKey('b', () => {
        line.say(`payment fails for ${demoBurstMs / 1000} s`);
        void running.burst('payment', demoBurstMs);
      });
    }
    await Promise.race([asked, crashed, line.interrupted]);
    return 0;
  } finally {
    await ending.run();
  }
}

function demoOptions({ options, origins }: Config): Options {
  return {
    ...options,
    dataDir: origins.dataDir === 'default' ? demoDir : options.dataDir,
    retentionBytesMax: origins.retentionBytesMax === 'default' ? demoRetentionBytesMax : options.retentionBytesMax,
    fileBytesMax: origins.fileBytesMax === 'default' ? demoFileBytesMax : options.fileBytesMax,
  };
}

/** Limits that were reached, from what the collector counts. */
function limitsOf({ refusedChunks }: CollectorCounts): StreamsAnswer['limits'] {
  return refusedChunks === 0 ? [] : [{ limit: 'storedRangesMax', count: refusedChunks, message: 'chunks of a stream with too many holes were refused' }];
}

function introOf(url: string, shop: RunningDemo | null, paths: readonly string[], options: Options, into: string): string[] {
  return [
    `Leadline is at ${url}`,
    shop === null ? `tailing ${paths.join(' ')} ${options.kafka.length === 0 ? '' : `through Kafka at ${options.kafka.join(', ')} `}into ${into}` : `demo shop: ${demoServices.length} services log into ${shop.logsDir}; press b to make payment fail. Your own logs: leadline up PATH`,
    'Ctrl-C ends everything.',
  ];
}

function setCollectorCounts(metrics: Metrics<typeof metricCatalogue>, counts: CollectorCounts, stalled: string | null): void {
  metrics.total('leadline_collector_chunks_total', counts.chunks);
  metrics.total('leadline_collector_chunk_bytes_total', counts.chunkBytes);
  metrics.total('leadline_collector_trimmed_bytes_total', counts.trimmedBytes);
  metrics.total('leadline_collector_refused_chunks_total', counts.refusedChunks);
  metrics.total('leadline_collector_commits_total', counts.commits);
  metrics.set('leadline_collector_templates', counts.templates);
  metrics.total('leadline_collector_template_overflow_total', counts.overflowedTemplates);
  metrics.set('leadline_collector_stalled', stalled === null ? 0 : 1);
}
