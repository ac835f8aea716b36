/** The transport that the options ask for: Kafka or a collector's intake, exactly one of them. Only the one that is used is loaded. */
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Codec } from '#schemas/chunk.ts';
import { LeadlineError } from '#schemas/errors.ts';
import type { Options } from '#schemas/options.ts';
import type { Transport } from '#schemas/transport.ts';
import type { Redact } from '../shipper/stream-feed.ts';
import { kafkaClientOptions } from './kafka-options.ts';

/** What a transport counts of its work since the start. */
export interface TransportCounts {
  /** Chunks and records without bytes (idle, closing, gap) that were handed over for good. */
  chunks: number;
  /** Their bytes as they travelled, compressed. */
  bytes: number;
  /** Attempts beyond the first. */
  retries: number;
}

/** Events of the log that tell a person nothing that is not said in other words. */
export const notForPeople = ['heartbeatFailed'];

export interface ShipTransport {
  transport: Transport & { readonly counts: Readonly<TransportCounts> };
  /** Where the lines go, for people. */
  target: string;
  /** Ends connections; whatever is still tried is given up. */
  close: () => Promise<void>;
}

/** @throws LeadlineError BAD_OPTION, BAD_CONFIG where the options do not say one way to go. */
export function checkShipOptions(options: Options): void {
  const hasKafka = options.kafka.length > 0;
  if (hasKafka && options.to !== null) throw new LeadlineError('BAD_OPTION', { option: '--kafka and --to', problem: 'lines go one way, and both are given', fix: 'Leave one of them out (or out of the environment and leadline.yaml)' });
  if (!hasKafka && options.to === null) throw new LeadlineError('BAD_OPTION', { option: '--kafka or --to', problem: 'it is not said where the lines go', fix: "Write --kafka HOST:PORT for Kafka, or --to URL for a collector's intake" });
  if (options.to === null) kafkaClientOptions(options, '');
  else {
    if (!/^https?:$/.test(URL.parse(options.to)?.protocol ?? '')) throw new LeadlineError('BAD_OPTION', { option: '--to', problem: `"${options.to}" is not an http address`, fix: 'Write, for instance, http://collector:4682' });
    if (options.compression.startsWith('kafka-')) throw new LeadlineError('BAD_OPTION', { option: '--compression', problem: `${options.compression} is a compression of Kafka's, and the lines go to ${options.to}`, fix: 'Write zstd or none' });
  }
}

/** How the shipper compresses a chunk's value; `kafka-*` is done by the transport, a batch at a time. */
export function codecOf(options: Options): Codec {
  return options.compression === 'zstd' ? 'zstd' : 'none';
}

/** What replaces secrets before anything leaves, or null; loaded only where it is asked for. @throws LeadlineError BAD_OPTION */
export async function redactionOf(options: Options): Promise<Redact | null> {
  if (options.redact.length === 0) return null;
  const { createRedaction } = await import('../shipper/redact.ts');
  const redaction = createRedaction(options);
  return redaction === null ? null : bytes => redaction.redact(bytes);
}

/** @throws LeadlineError as `checkShipOptions`; nobody is spoken to yet. */
export async function openTransport(options: Options, log: Log, clock: Clock): Promise<ShipTransport> {
  checkShipOptions(options);
  if (options.to !== null) {
    const { HttpPublisher } = await import('../shipper/http-publisher.ts');
    const transport = new HttpPublisher({ url: options.to, apiKey: options.apiKey, log, clock });
    return { transport, target: options.to, close: () => transport.close() };
  }
  const [{ KafkaClient }, { KafkaPublisher }, { KafkaClock }] = await Promise.all([import('#lib/kafka/kafka-client.ts'), import('../shipper/kafka-publisher.ts'), import('../shipper/kafka-clock.ts')]);
  const kafka = new KafkaClient(kafkaClientOptions(options, 'leadline-ship'));
  const transport = new KafkaPublisher({ kafka, options, log, clock });
  const heartbeats = new KafkaClock({ kafka, options, log });
  heartbeats.start();
  return {
    transport,
    target: `Kafka at ${options.kafka.join(', ')}`,
    async close() {
      heartbeats.stop();
      await transport.close();
      await kafka.close();
    },
  };
}
