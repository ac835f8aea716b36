/** `leadline collect`: Kafka and the HTTP intake -> store. The collector's thread does the work; the main thread listens and says how it goes. */
import { LeadlineError } from '#schemas/errors.ts';
import { bytesText, countText, counted, printable } from '../query/cli/render/terminal.ts';
import { CollectorHost } from './collector-host.ts';
import type { CollectorReport } from './collector-work.ts';
import { CollectServer, notReadyBecause } from './collect-server.ts';
import type { Config } from './config.ts';
import { storeChoice } from './elasticsearch-options.ts';
import { createLog } from './log.ts';
import { collectPortDefault, healthAddress } from './ports.ts';
import { StatusLine } from './status-line.ts';
import { stopAsked } from './stop-asked.ts';

/** @returns the exit code after SIGINT or SIGTERM. @throws LeadlineError for what keeps it from starting. */
export async function collect(config: Config, version: string): Promise<number> {
  const { options, alerts } = config;
  const store = storeChoice(options);
  const into = store.kind === 'embedded' ? options.dataDir : `Elasticsearch at ${store.server.nodes.join(', ')}`;
  if (options.topic.length > 0 && options.kafka.length === 0) throw new LeadlineError('BAD_OPTION', { option: '--topic', problem: 'names a topic, and no broker is given', fix: 'Add --kafka HOST:PORT' });
  const isTerminal = process.stderr.isTTY;
  const log = createLog('collect', options, isTerminal);
  const asked = stopAsked();
  let crash: (error: Error) => void = () => undefined;
  const crashed = new Promise<never>((_, reject) => {
    crash = reject;
  });
  crashed.catch(() => undefined);

  const collector = await CollectorHost.start(options, alerts.rules, isTerminal, crash);
  let server: CollectServer | null = null;
  let line: StatusLine | null = null;
  try {
    server = await CollectServer.listen({ options, ...healthAddress(config, collectPortDefault), log, transport: collector.newTransport(), report: () => collector.report() });
    const from = [...(options.kafka.length === 0 ? [] : [`Kafka at ${options.kafka.join(', ')}`]), ...(server.hasIntake ? [`the HTTP intake at ${server.url}`] : [])].join(' and ');
    if (from === '') throw new LeadlineError('BAD_OPTION', { option: '--kafka', problem: 'there is nothing to collect from: no broker is given, and the HTTP intake needs a key on all interfaces', fix: 'Add --kafka HOST:PORT, set LEADLINE_API_KEY, or listen on this machine only with --host 127.0.0.1' });
    log.info({ event: 'collectingStarted', version, url: server.url, store: into, kafka: options.kafka }, `collecting from ${from} into ${into}`);
    line = new StatusLine(process.stderr, {
      quiet: options.quiet || !isTerminal,
      intro: [
        `collecting from ${printable(from)} into ${printable(into)}`,
        `health and metrics at ${server.url}/readyz, /metrics, /status`,
        ...(server.hasIntake ? [] : ['The HTTP intake is closed: it needs a key (LEADLINE_API_KEY) on all interfaces.']),
        'Ctrl-C stores what is in hand and ends.',
      ],
    });
    line.start(async () => statusText(await collector.report()));
    await Promise.race([asked, crashed]);
  } finally {
    await server?.close();
    line?.end();
    const last = await collector.stop();
    if (last !== null && line !== null) sayBalance(last, config);
  }
  return 0;
}

function statusText(report: CollectorReport): string {
  const { stored, kafka } = report;
  const lag = kafka === null ? '' : `, ${countText(kafka.partitions.reduce((sum, { lagRecords }) => sum + lagRecords, 0))} records behind`;
  const reason = notReadyBecause(report);
  return `${countText(stored.lines)} lines, ${countText(stored.events)} events of ${counted(stored.streams, 'stream')}${lag}${reason === null ? '' : `  WAITING: ${reason}`}`;
}

/** What stands at the end: everything stored, and where each partition goes on. */
function sayBalance(report: CollectorReport, { options }: Config): void {
  const { stored, counts, kafka, stalledBecause } = report;
  const people = process.stdout.isTTY ? process.stdout : process.stderr;
  if (options.json || !process.stdout.isTTY) process.stdout.write(`${JSON.stringify({ event: 'balance', ...stored, counts, stalledBecause, kafka })}\n`);
  if (!people.isTTY || options.quiet || options.json) return;
  const letters = kafka === null || kafka.deadLetters === 0 ? '' : `, ${counted(kafka.deadLetters, 'dead letter')}`;
  const lines = [
    `stored: ${countText(stored.events)} events of ${countText(stored.lines)} lines, ${bytesText(stored.storedBytes)} of ${counted(stored.streams, 'stream')}${stored.gapBytes === 0 ? '' : `, ${bytesText(stored.gapBytes)} missing`}`,
    `this run: ${counted(counts.chunks, 'chunk')}, ${countText(counts.events)} events, ${bytesText(counts.trimmedBytes)} known already${letters}`,
    ...(kafka?.partitions ?? []).filter(({ records }) => records > 0).map(({ topic, partition, position, storedPosition, lagRecords }) => `${printable(topic)} partition ${partition}: goes on at record ${storedPosition ?? position}, ${countText(lagRecords)} behind`),
    ...(stalledBecause === null ? [] : [`Not everything in hand could be stored, and it will be read again: ${stalledBecause}`]),
  ];
  people.write(`${lines.join('\n')}\n`);
}
